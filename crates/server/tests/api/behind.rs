//! Flows that stand behind connections and come back to them.

use crate::connector_call::{House, open_api, power};
use crate::people::OWNER;
use crate::world::{definition, response};
use serde_json::{Value, json};

/// As deep as flows behind connections may call one another.
const DEEPEST: usize = 8;

async fn open() -> House {
    House::open(|_, _| (500, Vec::new(), Value::Null)).await
}

fn calling() -> Value {
    power(definition(json!({
        "Call": open_api("ListBooks", &json!({"shelf": "x"})),
        "Answer": response("Call", "@body('Call')")
    })))
}

/// What became of an action in all runs of a flow: its codes.
async fn codes(house: &House, flow: &Value, action: &str) -> Vec<Value> {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("/api/v1/flows/{name}/runs?environment=sales");
    let mut codes = Vec::new();
    for run in house.people.world.api.list(&path).await {
        let ended = house.ended(run["id"].as_str().expect("an id")).await;
        codes.push(ended[action]["error"]["code"].clone());
    }
    codes
}

fn count(codes: &[Value], code: &str) -> usize {
    codes.iter().filter(|it| *it == code).count()
}

#[tokio::test]
async fn a_flow_that_calls_the_connection_before_it_comes_to_an_end() {
    let house = open().await;
    let flow = house.flow(OWNER, &calling(), 201).await;
    let backend = json!({"kind": "Flow", "flow": flow["name"]});
    house.put_backend(OWNER, &backend, 200).await;
    let run = house.run(&flow).await;
    assert_eq!(run["status"], "Failed", "{run}");
    let codes = codes(&house, &flow, "Call").await;
    // the first stands behind nothing
    assert_eq!(codes.len(), DEEPEST + 1, "{codes:?}");
    assert_eq!(count(&codes, "ConnectionFlowDepthExceeded"), 1, "{codes:?}");
    assert_eq!(count(&codes, "BadGateway"), DEEPEST, "{codes:?}");
    // and one that does not come back is as deep as it likes
    let plain = power(definition(json!({"Answer": response("", "[]")})));
    let plain = house.flow(OWNER, &plain, 201).await;
    house.put_backend(OWNER, &json!({"kind": "Flow", "flow": plain["name"]}), 200).await;
    assert_eq!(house.run(&flow).await["status"], "Succeeded");
}

#[tokio::test]
async fn a_circle_through_child_flows_comes_to_an_end_too() {
    let house = open().await;
    let child = house.flow(OWNER, &calling(), 201).await;
    let outer = power(definition(json!({
        "Sub": {"type": "Workflow", "runAfter": {}, "inputs": {
            "host": {"workflowReferenceName": child["name"]}, "body": {}}},
        "Answer": response("Sub", "@body('Sub')")
    })));
    let outer = house.flow(OWNER, &outer, 201).await;
    let backend = json!({"kind": "Flow", "flow": outer["name"]});
    house.put_backend(OWNER, &backend, 200).await;
    let run = house.run(&child).await;
    assert_eq!(run["status"], "Failed", "{run}");
    let of_child = codes(&house, &child, "Call").await;
    assert_eq!(of_child.len(), DEEPEST + 1, "{of_child:?}");
    assert_eq!(count(&of_child, "ConnectionFlowDepthExceeded"), 1, "{of_child:?}");
    assert_eq!(codes(&house, &outer, "Sub").await.len(), DEEPEST);
}
