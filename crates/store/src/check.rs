//! What no store accepts, and how much a commit carries: the same for every database.

use crate::{AuditRow, Commit, Edit, StoreError, limits};
use durable::{Batch, Standing};

/// Said before the commit is queued.
pub(crate) fn validate(commit: &Commit) -> Result<(), StoreError> {
    let batch = &commit.batch;
    let refuse = |what: &str| Err(StoreError::Conflict(what.to_owned()));
    let creates = batch.expected_seq == 0;
    if batch.chunk.is_some() && batch.events == 0 {
        return refuse("A chunk needs events.");
    }
    if creates && batch.events == 0 && matches!(batch.standing, Standing::Live { .. }) {
        return refuse("A new process needs an event.");
    }
    if batch.start_key.is_some() && !creates {
        return refuse("Only a new process has a start key.");
    }
    if commit.epoch.is_none() && !creates {
        return refuse("A step needs the epoch of its partition.");
    }
    if last_seq(batch).is_none() {
        return refuse("The number of an event is too large.");
    }
    Ok(())
}

/// Number of the last event after a batch.
pub(crate) fn last_seq(batch: &Batch) -> Option<u64> {
    batch
        .expected_seq
        .checked_add(u64::from(batch.events))
        .filter(|seq| i64::try_from(*seq).is_ok())
}

/// Bytes of rows that a commit carries.
pub(crate) fn bytes(commit: &Commit) -> usize {
    let batch = &commit.batch;
    let optional = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let messages: usize = batch.messages.iter().map(|message| message.body.len()).sum();
    let payloads: usize = batch.payloads.iter().map(|payload| payload.content.len()).sum();
    limits::JOB_BYTES + optional(&batch.chunk) + optional(&batch.snapshot) + messages + payloads
}

/// Bytes that a change of management data carries.
pub(crate) fn change_bytes(edits: &[Edit], audit: &[AuditRow]) -> usize {
    let edits = edits.iter().map(Edit::bytes);
    edits.chain(audit.iter().map(|row| row.content.len())).fold(0, usize::saturating_add)
}
