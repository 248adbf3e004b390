//! What can go wrong inside the PostgreSQL store, before it is known whom it concerns.

use crate::StoreError;
use std::error::Error as _;
use tokio_postgres::error::{Severity, SqlState};

/// An error on its way to the callers.
#[derive(Debug)]
pub(super) enum Fault {
    /// A statement failed.
    Sql(tokio_postgres::Error),
    /// A statement was fine and its meaning is not (a name that is taken, a bad row).
    Refused(StoreError),
    /// Another transaction was in the way.
    Met(&'static str),
    /// The connection is of no use any more, or there is none.
    Gone(StoreError),
}

impl Fault {
    /// A row that cannot be read.
    pub(super) fn corrupt(what: &str) -> Self {
        Fault::Refused(StoreError::Corrupt(what.to_owned()))
    }

    pub(super) fn gone(what: &str) -> Self {
        Fault::Gone(StoreError::Unavailable(what.to_owned()))
    }

    fn state(&self) -> Option<&SqlState> {
        let Fault::Sql(error) = self else { return None };
        error.code()
    }

    fn class(&self) -> &str {
        self.state().and_then(|state| state.code().get(..2)).unwrap_or_default()
    }

    /// A row breaks a rule of the schema: it is there already.
    pub(super) fn is_constraint(&self) -> bool {
        self.class() == "23"
    }

    /// Another transaction was in the way: the same may work when it is tried again.
    pub(super) fn is_meeting(&self) -> bool {
        let is_met = matches!(self, Fault::Met(_));
        is_met
            || matches!(
                self.state(),
                Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED)
            )
    }

    /// The connection is of no use any more. What it had not committed is undone.
    pub(super) fn is_gone(&self) -> bool {
        let error = match self {
            Fault::Sql(error) => error,
            Fault::Gone(_) => return true,
            Fault::Refused(_) | Fault::Met(_) => return false,
        };
        if let Some(error) = error.as_db_error() {
            let is_fatal =
                matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
            // A server that only reads is a copy, or was one: another takes its place.
            return is_fatal || *error.code() == SqlState::READ_ONLY_SQL_TRANSACTION;
        }
        error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
    }

    /// The fault lies in what one job asked, not in what all share.
    pub(super) fn is_alone(&self) -> bool {
        match self {
            Fault::Refused(_) => true,
            Fault::Gone(_) | Fault::Met(_) => false,
            // A rule of the schema, a value that no column takes, a limit of a statement.
            Fault::Sql(_) => matches!(self.class(), "22" | "23" | "54"),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Refused(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let is_gone = fault.is_gone();
        let class = fault.class().to_owned();
        match fault {
            Fault::Refused(error) | Fault::Gone(error) => error,
            Fault::Met(what) => StoreError::Unavailable(what.to_owned()),
            Fault::Sql(error) => {
                let text = text(&error);
                match class.as_str() {
                    _ if is_gone => StoreError::Unavailable(text),
                    "53" if error.code() == Some(&SqlState::DISK_FULL) => StoreError::Full(text),
                    "22" | "23" | "54" => StoreError::Conflict(text),
                    "XX" if error.code() != Some(&SqlState::INTERNAL_ERROR) => {
                        StoreError::Corrupt(text)
                    }
                    // A column is not what is expected.
                    "" => StoreError::Corrupt(text),
                    _ => StoreError::Unavailable(text),
                }
            }
        }
    }
}

/// What the server says, without values of rows; they are in its details.
fn text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}
