//! Starts that happen once.

use super::column::process_id;
use super::fault::Fault;
use durable::{ProcessId, StartKey};
use rusqlite::{Connection, params};

pub(super) const CLAIM: &str =
    "INSERT OR IGNORE INTO start_key (source, key, process) VALUES (?1, ?2, ?3)";

pub(super) const HOLDER: &str = "SELECT process FROM start_key WHERE source = ?1 AND key = ?2";

pub(super) const REMOVE: &str = "DELETE FROM start_key WHERE process = ?1";

/// Takes a key for a process; answers the process that has it, if another does.
pub(super) fn claim(
    db: &Connection,
    key: &StartKey,
    process: ProcessId,
) -> Result<Option<ProcessId>, Fault> {
    let claimed =
        db.prepare_cached(CLAIM)?.execute(params![key.source, key.key, process.as_bytes()])?;
    if claimed == 1 {
        return Ok(None);
    }
    let mut statement = db.prepare_cached(HOLDER)?;
    let mut rows = statement.query(params![key.source, key.key])?;
    let row = rows.next()?.ok_or_else(|| Fault::corrupt("a start key"))?;
    process_id(row, 0).map(Some)
}

pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![process.as_bytes()])?;
    Ok(())
}
