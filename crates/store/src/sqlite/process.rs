//! Processes that have not ended.

use super::column::{process_id, process_kind, signed, unsigned};
use super::fault::Fault;
use super::{chunk, snapshot};
use crate::{LiveProcess, ProcessHistory};
use durable::{ProcessId, ProcessKind, Ticks};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) const INSERT: &str = "INSERT INTO process (id, kind, seq, due) VALUES (?1, ?2, ?3, ?4)";

pub(super) const ADVANCE: &str = "UPDATE process SET seq = ?3, due = ?4 WHERE id = ?1 AND seq = ?2";

pub(super) const END: &str = "DELETE FROM process WHERE id = ?1 AND seq = ?2";

pub(super) const GET: &str = "SELECT id, kind, seq, due FROM process WHERE id = ?1";

pub(super) const DUE: &str = "SELECT id, kind, seq, due FROM process
    WHERE due IS NOT NULL AND due < ?1 ORDER BY due, id LIMIT ?2";

pub(super) const UNSETTLED: &str = "WITH
    effects (id) AS (
        SELECT DISTINCT process FROM effect WHERE process > ?1 ORDER BY process LIMIT ?2),
    messages (id) AS (
        SELECT DISTINCT target FROM inbox WHERE target > ?1 ORDER BY target LIMIT ?2),
    unsettled (id) AS (
        SELECT id FROM effects UNION SELECT id FROM messages ORDER BY id LIMIT ?2)
    SELECT process.id, kind, seq, due FROM unsettled JOIN process USING (id) ORDER BY id";

pub(super) const LIVE_RUNS: &str = "SELECT id, kind, seq, due FROM process
    WHERE kind = 1 AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) const LIVE_OTHERS: &str = "SELECT id, kind, seq, due FROM process
    WHERE kind <> 1 AND kind = ?3 AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) fn insert(
    db: &Connection,
    id: ProcessId,
    kind: ProcessKind,
    seq: u64,
    due: Option<Ticks>,
) -> Result<(), Fault> {
    db.prepare_cached(INSERT)?.execute(params![id.as_bytes(), kind as u8, signed(seq), due])?;
    Ok(())
}

/// False when the process is not where it is expected.
pub(super) fn advance(
    db: &Connection,
    id: ProcessId,
    expected_seq: u64,
    seq: u64,
    due: Option<Ticks>,
) -> Result<bool, Fault> {
    let values = params![id.as_bytes(), signed(expected_seq), signed(seq), due];
    Ok(db.prepare_cached(ADVANCE)?.execute(values)? == 1)
}

/// False when the process is not where it is expected.
pub(super) fn end(db: &Connection, id: ProcessId, expected_seq: u64) -> Result<bool, Fault> {
    Ok(db.prepare_cached(END)?.execute(params![id.as_bytes(), signed(expected_seq)])? == 1)
}

pub(super) fn get(db: &Connection, id: ProcessId) -> Result<Option<LiveProcess>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    rows.next()?.map(live_process).transpose()
}

pub(super) fn load(db: &Connection, id: ProcessId) -> Result<Option<ProcessHistory>, Fault> {
    let Some(LiveProcess { kind, seq, due, .. }) = get(db, id)? else { return Ok(None) };
    let snapshot = snapshot::get(db, id)?;
    let first_seq = snapshot.as_ref().map_or(0, |(seq, _)| seq.saturating_add(1));
    let chunks = chunk::from(db, id, first_seq)?;
    Ok(Some(ProcessHistory { kind, seq, due, snapshot, chunks }))
}

pub(super) fn due(
    db: &Connection,
    before: Ticks,
    rows_max: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let mut statement = db.prepare_cached(DUE)?;
    statement.query_and_then(params![before, rows_max as i64], live_process)?.collect()
}

pub(super) fn unsettled(
    db: &Connection,
    after: Option<ProcessId>,
    rows_max: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let mut statement = db.prepare_cached(UNSETTLED)?;
    statement.query_and_then(params![bound(&after), rows_max as i64], live_process)?.collect()
}

pub(super) fn live(
    db: &Connection,
    kind: ProcessKind,
    after: Option<ProcessId>,
    rows_max: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let (after, rows_max) = (bound(&after), rows_max as i64);
    if kind == ProcessKind::Run {
        let mut statement = db.prepare_cached(LIVE_RUNS)?;
        return statement.query_and_then(params![after, rows_max], live_process)?.collect();
    }
    let mut statement = db.prepare_cached(LIVE_OTHERS)?;
    statement.query_and_then(params![after, rows_max, kind as u8], live_process)?.collect()
}

/// True while a process has not ended.
pub(super) fn is_live(db: &Connection, id: ProcessId) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    Ok(statement.query_row(params![id.as_bytes()], |_| Ok(())).optional()?.is_some())
}

/// Ids after this one; every id is after the empty one.
fn bound(after: &Option<ProcessId>) -> &[u8] {
    after.as_ref().map_or(&[], |id| id.as_bytes().as_slice())
}

fn live_process(row: &Row<'_>) -> Result<LiveProcess, Fault> {
    Ok(LiveProcess {
        id: process_id(row, 0)?,
        kind: process_kind(row, 1)?,
        seq: unsigned(row, 2)?,
        due: row.get(3)?,
    })
}
