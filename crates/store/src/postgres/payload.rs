//! Large values, each stored once.
//!
//! Invariant: a payload is there as long as a process refers to it. Who refers to one
//! holds its row, and so does who removes it, so that neither misses the other.

use super::address::Db;
use super::column::{Call, bytes, call, ids, partition};
use super::fault::Fault;
use crate::limits;
use durable::{Payload, PayloadHash, ProcessId};
use std::collections::BTreeMap;

/// One that is there is written again, which holds its row.
const INSERT: &str = "INSERT INTO payload (hash, content)
    SELECT * FROM unnest($1::bytea[], $2::bytea[])
    ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash";

const REFER: &str = "INSERT INTO payload_ref (partition, process, hash)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bytea[])
    ON CONFLICT (partition, process, hash) DO NOTHING";

const GET: &str = "SELECT content FROM payload WHERE hash = $1";

const HOLD: &str = "SELECT 1 FROM payload WHERE hash IN (
        SELECT payload_ref.hash FROM payload_ref JOIN unnest($1::smallint[], $2::bytea[])
            AS gone (partition, process) USING (partition, process))
    ORDER BY hash FOR UPDATE";

const REMOVE_ORPHANS: &str = "DELETE FROM payload WHERE hash IN (
        SELECT payload_ref.hash FROM payload_ref JOIN unnest($1::smallint[], $2::bytea[])
            AS gone (partition, process) USING (partition, process))
    AND NOT EXISTS (SELECT 1 FROM payload_ref WHERE payload_ref.hash = payload.hash
        AND NOT payload_ref.process = ANY($2::bytea[]))";

const REMOVE_REFS: &str = "DELETE FROM payload_ref USING unnest($1::smallint[], $2::bytea[])
        AS gone (partition, process)
    WHERE payload_ref.partition = gone.partition AND payload_ref.process = gone.process";

/// New payloads, in the order of their hashes, and who refers to them.
#[derive(Default)]
pub(super) struct Payloads<'a> {
    contents: BTreeMap<PayloadHash, &'a [u8]>,
    partitions: Vec<i16>,
    processes: Vec<&'a [u8]>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> Payloads<'a> {
    pub(super) fn push(&mut self, process: &'a ProcessId, payload: &'a Payload) {
        self.contents.entry(payload.hash).or_insert(&payload.content);
        self.partitions.push(partition(process));
        self.processes.push(bytes(process));
        self.hashes.push(&payload.hash);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(super) fn add(self) -> [Call<'a>; 2] {
        let Payloads { contents, partitions, processes, hashes } = self;
        let (new, contents): (Vec<_>, Vec<_>) =
            contents.into_iter().map(|(hash, content)| (hash.to_vec(), content)).unzip();
        [call!(INSERT, new, contents), call!(REFER, partitions, processes, hashes)]
    }
}

/// The content, decompressed.
pub(super) async fn get(db: &Db, hash: &PayloadHash) -> Result<Option<Vec<u8>>, Fault> {
    let row = call!(GET, hash.as_slice()).row(db).await?;
    let Some(row) = row else { return Ok(None) };
    durable::codec::decompress_limited(row.try_get(0)?, limits::PAYLOAD_BYTES_MAX)
        .map(Some)
        .map_err(|error| Fault::corrupt(&format!("a payload: {error}")))
}

/// Removes what processes refer to, unless others refer to it.
pub(super) fn remove<'a>(processes: &[&'a ProcessId]) -> [Call<'a>; 3] {
    [HOLD, REMOVE_ORPHANS, REMOVE_REFS].map(|sql| {
        let (partitions, processes) = ids(processes.iter().copied());
        call!(sql, partitions, processes)
    })
}
