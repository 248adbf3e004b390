//! Versions of flows.

use super::fault::Fault;
use crate::{StoreError, VersionRow};
use rusqlite::{Connection, Row, params};

pub(super) const INSERT: &str = "INSERT INTO workflow_version (workflow, number, created, document)
    VALUES (?1, ?2, ?3, ?4)";

pub(super) const GET: &str = "SELECT workflow, number, created, document FROM workflow_version
    WHERE workflow = ?1 AND number = ?2";

pub(super) const LIST: &str = "SELECT workflow, number, created, x'' FROM workflow_version
    WHERE workflow = ?1 ORDER BY number DESC";

pub(super) const REPLACE: &str = "UPDATE workflow_version SET document = ?3
    WHERE workflow = ?1 AND number = ?2";

pub(super) const REMOVE: &str = "DELETE FROM workflow_version WHERE workflow = ?1";

/// Adds a version to a flow, whatever flow the row names.
pub(super) fn insert(db: &Connection, workflow: i64, version: &VersionRow) -> Result<(), Fault> {
    let values = params![workflow, version.number, version.created, version.document];
    match db.prepare_cached(INSERT)?.execute(values).map_err(Fault::from) {
        Err(fault) if fault.is_constraint() => {
            let text = format!("The flow has a version {} already.", version.number);
            Err(StoreError::Conflict(text).into())
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(()),
    }
}

pub(super) fn get(
    db: &Connection,
    workflow: i64,
    number: u32,
) -> Result<Option<VersionRow>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let mut rows = statement.query(params![workflow, number])?;
    rows.next()?.map(version_row).transpose()
}

/// Without documents, newest first.
pub(super) fn list(db: &Connection, workflow: i64) -> Result<Vec<VersionRow>, Fault> {
    db.prepare_cached(LIST)?.query_and_then(params![workflow], version_row)?.collect()
}

/// Gives a version another document. Answers 1, or 0 when there is no such version.
pub(super) fn replace(db: &Connection, version: &VersionRow) -> Result<i64, Fault> {
    let values = params![version.workflow, version.number, version.document];
    let replaced = db.prepare_cached(REPLACE)?.execute(values)?;
    Ok(i64::from(replaced > 0))
}

pub(super) fn remove(db: &Connection, workflow: i64) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![workflow])?;
    Ok(())
}

fn version_row(row: &Row<'_>) -> Result<VersionRow, Fault> {
    Ok(VersionRow {
        workflow: row.get(0)?,
        number: row.get(1)?,
        created: row.get(2)?,
        document: row.get(3)?,
    })
}
