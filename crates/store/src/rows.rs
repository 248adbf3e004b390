//! Plain records of what is stored. The server gives them meaning.

use durable::{Batch, Chunk, Epoch, InboxId, InboxRow, ProcessId, ProcessKind, Ticks};

/// A batch with the rows that are projected from it.
#[derive(Debug)]
pub struct Commit {
    pub batch: Batch,
    pub run: RunChange,
    /// Under which epoch of its partition the batch was computed: it is refused when the
    /// partition has been taken since. `None` for a new process that its maker does not
    /// step, which needs no lease.
    pub epoch: Option<Epoch>,
    /// Key of the flow that a new process belongs to; not read otherwise.
    pub workflow: i64,
    /// The effect that a new process is to answer: it is begun only while that is waited for.
    pub asked_by: Option<(ProcessId, u64)>,
}

/// What a commit does to the list of runs.
#[derive(Debug, Default)]
pub enum RunChange {
    #[default]
    None,
    /// A new run.
    Insert(RunRow),
    /// New facts of a run that is there.
    Update(RunPatch),
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    Done {
        /// Rows that the batch's messages got in the inboxes of their targets, in order; a
        /// message that was there already, or whose target has ended, has none.
        inbox: Vec<Option<InboxId>>,
    },
    /// The start key was known: the process that it started. Nothing was changed.
    StartedBefore(ProcessId),
    /// The process is not where the batch expected it. Nothing was changed.
    Stale,
    /// The partition has been taken with a later epoch. Nothing was changed.
    Fenced,
    /// Nobody waits for what the new process would answer. Nothing was changed.
    NotAsked,
}

/// A run as it is listed. Its start is in its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub id: ProcessId,
    /// Key of the flow.
    pub workflow: i64,
    pub version: u32,
    /// A number that the server gives meaning.
    pub status: u8,
    pub end: Option<Ticks>,
    pub code: Option<String>,
    pub error: Option<String>,
    /// `None`: the run's own name.
    pub client_tracking_id: Option<String>,
    /// The run that called this one.
    pub parent: Option<ProcessId>,
}

/// New facts of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPatch {
    pub id: ProcessId,
    pub status: u8,
    pub end: Option<Ticks>,
    pub code: Option<String>,
    pub error: Option<String>,
}

/// Which runs of a flow to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub workflow: i64,
    pub status: Option<u8>,
    /// Started at or after.
    pub from: Option<Ticks>,
    /// Started before.
    pub to: Option<Ticks>,
    /// Older than this run: the last of the page before.
    pub before: Option<ProcessId>,
    /// Oldest first instead of newest first (waiting runs are admitted in order).
    pub oldest_first: bool,
    pub rows_max: usize,
}

/// A process that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveProcess {
    pub id: ProcessId,
    pub kind: ProcessKind,
    pub seq: u64,
    pub due: Option<Ticks>,
    /// Key of the flow it belongs to.
    pub workflow: i64,
}

/// What loading a live process reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessHistory {
    pub kind: ProcessKind,
    /// Number of the last event.
    pub seq: u64,
    pub due: Option<Ticks>,
    /// The snapshot, compressed as it was given, and the number of the last event it holds.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// Chunks after the snapshot.
    pub chunks: Vec<Chunk>,
    /// Messages that wait for it, oldest first.
    pub inbox: Vec<InboxRow>,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowRow {
    /// Given by the store on creation.
    pub key: i64,
    /// The public id, part of addresses.
    pub id: String,
    pub environment: String,
    pub name: String,
    pub display_name: String,
    /// Numbers that the server gives meaning.
    pub state: u8,
    pub dialect: u8,
    /// The version that new runs take.
    pub version: u32,
    pub created: Ticks,
    pub changed: Ticks,
    /// The keys that sign its addresses, sealed.
    pub primary_key: Vec<u8>,
    pub secondary_key: Vec<u8>,
    /// The process that holds its trigger's state, when it has one.
    pub trigger_process: Option<ProcessId>,
    /// Counts changes, for compare-and-set. 0 on creation.
    pub revision: i64,
}

/// A version of a flow; never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    pub workflow: i64,
    pub number: u32,
    pub created: Ticks,
    /// The document as it was given, compressed by the server. Empty in lists.
    pub document: Vec<u8>,
}

/// A token that may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub name: String,
    /// SHA-256 of the token: the token itself is not stored.
    pub hash: Vec<u8>,
    pub created: Ticks,
}

/// How long the history of final runs is kept: of an environment's flows, or of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRow {
    pub environment: String,
    /// `None`: every flow of the environment that has no row of its own.
    pub workflow: Option<i64>,
    pub seconds: i64,
}

/// Something that nodes tell each other. It may be lost: what it is about is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Messages wait in a process's inbox.
    Inbox(ProcessId),
    /// A run has answered its caller, or has ended.
    Answered(ProcessId),
    /// The flow with this public id has changed.
    Flow(String),
}
