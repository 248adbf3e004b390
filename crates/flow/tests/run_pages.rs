//! Lists in pages: how far they are followed, and that a crash between two neither loses nor
//! doubles one.

mod world;

use flow::definition::{LoadOptions, Severity, load};
use flow::run::Status;
use world::script::Script;
use world::{Played, flow_of_actions, json, play_all};

/// An Http action that asks for so many items.
fn action(items_min: u32, more: &str) -> String {
    format!(
        r#"{{"Get": {{"type": "Http", "inputs": {{"method": "POST", "uri": "https://a.example/list?x=1",
            "headers": {{"Accept": "text/plain"}}, "body": {{"q": 1}}, "authentication": {{"type": "Raw", "value": "k"}}}},
            "runtimeConfiguration": {{"paginationPolicy": {{"minimumItemCount": {items_min}}}}}{more}}},
          "Count": {{"type": "Compose", "inputs": "@join(body('Get')['value'], ',')", "runAfter": {{"Get": ["Succeeded"]}}}}}}"#
    )
}

fn script(calls: &str) -> Script {
    Script::of(&json(&format!(r#"{{"calls": {calls}}}"#)))
}

fn play(items_min: u32, more: &str, calls: &str) -> Played {
    play_all(&flow_of_actions(&action(items_min, more)), &script(calls))
}

const FIRST: &str = r#""https://a.example/list?x=1": [{"status": 200, "body": {"value": [1, 2], "count": 6, "nextLink": "/list?p=2"}}]"#;
const SECOND: &str = r#""https://a.example/list?p=2": [{"status": 200, "body": {"value": [3], "@odata.nextLink": "?p=3"}}]"#;
const THIRD: &str = r#""https://a.example/list?p=3": [{"status": 200, "headers": {"x-last": "y"}, "body": {"value": [4, 5], "count": 6}}]"#;

fn record<'a>(played: &'a Played, name: &str) -> &'a str {
    let name = format!("\"name\":\"{name}\"");
    played.records.iter().find(|it| it.contains(&name)).expect("a record")
}

#[test]
fn pages_are_followed_until_there_are_enough_items() {
    let calls = format!("{{{FIRST}, {SECOND}, {THIRD}}}");
    for (items_min, pages, joined) in [
        (1, 1, "1,2"),
        (2, 1, "1,2"),
        (3, 2, "1,2,3"),
        (4, 3, "1,2,3,4,5"),
        (100_000, 3, "1,2,3,4,5"),
    ] {
        let played = play(items_min, "", &calls);
        assert_eq!(played.status, Status::Succeeded, "{:?}", played.error);
        assert_eq!(played.calls.len(), pages, "{items_min}");
        assert!(record(&played, "Count").contains(&format!("\"{joined}\"")), "{items_min}");
    }
    let played = play(9, "", &calls);
    let get = record(&played, "Get");
    assert!(
        get.contains(r#""headers":{"x-last":"y"},"body":{"value":[1,2,3,4,5],"count":6}"#),
        "{get}"
    );
    // what is left can be gone on with
    let get = play(3, "", &calls);
    assert!(record(&get, "Get").contains(r#""@odata.nextLink":"?p=3""#));
}

#[test]
fn without_the_policy_there_is_one_page() {
    let text = action(9, "").replace("paginationPolicy", "other");
    let played = play_all(&flow_of_actions(&text), &script(&format!("{{{FIRST}}}")));
    assert_eq!((played.status, played.calls.len()), (Status::Succeeded, 1));
}

#[test]
fn a_page_that_fails_is_repeated_alone_and_each_as_often_as_the_policy_says() {
    let busy = r#"{"status": 429, "headers": {"Retry-After": "30"}}"#;
    let policy = r#""retryPolicy": {"type": "fixed", "count": 2, "interval": "PT5S"}, "method""#;
    let text = action(9, "").replace(r#""method""#, policy);
    let after_two =
        |page: &str| page.replace("[{\"status\"", &format!("[{busy}, {busy}, {{\"status\""));
    let calls = format!("{{{}, {}, {}}}", after_two(FIRST), after_two(SECOND), after_two(THIRD));
    let played = play_all(&flow_of_actions(&text), &script(&calls));
    assert_eq!(played.status, Status::Succeeded, "{:?}", played.error);
    assert_eq!(played.calls.len(), 9);
    assert!(record(&played, "Count").contains("\"1,2,3,4,5\""));
    // three times is too often, and its answer is the action's
    let calls = format!("{{{FIRST}, \"https://a.example/list?p=2\": [{busy}]}}");
    let played = play_all(&flow_of_actions(&text), &script(&calls));
    assert_eq!((played.status, played.calls.len()), (Status::Failed, 4));
    assert!(record(&played, "Get").contains("\"TooManyRequests\""));
}

#[test]
fn a_circle_of_pages_comes_to_an_end() {
    let back = r#""https://a.example/list?p=2": [{"status": 200, "body": {"value": [3], "nextLink": "/list?p=2"}}]"#;
    let played = play(100, "", &format!("{{{FIRST}, {back}}}"));
    assert_eq!((played.status, played.calls.len()), (Status::Failed, 2));
    assert!(record(&played, "Get").contains("\"PagesInCircle\""));
}

#[test]
fn an_address_of_a_next_page_is_not_kept_at_any_length() {
    let far = format!("https://a.example/{}", "x".repeat(flow::limits::PAGE_LINK_BYTES_MAX));
    let second = format!(
        r#""https://a.example/list?p=2": [{{"status": 200, "body": {{"value": [3], "nextLink": "{far}"}}}}]"#
    );
    let played = play(100, "", &format!("{{{FIRST}, {second}}}"));
    assert_eq!((played.status, played.calls.len()), (Status::Failed, 2));
    assert!(record(&played, "Get").contains("\"PagedContentTooLarge\""));
}

#[test]
fn what_is_no_list_is_an_answer_as_any() {
    for body in
        [r#"{"value": 1, "nextLink": "/x"}"#, r#"[1]"#, r#""text""#, r#"{"nextLink": "/x"}"#]
    {
        let calls = format!(r#"{{"*": [{{"status": 200, "body": {body}}}]}}"#);
        let text = action(9, "").replace("@join(body('Get')['value'], ',')", "done");
        let played = play_all(&flow_of_actions(&text), &script(&calls));
        assert_eq!((played.status, played.calls.len()), (Status::Succeeded, 1), "{body}");
    }
    // a later page without items ends the list
    let end = r#""https://a.example/list?p=2": [{"status": 204}]"#;
    let played = play(9, "", &format!("{{{FIRST}, {end}}}"));
    assert!(record(&played, "Count").contains("\"1,2\""));
    assert_eq!(played.calls.len(), 2);
}

#[test]
fn there_are_at_most_a_thousand_pages() {
    let page = |n: usize| {
        format!(
            r#""https://a.example/list?p={n}": [{{"status": 200, "body": {{"value": [1], "nextLink": "/list?p={}"}}}}]"#,
            n + 1
        )
    };
    let pages: Vec<String> = (1..=1_001).map(page).collect();
    let calls = format!("{{{}, \"brief\": []}}", pages.join(","));
    for (more, status) in [
        ("", Status::Succeeded),
        (r#", "operationOptions": "FailWhenLimitsReached""#, Status::Failed),
    ] {
        let text = action(100_000, more)
            .replace("list?x=1", "list?p=1")
            .replace("@join(body('Get')['value'], ',')", "done");
        let flow = flow_of_actions(&text);
        let played = world::play(&flow, &script(&calls), world::Mode::Live);
        assert_eq!((played.status, played.calls.len()), (status, 1_000));
        let again = world::play(&flow, &script(&calls), world::Mode::Snapshot);
        assert_eq!(again.records, played.records);
    }
}

#[test]
fn a_number_of_items_that_is_none_is_refused() {
    for (count, is_fine) in
        [("1", true), ("100000", true), ("0", false), ("100001", false), ("\"x\"", false)]
    {
        let text = action(7, "")
            .replace("\"minimumItemCount\": 7", &format!("\"minimumItemCount\": {count}"));
        let text = format!(r#"{{"triggers": {{"t": {{"type": "Request"}}}}, "actions": {text}}}"#);
        let report = load(text.as_bytes(), &LoadOptions::default());
        let faults: Vec<_> =
            report.problems.iter().filter(|it| it.severity == Severity::Error).collect();
        assert_eq!(faults.is_empty(), is_fine, "{count}: {faults:?}");
        if let Some(fault) = faults.first() {
            assert!(fault.path.ends_with("paginationPolicy.minimumItemCount"), "{fault:?}");
        }
    }
    let text = action(7, "").replace(
        "\"paginationPolicy\": {\"minimumItemCount\": 7}",
        "\"contentTransfer\": {\"transferMode\": \"Slow\"}",
    );
    let text = format!(r#"{{"triggers": {{"t": {{"type": "Request"}}}}, "actions": {text}}}"#);
    let report = load(text.as_bytes(), &LoadOptions::default());
    assert!(report.problems.iter().any(|it| it.path.ends_with("contentTransfer.transferMode")));
}

/// What many pages are together is more than a message may be.
#[test]
fn all_pages_together_stay_below_the_size_of_a_message() {
    let text = "x".repeat(30_000_000);
    let page = |n: usize| {
        format!(
            r#""https://a.example/list?p={n}": [{{"status": 200, "body": {{"value": ["{text}"], "nextLink": "/list?p={}"}}}}]"#,
            n + 1
        )
    };
    let pages: Vec<String> = (1..=5).map(page).collect();
    let calls = format!("{{{}}}", pages.join(","));
    let more = action(100, "").replace("list?x=1", "list?p=1");
    let played = world::play(&flow_of_actions(&more), &script(&calls), world::Mode::Live);
    assert_eq!((played.status, played.calls.len()), (Status::Failed, 4));
    assert!(record(&played, "Get").contains("\"PagedContentTooLarge\""));
}
