//! Events of a run, as they are written into chunks and read back.
//!
//! A chunk begins with the moment of its step; its events follow without
//! separators: a tag, the action, the iteration numbers around it, then what the tag
//! needs. Values larger than `PAYLOAD_BYTES_MIN` are stored by hash.
//!
//! Invariant: tags and flags of a written version keep their meaning; the first byte
//! of a chunk is the version.

mod read;
mod write;

pub use read::{EventReader, Payloads, ReadError, payload_hashes, read_payload};
pub use write::EventWriter;

use super::state::Path;
use super::status::{ErrorInfo, Outputs, Status};
use crate::definition::ActionId;
use durable::{ProcessId, Ticks};
use expr::{Str, Value};

pub const VERSION: u8 = 1;

pub const RUN_STARTED: u8 = 1;
pub const FINISHED: u8 = 2;
pub const STARTED: u8 = 3;
pub const SKIPPED: u8 = 4;
pub const ATTEMPT_FAILED: u8 = 5;
pub const POLL_LATER: u8 = 6;
pub const CALLED_AGAIN: u8 = 7;
pub const CANCEL_ASKED: u8 = 8;
pub const RUN_FINISHED: u8 = 9;
pub const RELEASED: u8 = 10;
pub const RESUMED: u8 = 11;
pub const CARRIED: u8 = 12;
pub const CARRIED_ALL: u8 = 13;
pub const PARAMETERS: u8 = 14;
pub const PAGE: u8 = 15;
pub const INVOKER: u8 = 16;

/// Stands before a payload's hash where a value is expected; no tag of a value.
const PAYLOAD: u8 = 0xff;

mod flag {
    pub const INPUTS: u8 = 1;
    pub const OUTPUTS: u8 = 2;
    pub const OUTPUTS_ARE_INPUTS: u8 = 4;
    pub const BODY_IS_INPUTS: u8 = 8;
    pub const ERROR: u8 = 16;
    pub const TRACKED: u8 = 32;
    pub const ENDED_BEFORE: u8 = 64;
}

/// Codes that are stored as a number; the order is fixed for ever.
const CODES: [&str; 16] = [
    "",
    "OK",
    "NotSpecified",
    "ActionSkipped",
    "ActionFailed",
    "Accepted",
    "Created",
    "BadRequest",
    "NotFound",
    "InvalidTemplate",
    "ActionTimedOut",
    "ActionCancelled",
    "Terminated",
    "BadGateway",
    "ActionResponseSkipped",
    "NoContent",
];

/// Why an action was skipped.
#[derive(Clone, Debug, PartialEq)]
pub enum SkipReason {
    /// A predecessor ended with another status than listed.
    Condition { on: ActionId, was: Status },
    /// The branch was not taken.
    Branch,
    /// The container was skipped, or ended before what it holds could begin.
    Dependency { container: ActionId, status: Status, code: Str },
    /// Nobody waits for a response.
    Response,
    /// The run was ended before.
    Terminated,
}

impl SkipReason {
    /// The code of an action that was skipped for this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            SkipReason::Response => "ActionResponseSkipped",
            SkipReason::Terminated => "Terminated",
            _ => "ActionSkipped",
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    RunStarted(Box<RunStarted>),
    /// A container or a call began. `detail` is the chosen branch, or the effect's number.
    Started {
        action: ActionId,
        path: Path,
        inputs: Value,
        detail: Detail,
    },
    Finished(Box<Finished>),
    Skipped {
        action: ActionId,
        path: Path,
        reason: SkipReason,
    },
    /// An attempt of a call failed and is repeated.
    AttemptFailed {
        action: ActionId,
        path: Path,
        attempt: u32,
        started: Ticks,
        error: ErrorInfo,
        due: Ticks,
    },
    /// The other side answered 202 and is asked again.
    PollLater {
        action: ActionId,
        path: Path,
        location: Str,
        due: Ticks,
    },
    /// The next attempt, or the next poll, was intended.
    CalledAgain {
        action: ActionId,
        path: Path,
    },
    /// A page of a list has come, and the next one is asked for at an address.
    Page {
        action: ActionId,
        path: Path,
        items: Value,
        next: Str,
    },
    CancelAsked,
    /// A held run may go on.
    Released,
    /// The run goes on where another ended: what follows, up to [`Event::CarriedAll`], it
    /// has from there.
    Resumed {
        from: ProcessId,
    },
    /// An action that the other run finished; it began there at `started`.
    Carried {
        started: Ticks,
        finished: Box<Finished>,
    },
    /// Everything is carried over; the variables are as given.
    CarriedAll {
        variables: Vec<Option<Value>>,
    },
    /// Values of parameters that the run keeps, whatever they are later: after its start.
    Parameters(Value),
    /// Who invoked the run: after its start, and its parameters.
    Invoker(Value),
    RunFinished {
        status: Status,
        code: Str,
        error: Option<ErrorInfo>,
        outputs: Value,
    },
}

/// What else a beginning says.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// Which block was chosen: If 0 or 1, Switch the case's number or that of the default.
    Branch(u32),
    Foreach {
        items: Value,
    },
    Until {
        count_max: u32,
        deadline: Ticks,
    },
    Timer {
        due: Ticks,
        timeout: Option<Ticks>,
    },
    Call {
        effect: u64,
        timeout: Option<Ticks>,
    },
}

/// The first event of a run.
#[derive(Clone, Debug)]
pub struct RunStarted {
    pub trigger: super::state::TriggerRun,
    pub caller: super::state::Caller,
    pub version: u32,
    pub is_held: bool,
}

/// An action came to its end.
#[derive(Clone, Debug)]
pub struct Finished {
    pub action: ActionId,
    pub path: Path,
    pub status: Status,
    pub code: Str,
    /// When it has no beginning of its own: absent for those that have.
    pub inputs: Option<Value>,
    pub outputs: Outputs,
    pub error: Option<ErrorInfo>,
    pub tracked: Option<Value>,
    /// When it differs from the moment of the chunk.
    pub ended: Option<Ticks>,
}
