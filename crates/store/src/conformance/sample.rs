//! Processes, batches and rows to store.

use super::StoreFactory;
use crate::{Commit, Committed, RunChange, RunRow, Store, VersionRow, WorkflowRow};
use durable::{
    Batch, EffectIntent, Epoch, Message, MessageKind, NodeId, Partition, PartitionSet, ProcessId,
    ProcessKind, Standing, StartKey, Ticks,
};
use std::sync::Arc;
use std::time::Duration;

/// A moment in 2025.
pub(super) const START: Ticks = 638_723_709_343_421_507;

/// The node that the cases are, which has taken every partition once.
pub(super) const NODE: NodeId = NodeId(7);
pub(super) const EPOCH: Epoch = 1;

/// The flow that processes belong to when a case does not say.
pub(super) const WORKFLOW: i64 = 1;

pub(super) const LIVES: Duration = Duration::from_secs(600);

/// The status of a run that goes on, and of one that has ended. The store gives
/// them no meaning.
pub(super) const RUNNING: u8 = 2;
pub(super) const SUCCEEDED: u8 = 4;

pub(super) async fn open(factory: &dyn StoreFactory) -> Arc<dyn Store> {
    let store = factory.open().await.expect("the store opens");
    take_all(&*store).await;
    store
}

/// Takes every partition, unless that was done before.
pub(super) async fn take_all(store: &dyn Store) {
    let cluster = store.beat(NODE, LIVES).await.expect("a beat");
    if cluster.leases.iter().all(|lease| lease.epoch == 0) {
        store.take(NODE, PartitionSet::ALL).await.expect("every partition");
    }
}

/// The process that started `number` ticks after [`START`].
pub(super) fn id(number: u32) -> ProcessId {
    ProcessId::new(START + i64::from(number), Partition((number % 256) as u16), number)
}

/// What the chunk holds that begins with an event.
pub(super) fn content(process: ProcessId, first_seq: u64) -> Vec<u8> {
    format!("{process} from {first_seq}").into_bytes()
}

/// A step of one event after which the process lives on.
pub(super) fn step(process: ProcessId, expected_seq: u64) -> Commit {
    let mut commit = last(process, expected_seq);
    commit.batch.standing = Standing::Live { due: None };
    commit
}

/// A step of one event that ends the process.
pub(super) fn last(process: ProcessId, expected_seq: u64) -> Commit {
    let mut batch = Batch::new(process, ProcessKind::Run, expected_seq);
    batch.events = 1;
    batch.chunk = Some(content(process, expected_seq + 1));
    Commit { batch, run: RunChange::None, epoch: Some(EPOCH), workflow: WORKFLOW, asked_by: None }
}

/// A run that ends in its first commit.
pub(super) fn whole_run(process: ProcessId, workflow: i64) -> Commit {
    let mut commit = last(process, 0);
    commit.run = RunChange::Insert(run(process, workflow));
    commit
}

pub(super) fn run(id: ProcessId, workflow: i64) -> RunRow {
    RunRow {
        id,
        workflow,
        version: 1,
        status: SUCCEEDED,
        end: Some(id.start() + 3_000),
        code: None,
        error: None,
        client_tracking_id: None,
        parent: None,
    }
}

pub(super) fn reply(to: ProcessId, from: ProcessId, effect: u64) -> Message {
    let body = format!("effect {effect}").into_bytes();
    Message { to, from: Some(from), effect, kind: MessageKind::Reply, body }
}

pub(super) fn cancel(to: ProcessId) -> Message {
    Message { to, from: None, effect: 0, kind: MessageKind::Cancel, body: Vec::new() }
}

pub(super) fn effect(id: u64) -> EffectIntent {
    EffectIntent { id, attempt: 1 }
}

pub(super) fn start_key(source: &str, key: &str) -> StartKey {
    StartKey { source: source.as_bytes().to_vec(), key: key.as_bytes().to_vec() }
}

pub(super) fn workflow(environment: &str, name: &str) -> WorkflowRow {
    WorkflowRow {
        key: 0,
        id: format!("{environment}-{name}"),
        environment: environment.to_owned(),
        name: name.to_owned(),
        display_name: format!("The flow {name}"),
        state: 1,
        dialect: 2,
        version: 1,
        created: START,
        changed: START,
        primary_key: vec![1; 32],
        secondary_key: vec![2; 32],
        trigger_process: None,
        revision: 0,
    }
}

pub(super) fn version(number: u32) -> VersionRow {
    let document = format!("version {number}").into_bytes();
    VersionRow { workflow: 0, number, created: START, document }
}

/// Commits a group and answers what became of each.
pub(super) async fn group(store: &dyn Store, commits: Vec<Commit>) -> Vec<Committed> {
    store.commit(commits).await.expect("the group is committed")
}

/// Commits one and answers what became of it.
pub(super) async fn commit(store: &dyn Store, commit: Commit) -> Committed {
    group(store, vec![commit]).await.pop().expect("one answer")
}

/// Commits one that is accepted.
pub(super) async fn done(store: &dyn Store, accepted: Commit) {
    let outcome = commit(store, accepted).await;
    assert!(matches!(outcome, Committed::Done { .. }), "{outcome:?}");
}

/// Number of the last event of a live process.
pub(super) async fn seq(store: &dyn Store, process: ProcessId) -> Option<u64> {
    store.load(process).await.expect("it loads").map(|loaded| loaded.seq)
}

/// First events of all chunks of a process.
pub(super) async fn history(store: &dyn Store, process: ProcessId) -> Vec<u64> {
    let chunks = store.history(process, 0, 1_000).await.expect("there is a history");
    chunks.iter().map(|chunk| chunk.first_seq).collect()
}
