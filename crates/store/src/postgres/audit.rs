//! Who did what.

use super::address::Db;
use super::column::{Call, call, each, rows_max, text, text_or_none};
use super::fault::Fault;
use crate::{AuditFilter, AuditRow, chain};

/// Who appends holds this row until the transaction ends, so that the chain has one end.
const HOLD: &str = "INSERT INTO setting (name, value) VALUES ('audit', '')
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

const LAST: &str = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1";

const INSERT: &str = "INSERT INTO audit (number, time, actor, operation, target, content, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

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
            " number < $2 AND time >= $3 AND time < $4 AND ($5::text IS NULL OR operation = $5)
            AND ($6::text IS NULL OR target = $6) ORDER BY number DESC LIMIT $7"
        )
    };
}

const NEWEST: &str = newest!("WHERE $1::text IS NULL AND");
const NEWEST_OF_ACTOR: &str = newest!("WHERE actor = $1 AND");
const NEWEST_OF_TARGET: &str = newest!("WHERE target = $1 AND");
const CHAIN: &str = select!("WHERE number > $1 ORDER BY number LIMIT $2");

/// Appends entries to the chain.
pub(super) async fn append(db: &Db, rows: &[AuditRow]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    call!(HOLD).execute(db).await?;
    let mut last = match call!(LAST).row(db).await? {
        Some(row) => Some((row.try_get(0)?, row.try_get(1)?)),
        None => None,
    };
    for row in rows {
        let row = chain::append(last, row);
        let AuditRow { number, time, actor, operation, target, content, hash } = &row;
        let (content, bytes) = (content.as_slice(), hash.as_slice());
        let texts = [text(actor), text(operation), text(target)];
        let [actor, operation, target] = texts;
        call!(INSERT, *number, *time, actor, operation, target, content, bytes).execute(db).await?;
        last = Some((row.number, row.hash));
    }
    Ok(())
}

pub(super) async fn list(db: &Db, filter: &AuditFilter) -> Result<Vec<AuditRow>, Fault> {
    let (sql, first, target) = match (filter.actor.as_ref(), filter.target.as_ref()) {
        (Some(actor), target) => (NEWEST_OF_ACTOR, Some(actor), target),
        (None, Some(target)) => (NEWEST_OF_TARGET, Some(target), None),
        (None, None) => (NEWEST, None, None),
    };
    let (first, target) = (text_or_none(first), text_or_none(target));
    let before = filter.before.unwrap_or(i64::MAX);
    let (from, to) = (filter.from.unwrap_or(i64::MIN), filter.to.unwrap_or(i64::MAX));
    let operation = text_or_none(filter.operation.as_ref());
    let wanted = rows_max(filter.rows_max);
    many(db, call!(sql, first, before, from, to, operation, target, wanted)).await
}

pub(super) async fn chain(db: &Db, after: i64, wanted: usize) -> Result<Vec<AuditRow>, Fault> {
    many(db, call!(CHAIN, after, rows_max(wanted))).await
}

async fn many(db: &Db, call: Call<'_>) -> Result<Vec<AuditRow>, Fault> {
    each(&call.rows(db).await?, |row| {
        Ok(AuditRow {
            number: row.try_get(0)?,
            time: row.try_get(1)?,
            actor: row.try_get(2)?,
            operation: row.try_get(3)?,
            target: row.try_get(4)?,
            content: row.try_get(5)?,
            hash: row.try_get(6)?,
        })
    })
}
