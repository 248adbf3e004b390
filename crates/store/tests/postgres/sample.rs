//! Stores and commits.

use durable::{Batch, Epoch, NodeId, Partition, PartitionSet, ProcessId, ProcessKind, Standing};
use rig::{Postgres, Proxy};
use std::sync::Arc;
use std::time::Duration;
use store::postgres::{PostgresOptions, PostgresStore};
use store::{Commit, Committed, RunChange, RunRow, Store, StoreError};

pub const NODE: NodeId = NodeId(7);
pub const LIVES: Duration = Duration::from_secs(600);

pub async fn open(url: &str) -> Arc<PostgresStore> {
    let store = PostgresStore::open(url, PostgresOptions::default()).await;
    Arc::new(store.expect("the store opens"))
}

/// A store on a new database of a server, whose node holds everything.
pub async fn store(server: &Postgres, database: &str) -> Arc<PostgresStore> {
    let url = server.create_database(database).await.expect("a database");
    let store = open(&url).await;
    hold(&store).await;
    store
}

/// The same behind a proxy.
pub async fn behind_proxy(server: &Postgres, database: &str) -> (Arc<PostgresStore>, Proxy) {
    server.create_database(database).await.expect("a database");
    let proxy = Proxy::start(server.port()).await.expect("a proxy");
    let store = open(&server.url_at(proxy.port(), database)).await;
    hold(&store).await;
    (store, proxy)
}

async fn hold(store: &PostgresStore) {
    store.beat(NODE, LIVES).await.expect("a beat");
    store.take(NODE, PartitionSet::ALL).await.expect("every partition");
}

pub fn id(number: u32) -> ProcessId {
    let start = 638_723_709_343_421_507 + i64::from(number);
    ProcessId::new(start, Partition((number % 256) as u16), number)
}

/// A step of one event after which the process lives on.
pub fn step(process: ProcessId, expected_seq: u64, epoch: Epoch) -> Commit {
    let mut commit = last(process, expected_seq, epoch);
    commit.batch.standing = Standing::Live { due: None };
    commit
}

/// A step of one event that ends the process.
pub fn last(process: ProcessId, expected_seq: u64, epoch: Epoch) -> Commit {
    let mut batch = Batch::new(process, ProcessKind::Run, expected_seq);
    batch.events = 1;
    batch.chunk = Some(format!("{process} after {expected_seq}").into_bytes());
    Commit { batch, run: RunChange::None, epoch: Some(epoch), workflow: 1, asked_by: None }
}

/// A run that ends in its first commit.
pub fn whole_run(process: ProcessId, epoch: Epoch) -> Commit {
    let mut commit = last(process, 0, epoch);
    let (end, code, error) = (Some(process.start() + 3_000), None, None);
    let (client_tracking_id, parent) = (None, None);
    let row = RunRow {
        id: process,
        workflow: 1,
        version: 1,
        status: 4,
        end,
        code,
        error,
        client_tracking_id,
        parent,
    };
    commit.run = RunChange::Insert(row);
    commit
}

pub fn done() -> Result<Vec<Committed>, StoreError> {
    Ok(vec![Committed::Done { inbox: vec![] }])
}

pub async fn commit(store: &dyn Store, one: Commit) -> Result<Vec<Committed>, StoreError> {
    store.commit(vec![one]).await
}

pub async fn seq(store: &dyn Store, process: ProcessId) -> Option<u64> {
    store.load(process).await.expect("it loads").map(|loaded| loaded.seq)
}
