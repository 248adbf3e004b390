//! Flows that are copied and moved.

use crate::people::People;
use crate::stored::{ask, ends};
use crate::world::{World, compose, definition, echo, wait};
use reqwest::Method;
use serde_json::{Value, json};

async fn with_test() -> World {
    let world = World::start().await;
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    world
}

#[tokio::test]
async fn a_copy_is_a_flow_of_its_own() {
    let world = with_test().await;
    let document = json!({"definition": echo(), "connectionReferences": {"shared_sql":
        {"connectionName": "ours", "id": "/providers/Microsoft.PowerApps/apis/shared_sql"}}});
    let body = json!({"name": "order", "displayName": "Orders", "document": document});
    let made = world.call(Method::POST, "/api/v1/flows", body, 201).await;
    let body = json!({"environment": "test", "connections": {"shared_sql": "theirs"}});
    let copy = world.call(Method::POST, "/api/v1/flows/order/copy", body, 201).await;
    assert_eq!((&copy["name"], &copy["displayName"]), (&json!("order"), &json!("Orders")));
    assert_eq!((&copy["environment"], &copy["state"]), (&json!("test"), &json!("Stopped")));
    assert_ne!(copy["id"], made["id"]);
    let shown = world.api.get("/api/v1/flows/order?environment=test").await;
    assert_eq!(shown["definition"], echo());
    assert_eq!(shown["connectionReferences"]["shared_sql"]["connectionName"], "theirs");
    let shown = world.api.get("/api/v1/flows/order").await;
    assert_eq!(shown["connectionReferences"]["shared_sql"]["connectionName"], "ours");
    let entry = &world.api.list("/api/v1/audit?operation=CreateFlow").await[0];
    assert_eq!(entry["detail"]["copiedFrom"], made["id"]);
    for (body, status, code) in [
        (json!({"environment": "test"}), 409, "FlowExists"),
        (json!({"environment": "default"}), 400, "InvalidName"),
        (json!({"environment": "none"}), 404, "EnvironmentNotFound"),
        (
            json!({"environment": "test", "name": "n", "connections": {"x": "y"}}),
            400,
            "UnknownConnectionReference",
        ),
    ] {
        let answer = world.call(Method::POST, "/api/v1/flows/order/copy", body, status).await;
        assert_eq!(answer["error"]["code"], code);
    }
    let line = ["flow", "copy", "order", "--name-of-copy", "again", "--display-name", "Again"];
    assert!(ends(0, ask(&world, &line)).contains("Made flow 'again'"));
    let again = world.api.get("/api/v1/flows/again").await;
    assert_eq!((&again["displayName"], &again["state"]), (&json!("Again"), &json!("Stopped")));
}

#[tokio::test]
async fn a_flow_moves_with_everything_that_is_its_own() {
    let world = with_test().await;
    let named = |name: &str| {
        let place = "@workflow()['tags']['environmentName']";
        definition(json!({"Note": compose("", json!(name)), "Place": compose("", json!(place))}))
    };
    let address = world.flow("order", &named("one")).await;
    let run = world.run(&address, &json!({})).await;
    let body = json!({"document": named("two")});
    let before = world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    let retention = "/api/v1/flows/order/retention";
    world.call(Method::PUT, retention, json!({"days": 7}), 200).await;
    let body = json!({"environment": "test", "name": "orders"});
    let moved = world.call(Method::POST, "/api/v1/flows/order/move", body, 200).await;
    assert_eq!((&moved["name"], &moved["environment"]), (&json!("orders"), &json!("test")));
    for member in ["id", "version", "state", "createdTime"] {
        assert_eq!(moved[member], before[member], "{member}");
    }
    world.refused(Method::GET, "/api/v1/flows/order", 404, "FlowNotFound").await;
    let within = "?environment=test";
    let versions = world.api.list(&format!("/api/v1/flows/orders/versions{within}")).await;
    assert_eq!(versions.len(), 2);
    let runs = world.api.list(&format!("/api/v1/flows/orders/runs{within}")).await;
    assert_eq!(runs[0]["id"], run["id"]);
    let kept = world.api.get(&format!("/api/v1/flows/orders/retention{within}")).await;
    assert_eq!((&kept["days"], &kept["source"]), (&json!(7), &json!("flow")));
    // its address is the same, and its runs know where it is now
    let run = world.run(&address, &json!({})).await;
    let id = run["id"].as_str().expect("an id");
    let place = world.api.get(&format!("/api/v1/runs/{id}/actions/Place")).await;
    assert_eq!(place["outputs"], "test");
    let entry = &world.api.list("/api/v1/audit?operation=MoveFlow").await[0];
    let detail = json!({"before": {"environment": "default", "name": "order"},
        "after": {"environment": "test", "name": "orders"}});
    assert_eq!(entry["detail"], detail);
    let line = ["flow", "move", "orders", "--environment", "test", "--to", "default"];
    assert!(ends(0, ask(&world, &line)).contains("Moved flow 'orders'"));
    assert_eq!(world.api.get("/api/v1/flows/orders").await["id"], before["id"]);
}

#[tokio::test]
async fn a_flow_with_runs_under_way_stays() {
    let world = with_test().await;
    let address = world.flow("order", &definition(json!({"Rest": wait("", 3_600)}))).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let (path, body) = ("/api/v1/flows/order/move", json!({"environment": "test"}));
    let answer = world.call(Method::POST, path, body.clone(), 409).await;
    assert_eq!(answer["error"]["code"], "FlowHasRuns");
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    world.api.ended(&run).await;
    let taken = json!({"name": "order", "document": echo()});
    world.call(Method::POST, "/api/v1/flows?environment=test", taken, 201).await;
    for (body, status, code) in [
        (body.clone(), 409, "FlowExists"),
        (json!({"environment": "default"}), 400, "FlowIsThere"),
        (json!({"environment": "test", "name": "a/b"}), 400, "InvalidName"),
    ] {
        let answer = world.call(Method::POST, path, body, status).await;
        assert_eq!(answer["error"]["code"], code);
    }
}

#[tokio::test]
async fn a_flow_moves_by_rights_at_both_ends() {
    let people = People::meet().await;
    let ended = |flow: String, run: String| {
        let people = &people;
        async move {
            people.world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
            people.world.api.ended(&run).await;
            format!("/api/v1/flows/{flow}/move?environment=sales")
        }
    };
    let to = |environment: &str| json!({"environment": environment});
    for (who, target, status) in [
        // owners make flows in the default environment, and not in the other one
        (0, "default", 200),
        (1, "default", 200),
        (0, "other", 403),
        (2, "default", 403),
        // an administrator is a maker of the default environment as everybody is
        (3, "default", 200),
        (3, "other", 403),
        (4, "other", 403),
        (5, "other", 200),
        (6, "default", 403),
        (7, "default", 403),
    ] {
        let (flow, run) = people.flow().await;
        let path = ended(flow.clone(), run).await;
        let answer = people.send(who, Method::POST, &path, Some(&to(target))).await;
        assert_eq!(answer.status, status, "{who} to {target}: {}", answer.text);
        if status == 200 {
            // whoever moved it, it is its owner's as before
            let path = format!("/api/v1/flows/{flow}?environment={target}");
            let shown: Value = people.ask(0, (Method::GET, &path), None, 200).await;
            assert_eq!(shown["environment"], target);
        }
    }
}
