//! The store's interface, each method by the noun that it is about.

use super::job::Group;
use super::{
    PostgresStore, audit, change, chunk, effect, inbox, lease, payload, portable, process, record,
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
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

impl Store for PostgresStore {
    fn is_shared(&self) -> bool {
        true
    }

    fn beat(&self, node: NodeId, lasts: Duration) -> Answer<'_, Cluster> {
        Box::pin(self.keepers.read(move |db| Box::pin(lease::beat(db, node, lasts))))
    }

    fn take(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, Vec<Lease>> {
        Box::pin(
            self.keepers.change(move |db| {
                Box::pin(async move { lease::take(db, node, &partitions).await })
            }),
        )
    }

    fn give(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, ()> {
        Box::pin(
            self.keepers
                .read(move |db| Box::pin(async move { lease::give(db, node, &partitions).await })),
        )
    }

    fn leave(&self, node: NodeId) -> Answer<'_, ()> {
        Box::pin(self.keepers.read(move |db| Box::pin(lease::leave(db, node))))
    }

    fn hint(&self, hint: Hint) {
        self.hints.tell(&hint);
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.hints.hear()
    }

    fn commit(&self, group: Vec<Commit>) -> Answer<'_, Vec<Committed>> {
        if let Err(error) = group.iter().try_for_each(check::validate) {
            return Box::pin(async { Err(error) });
        }
        self.submit(Group::commits(group))
    }

    fn load(&self, process: ProcessId) -> Answer<'_, Option<ProcessHistory>> {
        self.read(move |db| Box::pin(process::load(db, process)))
    }

    fn history(
        &self,
        process: ProcessId,
        from_seq: u64,
        chunks_max: usize,
    ) -> Answer<'_, Vec<Chunk>> {
        self.read(move |db| Box::pin(chunk::history(db, process, from_seq, chunks_max)))
    }

    fn payload(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        self.read(move |db| Box::pin(async move { payload::get(db, &hash).await }))
    }

    fn due(
        &self,
        within: PartitionSet,
        before: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| {
            Box::pin(async move { process::due(db, &within, before, rows_max).await })
        })
    }

    fn unsettled(
        &self,
        within: PartitionSet,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| {
            Box::pin(async move { process::unsettled(db, &within, after, rows_max).await })
        })
    }

    fn waiting(
        &self,
        within: PartitionSet,
        after: Option<InboxId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<InboxRow>> {
        self.read(move |db| {
            Box::pin(async move { inbox::waiting(db, &within, after, rows_max).await })
        })
    }

    fn live(
        &self,
        kind: ProcessKind,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.read(move |db| Box::pin(process::live(db, kind, after, rows_max)))
    }

    fn send(&self, message: Message) -> Answer<'_, bool> {
        self.submit(Group::send(message))
    }

    fn inbox(&self, process: ProcessId) -> Answer<'_, Vec<InboxRow>> {
        self.read(move |db| Box::pin(inbox::list(db, process)))
    }

    fn effects(&self, process: ProcessId) -> Answer<'_, Vec<EffectIntent>> {
        self.read(move |db| Box::pin(effect::list(db, process)))
    }

    fn run(&self, id: ProcessId) -> Answer<'_, Option<RunRow>> {
        self.read(move |db| Box::pin(run::get(db, id)))
    }

    fn runs(&self, filter: RunFilter) -> Answer<'_, Vec<RunRow>> {
        let filter = Arc::new(filter);
        self.read(move |db| {
            let filter = filter.clone();
            Box::pin(async move { run::list(db, &filter).await })
        })
    }

    fn failures(
        &self,
        after: (Ticks, Option<ProcessId>),
        to: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<RunRow>> {
        self.read(move |db| Box::pin(run::failures(db, after, to, rows_max)))
    }

    /// What was removed before an error stays removed.
    fn delete_runs_before(
        &self,
        workflow: i64,
        before: Ticks,
        runs_max: usize,
    ) -> Answer<'_, usize> {
        Box::pin(async move {
            let finished = self
                .read(move |db| Box::pin(retention::finished_runs(db, workflow, before, runs_max)));
            let mut removed = 0;
            for runs in finished.await?.chunks(limits::RETENTION_RUNS_MAX) {
                let runs = Arc::new(runs.to_vec());
                let removing = self.edit(0, move |db| {
                    let runs = runs.clone();
                    Box::pin(async move { retention::remove_runs(db, &runs).await })
                });
                match removing.await {
                    // Others go first.
                    Err(StoreError::Busy) if removed > 0 => break,
                    outcome => removed += outcome?,
                }
            }
            Ok(removed)
        })
    }

    /// The database does it by itself.
    fn reclaim(&self, _bytes_max: u64) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn change(&self, edits: Vec<Edit>, audit: Vec<AuditRow>) -> Answer<'_, Vec<i64>> {
        let bytes = check::change_bytes(&edits, &audit);
        let parts = Arc::new((edits, audit));
        self.edit(bytes, move |db| {
            let parts = parts.clone();
            Box::pin(async move { change::apply(db, &parts.0, &parts.1).await })
        })
    }

    fn record(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>> {
        let id: Arc<str> = id.into();
        self.read(move |db| {
            let id = id.clone();
            Box::pin(async move { record::get(db, kind, &id).await })
        })
    }

    fn records_by_id(&self, kind: u8, ids: Vec<String>) -> Answer<'_, Vec<Record>> {
        let ids = Arc::new(ids);
        self.read(move |db| {
            let ids = ids.clone();
            Box::pin(async move { record::get_many(db, kind, &ids).await })
        })
    }

    fn records(&self, range: RecordRange) -> Answer<'_, Vec<(Vec<u8>, Record)>> {
        let range = Arc::new(range);
        self.read(move |db| {
            let range = range.clone();
            Box::pin(async move { record::list(db, &range).await })
        })
    }

    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditRow>> {
        let filter = Arc::new(filter);
        self.read(move |db| {
            let filter = filter.clone();
            Box::pin(async move { audit::list(db, &filter).await })
        })
    }

    fn audit_chain(&self, after: i64, rows_max: usize) -> Answer<'_, Vec<AuditRow>> {
        self.read(move |db| Box::pin(audit::chain(db, after, rows_max)))
    }

    fn workflow(&self, environment: &str, name: &str) -> Answer<'_, Option<WorkflowRow>> {
        let names: Arc<[String; 2]> = Arc::new([environment, name].map(str::to_owned));
        self.read(move |db| {
            let names = names.clone();
            Box::pin(async move { workflow::by_name(db, &names[0], &names[1]).await })
        })
    }

    fn workflow_by_id(&self, id: &str) -> Answer<'_, Option<WorkflowRow>> {
        let id: Arc<str> = id.into();
        self.read(move |db| {
            let id = id.clone();
            Box::pin(async move { workflow::by_id(db, &id).await })
        })
    }

    fn workflows_by_id(&self, ids: Vec<String>) -> Answer<'_, Vec<WorkflowRow>> {
        let ids = Arc::new(ids);
        self.read(move |db| {
            let ids = ids.clone();
            Box::pin(async move { workflow::by_ids(db, &ids).await })
        })
    }

    fn workflow_by_key(&self, key: i64) -> Answer<'_, Option<WorkflowRow>> {
        self.read(move |db| Box::pin(workflow::by_key(db, key)))
    }

    fn workflows(
        &self,
        environment: Option<&str>,
        after: Option<&str>,
        rows_max: usize,
    ) -> Answer<'_, Vec<WorkflowRow>> {
        let bounds = Arc::new([environment, after].map(|bound| bound.map(str::to_owned)));
        self.read(move |db| {
            let bounds = bounds.clone();
            Box::pin(async move {
                let [environment, after] = &*bounds;
                workflow::list(db, environment.as_deref(), after.as_deref(), rows_max).await
            })
        })
    }

    fn version(&self, workflow: i64, number: u32) -> Answer<'_, Option<VersionRow>> {
        self.read(move |db| Box::pin(workflow_version::get(db, workflow, number)))
    }

    fn versions(&self, workflow: i64) -> Answer<'_, Vec<VersionRow>> {
        self.read(move |db| Box::pin(workflow_version::list(db, workflow)))
    }

    fn retentions(&self) -> Answer<'_, Vec<RetentionRow>> {
        self.read(|db| Box::pin(retain::list(db)))
    }

    fn set_retention(
        &self,
        environment: &str,
        workflow: Option<i64>,
        seconds: Option<i64>,
    ) -> Answer<'_, ()> {
        let environment: Arc<str> = environment.into();
        self.edit(0, move |db| {
            let environment = environment.clone();
            Box::pin(async move { retain::set(db, &environment, workflow, seconds).await })
        })
    }

    fn export(&self, pages: mpsc::Sender<Page>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.readers.check_open()?;
            Ok(portable::export(&self.address, &pages).await?)
        })
    }

    fn import(&self, mut pages: mpsc::Receiver<Page>) -> Answer<'_, u64> {
        Box::pin(async move {
            self.readers.check_open()?;
            Ok(portable::import(&self.address, &mut pages).await?)
        })
    }

    fn setting_or(&self, name: &str, value: &[u8]) -> Answer<'_, Vec<u8>> {
        let setting = Arc::new((name.to_owned(), value.to_vec()));
        self.edit(value.len(), move |db| {
            let setting = setting.clone();
            Box::pin(async move { setting::get_or_set(db, &setting.0, &setting.1).await })
        })
    }

    fn setting(&self, name: &str) -> Answer<'_, Option<Vec<u8>>> {
        let name: Arc<str> = name.into();
        self.read(move |db| {
            let name = name.clone();
            Box::pin(async move { setting::get(db, &name).await })
        })
    }

    fn set_setting(&self, name: &str, value: &[u8]) -> Answer<'_, ()> {
        let setting = Arc::new((name.to_owned(), value.to_vec()));
        self.edit(value.len(), move |db| {
            let setting = setting.clone();
            Box::pin(async move { setting::set(db, &setting.0, &setting.1).await })
        })
    }

    fn tokens(&self) -> Answer<'_, Vec<TokenRow>> {
        self.read(|db| Box::pin(token::list(db)))
    }

    fn add_token(&self, token: TokenRow) -> Answer<'_, ()> {
        let token = Arc::new(token);
        self.edit(0, move |db| {
            let token = token.clone();
            Box::pin(async move { token::insert(db, &token).await })
        })
    }

    /// Goes through the writer: a server that cannot write is not well.
    fn ping(&self) -> Answer<'_, ()> {
        self.edit(0, |_| Box::pin(async { Ok(()) }))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.refuse();
            self.close_readers();
            let writer = self.writer.clone();
            let closing = tokio::task::spawn_blocking(move || writer.close());
            let stopped = |_| Err(StoreError::Unavailable("closing was stopped".to_owned()));
            closing.await.unwrap_or_else(stopped)
        })
    }
}
