//! Who did what.

use super::fault::Fault;
use crate::{AuditFilter, AuditRow, chain};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

pub(super) const LAST: &str = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1";

pub(super) const INSERT: &str = "INSERT INTO audit
    (number, time, actor, operation, target, content, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// A selection of entries; what differs is which.
macro_rules! select {
    ($which:literal) => {
        concat!("SELECT number, time, actor, operation, target, content, hash FROM audit ", $which)
    };
}

/// The same with what every list may be narrowed by.
macro_rules! newest {
    ($which:literal) => {
        concat!(
            select!($which),
            " number < ?2 AND time >= ?3 AND time < ?4 AND (?5 IS NULL OR operation = ?5)
            AND (?6 IS NULL OR target = ?6) ORDER BY number DESC LIMIT ?7"
        )
    };
}

pub(super) const NEWEST: &str = newest!("WHERE ?1 IS NULL AND");
pub(super) const NEWEST_OF_ACTOR: &str = newest!("WHERE actor = ?1 AND");
pub(super) const NEWEST_OF_TARGET: &str = newest!("WHERE target = ?1 AND");
pub(super) const CHAIN: &str = select!("WHERE number > ?1 ORDER BY number LIMIT ?2");

/// Appends an entry to the chain.
pub(super) fn append(db: &Connection, row: &AuditRow) -> Result<(), Fault> {
    let mut last = db.prepare_cached(LAST)?;
    let last = last.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let row = chain::append(last, row);
    let AuditRow { number, time, actor, operation, target, content, hash } = row;
    db.prepare_cached(INSERT)?
        .execute(params![number, time, actor, operation, target, content, hash])?;
    Ok(())
}

pub(super) fn list(db: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRow>, Fault> {
    let (sql, first, target) = match (filter.actor.as_ref(), filter.target.as_ref()) {
        (Some(actor), target) => (NEWEST_OF_ACTOR, Some(actor), target),
        (None, Some(target)) => (NEWEST_OF_TARGET, Some(target), None),
        (None, None) => (NEWEST, None, None),
    };
    let before = filter.before.unwrap_or(i64::MAX);
    let (from, to) = (filter.from.unwrap_or(i64::MIN), filter.to.unwrap_or(i64::MAX));
    let rows_max = filter.rows_max as i64;
    many(db, sql, params![first, before, from, to, filter.operation, target, rows_max])
}

pub(super) fn chain(db: &Connection, after: i64, rows_max: usize) -> Result<Vec<AuditRow>, Fault> {
    many(db, CHAIN, params![after, rows_max as i64])
}

fn many(db: &Connection, sql: &'static str, values: impl Params) -> Result<Vec<AuditRow>, Fault> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(values, audit_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        number: row.get(0)?,
        time: row.get(1)?,
        actor: row.get(2)?,
        operation: row.get(3)?,
        target: row.get(4)?,
        content: row.get(5)?,
        hash: row.get(6)?,
    })
}
