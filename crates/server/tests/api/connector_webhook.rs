//! Webhooks of connectors over real HTTP: every type of action that waits to be called back,
//! and every type of trigger that subscribes.

use crate::backend::{Asked, Told};
use crate::connector_call::{House, SECRET, power};
use crate::people::OWNER;
use crate::webhook::plain_post;
use crate::world::{Answer, compose, definition, with_trigger};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(40);

pub const ACTIONS: [&str; 2] = ["OpenApiConnectionWebhook", "ApiConnectionWebhook"];
pub const TRIGGERS: [&str; 3] =
    ["OpenApiConnectionWebhook", "ApiConnectionWebhook", "OpenApiConnectionNotification"];

/// What a type subscribes with, as definitions write it: who names a path names no method.
fn subscribing(kind: &str) -> Value {
    let inputs = match kind.starts_with("OpenApi") {
        true => json!({
            "host": {"connectionName": "shared_library", "operationId": "OnLoan",
                "apiId": "/providers/Microsoft.PowerApps/apis/shared_library"},
            "parameters": {"subscription/branch": "north"}}),
        false => json!({
            "host": {"connection":
                {"name": "@parameters('$connections')['shared_library']['connectionId']"}},
            "path": "/loans",
            "body": {"callback": "@{listCallbackUrl()}", "branch": "north"}}),
    };
    json!({"type": kind, "inputs": inputs})
}

/// A flow with an action that waits, and one that tells what it got.
pub fn waits(kind: &str) -> Value {
    let mut ask = subscribing(kind);
    ask["runAfter"] = json!({});
    power(definition(json!({"Ask": ask, "Told": compose("Ask", json!("@body('Ask')"))})))
}

/// A flow with a trigger that subscribes, and an action that tells what it got.
pub fn subscribes(kind: &str) -> Value {
    power(with_trigger(subscribing(kind), json!({"Told": compose("", json!("@triggerBody()"))})))
}

/// What a service knows: by the keys of those who asked, the numbers of their subscriptions. A
/// question that is asked again has the same key, and is about the same subscription.
#[derive(Default)]
struct Known(Mutex<Vec<String>>);

impl Known {
    fn subscribed(&self, asked: &Asked) -> Told {
        let mut keys = self.0.lock().expect("the keys");
        let key = asked.header("idempotency-key");
        assert!(!key.is_empty());
        let number = keys.iter().position(|it| it == key).unwrap_or_else(|| {
            keys.push(key.to_owned());
            keys.len() - 1
        });
        (201, vec![("location", format!("/api/loans/{number}"))], Value::Null)
    }
}

fn fine() -> impl Fn(&Asked, usize) -> Told + Send + Sync + 'static {
    let known = Known::default();
    move |asked, _| match is_subscribing(asked) {
        true => known.subscribed(asked),
        false => (204, Vec::new(), Value::Null),
    }
}

fn is_subscribing(asked: &Asked) -> bool {
    asked.method == Method::POST
}

fn is_ending(asked: &Asked) -> bool {
    asked.method == Method::DELETE
}

/// Path and query of the address that the service was given; what else it was asked is right.
fn callback(asked: &Asked) -> String {
    let body = asked.json();
    assert_eq!((asked.line().as_str(), asked.header("x-key")), ("POST /api/loans", SECRET));
    assert_eq!(body["branch"], "north");
    let url = body["callback"].as_str().expect("an address");
    crate::support::api::path_of(url).to_owned()
}

/// Starts a flow with a Request trigger; the run.
async fn start(house: &House, flow: &Value) -> String {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("{}/{name}/triggers/manual/run", house.people.flows());
    let run = house.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
    run["name"].as_str().expect("a run").to_owned()
}

async fn turn(house: &House, flow: &Value, how: &str) {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("{}/{name}/{how}", house.people.flows());
    house.people.ask(OWNER, (Method::POST, &path), None, 200).await;
}

/// The same house after its server has gone down and come up.
pub async fn restarted(mut house: House) -> House {
    assert!(house.people.world.server.stop().await.success());
    house.people.world.server = house.people.world.setup.start().await;
    house.people.world.api = house.people.world.server.api();
    house
}

/// The runs of a flow once there are so many; no more come within a while.
pub async fn runs_of(house: &House, flow: &Value, count: usize) -> Vec<String> {
    let name = flow["name"].as_str().expect("a name");
    let path = format!("/api/v1/flows/{name}/runs?environment={}", house.people.environment);
    let since = Instant::now();
    loop {
        let runs = house.people.world.api.list(&path).await;
        if runs.len() >= count {
            let id = |it: &Value| it["id"].as_str().expect("an id").to_owned();
            return runs.iter().map(id).collect();
        }
        assert!(since.elapsed() < WITHIN, "{} runs, expected {count}", runs.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < WITHIN, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How many subscriptions the service was asked for.
fn subscriptions(house: &House) -> usize {
    let asked = house.backend.asked();
    let asked = asked.iter().filter(|it| is_subscribing(it));
    asked.map(|it| it.header("idempotency-key")).collect::<BTreeSet<_>>().len()
}

/// How often it was asked to end one.
fn ends(house: &House) -> usize {
    house.backend.asked().iter().filter(|it| is_ending(it)).count()
}

#[tokio::test]
async fn an_action_that_is_called_back_twice_hears_the_first() {
    join_all(ACTIONS.map(async |kind| {
        let house = House::open(fine()).await;
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let run = start(&house, &flow).await;
        let to = callback(&house.backend.wait_for(is_subscribing).await);
        let first = house.people.world.fire(&to, &json!({"answer": 1})).await;
        assert_eq!(first.status, 200, "{kind}: {first:?}");
        // the same again, and something else
        for again in [json!({"answer": 1}), json!({"answer": 2})] {
            let second = house.people.world.fire(&to, &again).await;
            assert!([200, 410].contains(&second.status), "{kind}: {second:?}");
        }
        let run = house.ended(&run).await;
        assert_eq!(run["Told"]["outputs"], json!({"answer": 1}), "{kind}: {run}");
        until("the address ends", async || {
            house.people.world.fire(&to, &json!({"answer": 3})).await.status == 410
        })
        .await;
        // it was answered: there is nothing to end
        assert_eq!((subscriptions(&house), ends(&house)), (1, 0), "{kind}");
    }))
    .await;
}

/// A service that calls back first, and answers then.
async fn early() -> House {
    let server: Arc<OnceLock<String>> = Arc::default();
    let (address, known) = (Arc::clone(&server), Known::default());
    let house = House::open(move |asked, _| {
        if is_ending(asked) {
            return (204, Vec::new(), Value::Null);
        }
        let url = format!("{}{}", address.get().expect("an address"), callback(asked));
        let url: reqwest::Url = url.parse().expect("a URL");
        let status = std::thread::spawn(move || plain_post(&url, r#"{"answer": "early"}"#));
        // who asks once more, to end it, hears nothing
        assert!([200, 202, 409, 410].contains(&status.join().expect("called")));
        known.subscribed(asked)
    })
    .await;
    server.set(house.people.world.api.url("")).expect("the first");
    house
}

#[tokio::test]
async fn a_call_that_comes_before_the_subscription_is_answered_counts() {
    join_all(ACTIONS.map(async |kind| {
        let house = early().await;
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let run = house.run(&flow).await;
        assert_eq!(run["Told"]["outputs"], json!({"answer": "early"}), "{kind}: {run}");
        until("the address ends", async || {
            let to = callback(&house.backend.asked()[0]);
            house.people.world.fire(&to, &json!({})).await.status == 410
        })
        .await;
        assert_eq!(subscriptions(&house), 1, "{kind}");
    }))
    .await;
    join_all(TRIGGERS.map(async |kind| {
        let house = early().await;
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        let runs = runs_of(&house, &flow, 1).await;
        let run = house.ended(&runs[0]).await;
        assert_eq!(run["Told"]["outputs"], json!({"answer": "early"}), "{kind}: {run}");
        // and it is ended where the answer said
        turn(&house, &flow, "stop").await;
        let end = house.backend.wait_for(is_ending).await;
        assert_eq!(end.path, "/api/loans/0", "{kind}");
        assert_eq!(runs_of(&house, &flow, 1).await.len(), 1, "{kind}");
    }))
    .await;
}

/// A service at which nothing can be ended at first.
async fn losing() -> (House, Arc<AtomicBool>) {
    let is_back = Arc::new(AtomicBool::new(false));
    let (is_there, known) = (Arc::clone(&is_back), Known::default());
    let house = House::open(move |asked, _| match is_subscribing(asked) {
        true => known.subscribed(asked),
        false if is_there.load(Ordering::SeqCst) => (204, Vec::new(), Value::Null),
        false => (503, Vec::new(), Value::Null),
    });
    (house.await, is_back)
}

/// What is owed is not forgotten by a restart, and is done once the service is back.
async fn is_cleaned_up(house: House, is_back: &AtomicBool, kind: &str) {
    let lost = house.backend.wait_for(is_ending).await;
    assert_eq!((lost.path.as_str(), lost.header("x-key")), ("/api/loans/0", SECRET), "{kind}");
    let house = restarted(house).await;
    is_back.store(true, Ordering::SeqCst);
    let before = ends(&house);
    until("the subscription is ended", async || ends(&house) > before).await;
    let end = house.backend.asked().pop().expect("a call");
    assert_eq!((end.line().as_str(), end.header("x-key")), ("DELETE /api/loans/0", SECRET));
    assert_eq!(subscriptions(&house), 1, "{kind}");
}

#[tokio::test]
async fn an_unsubscribe_that_is_lost_is_made_up_for_after_a_restart() {
    join_all(ACTIONS.map(async |kind| {
        let (house, is_back) = losing().await;
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let run = start(&house, &flow).await;
        let to = callback(&house.backend.wait_for(is_subscribing).await);
        let api = &house.people.world.api;
        api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
        assert_eq!(api.ended(&run).await["status"], "Cancelled");
        house.backend.wait_for(is_ending).await;
        assert_eq!(house.people.world.fire(&to, &json!({})).await.status, 410, "{kind}");
        is_cleaned_up(house, &is_back, kind).await;
    }))
    .await;
    join_all(TRIGGERS.map(async |kind| {
        let (house, is_back) = losing().await;
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        house.backend.wait_for(is_subscribing).await;
        turn(&house, &flow, "stop").await;
        is_cleaned_up(house, &is_back, kind).await;
    }))
    .await;
}

#[tokio::test]
async fn who_is_called_back_after_a_restart_is_found() {
    join_all(ACTIONS.map(async |kind| {
        let house = House::open(fine()).await;
        let flow = house.flow(OWNER, &waits(kind), 201).await;
        let run = start(&house, &flow).await;
        let to = callback(&house.backend.wait_for(is_subscribing).await);
        let house = restarted(house).await;
        assert_eq!(house.people.world.fire(&to, &json!(7)).await.status, 200, "{kind}");
        assert_eq!(house.ended(&run).await["Told"]["outputs"], 7, "{kind}");
    }))
    .await;
    join_all(TRIGGERS.map(async |kind| {
        let house = House::open(fine()).await;
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        let to = callback(&house.backend.wait_for(is_subscribing).await);
        let house = restarted(house).await;
        let answer = house.people.world.fire(&to, &json!(7)).await;
        assert_eq!(answer.status, 202, "{kind}: {answer:?}");
        assert_eq!(house.ended(answer.run()).await["Told"]["outputs"], 7, "{kind}");
        turn(&house, &flow, "stop").await;
        let end = house.backend.wait_for(is_ending).await;
        assert_eq!((end.path.as_str(), end.header("x-key")), ("/api/loans/0", SECRET), "{kind}");
        // the address was not asked for again
        assert_eq!(subscriptions(&house), 1, "{kind}");
    }))
    .await;
}

async fn deliver(house: &House, to: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = house.people.world.api.request(Method::POST, to);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.body(body.to_owned())).await
}

#[tokio::test]
async fn a_trigger_that_is_told_twice_starts_one_run_while_its_flow_is_on() {
    join_all(TRIGGERS.map(async |kind| {
        let house = House::open(fine()).await;
        let flow = house.flow(OWNER, &subscribes(kind), 201).await;
        let to = callback(&house.backend.wait_for(is_subscribing).await);
        let tell =
            async |id: &str, body: &str| deliver(&house, &to, &[("webhook-id", id)], body).await;
        let first = tell("a", r#"{"n": 1}"#).await;
        let again = tell("a", r#"{"n": 1}"#).await;
        assert_eq!((first.status, again.status), (202, 202), "{kind}: {again:?}");
        assert_eq!(first.run(), again.run(), "{kind}");
        assert_eq!(tell("b", r#"{"n": 1}"#).await.status, 202);
        assert_eq!(runs_of(&house, &flow, 2).await.len(), 2, "{kind}");
        turn(&house, &flow, "stop").await;
        let end = house.backend.wait_for(is_ending).await;
        assert_eq!(end.path, "/api/loans/0", "{kind}");
        assert_eq!(tell("c", r#"{"n": 3}"#).await.status, 409, "{kind}");
        // turned on again it subscribes again, and ends that one
        turn(&house, &flow, "start").await;
        until("it subscribes", async || subscriptions(&house) == 2).await;
        turn(&house, &flow, "stop").await;
        until("it ends", async || ends(&house) == 2).await;
        let end = house.backend.asked().pop().expect("a call");
        assert_eq!(end.path, "/api/loans/1", "{kind}");
        assert_eq!(runs_of(&house, &flow, 2).await.len(), 2, "{kind}");
    }))
    .await;
}

#[tokio::test]
async fn what_has_no_number_is_an_event_of_its_own() {
    let house = House::open(fine()).await;
    let flow = house.flow(OWNER, &subscribes(TRIGGERS[0]), 201).await;
    let to = callback(&house.backend.wait_for(is_subscribing).await);
    // two that are alike may be two: nobody knows
    for _ in 0..2 {
        assert_eq!(deliver(&house, &to, &[], r#"{"door": "open"}"#).await.status, 202);
    }
    assert_eq!(runs_of(&house, &flow, 2).await.len(), 2);
    // an event of CloudEvents says its number in a header or in itself
    let kind = ("content-type", "application/cloudevents+json; charset=utf-8");
    let event = r#"{"specversion": "1.0", "source": "/door", "id": "7", "data": {}}"#;
    let first = deliver(&house, &to, &[kind], event).await;
    let again = deliver(&house, &to, &[kind], event).await;
    let headers = [("ce-source", "/door"), ("ce-id", "7")];
    let other_form = deliver(&house, &to, &headers, "{}").await;
    assert_eq!([again.run(), other_form.run()], [first.run(); 2]);
    for other in [event.replace("/door", "/gate"), event.replace("7", "8")] {
        assert_ne!(deliver(&house, &to, &[kind], &other).await.run(), first.run());
    }
    // what only looks like one is none
    let plain = [("content-type", "application/json")];
    assert_ne!(deliver(&house, &to, &plain, event).await.run(), first.run());
    assert_eq!(runs_of(&house, &flow, 6).await.len(), 6);
}

#[tokio::test]
async fn a_subscription_without_a_location_is_not_ended() {
    // there is nothing to call: the service ends it when it likes
    let house = House::open(|_, _| (200, Vec::new(), json!({"id": 5}))).await;
    let flow = house.flow(OWNER, &subscribes(TRIGGERS[1]), 201).await;
    let to = callback(&house.backend.wait_for(is_subscribing).await);
    turn(&house, &flow, "stop").await;
    assert_eq!(deliver(&house, &to, &[], "{}").await.status, 409);
    assert_eq!(ends(&house), 0);
}
