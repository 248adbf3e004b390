//! Statuses of actions and runs, and the errors they end with.

use super::bound::cut;
use crate::definition::StatusSet;
use crate::limits::{ERROR_CODE_BYTES_MAX, ERROR_MESSAGE_BYTES_MAX};
use expr::{Object, Str, Value};

/// Where an action or a run stands. The numbers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    #[default]
    NotStarted = 0,
    Succeeded = 1,
    Failed = 2,
    Skipped = 3,
    TimedOut = 4,
    Cancelled = 5,
    Aborted = 6,
    Running = 7,
    Waiting = 8,
}

const ALL: [Status; 9] = [
    Status::NotStarted,
    Status::Succeeded,
    Status::Failed,
    Status::Skipped,
    Status::TimedOut,
    Status::Cancelled,
    Status::Aborted,
    Status::Running,
    Status::Waiting,
];

impl Status {
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        ALL.get(usize::from(number)).copied()
    }

    /// Letter case is ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::NotStarted => "NotStarted",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::Skipped => "Skipped",
            Status::TimedOut => "TimedOut",
            Status::Cancelled => "Cancelled",
            Status::Aborted => "Aborted",
            Status::Running => "Running",
            Status::Waiting => "Waiting",
        }
    }

    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Status::NotStarted | Status::Running | Status::Waiting)
    }
}

impl StatusSet {
    /// The set of one final status; empty for one that is not final.
    #[must_use]
    pub fn of(status: Status) -> StatusSet {
        if status.is_final() { StatusSet(1 << (status as u8 - 1)) } else { StatusSet(0) }
    }

    #[must_use]
    pub fn contains(self, status: Status) -> bool {
        self.0 & StatusSet::of(status).0 != 0
    }

    #[must_use]
    pub fn with(self, status: Status) -> StatusSet {
        StatusSet(self.0 | StatusSet::of(status).0)
    }

    /// Names in the order of the language's documentation, joined by commas.
    #[must_use]
    pub fn names(self) -> String {
        let names: Vec<_> =
            ALL.into_iter().filter(|status| self.contains(*status)).map(Status::name).collect();
        names.join(", ")
    }
}

/// Why something did not succeed: data of the flow, not an error of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorInfo {
    pub code: Str,
    pub message: Str,
}

impl ErrorInfo {
    pub fn new(code: impl Into<Str>, message: impl Into<Str>) -> Self {
        ErrorInfo {
            code: cut(code.into(), ERROR_CODE_BYTES_MAX),
            message: cut(message.into(), ERROR_MESSAGE_BYTES_MAX),
        }
    }

    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Object::with_capacity(2);
        object.push_new("code", self.code.clone());
        object.push_new("message", self.message.clone());
        object.into()
    }
}

/// What an action ends with.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: Status,
    pub code: Str,
    pub error: Option<ErrorInfo>,
    pub outputs: Outputs,
}

/// An action's outputs; two shapes that repeat the inputs are not stored twice.
#[derive(Clone, Debug)]
pub enum Outputs {
    None,
    /// The inputs themselves.
    Inputs,
    /// `{"body": inputs}`.
    BodyOfInputs,
    Value(Value),
}

impl Outcome {
    /// Succeeded with code `OK`, as calls and data operations record it.
    #[must_use]
    pub fn ok(outputs: Outputs) -> Self {
        Outcome { status: Status::Succeeded, code: "OK".into(), error: None, outputs }
    }

    /// Succeeded with code `NotSpecified`, as control and variable actions record it.
    #[must_use]
    pub fn done(outputs: Outputs) -> Self {
        Outcome { status: Status::Succeeded, code: "NotSpecified".into(), error: None, outputs }
    }

    /// Failed; the error's code is the action's code too.
    pub fn failed(code: &str, message: impl Into<Str>) -> Self {
        Outcome {
            status: Status::Failed,
            code: code.into(),
            error: Some(ErrorInfo::new(code, message)),
            outputs: Outputs::None,
        }
    }

    /// Failed with an action code of its own.
    pub fn failed_as(code: &str, error: ErrorInfo, outputs: Outputs) -> Self {
        Outcome { status: Status::Failed, code: code.into(), error: Some(error), outputs }
    }
}

/// `{"body": value}`.
#[must_use]
pub fn body_of(value: Value) -> Value {
    let mut object = Object::with_capacity(1);
    object.push_new("body", value);
    object.into()
}
