//! Processes that have not ended.

use super::address::Db;
use super::column::{
    Call, bytes, call, each, number, partition, partitions, process_id, process_kind, rows_max,
    signed, small, unsigned,
};
use super::fault::Fault;
use super::inbox;
use crate::{LiveProcess, ProcessHistory};
use durable::{Chunk, InboxRow, PartitionSet, ProcessId, ProcessKind, Ticks};
use tokio_postgres::Row;

const INSERT: &str = "INSERT INTO process (partition, id, kind, seq, due, workflow)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::smallint[], $4::bigint[], $5::bigint[],
        $6::bigint[])";

const ADVANCE: &str = "UPDATE process SET seq = next.seq, due = next.due
    FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS next (partition, id, expected, seq, due)
    WHERE process.partition = next.partition AND process.id = next.id
    AND process.seq = next.expected
    RETURNING process.id";

/// What goes with a process. Its inbox goes later: whoever puts a message there meanwhile
/// holds the process's row, and this statement would not see the message.
const END: &str = "WITH ended AS (
        DELETE FROM process USING unnest($1::smallint[], $2::bytea[], $3::bigint[])
            AS last (partition, id, expected)
        WHERE process.partition = last.partition AND process.id = last.id
        AND process.seq = last.expected
        RETURNING process.partition, process.id),
    snapshots AS (
        DELETE FROM snapshot USING ended
        WHERE snapshot.partition = ended.partition AND snapshot.process = ended.id),
    effects AS (
        DELETE FROM effect USING ended
        WHERE effect.partition = ended.partition AND effect.process = ended.id)
    SELECT id FROM ended";

/// A process, its snapshot, the chunks after it and its inbox: one statement, one moment.
const LOAD: &str = "WITH loaded AS (
        SELECT kind, seq, due FROM process WHERE partition = $1 AND id = $2),
    newest AS (
        SELECT seq, content FROM snapshot WHERE partition = $1 AND process = $2)
    SELECT 0::smallint, kind, seq, due, NULL::bytea, NULL::bytea FROM loaded
    UNION ALL
    SELECT 1::smallint, 0::smallint, seq, NULL, content, NULL FROM newest
    UNION ALL
    SELECT 2::smallint, 0::smallint, first_seq, events, content, NULL FROM chunk
        WHERE partition = $1 AND process = $2 AND EXISTS (SELECT 1 FROM loaded)
        AND first_seq > coalesce((SELECT seq FROM newest), -1)
    UNION ALL
    SELECT 3::smallint, kind, id, effect, body, sender FROM inbox
        WHERE partition = $1 AND target = $2";

const DUE: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE due IS NOT NULL AND due < $1 AND partition = ANY($2::smallint[])
    ORDER BY due, id LIMIT $3";

/// Flows that have something due, found one after the other, and of each its share.
const DUE_BY_FLOW: &str = "WITH RECURSIVE flow (key) AS (
        SELECT min(workflow) FROM process WHERE due IS NOT NULL
        UNION ALL
        SELECT (SELECT min(workflow) FROM process WHERE due IS NOT NULL AND workflow > key)
        FROM flow WHERE key IS NOT NULL),
    waiting (key) AS (
        SELECT key FROM flow WHERE key IS NOT NULL AND EXISTS (
            SELECT 1 FROM process WHERE due IS NOT NULL AND workflow = key AND due < $1
            AND partition = ANY($2::smallint[]))),
    share (rows) AS (SELECT greatest($3::bigint / greatest(count(*), 1), 1) FROM waiting)
    SELECT found.id, found.kind, found.seq, found.due, found.workflow
    FROM waiting CROSS JOIN share CROSS JOIN LATERAL (
        SELECT id, kind, seq, due, workflow FROM process
        WHERE due IS NOT NULL AND workflow = waiting.key AND due < $1
        AND partition = ANY($2::smallint[])
        ORDER BY due, id LIMIT share.rows) AS found
    ORDER BY found.due, found.id";

/// Ids sort by time over all partitions, keys by partition first: each partition gives the
/// beginning of its part.
const UNSETTLED: &str = "WITH unsettled (partition, id) AS (
        SELECT place.partition, found.process FROM unnest($1::smallint[]) AS place (partition)
        CROSS JOIN LATERAL (
            SELECT DISTINCT process FROM effect
            WHERE effect.partition = place.partition AND process > $2
            ORDER BY process LIMIT $3) AS found
        UNION
        SELECT place.partition, found.target FROM unnest($1::smallint[]) AS place (partition)
        CROSS JOIN LATERAL (
            SELECT DISTINCT target FROM inbox
            WHERE inbox.partition = place.partition AND target > $2
            ORDER BY target LIMIT $3) AS found
        ORDER BY 2 LIMIT $3)
    SELECT id, kind, seq, due, workflow FROM unsettled JOIN process USING (partition, id)
    ORDER BY id";

const LIVE_RUNS: &str = "SELECT found.id, kind, seq, due, workflow
    FROM unnest($1::smallint[]) AS place (partition) CROSS JOIN LATERAL (
        SELECT id, kind, seq, due, workflow FROM process
        WHERE process.partition = place.partition AND kind = 1 AND id > $2
        ORDER BY id LIMIT $3) AS found
    ORDER BY found.id LIMIT $3";

const LIVE_OTHERS: &str = "SELECT id, kind, seq, due, workflow FROM process
    WHERE kind <> 1 AND kind = $1 AND id > $2 ORDER BY id LIMIT $3";

/// Steps of processes, side by side.
#[derive(Default)]
pub(super) struct Steps<'a> {
    pub(super) partitions: Vec<i16>,
    pub(super) ids: Vec<&'a [u8]>,
    pub(super) kinds: Vec<i16>,
    /// What a live process must be at.
    pub(super) expected: Vec<i64>,
    pub(super) seqs: Vec<i64>,
    pub(super) dues: Vec<Option<Ticks>>,
    pub(super) workflows: Vec<i64>,
}

impl<'a> Steps<'a> {
    pub(super) fn push(&mut self, expected: u64, to: &LiveProcess, id: &'a ProcessId) {
        self.partitions.push(partition(id));
        self.ids.push(bytes(id));
        self.kinds.push(to.kind as i16);
        self.expected.push(signed(expected));
        self.seqs.push(signed(to.seq));
        self.dues.push(to.due);
        self.workflows.push(to.workflow);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn insert(self) -> Call<'a> {
        let Steps { partitions, ids, kinds, seqs, dues, workflows, .. } = self;
        call!(INSERT, partitions, ids, kinds, seqs, dues, workflows)
    }

    /// Answers those that were where they were expected.
    pub(super) fn advance(self) -> Call<'a> {
        let Steps { partitions, ids, expected, seqs, dues, .. } = self;
        call!(ADVANCE, partitions, ids, expected, seqs, dues)
    }

    /// The same, and removes all of them that only live processes have but their messages.
    pub(super) fn end(self) -> Call<'a> {
        let Steps { partitions, ids, expected, .. } = self;
        call!(END, partitions, ids, expected)
    }
}

pub(super) async fn load(db: &Db, id: ProcessId) -> Result<Option<ProcessHistory>, Fault> {
    let (mut process, mut snapshot) = (None, None);
    let (mut chunks, mut inbox) = (Vec::new(), Vec::new());
    for row in &call!(LOAD, partition(&id), bytes(&id)).rows(db).await? {
        match row.try_get::<_, i16>(0)? {
            0 => process = Some((process_kind(row, 1)?, unsigned(row, 2)?, row.try_get(3)?)),
            1 => snapshot = Some((unsigned(row, 2)?, row.try_get(4)?)),
            2 => {
                let (first_seq, events) = (unsigned(row, 2)?, number(row, 3)?);
                chunks.push(Chunk { first_seq, events, content: row.try_get(4)? });
            }
            _ => {
                let (kind, effect) = (small(row, 1)?, unsigned(row, 3)?);
                let message = inbox::message(id, row.try_get(5)?, effect, kind, row.try_get(4)?)?;
                inbox.push(InboxRow { id: row.try_get(2)?, message });
            }
        }
    }
    chunks.sort_unstable_by_key(|chunk| chunk.first_seq);
    inbox.sort_unstable_by_key(|row| row.id);
    let history = |(kind, seq, due)| ProcessHistory { kind, seq, due, snapshot, chunks, inbox };
    Ok(process.map(history))
}

/// The earliest; each flow's share of them when there are more than are wanted.
pub(super) async fn due(
    db: &Db,
    within: &PartitionSet,
    before: Ticks,
    wanted: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let within = partitions(within);
    let one_more = rows_max(wanted.saturating_add(1));
    let rows = call!(DUE, before, &within, one_more).rows(db).await?;
    if rows.len() <= wanted {
        return each(&rows, live_process);
    }
    drop(rows);
    each(&call!(DUE_BY_FLOW, before, &within, rows_max(wanted)).rows(db).await?, live_process)
}

pub(super) async fn unsettled(
    db: &Db,
    within: &PartitionSet,
    after: Option<ProcessId>,
    wanted: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let call = call!(UNSETTLED, partitions(within), bound(&after), rows_max(wanted));
    each(&call.rows(db).await?, live_process)
}

pub(super) async fn live(
    db: &Db,
    kind: ProcessKind,
    after: Option<ProcessId>,
    wanted: usize,
) -> Result<Vec<LiveProcess>, Fault> {
    let (after, wanted) = (bound(&after), rows_max(wanted));
    let call = match kind {
        ProcessKind::Run => call!(LIVE_RUNS, partitions(&PartitionSet::ALL), after, wanted),
        ProcessKind::Trigger => call!(LIVE_OTHERS, kind as i16, after, wanted),
    };
    each(&call.rows(db).await?, live_process)
}

/// Ids after this one; every id is after the empty one.
fn bound(after: &Option<ProcessId>) -> &[u8] {
    after.as_ref().map_or(&[], bytes)
}

fn live_process(row: &Row) -> Result<LiveProcess, Fault> {
    Ok(LiveProcess {
        id: process_id(row, 0)?,
        kind: process_kind(row, 1)?,
        seq: unsigned(row, 2)?,
        due: row.try_get(3)?,
        workflow: row.try_get(4)?,
    })
}
