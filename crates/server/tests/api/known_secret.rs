//! What a connection authenticates with is in no history, whatever a service tells of it.

use crate::backend::Asked;
use crate::connector_call::{House, SECRET, open_api, power};
use crate::people::OWNER;
use crate::sealing_key::stored;
use crate::world::{compose, definition, response};
use reqwest::Method;
use serde_json::{Value, json};

const AT: &str = "apis/shared_library/connections/lib1";
const OTHER: &str = "another-key-41aa";

/// Tells back the key that it was called with.
fn telling(asked: &Asked, _: usize) -> crate::backend::Told {
    let key = asked.header("x-key").to_owned();
    let status = if asked.method == Method::POST { 401 } else { 200 };
    (status, vec![("x-told", key.clone())], json!({"message": format!("no {key} here")}))
}

fn asking() -> Value {
    let add = json!({"shelf": "x", "book/title": "@{body('List')['message']}"});
    let mut actions = json!({"List": open_api("ListBooks", &json!({"shelf": "x"})),
        "Say": compose("List", json!("@{length(body('List')['message'])} @{body('List')}")),
        "Add": open_api("AddBook", &add)});
    actions["Add"]["runAfter"] = json!({"Say": ["Succeeded"]});
    power(definition(actions))
}

fn shows_nothing(run: &Value) {
    for secret in [SECRET, OTHER] {
        assert!(!run.to_string().contains(secret), "{run}");
    }
    assert_eq!(run["List"]["outputs"]["body"]["message"], "no ******** here");
    assert_eq!(run["List"]["outputs"]["headers"]["x-told"], "********", "{run}");
    let said = run["Say"]["outputs"].as_str().expect("a text");
    assert!(said.ends_with(r#"{"message":"no ******** here"}"#), "{said}");
    assert_eq!(run["Add"]["inputs"]["parameters"]["book/title"], "no ******** here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_tells_back_is_masked() {
    let house = House::open(telling).await;
    let flow = house.flow(OWNER, &asking(), 201).await;
    let first = house.run(&flow).await;
    shows_nothing(&first);
    // the service had real values, from the flow as well
    let asked = house.backend.asked();
    assert_eq!(asked[1].json()["title"], format!("no {SECRET} here"));
    // also when the connection has another key, or is gone
    let connection = json!({"properties": {"connectionParameters": {"api_key": OTHER}}});
    house.people.api(OWNER, Method::PUT, AT, Some(&connection), 200).await;
    shows_nothing(&house.run(&flow).await);
    house.people.api(OWNER, Method::DELETE, AT, None, 200).await;
    let name = flow["name"].as_str().expect("a name");
    let runs = format!("{}/{name}/runs", house.people.flows());
    let listed = house.people.ask(OWNER, (Method::GET, &runs), None, 200).await;
    let listed = listed["value"].as_array().expect("runs").clone();
    assert_eq!(listed.len(), 2);
    for run in listed {
        let run = run["name"].as_str().expect("a name").to_owned();
        shows_nothing(&house.ended(&run).await);
        // what is fetched apart, as pages of runs do
        let path = format!("{runs}/{run}/actions/List");
        let action = house.people.ask(OWNER, (Method::GET, &path), None, 200).await;
        let link = action["properties"]["outputsLink"]["uri"].as_str().expect("a link");
        let link = crate::support::api::path_of(link);
        let content = house.people.world.api.get(link).await;
        assert_eq!(content["body"]["message"], "no ******** here", "{content}");
    }
    let path = format!("{}/{name}", house.people.flows());
    house.people.ask(OWNER, (Method::DELETE, &path), None, 200).await;
    let data = house.people.world.setup.data.clone();
    assert!(house.people.world.server.stop().await.success());
    for secret in [SECRET, OTHER] {
        assert!(!stored(&data, secret.as_bytes()), "{secret}");
    }
}

/// What became of the only run of a flow: its trigger's outputs, and its actions.
async fn only_run(house: &House, flow: &Value) -> (Value, Value) {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("/api/v1/flows/{name}/runs?environment=sales");
    let runs = house.people.world.api.list(&path).await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    let id = runs[0]["id"].as_str().expect("an id");
    let run = house.people.world.api.get(&format!("/api/v1/runs/{id}")).await;
    (run, house.ended(id).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_flow_hands_on_is_masked_there_too() {
    let mut house = House::open(telling).await;
    let told = || {
        let said = "@{triggerBody()}";
        let actions =
            json!({"Say": compose("", json!(said)), "Answer": response("Say", "@triggerBody()")});
        power(definition(actions))
    };
    let child = house.flow(OWNER, &told(), 201).await;
    let behind = house.flow(OWNER, &told(), 201).await;
    let connection = json!({"properties": {"connectionParameters": {"api_key": OTHER}}});
    let at = "apis/shared_library/connections/lib2";
    house.people.api(OWNER, Method::PUT, at, Some(&connection), 201).await;
    let backend = "/api/v1/environments/sales/connectors/shared_library/connections/lib2/backend";
    let to = json!({"kind": "Flow", "flow": behind["name"]});
    house.people.ask(OWNER, (Method::PUT, backend), Some(&to), 200).await;
    let mut ask = open_api("AddBook", &json!({"shelf": "x", "book/title": "@{body('List')}"}));
    ask["inputs"]["host"]["connectionName"] = json!("second");
    ask["runAfter"] = json!({"Hand": ["Succeeded"]});
    let actions = json!({
        "List": open_api("ListBooks", &json!({"shelf": "x"})),
        "Hand": {"type": "Workflow", "runAfter": {"List": ["Succeeded"]}, "inputs": {
            "host": {"workflowReferenceName": child["name"]}, "body": "@body('List')"}},
        "Ask": ask
    });
    let reference = |name: &str| {
        json!({"connectionName": name, "source": "Embedded",
        "id": "/providers/Microsoft.PowerApps/apis/shared_library"})
    };
    let body = json!({"properties": {
        "displayName": "Hands on", "definition": power(definition(actions)), "state": "Started",
        "connectionReferences": {"shared_library": reference("lib1"), "second": reference("lib2")}}});
    let flows = house.people.flows();
    let parent = house.people.ask(OWNER, (Method::POST, &flows), Some(&body), 201).await;
    let run = house.run(&parent).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    for _ in 0..2 {
        for flow in [&child, &behind] {
            let (run, actions) = only_run(&house, flow).await;
            assert_eq!(run["status"], "Succeeded", "{run}");
            for shown in [&run, &actions] {
                assert!(!shown.to_string().contains(SECRET), "{shown}");
            }
            let said = actions["Say"]["outputs"].as_str().expect("a text");
            assert!(said.contains("no ******** here"), "{said}");
        }
        // it is kept
        assert!(house.people.world.server.stop().await.success());
        house.people.world.server = house.people.world.setup.start().await;
        house.people.world.api = house.people.world.server.api();
    }
}
