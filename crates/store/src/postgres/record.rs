//! Management data: records and the keys that they are found by.

use super::address::Db;
use super::column::{call, each, rows_max, small, text, texts};
use super::fault::Fault;
use crate::{Record, RecordRange, StoreError};
use tokio_postgres::Row;

const INSERT: &str = "INSERT INTO record (kind, id, revision, body) VALUES ($1, $2, 1, $3)
    ON CONFLICT (kind, id) DO NOTHING";

const UPDATE: &str = "UPDATE record SET revision = $3 + 1, body = $4
    WHERE kind = $1 AND id = $2 AND revision = $3";

const REMOVE: &str =
    "DELETE FROM record WHERE kind = $1 AND id = $2 AND revision = coalesce($3, revision)";

const GET: &str = "SELECT kind, id, revision, body FROM record WHERE kind = $1 AND id = $2";

const GET_MANY: &str =
    "SELECT kind, id, revision, body FROM record WHERE kind = $1 AND id = ANY($2)";

const INSERT_KEYS: &str = "INSERT INTO record_key (kind, id, name, value, is_unique)
    SELECT $1, $2, name, value, is_unique
    FROM unnest($3::smallint[], $4::bytea[], $5::smallint[]) AS key (name, value, is_unique)";

const REMOVE_KEYS: &str = "DELETE FROM record_key WHERE kind = $1 AND id = $2";

const LIST: &str = "SELECT record.kind, record.id, record.revision, record.body, record_key.value
    FROM record_key JOIN record
    ON record.kind = record_key.kind AND record.id = record_key.id
    WHERE record_key.kind = $1 AND record_key.name = $2
    AND (record_key.value, record_key.id) > ($3, $4) AND record_key.value < $5
    ORDER BY record_key.value, record_key.id LIMIT $6";

/// Adds a record or replaces one. Answers its new revision.
pub(super) async fn put(db: &Db, record: &Record) -> Result<i64, Fault> {
    let Record { id, revision, body, keys, .. } = record;
    let (kind, body) = (i16::from(record.kind), body.as_slice());
    let written = if *revision == 0 {
        call!(INSERT, kind, text(id), body).execute(db).await?
    } else {
        call!(UPDATE, kind, text(id), *revision, body).execute(db).await?
    };
    if written == 0 {
        return Err(moved(id, *revision).into());
    }
    if *revision > 0 {
        call!(REMOVE_KEYS, kind, text(id)).execute(db).await?;
    }
    if !keys.is_empty() {
        let names: Vec<i16> = keys.iter().map(|key| i16::from(key.name)).collect();
        let values: Vec<&[u8]> = keys.iter().map(|key| key.value.as_slice()).collect();
        let unique: Vec<i16> = keys.iter().map(|key| i16::from(key.is_unique)).collect();
        match call!(INSERT_KEYS, kind, text(id), names, values, unique).execute(db).await {
            Err(fault) if fault.is_constraint() => return Err(taken(id).into()),
            outcome => outcome?,
        };
    }
    Ok(revision + 1)
}

/// Removes a record. Answers how many there were.
pub(super) async fn remove(
    db: &Db,
    kind: u8,
    id: &str,
    revision: Option<i64>,
) -> Result<i64, Fault> {
    let kind = i16::from(kind);
    let removed = call!(REMOVE, kind, text(id), revision).execute(db).await?;
    if removed == 0 {
        return match revision {
            Some(revision) => Err(moved(id, revision).into()),
            None => Ok(0),
        };
    }
    call!(REMOVE_KEYS, kind, text(id)).execute(db).await?;
    Ok(1)
}

pub(super) async fn get(db: &Db, kind: u8, id: &str) -> Result<Option<Record>, Fault> {
    let row = call!(GET, i16::from(kind), text(id)).row(db).await?;
    row.as_ref().map(record).transpose()
}

/// Of some records those that are there.
pub(super) async fn get_many(db: &Db, kind: u8, ids: &[String]) -> Result<Vec<Record>, Fault> {
    let rows = call!(GET_MANY, i16::from(kind), texts(ids)).rows(db).await?;
    each(&rows, record)
}

pub(super) async fn list(db: &Db, range: &RecordRange) -> Result<Vec<(Vec<u8>, Record)>, Fault> {
    let (kind, name) = (i16::from(range.kind), i16::from(range.name));
    let (value, id) = range.start();
    let (to, wanted) = (range.to.as_slice(), rows_max(range.rows_max));
    let rows = call!(LIST, kind, name, value, text(id), to, wanted).rows(db).await?;
    each(&rows, |row| Ok((row.try_get(4)?, record(row)?)))
}

fn record(row: &Row) -> Result<Record, Fault> {
    Ok(Record {
        kind: small(row, 0)?,
        id: row.try_get(1)?,
        revision: row.try_get(2)?,
        body: row.try_get(3)?,
        keys: Vec::new(),
    })
}

fn moved(id: &str, revision: i64) -> StoreError {
    let what = if revision == 0 { "is there already" } else { "has changed meanwhile" };
    StoreError::Conflict(format!("'{id}' {what}."))
}

fn taken(id: &str) -> StoreError {
    StoreError::Conflict(format!("A name or address of '{id}' is taken."))
}
