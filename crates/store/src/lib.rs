//! Durable rows: the only place with SQL.
//!
//! [`Store`] is the interface, the same for every database; [`sqlite::SqliteStore`]
//! is the embedded default, [`postgres::PostgresStore`] the one that several nodes share.
//! Groups of commits become durable together (group commit: drain the queue and commit, no
//! timer).
//!
//! Deliberately absent: any idea of what a process or an event means. Rows of
//! management data are plain records; the server gives them meaning.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod chain;
mod check;
pub mod conformance;
pub mod error;
pub mod limits;
pub mod portable;
pub mod postgres;
pub mod rows;
pub mod sqlite;

pub use error::StoreError;
pub use rows::{
    AuditFilter, AuditRow, Commit, Committed, Edit, Hint, LiveProcess, ProcessHistory, Record,
    RecordKey, RecordRange, RetentionRow, RunChange, RunFilter, RunPatch, RunRow, TokenRow,
    VersionRow, WorkflowRow,
};

use durable::{
    Cluster, InboxRow, Lease, Message, NodeId, PartitionSet, PayloadHash, ProcessId, Ticks,
};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

/// A future of the store's answers.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Everything the server asks of its database.
pub trait Store: Send + Sync + 'static {
    // --- nodes and partitions ----------------------------------------------

    /// True when several nodes may use this store at a time.
    fn is_shared(&self) -> bool;

    /// Says that a node lives for so long from now, by the store's clock. Answers which
    /// nodes live, this one among them, and who holds which partition.
    fn beat(&self, node: NodeId, lasts: Duration) -> Answer<'_, Cluster>;

    /// Takes those of the partitions that no other living node holds, each with a new
    /// epoch: what still comes under the epoch before is refused from then on. The node
    /// must have said that it lives.
    fn take(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, Vec<Lease>>;

    /// Gives back those of the partitions that the node holds.
    fn give(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, ()>;

    /// Gives everything back; the node does not live any more.
    fn leave(&self, node: NodeId) -> Answer<'_, ()>;

    /// Tells the other nodes something. Does not wait, and may come to nothing.
    fn hint(&self, hint: Hint);

    /// What nodes tell each other, this one included, from now on. Closed at once when the
    /// store has one node.
    fn hints(&self) -> broadcast::Receiver<Hint>;

    // --- processes -------------------------------------------------------

    /// Makes a group of commits durable together, in order, and says of each what
    /// became of it. Each commit is all or nothing; one that is refused
    /// ([`Committed::Stale`], [`Committed::Fenced`], [`Committed::StartedBefore`],
    /// [`Committed::NotAsked`]) changes nothing and leaves the rest of its group. An error means that nothing of the group
    /// was made durable, except [`StoreError::Unknown`]: then all of it was, or nothing.
    /// The queue is bounded: when it is full the answer is [`StoreError::Busy`] at once
    /// and nothing was accepted.
    ///
    /// A batch that makes no sense is an error, [`StoreError::Conflict`]: a chunk
    /// without events, a new live process without events, a start key of a process
    /// that is not new.
    fn commit(&self, group: Vec<Commit>) -> Answer<'_, Vec<Committed>>;

    /// What is needed to load a live process: the newest snapshot, the chunks after it and
    /// the messages that wait. `None` when it is final or unknown.
    fn load(&self, process: ProcessId) -> Answer<'_, Option<ProcessHistory>>;

    /// All chunks of a process, final or not, in order, from the chunk that holds
    /// event `from_seq`, at most `chunks_max`.
    fn history(
        &self,
        process: ProcessId,
        from_seq: u64,
        chunks_max: usize,
    ) -> Answer<'_, Vec<durable::Chunk>>;

    /// A payload's content, decompressed.
    fn payload(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>>;

    /// Live processes of some partitions that are due before a moment, the earliest
    /// first. When there are more than `rows_max`, every flow that has any gets an equal
    /// share, one at least, so that one flow's many do not hide another's few.
    fn due(
        &self,
        within: PartitionSet,
        before: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>>;

    /// Live processes of some partitions with effects that have no result or with messages
    /// in the inbox: what a node that takes partitions has to look at besides what is due.
    /// In the order of ids, those after `after`; a page that is empty is the last.
    fn unsettled(
        &self,
        within: PartitionSet,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>>;

    /// Messages that wait for processes of some partitions, in the order of their rows,
    /// those after `after`.
    fn waiting(
        &self,
        within: PartitionSet,
        after: Option<durable::InboxId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<InboxRow>>;

    /// Live processes of a kind, paged by id.
    fn live(
        &self,
        kind: durable::ProcessKind,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>>;

    /// Adds a message from outside to a process's inbox. False when the same message
    /// is there already, or when the process has ended.
    fn send(&self, message: Message) -> Answer<'_, bool>;

    /// The messages that wait for a process, oldest first.
    fn inbox(&self, process: ProcessId) -> Answer<'_, Vec<InboxRow>>;

    /// Ids of effects of a process that are intended and have no result.
    fn effects(&self, process: ProcessId) -> Answer<'_, Vec<durable::EffectIntent>>;

    // --- runs --------------------------------------------------------------

    fn run(&self, id: ProcessId) -> Answer<'_, Option<RunRow>>;

    /// Runs of a flow, newest first.
    fn runs(&self, filter: RunFilter) -> Answer<'_, Vec<RunRow>>;

    /// Runs that failed or timed out, in the order of their ends: those after a place in that
    /// order, up to a moment.
    fn failures(
        &self,
        after: (Ticks, Option<ProcessId>),
        to: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<RunRow>>;

    /// Removes final runs that started before a moment, their history, start keys and
    /// payloads that nothing refers to any more; at most `runs_max`, the oldest first,
    /// in small transactions so that commits are not delayed. Answers how many.
    fn delete_runs_before(
        &self,
        workflow: i64,
        before: Ticks,
        runs_max: usize,
    ) -> Answer<'_, usize>;

    /// Gives free space back to the file system, at most about `bytes_max`. Answers the
    /// bytes given back.
    fn reclaim(&self, bytes_max: u64) -> Answer<'_, u64>;

    // --- management data ---------------------------------------------------------

    /// Makes changes durable together with what the audit says of them, in order, or none.
    /// [`StoreError::Conflict`] when a name or a unique key is taken, or when something is
    /// not as it was read. Answers for each change a number: the new revision of a record or
    /// of a flow, the key of a new flow, how many rows a removal found, and 1 for a message that
    /// was taken, else 0.
    fn change(&self, edits: Vec<Edit>, audit: Vec<AuditRow>) -> Answer<'_, Vec<i64>>;

    fn record(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>>;

    /// Of some records those that are there, in any order.
    fn records_by_id(&self, kind: u8, ids: Vec<String>) -> Answer<'_, Vec<Record>>;

    /// Records with the values of the key that was asked for. One that has several such keys
    /// is listed under each.
    fn records(&self, range: RecordRange) -> Answer<'_, Vec<(Vec<u8>, Record)>>;

    /// Entries of the audit, newest first.
    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditRow>>;

    /// Entries of the audit in the order of their numbers, those after `after`.
    fn audit_chain(&self, after: i64, rows_max: usize) -> Answer<'_, Vec<AuditRow>>;

    // --- flows ---------------------------------------------------------------

    /// Adds a flow with its first version. [`StoreError::Conflict`] when the name is taken.
    /// Answers the flow's key.
    fn create_workflow(&self, workflow: WorkflowRow, version: VersionRow) -> Answer<'_, i64> {
        alone(self.change(vec![Edit::CreateWorkflow(workflow, version)], Vec::new()))
    }

    /// Replaces a flow's row, and adds a version when given. Compare-and-set: the
    /// stored `revision` must be `workflow.revision`; it is counted up.
    fn update_workflow(
        &self,
        workflow: WorkflowRow,
        version: Option<VersionRow>,
    ) -> Answer<'_, ()> {
        let done = alone(self.change(vec![Edit::UpdateWorkflow(workflow, version)], Vec::new()));
        Box::pin(async move { done.await.map(|_| ()) })
    }

    /// Removes a flow and its versions. Its runs go by [`Store::delete_runs_before`].
    fn delete_workflow(&self, key: i64) -> Answer<'_, bool> {
        let done = alone(self.change(vec![Edit::DeleteWorkflow(key)], Vec::new()));
        Box::pin(async move { done.await.map(|removed| removed > 0) })
    }

    fn workflow(&self, environment: &str, name: &str) -> Answer<'_, Option<WorkflowRow>>;

    fn workflow_by_id(&self, id: &str) -> Answer<'_, Option<WorkflowRow>>;

    /// Of some flows those that are there, in any order.
    fn workflows_by_id(&self, ids: Vec<String>) -> Answer<'_, Vec<WorkflowRow>>;

    fn workflow_by_key(&self, key: i64) -> Answer<'_, Option<WorkflowRow>>;

    /// Flows of an environment (all when `None`) by name, those after `after`. A page
    /// over all environments is longer than `rows_max` when flows of several have its
    /// last name.
    fn workflows(
        &self,
        environment: Option<&str>,
        after: Option<&str>,
        rows_max: usize,
    ) -> Answer<'_, Vec<WorkflowRow>>;

    fn version(&self, workflow: i64, number: u32) -> Answer<'_, Option<VersionRow>>;

    /// Versions of a flow without their documents, newest first.
    fn versions(&self, workflow: i64) -> Answer<'_, Vec<VersionRow>>;

    /// How long histories are kept, where that was said.
    fn retentions(&self) -> Answer<'_, Vec<RetentionRow>>;

    /// Says how long histories of an environment or a flow are kept; `None` takes it back.
    fn set_retention(
        &self,
        environment: &str,
        workflow: Option<i64>,
        seconds: Option<i64>,
    ) -> Answer<'_, ()>;

    // --- the whole store ---------------------------------------------------------

    /// Sends everything that is stored, as of one moment, table by table in the order of
    /// [`portable::TABLES`], rows of one process together and in order, and a page without
    /// rows at the end. Others go on meanwhile.
    fn export(&self, pages: mpsc::Sender<portable::Page>) -> Answer<'_, ()>;

    /// Takes everything that an export sent, or nothing: it is one transaction, which ends
    /// well when a page without rows has come last. [`StoreError::Conflict`] when there is
    /// something in the store already. Answers the rows taken.
    fn import(&self, pages: mpsc::Receiver<portable::Page>) -> Answer<'_, u64>;

    // --- the server's own ------------------------------------------------------

    /// Sets a value unless there is one; answers the value that is there then.
    fn setting_or(&self, name: &str, value: &[u8]) -> Answer<'_, Vec<u8>>;

    fn setting(&self, name: &str) -> Answer<'_, Option<Vec<u8>>>;

    fn set_setting(&self, name: &str, value: &[u8]) -> Answer<'_, ()>;

    fn tokens(&self) -> Answer<'_, Vec<TokenRow>>;

    fn add_token(&self, token: TokenRow) -> Answer<'_, ()>;

    /// Whether the store can write.
    fn ping(&self) -> Answer<'_, ()>;

    /// Finishes what was accepted and closes. Nothing is accepted afterwards.
    fn close(&self) -> Answer<'_, ()>;
}

/// The number that a single change is answered with.
fn alone(changing: Answer<'_, Vec<i64>>) -> Answer<'_, i64> {
    Box::pin(async move {
        let numbers = changing.await?;
        let missing = || StoreError::Corrupt("a change has no answer".to_owned());
        numbers.first().copied().ok_or_else(missing)
    })
}

/// Where everything that is stored can be read: a store, or the files of one that a server
/// works with.
pub trait Source: Send + Sync {
    /// As [`Store::export`].
    fn everything(&self, pages: mpsc::Sender<portable::Page>) -> Answer<'_, ()>;

    /// As [`Store::payload`].
    fn content(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>>;

    /// As [`Store::record`].
    fn fact(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>>;
}

impl<S: Store + ?Sized> Source for S {
    fn everything(&self, pages: mpsc::Sender<portable::Page>) -> Answer<'_, ()> {
        self.export(pages)
    }

    fn content(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        self.payload(hash)
    }

    fn fact(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>> {
        self.record(kind, id)
    }
}
