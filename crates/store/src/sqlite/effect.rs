//! Effects of live processes that are intended and have no result.

use super::column::{signed, unsigned};
use super::fault::Fault;
use durable::{EffectIntent, ProcessId};
use rusqlite::{Connection, Row, params};

pub(super) const INTEND: &str = "INSERT INTO effect (process, id, attempt) VALUES (?1, ?2, ?3)
    ON CONFLICT (process, id) DO UPDATE SET attempt = excluded.attempt";

pub(super) const SETTLE: &str = "DELETE FROM effect WHERE process = ?1 AND id = ?2";

pub(super) const REMOVE: &str = "DELETE FROM effect WHERE process = ?1";

pub(super) const LIST: &str = "SELECT id, attempt FROM effect WHERE process = ?1 ORDER BY id";

pub(super) fn intend(
    db: &Connection,
    process: ProcessId,
    effects: &[EffectIntent],
) -> Result<(), Fault> {
    for effect in effects {
        let values = params![process.as_bytes(), signed(effect.id), effect.attempt];
        db.prepare_cached(INTEND)?.execute(values)?;
    }
    Ok(())
}

pub(super) fn settle(db: &Connection, process: ProcessId, effects: &[u64]) -> Result<(), Fault> {
    for id in effects {
        db.prepare_cached(SETTLE)?.execute(params![process.as_bytes(), signed(*id)])?;
    }
    Ok(())
}

pub(super) fn remove(db: &Connection, process: ProcessId) -> Result<(), Fault> {
    db.prepare_cached(REMOVE)?.execute(params![process.as_bytes()])?;
    Ok(())
}

pub(super) const GET: &str = "SELECT 1 FROM effect WHERE process = ?1 AND id = ?2";

pub(super) fn is_intended(db: &Connection, process: ProcessId, id: u64) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached(GET)?;
    Ok(statement.exists(params![process.as_bytes(), signed(id)])?)
}

pub(super) fn list(db: &Connection, process: ProcessId) -> Result<Vec<EffectIntent>, Fault> {
    let mut statement = db.prepare_cached(LIST)?;
    let effect = |row: &Row<'_>| Ok(EffectIntent { id: unsigned(row, 0)?, attempt: row.get(1)? });
    statement.query_and_then(params![process.as_bytes()], effect)?.collect()
}
