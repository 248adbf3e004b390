//! Flows.

use super::address::Db;
use super::column::{
    Call, bytes, call, each, number, process_id_or_none, rows_max, small, text, texts,
};
use super::fault::Fault;
use super::workflow_version;
use crate::{StoreError, VersionRow, WorkflowRow};
use tokio_postgres::Row;

/// A name that is taken uses up no key, as far as that can be known before.
const INSERT: &str = "INSERT INTO workflow
    (id, environment, name, display_name, state, dialect, version, created, changed,
     primary_key, secondary_key, trigger_process, revision)
    SELECT $1, $2, $3, $4::text, $5::smallint, $6::smallint, $7::bigint, $8::bigint, $9::bigint,
        $10::bytea, $11::bytea, $12::bytea, $13::bigint
    WHERE NOT EXISTS (SELECT 1 FROM workflow WHERE id = $1)
    AND NOT EXISTS (SELECT 1 FROM workflow WHERE environment = $2 AND name = $3)
    RETURNING key";

const UPDATE: &str = "UPDATE workflow SET
    id = $1, environment = $2, name = $3, display_name = $4, state = $5, dialect = $6,
    version = $7, created = $8, changed = $9, primary_key = $10, secondary_key = $11,
    trigger_process = $12, revision = $13 + 1
    WHERE key = $14 AND revision = $13";

const EXISTS: &str = "SELECT 1 FROM workflow WHERE key = $1";

const REMOVE: &str = "DELETE FROM workflow WHERE key = $1";

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

const BY_NAME: &str = select!("WHERE environment = $1 AND name = $2");
const BY_ID: &str = select!("WHERE id = $1");
const BY_IDS: &str = select!("WHERE id = ANY($1)");
const BY_KEY: &str = select!("WHERE key = $1");
const LIST: &str = select!("WHERE environment = $1 AND name > $2 ORDER BY name LIMIT $3");

/// Flows by name; a page ends with the last flow of a name, so that the name is enough to
/// go on after it.
const LIST_ALL: &str = concat!(
    "WITH page AS (",
    select!("WHERE name > $1 ORDER BY name, environment LIMIT $2"),
    "), last AS (SELECT name, environment FROM page ORDER BY name DESC, environment DESC LIMIT 1)
    SELECT * FROM page UNION ALL ",
    select!(
        "WHERE name = (SELECT name FROM last) AND environment > (SELECT environment FROM last)"
    ),
    " ORDER BY name, environment"
);

/// Adds a flow with its first version. Answers its key.
pub(super) async fn create(
    db: &Db,
    workflow: &WorkflowRow,
    version: &VersionRow,
) -> Result<i64, Fault> {
    let row = unless_taken(workflow, writing(INSERT, workflow).row(db).await)?;
    let Some(row) = row else { return Err(taken(workflow).into()) };
    let key = row.try_get(0)?;
    workflow_version::insert(db, key, version).await?;
    Ok(key)
}

/// Replaces a flow's row if its revision is the stored one.
pub(super) async fn update(
    db: &Db,
    workflow: &WorkflowRow,
    version: Option<&VersionRow>,
) -> Result<(), Fault> {
    let mut update = writing(UPDATE, workflow);
    update.values.push(Box::new(workflow.key));
    let updated = unless_taken(workflow, update.execute(db).await)?;
    if updated == 0 {
        let exists = call!(EXISTS, workflow.key).row(db).await?;
        let what = if exists.is_some() { "has changed meanwhile" } else { "is gone" };
        let text = format!("The flow '{}' {what}.", workflow.name);
        return Err(StoreError::Conflict(text).into());
    }
    match version {
        Some(version) => workflow_version::insert(db, workflow.key, version).await,
        None => Ok(()),
    }
}

/// Removes a flow and its versions. False when there is none.
pub(super) async fn delete(db: &Db, key: i64) -> Result<bool, Fault> {
    let removed = call!(REMOVE, key).execute(db).await?;
    workflow_version::remove(key).execute(db).await?;
    Ok(removed == 1)
}

pub(super) async fn by_name(
    db: &Db,
    environment: &str,
    name: &str,
) -> Result<Option<WorkflowRow>, Fault> {
    one(db, call!(BY_NAME, text(environment), text(name))).await
}

pub(super) async fn by_id(db: &Db, id: &str) -> Result<Option<WorkflowRow>, Fault> {
    one(db, call!(BY_ID, text(id))).await
}

/// Of some flows those that are there.
pub(super) async fn by_ids(db: &Db, ids: &[String]) -> Result<Vec<WorkflowRow>, Fault> {
    let call = call!(BY_IDS, texts(ids));
    each(&call.rows(db).await?, workflow_row)
}

pub(super) async fn by_key(db: &Db, key: i64) -> Result<Option<WorkflowRow>, Fault> {
    one(db, call!(BY_KEY, key)).await
}

pub(super) async fn list(
    db: &Db,
    environment: Option<&str>,
    after: Option<&str>,
    wanted: usize,
) -> Result<Vec<WorkflowRow>, Fault> {
    let (after, wanted) = (text(after.unwrap_or_default()), rows_max(wanted));
    let call = match environment {
        Some(environment) => call!(LIST, text(environment), after, wanted),
        None => call!(LIST_ALL, after, wanted),
    };
    each(&call.rows(db).await?, workflow_row)
}

async fn one(db: &Db, call: Call<'_>) -> Result<Option<WorkflowRow>, Fault> {
    call.row(db).await?.as_ref().map(workflow_row).transpose()
}

/// A statement with a flow's values, except for its key.
fn writing<'a>(sql: &'static str, workflow: &'a WorkflowRow) -> Call<'a> {
    call!(
        sql,
        text(&workflow.id),
        text(&workflow.environment),
        text(&workflow.name),
        text(&workflow.display_name),
        i16::from(workflow.state),
        i16::from(workflow.dialect),
        i64::from(workflow.version),
        workflow.created,
        workflow.changed,
        workflow.primary_key.as_slice(),
        workflow.secondary_key.as_slice(),
        workflow.trigger_process.as_ref().map(bytes),
        workflow.revision,
    )
}

fn unless_taken<T>(workflow: &WorkflowRow, done: Result<T, Fault>) -> Result<T, Fault> {
    match done {
        Err(fault) if fault.is_constraint() => Err(taken(workflow).into()),
        outcome => outcome,
    }
}

fn taken(workflow: &WorkflowRow) -> StoreError {
    let WorkflowRow { name, environment, .. } = workflow;
    StoreError::Conflict(format!(
        "There is a flow '{name}' in environment '{environment}' already."
    ))
}

fn workflow_row(row: &Row) -> Result<WorkflowRow, Fault> {
    Ok(WorkflowRow {
        key: row.try_get(0)?,
        id: row.try_get(1)?,
        environment: row.try_get(2)?,
        name: row.try_get(3)?,
        display_name: row.try_get(4)?,
        state: small(row, 5)?,
        dialect: small(row, 6)?,
        version: number(row, 7)?,
        created: row.try_get(8)?,
        changed: row.try_get(9)?,
        primary_key: row.try_get(10)?,
        secondary_key: row.try_get(11)?,
        trigger_process: process_id_or_none(row, 12)?,
        revision: row.try_get(13)?,
    })
}
