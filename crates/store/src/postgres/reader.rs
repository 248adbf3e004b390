//! Connections that read, and those that keep the leases: few, opened when first needed.
//!
//! Invariant: a connection that was not left in order is not used again.

use super::address::{Address, Db, within};
use super::fault::Fault;
use super::job::Work;
use crate::StoreError;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// A pool of connections.
pub(super) struct Readers {
    address: Address,
    /// Keeps the connections going: who asks may come from a runtime that ends sooner.
    runtime: Handle,
    idle: Mutex<Vec<Db>>,
    /// One for each connection that may be open; closed with the store.
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(address: Address, connections_max: usize) -> Self {
        let permits = Semaphore::new(connections_max);
        Readers { address, runtime: Handle::current(), idle: Mutex::default(), permits }
    }

    /// Does some work that only reads, or that may be done twice: again on a new connection
    /// when the one it had was lost.
    pub(super) async fn read<T>(
        &self,
        work: impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let twice = async {
            match self.once(&work).await {
                Err(fault) if fault.is_gone() => {
                    self.drop_idle();
                    self.once(&work).await
                }
                outcome => outcome,
            }
        };
        within(twice).await.map_err(StoreError::from)
    }

    /// Does some work once. When its answer is lost, nobody knows what became of it.
    pub(super) async fn change<T>(
        &self,
        work: impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        match within(self.once(&work)).await {
            Err(fault) if fault.is_gone() && !self.permits.is_closed() => {
                Err(StoreError::Unknown(StoreError::from(fault).to_string()))
            }
            outcome => outcome.map_err(StoreError::from),
        }
    }

    async fn once<T>(
        &self,
        work: &(impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + Sync),
    ) -> Result<T, Fault> {
        let closed = |_| Fault::Gone(StoreError::Closed);
        let _permit = self.permits.acquire().await.map_err(closed)?;
        // Dropped, and so closed, when it is not given back: nobody waits any more, perhaps,
        // for what was asked on it.
        let db = match self.take() {
            Some(db) => db,
            None => self.address.connect(&self.runtime).await?,
        };
        let done = work(&db).await;
        if !done.as_ref().is_err_and(Fault::is_gone) && !self.permits.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        }
        done
    }

    fn take(&self) -> Option<Db> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|db| !db.is_closed())
    }

    fn drop_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An error when it is closed.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.permits.is_closed() { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Lends nothing from now on, and closes what nobody uses.
    pub(super) fn close(&self) {
        self.permits.close();
        self.drop_idle();
    }
}
