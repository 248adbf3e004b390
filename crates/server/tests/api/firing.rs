//! When a trigger starts runs, and how many: conditions, splitOn, concurrency, keys,
//! recurrences.

use crate::world::{Answer, World, compose, definition, echo, response, wait, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(15);

async fn runs(world: &World, flow: &str) -> Vec<Value> {
    world.api.list(&format!("/api/v1/flows/{flow}/runs")).await
}

/// Waits until a flow has at least so many runs.
async fn runs_at_least(world: &World, flow: &str, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let found = runs(world, flow).await;
        if found.len() >= count {
            return found;
        }
        assert!(since.elapsed() < WITHIN, "{} runs of {flow}, expected {count}", found.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_false_condition_starts_nothing() {
    let world = World::start().await;
    let mut document = echo();
    document["triggers"]["manual"]["conditions"] =
        json!([{"expression": "@greater(triggerBody()['n'], 5)"}]);
    let address = world.flow("order", &document).await;
    let answer = world.fire(&address, &json!({"n": 1})).await;
    assert_eq!(answer.status, 202);
    assert!(answer.headers.get("x-ms-workflow-run-id").is_none());
    assert!(runs(&world, "order").await.is_empty());
    assert_eq!(world.fire(&address, &json!({"n": 6})).await.status, 200);
    assert_eq!(runs(&world, "order").await.len(), 1);
    let answer = world.fire(&address, &json!({})).await;
    assert!((400..500).contains(&answer.status) || answer.status == 202, "{answer:?}");
    assert_eq!(runs(&world, "order").await.len(), 1);
}

#[tokio::test]
async fn an_array_is_split_into_runs() {
    let world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http", "splitOn": "@triggerBody()?['items']"});
    let document = with_trigger(trigger, json!({"Item": compose("", json!("@triggerBody()"))}));
    let address = world.flow("split", &document).await;
    let answer = world.fire(&address, &json!({"items": ["a", "b", {"n": 3}]})).await;
    assert_eq!(answer.status, 202);
    let started = runs(&world, "split").await;
    assert_eq!(started.len(), 3);
    let mut items = Vec::new();
    for run in started.iter().rev() {
        let id = run["id"].as_str().expect("an id");
        assert_eq!(world.api.ended(id).await["status"], "Succeeded");
        items.push(
            world.api.get(&format!("/api/v1/runs/{id}/actions/Item")).await["outputs"].clone(),
        );
    }
    assert_eq!(items, [json!("a"), json!("b"), json!({"n": 3})]);
    assert_eq!(world.fire(&address, &json!({"items": []})).await.status, 202);
    assert_eq!(runs(&world, "split").await.len(), 3);
    let answer = world.fire(&address, &json!({"items": "none"})).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(runs(&world, "split").await.len(), 3);
}

fn one_at_a_time(waiting: u32) -> Value {
    let trigger = json!({"type": "Request", "kind": "Http", "runtimeConfiguration":
        {"concurrency": {"runs": 1, "maximumWaitingRuns": waiting}}});
    let gate = json!({"type": "Until", "runAfter": {}, "expression": "@equals(1, 2)",
        "limit": {"count": 5000, "timeout": "PT1H"}, "actions": {"Rest": wait("", 3_600)}});
    with_trigger(trigger, json!({"Gate": gate}))
}

#[tokio::test]
async fn starts_beyond_the_limit_wait_and_then_run() {
    let world = World::start().await;
    let address = world.flow("single", &one_at_a_time(2)).await;
    let mut started = Vec::new();
    for _ in 0..3 {
        let answer = world.fire(&address, &json!({})).await;
        assert_eq!(answer.status, 202);
        started.push(answer.run().to_owned());
    }
    let answer = world.fire(&address, &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "WorkflowRunsWaitingLimitExceeded"));
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let states = |list: Vec<Value>| -> Vec<String> {
        list.iter().rev().map(|run| run["status"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(states(runs(&world, "single").await), ["Running", "Waiting", "Waiting"]);
    world.api.post(&format!("/api/v1/runs/{}/cancel", started[0]), 202).await;
    world.api.run_when(&started[1], |run| run["status"] == "Running").await;
    assert_eq!(states(runs(&world, "single").await), ["Cancelled", "Running", "Waiting"]);
    // a run that waits is cancelled without having run
    world.api.post(&format!("/api/v1/runs/{}/cancel", started[2]), 202).await;
    assert_eq!(world.api.ended(&started[2]).await["status"], "Cancelled");
    assert_eq!(world.fire(&address, &json!({})).await.status, 202);
}

#[tokio::test]
async fn waiting_starts_outlive_a_restart() {
    let mut world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http",
        "runtimeConfiguration": {"concurrency": {"runs": 1}}});
    let document = with_trigger(trigger, json!({"Rest": wait("", 1)}));
    let address = world.flow("single", &document).await;
    let mut started = Vec::new();
    for _ in 0..3 {
        started.push(world.fire(&address, &json!({})).await.run().to_owned());
    }
    world.server.kill();
    world.server = world.setup.start().await;
    world.api = world.server.api();
    let mut ends = Vec::new();
    for run in &started {
        let run = world.api.ended(run).await;
        assert_eq!(run["status"], "Succeeded");
        ends.push(run["endTime"].as_str().expect("a time").to_owned());
    }
    assert!(ends.is_sorted(), "{ends:?}");
}

#[tokio::test]
async fn a_run_of_a_limited_flow_answers_its_caller() {
    let world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http", "operationOptions": "SingleInstance"});
    let document =
        with_trigger(trigger, json!({"Rest": wait("", 1), "Answer": response("Rest", "ok")}));
    let address = world.flow("single", &document).await;
    let body = json!({});
    let (one, two) = tokio::join!(world.fire(&address, &body), world.fire(&address, &body));
    assert_eq!((one.text.as_str(), two.text.as_str()), ("ok", "ok"));
}

#[tokio::test]
async fn the_same_idempotency_key_starts_one_run() {
    let world = World::start().await;
    let silent = world.flow("silent", &definition(json!({"A": compose("", json!(1))}))).await;
    let loud = world.flow("loud", &echo()).await;
    for address in [&silent, &loud] {
        let call = |key: &'static str| {
            let request = world.api.request(Method::POST, address).json(&json!({"n": 1}));
            Answer::of(request.header("Idempotency-Key", key))
        };
        let first = call("k1").await;
        let again = call("k1").await;
        assert_eq!(first.run(), again.run());
        let other = call("k2").await;
        assert_ne!(first.run(), other.run());
    }
    assert_eq!(runs(&world, "silent").await.len(), 2);
    assert_eq!(runs(&world, "loud").await.len(), 2);
}

#[tokio::test]
async fn a_recurrence_fires_until_it_is_turned_off() {
    let world = World::start().await;
    let every = |second: u32| {
        json!({"type": "Recurrence",
        "recurrence": {"frequency": "Second", "interval": second}})
    };
    let document =
        with_trigger(every(1), json!({"When": compose("", json!("@trigger()?['scheduledTime']"))}));
    let body = json!({"name": "tick", "document": document, "dialect": "logic-apps"});
    world.call(Method::POST, "/api/v1/flows", body, 201).await;
    let found = runs_at_least(&world, "tick", 2).await;
    world.api.ended(found[0]["id"].as_str().expect("an id")).await;
    world.api.post("/api/v1/flows/tick/disable", 200).await;
    let after = runs(&world, "tick").await.len();
    // another one fires twice meanwhile: the first would have, too
    let second = json!({"name": "second", "document": with_trigger(every(1), json!({}))});
    world.call(Method::POST, "/api/v1/flows", second, 201).await;
    runs_at_least(&world, "second", 2).await;
    assert_eq!(runs(&world, "tick").await.len(), after);
    world.api.post("/api/v1/flows/tick/enable", 200).await;
    runs_at_least(&world, "tick", after + 1).await;
    let by_hand = world.api.post("/api/v1/flows/tick/run", 202).await;
    world.api.ended(by_hand["run"].as_str().expect("a run")).await;
    assert_eq!(world.api.call(Method::DELETE, "/api/v1/flows/tick", None).await.0, 204);
}

#[tokio::test]
async fn a_recurrence_goes_on_after_a_restart() {
    let mut world = World::start().await;
    let trigger = json!({"type": "Recurrence",
        "recurrence": {"frequency": "Second", "interval": 1}});
    world.create("tick", &with_trigger(trigger, json!({}))).await;
    let before = runs_at_least(&world, "tick", 1).await.len();
    world.server.kill();
    world.server = world.setup.start().await;
    world.api = world.server.api();
    runs_at_least(&world, "tick", before + 2).await;
}
