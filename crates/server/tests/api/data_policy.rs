//! Data policies: flows are held when they are saved and when a policy changes, calls are
//! refused when they are made, and who may say so.

use crate::backend::Backend;
use crate::people::{ADMINISTRATOR, HEAD, OWNER, People, STRANGER};
use crate::stored::{ask, ends};
use crate::world::{World, compose, definition};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(20);

fn at(name: &str) -> String {
    format!("/api/v1/data-policies/{name}")
}

/// A policy for every environment.
fn policy(connectors: Value) -> Value {
    json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "NonBusiness",
        "connectors": connectors})
}

fn http(uri: &str) -> Value {
    json!({"type": "Http", "runAfter": {}, "inputs": {"method": "GET", "uri": uri}})
}

async fn flow_now(world: &World, name: &str) -> Value {
    world.api.get(&format!("/api/v1/flows/{name}")).await
}

/// Waits until a flow is in a state; the flow then.
async fn becomes(world: &World, name: &str, state: &str) -> Value {
    let since = Instant::now();
    loop {
        let flow = flow_now(world, name).await;
        if flow["state"] == state {
            return flow;
        }
        assert!(since.elapsed() < WITHIN, "{flow}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open() -> (World, Backend) {
    let backend = Backend::start(|asked, _| match asked.path.as_str() {
        "/away" => (302, vec![("location", "/there".to_owned())], json!({})),
        _ => (200, Vec::new(), json!({"ok": true})),
    })
    .await;
    let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
    (world, backend)
}

#[tokio::test]
async fn a_flow_that_breaks_a_policy_is_saved_and_held() {
    let world = World::start().await;
    let blocked = policy(json!([{"connector": "Http", "group": "Blocked"}]));
    world.call(Method::PUT, &at("no-http"), blocked, 201).await;
    let broken = definition(json!({"Call": http("https://example.org/")}));
    let made = world.create("order", &broken).await;
    assert_eq!(made["state"], "Suspended", "{made}");
    let held = &made["suspension"];
    assert_eq!(held["reason"], "CompanyDlpViolation");
    let message = "The data policy 'no-http' blocks the connector 'Http' ($.actions.Call).";
    assert_eq!(held["message"], message);
    assert_eq!(
        held["violations"],
        json!([{"policy": "no-http", "kind": "ConnectorBlocked", "connector": "Http",
            "path": "$.actions.Call", "message": message}])
    );
    let enable = "/api/v1/flows/order/enable";
    let refused = world.refused(Method::POST, enable, 403, "DataPolicyViolation").await;
    assert_eq!(refused["error"]["details"][0]["path"], "$.actions.Call");
    let listed = world.api.list("/api/v1/data-policies/violations").await;
    assert_eq!(
        (&listed[0]["flow"], &listed[0]["violations"]),
        (&json!("order"), &held["violations"])
    );
    // a version that breaks nothing lets it go, as it was meant to be
    let fine = json!({"document": definition(json!({"Say": compose("", json!(1))}))});
    let changed = world.call(Method::PUT, "/api/v1/flows/order", fine, 200).await;
    assert_eq!((&changed["state"], changed.get("suspension")), (&json!("Started"), None));
    assert!(world.api.list("/api/v1/data-policies/violations").await.is_empty());
    // and the old version holds it again
    let restore = "/api/v1/flows/order/versions/1/restore";
    let changed = world.call(Method::POST, restore, Value::Null, 200).await;
    assert_eq!(changed["state"], "Suspended");
    // who turns it off does not want it back on
    world.call(Method::POST, "/api/v1/flows/order/disable", Value::Null, 200).await;
    assert_eq!(flow_now(&world, "order").await["state"], "Suspended");
    world.call(Method::DELETE, &at("no-http"), Value::Null, 204).await;
    becomes(&world, "order", "Stopped").await;
    world.call(Method::POST, enable, Value::Null, 200).await;
}

#[tokio::test]
async fn a_policy_that_changes_holds_flows_and_lets_them_go() {
    let world = World::start().await;
    let call = definition(json!({"Call": http("https://example.org/")}));
    for name in ["a", "b"] {
        world.create(name, &call).await;
    }
    world.create("fine", &definition(json!({"Say": compose("", json!(1))}))).await;
    world.call(Method::POST, "/api/v1/flows/b/disable", Value::Null, 200).await;
    // the trigger's group is not that of the action
    let apart = policy(json!([{"connector": "Http", "group": "Business"}]));
    world.call(Method::PUT, &at("apart"), apart, 201).await;
    let held = becomes(&world, "a", "Suspended").await;
    let first = &held["suspension"]["violations"][0];
    assert_eq!((&first["kind"], &first["what"]), (&json!("ConnectorsMixed"), &json!("Http")));
    assert_eq!(first["path"], "$.triggers.manual");
    becomes(&world, "b", "Suspended").await;
    assert_eq!(flow_now(&world, "fine").await["state"], "Started");
    let together = policy(json!([
        {"connector": "Http", "group": "Business"},
        {"connector": "HttpRequestReceived", "group": "Business"},
    ]));
    world.call(Method::PUT, &at("apart"), together, 200).await;
    becomes(&world, "a", "Started").await;
    becomes(&world, "b", "Stopped").await;
    let told = world.api.list("/api/v1/audit?operation=SuspendFlow").await;
    assert_eq!((told.len(), &told[0]["actor"]), (2, &json!("server")));
    assert_eq!(world.api.list("/api/v1/audit?operation=LiftFlowSuspension").await.len(), 2);
}

#[tokio::test]
async fn endpoints_that_are_known_when_a_flow_runs_are_judged_then() {
    let (world, backend) = open().await;
    let address = format!("http://{}", backend.addr);
    let rules = json!([
        {"pattern": format!("{address}/open*"), "access": "Allow"},
        {"pattern": format!("{address}/away"), "access": "Allow"},
        {"pattern": "*", "access": "Deny"},
    ]);
    let policy = policy(json!([{"connector": "Http", "group": "NonBusiness", "endpoints": rules}]));
    world.call(Method::PUT, &at("places"), policy, 201).await;
    // what stands in the definition is told at once
    let named = definition(json!({"Call": http(&format!("{address}/closed"))}));
    let made = world.create("named", &named).await;
    assert_eq!(made["suspension"]["violations"][0]["kind"], "EndpointDenied", "{made}");
    let computed = definition(json!({"Call": http("@triggerBody()['to']")}));
    let path = world.flow("computed", &computed).await;
    for (to, status, code) in [
        ("/open/1", "Succeeded", ""),
        ("/closed", "Failed", "DataPolicyViolation"),
        ("/open/../closed", "Failed", "DataPolicyViolation"),
        // it would lead where nobody has looked
        ("/away", "Failed", "ActionFailed"),
    ] {
        let answer = world.fire(&path, &json!({"to": format!("{address}{to}")})).await;
        let run = answer.run().to_owned();
        world.api.ended(&run).await;
        let call = world.api.get(&format!("/api/v1/runs/{run}/actions/Call")).await;
        assert_eq!(call["status"], status, "{to}: {call}");
        if code == "DataPolicyViolation" {
            assert_eq!(call["error"]["code"], code, "{to}: {call}");
        }
    }
    let asked: Vec<String> = backend.asked().iter().map(|it| it.path.clone()).collect();
    assert_eq!(asked, ["/open/1", "/away"]);
}

#[tokio::test]
async fn a_policy_counts_where_it_is_for_and_for_who_may_say_so() {
    let people = People::meet().await;
    let body = |kind: &str, name: &str| json!({"scope": {"kind": kind, "environments": [name]}, "defaultGroup": "Blocked"});
    let one = at("one");
    // somebody who administers nothing, another environment, and more than their own
    for (who, body) in [
        (OWNER, body("OnlyEnvironments", "sales")),
        (STRANGER, body("OnlyEnvironments", "sales")),
        (ADMINISTRATOR, body("ExceptEnvironments", "sales")),
        (ADMINISTRATOR, policy(json!([]))),
    ] {
        people.ask(who, (Method::PUT, &one), Some(&body), 403).await;
    }
    let mine = body("OnlyEnvironments", &people.environment);
    let made = people.ask(ADMINISTRATOR, (Method::PUT, &one), Some(&mine), 201).await;
    assert_eq!(made["scope"]["environments"], json!(["sales"]));
    people.ask(STRANGER, (Method::GET, &one), None, 404).await;
    people.ask(STRANGER, (Method::DELETE, &one), None, 403).await;
    let theirs = body("OnlyEnvironments", "other");
    people.ask(STRANGER, (Method::PUT, &one), Some(&theirs), 403).await;
    people.ask(OWNER, (Method::GET, "/api/v1/data-policies"), None, 403).await;
    let tenant = at("tenant");
    people.ask(HEAD, (Method::PUT, &tenant), Some(&body("ExceptEnvironments", "sales")), 201).await;
    for (who, names) in [
        (ADMINISTRATOR, json!(["one"])),
        (STRANGER, json!(["tenant"])),
        (HEAD, json!(["one", "tenant"])),
    ] {
        let listed = people.ask(who, (Method::GET, "/api/v1/data-policies"), None, 200).await;
        let found: Vec<&Value> =
            listed["value"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
        assert_eq!(json!(found), names);
    }
    people.ask(ADMINISTRATOR, (Method::DELETE, &tenant), None, 403).await;
    // a flow that moves is held where it comes to
    let world = &people.world;
    let body = json!({"name": "moving", "document": definition(json!({"Call": http("https://a.example/")}))});
    world.call(Method::POST, "/api/v1/flows?environment=other", body, 201).await;
    people.ask(HEAD, (Method::DELETE, &tenant), None, 204).await;
    let other = "/api/v1/flows/moving?environment=other";
    let since = Instant::now();
    while world.api.get(other).await["state"] != "Started" {
        assert!(since.elapsed() < WITHIN);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let move_to = "/api/v1/flows/moving/move?environment=other";
    let moved = world.call(Method::POST, move_to, json!({"environment": "sales"}), 200).await;
    assert_eq!(moved["state"], "Suspended");
    let path = "/api/v1/data-policies/violations?environment=sales";
    let held = people.ask(ADMINISTRATOR, (Method::GET, path), None, 200).await;
    assert_eq!(held["value"][0]["flow"], "moving");
    people.ask(STRANGER, (Method::GET, path), None, 403).await;
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let world = World::start().await;
    let endpoints = |rules: Value| {
        policy(json!([{"connector": "Http", "group": "Business", "endpoints": rules}]))
    };
    let twice =
        json!([{"connector": "a", "group": "Business"}, {"connector": "/x/A", "group": "Blocked"}]);
    for body in [
        policy(twice),
        policy(json!([{"connector": " ", "group": "Business"}])),
        endpoints(json!([{"pattern": "a", "access": "Allow"}])),
        endpoints(json!([{"pattern": "*", "access": "Allow"}, {"pattern": "a", "access": "Deny"}])),
        endpoints(json!([{"pattern": "", "access": "Deny"}, {"pattern": "*", "access": "Allow"}])),
        json!({"scope": {"kind": "OnlyEnvironments", "environments": []}, "defaultGroup": "Blocked"}),
    ] {
        let refused = world.call(Method::PUT, &at("p"), body, 400).await;
        assert_eq!(refused["error"]["code"], "InvalidDataPolicy", "{refused}");
    }
    world.refused(Method::GET, &at("p"), 404, "DataPolicyNotFound").await;
    world.refused(Method::DELETE, &at("p"), 404, "DataPolicyNotFound").await;
}

#[tokio::test]
async fn policies_are_set_on_the_command_line() {
    let world = World::start().await;
    world.create("order", &definition(json!({"Call": http("https://example.org/")}))).await;
    let file = world.setup.data.join("policy.json");
    let body = policy(json!([{"connector": "Http", "group": "Blocked"}]));
    std::fs::write(&file, body.to_string()).expect("a file");
    let file = file.to_str().expect("a path");
    assert!(ends(0, ask(&world, &["policy", "set", "no-http", file])).contains("no-http"));
    becomes(&world, "order", "Suspended").await;
    assert!(ends(0, ask(&world, &["policy", "list"])).contains("AllEnvironments"));
    assert!(ends(0, ask(&world, &["policy", "show", "no-http"])).contains("Blocked"));
    let held = ends(0, ask(&world, &["policy", "violations"]));
    assert!(held.contains("order") && held.contains("ConnectorBlocked"), "{held}");
    let shown = ends(0, ask(&world, &["flow", "show", "order"]));
    assert!(shown.contains("blocks the connector 'Http'"), "{shown}");
    ends(0, ask(&world, &["policy", "delete", "no-http"]));
    becomes(&world, "order", "Started").await;
}
