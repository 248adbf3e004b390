//! The same random history on both stores: every answer is the same, and so is all that is
//! stored in the end.
//!
//! `SLUICEGATE_SEED=<number>` repeats one history, `SLUICEGATE_STEPS=<number>` makes it longer.

mod history;
mod random;

use durable::{InboxId, InboxRow, NodeId, PartitionSet, ProcessId, ProcessKind};
use futures_util::future::join_all;
use history::{History, copy};
use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;
use store::portable::{Cell, Page, TABLES};
use store::postgres::{PostgresOptions, PostgresStore};
use store::sqlite::{SqliteOptions, SqliteStore};
use store::{Committed, RunFilter, Store, StoreError, TokenRow, VersionRow, WorkflowRow};
use tokio::sync::mpsc;

const NODE: NodeId = NodeId(7);
const SEEDS: std::ops::Range<u64> = 1..5;
const STEPS: u32 = 250;

struct Pair {
    sqlite: SqliteStore,
    postgres: PostgresStore,
    history: History,
    /// Rows of the inbox in SQLite, by those in PostgreSQL: numbers may be left out there.
    rows: HashMap<InboxId, InboxId>,
}

/// What callers can tell errors by.
fn kind<T>(answer: Result<T, StoreError>) -> Result<T, std::mem::Discriminant<StoreError>> {
    answer.map_err(|error| std::mem::discriminant(&error))
}

fn same<T: Debug + PartialEq>(one: Result<T, StoreError>, other: Result<T, StoreError>, of: &str) {
    let texts = (format!("{one:?}"), format!("{other:?}"));
    assert_eq!(kind(one), kind(other), "{of}: {texts:?}");
}

impl Pair {
    fn postgres_row(&self, sqlite: InboxId) -> InboxId {
        let found = self.rows.iter().find(|(_, row)| **row == sqlite);
        found.map_or(i64::MAX, |(postgres, _)| *postgres)
    }

    /// Takes what the one store said for what the other did, and compares the rest.
    fn same_rows(&mut self, one: &[InboxRow], other: &[InboxRow]) {
        assert_eq!(one.len(), other.len(), "{one:?} {other:?}");
        for (one, other) in one.iter().zip(other) {
            assert_eq!(one.message, other.message);
            assert_eq!(*self.rows.entry(other.id).or_insert(one.id), one.id);
        }
    }

    async fn take(&mut self) {
        for node in [NODE, NodeId(u64::MAX)] {
            let lives = Duration::from_secs(600);
            let (one, other) =
                (self.sqlite.beat(node, lives).await, self.postgres.beat(node, lives).await);
            same(one, other, "beat");
        }
        self.sqlite.give(NODE, PartitionSet::ALL).await.expect("it is given");
        self.postgres.give(NODE, PartitionSet::ALL).await.expect("it is given");
        let one = self.sqlite.take(NODE, PartitionSet::ALL).await;
        let other = self.postgres.take(NODE, PartitionSet::ALL).await;
        self.history.epoch = one.as_ref().expect("leases")[0].epoch;
        same(one, other, "take");
    }

    /// Several groups and messages at once, in one order.
    async fn commit(&mut self) {
        let groups: Vec<_> =
            (0..=self.history.random.below(3)).map(|_| self.history.group()).collect();
        let sent: Vec<_> =
            (0..self.history.random.below(2)).map(|_| self.history.message(None)).collect();
        let copies: Vec<Vec<_>> = groups
            .iter()
            .map(|group| {
                group.iter().map(|commit| copy(commit, |row| self.postgres_row(row))).collect()
            })
            .collect();
        let kept: Vec<Vec<_>> = groups
            .iter()
            .map(|group| group.iter().map(|commit| copy(commit, |row| row)).collect())
            .collect();
        let sqlite: Vec<_> = groups.into_iter().map(|group| self.sqlite.commit(group)).collect();
        let sqlite_sent: Vec<_> = sent.iter().map(|it| self.sqlite.send(it.clone())).collect();
        let postgres: Vec<_> =
            copies.into_iter().map(|group| self.postgres.commit(group)).collect();
        let postgres_sent: Vec<_> = sent.iter().map(|it| self.postgres.send(it.clone())).collect();
        let (one, other) = (join_all(sqlite).await, join_all(postgres).await);
        let (one_sent, other_sent) = (join_all(sqlite_sent).await, join_all(postgres_sent).await);
        for ((group, one), other) in kept.iter().zip(one).zip(other) {
            let other = other.map(|verdicts| {
                let ones = one.as_deref().unwrap_or_default();
                verdicts.into_iter().zip(ones).map(|(v, one)| self.translated(v, one)).collect()
            });
            if let Ok(verdicts) = &one {
                self.history.learn(group, verdicts);
            }
            same(one, other, &format!("{group:#?}"));
        }
        for ((one, other), message) in one_sent.into_iter().zip(other_sent).zip(sent) {
            same(one, other, &format!("{message:?}"));
        }
    }

    fn translated(&mut self, verdict: Committed, one: &Committed) -> Committed {
        let (Committed::Done { inbox }, Committed::Done { inbox: known }) = (&verdict, one) else {
            return verdict;
        };
        let translate = |(row, known): (&Option<InboxId>, &Option<InboxId>)| match (row, known) {
            (Some(row), Some(known)) => Some(*self.rows.entry(*row).or_insert(*known)),
            (row, _) => *row,
        };
        Committed::Done { inbox: inbox.iter().zip(known).map(translate).collect() }
    }

    async fn read_process(&mut self) {
        let process = self.history.any();
        let (one, other) = (self.sqlite.load(process).await, self.postgres.load(process).await);
        let (mut one, mut other) = (one.expect("it is read"), other.expect("it is read"));
        if let (Some(one), Some(other)) = (&mut one, &mut other) {
            let inboxes = (std::mem::take(&mut one.inbox), std::mem::take(&mut other.inbox));
            self.same_rows(&inboxes.0, &inboxes.1);
        }
        assert_eq!(one, other);
        let (from, most) = (self.history.random.below(9), self.history.random.below(5) as usize);
        let one = self.sqlite.history(process, from, most).await;
        same(one, self.postgres.history(process, from, most).await, "history");
        let one = self.sqlite.effects(process).await;
        same(one, self.postgres.effects(process).await, "effects");
        same(self.sqlite.run(process).await, self.postgres.run(process).await, "run");
        let inboxes = (self.sqlite.inbox(process).await, self.postgres.inbox(process).await);
        self.same_rows(&inboxes.0.expect("it is read"), &inboxes.1.expect("it is read"));
    }

    async fn read_lists(&mut self) {
        let within: PartitionSet = match self.history.random.below(3) {
            0 => PartitionSet::ALL,
            _ => {
                let some = [0, 51, 102, 153, 204].map(durable::Partition);
                some.into_iter().filter(|_| self.history.random.once_in(2)).collect()
            }
        };
        let before = self.history.ticks();
        // Of some partitions, the shares of flows are each store's own.
        let most = if within == PartitionSet::ALL { self.history.random.below(20) } else { 10_000 };
        let most = most as usize;
        let one = self.sqlite.due(within, before, most).await;
        same(one, self.postgres.due(within, before, most).await, "due");
        let after = self.history.random.once_in(2).then(|| self.history.any());
        let one = self.sqlite.unsettled(within, after, most).await;
        same(one, self.postgres.unsettled(within, after, most).await, "unsettled");
        for of in [ProcessKind::Run, ProcessKind::Trigger] {
            let one = self.sqlite.live(of, after, most).await;
            same(one, self.postgres.live(of, after, most).await, "live");
        }
        let after = self.history.random.of(&self.history.rows).copied();
        let after = after.map(|(row, _)| row).filter(|row| self.rows.values().any(|it| it == row));
        let one = self.sqlite.waiting(within, after, most).await.expect("it is read");
        let after = after.map(|row| self.postgres_row(row));
        let other = self.postgres.waiting(within, after, most).await.expect("it is read");
        self.same_rows(&one, &other);
        let hash = [self.history.random.below(4) as u8; 32];
        same(self.sqlite.payload(hash).await, self.postgres.payload(hash).await, "payload");
        let filter = self.filter();
        let one = self.sqlite.runs(filter.clone()).await;
        same(one, self.postgres.runs(filter).await, "runs");
    }

    fn filter(&mut self) -> RunFilter {
        let random = &mut self.history.random;
        let status = random.once_in(3).then(|| random.below(4) as u8);
        let (oldest_first, rows_max) = (random.once_in(2), random.below(9) as usize);
        let workflow = random.of(&self.history.workflows).copied().unwrap_or(1);
        let some = self.history.random.once_in(3);
        let (from, to) = (some.then(|| self.history.ticks()), some.then(|| self.history.ticks()));
        let before = self.history.random.once_in(3).then(|| self.history.any());
        RunFilter { workflow, status, from, to, before, oldest_first, rows_max }
    }

    async fn edit(&mut self) {
        let text = self.history.random.text();
        let bytes = self.history.random.bytes();
        let workflow = self.history.random.of(&self.history.workflows).copied().unwrap_or(1);
        let (one, other) = (&self.sqlite, &self.postgres);
        match self.history.random.below(6) {
            0 => {
                let seconds = self.history.random.once_in(2).then_some(60);
                let flow = self.history.random.once_in(2).then_some(workflow);
                let set = one.set_retention(&text, flow, seconds).await;
                same(set, other.set_retention(&text, flow, seconds).await, "set_retention");
                same(one.retentions().await, other.retentions().await, "retentions");
            }
            1 => {
                let set = one.set_setting(&text, &bytes).await;
                same(set, other.set_setting(&text, &bytes).await, "set_setting");
                let name = self.history.random.text();
                let set = one.setting_or(&name, &bytes).await;
                same(set, other.setting_or(&name, &bytes).await, "setting_or");
                same(one.setting(&text).await, other.setting(&text).await, "setting");
            }
            2 => {
                let token = TokenRow { name: text, hash: bytes, created: 3 };
                same(one.add_token(token.clone()).await, other.add_token(token).await, "add_token");
                same(one.tokens().await, other.tokens().await, "tokens");
            }
            3 => {
                let most = self.history.random.below(30) as usize;
                let before = self.history.ticks();
                let removed = one.delete_runs_before(workflow, before, most).await;
                let other = other.delete_runs_before(workflow, before, most).await;
                same(removed, other, "delete_runs_before");
            }
            _ => self.edit_workflow(text, bytes, workflow).await,
        }
    }

    async fn edit_workflow(&mut self, name: String, document: Vec<u8>, key: i64) {
        let (one, other) = (&self.sqlite, &self.postgres);
        let random = &mut self.history.random;
        let stored = one.workflow_by_key(key).await.expect("it is read");
        same(Ok(stored.clone()), other.workflow_by_key(key).await, "workflow_by_key");
        let number = random.below(5) as u32;
        let version = VersionRow { workflow: key, number, created: 5, document };
        let environment = ["a", "b", "Z"][random.below(3) as usize].to_owned();
        match (random.below(4), stored) {
            (0, _) => {
                same(one.delete_workflow(key).await, other.delete_workflow(key).await, "delete");
            }
            (1, Some(row)) => {
                let revision = row.revision - i64::from(random.once_in(4));
                let row = WorkflowRow { name, revision, version: number, ..row };
                let version = random.once_in(2).then_some(version);
                let updated = one.update_workflow(row.clone(), version.clone()).await;
                same(updated, other.update_workflow(row, version).await, "update_workflow");
            }
            _ => {
                let row = new_workflow(environment.clone(), name.clone());
                let created = one.create_workflow(row.clone(), version.clone()).await;
                self.history.workflows.extend(created.as_ref().ok());
                same(created, other.create_workflow(row, version).await, "create_workflow");
            }
        }
        let random = &mut self.history.random;
        let (after, most) = (random.once_in(2).then(|| random.text()), random.below(5) as usize);
        let of = random.once_in(2).then_some(environment.as_str());
        let listed = one.workflows(of, after.as_deref(), most).await;
        same(listed, other.workflows(of, after.as_deref(), most).await, "workflows");
        same(one.versions(key).await, other.versions(key).await, "versions");
        same(one.version(key, number).await, other.version(key, number).await, "version");
    }

    /// Everything, each table's rows sorted.
    async fn same_in_the_end(&self) {
        let (one, other) = (everything(&self.sqlite).await, everything(&self.postgres).await);
        for (number, (mut one, mut other)) in one.into_iter().zip(other).enumerate() {
            let name = TABLES[number].name;
            if name == "inbox" {
                for row in &mut other {
                    let Cell::Int(id) = row[0] else { panic!("{row:?}") };
                    row[0] = self.rows.get(&id).map_or(Cell::Null, |id| Cell::Int(*id));
                }
            }
            one.sort_unstable_by_key(|row| format!("{row:?}"));
            other.sort_unstable_by_key(|row| format!("{row:?}"));
            assert_eq!(one, other, "{name}");
        }
    }
}

fn new_workflow(environment: String, name: String) -> WorkflowRow {
    WorkflowRow {
        key: 0,
        id: format!("{environment}-{name}"),
        environment,
        display_name: name.clone(),
        name,
        state: 1,
        dialect: 2,
        version: 1,
        created: 1,
        changed: 2,
        primary_key: vec![1],
        secondary_key: vec![],
        trigger_process: ProcessId::from_bytes(&[9; 14]),
        revision: 0,
    }
}

async fn everything(store: &dyn Store) -> Vec<Vec<Vec<Cell>>> {
    let (sender, mut receiver) = mpsc::channel::<Page>(8);
    let mut tables = vec![Vec::new(); TABLES.len()];
    let taking = async {
        while let Some(page) = receiver.recv().await {
            tables[page.table].extend(page.rows);
        }
    };
    let (exported, ()) = tokio::join!(store.export(sender), taking);
    exported.expect("everything is exported");
    tables
}

async fn compare(seed: u64, steps: u32, postgres: PostgresStore) {
    println!("SLUICEGATE_SEED={seed} SLUICEGATE_STEPS={steps}");
    let directory = tempfile::tempdir().expect("a directory");
    let sqlite = SqliteStore::open(directory.path(), SqliteOptions::default()).expect("it opens");
    let mut pair = Pair { sqlite, postgres, history: History::new(seed), rows: HashMap::new() };
    pair.take().await;
    for _ in 0..steps {
        match pair.history.random.below(20) {
            0 => pair.take().await,
            1..4 => pair.edit().await,
            4..12 => pair.commit().await,
            12..17 => pair.read_process().await,
            _ => pair.read_lists().await,
        }
    }
    let all = pair.sqlite.waiting(PartitionSet::ALL, None, 1_000_000).await.expect("a list");
    let other = pair.postgres.waiting(PartitionSet::ALL, None, 1_000_000).await.expect("a list");
    pair.same_rows(&all, &other);
    pair.same_in_the_end().await;
    println!("{:?}", pair.history.verdicts);
    assert!(steps < STEPS || pair.history.verdicts.len() == 6, "a verdict was never given");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_answer_the_same() {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse().expect("a number"));
    let seeds = number("SLUICEGATE_SEED").map_or(SEEDS, |seed| seed..seed + 1);
    let steps = number("SLUICEGATE_STEPS").map_or(STEPS, |steps| steps as u32);
    let server = rig::Postgres::shared().expect("a server");
    for seed in seeds {
        let url = server.create_database(&format!("seed_{seed}")).await.expect("a database");
        let postgres = PostgresStore::open(&url, PostgresOptions::default()).await;
        compare(seed, steps, postgres.expect("it opens")).await;
    }
}
