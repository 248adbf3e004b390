//! Webhooks of connectors without their service: mocks that call back, and recordings of what
//! was told.

use crate::connector_call::{House, SECRET};
use crate::connector_webhook::{ACTIONS, TRIGGERS, restarted, runs_of, subscribes, waits};
use crate::people::OWNER;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(40);

async fn house() -> House {
    House::open(|asked, before| match asked.method == Method::POST {
        true => (201, vec![("location", format!("/api/loans/{before}"))], Value::Null),
        false => (204, Vec::new(), Value::Null),
    })
    .await
}

async fn turn(house: &House, flow: &Value, how: &str) {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("{}/{name}/{how}", house.people.flows());
    house.people.ask(OWNER, (Method::POST, &path), None, 200).await;
}

/// What the runs of a flow have told, once there are so many.
async fn told(house: &House, flow: &Value, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for run in runs_of(house, flow, count).await {
        let run = house.ended(&run).await;
        assert_eq!(run["status"], "Succeeded", "{run}");
        found.push(run["Told"]["outputs"].clone());
    }
    found.sort_by_key(Value::to_string);
    found
}

/// What the document says of notifications.
fn mocked() -> Value {
    json!({"loan": 1, "branch": "text"})
}

#[tokio::test]
async fn a_mock_calls_an_action_back() {
    let house = house().await;
    house.put_backend(OWNER, &json!({"kind": "Mock"}), 200).await;
    for kind in ACTIONS {
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let run = house.run(&flow).await;
        assert_eq!(run["Told"]["outputs"], mocked(), "{kind}: {run}");
    }
    assert!(house.backend.asked().is_empty());
}

#[tokio::test]
async fn a_mock_calls_a_trigger_each_time_that_its_flow_is_turned_on() {
    let house = house().await;
    house.put_backend(OWNER, &json!({"kind": "Mock"}), 200).await;
    let mut flows = Vec::new();
    for kind in TRIGGERS {
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        assert_eq!(told(&house, &flow, 1).await, [mocked()], "{kind}");
        turn(&house, &flow, "stop").await;
        turn(&house, &flow, "start").await;
        assert_eq!(told(&house, &flow, 2).await, [mocked(), mocked()], "{kind}");
        flows.push(flow);
    }
    // a restart turns nothing on
    let house = restarted(house).await;
    for flow in &flows {
        assert_eq!(told(&house, flow, 2).await.len(), 2);
    }
    assert!(house.backend.asked().is_empty());
}

async fn recorded(house: &House, name: &str, count: usize) -> Value {
    let path = format!("/api/v1/environments/{}/recordings/{name}/file", house.people.environment);
    let since = Instant::now();
    loop {
        let file = house.people.ask(OWNER, (Method::GET, &path), None, 200).await;
        let found = file["exchanges"].as_array().map_or(0, Vec::len);
        if found >= count {
            assert_eq!(found, count, "{file}");
            return file;
        }
        assert!(since.elapsed() < WITHIN, "{found} exchanges, expected {count}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn begin(house: &House, name: &str) {
    let path = format!("/api/v1/environments/{}/recordings", house.people.environment);
    house.people.ask(OWNER, (Method::POST, &path), Some(&json!({"name": name})), 201).await;
    let record = json!({"kind": "Recording", "recording": name, "mode": "Record"});
    house.put_backend(OWNER, &record, 200).await;
}

async fn replay(house: &House, name: &str) {
    let replay = json!({"kind": "Recording", "recording": name, "mode": "Replay"});
    house.put_backend(OWNER, &replay, 200).await;
}

/// The last address that the service was given.
async fn callback(house: &House, count: usize) -> String {
    let since = Instant::now();
    loop {
        let asked = house.backend.asked();
        let asked: Vec<_> = asked.iter().filter(|it| it.method == Method::POST).collect();
        if asked.len() == count {
            let body = asked[count - 1].json();
            let to = body["callback"].as_str().expect("an address");
            return crate::support::api::path_of(to).to_owned();
        }
        assert!(since.elapsed() < WITHIN, "{} subscriptions", asked.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_an_action_was_told_is_recorded_and_told_again() {
    for kind in ACTIONS {
        let house = house().await;
        begin(&house, "Loans").await;
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let name = flow["name"].as_str().expect("a name");
        let path = format!("{}/{name}/triggers/manual/run", house.people.flows());
        for n in 1..=2 {
            let run = house.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
            let to = callback(&house, n).await;
            let body = json!({"answer": n, "key": SECRET});
            assert_eq!(house.people.world.fire(&to, &body).await.status, 200, "{kind}");
            let run = house.ended(run["name"].as_str().expect("a run")).await;
            assert_eq!(run["Told"]["outputs"]["answer"], n, "{kind}: {run}");
            // the subscription's answer, and what was told
            recorded(&house, "Loans", 2 * n).await;
        }
        let file = recorded(&house, "Loans", 4).await;
        let text = file.to_string();
        assert!(!text.contains("/callbacks/") && !text.contains(SECRET), "{text}");
        let exchanges = file["exchanges"].as_array().expect("exchanges");
        let deliveries = exchanges.iter().filter(|it| it["delivery"].is_object());
        let bodies: Vec<&Value> = deliveries.map(|it| &it["delivery"]["body"]["answer"]).collect();
        assert_eq!(bodies, [1, 2], "{text}");
        let requests: Vec<&Value> = exchanges.iter().map(|it| &it["request"]["body"]).collect();
        assert_eq!(requests, [&json!({"branch": "north", "callback": "********"}); 4], "{kind}");
        // the file is the same recording somewhere else
        let mut copy = file.clone();
        copy["name"] = json!("Copy");
        let path = format!("/api/v1/environments/{}/recordings", house.people.environment);
        house.people.ask(OWNER, (Method::POST, &path), Some(&copy), 201).await;
        let before = house.backend.asked().len();
        for name in ["Loans", "Copy"] {
            replay(&house, name).await;
            for n in [1, 2, 2] {
                let run = house.run(&flow).await;
                assert_eq!(run["Told"]["outputs"]["answer"], n, "{kind} {name}: {run}");
            }
        }
        assert_eq!(house.backend.asked().len(), before, "nothing is called");
    }
}

#[tokio::test]
async fn what_a_trigger_was_told_is_recorded_and_told_again() {
    for kind in TRIGGERS {
        let house = house().await;
        begin(&house, "Loans").await;
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        let to = callback(&house, 1).await;
        recorded(&house, "Loans", 1).await;
        // one of the deliveries comes twice
        for (id, n) in [("a", 1), ("a", 1), ("b", 2)] {
            let request = house.people.world.api.request(Method::POST, &to);
            let request = request.header("webhook-id", id).json(&json!({"n": n}));
            let answer = crate::world::Answer::of(request).await;
            assert_eq!(answer.status, 202, "{kind}: {answer:?}");
        }
        assert_eq!(told(&house, &flow, 2).await, [json!({"n": 1}), json!({"n": 2})]);
        let file = recorded(&house, "Loans", 3).await.to_string();
        assert!(!file.contains("sig="), "{file}");
        replay(&house, "Loans").await;
        let before = house.backend.asked().len();
        turn(&house, &flow, "stop").await;
        turn(&house, &flow, "start").await;
        let again = [json!({"n": 1}), json!({"n": 1}), json!({"n": 2}), json!({"n": 2})];
        assert_eq!(told(&house, &flow, 4).await, again, "{kind}");
        assert_eq!(house.backend.asked().len(), before, "nothing is called");
    }
}
