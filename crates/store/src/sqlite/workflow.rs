//! Flows.

use super::column::process_id_or_none;
use super::fault::Fault;
use super::workflow_version;
use crate::{StoreError, VersionRow, WorkflowRow};
use durable::ProcessId;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

pub(super) const INSERT: &str = "INSERT INTO workflow
    (key, id, environment, name, display_name, state, dialect, version, created, changed,
     primary_key, secondary_key, trigger_process, revision)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

pub(super) const UPDATE: &str = "UPDATE workflow SET
    id = ?2, environment = ?3, name = ?4, display_name = ?5, state = ?6, dialect = ?7,
    version = ?8, created = ?9, changed = ?10, primary_key = ?11, secondary_key = ?12,
    trigger_process = ?13, revision = ?14 + 1
    WHERE key = ?1 AND revision = ?14";

pub(super) const EXISTS: &str = "SELECT 1 FROM workflow WHERE key = ?1";

pub(super) const REMOVE: &str = "DELETE FROM workflow WHERE key = ?1";

/// A selection of flows; what differs is which.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT key, id, environment, name, display_name, state, dialect, version, created,
             changed, primary_key, secondary_key, trigger_process, revision FROM workflow ",
            $which
        )
    };
}

pub(super) const BY_NAME: &str = select!("WHERE environment = ?1 AND name = ?2");
pub(super) const BY_ID: &str = select!("WHERE id = ?1");
pub(super) const BY_KEY: &str = select!("WHERE key = ?1");
pub(super) const LIST: &str =
    select!("WHERE environment = ?1 AND name > ?2 ORDER BY name LIMIT ?3");
pub(super) const LIST_ALL: &str = select!("WHERE name > ?1 ORDER BY name, environment LIMIT ?2");
pub(super) const LIST_SAME_NAME: &str =
    select!("WHERE name = ?1 AND environment > ?2 ORDER BY environment");

/// Adds a flow with its first version. Answers its key.
pub(super) fn create(
    db: &Connection,
    workflow: &WorkflowRow,
    version: &VersionRow,
) -> Result<i64, Fault> {
    execute(db, INSERT, None, workflow)?;
    let key = db.last_insert_rowid();
    workflow_version::insert(db, key, version)?;
    Ok(key)
}

/// Replaces a flow's row if its revision is the stored one.
pub(super) fn update(
    db: &Connection,
    workflow: &WorkflowRow,
    version: Option<&VersionRow>,
) -> Result<(), Fault> {
    let updated = execute(db, UPDATE, Some(workflow.key), workflow)?;
    if updated == 0 {
        let exists = db.query_row(EXISTS, params![workflow.key], |_| Ok(())).optional()?;
        let what = if exists.is_some() { "has changed meanwhile" } else { "is gone" };
        let text = format!("The flow '{}' {what}.", workflow.name);
        return Err(StoreError::Conflict(text).into());
    }
    match version {
        Some(version) => workflow_version::insert(db, workflow.key, version),
        None => Ok(()),
    }
}

/// Removes a flow and its versions. False when there is none.
pub(super) fn delete(db: &Connection, key: i64) -> Result<bool, Fault> {
    let removed = db.prepare_cached(REMOVE)?.execute(params![key])?;
    workflow_version::remove(db, key)?;
    Ok(removed == 1)
}

pub(super) fn by_name(
    db: &Connection,
    environment: &str,
    name: &str,
) -> Result<Option<WorkflowRow>, Fault> {
    one(db, BY_NAME, params![environment, name])
}

pub(super) fn by_id(db: &Connection, id: &str) -> Result<Option<WorkflowRow>, Fault> {
    one(db, BY_ID, params![id])
}

/// Of some flows those that are there.
pub(super) fn by_ids(db: &Connection, ids: &[String]) -> Result<Vec<WorkflowRow>, Fault> {
    let mut statement = db.prepare_cached(BY_ID)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(statement.query(params![id])?.next()?.map(workflow_row).transpose()?);
    }
    Ok(found)
}

pub(super) fn by_key(db: &Connection, key: i64) -> Result<Option<WorkflowRow>, Fault> {
    one(db, BY_KEY, params![key])
}

/// Flows by name. A page over all environments ends with the last flow of a name,
/// so that the name is enough to go on after it.
pub(super) fn list(
    db: &Connection,
    environment: Option<&str>,
    after: Option<&str>,
    rows_max: usize,
) -> Result<Vec<WorkflowRow>, Fault> {
    let (after, rows_max) = (after.unwrap_or_default(), rows_max as i64);
    if let Some(environment) = environment {
        return many(db, LIST, params![environment, after, rows_max]);
    }
    let mut rows = many(db, LIST_ALL, params![after, rows_max])?;
    if let Some(last) = rows.last() {
        let rest = many(db, LIST_SAME_NAME, params![last.name, last.environment])?;
        rows.extend(rest);
    }
    Ok(rows)
}

fn one(
    db: &Connection,
    sql: &'static str,
    values: impl Params,
) -> Result<Option<WorkflowRow>, Fault> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(workflow_row).transpose()
}

fn many(
    db: &Connection,
    sql: &'static str,
    values: impl Params,
) -> Result<Vec<WorkflowRow>, Fault> {
    db.prepare_cached(sql)?.query_and_then(values, workflow_row)?.collect()
}

fn execute(
    db: &Connection,
    sql: &'static str,
    key: Option<i64>,
    workflow: &WorkflowRow,
) -> Result<usize, Fault> {
    let WorkflowRow { environment, name, .. } = workflow;
    let done = db.prepare_cached(sql)?.execute(params![
        key,
        workflow.id,
        environment,
        name,
        workflow.display_name,
        workflow.state,
        workflow.dialect,
        workflow.version,
        workflow.created,
        workflow.changed,
        workflow.primary_key,
        workflow.secondary_key,
        workflow.trigger_process.as_ref().map(ProcessId::as_bytes),
        workflow.revision,
    ]);
    match done.map_err(Fault::from) {
        Err(fault) if fault.is_constraint() => {
            let text = format!("There is a flow '{name}' in environment '{environment}' already.");
            Err(StoreError::Conflict(text).into())
        }
        outcome => outcome,
    }
}

fn workflow_row(row: &Row<'_>) -> Result<WorkflowRow, Fault> {
    Ok(WorkflowRow {
        key: row.get(0)?,
        id: row.get(1)?,
        environment: row.get(2)?,
        name: row.get(3)?,
        display_name: row.get(4)?,
        state: row.get(5)?,
        dialect: row.get(6)?,
        version: row.get(7)?,
        created: row.get(8)?,
        changed: row.get(9)?,
        primary_key: row.get(10)?,
        secondary_key: row.get(11)?,
        trigger_process: process_id_or_none(row, 12)?,
        revision: row.get(13)?,
    })
}
