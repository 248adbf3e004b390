//! Three real servers on one database, harmed in every way under load: nothing
//! acknowledged is lost, and what one node leaves the others go on with.
//!
//! `SLUICEGATE_CLUSTER_SECONDS` sets how long they are harmed (90), `SLUICEGATE_SEED`
//! repeats a run's random choices (the seed is printed).

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/load/mod.rs"]
mod load;

use cluster::Cluster;
use load::Book;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::api::Api;
use support::random::Random;
use support::stub::Stub;

const NODES: usize = 3;

/// Callers of each node, and their longest rest: the audit reads every run.
const CALLERS: u64 = 6;
const REST_MS_MAX: u64 = 120;

/// A start of a child that was turned away is repeated after a pause, which grows.
const SETTLE_WITHIN: Duration = Duration::from_secs(120);

/// What a dead node left has ended by then.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);

const WAITING_RUNS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_when_the_nodes_of_a_cluster_are_harmed() {
    let seconds: u64 = std::env::var("SLUICEGATE_CLUSTER_SECONDS")
        .map_or(90, |text| text.parse().expect("SLUICEGATE_CLUSTER_SECONDS is a number"));
    let seed = Random::seed("SLUICEGATE_SEED");
    println!("SLUICEGATE_SEED={seed} SLUICEGATE_CLUSTER_SECONDS={seconds}");
    let dir = tempfile::tempdir().expect("a directory");
    let stub = Stub::start().await;
    let book = Arc::new(Book::default());
    let mut cluster = Cluster::start(dir.path(), NODES, &book).await;
    let first = cluster.nodes[0].server.as_ref().expect("a server").api();
    let paths = load::create_flows(&first, stub.addr).await;
    book.is_cluster.store(true, Ordering::SeqCst);

    let began = Instant::now();
    let mut callers = Vec::new();
    for (node, number) in cluster.nodes.iter_mut().zip(0..) {
        let numbers = number * CALLERS..(number + 1) * CALLERS;
        let (lives, some) = load::start_some(numbers, REST_MS_MAX, seed, &paths, &book);
        callers.extend(some);
        node.lives = Some(lives);
        node.tell();
    }
    cluster.harm(Duration::from_secs(seconds), &mut Random::new(seed)).await;
    let lives: Vec<_> = cluster.nodes.iter_mut().map(|node| node.lives.take()).collect();
    load::finish(&book, callers, lives).await;
    let loaded = began.elapsed();
    let api = cluster.nodes[0].server.as_ref().expect("a server").api();
    load::settle_within(&book, &api, SETTLE_WITHIN).await;
    let settled = began.elapsed();
    let summary = load::audit::audit(&api, &book, &stub).await;
    println!(
        "{:?}: {} acknowledged, {} unanswered, {} turned away; {summary}; load {loaded:.1?}, \
         settled after {:.1?}, all {:.1?}",
        cluster.harm,
        book.acknowledged(),
        book.unanswered.lock().expect("the book").len(),
        book.turned_away.load(Ordering::SeqCst),
        settled - loaded,
        began.elapsed(),
    );
    end_well(cluster, &book).await;
    let problems = book.problems.lock().expect("the problems");
    assert!(problems.is_empty(), "{} problems (seed {seed}): {problems:#?}", problems.len());
}

/// What is stored fits together, and every server ends when it is told to.
async fn end_well(mut cluster: Cluster, book: &Book) {
    let verified = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .env_remove("SLUICEGATE_SEED")
        .env_remove("SLUICEGATE_CRASHES")
        .env_remove("SLUICEGATE_CLUSTER_SECONDS")
        .args(["db", "verify", "--database-url", &cluster.database(), "--data"])
        .arg(&cluster.nodes[0].setup.data)
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&verified.stdout);
    println!("{}", said.trim_end());
    if !verified.status.success() {
        let error = String::from_utf8_lossy(&verified.stderr);
        book.problem(format!("db verify: {}: {said}{error}", verified.status));
    }
    for (at, node) in cluster.nodes.iter_mut().enumerate() {
        let server = node.server.take().expect("a server");
        let log = server.log_tail();
        let status = server.stop().await;
        if !status.success() {
            book.problem(format!("server {at} ended with {status}; {log}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_nodes_runs_go_on_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let stub = Stub::start().await;
    let mut cluster = Cluster::start(dir.path(), NODES, &Arc::default()).await;
    let api = |at: usize| cluster.nodes[at].server.as_ref().expect("a server").api();
    let (living, dying) = (api(0), api(NODES - 1));
    let path = living.create_flow("waiting", &waiting(stub.addr)).await;
    let mut runs = Vec::new();
    for _ in 0..WAITING_RUNS {
        runs.push(started(&dying, &path).await);
    }
    assert!(stub.calls().is_empty(), "runs are over before their node dies");
    cluster.nodes[NODES - 1].kill();
    let killed = Instant::now();
    for run in &runs {
        let status = ended(&living, run, killed + TAKEN_OVER_WITHIN).await;
        assert_eq!(status, "Succeeded", "run {run}");
    }
    println!("{} runs of a dead node ended after {:.1?}", runs.len(), killed.elapsed());
    assert!(stub.calls().len() >= runs.len(), "a run ended without its call");
}

/// Begins a run at a node, which turns it away until others have given it its share.
async fn started(api: &Api, path: &str) -> String {
    let until = Instant::now() + TAKEN_OVER_WITHIN;
    loop {
        let answer = api.trigger(path, &json!({})).await.expect("an answer");
        if answer.status() == StatusCode::ACCEPTED {
            let run = answer.headers()["x-ms-workflow-run-id"].to_str().expect("a run's name");
            return run.to_owned();
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(Instant::now() < until, "the node takes nothing on: {:?}", answer.text().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The status with which a run ended.
async fn ended(api: &Api, run: &str, until: Instant) -> String {
    loop {
        let found = api.get(&format!("/api/v1/runs/{run}")).await;
        let status = found["status"].as_str().unwrap_or_default().to_owned();
        if !matches!(status.as_str(), "Running" | "Waiting") {
            return status;
        }
        assert!(Instant::now() < until, "{TAKEN_OVER_WITHIN:?} after its node's death: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A flow that waits, and then calls the stub.
fn waiting(stub: SocketAddr) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "triggers": {
            "manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}
        },
        "actions": {
            "Pause": {
                "type": "Wait",
                "inputs": {"interval": {"count": 3, "unit": "Second"}},
                "runAfter": {}
            },
            "Call": {
                "type": "Http",
                "inputs": {"method": "POST", "uri": format!("http://{stub}/Call"), "body": {}},
                "runAfter": {"Pause": ["Succeeded"]}
            }
        },
        "outputs": {}
    })
}

/// Waits until a flow is in a state, as a node tells it.
async fn becomes(api: &Api, flow: &str, state: &str) {
    let until = Instant::now() + TAKEN_OVER_WITHIN;
    loop {
        let found = api.get(&format!("/api/v1/flows/{flow}")).await;
        if found["state"] == state {
            return;
        }
        assert!(Instant::now() < until, "{flow} is not {state}: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_policy_counts_at_every_node() {
    let dir = tempfile::tempdir().expect("a directory");
    let stub = Stub::start().await;
    let cluster = Cluster::start(dir.path(), 2, &Arc::default()).await;
    let api = |at: usize| cluster.nodes[at].server.as_ref().expect("a server").api();
    let (here, there) = (api(0), api(1));
    // the other node has read the policies when it keeps the flow: there are none
    let path = there.create_flow("waiting", &waiting(stub.addr)).await;
    let run = started(&there, &path).await;
    let policy = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "NonBusiness",
        "connectors": [{"connector": "Http", "group": "Blocked"}]});
    let at = "/api/v1/data-policies/no-http";
    let (status, answer) = here.call(Method::PUT, at, Some(&policy)).await;
    assert_eq!(status, 201, "{answer}");
    // its run was begun before, and calls after: the call is not made
    assert_eq!(ended(&there, &run, Instant::now() + TAKEN_OVER_WITHIN).await, "Failed");
    let call = there.get(&format!("/api/v1/runs/{run}/actions/Call")).await;
    assert_eq!(call["error"]["code"], "DataPolicyViolation", "{call}");
    assert!(stub.calls().is_empty(), "a call was made that a policy forbids");
    // what is there is held, and so is what is saved there now
    becomes(&there, "waiting", "Suspended").await;
    let late = json!({"name": "late", "document": waiting(stub.addr)});
    let (status, answer) = there.call(Method::POST, "/api/v1/flows", Some(&late)).await;
    assert_eq!((status, &answer["state"]), (201, &json!("Suspended")), "{answer}");
    // and let go when the policy goes, which the other node says this time
    let (status, answer) = there.call(Method::DELETE, at, None).await;
    assert_eq!(status, 204, "{answer}");
    for flow in ["waiting", "late"] {
        becomes(&here, flow, "Started").await;
    }
    let run = started(&here, &path).await;
    assert_eq!(ended(&here, &run, Instant::now() + TAKEN_OVER_WITHIN).await, "Succeeded");
    assert_eq!(stub.calls().len(), 1);
}
