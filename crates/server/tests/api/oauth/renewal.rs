//! Tokens that end, are refused or cannot be renewed.

use super::scene::{CONNECTOR, LIFE, NAME, SECRET, Scene};
use crate::backend::Backend;
use crate::connector_call::power;
use crate::login::house::{House, Plan};
use crate::support::api::Api;
use crate::world::definition;
use connector::http::Secret;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use server::app::AppError;
use server::app::connector::throttle::ConnectorLimits;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const WITHIN: Duration = Duration::from_secs(30);

/// So many ask at the same time, at one node or at several.
async fn all(scene: &Scene, nodes: &[&House], times: usize) -> Vec<Result<Secret, AppError>> {
    let connection = scene.connection().await;
    let ask = |at: usize| {
        let (app, connection) = (nodes[at % nodes.len()].app.clone(), connection.clone());
        tokio::spawn(async move { app.access_token_of(&connection).await })
    };
    let asked: Vec<_> = (0..times).map(ask).collect();
    join_all(asked).await.into_iter().map(|it| it.expect("a task")).collect()
}

fn one(all: Vec<Result<Secret, AppError>>) -> Secret {
    let mut all = all.into_iter().map(|it| it.expect("a token"));
    let first = all.next().expect("an answer");
    assert!(all.all(|it| it == first));
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_meet_an_expired_token_renew_it_once() {
    let scene = Scene::signed_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    scene.tell("slow?milliseconds=200").await;
    scene.house.pass(LIFE);
    let second = one(all(&scene, &[&scene.house], 50).await);
    assert!(second != first && scene.is_good(&second).await);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
    // two nodes, which share nothing but the store
    let other = scene.house.next_door().await;
    scene.house.pass(LIFE);
    let third = one(all(&scene, &[&scene.house, &other], 50).await);
    assert!(third != second && scene.is_good(&third).await);
    assert_eq!(scene.seen("refresh_token").await, (2, 2));
    // each refresh token was used once: the provider would end everything otherwise
    scene.house.pass(LIFE);
    assert!(scene.token_of(&other).await.is_ok());
    assert_eq!(scene.seen("refresh_token").await, (3, 3));
}

/// Whether the provider believes a token; asked from a thread of a service that flows call.
pub fn is_believed(provider: &str, token: &str) -> bool {
    use std::io::{Read, Write};
    let place = provider.trim_start_matches("http://");
    let body = format!("token={token}&client_id=files&client_secret={SECRET}");
    let mut socket = std::net::TcpStream::connect(place).expect("the provider");
    let head =
        format!("POST /token/introspection HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n");
    let kind = "content-type: application/x-www-form-urlencoded";
    let text = format!("{head}{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(text.as_bytes()).expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer.contains("\"active\":true")
}

/// A scene whose house runs flows, with one that lists notes.
async fn with_a_flow() -> Scene {
    let plan = Plan { limits: Some(ConnectorLimits::default()), ..Plan::default() };
    let scene = Scene::set_in(House::build(plan).await).await;
    scene.sign_in().await;
    let id = format!("/providers/Microsoft.PowerApps/apis/{CONNECTOR}");
    let call = json!({"Notes": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": CONNECTOR, "operationId": "ListNotes", "apiId": id},
        "parameters": {}, "retryPolicy": {"type": "none"}}}});
    let references = json!({CONNECTOR: {"connectionName": NAME, "source": "Embedded", "id": id}});
    let document =
        json!({"definition": power(definition(call)), "connectionReferences": references});
    let flow = json!({"name": "notes", "document": document});
    scene.api(Method::POST, "/flows", Some(&flow), 201).await;
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_runs_that_meet_an_expired_token_renew_it_once() {
    const RUNS: usize = 50;
    let scene = with_a_flow().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    let expired = format!("Bearer {}", first.expose());
    let provider = scene.oidc.address.clone();
    // a service that asks the provider about each token, and for which the first one has ended
    let backend = Backend::start(move |asked, _| {
        let header = asked.header("authorization").to_owned();
        let token = header.strip_prefix("Bearer ").unwrap_or_default();
        match header != expired && is_believed(&provider, token) {
            true => (200, Vec::new(), json!([])),
            false => (401, Vec::new(), json!({"message": "The token has ended."})),
        }
    })
    .await;
    let behind = json!({"kind": "Host", "url": backend.url("")});
    scene.api(Method::PUT, &Scene::path("backend"), Some(&behind), 200).await;
    scene.tell("slow?milliseconds=200").await;
    scene.house.pass(LIFE);
    let start = async || {
        let run = scene.api(Method::POST, "/flows/notes/run", Some(&json!({})), 202).await;
        run["run"].as_str().expect("a run").to_owned()
    };
    let runs = join_all((0..RUNS).map(|_| start())).await;
    let api = Api::new(scene.house.address);
    for run in &runs {
        let ended = api.ended(run).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
    }
    // one renewal, and nobody came with what had ended
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
    let asked = backend.asked();
    assert_eq!(asked.len(), RUNS);
    let second = asked[0].header("authorization");
    assert!(asked.iter().all(|it| it.header("authorization") == second));
    assert_eq!(second, format!("Bearer {}", scene.token_of(&scene.house).await.unwrap().expose()));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let scene = Scene::signed_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    // the test itself takes some seconds
    scene.house.pass(LIFE - 60 - 20);
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), first);
    assert_eq!(scene.seen("refresh_token").await, (0, 0));
    scene.house.pass(20);
    assert_ne!(scene.token_of(&scene.house).await.unwrap(), first);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_do_no_harm() {
    // this server's clock is an hour ahead of the provider's
    let scene = Scene::set().await;
    scene.house.pass(3_500);
    scene.sign_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    assert!(scene.is_good(&first).await);
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), first);
    assert_eq!(scene.seen("refresh_token").await, (0, 0));
    // time passes while the provider is asked: the life began before that
    scene.tell("hold").await;
    scene.house.pass(LIFE);
    let (app, connection) = (scene.house.app.clone(), scene.connection().await);
    let asking = tokio::spawn(async move { app.access_token_of(&connection).await });
    let since = Instant::now();
    while scene.tell("waiting").await != 1 {
        assert!(since.elapsed() < WITHIN, "nobody asks");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.house.pass(200);
    scene.tell("release").await;
    let second = asking.await.expect("a task").expect("a token");
    scene.house.pass(LIFE - 60 - 200 - 20);
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), second);
    scene.house.pass(20);
    assert_ne!(scene.token_of(&scene.house).await.unwrap(), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_sign_in_is_asked_about_once() {
    let scene = Scene::signed_in().await;
    scene.tell("revoke").await;
    scene.tell("slow?milliseconds=200").await;
    scene.house.pass(LIFE);
    for answer in all(&scene, &[&scene.house], 50).await {
        let refused = answer.expect_err("a refusal");
        assert_eq!(refused.code, "ConnectionAuthenticationExpired");
        assert!(refused.message.contains("invalid_grant"), "{}", refused.message);
    }
    assert_eq!(scene.seen("refresh_token").await, (1, 0));
    let fault = scene.connection().await.fault.expect("a fault");
    assert_eq!(fault.code, "Unauthorized");
    assert!(fault.message.contains("invalid_grant"), "{}", fault.message);
    assert!(scene.token_of(&scene.house).await.is_err());
    assert_eq!(scene.seen("refresh_token").await, (1, 0));
    assert_eq!(scene.house.audit("ConnectionExpired").await.len(), 1);
    scene.sign_in().await;
    assert!(scene.token_of(&scene.house).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_service_refuses_is_replaced_once() {
    let scene = Scene::signed_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    let connection = scene.connection().await;
    let refused = (0..20).map(|_| scene.house.app.token_refused(&connection, &first));
    let second = one(join_all(refused).await);
    assert_ne!(second, first);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
    // who comes late with the first gets the second
    assert_eq!(scene.house.app.token_refused(&connection, &first).await.unwrap(), second);
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), second);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_are_refused_one_after_another_renew_the_token_once() {
    let scene = Scene::signed_in().await;
    let first = format!("Bearer {}", scene.token_of(&scene.house).await.unwrap().expose());
    let (refused, good) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wait_until = |count: &AtomicUsize, least| {
        let since = Instant::now();
        while count.load(Ordering::SeqCst) < least && since.elapsed() < WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    // both come with the first token; one hears so when the other has the second already
    let backend = Backend::start(move |asked, _| {
        if asked.header("authorization") != first {
            good.fetch_add(1, Ordering::SeqCst);
            return (200, Vec::new(), json!([]));
        }
        match refused.fetch_add(1, Ordering::SeqCst) {
            0 => wait_until(&refused, 2),
            _ => wait_until(&good, 1),
        }
        (401, Vec::new(), json!({}))
    })
    .await;
    let path = format!("/environments/default/connectors/{CONNECTOR}/connections/{NAME}/backend");
    let behind = json!({"kind": "Host", "url": backend.url("")});
    scene.api(Method::PUT, &path, Some(&behind), 200).await;
    assert_eq!(tokio::join!(scene.notes(), scene.notes()), (200, 200));
    assert_eq!(backend.asked().len(), 4);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_while_it_asks_is_waited_for_no_longer_than_its_lease() {
    let scene = Scene::signed_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    scene.house.pass(LIFE);
    let engine = &scene.house.app.engine;
    let id = serde_json::to_value(scene.connection().await).unwrap()["id"].clone();
    let record = engine.store.record(53, id.as_str().unwrap()).await.unwrap();
    let mut record = record.expect("a token");
    let mut body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    let until = engine.clock.now() + 50 * server::clock::SECOND;
    body["lease"] = serde_json::json!({"holder": "a dead node", "until": until});
    record.body = body.to_string().into_bytes();
    engine.store.change(vec![store::Edit::Put(record)], Vec::new()).await.expect("a change");
    let (app, connection) = (scene.house.app.clone(), scene.connection().await);
    let asking = tokio::spawn(async move { app.access_token_of(&connection).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!asking.is_finished());
    assert_eq!(scene.seen("refresh_token").await, (0, 0));
    scene.house.pass(51);
    assert_ne!(asking.await.expect("a task").expect("a token"), first);
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_renewed_says_when_it_ends() {
    let scene = Scene::set().await;
    let client = serde_json::json!({"clientId": "brief", "secret": SECRET});
    let path = format!("/environments/default/connectors/{CONNECTOR}/client");
    scene.api(Method::PUT, &path, Some(&client), 200).await;
    scene.sign_in().await;
    let path = format!("/providers/Microsoft.PowerApps/apis/{CONNECTOR}/connections/{NAME}");
    let shown = scene.original(Method::GET, &path, 200).await;
    let properties = &shown["properties"];
    assert_eq!(properties["overallStatus"], "Connected");
    let ends = properties["expirationTime"].as_str().expect("a time");
    assert_eq!(properties["statuses"][0]["expirationTime"], ends);
    assert!(scene.token_of(&scene.house).await.is_ok());
    scene.house.pass(LIFE);
    let shown = scene.original(Method::GET, &path, 200).await;
    assert_eq!(shown["properties"]["overallStatus"], "Error");
    let refused = scene.token_of(&scene.house).await.unwrap_err();
    assert_eq!(refused.code, "ConnectionAuthenticationExpired");
    assert_eq!(scene.seen("refresh_token").await, (0, 0));
    // with a client that may renew it, it has no end
    let client = serde_json::json!({"clientId": "files", "secret": SECRET});
    let at = format!("/environments/default/connectors/{CONNECTOR}/client");
    scene.api(Method::PUT, &at, Some(&client), 200).await;
    scene.sign_in().await;
    let shown = scene.original(Method::GET, &path, 200).await;
    assert_eq!(shown["properties"]["overallStatus"], "Connected");
    assert!(shown["properties"].get("expirationTime").is_none(), "{shown}");
}

#[tokio::test]
async fn a_provider_that_is_away_ends_nothing() {
    let scene = Scene::signed_in().await;
    let first = scene.token_of(&scene.house).await.unwrap();
    // about to end, and still good
    scene.house.pass(LIFE - 40);
    scene.tell("fail?times=1").await;
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), first);
    scene.house.pass(40);
    scene.tell("fail?times=1").await;
    let away = scene.token_of(&scene.house).await.unwrap_err();
    assert_eq!(away.code, "ConnectionTokenUnavailable");
    assert_eq!(scene.connection().await.fault, None);
    assert_ne!(scene.token_of(&scene.house).await.unwrap(), first);
    assert_eq!(scene.seen("none").await, (2, 0));
    assert_eq!(scene.seen("refresh_token").await, (1, 1));
}
