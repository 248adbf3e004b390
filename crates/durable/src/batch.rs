//! What a process asks to be made durable, all of it or nothing.

use crate::id::{ProcessId, Ticks};

/// What a process is; the number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProcessKind {
    /// A flow run.
    Run = 1,
    /// The state of a flow's trigger: recurrence, later subscriptions and polls.
    Trigger = 2,
}

impl ProcessKind {
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(ProcessKind::Run),
            2 => Some(ProcessKind::Trigger),
            _ => None,
        }
    }
}

/// Everything one step of a process makes durable together.
///
/// Invariant: a batch applies only to the state it was computed from; the store
/// checks `expected_seq` and refuses it otherwise.
#[derive(Debug)]
pub struct Batch {
    pub process: ProcessId,
    pub kind: ProcessKind,
    /// Number of the last event before this batch; 0 for a new process.
    pub expected_seq: u64,
    /// How many events the chunk holds; they are numbered on from `expected_seq`.
    pub events: u32,
    /// The events, encoded and compressed. `None` when nothing happened that
    /// history keeps.
    pub chunk: Option<Vec<u8>>,
    /// The whole state after this batch, so that loading need not read what came before.
    pub snapshot: Option<Vec<u8>>,
    /// History before the snapshot is not needed: endless processes.
    pub forget_history: bool,
    pub standing: Standing,
    /// A new process with a start key is created only if the key is new.
    pub start_key: Option<StartKey>,
    /// Inbox rows this batch answers; they go with it.
    pub consumed: Vec<InboxId>,
    /// To other processes.
    pub messages: Vec<Message>,
    /// Outside calls that may begin once this batch is durable.
    pub effects: Vec<EffectIntent>,
    /// Effects whose results this batch records, or that it gives up.
    pub effects_done: Vec<u64>,
    /// Large values the chunk refers to by hash.
    pub payloads: Vec<Payload>,
}

impl Batch {
    #[must_use]
    pub fn new(process: ProcessId, kind: ProcessKind, expected_seq: u64) -> Self {
        Batch {
            process,
            kind,
            expected_seq,
            events: 0,
            chunk: None,
            snapshot: None,
            forget_history: false,
            standing: Standing::Final,
            start_key: None,
            consumed: Vec::new(),
            messages: Vec::new(),
            effects: Vec::new(),
            effects_done: Vec::new(),
            payloads: Vec::new(),
        }
    }
}

/// What becomes of the process after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits: for its wakeup (if `due`), for effects, or for messages. A due time
    /// that has passed means that it has more to do at once.
    Live { due: Option<Ticks> },
    /// It has ended; only its history stays.
    Final,
}

/// Makes a start happen once: an idempotency key, a recurrence slot, a parent's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartKey {
    /// What the key is unique within (a flow's key, a parent's id).
    pub source: Vec<u8>,
    pub key: Vec<u8>,
}

/// The row number of an inbox entry.
pub type InboxId = i64;

/// What an inbox entry is; the number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageKind {
    /// An answer to an effect of the target (a child run's response).
    Reply = 1,
    /// Cancel.
    Cancel = 2,
    /// To itself, of a process that was begun by who does not step it: here it is. To a
    /// trigger that asks: there is something new.
    Arrived = 3,
}

impl MessageKind {
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(MessageKind::Reply),
            2 => Some(MessageKind::Cancel),
            3 => Some(MessageKind::Arrived),
            _ => None,
        }
    }
}

/// From one process to another. (target, sender, effect) is unique: a message
/// takes effect once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub to: ProcessId,
    /// `None` for commands from outside.
    pub from: Option<ProcessId>,
    /// The target's effect that this answers, or the sender's number for it.
    pub effect: u64,
    pub kind: MessageKind,
    pub body: Vec<u8>,
}

/// A message as it waits in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    pub id: InboxId,
    pub message: Message,
}

/// An outside call that a process is about to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectIntent {
    /// Unique within the process, stable over attempts: the idempotency key is made of it.
    pub id: u64,
    pub attempt: u32,
}

/// SHA-256 of a payload's content.
pub type PayloadHash = [u8; 32];

/// A large value, stored once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub hash: PayloadHash,
    /// Compressed content.
    pub content: Vec<u8>,
}
