//! Management data: records and the keys that they are found by.

use super::fault::Fault;
use crate::{Record, RecordRange, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const INSERT: &str = "INSERT OR IGNORE INTO record (kind, id, revision, body)
    VALUES (?1, ?2, 1, ?3)";

pub(super) const UPDATE: &str = "UPDATE record SET revision = ?3 + 1, body = ?4
    WHERE kind = ?1 AND id = ?2 AND revision = ?3";

pub(super) const REMOVE: &str =
    "DELETE FROM record WHERE kind = ?1 AND id = ?2 AND revision = coalesce(?3, revision)";

pub(super) const GET: &str = "SELECT revision, body FROM record WHERE kind = ?1 AND id = ?2";

pub(super) const INSERT_KEY: &str = "INSERT INTO record_key (kind, name, value, id, is_unique)
    VALUES (?1, ?2, ?3, ?4, ?5)";

// left to itself the planner would read all keys of the kind
pub(super) const REMOVE_KEYS: &str =
    "DELETE FROM record_key INDEXED BY record_key_by_record WHERE kind = ?1 AND id = ?2";

pub(super) const LIST: &str = "SELECT record_key.value, record.id, record.revision, record.body
    FROM record_key CROSS JOIN record
    ON record.kind = record_key.kind AND record.id = record_key.id
    WHERE record_key.kind = ?1 AND record_key.name = ?2
    AND (record_key.value, record_key.id) > (?3, ?4) AND record_key.value < ?5
    ORDER BY record_key.value, record_key.id LIMIT ?6";

/// Adds a record or replaces one. Answers its new revision.
pub(super) fn put(db: &Connection, record: &Record) -> Result<i64, Fault> {
    let Record { kind, id, revision, body, keys } = record;
    let written = if *revision == 0 {
        db.prepare_cached(INSERT)?.execute(params![kind, id, body])?
    } else {
        db.prepare_cached(REMOVE_KEYS)?.execute(params![kind, id])?;
        db.prepare_cached(UPDATE)?.execute(params![kind, id, revision, body])?
    };
    if written == 0 {
        return Err(moved(id, *revision).into());
    }
    for key in keys {
        let values = params![kind, key.name, key.value, id, key.is_unique];
        match db.prepare_cached(INSERT_KEY)?.execute(values).map_err(Fault::from) {
            Err(fault) if fault.is_constraint() => return Err(taken(id).into()),
            outcome => outcome?,
        };
    }
    Ok(revision + 1)
}

/// Removes a record. Answers how many there were.
pub(super) fn remove(
    db: &Connection,
    kind: u8,
    id: &str,
    revision: Option<i64>,
) -> Result<i64, Fault> {
    let removed = db.prepare_cached(REMOVE)?.execute(params![kind, id, revision])?;
    if removed == 0 {
        return match revision {
            Some(revision) => Err(moved(id, revision).into()),
            None => Ok(0),
        };
    }
    db.prepare_cached(REMOVE_KEYS)?.execute(params![kind, id])?;
    Ok(1)
}

pub(super) fn get(db: &Connection, kind: u8, id: &str) -> Result<Option<Record>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    let found = statement.query_row(params![kind, id], |row| {
        let (revision, body) = (row.get(0)?, row.get(1)?);
        Ok(Record { kind, id: id.to_owned(), revision, body, keys: Vec::new() })
    });
    Ok(found.optional()?)
}

/// Of some records those that are there.
pub(super) fn get_many(db: &Connection, kind: u8, ids: &[String]) -> Result<Vec<Record>, Fault> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(get(db, kind, id)?);
    }
    Ok(found)
}

pub(super) fn list(db: &Connection, range: &RecordRange) -> Result<Vec<(Vec<u8>, Record)>, Fault> {
    let &RecordRange { kind, name, rows_max, .. } = range;
    let (value, id) = range.start();
    let mut statement = db.prepare_cached(LIST)?;
    let values = params![kind, name, value, id, range.to, rows_max as i64];
    let rows = statement.query_map(values, |row| {
        let (id, revision, body) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((row.get(0)?, Record { kind, id, revision, body, keys: Vec::new() }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn moved(id: &str, revision: i64) -> StoreError {
    let what = if revision == 0 { "is there already" } else { "has changed meanwhile" };
    StoreError::Conflict(format!("'{id}' {what}."))
}

fn taken(id: &str) -> StoreError {
    StoreError::Conflict(format!("A name or address of '{id}' is taken."))
}
