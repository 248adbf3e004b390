//! History: the events that were committed together, compressed.

use super::address::Db;
use super::column::{Call, bytes, call, each, ids, number, partition, rows_max, signed, unsigned};
use super::fault::Fault;
use durable::{Chunk, ProcessId};

const INSERT: &str = "INSERT INTO chunk (partition, process, first_seq, events, content)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[])";

const HISTORY: &str = "SELECT first_seq, events, content FROM chunk
    WHERE partition = $1 AND process = $2 AND first_seq >= coalesce(
        (SELECT max(first_seq) FROM chunk
            WHERE partition = $1 AND process = $2 AND first_seq <= $3), 0)
    AND first_seq + events > $3 ORDER BY first_seq LIMIT $4";

const REMOVE: &str = "DELETE FROM chunk USING unnest($1::smallint[], $2::bytea[])
        AS gone (partition, process)
    WHERE chunk.partition = gone.partition AND chunk.process = gone.process";

const REMOVE_UP_TO_SNAPSHOT: &str = "DELETE FROM chunk
    USING unnest($1::smallint[], $2::bytea[]) AS kept (partition, process), snapshot
    WHERE chunk.partition = kept.partition AND chunk.process = kept.process
    AND snapshot.partition = kept.partition AND snapshot.process = kept.process
    AND chunk.first_seq + chunk.events - 1 <= snapshot.seq";

/// New chunks, side by side.
#[derive(Default)]
pub(super) struct Chunks<'a> {
    partitions: Vec<i16>,
    processes: Vec<&'a [u8]>,
    first_seqs: Vec<i64>,
    events: Vec<i64>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Chunks<'a> {
    pub(super) fn push(
        &mut self,
        id: &'a ProcessId,
        first_seq: u64,
        events: u32,
        content: &'a [u8],
    ) {
        self.partitions.push(partition(id));
        self.processes.push(bytes(id));
        self.first_seqs.push(signed(first_seq));
        self.events.push(events.into());
        self.contents.push(content);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    pub(super) fn insert(self) -> Call<'a> {
        let Chunks { partitions, processes, first_seqs, events, contents } = self;
        call!(INSERT, partitions, processes, first_seqs, events, contents)
    }
}

pub(super) fn remove<'a>(processes: &[&'a ProcessId]) -> Call<'a> {
    let (partitions, processes) = ids(processes.iter().copied());
    call!(REMOVE, partitions, processes)
}

/// Removes what is in the processes' snapshots as well.
pub(super) fn remove_up_to_snapshot<'a>(processes: &[&'a ProcessId]) -> Call<'a> {
    let (partitions, processes) = ids(processes.iter().copied());
    call!(REMOVE_UP_TO_SNAPSHOT, partitions, processes)
}

/// The chunk that holds an event, and those after it.
pub(super) async fn history(
    db: &Db,
    process: ProcessId,
    from_seq: u64,
    chunks_max: usize,
) -> Result<Vec<Chunk>, Fault> {
    let from_seq = i64::try_from(from_seq).unwrap_or(i64::MAX);
    let (place, id) = (partition(&process), bytes(&process));
    let rows = call!(HISTORY, place, id, from_seq, rows_max(chunks_max)).rows(db).await?;
    each(&rows, |row| {
        let (first_seq, events) = (unsigned(row, 0)?, number(row, 1)?);
        Ok(Chunk { first_seq, events, content: row.try_get(2)? })
    })
}
