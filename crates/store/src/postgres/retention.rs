//! Removing what is no longer wanted. Its space is the database's own affair.
//!
//! Invariant: nothing of a live process is removed. A process that has ended stays so.

use super::address::Db;
use super::column::{all, bytes, call, each, process_id, rows_max};
use super::fault::Fault;
use super::{chunk, payload, run, snapshot, start_key};
use durable::{ProcessId, Ticks};

/// A run's partition is in its id.
const FINISHED: &str = "SELECT id FROM run
    WHERE workflow = $1 AND id < $2
    AND NOT EXISTS (SELECT 1 FROM process
        WHERE process.partition = (get_byte(run.id, 8) * 256 + get_byte(run.id, 9))::smallint
        AND process.id = run.id)
    ORDER BY id LIMIT $3";

const REMOVE_RUNS: &str = "WITH removed AS (
        DELETE FROM run WHERE id = ANY($1::bytea[]) RETURNING id)
    SELECT count(*) FROM removed";

/// Runs of a flow that have ended and started before a moment, the oldest first.
pub(super) async fn finished_runs(
    db: &Db,
    workflow: i64,
    before: Ticks,
    runs_max: usize,
) -> Result<Vec<ProcessId>, Fault> {
    let before = run::moment(before);
    let rows = call!(FINISHED, workflow, before.as_slice(), rows_max(runs_max)).rows(db).await?;
    each(&rows, |row| process_id(row, 0))
}

/// Removes runs that have ended, with all that is theirs. Answers how many there were.
pub(super) async fn remove_runs(db: &Db, runs: &[ProcessId]) -> Result<usize, Fault> {
    let ids: Vec<&ProcessId> = runs.iter().collect();
    let [hold, orphans, refs] = payload::remove(&ids);
    let removed: Vec<&[u8]> = runs.iter().map(bytes).collect();
    let calls = [
        chunk::remove(&ids),
        snapshot::remove(&ids),
        start_key::remove(&ids),
        hold,
        orphans,
        refs,
        call!(REMOVE_RUNS, removed),
    ];
    let answers = all(db, &calls).await?;
    let count = answers.last().and_then(|rows| rows.first());
    let count: i64 = count.ok_or_else(|| Fault::corrupt("a count"))?.try_get(0)?;
    Ok(usize::try_from(count).unwrap_or_default())
}
