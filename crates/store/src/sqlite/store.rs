//! The store's interface, each method by the noun that it is about.

use super::job::Group;
use super::{
    SqliteStore, audit, change, chunk, effect, inbox, lease, payload, portable, process, record,
    retain, retention, run, setting, token, workflow, workflow_version,
};
use crate::portable::Page;
use crate::{
    Answer, AuditFilter, AuditRow, Commit, Committed, Edit, Hint, LiveProcess, ProcessHistory,
    Record, RecordRange, RetentionRow, RunFilter, RunRow, Store, StoreError, TokenRow, VersionRow,
    WorkflowRow, check, limits,
};
use durable::{
    Chunk, Cluster, EffectIntent, InboxId, InboxRow, Lease, Message, NodeId, PartitionSet,
    PayloadHash, ProcessId, ProcessKind, Ticks,
};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

impl Store for SqliteStore {
    fn is_shared(&self) -> bool {
        false
    }

    fn beat(&self, node: NodeId, lasts: Duration) -> Answer<'_, Cluster> {
        self.edit(0, move |db| lease::beat(db, node, lasts))
    }

    fn take(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, Vec<Lease>> {
        self.edit(0, move |db| lease::take(db, node, &partitions))
    }

    fn give(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, ()> {
        self.edit(0, move |db| lease::give(db, node, &partitions))
    }

    fn leave(&self, node: NodeId) -> Answer<'_, ()> {
        self.edit(0, move |db| lease::leave(db, node))
    }

    /// There is nobody to tell.
    fn hint(&self, _hint: Hint) {}

    fn hints(&self) -> broadcast::Receiver<Hint> {
        broadcast::channel(1).1
    }

    fn commit(&self, group: Vec<Commit>) -> Answer<'_, Vec<Committed>> {
        if let Err(error) = group.iter().try_for_each(check::validate) {
            return Box::pin(async { Err(error) });
        }
        let (job, reply) = Group::new(group);
        self.submit(job, reply)
    }

    fn load(&self, process: ProcessId) -> Answer<'_, Option<ProcessHistory>> {
        self.read(move |db| process::load(db, process))
    }

    fn history(
        &self,
        process: ProcessId,
        from_seq: u64,
        chunks_max: usize,
    ) -> Answer<'_, Vec<Chunk>> {
        self.read(move |db| chunk::history(db, process, from_seq, chunks_max))
    }

    fn payload(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        self.read(move |db| payload::get(db, &hash))
    }

    fn due(
        &self,
        within: PartitionSet,
        before: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| process::due(db, &within, before, rows_max))
    }

    fn unsettled(
        &self,
        within: PartitionSet,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| process::unsettled(db, &within, after, rows_max))
    }

    fn waiting(
        &self,
        within: PartitionSet,
        after: Option<InboxId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<InboxRow>> {
        self.read(move |db| inbox::waiting(db, &within, after, rows_max))
    }

    fn live(
        &self,
        kind: ProcessKind,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| process::live(db, kind, after, rows_max))
    }

    fn send(&self, message: Message) -> Answer<'_, bool> {
        let bytes = message.body.len();
        self.edit(bytes, move |db| Ok(inbox::deliver(db, &message)?.is_some()))
    }

    fn inbox(&self, process: ProcessId) -> Answer<'_, Vec<InboxRow>> {
        self.read(move |db| inbox::list(db, process))
    }

    fn effects(&self, process: ProcessId) -> Answer<'_, Vec<EffectIntent>> {
        self.read(move |db| effect::list(db, process))
    }

    fn run(&self, id: ProcessId) -> Answer<'_, Option<RunRow>> {
        self.read(move |db| run::get(db, id))
    }

    fn runs(&self, filter: RunFilter) -> Answer<'_, Vec<RunRow>> {
        self.read(move |db| run::list(db, &filter))
    }

    fn failures(
        &self,
        after: (Ticks, Option<ProcessId>),
        to: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<RunRow>> {
        self.read(move |db| run::failures(db, after, to, rows_max))
    }

    fn delete_runs_before(
        &self,
        workflow: i64,
        before: Ticks,
        runs_max: usize,
    ) -> Answer<'_, usize> {
        Box::pin(async move {
            let finished = move |db: &_| retention::finished_runs(db, workflow, before, runs_max);
            let mut removed = 0;
            for runs in self.read(finished).await?.chunks(limits::RETENTION_RUNS_MAX) {
                let runs = runs.to_vec();
                match self.edit(0, move |db| retention::remove_runs(db, &runs)).await {
                    // What was removed so far stays removed; others go first.
                    Err(StoreError::Busy) if removed > 0 => break,
                    outcome => removed += outcome?,
                }
            }
            Ok(removed)
        })
    }

    fn reclaim(&self, bytes_max: u64) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut given_back = 0;
            while given_back < bytes_max {
                let bytes_left = bytes_max - given_back;
                let pages_max = limits::RECLAIM_PAGES_MAX;
                let some = self.edit(0, move |db| retention::reclaim(db, bytes_left, pages_max));
                match some.await {
                    Ok(0) => break,
                    Err(StoreError::Busy) if given_back > 0 => break,
                    outcome => given_back += outcome?,
                }
            }
            Ok(given_back)
        })
    }

    fn change(&self, edits: Vec<Edit>, audit: Vec<AuditRow>) -> Answer<'_, Vec<i64>> {
        self.edit(check::change_bytes(&edits, &audit), move |db| change::apply(db, &edits, &audit))
    }

    fn record(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>> {
        let id = id.to_owned();
        self.read(move |db| record::get(db, kind, &id))
    }

    fn records_by_id(&self, kind: u8, ids: Vec<String>) -> Answer<'_, Vec<Record>> {
        self.read(move |db| record::get_many(db, kind, &ids))
    }

    fn records(&self, range: RecordRange) -> Answer<'_, Vec<(Vec<u8>, Record)>> {
        self.read(move |db| record::list(db, &range))
    }

    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditRow>> {
        self.read(move |db| audit::list(db, &filter))
    }

    fn audit_chain(&self, after: i64, rows_max: usize) -> Answer<'_, Vec<AuditRow>> {
        self.read(move |db| audit::chain(db, after, rows_max))
    }

    fn workflow(&self, environment: &str, name: &str) -> Answer<'_, Option<WorkflowRow>> {
        let (environment, name) = (environment.to_owned(), name.to_owned());
        self.read(move |db| workflow::by_name(db, &environment, &name))
    }

    fn workflow_by_id(&self, id: &str) -> Answer<'_, Option<WorkflowRow>> {
        let id = id.to_owned();
        self.read(move |db| workflow::by_id(db, &id))
    }

    fn workflows_by_id(&self, ids: Vec<String>) -> Answer<'_, Vec<WorkflowRow>> {
        self.read(move |db| workflow::by_ids(db, &ids))
    }

    fn workflow_by_key(&self, key: i64) -> Answer<'_, Option<WorkflowRow>> {
        self.read(move |db| workflow::by_key(db, key))
    }

    fn workflows(
        &self,
        environment: Option<&str>,
        after: Option<&str>,
        rows_max: usize,
    ) -> Answer<'_, Vec<WorkflowRow>> {
        let (environment, after) = (environment.map(str::to_owned), after.map(str::to_owned));
        self.read(move |db| workflow::list(db, environment.as_deref(), after.as_deref(), rows_max))
    }

    fn version(&self, workflow: i64, number: u32) -> Answer<'_, Option<VersionRow>> {
        self.read(move |db| workflow_version::get(db, workflow, number))
    }

    fn versions(&self, workflow: i64) -> Answer<'_, Vec<VersionRow>> {
        self.read(move |db| workflow_version::list(db, workflow))
    }

    fn retentions(&self) -> Answer<'_, Vec<RetentionRow>> {
        self.read(retain::list)
    }

    fn set_retention(
        &self,
        environment: &str,
        workflow: Option<i64>,
        seconds: Option<i64>,
    ) -> Answer<'_, ()> {
        let environment = environment.to_owned();
        self.edit(0, move |db| retain::set(db, &environment, workflow, seconds))
    }

    fn export(&self, pages: mpsc::Sender<Page>) -> Answer<'_, ()> {
        let place = self.place.clone();
        Box::pin(async move {
            let exporting = tokio::task::spawn_blocking(move || {
                // a connection of its own: it reads for long
                Ok(portable::export(&place.open_reader()?, &pages)?)
            });
            let stopped = |_| Err(StoreError::Unavailable("the export was stopped".to_owned()));
            exporting.await.unwrap_or_else(stopped)
        })
    }

    fn import(&self, pages: mpsc::Receiver<Page>) -> Answer<'_, u64> {
        let mut pages = pages;
        self.edit(0, move |db| portable::import(db, &mut pages))
    }

    fn setting_or(&self, name: &str, value: &[u8]) -> Answer<'_, Vec<u8>> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.edit(value.len(), move |db| setting::get_or_set(db, &name, &value))
    }

    fn setting(&self, name: &str) -> Answer<'_, Option<Vec<u8>>> {
        let name = name.to_owned();
        self.read(move |db| setting::get(db, &name))
    }

    fn set_setting(&self, name: &str, value: &[u8]) -> Answer<'_, ()> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.edit(value.len(), move |db| setting::set(db, &name, &value))
    }

    fn tokens(&self) -> Answer<'_, Vec<TokenRow>> {
        self.read(token::list)
    }

    fn add_token(&self, token: TokenRow) -> Answer<'_, ()> {
        self.edit(0, move |db| token::insert(db, &token))
    }

    /// Goes through the writer: a server that cannot write is not well. After a failure
    /// it writes something, since on a full disk a transaction without content succeeds.
    fn ping(&self) -> Answer<'_, ()> {
        let has_failed = self.writer.has_failed();
        let answer =
            self.edit(0, move |db| if has_failed { setting::set(db, "ping", &[]) } else { Ok(()) });
        Box::pin(async move {
            answer.await?;
            if has_failed {
                self.writer.works();
            }
            Ok(())
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.refuse();
            self.readers.close().await;
            let writer = self.writer.clone();
            let closing = tokio::task::spawn_blocking(move || writer.close());
            let stopped = |_| Err(StoreError::Unavailable("closing was stopped".to_owned()));
            closing.await.unwrap_or_else(stopped)
        })
    }
}
