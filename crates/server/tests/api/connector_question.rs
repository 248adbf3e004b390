//! Triggers of connectors that ask whether there is something new, and those that are told so
//! and ask then.

use crate::backend::{Asked, Told};
use crate::connector_call::{House, SECRET, power};
use crate::connector_webhook::runs_of;
use crate::people::OWNER;
use crate::support::api::path_of;
use crate::world::{compose, with_trigger};
use serde_json::{Value, json};

fn told(of: &str) -> Value {
    json!({"Told": compose("", json!(of))})
}

/// What the runs of a flow have told.
async fn told_by(house: &House, runs: &[String]) -> Vec<Value> {
    let mut found = Vec::new();
    for run in runs {
        let run = house.ended(run).await;
        found.push(run["Told"]["outputs"].clone());
    }
    found.sort_by_key(Value::to_string);
    found
}

/// New books at first, and where to go on; then none, for a second; then one more.
fn books(asked: &Asked, _: usize) -> Told {
    let next = |state: u32| ("location", format!("/api/new?state={state}"));
    let pause = |seconds: u32| ("retry-after", seconds.to_string());
    match asked.path.as_str() {
        "/api/new?shelf=a%20b" => {
            (200, vec![next(1), pause(0)], json!({"value": [{"n": 1}, {"n": 2}]}))
        }
        "/api/new?state=1" => (202, vec![next(2), pause(1)], Value::Null),
        "/api/new?state=2" => (200, vec![next(3), pause(3_600)], json!({"value": [{"n": 3}]})),
        _ => (500, Vec::new(), Value::Null),
    }
}

#[tokio::test]
async fn a_trigger_asks_a_path_of_a_connector() {
    let name = "@parameters('$connections')['shared_library']['connectionId']";
    let host = json!({"connection": {"name": name}});
    let template = json!({"template": "/{where}", "parameters": {"where": "new"}});
    for (place, path) in [("path", json!("/new")), ("pathTemplate", template)] {
        let house = House::open(books).await;
        let mut trigger = json!({"type": "ApiConnection",
            "inputs": {"host": host, "method": "get", "queries": {"shelf": "a b"}},
            "recurrence": {"frequency": "Second", "interval": 1},
            "splitOn": "@triggerBody()?['value']"});
        trigger["inputs"][place] = path;
        let document = power(with_trigger(trigger, told("@triggerBody()?['n']")));
        let flow = house.flow(OWNER, &document, 201).await;
        let runs = runs_of(&house, &flow, 3).await;
        assert_eq!(told_by(&house, &runs).await, [json!(1), json!(2), json!(3)], "{place}");
        let asked = house.backend.asked();
        let lines: Vec<String> = asked.iter().map(Asked::line).collect();
        let expected = ["GET /api/new?shelf=a%20b", "GET /api/new?state=1", "GET /api/new?state=2"];
        assert_eq!(lines, expected, "{place}");
        assert!(asked.iter().all(|it| it.header("x-key") == SECRET));
    }
}

#[tokio::test]
async fn a_trigger_without_split_on_has_the_whole_answer() {
    let house = House::open(|_, _| {
        (200, vec![("retry-after", "3600".to_owned())], json!({"value": [{"n": 1}]}))
    })
    .await;
    let name = "@parameters('$connections')['shared_library']['connectionId']";
    let trigger = json!({"type": "ApiConnection",
        "inputs": {"host": {"connection": {"name": name}}, "path": "/new"},
        "recurrence": {"frequency": "Hour", "interval": 1}});
    let told = told("@{triggerOutputs()['statusCode']} @{length(triggerBody()['value'])}");
    let flow = house.flow(OWNER, &power(with_trigger(trigger, told)), 201).await;
    let runs = runs_of(&house, &flow, 1).await;
    assert_eq!(told_by(&house, &runs).await, [json!("200 1")]);
}

#[tokio::test]
async fn a_trigger_that_is_told_of_something_new_asks_for_it() {
    let house = House::open(|asked, _| match asked.path.as_str() {
        "/api/new" => (202, vec![("location", "/api/new?state=1".to_owned())], Value::Null),
        "/api/new?state=1" => {
            let next = vec![("location", "/api/new?state=2".to_owned())];
            (200, next, json!({"value": [{"n": 1}, {"n": 2}]}))
        }
        _ => (202, Vec::new(), Value::Null),
    })
    .await;
    let trigger = json!({"type": "OpenApiConnectionNotification",
        "inputs": {"host": {"connectionName": "shared_library", "operationId": "OnNewBook",
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_library"},
            "parameters": {}, "authentication": "@parameters('$authentication')"},
        "splitOn": "@triggerOutputs()?['body/value']"});
    let document = power(with_trigger(trigger, told("@triggerBody()")));
    let flow = house.flow(OWNER, &document, 201).await;
    house.backend.wait_for(|asked| asked.path == "/api/new").await;
    let name = flow["name"].as_str().expect("a name");
    let environment = &house.people.environment;
    let path = format!("/api/v1/flows/{name}/callback-url?environment={environment}");
    let shown = house.people.world.api.post(&path, 200).await;
    let address = path_of(shown["value"].as_str().expect("an address")).to_owned();
    // what is new is what the connector says, not who calls
    let poke = async || {
        let answer = house.people.world.fire(&address, &json!({"value": [{"n": 9}]})).await;
        assert_eq!((answer.status, answer.header("x-ms-workflow-run-id")), (202, ""));
    };
    poke().await;
    let runs = runs_of(&house, &flow, 2).await;
    assert_eq!(told_by(&house, &runs).await, [json!({"n": 1}), json!({"n": 2})]);
    // whoever calls often does not have it asked as often
    for _ in 0..40 {
        poke().await;
    }
    house.backend.wait_for(|asked| asked.path == "/api/new?state=2").await;
    assert!(house.backend.asked().len() < 12, "{:?}", house.backend.asked());
    assert_eq!(runs_of(&house, &flow, 2).await.len(), 2);
    // an address that nobody signed tells nothing
    let forged = address.replace("sig=", "sig=x");
    assert_eq!(house.people.world.fire(&forged, &json!({})).await.status, 401);
}
