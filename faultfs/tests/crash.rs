//! `kill -9` of the server on the faulty layer: what SQLite had not synced is lost, as
//! when the power fails.

#[path = "../../crates/server/tests/support/crash.rs"]
mod crash;
#[path = "../../crates/server/tests/support/load/mod.rs"]
mod load;
#[path = "../../crates/server/tests/support/mod.rs"]
mod support;

use reqwest::Method;
use serde_json::json;
use std::path::Path;
use support::Setup;

fn faulty(dir: &Path) -> Setup {
    Setup::new(dir).binary(env!("CARGO_BIN_EXE_faulty-server"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_done_twice_when_the_power_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    // one of twenty sectors lets another one through to the medium before its time
    crash::check(faulty(dir.path()).allow_loopback(dir.path()).env("FAULTFS_TORN", "50")).await;
}

/// A server that does not sync would be found out.
#[tokio::test]
async fn without_syncs_everything_is_lost_when_the_power_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let setup = faulty(dir.path()).env("FAULTFS_SYNC", "ignored");
    let server = setup.start().await;
    let document = json!({
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
        "actions": {"Work": {"type": "Compose", "inputs": 1, "runAfter": {}}}
    });
    let path = server.api().create_flow("lost", &document).await;
    let answer = server.api().trigger(&path, &json!({})).await.expect("an answer");
    assert_eq!(answer.status(), 202);
    server.kill();
    let server = setup.start().await;
    let (status, _) = server.api().call(Method::GET, "/api/v1/flows/lost", None).await;
    assert_eq!(status, 404);
}
