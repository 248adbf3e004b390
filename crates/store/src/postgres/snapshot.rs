//! The newest whole state of live processes.

use super::column::{Call, bytes, call, ids, partition, signed};
use durable::ProcessId;

const REPLACE: &str = "INSERT INTO snapshot (partition, process, seq, content)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[])
    ON CONFLICT (partition, process) DO UPDATE SET seq = excluded.seq, content = excluded.content";

const REMOVE: &str = "DELETE FROM snapshot USING unnest($1::smallint[], $2::bytea[])
        AS gone (partition, process)
    WHERE snapshot.partition = gone.partition AND snapshot.process = gone.process";

/// New snapshots, side by side.
#[derive(Default)]
pub(super) struct Snapshots<'a> {
    partitions: Vec<i16>,
    processes: Vec<&'a [u8]>,
    seqs: Vec<i64>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Snapshots<'a> {
    pub(super) fn push(&mut self, id: &'a ProcessId, seq: u64, content: &'a [u8]) {
        self.partitions.push(partition(id));
        self.processes.push(bytes(id));
        self.seqs.push(signed(seq));
        self.contents.push(content);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    pub(super) fn replace(self) -> Call<'a> {
        let Snapshots { partitions, processes, seqs, contents } = self;
        call!(REPLACE, partitions, processes, seqs, contents)
    }
}

pub(super) fn remove<'a>(processes: &[&'a ProcessId]) -> Call<'a> {
    let (partitions, processes) = ids(processes.iter().copied());
    call!(REMOVE, partitions, processes)
}
