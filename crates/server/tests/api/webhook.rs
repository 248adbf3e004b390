//! Webhooks: actions that wait to be called back, and triggers that subscribe.

use crate::backend::{Asked, Backend};
use crate::world::{Answer, World, compose, definition, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(20);

/// An action that subscribes at a service, and one that tells what it got.
fn waits(backend: &Backend) -> Value {
    definition(json!({
        "Ask": {"type": "HttpWebhook", "runAfter": {}, "inputs": {
            "subscribe": {"method": "POST", "uri": backend.url("/subscriptions"),
                "body": {"to": "@listCallbackUrl()"}},
            "unsubscribe": {"method": "DELETE", "uri": backend.url("/subscriptions/1")}
        }},
        "Told": compose("Ask", json!("@body('Ask')")),
    }))
}

fn subscribes(backend: &Backend) -> Value {
    let trigger = json!({"type": "HttpWebhook", "inputs": {
        "subscribe": {"method": "POST", "uri": backend.url("/subscriptions"),
            "body": {"to": "@{listCallbackUrl()}"}},
        "unsubscribe": {"method": "DELETE", "uri": backend.url("/subscriptions/1")}
    }});
    with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()"))}))
}

async fn fine() -> Backend {
    Backend::start(|_, _| (200, Vec::new(), json!({"id": 1}))).await
}

async fn world() -> World {
    World::start_with(|setup, dir| setup.allow_loopback(dir)).await
}

fn is_subscribing(asked: &Asked) -> bool {
    asked.method == Method::POST
}

/// Path and query of the address that a service was given.
fn callback(asked: &Asked) -> String {
    let body = asked.json();
    let url = body["to"].as_str().expect("an address");
    crate::support::api::path_of(url).to_owned()
}

async fn call_back(world: &World, path: &str, body: &Value) -> Answer {
    Answer::of(world.api.request(Method::POST, path).json(body)).await
}

pub async fn runs_of(world: &World, flow: &str, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let runs = world.api.list(&format!("/api/v1/flows/{flow}/runs")).await;
        if runs.len() >= count {
            return runs;
        }
        assert!(since.elapsed() < WITHIN, "{} runs of {flow}, expected {count}", runs.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_action_waits_until_it_is_called_back_once() {
    let (backend, world) = (fine().await, world().await);
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let to = callback(&backend.wait_for(is_subscribing).await);
    let answer = call_back(&world, &to, &json!({"outcome": "Approve"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let told = world.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
    assert_eq!(told["outputs"], json!({"outcome": "Approve"}));
    let late = wait_until_gone(&world, &to).await;
    assert_eq!(late.code(), "WebhookCallbackGone");
    // it was answered: there is nothing to end
    assert!(backend.asked().iter().all(is_subscribing), "{:?}", backend.asked());
}

async fn wait_until_gone(world: &World, to: &str) -> Answer {
    let since = Instant::now();
    loop {
        let late = call_back(world, to, &json!({"outcome": "Reject"})).await;
        if late.status == 410 {
            return late;
        }
        assert!(since.elapsed() < WITHIN, "{late:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn only_the_address_that_was_given_is_answered() {
    let (backend, world) = (fine().await, world().await);
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let to = callback(&backend.wait_for(is_subscribing).await);
    let (start, token) = to.rsplit_once('/').expect("a token");
    let mut forged = token.to_owned().into_bytes();
    forged[5] = if forged[5] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).expect("text");
    for wrong in [
        format!("{start}/{forged}"),
        format!("{start}/"),
        format!("{start}/{token}0"),
        format!("/callbacks/{run}/{token}"),
        "/callbacks/x/y".to_owned(),
        "/callbacks/".to_owned(),
    ] {
        let answer = call_back(&world, &wrong, &json!({"outcome": "Approve"})).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (410, "WebhookCallbackGone"),
            "{wrong}"
        );
    }
    let state = world.api.get(&format!("/api/v1/runs/{run}")).await;
    assert_eq!(state["status"], "Running");
    let asks = format!("{to}?validationToken=a%3Cb%3E");
    let answer = Answer::of(world.api.request(Method::POST, &asks)).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "a<b>"));
    assert!(answer.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn a_call_that_comes_before_the_subscription_is_answered_counts() {
    let world = world().await;
    // the service calls back first, and answers then
    let backend = Backend::start(|asked, _| {
        let body = asked.json();
        let url: reqwest::Url = body["to"].as_str().expect("an address").parse().expect("a URL");
        let status = std::thread::spawn(move || plain_post(&url, r#"{"outcome": "Early"}"#));
        (status.join().expect("called"), Vec::new(), Value::Null)
    })
    .await;
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.run(&address, &json!({})).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    let id = run["id"].as_str().expect("an id");
    let told = world.api.get(&format!("/api/v1/runs/{id}/actions/Told")).await;
    assert_eq!(told["outputs"], json!({"outcome": "Early"}));
}

/// A call from a thread of its own: the status.
pub fn plain_post(url: &reqwest::Url, body: &str) -> u16 {
    use std::io::{Read, Write};
    let address = (url.host_str().expect("a host"), url.port().expect("a port"));
    let mut socket = std::net::TcpStream::connect(address).expect("a connection");
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (path, length) = (format!("{}{query}", url.path()), body.len());
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    let head = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(format!("{head}{body}").as_bytes()).expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer[9..12].parse().expect("a status")
}

#[tokio::test]
async fn a_refused_subscription_fails_the_action() {
    let backend = Backend::start(|_, _| (403, Vec::new(), json!({"message": "no"}))).await;
    let world = world().await;
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.run(&address, &json!({})).await;
    assert_eq!(run["status"], "Failed");
    let id = run["id"].as_str().expect("an id");
    let action = world.api.get(&format!("/api/v1/runs/{id}/actions/Ask")).await;
    assert_eq!(
        (&action["code"], &action["outputs"]["body"]),
        (&json!("Forbidden"), &json!({"message": "no"}))
    );
}

#[tokio::test]
async fn a_cancelled_run_ends_its_subscription_however_often_that_fails() {
    let backend = Backend::start(|asked, _| match asked.method == Method::DELETE {
        // the first attempts are lost
        true => (503, Vec::new(), Value::Null),
        false => (200, Vec::new(), Value::Null),
    })
    .await;
    let mut world = world().await;
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    backend.wait_for(is_subscribing).await;
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    assert_eq!(world.api.ended(&run).await["status"], "Cancelled");
    backend.wait_for(|asked| asked.method == Method::DELETE).await;
    assert!(world.server.stop().await.success());
    let lost = backend.asked().len();
    // what is owed is not forgotten by a restart
    world.server = world.setup.start().await;
    world.api = world.server.api();
    let since = Instant::now();
    while backend.asked().len() == lost {
        assert!(since.elapsed() < WITHIN);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = backend.asked().pop().expect("a request");
    assert_eq!(last.line(), "DELETE /subscriptions/1");
}

#[tokio::test]
async fn an_answer_after_a_restart_finds_its_action() {
    let (backend, mut world) = (fine().await, world().await);
    let address = world.flow("order", &waits(&backend)).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let to = callback(&backend.wait_for(is_subscribing).await);
    assert!(world.server.stop().await.success());
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(call_back(&world, &to, &json!(7)).await.status, 200);
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let told = world.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
    assert_eq!(told["outputs"], 7);
}

#[tokio::test]
async fn a_trigger_subscribes_while_its_flow_is_on() {
    let (backend, world) = (fine().await, world().await);
    world.create("events", &subscribes(&backend)).await;
    let to = callback(&backend.wait_for(is_subscribing).await);
    let deliver = async |id: &str, n: u32| {
        let request = world.api.request(Method::POST, &to).header("webhook-id", id);
        Answer::of(request.json(&json!({"n": n}))).await.status
    };
    // one event that is delivered twice, and another
    assert_eq!([deliver("a", 1).await, deliver("a", 1).await, deliver("b", 2).await], [202; 3]);
    let runs = runs_of(&world, "events", 2).await;
    assert_eq!(runs.len(), 2, "{runs:?}");
    world.api.post("/api/v1/flows/events/disable", 200).await;
    let end = backend.wait_for(|asked| asked.method == Method::DELETE).await;
    assert_eq!(end.path, "/subscriptions/1");
    assert_eq!(deliver("c", 3).await, 409);
    assert_eq!(runs_of(&world, "events", 2).await.len(), 2);
    // turned on again, it subscribes again
    let before = backend.asked().len();
    world.api.post("/api/v1/flows/events/enable", 200).await;
    let since = Instant::now();
    while backend.asked().len() == before {
        assert!(since.elapsed() < WITHIN);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(backend.asked().last().is_some_and(is_subscribing));
}

#[tokio::test]
async fn an_event_is_known_by_its_source_and_its_number() {
    let (backend, world) = (fine().await, world().await);
    world.create("events", &subscribes(&backend)).await;
    let to = callback(&backend.wait_for(is_subscribing).await);
    let deliver = async |headers: &[(&str, &str)], n: u32| {
        let mut request = world.api.request(Method::POST, &to);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Answer::of(request.json(&json!({"n": n}))).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    };
    let (one, other) = (("ce-source", "/one"), ("ce-source", "/other"));
    // numbers of CloudEvents are those of their source
    deliver(&[one, ("ce-id", "1")], 1).await;
    deliver(&[one, ("ce-id", "1")], 1).await;
    deliver(&[other, ("ce-id", "1")], 2).await;
    // and what has no number is not known again
    deliver(&[("idempotency-key", "")], 3).await;
    deliver(&[("idempotency-key", "")], 4).await;
    let runs = runs_of(&world, "events", 4).await;
    assert_eq!(runs.len(), 4, "{runs:?}");
}

#[tokio::test]
async fn a_deleted_flow_ends_its_subscription() {
    let (backend, world) = (fine().await, world().await);
    world.create("events", &subscribes(&backend)).await;
    backend.wait_for(is_subscribing).await;
    world.api.call(Method::DELETE, "/api/v1/flows/events", None).await;
    backend.wait_for(|asked| asked.method == Method::DELETE).await;
}

#[tokio::test]
async fn who_was_given_an_address_that_ends_is_given_another() {
    let (backend, world) = (fine().await, world().await);
    world.create("events", &subscribes(&backend)).await;
    let old = callback(&backend.wait_for(is_subscribing).await);
    world.api.post("/api/v1/flows/events/keys/primary/rotate", 200).await;
    let is_new = |asked: &Asked| is_subscribing(asked) && callback(asked) != old;
    let to = callback(&backend.wait_for(is_new).await);
    assert_eq!(world.fire(&old, &json!({})).await.status, 401);
    assert_eq!(world.fire(&to, &json!({})).await.status, 202);
    // addresses signed with the other key are not its
    world.api.post("/api/v1/flows/events/keys/secondary/rotate", 200).await;
    assert_eq!(world.fire(&to, &json!({})).await.status, 202);
}

#[tokio::test]
async fn a_trigger_asks_and_starts_what_is_new() {
    // new orders at first, then none, then one whose number the answer told
    let backend = Backend::start(|asked, before| match (asked.path.as_str(), before) {
        ("/orders", 0) => (
            200,
            vec![("location", "/orders?after=2".to_owned()), ("retry-after", "0".to_owned())],
            json!({"value": [{"n": 1}, {"n": 2}, {"n": 2}]}),
        ),
        ("/orders?after=2", 1) => {
            (200, vec![("location", "/orders?after=3".to_owned())], json!({"value": [{"n": 3}]}))
        }
        _ => (500, Vec::new(), Value::Null),
    })
    .await;
    let world = world().await;
    let trigger = json!({
        "type": "Http",
        "inputs": {"method": "GET", "uri": backend.url("/orders")},
        "recurrence": {"frequency": "Hour", "interval": 1},
        "splitOn": "@triggerBody()?['value']"
    });
    let document =
        with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()?['n']"))}));
    world.create("orders", &document).await;
    let runs = runs_of(&world, "orders", 4).await;
    let mut found = Vec::new();
    for run in &runs {
        let id = run["id"].as_str().expect("an id");
        world.api.ended(id).await;
        let told = world.api.get(&format!("/api/v1/runs/{id}/actions/Told")).await;
        found.push(told["outputs"].as_i64().expect("a number"));
    }
    found.sort_unstable();
    assert_eq!(found, [1, 2, 2, 3]);
    let lines: Vec<String> = backend.asked().iter().map(Asked::line).collect();
    assert_eq!(lines, ["GET /orders", "GET /orders?after=2"]);
}

#[tokio::test]
async fn a_trigger_goes_on_asking_when_its_flow_changes() {
    let backend = Backend::start(|asked, _| match asked.path.as_str() {
        "/orders" => {
            let next = vec![("location", "/orders?after=1".to_owned())];
            (200, next, json!({"n": 1}))
        }
        _ => (202, Vec::new(), Value::Null),
    })
    .await;
    let world = world().await;
    let document = |asks: &str, told: &str| {
        let trigger = json!({
            "type": "Http",
            "inputs": {"method": "GET", "uri": backend.url(asks)},
            "recurrence": {"frequency": "Second", "interval": 1}
        });
        with_trigger(trigger, json!({"Told": compose("", json!(told))}))
    };
    world.create("orders", &document("/orders", "one")).await;
    backend.wait_for(|asked| asked.path == "/orders?after=1").await;
    let change = json!({"document": document("/orders", "two")});
    world.call(Method::PUT, "/api/v1/flows/orders", change, 200).await;
    let before = backend.asked().len();
    let since = Instant::now();
    while backend.asked().len() < before + 2 {
        assert!(since.elapsed() < WITHIN, "it asks no more");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // what was found is not found again
    let first = backend.asked().iter().filter(|asked| asked.path == "/orders").count();
    assert_eq!((first, runs_of(&world, "orders", 1).await.len()), (1, 1));
    // one that asks something else begins anew
    let change = json!({"document": document("/others", "two")});
    world.call(Method::PUT, "/api/v1/flows/orders", change, 200).await;
    backend.wait_for(|asked| asked.path == "/others").await;
}

#[tokio::test]
async fn what_has_no_room_yet_is_found_again() {
    let backend = Backend::start(|_, before| {
        let next = format!("/orders?after={}", before + 1);
        (200, vec![("location", next)], json!({"value": [{"n": 1}, {"n": 2}, {"n": 3}]}))
    })
    .await;
    let world = world().await;
    let trigger = json!({
        "type": "Http",
        "inputs": {"method": "GET", "uri": backend.url("/orders")},
        "recurrence": {"frequency": "Hour", "interval": 1},
        "splitOn": "@triggerBody()?['value']",
        "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 1}}
    });
    let document = with_trigger(trigger, json!({"Rest": crate::world::wait("", 3_600)}));
    world.create("orders", &document).await;
    // one runs and one waits; the third is not given up: the question stands where it did
    assert_eq!(runs_of(&world, "orders", 2).await.len(), 2);
    let shown = world.api.list("/api/v1/flows/orders/runs").await;
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(backend.asked()[0].path, "/orders");
}
