//! Changes of management data, with what the audit says of them.

use super::fault::Fault;
use super::{audit, inbox, record, workflow, workflow_version};
use crate::{AuditRow, Edit};
use rusqlite::Connection;

/// Applies changes in order. Answers a number for each.
pub(super) fn apply(
    db: &Connection,
    edits: &[Edit],
    entries: &[AuditRow],
) -> Result<Vec<i64>, Fault> {
    let done = edits.iter().map(|edit| one(db, edit)).collect::<Result<_, _>>()?;
    entries.iter().try_for_each(|entry| audit::append(db, entry))?;
    Ok(done)
}

fn one(db: &Connection, edit: &Edit) -> Result<i64, Fault> {
    match edit {
        Edit::Put(row) => record::put(db, row),
        Edit::Remove { kind, id, revision } => record::remove(db, *kind, id, *revision),
        Edit::CreateWorkflow(row, version) => workflow::create(db, row, version),
        Edit::UpdateWorkflow(row, version) => {
            workflow::update(db, row, version.as_ref())?;
            Ok(row.revision + 1)
        }
        Edit::ReplaceDocument(version) => workflow_version::replace(db, version),
        Edit::DeleteWorkflow(key) => Ok(i64::from(workflow::delete(db, *key)?)),
        Edit::Send(message) => Ok(i64::from(inbox::deliver(db, message)?.is_some())),
    }
}
