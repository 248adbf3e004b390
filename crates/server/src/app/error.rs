//! Errors of use cases: a kind, a public code and sentence, and details that point at
//! the fault. Internal context is logged, never shown.

use crate::auth::seal::SealError;
use flow::definition::{Problem, Severity};
use store::StoreError;

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    Invalid,
    Unauthenticated,
    Forbidden,
    /// A thing that this cannot be done to.
    BadMethod,
    NotFound,
    Conflict,
    /// It was there once.
    Gone,
    TooLarge,
    /// Try again after this many seconds.
    Throttled {
        retry_after_seconds: u32,
    },
    /// Try again later.
    Unavailable,
    /// Try again when the server has room.
    Full,
    Internal,
}

/// An error that a caller sees.
#[derive(Clone, Debug)]
pub struct AppError {
    pub kind: ErrorKind,
    pub code: &'static str,
    pub message: String,
    pub details: Vec<Problem>,
}

impl AppError {
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        AppError { kind, code, message: message.into(), details: Vec::new() }
    }

    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        AppError::new(ErrorKind::Invalid, code, message)
    }

    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        AppError::new(ErrorKind::NotFound, code, message)
    }

    /// Something of ours went wrong: the context is logged, the caller learns only that.
    pub fn internal(context: impl std::fmt::Display) -> Self {
        tracing::error!(%context, "internal error");
        let message = "The server failed to do this. Its log says more.";
        AppError::new(ErrorKind::Internal, "InternalServerError", message)
    }

    /// The same with what it is about before its message.
    #[must_use]
    pub fn prefixed(self, before: &str) -> Self {
        AppError { message: format!("{before}{}", self.message), ..self }
    }

    /// A definition that is refused, with all its faults.
    #[must_use]
    pub fn definition(problems: Vec<Problem>) -> Self {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let count = errors.clone().count();
        let first = errors.clone().next();
        let message = match first {
            Some(first) => format!(
                "The definition has {count} error{}. The first, at {}: {}",
                if count == 1 { "" } else { "s" },
                first.path,
                first.message
            ),
            None => "The definition is not valid.".to_owned(),
        };
        AppError { details: problems, ..AppError::invalid("InvalidDefinition", message) }
    }
}

impl From<SealError> for AppError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Random(_) | SealError::Stale | SealError::Ring(_) => {
                AppError::new(ErrorKind::Unavailable, "KeysUnavailable", error.to_string())
            }
            SealError::Damaged | SealError::UnknownKey(_) => AppError::internal(error),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => AppError::new(
                ErrorKind::Throttled { retry_after_seconds: 1 },
                "ServerBusy",
                "The server has more to do than it can take on. Try again shortly.",
            ),
            StoreError::Conflict(message) => {
                AppError::new(ErrorKind::Conflict, "Conflict", message)
            }
            StoreError::Full(context) => {
                // the store says it in the log, once for all that are refused
                tracing::debug!(%context, "the disk is full");
                let message = "The server's disk is full. Nothing was accepted.";
                AppError::new(ErrorKind::Full, "InsufficientStorage", message)
            }
            StoreError::Unknown(_) => {
                tracing::warn!(%error, "the store's answer was lost");
                let message =
                    "The server's store did not answer in time. What was asked may have been done.";
                AppError::new(ErrorKind::Unavailable, "OutcomeUnknown", message)
            }
            StoreError::Unavailable(_) | StoreError::Closed => {
                tracing::warn!(%error, "the store is not available");
                let message = "The server's store is not available now. Nothing was accepted.";
                AppError::new(ErrorKind::Unavailable, "StoreUnavailable", message)
            }
            StoreError::Corrupt(_) | StoreError::Version(_) => AppError::internal(error),
        }
    }
}
