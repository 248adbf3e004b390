//! Changes of management data, with what the audit says of them.

use super::address::Db;
use super::fault::Fault;
use super::{audit, inbox, record, workflow, workflow_version};
use crate::{AuditRow, Edit};

/// Applies changes in order. Answers a number for each.
pub(super) async fn apply(
    db: &Db,
    edits: &[Edit],
    entries: &[AuditRow],
) -> Result<Vec<i64>, Fault> {
    let mut done = Vec::with_capacity(edits.len());
    for edit in edits {
        done.push(one(db, edit).await?);
    }
    audit::append(db, entries).await?;
    Ok(done)
}

async fn one(db: &Db, edit: &Edit) -> Result<i64, Fault> {
    match edit {
        Edit::Put(row) => record::put(db, row).await,
        Edit::Remove { kind, id, revision } => record::remove(db, *kind, id, *revision).await,
        Edit::CreateWorkflow(row, version) => workflow::create(db, row, version).await,
        Edit::UpdateWorkflow(row, version) => {
            workflow::update(db, row, version.as_ref()).await?;
            Ok(row.revision + 1)
        }
        Edit::ReplaceDocument(version) => workflow_version::replace(db, version).await,
        Edit::DeleteWorkflow(key) => Ok(i64::from(workflow::delete(db, *key).await?)),
        Edit::Send(message) => Ok(i64::from(inbox::send(db, message).await?)),
    }
}
