//! Bringing the schema up to date: numbered files, forward only.
//!
//! Invariant: an applied migration is never changed; its checksum is stored and
//! compared. Each migration is one transaction with its own record.

use super::fault::Fault;
use crate::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A step of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// Every step, in order; the first has number 1.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { name: "initial", sql: include_str!("../../migrations/sqlite/0001_initial.sql") },
    Migration {
        name: "ownership",
        sql: include_str!("../../migrations/sqlite/0002_ownership.sql"),
    },
    Migration { name: "record", sql: include_str!("../../migrations/sqlite/0003_record.sql") },
    Migration { name: "failure", sql: include_str!("../../migrations/sqlite/0004_failure.sql") },
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    number  INTEGER NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL,
    sha256  TEXT    NOT NULL,
    applied TEXT    NOT NULL
) STRICT";

const APPLIED: &str = "SELECT number, name, sha256 FROM schema_version ORDER BY number";

const RECORD: &str = "INSERT INTO schema_version (number, name, sha256, applied)
    VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))";

/// Applies what is missing.
pub(super) fn migrate(db: &Connection, migrations: &[Migration]) -> Result<(), Fault> {
    let applied = applied(db)?;
    check(&applied, migrations)?;
    for (index, migration) in migrations.iter().enumerate().skip(applied.len()) {
        let transaction = db.unchecked_transaction()?;
        transaction.execute_batch(CREATE)?;
        transaction.execute_batch(migration.sql)?;
        transaction
            .execute(RECORD, params![index as i64 + 1, migration.name, sha256(migration.sql)])?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a database whose schema is not the present one.
pub(super) fn check_current(db: &Connection) -> Result<(), Fault> {
    let applied = applied(db)?;
    check(&applied, MIGRATIONS)?;
    if applied.len() < MIGRATIONS.len() {
        return Err(Fault::Refused(StoreError::Version(format!(
            "The data was written by an older version of the server: its schema is {}, expected \
             {}. Start this version on it once: that brings it up to date.",
            applied.len(),
            MIGRATIONS.len()
        ))));
    }
    Ok(())
}

struct Applied {
    number: i64,
    name: String,
    sha256: String,
}

fn applied(db: &Connection) -> Result<Vec<Applied>, Fault> {
    let known = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    if db.query_row(known, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare(APPLIED)?;
    let rows = statement.query_map([], |row| {
        Ok(Applied { number: row.get(0)?, name: row.get(1)?, sha256: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { name: "first", sql: "CREATE TABLE first (id INTEGER);" };
    const SECOND: Migration =
        Migration { name: "second", sql: "CREATE TABLE second (id INTEGER);" };

    fn database() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn tables(db: &Connection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = db.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    }

    /// The whole schema after every migration, as it is reviewed and compared.
    /// `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_schema_is_the_golden_one() {
        let db = database();
        migrate(&db, MIGRATIONS).unwrap();
        let sql = "SELECT sql || ';' FROM sqlite_schema
            WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type DESC, name";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let schema = rows.collect::<Result<Vec<_>, _>>().unwrap().join("\n\n");
        let header = "-- Generated: the schema after every migration. `UPDATE_GOLDEN=1 cargo test \
                      -p sluicegate-store` writes it.";
        let schema = format!("{header}\n\n{schema}\n").replace('\r', "");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/schema.sql");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap().replace('\r', "");
        assert_eq!(schema, golden);
    }

    #[test]
    fn migrations_are_applied_once_and_in_order() {
        let db = database();
        migrate(&db, &[FIRST]).unwrap();
        migrate(&db, &[FIRST]).unwrap();
        assert_eq!(tables(&db), ["first", "schema_version"]);
        migrate(&db, &[FIRST, SECOND]).unwrap();
        migrate(&db, &[FIRST, SECOND]).unwrap();
        assert_eq!(tables(&db), ["first", "schema_version", "second"]);
        let numbers: Vec<_> = applied(&db).unwrap().iter().map(|row| row.number).collect();
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let db = database();
        let fails = Migration { name: "fails", sql: "CREATE TABLE third (id); SELECT nothing;" };
        assert!(migrate(&db, &[FIRST, fails]).is_err());
        assert_eq!(tables(&db), ["first", "schema_version"]);
        migrate(&db, &[FIRST, SECOND]).unwrap();
    }

    #[test]
    fn an_applied_migration_that_was_changed_is_refused() {
        let db = database();
        migrate(&db, &[FIRST, SECOND]).unwrap();
        let changed = Migration { sql: "CREATE TABLE first (id TEXT);", ..FIRST };
        let error = StoreError::from(migrate(&db, &[changed, SECOND]).unwrap_err());
        let StoreError::Version(text) = &error else { panic!("{error:?}") };
        assert!(text.contains("migration 1 (first)"), "{text}");
    }

    #[test]
    fn line_ends_do_not_change_a_migration() {
        assert_eq!(sha256("CREATE\r\nTABLE"), sha256("CREATE\nTABLE"));
    }

    #[test]
    fn newer_data_is_refused() {
        let db = database();
        migrate(&db, &[FIRST, SECOND]).unwrap();
        let error = StoreError::from(migrate(&db, &[FIRST]).unwrap_err());
        let StoreError::Version(text) = &error else { panic!("{error:?}") };
        assert!(text.contains("newer version"), "{text}");
        assert_eq!(tables(&db), ["first", "schema_version", "second"]);
    }
}
