//! What it costs to make finished runs durable: one at a time, and in groups.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use durable::{Batch, Partition, ProcessId, ProcessKind};
use sluicegate_bench::order::{Filler, Order};
use std::path::Path;
use store::sqlite::{SqliteOptions, SqliteStore};
use store::{Commit, RunChange, RunRow, Store, VersionRow, WorkflowRow};

/// A moment in 2026.
const NOW: i64 = 639_000_000_000_000_000;

/// Runs of a group, as 64 connections would fill it.
const GROUP: usize = 64;

/// Runs with ids that rise, each with an order's body in its chunk.
struct Maker {
    workflow: i64,
    number: u32,
}

impl Maker {
    fn commit(&mut self) -> Commit {
        self.number += 1;
        let start = NOW + i64::from(self.number) * 10;
        let id = ProcessId::new(start, Partition(0), self.number);
        let mut body = Vec::new();
        let order = Order::new(u64::from(self.number));
        order.write_body(Filler::Words, &mut body);
        let mut batch = Batch::new(id, ProcessKind::Run, 0);
        batch.events = 13;
        batch.chunk = Some(durable::codec::compress(&body));
        let run = RunRow {
            id,
            workflow: self.workflow,
            version: 1,
            status: 4,
            end: Some(start + 5),
            code: None,
            error: None,
            client_tracking_id: None,
            parent: None,
        };
        Commit { batch, run: RunChange::Insert(run), epoch: None, workflow: 1, asked_by: None }
    }

    fn group(&mut self, size: usize) -> Vec<Commit> {
        (0..size).map(|_| self.commit()).collect()
    }
}

fn workflow() -> (WorkflowRow, VersionRow) {
    let row = WorkflowRow {
        key: 0,
        id: "flow".to_owned(),
        environment: "default".to_owned(),
        name: "flow".to_owned(),
        display_name: "flow".to_owned(),
        state: 1,
        dialect: 1,
        version: 1,
        created: NOW,
        changed: NOW,
        primary_key: vec![1; 32],
        secondary_key: vec![2; 32],
        trigger_process: None,
        revision: 0,
    };
    let version = VersionRow { workflow: 0, number: 1, created: NOW, document: b"{}".to_vec() };
    (row, version)
}

fn commit(c: &mut Criterion) {
    // Below the target directory: a temporary directory may be memory, not a disk.
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    let store = SqliteStore::open(dir.path(), SqliteOptions::default()).expect("a store");
    let (row, version) = workflow();
    let workflow = runtime.block_on(store.create_workflow(row, version)).expect("a flow");
    let mut maker = Maker { workflow, number: 0 };

    let mut group = c.benchmark_group("commit");
    for size in [1, GROUP] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("{size} finished runs, synced"), |b| {
            b.iter_batched(
                || maker.group(size),
                |commits| runtime.block_on(store.commit(commits)).expect("durable"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
    runtime.block_on(store.close()).expect("closed");
}

criterion_group!(benches, commit);
criterion_main!(benches);
