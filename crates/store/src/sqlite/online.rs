//! Reading a store that a server works with, without its lock.
//!
//! Invariant: nothing is written; the server goes on meanwhile.

use super::connection::Place;
use super::{migrate, payload, portable, record};
use crate::portable::Page;
use crate::{Answer, Record, Source, StoreError};
use durable::PayloadHash;
use std::path::Path;
use tokio::sync::mpsc;

/// The database of a data directory, for reading only.
pub struct SqliteReader {
    place: Place,
}

impl SqliteReader {
    /// Finds the store of a data directory; its schema must be the present one. Blocks the
    /// calling thread meanwhile.
    pub fn open(directory: &Path) -> Result<SqliteReader, StoreError> {
        let place = Place { directory: directory.to_owned(), vfs: None };
        migrate::check_current(&place.open_beside()?)?;
        Ok(SqliteReader { place })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        let place = self.place.clone();
        Box::pin(async move {
            let stopped = |_| Err(StoreError::Unavailable("reading was stopped".to_owned()));
            tokio::task::spawn_blocking(move || work(&place)).await.unwrap_or_else(stopped)
        })
    }
}

impl Source for SqliteReader {
    fn everything(&self, pages: mpsc::Sender<Page>) -> Answer<'_, ()> {
        self.read(move |place| Ok(portable::export(&place.open_beside()?, &pages)?))
    }

    /// Opens the database each time: few payloads are asked for.
    fn content(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        self.read(move |place| Ok(payload::get(&place.open_beside()?, &hash)?))
    }

    fn fact(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>> {
        let id = id.to_owned();
        self.read(move |place| Ok(record::get(&place.open_beside()?, kind, &id)?))
    }
}
