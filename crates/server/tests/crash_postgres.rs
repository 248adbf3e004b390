//! `kill -9` of the real server under load, with its store in PostgreSQL: nothing
//! acknowledged is lost.

mod support;

#[path = "support/crash.rs"]
mod crash;
#[path = "support/load/mod.rs"]
mod load;

use support::Setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_done_twice_when_the_server_of_a_database_is_killed() {
    let postgres = rig::Postgres::shared().expect("a PostgreSQL server");
    let url = postgres.create_database("crash").await.expect("a database");
    // The folder names the node: only so a restarted server goes on with its leases at once.
    let dir = tempfile::tempdir().expect("a directory");
    let setup = Setup::new(dir.path()).allow_loopback(dir.path());
    crash::check(setup.arg("--database-url").arg(url)).await;
}
