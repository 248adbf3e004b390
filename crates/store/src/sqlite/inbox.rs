//! Messages that wait for live processes.
//!
//! Invariant: a row's target is live. A message to a process that has ended is
//! dropped.

use super::column::{partitions, process_id, process_id_of, signed, unsigned};
use super::fault::Fault;
use durable::{InboxId, InboxRow, Message, MessageKind, PartitionSet, ProcessId};
use rusqlite::{Connection, Row, params};

pub(super) const DELIVER: &str = "INSERT OR IGNORE INTO inbox (target, sender, effect, kind, body)
    SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM process WHERE id = ?1)";

pub(super) const CONSUME: &str = "DELETE FROM inbox WHERE id = ?1 AND target = ?2";

pub(super) const REMOVE: &str = "DELETE FROM inbox WHERE target = ?1";

pub(super) const LIST: &str = "SELECT id, target, sender, effect, kind, body FROM inbox
    WHERE target = ?1 ORDER BY id";

pub(super) const WAITING: &str = "SELECT id, target, sender, effect, kind, body FROM inbox
    WHERE id > ?1 AND (?3 IS NULL OR instr(?3, substr(target, 10, 1)) > 0)
    ORDER BY id LIMIT ?2";

pub(super) fn waiting(
    db: &Connection,
    within: &PartitionSet,
    after: Option<InboxId>,
    rows_max: usize,
) -> Result<Vec<InboxRow>, Fault> {
    let mut statement = db.prepare_cached(WAITING)?;
    let values = params![after.unwrap_or(0), rows_max as i64, partitions(within)];
    statement.query_and_then(values, inbox_row)?.collect()
}

/// The row it got; none when it is there already or its target has ended.
pub(super) fn deliver(db: &Connection, message: &Message) -> Result<Option<InboxId>, Fault> {
    let sender = message.from.as_ref().map_or(&[][..], |id| id.as_bytes());
    let inserted = db.prepare_cached(DELIVER)?.execute(params![
        message.to.as_bytes(),
        sender,
        signed(message.effect),
        message.kind as u8,
        message.body,
    ])?;
    Ok((inserted == 1).then(|| db.last_insert_rowid()))
}

pub(super) fn consume(db: &Connection, process: ProcessId, rows: &[InboxId]) -> Result<(), Fault> {
    for id in rows {
        db.prepare_cached(CONSUME)?.execute(params![id, process.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![process.as_bytes()])?;
    Ok(())
}

pub(super) fn list(db: &Connection, process: ProcessId) -> Result<Vec<InboxRow>, Fault> {
    let mut statement = db.prepare_cached(LIST)?;
    statement.query_and_then(params![process.as_bytes()], inbox_row)?.collect()
}

fn inbox_row(row: &Row<'_>) -> Result<InboxRow, Fault> {
    let sender = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    let kind = MessageKind::from_number(row.get(4)?);
    let message = Message {
        to: process_id(row, 1)?,
        from: if sender.is_empty() { None } else { Some(process_id_of(sender)?) },
        effect: unsigned(row, 3)?,
        kind: kind.ok_or_else(|| Fault::corrupt("a kind of message"))?,
        body: row.get(5)?,
    };
    Ok(InboxRow { id: row.get(0)?, message })
}
