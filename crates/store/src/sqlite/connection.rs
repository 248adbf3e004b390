//! Opening connections: one set of settings for the one that writes, one for those
//! that read.
//!
//! Invariant: a commit that was answered survives the loss of power (`synchronous =
//! FULL` in WAL mode).

use super::fault::Fault;
use crate::{StoreError, limits};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DATABASE: &str = "sluicegate.db";
const LOCK: &str = "sluicegate.lock";

/// Where the database is, and through which file layer it is reached.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// A name that is registered with SQLite; `None`: the operating system's own.
    pub(super) vfs: Option<String>,
}

impl Place {
    /// Creates the directory and takes its lock. The lock is held as long as the file.
    pub(super) fn take(&self) -> Result<File, StoreError> {
        create_directory(&self.directory)
            .map_err(|error| unavailable("create", &self.directory, &error))?;
        let path = self.directory.join(LOCK);
        let lock = private_file(&path).map_err(|error| unavailable("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
                "{} is in use by another server",
                self.directory.display()
            ))),
            Err(TryLockError::Error(error)) => Err(unavailable("lock", &path, &error)),
        }
    }

    /// Opens the connection that writes, and creates the database if there is none.
    pub(super) fn open_writer(&self) -> Result<Connection, StoreError> {
        let path = self.directory.join(DATABASE);
        if self.vfs.is_none() {
            private_file(&path).map_err(|error| unavailable("open", &path, &error))?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let db = self.open(flags)?;
        set_up_writer(&db).map_err(StoreError::from)?;
        Ok(db)
    }

    /// Opens a connection that only reads. The writer has been opened before.
    pub(super) fn open_reader(&self) -> Result<Connection, StoreError> {
        let db = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        set_up_reader(&db).map_err(StoreError::from)?;
        Ok(db)
    }

    pub(super) fn has_database(&self) -> bool {
        self.directory.join(DATABASE).is_file()
    }

    /// Opens a connection that only reads a database that is there, whoever works with it.
    pub(super) fn open_beside(&self) -> Result<Connection, StoreError> {
        if !self.has_database() {
            let text = format!("there is no store in {}", self.directory.display());
            return Err(StoreError::Unavailable(text));
        }
        let db = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        set_up_reader(&db).map_err(StoreError::from)?;
        Ok(db)
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        let path = self.directory.join(DATABASE);
        // Each connection stays with one thread at a time.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&path, flags, vfs.as_str()),
            None => Connection::open_with_flags(&path, flags),
        };
        let db = opened.map_err(|error| StoreError::from(Fault::Sql(error)))?;
        db.set_prepared_statement_cache_capacity(limits::STATEMENTS_MAX);
        set_up_planner(&db).map_err(|error| StoreError::from(Fault::Sql(error)))?;
        Ok(db)
    }
}

/// A statement is planned once, and not for each value anew, which took a fifth of what
/// reading costs.
pub(super) fn set_up_planner(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

fn set_up_writer(db: &Connection) -> Result<(), Fault> {
    db.busy_timeout(Duration::from_millis(limits::LOCK_WAIT_MS))?;
    let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
    // Only before the database is created: later the first does nothing, and the second
    // writes a page, so that the connection could not be opened again on a full disk.
    if pages == 0 {
        db.pragma_update(None, "page_size", limits::PAGE_BYTES)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let text = format!("the file system allows no write-ahead log (journal mode is {mode})");
        return Err(Fault::Lost(StoreError::Unavailable(text)));
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    // what was deleted is overwritten where its page is written anyway; free pages go by
    // giving space back
    db.pragma_update(None, "secure_delete", "FAST")?;
    db.pragma_update(None, "wal_autocheckpoint", limits::WAL_PAGES)?;
    db.pragma_update(None, "journal_size_limit", limits::WAL_BYTES_KEPT)?;
    set_up_memory(db)
}

fn set_up_reader(db: &Connection) -> Result<(), Fault> {
    db.busy_timeout(Duration::from_millis(limits::LOCK_WAIT_MS))?;
    db.pragma_update(None, "query_only", true)?;
    set_up_memory(db)
}

fn set_up_memory(db: &Connection) -> Result<(), Fault> {
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "cache_size", -limits::CACHE_KIB)?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// The database, its log and its lock are for the server's user only.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn create_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unavailable(verb: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {verb} {}: {error}", path.display()))
}
