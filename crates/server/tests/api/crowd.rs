//! Many callers at once, and values that are large.

use crate::world::{Answer, World, compose, definition, echo, response, wait, with_trigger};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;

#[tokio::test]
async fn one_key_starts_one_run_for_a_crowd() {
    let world = World::start().await;
    let silent = definition(json!({"Rest": wait("", 1)}));
    let address = world.flow("order", &silent).await;
    let answers = join_all((0..30).map(|_| {
        let request = world.api.request(Method::POST, &address).json(&json!({}));
        Answer::of(request.header("idempotency-key", "one"))
    }))
    .await;
    let runs: HashSet<&str> = answers.iter().map(Answer::run).collect();
    assert_eq!(runs.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status == 202));
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_flow() {
    let world = World::start().await;
    let mut runs = HashSet::new();
    for flow in ["first", "second"] {
        let address = world.flow(flow, &echo()).await;
        let request = world.api.request(Method::POST, &address).json(&json!({}));
        let answer = Answer::of(request.header("idempotency-key", "same")).await;
        assert_eq!(answer.status, 200);
        runs.insert(answer.run().to_owned());
    }
    assert_eq!(runs.len(), 2);
}

#[tokio::test]
async fn a_crowd_is_answered_each_with_its_own() {
    let world = World::start().await;
    let document = definition(json!({
        "Sum": compose("", json!("@add(triggerBody()['n'], 1)")),
        "Answer": response("Sum", "@outputs('Sum')"),
    }));
    let address = world.flow("order", &document).await;
    let bodies: Vec<Value> = (0..200).map(|n| json!({"n": n})).collect();
    let answers = join_all(bodies.iter().map(|body| world.fire(&address, body))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.json(), n + 1);
    }
    let runs: HashSet<&str> = answers.iter().map(Answer::run).collect();
    assert_eq!(runs.len(), 200);
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 200);
}

#[tokio::test]
async fn no_more_runs_go_on_than_the_trigger_allows() {
    let world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http", "runtimeConfiguration":
        {"concurrency": {"runs": 2, "maximumWaitingRuns": 5}}});
    let address = world.flow("few", &with_trigger(trigger, json!({"Rest": wait("", 3_600)}))).await;
    let body = json!({});
    let answers = join_all((0..20).map(|_| world.fire(&address, &body))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(202), count(429)), (7, 13));
    let listed = |status: &'static str| {
        let path = format!("/api/v1/flows/few/runs?status={status}");
        let api = world.api.clone();
        async move { api.list(&path).await }
    };
    assert_eq!((listed("Running").await.len(), listed("Waiting").await.len()), (2, 5));
    // cancelling everybody leaves an empty gate
    let started = answers.iter().filter(|answer| answer.status == 202);
    for run in started.clone().map(Answer::run) {
        world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    }
    for run in started.map(Answer::run) {
        assert_eq!(world.api.ended(run).await["status"], "Cancelled");
    }
    let answers = join_all((0..20).map(|_| world.fire(&address, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 7);
}

#[tokio::test]
async fn an_update_during_calls_loses_none() {
    let world = World::start().await;
    let document = |text: &str| definition(json!({"Answer": response("", text)}));
    let address = world.flow("order", &document("v1")).await;
    let body = json!({});
    let calls = async {
        let mut answers = Vec::new();
        for _ in 0..100 {
            answers.push(world.fire(&address, &body).await);
        }
        answers
    };
    let updates = async {
        for number in 2..=10 {
            let body = json!({"document": document(&format!("v{number}"))});
            world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
        }
    };
    let (answers, ()) = tokio::join!(calls, updates);
    for answer in &answers {
        assert_eq!(answer.status, 200);
        // the answer is that of the version it names
        assert_eq!(answer.text, format!("v{}", answer.header("x-ms-workflow-version")));
    }
    assert_eq!(world.fire(&address, &body).await.text, "v10");
}

#[tokio::test]
async fn a_rotated_key_ends_under_load_too() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let body = json!({});
    let calls = join_all((0..60).map(|_| world.fire(&address, &body)));
    let path = "/api/v1/flows/order/keys/primary/rotate";
    let (answers, _) = tokio::join!(calls, world.api.post(path, 200));
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
    for _ in 0..20 {
        assert_eq!(world.fire(&address, &body).await.status, 401);
    }
}

#[tokio::test]
async fn large_values_come_back_whole() {
    let world = World::start().await;
    let document = definition(json!({
        "Kept": compose("", json!("@triggerBody()")),
        "Answer": response("Kept", "@outputs('Kept')"),
    }));
    let address = world.flow("order", &document).await;
    let items: Vec<Value> =
        (0..40_000).map(|n| json!({"n": n, "text": format!("größe {n}")})).collect();
    let body = json!(items);
    let answer = world.fire(&address, &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json() == body);
    let action = world.api.get(&format!("/api/v1/runs/{}/actions/Kept", answer.run())).await;
    assert!(action["inputs"] == body && action["outputs"] == body);
    let run = world.api.get(&format!("/api/v1/runs/{}", answer.run())).await;
    assert!(run["trigger"]["outputs"]["body"] == body && run["response"]["body"] == body);
}

#[tokio::test]
async fn an_updated_recurrence_goes_by_its_new_definition() {
    let world = World::start().await;
    let every = |frequency: &str| {
        let trigger = json!({"type": "Recurrence",
            "recurrence": {"frequency": frequency, "interval": 1}});
        with_trigger(trigger, json!({}))
    };
    world.create("tick", &every("Month")).await;
    let runs = || world.api.list("/api/v1/flows/tick/runs");
    let before = runs().await.len();
    let body = json!({"document": every("Second")});
    world.call(Method::PUT, "/api/v1/flows/tick", body, 200).await;
    let since = std::time::Instant::now();
    while runs().await.len() < before + 2 {
        assert!(since.elapsed() < std::time::Duration::from_secs(10), "it does not fire");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let body = json!({"document": every("Second"), "state": "Stopped"});
    let stopped = world.call(Method::PUT, "/api/v1/flows/tick", body, 200).await;
    assert_eq!(stopped["state"], "Stopped");
}
