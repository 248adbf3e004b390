//! History: the events that were committed together, compressed.

use super::column::{signed, unsigned};
use super::fault::Fault;
use durable::{Chunk, ProcessId};
use rusqlite::{Connection, Row, params};

pub(super) const INSERT: &str =
    "INSERT INTO chunk (process, first_seq, events, content) VALUES (?1, ?2, ?3, ?4)";

pub(super) const FROM: &str = "SELECT first_seq, events, content FROM chunk
    WHERE process = ?1 AND first_seq >= ?2 ORDER BY first_seq";

pub(super) const HISTORY: &str = "SELECT first_seq, events, content FROM chunk
    WHERE process = ?1 AND first_seq >= coalesce(
        (SELECT max(first_seq) FROM chunk WHERE process = ?1 AND first_seq <= ?2), 0)
    AND first_seq + events > ?2 ORDER BY first_seq LIMIT ?3";

pub(super) const REMOVE: &str = "DELETE FROM chunk WHERE process = ?1";

pub(super) const REMOVE_UP_TO_SNAPSHOT: &str = "DELETE FROM chunk WHERE process = ?1
    AND first_seq + events - 1 <= (SELECT seq FROM snapshot WHERE process = ?1)";

pub(super) fn insert(
    db: &Connection,
    process: ProcessId,
    first_seq: u64,
    events: u32,
    content: &[u8],
) -> Result<(), Fault> {
    let values = params![process.as_bytes(), signed(first_seq), events, content];
    db.prepare_cached(INSERT)?.execute(values)?;
    Ok(())
}

/// The chunks that begin with an event or after it.
pub(super) fn from(
    db: &Connection,
    process: ProcessId,
    first_seq: u64,
) -> Result<Vec<Chunk>, Fault> {
    let mut statement = db.prepare_cached(FROM)?;
    statement.query_and_then(params![process.as_bytes(), signed(first_seq)], chunk)?.collect()
}

/// The chunk that holds an event, and those after it.
pub(super) fn history(
    db: &Connection,
    process: ProcessId,
    from_seq: u64,
    chunks_max: usize,
) -> Result<Vec<Chunk>, Fault> {
    let mut statement = db.prepare_cached(HISTORY)?;
    let from_seq = i64::try_from(from_seq).unwrap_or(i64::MAX);
    let values = params![process.as_bytes(), from_seq, chunks_max as i64];
    statement.query_and_then(values, chunk)?.collect()
}

pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![process.as_bytes()])?;
    Ok(())
}

/// Removes what is in the process's snapshot as well.
pub(super) fn remove_up_to_snapshot(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE_UP_TO_SNAPSHOT)?.execute(params![process.as_bytes()])?;
    Ok(())
}

fn chunk(row: &Row<'_>) -> Result<Chunk, Fault> {
    Ok(Chunk { first_seq: unsigned(row, 0)?, events: row.get(1)?, content: row.get(2)? })
}
