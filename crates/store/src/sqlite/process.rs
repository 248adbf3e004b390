//! Processes that have not ended.

use super::column::{partitions, process_id, process_kind, signed, unsigned};
use super::fault::Fault;
use super::{chunk, inbox, snapshot};
use crate::{LiveProcess, ProcessHistory};
use durable::{PartitionSet, ProcessId, ProcessKind, Ticks};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) const INSERT: &str =
    "INSERT INTO process (id, kind, seq, due, workflow) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const ADVANCE: &str = "UPDATE process SET seq = ?3, due = ?4 WHERE id = ?1 AND seq = ?2";

pub(super) const END: &str = "DELETE FROM process WHERE id = ?1 AND seq = ?2";

pub(super) const GET: &str = "SELECT id, kind, seq, due, workflow FROM process WHERE id = ?1";

pub(super) const DUE: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE due IS NOT NULL AND due < ?1 AND (?3 IS NULL OR instr(?3, substr(id, 10, 1)) > 0)
    ORDER BY due, id LIMIT ?2";

/// Flows that have something due, found one after the other.
pub(super) const FLOWS_DUE: &str = "WITH RECURSIVE flow (key) AS (
        SELECT min(workflow) FROM process WHERE due IS NOT NULL
        UNION ALL
        SELECT (SELECT min(workflow) FROM process WHERE due IS NOT NULL AND workflow > key)
        FROM flow WHERE key IS NOT NULL)
    SELECT key FROM flow WHERE key IS NOT NULL AND EXISTS (
        SELECT 1 FROM process WHERE due IS NOT NULL AND workflow = key AND due < ?1
        AND (?2 IS NULL OR instr(?2, substr(id, 10, 1)) > 0))";

pub(super) const DUE_OF_FLOW: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE due IS NOT NULL AND workflow = ?4 AND due < ?1
    AND (?3 IS NULL OR instr(?3, substr(id, 10, 1)) > 0)
    ORDER BY due, id LIMIT ?2";

pub(super) const UNSETTLED: &str = "WITH
    effects (id) AS (
        SELECT DISTINCT process FROM effect
        WHERE process > ?1 AND (?3 IS NULL OR instr(?3, substr(process, 10, 1)) > 0)
        ORDER BY process LIMIT ?2),
    messages (id) AS (
        SELECT DISTINCT target FROM inbox
        WHERE target > ?1 AND (?3 IS NULL OR instr(?3, substr(target, 10, 1)) > 0)
        ORDER BY target LIMIT ?2),
    unsettled (id) AS (
        SELECT id FROM effects UNION SELECT id FROM messages ORDER BY id LIMIT ?2)
    SELECT process.id, kind, seq, due, workflow FROM unsettled JOIN process USING (id) ORDER BY id";

pub(super) const LIVE_RUNS: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE kind = 1 AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) const LIVE_OTHERS: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE kind <> 1 AND kind = ?3 AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) fn insert(db: &Connection, new: &LiveProcess) -> Result<(), Fault> {
    let LiveProcess { id, kind, seq, due, workflow } = new;
    let values = params![id.as_bytes(), *kind as u8, signed(*seq), due, workflow];
    db.prepare_cached(INSERT)?.execute(values)?;
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
    let inbox = inbox::list(db, id)?;
    Ok(Some(ProcessHistory { kind, seq, due, snapshot, chunks, inbox }))
}

/// The earliest; each flow's share of them when there are more than are wanted.
pub(super) fn due(
    db: &Connection,
    within: &PartitionSet,
    before: Ticks,
    rows_max: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let within = partitions(within);
    let mut statement = db.prepare_cached(DUE)?;
    let values = params![before, rows_max as i64 + 1, within];
    let rows: Vec<LiveProcess> =
        statement.query_and_then(values, live_process)?.collect::<Result<_, Fault>>()?;
    if rows.len() <= rows_max {
        return Ok(rows);
    }
    drop(rows);
    let mut statement = db.prepare_cached(FLOWS_DUE)?;
    let flows: Vec<i64> = statement
        .query_map(params![before, within], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let share = (rows_max / flows.len().max(1)).max(1) as i64;
    let mut statement = db.prepare_cached(DUE_OF_FLOW)?;
    let mut rows = Vec::with_capacity(rows_max);
    for flow in flows {
        let found = statement.query_and_then(params![before, share, within, flow], live_process)?;
        for row in found {
            rows.push(row?);
        }
    }
    rows.sort_unstable_by_key(|row| (row.due, row.id));
    Ok(rows)
}

pub(super) fn unsettled(
    db: &Connection,
    within: &PartitionSet,
    after: Option<ProcessId>,
    rows_max: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let mut statement = db.prepare_cached(UNSETTLED)?;
    let values = params![bound(&after), rows_max as i64, partitions(within)];
    statement.query_and_then(values, live_process)?.collect()
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
        workflow: row.get(4)?,
    })
}
