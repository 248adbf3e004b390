//! Messages that wait for live processes.
//!
//! Invariant: a row's target is live. A message to a process that has ended is
//! dropped. Who puts a row there holds the row of its target, so that the target cannot
//! end meanwhile and leave the message behind.

use super::address::Db;
use super::column::{
    Call, bytes, call, each, ids, partition, partitions, process_id, process_id_of, rows_max,
    signed, small, unsigned,
};
use super::fault::Fault;
use durable::{InboxId, InboxRow, Message, MessageKind, PartitionSet, ProcessId};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Holds the targets that live, so that they still do at the commit.
const HOLD: &str = "SELECT 1 FROM process
    WHERE (partition, id) IN (SELECT * FROM unnest($1::smallint[], $2::bytea[]))
    ORDER BY partition, id FOR KEY SHARE";

const DELIVER: &str = "INSERT INTO inbox (partition, target, sender, effect, kind, body)
    SELECT new.partition, target, sender, effect, new.kind, body
    FROM unnest($1::smallint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::smallint[], $6::bytea[])
        WITH ORDINALITY AS new (partition, target, sender, effect, kind, body, place)
    WHERE EXISTS (SELECT 1 FROM process
        WHERE process.partition = new.partition AND process.id = new.target)
    ORDER BY place
    ON CONFLICT (partition, target, sender, effect, kind) DO NOTHING
    RETURNING target, sender, effect, kind, id";

const CONSUME: &str = "DELETE FROM inbox
    USING unnest($1::bigint[], $2::bytea[]) AS done (id, target)
    WHERE inbox.id = done.id AND inbox.target = done.target";

const REMOVE: &str = "DELETE FROM inbox USING unnest($1::smallint[], $2::bytea[])
        AS gone (partition, target)
    WHERE inbox.partition = gone.partition AND inbox.target = gone.target";

const LIST: &str = "SELECT id, target, sender, effect, kind, body FROM inbox
    WHERE partition = $1 AND target = $2";

const WAITING: &str = "SELECT id, target, sender, effect, kind, body FROM inbox
    WHERE id > $1 AND partition = ANY($2::smallint[]) ORDER BY id LIMIT $3";

/// New messages, side by side.
#[derive(Default)]
pub(super) struct Messages<'a> {
    partitions: Vec<i16>,
    targets: Vec<&'a [u8]>,
    senders: Vec<&'a [u8]>,
    effects: Vec<i64>,
    kinds: Vec<i16>,
    bodies: Vec<&'a [u8]>,
}

/// What makes a message one that is there already.
type Key = (Vec<u8>, Vec<u8>, i64, i16);

impl<'a> Messages<'a> {
    pub(super) fn push(&mut self, message: &'a Message) {
        self.partitions.push(partition(&message.to));
        self.targets.push(bytes(&message.to));
        self.senders.push(message.from.as_ref().map_or(&[], bytes));
        self.effects.push(signed(message.effect));
        self.kinds.push(message.kind as i16);
        self.bodies.push(&message.body);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    pub(super) fn hold(&self) -> Call<'a> {
        call!(HOLD, self.partitions.clone(), self.targets.clone())
    }

    pub(super) fn deliver(self) -> Call<'a> {
        let Messages { partitions, targets, senders, effects, kinds, bodies } = self;
        call!(DELIVER, partitions, targets, senders, effects, kinds, bodies)
    }
}

/// Rows that were given to messages. The first of several that are the same has it.
#[derive(Default)]
pub(super) struct Delivered(HashMap<Key, InboxId>);

impl Delivered {
    pub(super) fn read(rows: &[Row]) -> Result<Self, Fault> {
        let read = |row: &Row| {
            let key = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            Ok((key, row.try_get(4)?))
        };
        Ok(Delivered(rows.iter().map(read).collect::<Result<_, Fault>>()?))
    }

    /// None for those that were there already, or whose target has ended.
    pub(super) fn take(&mut self, message: &Message) -> Option<InboxId> {
        let sender = message.from.map_or_else(Vec::new, |from| from.as_bytes().to_vec());
        let target = message.to.as_bytes().to_vec();
        self.0.remove(&(target, sender, signed(message.effect), message.kind as i16))
    }
}

/// Puts one message there. False when it is there already, or its target has ended.
pub(super) async fn send(db: &Db, message: &Message) -> Result<bool, Fault> {
    let mut messages = Messages::default();
    messages.push(message);
    messages.hold().rows(db).await?;
    Ok(!messages.deliver().rows(db).await?.is_empty())
}

/// Rows that processes are done with.
#[derive(Default)]
pub(super) struct Consumed<'a> {
    rows: Vec<InboxId>,
    targets: Vec<&'a [u8]>,
}

impl<'a> Consumed<'a> {
    pub(super) fn push(&mut self, process: &'a ProcessId, rows: &[InboxId]) {
        self.rows.extend_from_slice(rows);
        self.targets.extend(std::iter::repeat_n(bytes(process), rows.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn consume(self) -> Call<'a> {
        call!(CONSUME, self.rows, self.targets)
    }
}

pub(super) fn remove<'a>(processes: &[&'a ProcessId]) -> Call<'a> {
    let (partitions, targets) = ids(processes.iter().copied());
    call!(REMOVE, partitions, targets)
}

pub(super) async fn list(db: &Db, process: ProcessId) -> Result<Vec<InboxRow>, Fault> {
    let rows = call!(LIST, partition(&process), bytes(&process)).rows(db).await?;
    let mut rows = each(&rows, inbox_row)?;
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows)
}

pub(super) async fn waiting(
    db: &Db,
    within: &PartitionSet,
    after: Option<InboxId>,
    wanted: usize,
) -> Result<Vec<InboxRow>, Fault> {
    let call = call!(WAITING, after.unwrap_or(0), partitions(within), rows_max(wanted));
    each(&call.rows(db).await?, inbox_row)
}

fn inbox_row(row: &Row) -> Result<InboxRow, Fault> {
    let (to, effect, kind) = (process_id(row, 1)?, unsigned(row, 3)?, small(row, 4)?);
    let message = message(to, row.try_get(2)?, effect, kind, row.try_get(5)?)?;
    Ok(InboxRow { id: row.try_get(0)?, message })
}

pub(super) fn message(
    to: ProcessId,
    sender: &[u8],
    effect: u64,
    kind: u8,
    body: Vec<u8>,
) -> Result<Message, Fault> {
    let from = if sender.is_empty() { None } else { Some(process_id_of(sender)?) };
    let kind = MessageKind::from_number(kind);
    let kind = kind.ok_or_else(|| Fault::corrupt("a kind of message"))?;
    Ok(Message { to, from, effect, kind, body })
}
