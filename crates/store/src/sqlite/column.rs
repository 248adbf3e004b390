//! Reading columns: what is stored is checked, not trusted.
//!
//! Numbers without a sign are stored as the signed number of the same bits.

use super::fault::Fault;
use durable::{PartitionSet, ProcessId, ProcessKind};
use rusqlite::Row;

pub(super) fn process_id(row: &Row<'_>, index: usize) -> Result<ProcessId, Fault> {
    process_id_of(row.get_ref(index)?.as_blob().map_err(rusqlite::Error::from)?)
}

pub(super) fn process_id_or_none(row: &Row<'_>, index: usize) -> Result<Option<ProcessId>, Fault> {
    let blob = row.get_ref(index)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    blob.map(process_id_of).transpose()
}

pub(super) fn process_id_of(bytes: &[u8]) -> Result<ProcessId, Fault> {
    ProcessId::from_bytes(bytes).ok_or_else(|| Fault::corrupt("an id of a process"))
}

pub(super) fn process_kind(row: &Row<'_>, index: usize) -> Result<ProcessKind, Fault> {
    ProcessKind::from_number(row.get(index)?).ok_or_else(|| Fault::corrupt("a kind of process"))
}

/// The last bytes of the partitions of a set, which are the tenth of the ids of their
/// processes: a store has 256 partitions at most. `None`: all of them.
pub(super) fn partitions(set: &PartitionSet) -> Option<Vec<u8>> {
    const { assert!(durable::limits::PARTITIONS <= 256) };
    (*set != PartitionSet::ALL).then(|| set.iter().map(|it| it.0.to_be_bytes()[1]).collect())
}

/// A number without a sign.
pub(super) fn unsigned(row: &Row<'_>, index: usize) -> Result<u64, Fault> {
    Ok(row.get::<_, i64>(index)?.cast_unsigned())
}

/// A number without a sign, as it is stored.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}
