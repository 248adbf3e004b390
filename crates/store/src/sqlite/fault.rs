//! What can go wrong inside the SQLite store, before it is known whom it concerns.

use crate::StoreError;
use rusqlite::ErrorCode;

/// An error on its way to the callers.
#[derive(Debug)]
pub(super) enum Fault {
    /// A statement failed.
    Sql(rusqlite::Error),
    /// A statement was fine and its meaning is not (a name that is taken, a bad row).
    Refused(StoreError),
    /// The transaction is lost, with all that was done in it.
    Lost(StoreError),
}

impl Fault {
    /// A row that cannot be read.
    pub(super) fn corrupt(what: &str) -> Self {
        Fault::Refused(StoreError::Corrupt(what.to_owned()))
    }

    /// A row breaks a rule of the schema: it is there already.
    pub(super) fn is_constraint(&self) -> bool {
        let Fault::Sql(rusqlite::Error::SqliteFailure(error, _)) = self else { return false };
        error.code == ErrorCode::ConstraintViolation
    }

    /// Nothing of the transaction can stand: the fault lies in what all share.
    pub(super) fn concerns_all(&self) -> bool {
        match self {
            Fault::Lost(_) => true,
            Fault::Refused(_) => false,
            Fault::Sql(error) => matches!(
                store_error(error),
                StoreError::Full(_) | StoreError::Unavailable(_) | StoreError::Closed
            ),
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
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
        match fault {
            Fault::Sql(error) => store_error(&error),
            Fault::Refused(error) | Fault::Lost(error) => error,
        }
    }
}

fn store_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error;
    let text = error.to_string();
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full(text),
            ErrorCode::ConstraintViolation | ErrorCode::TooBig => StoreError::Conflict(text),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
            _ => StoreError::Unavailable(text),
        },
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::QueryReturnedNoRows => StoreError::Corrupt(text),
        _ => StoreError::Unavailable(text),
    }
}
