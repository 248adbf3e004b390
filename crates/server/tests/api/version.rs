//! Versions of a flow.

use crate::world::{World, compose, definition, response, wait};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_update_is_a_new_version_and_runs_keep_theirs() {
    let world = World::start().await;
    let answering = |text: &str| definition(json!({"Answer": response("", text)}));
    let address = world.flow("order", &answering("one")).await;
    let first = world.fire(&address, &json!({})).await;
    assert_eq!(first.text, "one");
    assert_eq!(first.header("x-ms-workflow-version"), "1");
    let body = json!({"document": answering("two"), "displayName": "The second"});
    let updated = world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    assert_eq!((&updated["version"], &updated["displayName"]), (&json!(2), &json!("The second")));
    let second = world.fire(&address, &json!({})).await;
    assert_eq!(second.text, "two");
    for (run, version) in [(first.run(), 1), (second.run(), 2)] {
        let run = world.api.get(&format!("/api/v1/runs/{run}")).await;
        assert_eq!(run["version"], version);
    }
    let action = world.api.get(&format!("/api/v1/runs/{}/actions/Answer", first.run())).await;
    assert_eq!(action["outputs"]["body"], "one");
    let versions = world.api.list("/api/v1/flows/order/versions").await;
    let numbers: Vec<u64> = versions.iter().filter_map(|it| it["number"].as_u64()).collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers.contains(&1) && numbers.contains(&2));
    for (number, text) in [(1, "one"), (2, "two")] {
        let version = world.api.get(&format!("/api/v1/flows/order/versions/{number}")).await;
        assert_eq!(version["definition"]["actions"]["Answer"]["inputs"]["body"], text);
    }
    let missing = "/api/v1/flows/order/versions/3";
    world.refused(Method::GET, missing, 404, "FlowVersionNotFound").await;
    world.refused(Method::GET, "/api/v1/flows/order/versions/x", 400, "InvalidVersion").await;
    world.refused(Method::GET, "/api/v1/flows/none/versions", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn a_faulty_update_changes_nothing() {
    let world = World::start().await;
    let address = world.flow("order", &definition(json!({"A": response("", "one")}))).await;
    let bad = json!({"document": definition(json!({"A": compose("", json!("@("))}))});
    let answer = world.call(Method::PUT, "/api/v1/flows/order", bad, 400).await;
    assert_eq!(answer["error"]["code"], "InvalidDefinition");
    assert_eq!(world.fire(&address, &json!({})).await.text, "one");
    let good = json!({"document": definition(json!({}))});
    let answer = world.call(Method::PUT, "/api/v1/flows/none", good, 404).await;
    assert_eq!(answer["error"]["code"], "FlowNotFound");
}

#[tokio::test]
async fn a_run_under_way_goes_on_in_its_version() {
    let world = World::start().await;
    let document =
        |text: &str| definition(json!({"Rest": wait("", 1), "Text": compose("Rest", json!(text))}));
    let address = world.flow("order", &document("old")).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let body = json!({"document": document("new")});
    world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let action = world.api.get(&format!("/api/v1/runs/{run}/actions/Text")).await;
    assert_eq!(action["outputs"], "old");
}
