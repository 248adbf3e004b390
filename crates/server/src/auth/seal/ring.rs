//! The sealing keys and data keys of a store, as they are stored: one record.
//!
//! Invariant: every key in it that is not retired is sealed for every master key in use, and
//! a change of it finds the revision that it was made from.

use super::data_key::DataKey;
use super::root::MasterKey;
use super::{KEY_BYTES, KeyId, SealError, SealingKey, hex, open_with, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable::Ticks;
use serde::{Deserialize, Serialize};
use store::Record;
use zeroize::Zeroizing;

/// The kind of its record ([`crate::app::data::Kind::SealRing`]), and its id.
pub const KIND: u8 = 55;
pub const ID: &str = "ring";

/// All keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ring {
    id: String,
    /// The newest last: it seals.
    pub keys: Vec<StoredKey>,
    /// The newest last. Histories name them, so they stay.
    pub data_keys: Vec<StoredDataKey>,
}

/// A sealing key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredKey {
    /// In hexadecimal digits.
    pub id: String,
    /// Ticks.
    pub created: Ticks,
    /// Since when nothing is sealed with it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Ticks>,
    /// The key, sealed once for each master key.
    sealed: Vec<SealedFor>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SealedFor {
    /// The master key's id.
    master: String,
    /// Base64.
    key: String,
}

/// A data key, sealed like any other secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredDataKey {
    pub id: String,
    /// Ticks.
    pub created: Ticks,
    /// Base64.
    key: String,
}

impl Ring {
    /// The first keys of a store. One whose secrets were sealed with the master key itself
    /// has that as its oldest sealing key.
    pub fn first(master: &MasterKey, seals_itself: bool, now: Ticks) -> Result<Ring, SealError> {
        let mut ring = Ring { id: ID.to_owned(), keys: Vec::new(), data_keys: Vec::new() };
        if seals_itself {
            ring.keys.push(StoredKey::of(master, master.bytes(), now)?);
        }
        ring.add_keys(master, now)?;
        Ok(ring)
    }

    pub fn read(record: &Record) -> Result<Ring, SealError> {
        serde_json::from_slice(&record.body).map_err(|error| SealError::Ring(error.to_string()))
    }

    /// The record that replaces one with this revision.
    pub fn record(&self, revision: i64) -> Result<Record, SealError> {
        let body = serde_json::to_vec(self).map_err(|error| SealError::Ring(error.to_string()))?;
        Ok(Record { kind: KIND, id: ID.to_owned(), revision, body, keys: Vec::new() })
    }

    /// A new sealing key and a new data key: from now on they seal.
    pub fn add_keys(&mut self, master: &MasterKey, now: Ticks) -> Result<(), SealError> {
        let key = Zeroizing::new(random::<KEY_BYTES>()?);
        self.keys.push(StoredKey::of(master, &key, now)?);
        let data = Zeroizing::new(random::<KEY_BYTES>()?);
        self.data_keys.push(StoredDataKey::of(&SealingKey::of(&key), &data, now)?);
        Ok(())
    }

    /// Seals the data keys with the newest sealing key. How many were not yet.
    pub fn reseal_data_keys(&mut self, master: &MasterKey) -> Result<usize, SealError> {
        let keys = self.open_keys(master)?;
        let newest = keys.last().ok_or(SealError::Damaged)?;
        let mut count = 0;
        for stored in &mut self.data_keys {
            let sealed = decode(&stored.key)?;
            if super::split(&sealed).is_some_and(|(id, _)| id == newest.id()) {
                continue;
            }
            let owner = data_key_owner(&stored.id);
            let key = open_with(&keys, owner.as_bytes(), &sealed)?;
            stored.key = STANDARD.encode(newest.seal(owner.as_bytes(), &key)?);
            count += 1;
        }
        Ok(count)
    }

    /// Nothing is sealed any more with the keys before the newest; what is left of them is
    /// sealed for this master key only.
    pub fn retire_old_keys(&mut self, master: &MasterKey, now: Ticks) -> Result<(), SealError> {
        for stored in &mut self.keys {
            let key = stored.open(master)?;
            stored.sealed = vec![SealedFor::of(master, &stored.id, &key)?];
        }
        let before = self.keys.len().saturating_sub(1);
        for stored in self.keys.iter_mut().take(before) {
            stored.retired.get_or_insert(now);
        }
        Ok(())
    }

    /// Forgets keys that were retired before a moment. True when there were any.
    pub fn forget_retired(&mut self, before: Ticks) -> bool {
        let count = self.keys.len();
        self.keys.retain(|key| key.retired.is_none_or(|retired| retired >= before));
        self.keys.len() < count
    }

    /// Seals the keys for another master key too. True when they were not yet.
    pub fn add_master(&mut self, known: &MasterKey, new: &MasterKey) -> Result<bool, SealError> {
        let mut is_new = false;
        for stored in &mut self.keys {
            if stored.is_for(new) {
                continue;
            }
            let key = stored.open(known)?;
            stored.sealed.push(SealedFor::of(new, &stored.id, &key)?);
            is_new = true;
        }
        Ok(is_new)
    }

    /// Whether a master key opens it.
    #[must_use]
    pub fn is_for(&self, master: &MasterKey) -> bool {
        self.keys.iter().all(|key| key.is_for(master))
    }

    pub(super) fn open_keys(&self, master: &MasterKey) -> Result<Vec<SealingKey>, SealError> {
        self.keys.iter().map(|key| Ok(SealingKey::of(&*key.open(master)?))).collect()
    }

    pub(super) fn open_data_keys(&self, keys: &[SealingKey]) -> Result<Vec<DataKey>, SealError> {
        let open = |stored: &StoredDataKey| {
            let owner = data_key_owner(&stored.id);
            let key = open_with(keys, owner.as_bytes(), &decode(&stored.key)?)?;
            Ok(DataKey::of(&*whole(&key)?))
        };
        self.data_keys.iter().map(open).collect()
    }
}

impl StoredKey {
    fn of(master: &MasterKey, key: &[u8; KEY_BYTES], now: Ticks) -> Result<StoredKey, SealError> {
        let id = hex(&SealingKey::of(key).id());
        let sealed = vec![SealedFor::of(master, &id, key)?];
        Ok(StoredKey { id, created: now, retired: None, sealed })
    }

    fn is_for(&self, master: &MasterKey) -> bool {
        let id = hex(&master.id());
        self.sealed.iter().any(|sealed| sealed.master == id)
    }

    fn open(&self, master: &MasterKey) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
        let id: KeyId = master.id();
        let id = hex(&id);
        let sealed = self.sealed.iter().find(|sealed| sealed.master == id);
        let sealed = decode(&sealed.ok_or(SealError::Damaged)?.key)?;
        let key = master.open(key_owner(&self.id).as_bytes(), &sealed)?;
        whole(&key)
    }
}

impl SealedFor {
    fn of(master: &MasterKey, id: &str, key: &[u8; KEY_BYTES]) -> Result<SealedFor, SealError> {
        let sealed = master.seal(key_owner(id).as_bytes(), key)?;
        Ok(SealedFor { master: hex(&master.id()), key: STANDARD.encode(sealed) })
    }
}

impl StoredDataKey {
    fn of(
        sealing: &SealingKey,
        key: &[u8; KEY_BYTES],
        now: Ticks,
    ) -> Result<StoredDataKey, SealError> {
        let id = hex(&DataKey::of(key).id());
        let sealed = sealing.seal(data_key_owner(&id).as_bytes(), key)?;
        Ok(StoredDataKey { id, created: now, key: STANDARD.encode(sealed) })
    }
}

fn key_owner(id: &str) -> String {
    format!("sealing key {id}")
}

fn data_key_owner(id: &str) -> String {
    format!("data key {id}")
}

fn decode(text: &str) -> Result<Vec<u8>, SealError> {
    STANDARD.decode(text).map_err(|error| SealError::Ring(error.to_string()))
}

fn whole(key: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
    let key = <[u8; KEY_BYTES]>::try_from(key).map_err(|_| SealError::Damaged)?;
    Ok(Zeroizing::new(key))
}
