//! Names of final statuses in `runAfter`.

use super::StatusSet;

/// Names and bits, as in [`crate::run::Status`].
const STATUSES: [(&str, u8); 6] = [
    ("Succeeded", 1 << 0),
    ("Failed", 1 << 1),
    ("Skipped", 1 << 2),
    ("TimedOut", 1 << 3),
    ("Cancelled", 1 << 4),
    ("Aborted", 1 << 5),
];

impl StatusSet {
    /// The set of one status; letter case is ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<StatusSet> {
        let found = STATUSES.iter().find(|(status, _)| status.eq_ignore_ascii_case(name))?;
        Some(StatusSet(found.1))
    }

    #[must_use]
    pub fn union(self, other: StatusSet) -> StatusSet {
        StatusSet(self.0 | other.0)
    }
}

/// For messages.
pub(super) const STATUS_NAMES: &str =
    "one of Succeeded, Failed, Skipped, TimedOut, Cancelled, Aborted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_letter_case() {
        assert_eq!(StatusSet::from_name("SUCCEEDED"), Some(StatusSet(1)));
        assert_eq!(StatusSet::from_name("timedout"), Some(StatusSet(8)));
        assert_eq!(StatusSet::from_name("Done"), None);
    }
}
