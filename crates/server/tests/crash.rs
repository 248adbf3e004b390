//! `kill -9` of the real server under load: nothing acknowledged is lost.

mod support;

#[path = "support/crash.rs"]
mod crash;
#[path = "support/load/mod.rs"]
mod load;

use support::Setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_done_twice_when_the_server_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    crash::check(Setup::new(dir.path()).allow_loopback(dir.path())).await;
}
