//! The server's own values.

use super::fault::Fault;
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const GET: &str = "SELECT value FROM setting WHERE name = ?1";

pub(super) const SET: &str = "INSERT INTO setting (name, value) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(super) fn get(db: &Connection, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    Ok(statement.query_row(params![name], |row| row.get(0)).optional()?)
}

pub(super) const ADD: &str = "INSERT OR IGNORE INTO setting (name, value) VALUES (?1, ?2)";

/// The value that is there; this one when there was none.
pub(super) fn get_or_set(db: &Connection, name: &str, value: &[u8]) -> Result<Vec<u8>, Fault> {
    db.prepare_cached(ADD)?.execute(params![name, value])?;
    get(db, name)?.ok_or_else(|| Fault::corrupt("a setting"))
}

pub(super) fn set(db: &Connection, name: &str, value: &[u8]) -> Result<(), Fault> {
    db.prepare_cached(SET)?.execute(params![name, value])?;
    Ok(())
}
