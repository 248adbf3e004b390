//! Whether a store is whole: everything in it is read once, and what must hold is checked.
//!
//! A store is checked at rest or while servers work with it: what is read belongs to one
//! moment. Nothing depends on the time of day, and only small facts of each process are
//! held, so that a million runs are no matter.
//!
//! Deliberately absent: mending.

mod checker;
mod flow;
mod history;
mod record;
mod row;
mod sealed;

pub use flow::Versions;

use crate::limits::VERIFY_PROBLEMS_MAX;
use checker::Checker;
use row::Rows;
use std::fmt;
use store::limits::PAGES_QUEUED_MAX;
use store::portable::TABLES;
use store::{Source, StoreError};
use tokio::sync::mpsc;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read, table by table in the order of [`TABLES`].
    pub rows: Vec<u64>,
    /// Events of all histories.
    pub events: u64,
    /// Runs under way.
    pub live_runs: u64,
    /// Versions of flows, chunks, snapshots and payloads that are sealed, and were not opened
    /// for want of the master key.
    pub sealed: u64,
    /// At most [`VERIFY_PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// All of them, listed or not.
    pub problem_count: u64,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the run, or table and key.
    pub place: String,
    /// A sentence.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl Report {
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problem_count == 0
    }

    /// Rows of a table.
    #[must_use]
    pub fn count(&self, table: &str) -> u64 {
        let place = TABLES.iter().position(|known| known.name == table);
        place.and_then(|place| self.rows.get(place)).copied().unwrap_or(0)
    }

    fn add(&mut self, place: impl fmt::Display, message: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < VERIFY_PROBLEMS_MAX {
            self.problems.push(Problem { place: place.to_string(), message: message.into() });
        }
    }
}

/// Reads everything and checks it. `versions` may be kept for the next time; `progress` is
/// told of what was read, again and again.
pub async fn verify<S: Source + ?Sized>(
    source: &S,
    versions: &mut Versions,
    progress: &mut (dyn FnMut(&Report) + Send),
) -> Result<Report, StoreError> {
    let (sender, receiver) = mpsc::channel(PAGES_QUEUED_MAX);
    let mut rows = Rows::new(receiver);
    let mut checker = Checker::new(versions);
    checker.find_keys(source).await?;
    let checking = async {
        checker.check_tables(&mut rows, progress).await;
        checker.check_histories(&mut rows, source, progress).await
    };
    let (exported, checked) = tokio::join!(source.everything(sender), checking);
    exported.and(checked)?;
    Ok(checker.finish())
}
