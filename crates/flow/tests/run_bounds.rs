//! What a run refuses to store: values nested without end, values of any size, and error
//! messages that quote them.

mod world;

use flow::run::Status;
use world::script::Script;
use world::{flow_of_actions, json, play_all};

/// A loop that wraps a variable into itself, `levels` deep at each turn.
fn wrapping(turns: u32) -> String {
    format!(
        r#"{{
        "Init": {{"type": "InitializeVariable",
            "inputs": {{"variables": [{{"name": "v", "type": "object", "value": {{}}}}]}}}},
        "Loop": {{"type": "Foreach", "foreach": "@range(0,{turns})", "operationOptions": "Sequential",
            "runAfter": {{"Init": ["Succeeded"]}}, "actions": {{
            "Wrap": {{"type": "Compose", "inputs": "@setProperty(json('{{}}'),'a',variables('v'))"}},
            "Keep": {{"type": "SetVariable", "runAfter": {{"Wrap": ["Succeeded"]}},
                "inputs": {{"name": "v", "value": "@outputs('Wrap')"}}}}}}}},
        "End": {{"type": "Compose", "inputs": "@length(string(variables('v')))",
            "runAfter": {{"Loop": ["Succeeded", "Failed"]}}}}
        }}"#
    )
}

#[test]
fn a_value_cannot_be_nested_without_end() {
    let played = play_all(&flow_of_actions(&wrapping(500)), &Script::default());
    assert_eq!(played.status, Status::Succeeded, "{}", played.log);
    let failed = played.log.matches("The value is nested more than 480 levels deep.").count();
    // one level is there before the first turn
    assert_eq!(failed, 500 - 479, "{}", &played.log[played.log.len() - 2_000..]);
    let flow = flow_of_actions(&wrapping(400));
    let played = world::play(&flow, &Script::default(), world::Mode::Live);
    assert!(!played.log.contains(" Failed "));
}

#[test]
fn items_of_an_array_that_grows_around_itself_are_bounded_too() {
    let actions = r#"{
        "Init": {"type": "InitializeVariable",
            "inputs": {"variables": [{"name": "v", "type": "array"}]}},
        "Loop": {"type": "Until", "expression": "@equals(iterationIndexes('Loop'),599)",
            "limit": {"count": 600, "timeout": "PT1H"}, "runAfter": {"Init": ["Succeeded"]},
            "actions": {
            "Copy": {"type": "Compose", "inputs": "@createArray(variables('v'))"},
            "Keep": {"type": "SetVariable", "runAfter": {"Copy": ["Succeeded"]},
                "inputs": {"name": "v", "value": "@outputs('Copy')"}}}}
        }"#;
    let played = play_all(&flow_of_actions(actions), &Script::default());
    assert_eq!(played.status, Status::Failed);
    assert!(played.log.contains("The value is nested more than 480 levels deep."));
}

#[test]
fn shared_parts_do_not_make_a_value_of_any_size() {
    // 1 KB, ten times ten times ...: little memory, 100 GB when written
    let mut actions =
        vec![r#""C0": {"type": "Compose", "inputs": "@join(range(0,300),',')"}"#.to_owned()];
    for turn in 1..8 {
        let before = turn - 1;
        let ten = format!("outputs('C{before}'),").repeat(10);
        actions.push(format!(
            r#""C{turn}": {{"type": "Compose", "inputs": "@createArray({})",
                "runAfter": {{"C{before}": ["Succeeded"]}}}}"#,
            ten.trim_end_matches(',')
        ));
    }
    let flow = flow_of_actions(&format!("{{{}}}", actions.join(",")));
    let played = world::play(&flow, &Script::default(), world::Mode::Live);
    assert_eq!(played.status, Status::Failed);
    let text = "The value is larger than the 104857600 bytes that an action may take or give.";
    assert_eq!(played.log.matches(text).count(), 1, "{}", played.log);
    assert!(played.log.contains("C4 Succeeded") && played.log.contains("C5 Failed"));
}

#[test]
fn a_selection_is_bounded_while_it_is_made() {
    let actions = r#"{
        "Text": {"type": "Compose", "inputs": "@join(range(0,60000),',')"},
        "Select": {"type": "Select", "runAfter": {"Text": ["Succeeded"]},
            "inputs": {"from": "@range(0,100000)", "select": "@concat(item(),outputs('Text'))"}}
        }"#;
    let played = world::play(&flow_of_actions(actions), &Script::default(), world::Mode::Live);
    assert!(played.log.contains("Select Failed InvalidTemplate"), "{}", played.log);
}

#[test]
fn a_step_ends_when_it_holds_many_large_values() {
    let actions = r#"{
        "Loop": {"type": "Foreach", "foreach": "@range(0,200)", "operationOptions": "Sequential",
            "actions": {"Text": {"type": "Compose",
                "inputs": "@concat(string(range(0,20000)),string(item()))"}}}
        }"#;
    let played = world::play(&flow_of_actions(actions), &Script::default(), world::Mode::Live);
    assert_eq!(played.status, Status::Succeeded);
    // 200 values of 109 KB
    assert!((3..=8).contains(&played.steps), "{} steps", played.steps);
}

#[test]
fn a_long_error_message_is_cut() {
    let actions = r#"{
        "Text": {"type": "Compose", "inputs": "@join(range(0,100000),',')"},
        "End": {"type": "Terminate", "runAfter": {"Text": ["Succeeded"]}, "inputs": {"runStatus": "Failed",
            "runError": {"code": "@outputs('Text')", "message": "@outputs('Text')"}}}
        }"#;
    let played = play_all(&flow_of_actions(actions), &Script::default());
    let error = played.error.expect("the run failed");
    assert!(error.len() < 17_000 && error.ends_with("..."), "{} bytes", error.len());
}

#[test]
fn a_schema_that_quotes_a_large_value_leaves_a_run_that_can_be_read() {
    let actions = r#"{
        "Text": {"type": "Compose", "inputs": "@join(range(0,100000),',')"},
        "Parse": {"type": "ParseJson", "runAfter": {"Text": ["Succeeded"]},
            "inputs": {"content": {"a": "@outputs('Text')"},
                "schema": {"properties": {"a": {"type": "integer"}}}}},
        "Wait": {"type": "Wait", "runAfter": {"Parse": ["Failed"]},
            "inputs": {"interval": {"count": 1, "unit": "Second"}}}
        }"#;
    let played = play_all(&flow_of_actions(actions), &Script::default());
    assert_eq!(played.status, Status::Succeeded);
    let record = played.records.iter().map(|it| json(it)).find(|it| it.get("error").is_some());
    let message = record.and_then(|it| it.get("error")?.get("message").cloned());
    assert!(message.expect("a message").text().len() <= 16 * 1024);
}

#[test]
fn a_long_tracking_id_is_cut() {
    let flow = flow_of_actions(
        r#"{"Wait": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Second"}}},
        "Read": {"type": "Compose", "inputs": "@length(trigger().clientTrackingId)", "runAfter": {"Wait": ["Succeeded"]}}}"#,
    );
    let mut script = Script::default();
    script.tracking = Some("x".repeat(5_000).into());
    assert!(play_all(&flow, &script).log.contains("outputs 1024"));
    script.tracking = Some("".into());
    assert!(play_all(&flow, &script).log.contains("outputs 33"));
}

#[test]
fn a_text_cannot_be_appended_to_without_end() {
    let eight =
        |name: &str| format!("@concat({})", vec![format!("outputs('{name}')"); 8].join(","));
    let (more, most) = (eight("Text"), eight("More"));
    let actions = format!(
        r#"{{
        "Init": {{"type": "InitializeVariable",
            "inputs": {{"variables": [{{"name": "s", "type": "string"}}]}}}},
        "Text": {{"type": "Compose", "inputs": "@join(range(0,100000),',')", "runAfter": {{"Init": ["Succeeded"]}}}},
        "More": {{"type": "Compose", "inputs": "{more}", "runAfter": {{"Text": ["Succeeded"]}}}},
        "Most": {{"type": "Compose", "inputs": "{most}", "runAfter": {{"More": ["Succeeded"]}}}},
        "Loop": {{"type": "Foreach", "foreach": [1, 2, 3], "operationOptions": "Sequential",
            "runAfter": {{"Most": ["Succeeded"]}}, "actions": {{
            "Append": {{"type": "AppendToStringVariable",
                "inputs": {{"name": "s", "value": "@outputs('Most')"}}}}}}}}
        }}"#
    );
    let played = world::play(&flow_of_actions(&actions), &Script::default(), world::Mode::Live);
    assert!(played.log.contains("Append[000001] Succeeded"), "{}", played.log);
    let text = "The variable 's' has grown too large.";
    assert_eq!(played.log.matches(text).count(), 1, "{}", played.log);
}
