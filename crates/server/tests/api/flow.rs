//! Flows: create, list, get, update, delete, enable and disable.

use crate::world::{World, compose, definition, echo, path, response, wait, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().map(|flow| flow["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_flow_is_created_shown_listed_and_deleted() {
    let world = World::start().await;
    let made = world.create("order", &echo()).await;
    assert_eq!(made["name"], "order");
    assert_eq!(made["displayName"], "order");
    assert_eq!(made["environment"], "default");
    assert_eq!(made["state"], "Started");
    assert_eq!(made["dialect"], "logic-apps");
    assert_eq!(made["version"], 1);
    assert_eq!(made["triggers"], json!([{"name": "manual", "type": "Request", "kind": "Http"}]));
    assert!(made["createdTime"].as_str().is_some_and(|time| time.ends_with('Z')), "{made}");
    let shown = world.api.get("/api/v1/flows/order").await;
    assert_eq!(shown["id"], made["id"]);
    assert_eq!(shown["definition"], echo());
    assert_eq!(names(&world.api.list("/api/v1/flows").await), ["order"]);
    let (status, _) = world.api.call(Method::DELETE, "/api/v1/flows/order", None).await;
    assert_eq!(status, 204);
    world.refused(Method::GET, "/api/v1/flows/order", 404, "FlowNotFound").await;
    world.refused(Method::DELETE, "/api/v1/flows/order", 404, "FlowNotFound").await;
    assert!(world.api.list("/api/v1/flows").await.is_empty());
}

#[tokio::test]
async fn a_name_is_given_once_and_must_be_one() {
    let world = World::start().await;
    world.create("order", &echo()).await;
    let again = json!({"name": "order", "document": echo()});
    let answer = world.call(Method::POST, "/api/v1/flows", again, 409).await;
    assert_eq!(answer["error"]["code"], "FlowExists");
    for name in ["", " ", "a/b", "a?b", "a#b", "a%b", "a\nb", "a\\b", &"x".repeat(129)] {
        let body = json!({"name": name, "document": echo()});
        let answer = world.call(Method::POST, "/api/v1/flows", body, 400).await;
        assert_eq!(answer["error"]["code"], "InvalidName", "{name}");
    }
    let missing = json!({"document": echo()});
    let answer = world.call(Method::POST, "/api/v1/flows", missing, 400).await;
    assert_eq!(answer["error"]["code"], "InvalidName");
}

#[tokio::test]
async fn what_a_flow_is_made_of_is_checked() {
    let world = World::start().await;
    for (member, value) in [
        ("state", json!("Paused")),
        ("dialect", json!("other")),
        ("nmae", json!("x")),
        ("displayName", json!(1)),
        ("document", json!("text")),
        ("parameters", json!([])),
    ] {
        let mut body = json!({"name": "order", "document": echo()});
        body[member] = value;
        let answer = world.call(Method::POST, "/api/v1/flows", body, 400).await;
        assert!(answer["error"]["message"].is_string(), "{member}: {answer}");
    }
    let body = json!({"name": "order"});
    world.call(Method::POST, "/api/v1/flows", body, 400).await;
    world.refused(Method::GET, "/api/v1/flows/order", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn all_faults_of_a_definition_are_told_with_their_places() {
    let world = World::start().await;
    let bad = definition(json!({
        "A": compose("", json!("@add(1")),
        "B": compose("Missing", json!("x")),
    }));
    let body = json!({"name": "bad", "document": bad});
    let answer = world.call(Method::POST, "/api/v1/flows", body, 400).await;
    assert_eq!(answer["error"]["code"], "InvalidDefinition");
    let details = answer["error"]["details"].as_array().expect("details");
    let paths: Vec<&str> = details.iter().filter_map(|it| it["path"].as_str()).collect();
    assert!(paths.contains(&"$.actions.A.inputs"), "{details:?}");
    assert!(paths.iter().any(|path| path.starts_with("$.actions.B.runAfter")), "{details:?}");
    assert!(details.iter().any(|it| it["offset"].is_u64()), "{details:?}");
}

#[tokio::test]
async fn wrappers_around_a_definition_are_understood() {
    let world = World::start().await;
    let references = json!({"shared_x": {"connection": {"id": "/c/x"}}});
    let resource = json!({"type": "Microsoft.Logic/workflows", "name": "arm",
        "apiVersion": "2019-05-01", "location": "westeurope",
        "properties": {"state": "Enabled", "definition": echo(), "parameters": {}}});
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "parameters": {}, "resources": [resource.clone()]});
    for (name, document) in [
        ("references", json!({"definition": echo(), "connectionReferences": references})),
        ("kind", json!({"definition": echo(), "kind": "Stateful"})),
        ("properties", json!({"properties": {"definition": echo()}})),
        ("resource", resource),
        ("template", template),
    ] {
        world.create(name, &document).await;
        let shown = world.api.get(&format!("/api/v1/flows/{name}")).await;
        assert_eq!(shown["definition"], echo(), "{name}");
        if name == "references" {
            assert_eq!(shown["connectionReferences"], references);
        }
    }
}

#[tokio::test]
async fn values_of_parameters_are_used_and_secured() {
    let world = World::start().await;
    let mut document = definition(json!({"Answer": response("", "@parameters('limit')")}));
    document["parameters"] = json!({"limit": {"type": "Int", "defaultValue": 3}});
    let body = json!({"name": "limited", "document": document, "parameters": {"limit": 7}});
    world.call(Method::POST, "/api/v1/flows", body, 201).await;
    let address = world.api.trigger_path("limited").await;
    assert_eq!(world.fire(&address, &json!({})).await.json(), 7);
}

#[tokio::test]
async fn flows_come_in_pages() {
    let world = World::start().await;
    let expected = ["a b", "c&d=e", "größe", "x", "y+z"];
    for name in expected {
        world.create(name, &echo()).await;
    }
    let mut found = Vec::new();
    let mut next = Some("/api/v1/flows?top=2".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = world.api.get(&path).await;
        let flows = page["value"].as_array().expect("a list");
        assert!(flows.len() <= 2);
        found.extend(names(flows).into_iter().map(str::to_owned));
        next = page["nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert_eq!(found, expected);
    assert_eq!(pages, 3);
    for query in ["top=0", "top=1001", "top=x", "top=-1"] {
        world.refused(Method::GET, &format!("/api/v1/flows?{query}"), 400, "InvalidQuery").await;
    }
}

#[tokio::test]
async fn environments_hold_flows_apart() {
    let world = World::start().await;
    world.create("order", &echo()).await;
    let body = json!({"name": "order", "document": echo()});
    let path = "/api/v1/flows?environment=test";
    let answer = world.call(Method::POST, path, body.clone(), 404).await;
    assert_eq!(answer["error"]["code"], "EnvironmentNotFound");
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    world.call(Method::POST, path, body, 201).await;
    let shown = world.api.get("/api/v1/flows/order?environment=test").await;
    assert_eq!(shown["environment"], "test");
    assert_eq!(world.api.list("/api/v1/flows?environment=test").await.len(), 1);
    world.refused(Method::GET, "/api/v1/flows/order?environment=no", 404, "FlowNotFound").await;
    let path = "/api/v1/flows/order?environment=test";
    assert_eq!(world.api.call(Method::DELETE, path, None).await.0, 204);
    world.api.get("/api/v1/flows/order").await;
}

#[tokio::test]
async fn a_stopped_flow_takes_no_calls() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    assert_eq!(world.api.post("/api/v1/flows/order/disable", 200).await["state"], "Stopped");
    assert_eq!(world.api.post("/api/v1/flows/order/disable", 200).await["state"], "Stopped");
    let answer = world.fire(&address, &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "WorkflowTriggerIsNotEnabled"));
    let run = "/api/v1/flows/order/run";
    world.refused(Method::POST, run, 409, "WorkflowTriggerIsNotEnabled").await;
    assert_eq!(world.api.post("/api/v1/flows/order/enable", 200).await["state"], "Started");
    assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 1);
    let body = json!({"name": "later", "document": echo(), "state": "Stopped"});
    let made = world.call(Method::POST, "/api/v1/flows", body, 201).await;
    assert_eq!(made["state"], "Stopped");
    world.refused(Method::POST, "/api/v1/flows/none/enable", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn a_flow_is_fired_by_hand() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    let path = "/api/v1/flows/order/run";
    let body = json!({"body": {"n": 1}, "headers": {"X-Own": "yes"}});
    let request = world.api.request(Method::POST, path).bearer_auth(crate::support::TOKEN);
    let request = request.header("x-ms-client-tracking-id", "mine").json(&body);
    let answer = crate::world::Answer::of(request).await;
    assert_eq!(answer.status, 202);
    let started = answer.json();
    assert_eq!(started["flow"], "order");
    let run = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "Succeeded");
    assert_eq!(run["correlation"]["clientTrackingId"], "mine");
    assert_eq!(run["trigger"]["outputs"], json!({"headers": {"X-Own": "yes"}, "body": {"n": 1}}));
    let answer = world.call(Method::POST, path, json!({"body": null}), 202).await;
    let run = world.api.ended(answer["run"].as_str().expect("a run")).await;
    assert_eq!(run["trigger"]["outputs"]["body"], Value::Null);
    world.call(Method::POST, path, json!({"boddy": 1}), 400).await;
    world.refused(Method::POST, &format!("{path}?trigger=other"), 404, "TriggerNotFound").await;
    world.refused(Method::POST, "/api/v1/flows/none/run", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn a_flow_without_a_trigger_type_we_serve_runs_by_hand() {
    let world = World::start().await;
    let document =
        with_trigger(json!({"type": "Batch", "inputs": {}}), json!({"A": compose("", json!(1))}));
    let made = world.create("polled", &document).await;
    assert!(made["problems"].is_array(), "{made}");
    let started = world.api.post("/api/v1/flows/polled/run", 202).await;
    let run = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "Succeeded");
    let address = "/api/v1/flows/polled/callback-url";
    world.refused(Method::POST, address, 400, "TriggerNotCallable").await;
}

#[tokio::test]
async fn a_deleted_flow_is_restored_with_its_runs() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 3_600)}));
    let address = world.flow("long", &document).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let restore = "/api/v1/flows/long/restore";
    world.refused(Method::POST, restore, 400, "FlowNotDeleted").await;
    world.call(Method::DELETE, "/api/v1/flows/long", json!(null), 204).await;
    assert_eq!(world.fire(&address, &json!({})).await.code(), "WorkflowTriggerIsNotEnabled");
    assert_eq!(world.api.get(&format!("/api/v1/runs/{run}")).await["status"], "Cancelled");
    assert!(world.api.list("/api/v1/flows").await.is_empty());
    let listed = world.api.list("/api/v1/flows?deleted=true").await;
    assert_eq!(listed[0]["displayName"], "long");
    let back = world.api.post(restore, 200).await;
    assert_eq!((&back["name"], &back["state"]), (&json!("long"), &json!("Stopped")));
    assert_eq!(world.api.list("/api/v1/flows/long/runs").await[0]["id"], run.as_str());
    // its name is free again: another may have it, and keeps it
    world.call(Method::DELETE, "/api/v1/flows/long", json!(null), 204).await;
    let second = world.create("long", &document).await;
    let back = world.api.post(restore, 200).await;
    assert_ne!((&back["name"], &back["id"]), (&json!("long"), &second["id"]));
    assert_eq!(world.api.get("/api/v1/flows/long").await["id"], second["id"]);
    world.refused(Method::POST, "/api/v1/flows/none/restore", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn a_purged_flow_takes_its_runs_along() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 3_600)}));
    let address = world.flow("long", &document).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let answer = world.fire(&address, &json!({})).await;
        assert_eq!(answer.status, 202);
        runs.push(answer.run().to_owned());
    }
    let (status, body) =
        world.api.call(Method::DELETE, "/api/v1/flows/long?purge=true", None).await;
    assert_eq!(status, 204, "{body}");
    for run in &runs {
        world.refused(Method::GET, &format!("/api/v1/runs/{run}"), 404, "RunNotFound").await;
    }
    assert_eq!(world.fire(&address, &json!({})).await.status, 401);
    world.flow("long", &document).await;
    assert!(world.api.list("/api/v1/flows/long/runs").await.is_empty());
}

#[tokio::test]
async fn a_name_with_spaces_works_everywhere() {
    let world = World::start().await;
    world.create("my flow & more", &echo()).await;
    let base = "/api/v1/flows/my%20flow%20%26%20more";
    assert_eq!(world.api.get(base).await["name"], "my flow & more");
    let address = path(&world.api.post(&format!("{base}/callback-url"), 200).await);
    for _ in 0..3 {
        assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    }
    let page = world.api.get(&format!("{base}/runs?top=2")).await;
    let link = page["nextLink"].as_str().expect("a link");
    assert!(link.starts_with(&format!("{base}/runs?")), "{link}");
    let rest = world.api.get(link).await;
    assert_eq!(rest["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest.get("nextLink"), None);
}

#[tokio::test]
async fn validate_tells_every_problem() {
    let world = World::start().await;
    let path = "/api/v1/validate";
    let good = world.call(Method::POST, path, json!({"document": echo()}), 200).await;
    assert_eq!(good, json!({"valid": true, "problems": []}));
    let odd = definition(json!({"A": compose("", json!("@noSuchFunction(1)"))}));
    let odd = world.call(Method::POST, path, json!({"document": odd}), 200).await;
    assert_eq!(odd["valid"], true);
    assert_eq!(odd["problems"][0]["severity"], "warning", "{odd}");
    assert_eq!(odd["problems"][0]["path"], "$.actions.A.inputs", "{odd}");
    let bad = definition(json!({"A": compose("", json!("@add(1,")), "B": {"type": "Compose"}}));
    let bad = world.call(Method::POST, path, json!({"document": bad}), 200).await;
    assert_eq!(bad["valid"], false);
    let dialect = json!({"document": echo(), "dialect": "neither"});
    world.call(Method::POST, path, dialect, 400).await;
}
