//! Removing what is no longer wanted, and giving back its space.
//!
//! Invariant: nothing of a live process is removed.

use super::column::process_id;
use super::fault::Fault;
use super::{chunk, payload, process, run, snapshot, start_key};
use durable::{ProcessId, Ticks};
use rusqlite::{Connection, params};

pub(super) const FINISHED: &str = "SELECT id FROM run
    WHERE workflow = ?1 AND id < ?2
    AND NOT EXISTS (SELECT 1 FROM process WHERE process.id = run.id)
    ORDER BY id LIMIT ?3";

pub(super) const REMOVE_RUN: &str = "DELETE FROM run WHERE id = ?1";

/// Runs of a flow that have ended and started before a moment, the oldest first.
pub(super) fn finished_runs(
    db: &Connection,
    workflow: i64,
    before: Ticks,
    runs_max: usize,
) -> Result<Vec<ProcessId>, Fault> {
    let mut statement = db.prepare_cached(FINISHED)?;
    let values = params![workflow, run::moment(before), runs_max as i64];
    statement.query_and_then(values, |row| process_id(row, 0))?.collect()
}

/// Removes runs with all that is theirs. Answers how many there were.
pub(super) fn remove_runs(db: &Connection, runs: &[ProcessId]) -> Result<usize, Fault> {
    let mut removed = 0;
    for &id in runs {
        if process::is_live(db, id)? {
            continue;
        }
        chunk::remove(db, id)?;
        snapshot::remove(db, id)?;
        start_key::remove(db, id)?;
        payload::remove(db, id)?;
        removed += db.prepare_cached(REMOVE_RUN)?.execute(params![id.as_bytes()])?;
    }
    Ok(removed)
}

/// Gives free pages back to the file system. Answers their bytes: none when none
/// is free.
pub(super) fn reclaim(db: &Connection, bytes_max: u64, pages_max: u64) -> Result<u64, Fault> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let page_bytes = number("PRAGMA page_size")?.max(1).cast_unsigned();
    let free = number("PRAGMA freelist_count")?;
    let pages = bytes_max.div_ceil(page_bytes).min(pages_max).min(free.cast_unsigned());
    if pages == 0 {
        return Ok(0);
    }
    // The statement does a page at each step.
    let mut statement = db.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let left = number("PRAGMA freelist_count")?;
    Ok((free - left).max(0).cast_unsigned() * page_bytes)
}
