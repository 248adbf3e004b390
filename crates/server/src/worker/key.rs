//! The keys that seal, among nodes: each reads them again when it says that it lives, and
//! says which it knows. A node that could not do so seals nothing, before the others take it
//! for gone.

use super::Engine;
use crate::app::data::Kind;
use crate::auth::seal::hex;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Edit, Record, StoreError};

/// What a node knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyNote {
    /// Revision of the keys.
    pub revision: i64,
    /// Id of the node's master key.
    pub master: String,
}

impl Engine {
    /// Reads the keys again, which are certain for so long from now.
    pub(super) async fn refresh_keys(&self, lasts: Duration) -> Result<(), StoreError> {
        let sealer = self.catalog.sealer();
        let Some(master) = sealer.master() else { return Ok(()) };
        let refreshed = sealer.refresh(&*self.store, Some(lasts)).await;
        refreshed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let revision = sealer.revision();
        if !self.store.is_shared() || self.keys_noted.load(Ordering::Relaxed) == revision {
            return Ok(());
        }
        let note = KeyNote { revision, master: hex(&master.id()) };
        let known = self.note_record(&node_name(self.node)).await?;
        let body =
            serde_json::to_vec(&note).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let record = Record {
            kind: Kind::KeyNote as u8,
            id: node_name(self.node),
            revision: known.map_or(0, |record| record.revision),
            body,
            keys: Vec::new(),
        };
        self.store.change(vec![Edit::Put(record)], Vec::new()).await?;
        self.keys_noted.store(revision, Ordering::Relaxed);
        Ok(())
    }

    async fn note_record(&self, node: &str) -> Result<Option<Record>, StoreError> {
        self.store.record(Kind::KeyNote as u8, node).await
    }

    /// What each living node knows of the keys. `None` stands for one that has not said.
    pub async fn key_notes(&self) -> Result<Vec<Option<KeyNote>>, StoreError> {
        if !self.store.is_shared() {
            return Ok(Vec::new());
        }
        let living = self.living.lock().clone();
        let mut notes = Vec::with_capacity(living.len());
        for node in living {
            let record = self.note_record(&node_name(node)).await?;
            notes.push(record.and_then(|record| serde_json::from_slice(&record.body).ok()));
        }
        Ok(notes)
    }
}

fn node_name(node: durable::NodeId) -> String {
    format!("{:016x}", node.0)
}
