//! Runs as they are listed.

use super::column::{process_id, process_id_or_none};
use super::fault::Fault;
use crate::{RunChange, RunFilter, RunPatch, RunRow};
use durable::{ProcessId, Ticks};
use rusqlite::{Connection, Row, params};

pub(super) const INSERT: &str = "INSERT INTO run
    (id, workflow, version, status, ended, code, error, client_tracking_id, parent)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub(super) const UPDATE: &str =
    "UPDATE run SET status = ?2, ended = ?3, code = ?4, error = ?5 WHERE id = ?1";

pub(super) const GET: &str =
    "SELECT id, workflow, version, status, ended, code, error, client_tracking_id,
    parent FROM run WHERE id = ?1";

/// A list of runs; what differs is the status and the direction. Left to itself the planner
/// would read the runs of every status to find those of one.
macro_rules! list {
    ($index:literal, $status:literal, $direction:literal) => {
        concat!(
            "SELECT id, workflow, version, status, ended, code, error, client_tracking_id, parent
             FROM run INDEXED BY ",
            $index,
            " WHERE workflow = ?1 ",
            $status,
            " AND id > ?2 AND id < ?3 ORDER BY id ",
            $direction,
            " LIMIT ?4"
        )
    };
}

pub(super) const NEWEST: &str = list!("run_by_workflow", "", "DESC");
pub(super) const OLDEST: &str = list!("run_by_workflow", "", "ASC");
pub(super) const NEWEST_OF_STATUS: &str = list!("run_by_status", "AND status = ?5", "DESC");
pub(super) const OLDEST_OF_STATUS: &str = list!("run_by_status", "AND status = ?5", "ASC");

pub(super) const FAILURES: &str =
    "SELECT id, workflow, version, status, ended, code, error, client_tracking_id, parent
    FROM run WHERE status IN (2, 4) AND (ended, id) > (?1, ?2) AND ended <= ?3
    ORDER BY ended, id LIMIT ?4";

/// Runs that ended badly, after a place in the order of their ends.
pub(super) fn failures(
    db: &Connection,
    (ended, id): (Ticks, Option<ProcessId>),
    to: Ticks,
    rows_max: usize,
) -> Result<Vec<RunRow>, Fault> {
    let id = id.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    let mut statement = db.prepare_cached(FAILURES)?;
    statement.query_and_then(params![ended, id, to, rows_max as i64], run_row)?.collect()
}

pub(super) fn change(db: &Connection, change: &RunChange) -> Result<(), Fault> {
    match change {
        RunChange::None => Ok(()),
        RunChange::Insert(run) => insert(db, run),
        RunChange::Update(patch) => update(db, patch),
    }
}

fn insert(db: &Connection, run: &RunRow) -> Result<(), Fault> {
    db.prepare_cached(INSERT)?.execute(params![
        run.id.as_bytes(),
        run.workflow,
        run.version,
        run.status,
        run.end,
        run.code,
        run.error,
        run.client_tracking_id,
        run.parent.as_ref().map(ProcessId::as_bytes),
    ])?;
    Ok(())
}

fn update(db: &Connection, patch: &RunPatch) -> Result<(), Fault> {
    db.prepare_cached(UPDATE)?.execute(params![
        patch.id.as_bytes(),
        patch.status,
        patch.end,
        patch.code,
        patch.error,
    ])?;
    Ok(())
}

pub(super) fn get(db: &Connection, id: ProcessId) -> Result<Option<RunRow>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    rows.next()?.map(run_row).transpose()
}

pub(super) fn list(db: &Connection, filter: &RunFilter) -> Result<Vec<RunRow>, Fault> {
    let (low, high) = bounds(filter);
    let (workflow, rows_max) = (filter.workflow, filter.rows_max as i64);
    if let Some(status) = filter.status {
        let sql = if filter.oldest_first { OLDEST_OF_STATUS } else { NEWEST_OF_STATUS };
        let mut statement = db.prepare_cached(sql)?;
        let values = params![workflow, low, high, rows_max, status];
        return statement.query_and_then(values, run_row)?.collect();
    }
    let sql = if filter.oldest_first { OLDEST } else { NEWEST };
    let mut statement = db.prepare_cached(sql)?;
    statement.query_and_then(params![workflow, low, high, rows_max], run_row)?.collect()
}

/// The ids between which a list lies, both exclusive. A bound of a moment is the
/// first bytes of an id, which sort before every id of that moment.
fn bounds(filter: &RunFilter) -> (Vec<u8>, Vec<u8>) {
    let mut low = filter.from.map_or_else(Vec::new, |from| moment(from).to_vec());
    let mut high =
        filter.to.map_or_else(|| vec![0xff; ProcessId::BYTES + 1], |to| moment(to).to_vec());
    match filter.before {
        Some(last) if filter.oldest_first => low = low.max(last.as_bytes().to_vec()),
        Some(last) => high = high.min(last.as_bytes().to_vec()),
        None => {}
    }
    (low, high)
}

/// What ids of a moment begin with.
pub(super) fn moment(ticks: Ticks) -> [u8; 8] {
    ticks.max(0).cast_unsigned().to_be_bytes()
}

fn run_row(row: &Row<'_>) -> Result<RunRow, Fault> {
    Ok(RunRow {
        id: process_id(row, 0)?,
        workflow: row.get(1)?,
        version: row.get(2)?,
        status: row.get(3)?,
        end: row.get(4)?,
        code: row.get(5)?,
        error: row.get(6)?,
        client_tracking_id: row.get(7)?,
        parent: process_id_or_none(row, 8)?,
    })
}
