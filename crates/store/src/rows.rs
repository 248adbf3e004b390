//! Plain records of what is stored. The server gives them meaning.

use durable::{Batch, Chunk, Epoch, InboxId, InboxRow, Message, ProcessId, ProcessKind, Ticks};

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

/// A version of a flow; never changed, except for how what is secret of it is sealed.
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

/// A record of management data: what is in it, and what it is about, is the server's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// A number that the server gives meaning.
    pub kind: u8,
    pub id: String,
    /// Counts changes, for compare-and-set. 0: it is new.
    pub revision: i64,
    pub body: Vec<u8>,
    /// What it is found by, besides its id. Not read back.
    pub keys: Vec<RecordKey>,
}

/// Something that a record is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKey {
    /// A number that the server gives meaning, of the record's kind.
    pub name: u8,
    /// Compared byte by byte.
    pub value: Vec<u8>,
    /// No other record of the kind has it.
    pub is_unique: bool,
}

/// Which records to list, in the order of their keys and then of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRange {
    pub kind: u8,
    pub name: u8,
    /// The first value, and the first that is beyond.
    pub from: Vec<u8>,
    pub to: Vec<u8>,
    /// The last of the page before.
    pub after: Option<(Vec<u8>, String)>,
    pub rows_max: usize,
}

impl RecordRange {
    /// After which value and id the page begins. Ids are not empty.
    pub(crate) fn start(&self) -> (&[u8], &str) {
        match &self.after {
            Some((value, id)) => (value, id),
            None => (&self.from, ""),
        }
    }
}

/// A change of management data.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A new record, or new content of one whose stored `revision` is this one's.
    Put(Record),
    /// Removes a record whose stored revision is this one; whatever it is when `None`.
    Remove { kind: u8, id: String, revision: Option<i64> },
    /// A flow with its first version.
    CreateWorkflow(WorkflowRow, VersionRow),
    /// A flow's row, and a new version when given. The stored `revision` must be the row's.
    UpdateWorkflow(WorkflowRow, Option<VersionRow>),
    /// Another document for a version that is there: it says the same, sealed anew.
    ReplaceDocument(VersionRow),
    /// A flow and its versions. Its runs stay until they are removed.
    DeleteWorkflow(i64),
    /// A message to a process: dropped where that has ended, or has got it before.
    Send(Message),
}

impl Edit {
    /// Bytes of the rows.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Edit::Put(record) => {
                let keys: usize = record.keys.iter().map(|key| key.value.len()).sum();
                record.body.len() + keys
            }
            Edit::CreateWorkflow(_, version)
            | Edit::UpdateWorkflow(_, Some(version))
            | Edit::ReplaceDocument(version) => version.document.len(),
            Edit::Send(message) => message.body.len(),
            Edit::Remove { .. } | Edit::UpdateWorkflow(_, None) | Edit::DeleteWorkflow(_) => 0,
        }
    }
}

/// Who did what, when, to what. Never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Counted without gaps by the store; 0 before it is stored.
    pub number: i64,
    pub time: Ticks,
    pub actor: String,
    pub operation: String,
    pub target: String,
    pub content: Vec<u8>,
    /// Of this entry and of all before it, given by the store: [`crate::chain::link`].
    pub hash: Vec<u8>,
}

/// Which entries of the audit to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub operation: Option<String>,
    pub target: Option<String>,
    /// At or after, and before.
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    /// Older than this entry: the last of the page before.
    pub before: Option<i64>,
    pub rows_max: usize,
}
