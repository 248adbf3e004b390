//! Bringing the schema up to date: numbered files, forward only.
//!
//! Invariant: an applied migration is never changed; its checksum is stored and
//! compared. Each migration is one transaction with its own record.
//! Invariant: of several servers that start at once, one applies a migration and the others
//! wait for it.

use super::address::Db;
use super::fault::Fault;
use crate::StoreError;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tokio_postgres::error::SqlState;

/// A step of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// Every step, in order; the first has number 1.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { name: "initial", sql: include_str!("../../migrations/postgres/0001_initial.sql") },
    Migration { name: "record", sql: include_str!("../../migrations/postgres/0002_record.sql") },
    Migration { name: "failure", sql: include_str!("../../migrations/postgres/0003_failure.sql") },
];

/// The row with number 0 is held by who applies a migration.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    number  bigint NOT NULL PRIMARY KEY,
    name    text   NOT NULL,
    sha256  text   NOT NULL,
    applied text   NOT NULL
);
INSERT INTO schema_version (number, name, sha256, applied) VALUES (0, '', '', '')
ON CONFLICT (number) DO NOTHING";

const IS_THERE: &str = "SELECT to_regclass('schema_version') IS NOT NULL";

const HOLD: &str = "SELECT 1 FROM schema_version WHERE number = 0 FOR UPDATE";

const APPLIED: &str =
    "SELECT number, name, sha256 FROM schema_version WHERE number > 0 ORDER BY number";

const RECORD: &str = "INSERT INTO schema_version (number, name, sha256, applied)
    VALUES ($1, $2, $3, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))";

/// Times that making the first table is tried: it may collide with another server's.
const CREATE_TRIES: u32 = 10;

/// Applies what is missing.
pub(super) async fn migrate(db: &Db, migrations: &[Migration]) -> Result<(), Fault> {
    if !db.query_one(IS_THERE, &[]).await?.try_get::<_, bool>(0)? {
        create(db).await?;
    }
    loop {
        let applied = applied(db).await?;
        check(&applied, migrations)?;
        if applied.len() == migrations.len() {
            return Ok(());
        }
        db.batch_execute("BEGIN; SET LOCAL statement_timeout = 0").await?;
        match next(db, migrations).await {
            Ok(()) => db.batch_execute("COMMIT").await?,
            Err(fault) => {
                if !fault.is_gone() {
                    db.batch_execute("ROLLBACK").await?;
                }
                return Err(fault);
            }
        }
    }
}

async fn create(db: &Db) -> Result<(), Fault> {
    let mut tries = 0;
    loop {
        match db.batch_execute(CREATE).await {
            Ok(()) => return Ok(()),
            Err(error) if tries < CREATE_TRIES && is_collision(&error) => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Two servers that make the same table at the same time meet in the catalogue.
fn is_collision(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(
            &SqlState::UNIQUE_VIOLATION | &SqlState::DUPLICATE_TABLE | &SqlState::DUPLICATE_OBJECT
        )
    )
}

/// Applies the first one that is missing, once it is sure that nobody else does.
async fn next(db: &Db, migrations: &[Migration]) -> Result<(), Fault> {
    db.query(HOLD, &[]).await?;
    let done = applied(db).await?.len();
    let Some(migration) = migrations.get(done) else { return Ok(()) };
    db.batch_execute(migration.sql).await?;
    let number = done as i64 + 1;
    db.execute(RECORD, &[&number, &migration.name, &sha256(migration.sql)]).await?;
    Ok(())
}

struct Applied {
    number: i64,
    name: String,
    sha256: String,
}

async fn applied(db: &Db) -> Result<Vec<Applied>, Fault> {
    let rows = db.query(APPLIED, &[]).await?;
    super::column::each(&rows, |row| {
        Ok(Applied { number: row.try_get(0)?, name: row.try_get(1)?, sha256: row.try_get(2)? })
    })
}

fn check(applied: &[Applied], migrations: &[Migration]) -> Result<(), StoreError> {
    let newest = applied.last().map_or(0, |row| row.number);
    if newest > migrations.len() as i64 {
        return Err(StoreError::Version(format!(
            "The data was written by a newer version of the server: its schema is {newest}, \
             expected at most {}. Install that version, or restore a backup.",
            migrations.len()
        )));
    }
    for (index, (row, migration)) in applied.iter().zip(migrations).enumerate() {
        if row.number != index as i64 + 1 {
            return Err(StoreError::Corrupt(format!("migration {} is missing", index + 1)));
        }
        if row.sha256 != sha256(migration.sql) {
            return Err(StoreError::Version(format!(
                "The data was written by another build of the server: migration {} ({}) differs \
                 from the one that was applied.",
                row.number, row.name
            )));
        }
    }
    Ok(())
}

/// Line ends do not count: a checkout may change them.
fn sha256(sql: &str) -> String {
    let digest = Sha256::digest(sql.replace('\r', "").as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
