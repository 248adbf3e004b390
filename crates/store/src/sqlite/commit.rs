//! Applying one commit.
//!
//! Invariant: the first statement that changes anything is the guard. When it
//! refuses, nothing was changed and nothing has to be undone.
//! Invariant: a run that ends in its first commit costs two rows, the run and its
//! chunk.

use super::fault::Fault;
use super::{chunk, effect, inbox, lease, payload, process, run, snapshot, start_key};
use crate::{Commit, Committed, LiveProcess, check};
use durable::{Batch, Standing};
use rusqlite::Connection;

/// Applies a commit. A refusal changes nothing; a fault may leave parts behind and
/// must be undone by the caller.
pub(super) fn apply(db: &Connection, commit: &Commit) -> Result<Committed, Fault> {
    let batch = &commit.batch;
    let seq = check::last_seq(batch).ok_or_else(|| Fault::corrupt("the number of an event"))?;
    if let Some(epoch) = commit.epoch
        && !lease::is_current(db, batch.process.partition(), epoch)?
    {
        return Ok(Committed::Fenced);
    }
    let refused =
        if batch.expected_seq == 0 { create(db, commit, seq)? } else { advance(db, batch, seq)? };
    if let Some(refused) = refused {
        return Ok(refused);
    }
    keep_history(db, batch, seq)?;
    run::change(db, &commit.run)?;
    payload::add(db, batch)?;
    if matches!(batch.standing, Standing::Live { .. }) && batch.expected_seq > 0 {
        inbox::consume(db, batch.process, &batch.consumed)?;
        effect::settle(db, batch.process, &batch.effects_done)?;
    }
    if matches!(batch.standing, Standing::Live { .. }) {
        effect::intend(db, batch.process, &batch.effects)?;
    }
    let deliver = |message| inbox::deliver(db, message);
    let inbox = batch.messages.iter().map(deliver).collect::<Result<_, _>>()?;
    Ok(Committed::Done { inbox })
}

/// A new process. It has a row only if it lives on.
fn create(db: &Connection, commit: &Commit, seq: u64) -> Result<Option<Committed>, Fault> {
    let batch = &commit.batch;
    if let Some((process, id)) = commit.asked_by
        && !effect::is_intended(db, process, id)?
    {
        return Ok(Some(Committed::NotAsked));
    }
    if let Some(key) = &batch.start_key
        && let Some(before) = start_key::claim(db, key, batch.process)?
    {
        return Ok(Some(Committed::StartedBefore(before)));
    }
    if let Standing::Live { due } = batch.standing {
        let (id, kind, workflow) = (batch.process, batch.kind, commit.workflow);
        process::insert(db, &LiveProcess { id, kind, seq, due, workflow })?;
    }
    Ok(None)
}

/// The next step of a process that is there.
fn advance(db: &Connection, batch: &Batch, seq: u64) -> Result<Option<Committed>, Fault> {
    let id = batch.process;
    match batch.standing {
        Standing::Live { due } => {
            if !process::advance(db, id, batch.expected_seq, seq, due)? {
                return Ok(Some(Committed::Stale));
            }
        }
        Standing::Final => {
            if !process::end(db, id, batch.expected_seq)? {
                return Ok(Some(Committed::Stale));
            }
            snapshot::remove(db, id)?;
            effect::remove(db, id)?;
            inbox::remove(db, id)?;
        }
    }
    Ok(None)
}

/// Keeps events and state, and forgets what a process without end does not need:
/// what is in its snapshot, and everything once it has ended after all.
fn keep_history(db: &Connection, batch: &Batch, seq: u64) -> Result<(), Fault> {
    let id = batch.process;
    let ends = batch.standing == Standing::Final;
    let forgets_all = batch.forget_history && (ends || batch.snapshot.is_some());
    if forgets_all {
        if batch.expected_seq > 0 {
            chunk::remove(db, id)?;
        }
        if ends {
            payload::remove(db, id)?;
        }
    } else if let Some(content) = &batch.chunk {
        chunk::insert(db, id, batch.expected_seq + 1, batch.events, content)?;
    }
    if ends {
        return Ok(());
    }
    match &batch.snapshot {
        Some(content) => snapshot::replace(db, id, seq, content)?,
        None if batch.forget_history => chunk::remove_up_to_snapshot(db, id)?,
        None => {}
    }
    Ok(())
}
