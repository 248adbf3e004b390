//! The chain of the audit: the hash of each entry holds those of all before it, so that a
//! change of what is stored shows.

use crate::AuditRow;
use sha2::{Digest, Sha256};

/// The hash of what is before the first entry.
pub const START: [u8; 32] = [0; 32];

/// The hash of an entry after one whose hash is `before`.
#[must_use]
pub fn link(before: &[u8], row: &AuditRow) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(row.number.to_be_bytes());
    hash.update(row.time.to_be_bytes());
    let texts = [&row.actor, &row.operation, &row.target].map(String::as_bytes);
    for part in texts.into_iter().chain([row.content.as_slice()]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Gives an entry its number and its hash.
pub(crate) fn append(last: Option<(i64, Vec<u8>)>, row: &AuditRow) -> AuditRow {
    let (number, before) = last.unwrap_or_else(|| (0, START.to_vec()));
    let mut row = AuditRow { number: number + 1, ..row.clone() };
    row.hash = link(&before, &row).to_vec();
    row
}
