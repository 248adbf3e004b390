//! Repetitions of actions in loops.

use crate::world::{World, compose, definition};
use reqwest::Method;
use serde_json::{Value, json};

fn repetitions(list: &[Value]) -> Vec<&str> {
    list.iter().map(|it| it["repetition"].as_str().expect("a repetition")).collect()
}

fn nested() -> Value {
    definition(json!({"Outer": {"type": "Foreach", "foreach": "@range(0, 3)", "runAfter": {},
        "actions": {"Inner": {"type": "Foreach", "foreach": "@range(0, 4)", "runAfter": {},
            "actions": {"Ratio": compose("", json!("@div(items('Outer'), sub(items('Inner'), 1))"))}
        }}
    }}))
}

#[tokio::test]
async fn repetitions_are_listed_in_order_and_in_pages() {
    let world = World::start().await;
    let address = world.flow("loops", &nested()).await;
    let run = world.run(&address, &json!({})).await;
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    let all = world.api.list(&format!("{base}/Ratio/repetitions")).await;
    let expected: Vec<String> =
        (0..3).flat_map(|a| (0..4).map(move |b| format!("{a:06}-{b:06}"))).collect();
    assert_eq!(repetitions(&all), expected);
    let mut next = Some(format!("{base}/Ratio/repetitions?top=5"));
    let mut paged = Vec::new();
    while let Some(path) = next {
        let page = world.api.get(&path).await;
        let entries = page["value"].as_array().expect("a list").clone();
        assert!(entries.len() <= 5);
        paged.extend(entries);
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(paged, all);
    let failed = world.api.list(&format!("{base}/Ratio/repetitions?status=Failed")).await;
    assert_eq!(repetitions(&failed), ["000000-000001", "000001-000001", "000002-000001"]);
    for query in ["top=0", "skipToken=x", "status=Done"] {
        let path = format!("{base}/Ratio/repetitions?{query}");
        world.refused(Method::GET, &path, 400, "InvalidQuery").await;
    }
    let last = world.api.get(&format!("{base}/Ratio")).await;
    assert_eq!(last["repetitionCount"], 12);
}

#[tokio::test]
async fn one_repetition_is_found_by_its_indexes() {
    let world = World::start().await;
    let address = world.flow("loops", &nested()).await;
    let run = world.run(&address, &json!({})).await;
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    let one = world.api.get(&format!("{base}/Ratio/repetitions/000002-000003")).await;
    assert_eq!(one["outputs"], 1);
    assert_eq!(
        one["repetitionIndexes"],
        json!([{"scopeName": "Outer", "itemIndex": 2}, {"scopeName": "Inner", "itemIndex": 3}])
    );
    for wrong in ["000009-000000", "000000", "x", "-", "99999999999-0", "0-0-0-0-0-0-0-0-0-0"] {
        let path = format!("{base}/Ratio/repetitions/{wrong}");
        world.refused(Method::GET, &path, 404, "RepetitionNotFound").await;
    }
    let path = format!("{base}/Nobody/repetitions/000000");
    world.refused(Method::GET, &path, 404, "ActionNotFound").await;
}

#[tokio::test]
async fn links_to_repetitions_of_any_name_work() {
    let world = World::start().await;
    let document = definition(json!({"Each": {"type": "Foreach", "foreach": "@range(0, 3)",
        "runAfter": {}, "actions": {"A b & größe": compose("", json!("@item()"))}}}));
    let address = world.flow("loops", &document).await;
    let run = world.run(&address, &json!({})).await;
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    let page =
        world.api.get(&format!("{base}/A%20b%20%26%20gr%C3%B6%C3%9Fe/repetitions?top=2")).await;
    let link = page["nextLink"].as_str().expect("a link");
    assert!(link.is_ascii() && !link.contains(' '), "{link}");
    let rest = world.api.get(link).await;
    assert_eq!(repetitions(rest["value"].as_array().expect("a list")), ["000002"]);
}

#[tokio::test]
async fn an_until_counts_its_iterations() {
    let world = World::start().await;
    let document = definition(json!({
        "Count": {"type": "InitializeVariable", "runAfter": {},
            "inputs": {"variables": [{"name": "n", "type": "integer", "value": 0}]}},
        "Until": {"type": "Until", "expression": "@equals(variables('n'), 4)",
            "runAfter": {"Count": ["Succeeded"]},
            "actions": {"Add": {"type": "IncrementVariable", "runAfter": {},
                "inputs": {"name": "n", "value": 1}}}},
    }));
    let address = world.flow("loops", &document).await;
    let run = world.run(&address, &json!({})).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    assert_eq!(world.api.get(&format!("{base}/Until")).await["iterationCount"], 4);
    let adds = world.api.list(&format!("{base}/Add/repetitions")).await;
    assert_eq!(adds.len(), 4);
}
