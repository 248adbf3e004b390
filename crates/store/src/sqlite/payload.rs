//! Large values, each stored once.
//!
//! Invariant: a payload is there as long as a process refers to it.

use super::fault::Fault;
use crate::limits;
use durable::{Batch, PayloadHash, ProcessId};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const INSERT: &str = "INSERT OR IGNORE INTO payload (hash, content) VALUES (?1, ?2)";

pub(super) const REFER: &str = "INSERT OR IGNORE INTO payload_ref (process, hash) VALUES (?1, ?2)";

pub(super) const GET: &str = "SELECT content FROM payload WHERE hash = ?1";

pub(super) const REFERRED: &str = "SELECT hash FROM payload_ref WHERE process = ?1";

pub(super) const REMOVE_REFS: &str = "DELETE FROM payload_ref WHERE process = ?1";

pub(super) const REMOVE_ORPHAN: &str = "DELETE FROM payload WHERE hash = ?1
    AND NOT EXISTS (SELECT 1 FROM payload_ref WHERE hash = ?1)";

pub(super) fn add(db: &Connection, batch: &Batch) -> Result<(), Fault> {
    for payload in &batch.payloads {
        db.prepare_cached(INSERT)?.execute(params![payload.hash, payload.content])?;
        db.prepare_cached(REFER)?.execute(params![batch.process.as_bytes(), payload.hash])?;
    }
    Ok(())
}

/// The content, decompressed.
pub(super) fn get(db: &Connection, hash: &PayloadHash) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let stored: Option<Vec<u8>> =
        statement.query_row(params![hash], |row| row.get(0)).optional()?;
    let Some(stored) = stored else { return Ok(None) };
    durable::codec::decompress_limited(&stored, limits::PAYLOAD_BYTES_MAX)
        .map(Some)
        .map_err(|error| Fault::corrupt(&format!("a payload: {error}")))
}

/// Removes what a process refers to, unless another refers to it.
pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(REFERRED)?;
    let hashes: Vec<PayloadHash> = statement
        .query_map(params![process.as_bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if hashes.is_empty() {
        return Ok(());
    }
    db.prepare_cached(REMOVE_REFS)?.execute(params![process.as_bytes()])?;
    for hash in hashes {
        db.prepare_cached(REMOVE_ORPHAN)?.execute(params![hash])?;
    }
    Ok(())
}
