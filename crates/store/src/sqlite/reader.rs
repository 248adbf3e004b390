//! Connections that read: few, opened when first needed, used on blocking threads.
//!
//! Invariant: what one reading sees belongs to one moment, however many statements
//! it takes.

use super::connection::Place;
use super::fault::Fault;
use crate::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The pool of connections that read.
pub(super) struct Readers {
    place: Place,
    idle: Mutex<Vec<Connection>>,
    /// One for each connection that may be open; closed with the store.
    permits: Arc<Semaphore>,
    readers_max: u32,
}

impl Readers {
    pub(super) fn new(place: Place, readers_max: u32) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(readers_max as usize));
        Arc::new(Readers { place, idle: Mutex::default(), permits, readers_max })
    }

    pub(super) async fn read<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = self.permits.clone();
        let permit = permits.acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let reading = tokio::task::spawn_blocking(move || {
            // Dropped last, when the connection is back or closed.
            let _permit = permit;
            let db = match self.take() {
                Some(db) => db,
                None => self.place.open_reader()?,
            };
            let done = at_one_moment(&db, work)?;
            self.give_back(db);
            Ok(done)
        });
        let stopped = |_| Err(StoreError::Unavailable("reading was stopped".to_owned()));
        reading.await.unwrap_or_else(stopped)
    }

    /// Waits until no one reads and closes the connections.
    pub(super) async fn close(&self) {
        // Fails when another caller has closed it.
        let all = self.permits.acquire_many(self.readers_max).await;
        self.permits.close();
        drop(all);
        self.drop_idle();
    }

    /// Closes the connections that no one uses.
    pub(super) fn drop_idle(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, db: Connection) {
        if !self.permits.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        }
    }
}

fn at_one_moment<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let done = work(db)?;
    db.prepare_cached("COMMIT")?.execute([])?;
    Ok(done)
}
