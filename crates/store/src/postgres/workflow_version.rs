//! Versions of flows.

use super::address::Db;
use super::column::{Call, call, each, number};
use super::fault::Fault;
use crate::{StoreError, VersionRow};
use tokio_postgres::Row;

const INSERT: &str = "INSERT INTO workflow_version (workflow, number, created, document)
    VALUES ($1, $2, $3, $4)";

const GET: &str = "SELECT workflow, number, created, document FROM workflow_version
    WHERE workflow = $1 AND number = $2";

const LIST: &str = "SELECT workflow, number, created, ''::bytea FROM workflow_version
    WHERE workflow = $1 ORDER BY number DESC";

const REPLACE: &str = "UPDATE workflow_version SET document = $3
    WHERE workflow = $1 AND number = $2";

const REMOVE: &str = "DELETE FROM workflow_version WHERE workflow = $1";

/// Adds a version to a flow, whatever flow the row names.
pub(super) async fn insert(db: &Db, workflow: i64, version: &VersionRow) -> Result<(), Fault> {
    let VersionRow { number, created, document, .. } = version;
    let insert = call!(INSERT, workflow, i64::from(*number), *created, document.as_slice());
    match insert.execute(db).await {
        Err(fault) if fault.is_constraint() => {
            let text = format!("The flow has a version {number} already.");
            Err(StoreError::Conflict(text).into())
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(()),
    }
}

pub(super) async fn get(db: &Db, workflow: i64, number: u32) -> Result<Option<VersionRow>, Fault> {
    let row = call!(GET, workflow, i64::from(number)).row(db).await?;
    row.as_ref().map(version_row).transpose()
}

/// Without documents, newest first.
pub(super) async fn list(db: &Db, workflow: i64) -> Result<Vec<VersionRow>, Fault> {
    each(&call!(LIST, workflow).rows(db).await?, version_row)
}

/// Gives a version another document. Answers 1, or 0 when there is no such version.
pub(super) async fn replace(db: &Db, version: &VersionRow) -> Result<i64, Fault> {
    let VersionRow { workflow, number, document, .. } = version;
    let replace = call!(REPLACE, *workflow, i64::from(*number), document.as_slice());
    Ok(i64::from(replace.execute(db).await? > 0))
}

pub(super) fn remove(workflow: i64) -> Call<'static> {
    call!(REMOVE, workflow)
}

fn version_row(row: &Row) -> Result<VersionRow, Fault> {
    Ok(VersionRow {
        workflow: row.try_get(0)?,
        number: number(row, 1)?,
        created: row.try_get(2)?,
        document: row.try_get(3)?,
    })
}
