//! The connection that writes: how it is made anew, and how a commit is found again whose
//! answer was lost.
//!
//! Each transaction writes its number to the writer's row first, and holds that row until it
//! ends. Who asks for the row afterwards waits until nothing can happen any more, and reads
//! the number of the last transaction that became durable. The database's own numbers of
//! transactions would not do: after a crash it may give one again that was never written.

use super::address::{Address, Db, within};
use super::column::call;
use super::fault::Fault;
use crate::{StoreError, limits};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;

const NEW_WRITER: &str = "INSERT INTO writer (commits) VALUES (0) RETURNING id";

const REMOVE_WRITER: &str = "DELETE FROM writer WHERE id = $1";

const IDENTITY: &str = "SELECT pg_backend_pid(), backend_start::text FROM pg_stat_activity
    WHERE pid = pg_backend_pid()";

/// Ends a connection that we no longer have, and that the server may still have.
const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND backend_start = $2::text::timestamptz";

const COMMITS: &str = "SELECT commits FROM writer WHERE id = $1 FOR UPDATE";

/// What became of a commit.
pub(super) enum Outcome {
    Durable,
    Undone,
    Unknown,
}

/// A connection at the server.
#[derive(Clone)]
struct Backend {
    pid: i32,
    started: String,
}

pub(super) struct Link {
    address: Address,
    /// Our row.
    pub(super) writer: i64,
    /// Of the last transaction that was begun.
    number: i64,
    db: Option<(Db, Backend)>,
    /// The connection before, if it did not end well.
    lost: Option<Backend>,
    failures: u32,
    /// When the first attempt failed of those that did since there was a connection.
    down_since: Option<Instant>,
    /// Before this, no further attempt is made.
    next_try: Option<Instant>,
}

impl Link {
    /// Makes a row for a new writer.
    pub(super) async fn new(address: Address, db: &Db) -> Result<Self, Fault> {
        let row = call!(NEW_WRITER).row(db).await?;
        let writer = row.ok_or_else(|| Fault::corrupt("a writer"))?.try_get(0)?;
        let (db, lost, down_since, next_try) = (None, None, None, None);
        Ok(Link { address, writer, number: 0, db, lost, failures: 0, down_since, next_try })
    }

    /// The number of the next transaction.
    pub(super) fn count(&mut self) -> i64 {
        self.number += 1;
        self.number
    }

    /// The connection, made anew when it was lost.
    pub(super) async fn db(&mut self) -> Result<&Db, Fault> {
        if self.db.as_ref().is_some_and(|(db, _)| db.is_closed()) {
            self.lose();
        }
        if self.db.is_none() {
            if self.next_try.is_some_and(|next| Instant::now() < next) {
                return Err(Fault::gone("the database cannot be reached"));
            }
            match within(self.connect()).await {
                Ok(connected) => {
                    self.db = Some(connected);
                    (self.failures, self.down_since, self.next_try) = (0, None, None);
                }
                Err(fault) => {
                    self.failed();
                    return Err(fault);
                }
            }
        }
        self.db.as_ref().map(|(db, _)| db).ok_or_else(|| Fault::gone("there is no connection"))
    }

    async fn connect(&mut self) -> Result<(Db, Backend), Fault> {
        let db = self.address.connect(&Handle::current()).await?;
        let row = call!(IDENTITY).row(&db).await?;
        let row = row.ok_or_else(|| Fault::gone("the connection is not known"))?;
        let backend = Backend { pid: row.try_get(0)?, started: row.try_get(1)? };
        // What the connection before has begun holds locks, and must not go on.
        if let Some(lost) = self.lost.take() {
            end(&db, &lost).await?;
        }
        Ok((db, backend))
    }

    fn failed(&mut self) {
        let now = Instant::now();
        self.down_since.get_or_insert(now);
        let pause = limits::RECONNECT_PAUSE_MS << self.failures.min(6);
        self.failures += 1;
        let pause = Duration::from_millis(pause.min(limits::RECONNECT_PAUSE_MS_MAX));
        self.next_try = Some(now + pause);
    }

    /// Gives the connection up.
    pub(super) fn lose(&mut self) {
        if let Some((_, backend)) = self.db.take() {
            self.lost = Some(backend);
        }
    }

    /// Waits for the next attempt. False when the database has been away for so long that
    /// nobody should wait.
    pub(super) async fn pause(&self) -> bool {
        let limit = Duration::from_millis(limits::RECONNECT_WAIT_MS);
        if self.down_since.is_some_and(|since| since.elapsed() > limit) {
            return false;
        }
        if let Some(next) = self.next_try {
            tokio::time::sleep_until(next.into()).await;
        }
        true
    }

    /// Finds out what became of the last transaction, whose commit was sent and not
    /// answered.
    pub(super) async fn resolve(&mut self) -> Outcome {
        let started = Instant::now();
        let lost = self.db.as_ref().map(|(_, backend)| backend.clone());
        // It may be about to commit: it is not ended at once.
        self.db = None;
        self.lost = None;
        while started.elapsed() < Duration::from_millis(limits::RESOLVE_WAIT_MS) {
            match self.commits().await {
                Ok(Some(commits)) if commits >= self.number => return Outcome::Durable,
                Ok(Some(_)) => return Outcome::Undone,
                Ok(None) => {
                    if let (Some((db, _)), Some(lost)) = (&self.db, &lost) {
                        // When that fails, it is tried again.
                        let _ = within(end(db, lost)).await;
                    }
                }
                Err(fault) => {
                    if fault.is_gone() {
                        self.db = None;
                    }
                    tracing::debug!(error = %StoreError::from(fault), "a commit is not found yet");
                    tokio::time::sleep(Duration::from_millis(limits::RECONNECT_PAUSE_MS)).await;
                }
            }
        }
        self.lost = lost;
        Outcome::Unknown
    }

    /// The number of the last transaction that is durable; none while one goes on.
    async fn commits(&mut self) -> Result<Option<i64>, Fault> {
        self.next_try = None;
        let writer = self.writer;
        let db = self.db().await?;
        within(async {
            let wait = format!("SET lock_timeout = {}", limits::COMMITTING_WAIT_MS);
            db.batch_execute(&wait).await?;
            let row = call!(COMMITS, writer).row(db).await;
            db.batch_execute("SET lock_timeout = 0").await?;
            match row {
                Ok(Some(row)) => Ok(Some(row.try_get(0)?)),
                Ok(None) => Err(Fault::corrupt("the row of a writer")),
                Err(Fault::Sql(error)) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    Ok(None)
                }
                Err(fault) => Err(fault),
            }
        })
        .await
    }

    /// Removes our row. It is small, and the next start does not mind it.
    pub(super) async fn close(mut self) {
        let writer = self.writer;
        if let Ok(db) = self.db().await {
            let _ = within(async { call!(REMOVE_WRITER, writer).execute(db).await }).await;
        }
    }
}

async fn end(db: &Db, lost: &Backend) -> Result<(), Fault> {
    call!(END, lost.pid, lost.started.as_str()).rows(db).await?;
    Ok(())
}
