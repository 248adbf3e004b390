//! How long histories are kept, where that was said.

use super::address::Db;
use super::column::{call, each, text};
use super::fault::Fault;
use crate::RetentionRow;

const LIST: &str =
    "SELECT environment, workflow, seconds FROM retention ORDER BY environment, workflow";

const SET: &str = "INSERT INTO retention (environment, workflow, seconds) VALUES ($1, $2, $3)
    ON CONFLICT (environment, workflow) DO UPDATE SET seconds = excluded.seconds";

const REMOVE: &str = "DELETE FROM retention WHERE environment = $1 AND workflow = $2";

/// Stands for every flow of the environment: no flow has this key.
const ALL_FLOWS: i64 = 0;

pub(super) async fn list(db: &Db) -> Result<Vec<RetentionRow>, Fault> {
    each(&call!(LIST).rows(db).await?, |row| {
        let workflow: i64 = row.try_get(1)?;
        Ok(RetentionRow {
            environment: row.try_get(0)?,
            workflow: (workflow != ALL_FLOWS).then_some(workflow),
            seconds: row.try_get(2)?,
        })
    })
}

pub(super) async fn set(
    db: &Db,
    environment: &str,
    workflow: Option<i64>,
    seconds: Option<i64>,
) -> Result<(), Fault> {
    let workflow = workflow.unwrap_or(ALL_FLOWS);
    let call = match seconds {
        Some(seconds) => call!(SET, text(environment), workflow, seconds),
        None => call!(REMOVE, text(environment), workflow),
    };
    call.execute(db).await?;
    Ok(())
}
