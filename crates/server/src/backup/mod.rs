//! Everything that is stored in a file, and back: `docs/reference/backup-format.md`.
//!
//! Invariant: a file that has its name is whole; one that is being written has another.
//! Invariant: what is damaged, cut short or from a newer version imports nothing.

mod format;
mod read;
mod write;

pub use read::{Mark, read};
pub use write::write;

use store::portable::TABLES;

/// What a file was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// While no server ran: to move.
    Export = 1,
    /// While servers ran: to go back to.
    Backup = 2,
}

impl Kind {
    fn from_number(number: u8) -> Option<Kind> {
        [Kind::Export, Kind::Backup].into_iter().find(|kind| *kind as u8 == number)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Export => "export",
            Kind::Backup => "backup",
        }
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub kind: Kind,
    /// When it was made, in ticks.
    pub created: i64,
    /// Rows, table by table in the order of [`TABLES`].
    pub rows: Vec<u64>,
    pub bytes: u64,
}

impl Summary {
    #[must_use]
    pub fn count(&self, table: &str) -> u64 {
        let place = TABLES.iter().position(|known| known.name == table);
        place.and_then(|place| self.rows.get(place)).copied().unwrap_or(0)
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().sum()
    }
}

/// Is told how many rows of each table are done.
pub type Progress = Box<dyn FnMut(&[u64]) + Send>;
