//! Secrets at rest. Three kinds of keys, each sealed by the one before it:
//!
//! - the *master key*, which is not in the store ([`root`]), seals the sealing keys;
//! - *sealing keys* seal secrets one by one; the newest seals, a rotation adds one and seals
//!   everything anew;
//! - *data keys* seal histories and definitions, which are never written again: a rotation
//!   seals the key anew.
//!
//! XChaCha20-Poly1305 with a random nonce; what a secret belongs to is bound as associated
//! data, so that rows cannot be swapped. What is sealed begins with [`SEALED`] and the id of
//! its key; secrets from before there were ids have neither, and any key may open them.

mod data_key;
pub mod ring;
pub mod root;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_key::DataKey;
pub use data_key::Place;
use durable::codec::SEALED;
use parking_lot::RwLock;
use ring::Ring;
use root::MasterKey;
use std::sync::Arc;
use std::time::Duration;
use store::{Record, Store};
use tokio::time::Instant;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
pub const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;

/// Before a nonce: the mark and the key's id.
const HEAD: usize = 1 + ID_BYTES;

/// What sealing adds: mark, id, nonce and tag.
pub const SEAL_BYTES: usize = HEAD + NONCE_BYTES + 16;

/// What a key is called by: made of the key itself, and tells nothing of it.
pub type KeyId = [u8; ID_BYTES];

/// Why secrets cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    #[error(
        "a stored secret cannot be opened: it was sealed with another master key or is damaged"
    )]
    Damaged,
    #[error("a stored secret was sealed with the key {}, which is not known here", hex(.0))]
    UnknownKey(KeyId),
    #[error("this server has lost touch with the store and seals nothing: try again shortly")]
    Stale,
    #[error("the keys of the store cannot be read: {0}")]
    Ring(String),
}

/// A key that seals.
#[derive(Clone)]
pub struct SealingKey {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

impl SealingKey {
    #[must_use]
    pub fn of(key: &[u8; KEY_BYTES]) -> SealingKey {
        SealingKey { id: key_id(key), cipher: XChaCha20Poly1305::new(&Key::from(*key)) }
    }

    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals something that belongs to `owner`.
    pub fn seal(&self, owner: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: secret, aad: owner };
        let body =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        let mut sealed = Vec::with_capacity(HEAD + NONCE_BYTES + body.len());
        sealed.push(SEALED);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what was sealed with this key, without its mark and id.
    fn open_bare(&self, owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: body, aad: owner };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

/// The id and the rest of something that is sealed.
fn split(sealed: &[u8]) -> Option<(KeyId, &[u8])> {
    let (id, rest) = sealed.strip_prefix(&[SEALED])?.split_first_chunk::<ID_BYTES>()?;
    Some((*id, rest))
}

/// The keys as they were read.
struct Keys {
    revision: i64,
    /// The newest last.
    sealing: Vec<SealingKey>,
    /// The newest last.
    data: Vec<DataKey>,
}

/// Until when the keys are certain to be those of the store.
#[derive(Clone, Copy)]
enum Fresh {
    /// Nobody else changes them.
    ForGood,
    Until(Option<Instant>),
}

/// Seals and opens secrets.
pub struct Sealer {
    /// `None`: the keys were brought along.
    master: Option<MasterKey>,
    keys: RwLock<Arc<Keys>>,
    fresh: RwLock<Fresh>,
}

impl Sealer {
    /// Seals with a key that is brought along: simulations have no folder.
    #[must_use]
    pub fn with_key(key: &[u8; KEY_BYTES]) -> Sealer {
        let keys = Keys {
            revision: 0,
            sealing: vec![SealingKey::of(key)],
            data: vec![DataKey::of(&data_key::derived(key, b"data key"))],
        };
        let keys = RwLock::new(Arc::new(keys));
        Sealer { master: None, keys, fresh: RwLock::new(Fresh::ForGood) }
    }

    /// With the keys of a store, which `master` opens. Where several nodes use the store it
    /// seals nothing until [`Sealer::refresh`] was called.
    pub fn open(master: MasterKey, record: &Record, is_shared: bool) -> Result<Sealer, SealError> {
        let keys = RwLock::new(Arc::new(read(&master, record)?));
        let fresh = if is_shared { Fresh::Until(None) } else { Fresh::ForGood };
        Ok(Sealer { master: Some(master), keys, fresh: RwLock::new(fresh) })
    }

    /// Reads the keys of the store again; when it is said for how long from now, they are
    /// certain until then. True when they are others than before.
    pub async fn refresh(
        &self,
        store: &dyn Store,
        lasts: Option<Duration>,
    ) -> Result<bool, SealError> {
        let Some(master) = &self.master else { return Ok(false) };
        let began = Instant::now();
        let failed = |error: store::StoreError| SealError::Ring(error.to_string());
        let record = store.record(ring::KIND, ring::ID).await.map_err(failed)?;
        let record = record.ok_or_else(|| SealError::Ring("they are gone".to_owned()))?;
        let is_new = self.revision() < record.revision;
        if is_new {
            *self.keys.write() = Arc::new(read(master, &record)?);
        }
        let mut fresh = self.fresh.write();
        if let (Fresh::Until(until), Some(lasts)) = (&mut *fresh, lasts) {
            *until = Some(began + lasts);
        }
        Ok(is_new)
    }

    /// The master key, if there is one.
    #[must_use]
    pub fn master(&self) -> Option<&MasterKey> {
        self.master.as_ref()
    }

    /// The revision of the keys that are known.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.keys.read().revision
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read())
    }

    /// What is sealed now is sealed with the newest key of the store.
    fn check_fresh(&self) -> Result<(), SealError> {
        match *self.fresh.read() {
            Fresh::ForGood => Ok(()),
            Fresh::Until(Some(until)) if Instant::now() < until => Ok(()),
            Fresh::Until(_) => Err(SealError::Stale),
        }
    }

    /// Seals a secret that belongs to `owner`.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.check_fresh()?;
        let keys = self.keys();
        keys.sealing.last().ok_or(SealError::Damaged)?.seal(owner.as_bytes(), secret)
    }

    /// Opens what [`Sealer::seal`] sealed for the same owner.
    pub fn open_secret(&self, owner: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open_with(&self.keys().sealing, owner.as_bytes(), sealed)
    }

    /// The same; keys that are not known are looked for in the store.
    pub async fn open_anew(
        &self,
        store: &dyn Store,
        owner: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match self.open_secret(owner, sealed) {
            Err(SealError::UnknownKey(_)) => {
                self.refresh(store, None).await?;
                self.open_secret(owner, sealed)
            }
            opened => opened,
        }
    }

    /// Whether something is sealed with the newest key.
    #[must_use]
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        let newest = self.keys().sealing.last().map(SealingKey::id);
        split(sealed).map(|(id, _)| id) == newest
    }

    /// The same secret, sealed with the newest key. `None`: it is already.
    pub fn reseal(&self, owner: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if self.is_newest(sealed) {
            return Ok(None);
        }
        self.seal(owner, &self.open_secret(owner, sealed)?).map(Some)
    }
}

/// Opens something with that of the keys which sealed it.
fn open_with(
    keys: &[SealingKey],
    owner: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let named = split(sealed);
    if let Some((id, rest)) = named
        && let Some(key) = keys.iter().find(|key| key.id == id)
    {
        let opened = key.open_bare(owner, rest);
        return opened.map(Zeroizing::new).ok_or(SealError::Damaged);
    }
    let bare = keys.iter().find_map(|key| key.open_bare(owner, sealed));
    bare.map(Zeroizing::new).ok_or(match named {
        Some((id, _)) => SealError::UnknownKey(id),
        None => SealError::Damaged,
    })
}

/// Opens the keys of a store.
fn read(master: &MasterKey, record: &Record) -> Result<Keys, SealError> {
    let ring = Ring::read(record)?;
    let sealing = ring.open_keys(master)?;
    let data = ring.open_data_keys(&sealing)?;
    Ok(Keys { revision: record.revision, sealing, data })
}

/// The id of a key, which tells nothing of it.
fn key_id(key: &[u8; KEY_BYTES]) -> KeyId {
    let derived = data_key::derived(key, b"key id");
    let mut id = [0; ID_BYTES];
    id.copy_from_slice(&derived[..ID_BYTES]);
    id
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    crate::clock::random_bytes::<N>().map_err(|error| SealError::Random(error.to_string()))
}

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
