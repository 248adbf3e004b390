//! The embedded store: one SQLite file in the data directory.
//!
//! One thread writes (`writer`), a few connections read (`reader`); each noun
//! has a file with its SQL. A data directory belongs to one server at a time.
//!
//! Who holds which partition is in the store as in every other, although one node at a
//! time uses it: the engine has one way.

mod audit;
mod change;
mod chunk;
mod column;
mod commit;
mod connection;
mod effect;
mod fault;
mod inbox;
mod job;
mod lease;
mod migrate;
mod online;
mod payload;
#[cfg(test)]
mod plan;
mod portable;
mod process;
mod reader;
mod record;
mod retain;
mod retention;
mod run;
mod setting;
mod snapshot;
mod start_key;
mod store;
mod token;
#[cfg(test)]
mod trouble;
mod workflow;
mod workflow_version;
mod writer;

pub use online::SqliteReader;

use crate::{Answer, StoreError, limits};
use connection::Place;
use fault::Fault;
use job::{Edit, Reply};
use reader::Readers;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use writer::{Job, Writer};

/// How to open a store. The default is what a server needs.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file layer to use, registered with SQLite under this name. `None`: the
    /// operating system's own.
    pub vfs: Option<String>,
    /// Jobs that may wait for the writer before the store says that it is busy.
    pub queue_jobs_max: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions { vfs: None, queue_jobs_max: limits::QUEUE_JOBS_MAX }
    }
}

/// A store in one SQLite file.
///
/// What is asked is queued when the method is called, in the order of the calls, not
/// when the answer is first polled; an answer that is dropped does not undo it.
/// Answers need a Tokio runtime.
pub struct SqliteStore {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    place: Place,
}

impl SqliteStore {
    /// Opens the store in a data directory, creates it if there is none, and brings
    /// its schema up to date. Blocks the calling thread meanwhile.
    pub fn open(directory: &Path, options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        let SqliteOptions { vfs, queue_jobs_max } = options;
        let place = Place { directory: directory.to_owned(), vfs };
        let lock = place.take()?;
        let db = place.open_writer()?;
        migrate::migrate(&db, migrate::MIGRATIONS)?;
        lease::forget_nodes(&db)?;
        let writer = Writer::start(db, place.clone(), lock, queue_jobs_max)?;
        let readers = Readers::new(place.clone(), limits::READERS_MAX);
        Ok(SqliteStore { writer: Arc::new(writer), readers, place })
    }

    /// True when there is a store in a data directory.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        Place { directory: directory.to_owned(), vfs: None }.has_database()
    }

    /// Reads on one of the threads for that.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.readers.clone().read(work))
    }

    /// Changes something by the writer, besides commits.
    fn edit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        let (job, reply) = Edit::new(bytes, work);
        self.submit(job, reply)
    }

    fn submit<T: Send + 'static>(&self, job: Box<dyn Job>, reply: Reply<T>) -> Answer<'_, T> {
        let submitted = self.writer.submit(job);
        Box::pin(async move {
            submitted?;
            reply.await.unwrap_or_else(|_| Err(self.writer.gone()))
        })
    }
}

impl Drop for SqliteStore {
    /// Finishes what was accepted, as closing does, and waits for it.
    fn drop(&mut self) {
        self.readers.end();
        if let Err(error) = self.writer.close() {
            tracing::error!(%error, "closing the store failed");
        }
    }
}
