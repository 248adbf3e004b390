//! Data keys: what histories and definitions are sealed with, as a whole.
//!
//! Large values are found by a name that only who has the key can make of their hash: the
//! file of a database does not tell whether a value that somebody knows is in it.

use super::{KEY_BYTES, KeyId, SealError, Sealer, SealingKey, split};
use durable::PayloadHash;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::Store;
use zeroize::Zeroizing;

/// A key of histories and definitions.
pub(super) struct DataKey {
    id: KeyId,
    key: SealingKey,
    naming: Zeroizing<[u8; KEY_BYTES]>,
}

impl DataKey {
    pub fn of(key: &[u8; KEY_BYTES]) -> DataKey {
        let sealing = SealingKey::of(&derived(key, b"content"));
        DataKey { id: sealing.id(), key: sealing, naming: derived(key, b"name") }
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    fn name(&self, hash: &PayloadHash) -> PayloadHash {
        *derived(&self.naming, hash)
    }
}

/// HMAC-SHA-256: a key for one purpose out of another.
pub(super) fn derived(key: &[u8; KEY_BYTES], purpose: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut out = Zeroizing::new([0; KEY_BYTES]);
    // HMAC takes keys of any length
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(purpose);
        out.copy_from_slice(&mac.finalize().into_bytes());
    }
    out
}

/// Where a sealed row is: bound to it, so that rows cannot be swapped.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Process, number of the first event.
    Chunk(durable::ProcessId, u64),
    /// Process, number of the last event.
    Snapshot(durable::ProcessId, u64),
    /// The name under which it is stored.
    Payload(PayloadHash),
    /// Target, sender, effect.
    Message(durable::ProcessId, Option<durable::ProcessId>, u64),
    /// A flow's id, number of a version.
    Document(&'a str, u32),
    /// The id of a file that was put.
    Upload(&'a str),
}

impl Place<'_> {
    fn bytes(self) -> Vec<u8> {
        let (tag, process, number) = match &self {
            Place::Chunk(process, seq) => (1, process, *seq),
            Place::Snapshot(process, seq) => (2, process, *seq),
            Place::Payload(name) => return [&[3], name.as_slice()].concat(),
            Place::Message(to, _, effect) => (4, to, *effect),
            Place::Document(flow, number) => {
                return [&[5], flow.as_bytes(), &number.to_le_bytes()].concat();
            }
            Place::Upload(id) => return [&[6], id.as_bytes()].concat(),
        };
        let mut bytes = vec![tag];
        bytes.extend_from_slice(process.as_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        if let Place::Message(_, Some(from), _) = &self {
            bytes.extend_from_slice(from.as_bytes());
        }
        bytes
    }
}

impl Sealer {
    /// A key for another purpose, the same on every node that knows the same keys.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> [u8; KEY_BYTES] {
        let keys = self.keys();
        keys.data.last().map_or([0; KEY_BYTES], |key| *derived(&key.naming, purpose))
    }

    /// The same of every data key there is, the newest first: what was marked before a new
    /// one came is still known.
    #[must_use]
    pub fn derive_all(&self, purpose: &[u8]) -> Vec<[u8; KEY_BYTES]> {
        self.keys().data.iter().rev().map(|key| *derived(&key.naming, purpose)).collect()
    }

    /// Seals content with the newest data key.
    pub fn seal_content(&self, place: Place<'_>, content: &[u8]) -> Result<Vec<u8>, SealError> {
        self.check_fresh()?;
        let keys = self.keys();
        keys.data.last().ok_or(SealError::Damaged)?.key.seal(&place.bytes(), content)
    }

    /// Opens what [`Sealer::seal_content`] sealed for the same place.
    pub fn open_content(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = split(sealed).ok_or(SealError::Damaged)?;
        let keys = self.keys();
        let key = keys.data.iter().find(|it| it.id == id).ok_or(SealError::UnknownKey(id))?;
        key.key.open_bare(&place.bytes(), rest).ok_or(SealError::Damaged)
    }

    /// The same; keys that are not known are looked for in the store.
    pub async fn open_content_anew(
        &self,
        store: &dyn Store,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        match self.open_content(place, sealed) {
            Err(SealError::UnknownKey(_)) => {
                self.refresh(store, None).await?;
                self.open_content(place, sealed)
            }
            opened => opened,
        }
    }

    /// Under which name a large value with this hash is stored from now on.
    pub fn payload_name(&self, hash: &PayloadHash) -> Result<PayloadHash, SealError> {
        self.keys().data.last().map(|key| key.name(hash)).ok_or(SealError::Damaged)
    }

    /// Under which names it may be stored, the newest first.
    #[must_use]
    pub fn payload_names(&self, hash: &PayloadHash) -> Vec<PayloadHash> {
        self.keys().data.iter().rev().map(|key| key.name(hash)).collect()
    }
}
