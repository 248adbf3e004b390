//! How long histories are kept, where that was said.

use super::fault::Fault;
use crate::RetentionRow;
use rusqlite::{Connection, params};

pub(super) const LIST: &str =
    "SELECT environment, workflow, seconds FROM retention ORDER BY environment, workflow";

pub(super) const SET: &str = "INSERT INTO retention (environment, workflow, seconds)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (environment, workflow) DO UPDATE SET seconds = excluded.seconds";

pub(super) const REMOVE: &str = "DELETE FROM retention WHERE environment = ?1 AND workflow = ?2";

/// Stands for every flow of the environment: no flow has this key.
const ALL_FLOWS: i64 = 0;

pub(super) fn list(db: &Connection) -> Result<Vec<RetentionRow>, Fault> {
    let mut statement = db.prepare_cached(LIST)?;
    let rows = statement.query_map([], |row| {
        let workflow: i64 = row.get(1)?;
        Ok(RetentionRow {
            environment: row.get(0)?,
            workflow: (workflow != ALL_FLOWS).then_some(workflow),
            seconds: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn set(
    db: &Connection,
    environment: &str,
    workflow: Option<i64>,
    seconds: Option<i64>,
) -> Result<(), Fault> {
    let workflow = workflow.unwrap_or(ALL_FLOWS);
    match seconds {
        Some(seconds) => {
            db.prepare_cached(SET)?.execute(params![environment, workflow, seconds])?
        }
        None => db.prepare_cached(REMOVE)?.execute(params![environment, workflow])?,
    };
    Ok(())
}
