//! The disk of a server under load becomes full, and has room again.

#[path = "../../crates/server/tests/support/load/mod.rs"]
mod load;
#[path = "../../crates/server/tests/support/mod.rs"]
mod support;

use load::flows::Kind;
use load::{Book, Life};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::api::Api;
use support::random::Random;
use support::stub::Stub;
use support::{Server, Setup};

/// Acknowledged before the disk becomes full.
const ACKNOWLEDGED: usize = 500;

/// Bytes that still fit when the bound is set.
const BYTES_LEFT: u64 = 1_000_000;

/// Refused before there is room again.
const REFUSED: u64 = 2_000;

/// Flows of a megabyte of which one does not fit any more.
const FLOWS_MAX: usize = 20;

/// Lines that a full disk may add to the log, however much is refused.
const LOG_LINES_MAX: usize = 200;

const WITHIN: Duration = Duration::from_secs(60);

/// The bound of the layer under a server.
struct Room(PathBuf);

impl Room {
    /// At once: a reader sees the old bound or the new one.
    fn bound(&self, bytes: u64) {
        let new = self.0.with_extension("new");
        fs::write(&new, bytes.to_string()).expect("the bound");
        fs::rename(new, &self.0).expect("the bound");
    }

    fn unbound(&self) {
        fs::remove_file(&self.0).expect("the bound was set");
    }
}

/// Bytes of the database and its log.
fn stored_bytes(data: &Path) -> u64 {
    ["sluicegate.db", "sluicegate.db-wal"]
        .map(|file| data.join(file).metadata().map_or(0, |found| found.len()))
        .iter()
        .sum()
}

/// Waits until the server says that it is ready, or not, and with which words.
async fn wait_for_health(api: &Api, status: u16, words: &str) {
    let since = Instant::now();
    loop {
        let answer = api.request(Method::GET, "/health/ready").send().await.expect("an answer");
        let found = (answer.status().as_u16(), answer.text().await.expect("a text"));
        if (found.0, found.1.trim()) == (status, words) {
            return;
        }
        assert!(since.elapsed() < WITHIN, "{found:?} instead of {status} after {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts of a server on a full disk, of which one ends at last.
const STARTS_MAX: usize = 20;

/// True when a server ends by itself within some seconds.
async fn has_ended(server: &mut Server) -> bool {
    let since = Instant::now();
    while server.is_alive() {
        if since.elapsed() > Duration::from_secs(5) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < WITHIN, "{what}: not after {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn log_lines(setup: &Setup) -> usize {
    fs::read_to_string(setup.log()).expect("the log").lines().count()
}

/// What a caller sees while the disk is full.
async fn check_full(api: &Api, path: &str, book: &Book) {
    let known = book.acknowledged.lock().expect("the book")[0].clone();
    let run = api.get(&format!("/api/v1/runs/{}", known.run)).await;
    assert_eq!(run["id"], known.run.as_str());
    let runs = api.get(&format!("/api/v1/flows/{}/runs?top=20", known.kind.flow())).await;
    assert_eq!(runs["value"].as_array().map(Vec::len), Some(20));

    check_refused(api, path).await;
    // what is smaller may still fit, in what the last checkpoint left of the log
    for number in 0..FLOWS_MAX {
        let name = format!("large-{number}");
        let flow = json!({"name": name, "document": {
            "triggers": {}, "actions": {"Large": {
                "type": "Compose", "inputs": noise(1_000_000), "runAfter": {}
            }}
        }});
        let (status, answer) = api.call(Method::POST, "/api/v1/flows", Some(&flow)).await;
        if status != 201 {
            assert_eq!((status, &answer["error"]["code"]), (507, &json!("InsufficientStorage")));
            let path = format!("/api/v1/flows/{name}");
            assert_eq!(api.call(Method::GET, &path, None).await.0, 404);
            return;
        }
    }
    panic!("{FLOWS_MAX} large flows fit on a full disk");
}

/// A start with a body that is larger than the room and than what the log may reuse.
async fn check_refused(api: &Api, path: &str) {
    let body = json!({"id": "large", "amount": 1, "more": noise(24_000_000)});
    let answer = api.trigger(path, &body).await.expect("an answer");
    assert_eq!(answer.status(), 507);
    assert!(answer.headers().contains_key("retry-after"), "{:?}", answer.headers());
    let body: Value = answer.json().await.expect("an error");
    assert_eq!(body["error"]["code"], "InsufficientStorage");
    assert_eq!(body["error"]["message"], "The server's disk is full. Nothing was accepted.");
}

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut random = Random::new(1);
    (0..bytes).map(|_| char::from(b'A' + random.below(26) as u8)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_the_server_goes_on_when_there_is_room() {
    let seed = Random::seed("SLUICEGATE_SEED");
    println!("SLUICEGATE_SEED={seed}");
    let dir = tempfile::tempdir().expect("a directory");
    let room = Room(dir.path().join("room"));
    let stub = Stub::start().await;
    let setup = Setup::new(dir.path())
        .binary(env!("CARGO_BIN_EXE_faulty-server"))
        .env("FAULTFS_ROOM", &room.0)
        .allow_loopback(dir.path());
    let mut server = setup.start().await;
    let api = server.api();
    let paths = load::create_flows(&api, stub.addr).await;
    let book = Arc::new(Book::default());
    let (lives, callers) = load::start(seed, &paths, &book);
    lives.send_replace(Some(Life {
        number: 0,
        api: api.clone(),
        is_over: Arc::default(),
        freezes: Arc::default(),
    }));
    wait_until("runs are acknowledged", || book.acknowledged() >= ACKNOWLEDGED).await;

    let lines = log_lines(&setup);
    room.bound(stored_bytes(&setup.data) + BYTES_LEFT);
    let full = || book.full.load(Ordering::SeqCst);
    wait_until("the first is refused", || full() > 0).await;
    check_full(&api, &paths[&Kind::Answered], &book).await;
    book.is_pressed.store(true, Ordering::SeqCst);
    wait_until("many are refused", || full() >= REFUSED).await;
    book.is_pressed.store(false, Ordering::SeqCst);
    wait_for_health(&api, 503, "the disk is full").await;
    let lines = log_lines(&setup) - lines;
    let before = book.acknowledged();
    room.unbound();
    wait_for_health(&api, 200, "ready").await;

    load::finish(&book, callers, lives).await;
    load::settle(&book, &api).await;
    let summary = load::audit::audit(&api, &book, &stub).await;
    assert!(server.is_alive(), "{}", server.log_tail());
    let status = server.stop().await;
    println!(
        "{before} acknowledged, {} refused, {lines} lines of log, {} in all; {summary}",
        full(),
        book.acknowledged(),
    );
    assert!(status.success(), "the server ended with {status}");
    assert!(lines <= LOG_LINES_MAX, "{lines} lines of log");
    let problems = book.problems.lock().expect("the problems");
    assert!(problems.is_empty(), "{} problems (seed {seed}): {problems:#?}", problems.len());
}

/// Runs that were under way when the disk became full go on after a crash. Until there is
/// room the server does not start, since it has to write that it lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_on_a_full_disk_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let room = Room(dir.path().join("room"));
    let stub = Stub::start().await;
    let setup = Setup::new(dir.path())
        .binary(env!("CARGO_BIN_EXE_faulty-server"))
        .env("FAULTFS_ROOM", &room.0)
        .allow_loopback(dir.path());
    let server = setup.start().await;
    let paths = load::create_flows(&server.api(), stub.addr).await;
    let mut runs = Vec::new();
    for number in 0..20 {
        let body = json!({"id": number.to_string(), "amount": 1});
        let answer = server.api().trigger(&paths[&Kind::Calls], &body).await.expect("an answer");
        assert_eq!(answer.status(), 202);
        let run = &answer.headers()["x-ms-workflow-run-id"];
        runs.push(run.to_str().expect("a run's name").to_owned());
    }
    room.bound(1);
    server.kill();
    stub.next_life().await;

    let mut server = setup.spawn();
    let mut starts = 1;
    // what is small may fit in what a checkpoint left of the log: each start takes some of it
    while !has_ended(&mut server).await {
        starts += 1;
        assert!(starts <= STARTS_MAX, "it starts {starts} times: {}", server.log_tail());
        server.kill();
        server = setup.spawn();
    }
    assert!(server.log_tail().contains("the disk is full"), "{}", server.log_tail());
    room.unbound();
    let mut server = setup.start().await;
    let api = server.api();
    for run in &runs {
        assert_eq!(api.ended(run).await["status"], "Succeeded");
    }
    assert!(server.is_alive(), "{}", server.log_tail());
}
