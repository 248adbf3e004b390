//! The newest whole state of live processes.

use super::column::{signed, unsigned};
use super::fault::Fault;
use durable::ProcessId;
use rusqlite::{Connection, params};

pub(super) const REPLACE: &str = "INSERT INTO snapshot (process, seq, content) VALUES (?1, ?2, ?3)
    ON CONFLICT (process) DO UPDATE SET seq = excluded.seq, content = excluded.content";

pub(super) const GET: &str = "SELECT seq, content FROM snapshot WHERE process = ?1";

pub(super) const REMOVE: &str = "DELETE FROM snapshot WHERE process = ?1";

pub(super) fn replace(
    db: &Connection,
    process: ProcessId,
    seq: u64,
    content: &[u8],
) -> Result<(), Fault> {
    db.prepare_cached(REPLACE)?.execute(params![process.as_bytes(), signed(seq), content])?;
    Ok(())
}

/// The number of the last event it holds, and the state as it was given.
pub(super) fn get(db: &Connection, process: ProcessId) -> Result<Option<(u64, Vec<u8>)>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let mut rows = statement.query(params![process.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((unsigned(row, 0)?, row.get(1)?)))
}

pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![process.as_bytes()])?;
    Ok(())
}
