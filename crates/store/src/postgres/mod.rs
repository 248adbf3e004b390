//! The store that several nodes share: a PostgreSQL database.
//!
//! One connection commits (`writer`), a few others read and keep the leases (`reader`), one
//! listens (`hint`). Each noun has a file with its SQL.
//!
//! A commit is a transaction over all that was queued (`transaction`), with a statement for
//! each table (`round`). It holds the leases of its partitions, so that nothing of a node
//! that has lost them becomes durable. A connection that is lost is made anew, and what
//! became of its last commit is found out (`link`).

mod address;
mod audit;
mod change;
mod chunk;
mod column;
mod effect;
mod fault;
mod hint;
mod inbox;
mod job;
mod lease;
mod link;
mod migrate;
mod payload;
mod portable;
mod process;
mod reader;
mod record;
mod retain;
mod retention;
mod round;
mod run;
mod setting;
mod snapshot;
mod start_key;
mod store;
mod token;
mod transaction;
mod workflow;
mod workflow_version;
mod writer;

use crate::{Answer, StoreError, limits};
use address::{Address, Db};
use hint::Hints;
use job::{Job, Reply, Work};
use link::Link;
use reader::Readers;
use std::sync::Arc;
use tokio::runtime::Handle;
use writer::Writer;

/// How to open a store. The default is what a server needs.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Jobs that may wait for the writer before the store says that it is busy.
    pub queue_jobs_max: usize,
    /// Connections that read.
    pub readers_max: usize,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        PostgresOptions {
            queue_jobs_max: limits::QUEUE_JOBS_MAX,
            readers_max: limits::POSTGRES_READERS_MAX,
        }
    }
}

/// A store in a PostgreSQL database.
///
/// What is committed or edited is queued when the method is called, in the order of the
/// calls, not when the answer is first polled; an answer that is dropped does not undo it.
/// Other questions are asked when their answer is first polled.
pub struct PostgresStore {
    address: Address,
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    /// Apart from those who read: a lease must not wait for a long list.
    keepers: Readers,
    hints: Hints,
}

impl PostgresStore {
    /// Opens the store in a database, which must exist, and brings its schema up to date.
    /// The address is `postgres://<user>:<password>@<host>:<port>/<database>`; a connection
    /// to another machine is encrypted and its certificate checked, unless it says
    /// `?sslmode=disable`. Certificates to trust besides the system's can be named with
    /// `sslrootcert`.
    ///
    /// The runtime in which this is called keeps the connections going that read.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<PostgresStore, StoreError> {
        let address = Address::parse(url)?;
        let db = address.connect(&Handle::current()).await?;
        migrate::migrate(&db, migrate::MIGRATIONS).await?;
        let link = Link::new(address.clone(), &db).await?;
        drop(db);
        let readers = Arc::new(Readers::new(address.clone(), options.readers_max.max(1)));
        let keepers = Readers::new(address.clone(), limits::POSTGRES_KEEPERS_MAX);
        let hints = Hints::start(address.clone(), readers.clone()).await?;
        let writer = Arc::new(Writer::start(link, options.queue_jobs_max)?);
        Ok(PostgresStore { address, writer, readers, keepers, hints })
    }

    fn read<'s, T: Send + 's>(
        &'s self,
        work: impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + Sync + 's,
    ) -> Answer<'s, T> {
        Box::pin(self.readers.read(work))
    }

    /// Changes something by the writer, besides commits.
    fn edit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + 'static,
    ) -> Answer<'_, T> {
        self.submit(job::edit(bytes, work))
    }

    fn submit<T: Send + 'static>(&self, (job, reply): (Job, Reply<T>)) -> Answer<'_, T> {
        let submitted = self.writer.submit(job);
        Box::pin(async move {
            submitted?;
            reply.await.unwrap_or_else(|_| Err(self.writer.gone()))
        })
    }

    fn close_readers(&self) {
        self.hints.close();
        self.readers.close();
        self.keepers.close();
    }
}

impl Drop for PostgresStore {
    /// Finishes what was accepted, as closing does, and waits for it.
    fn drop(&mut self) {
        self.close_readers();
        if let Err(error) = self.writer.close() {
            tracing::error!(%error, "closing the store failed");
        }
    }
}
