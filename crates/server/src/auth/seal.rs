//! Secrets at rest: sealed with the master key of the data folder.
//!
//! XChaCha20-Poly1305 with a random nonce; what a secret belongs to is bound as
//! associated data, so that rows cannot be swapped.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
const FILE: &str = "master.key";

/// Why secrets cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the master key {path} cannot be read or written: {reason}")]
    File { path: String, reason: String },
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    #[error(
        "a stored secret cannot be opened: it was sealed with another master key or is damaged"
    )]
    Damaged,
}

/// Seals and opens secrets.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// What keys for other purposes are made of.
    derives: Hmac<Sha256>,
}

impl Sealer {
    /// Reads the master key of a data folder; makes it on the first start. Only the
    /// owner may read the file.
    pub fn open(folder: &Path) -> Result<Sealer, SealError> {
        let path = Sealer::path(folder);
        let failed = |reason: String| SealError::File { path: path.display().to_string(), reason };
        let key = match std::fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Zeroizing::new(random::<KEY_BYTES>()?.to_vec());
                create_private(&path, &key).map_err(|error| failed(error.to_string()))?;
                key
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice())
            .map_err(|_| failed(format!("it must hold {KEY_BYTES} bytes")))?;
        Ok(Sealer::with_key(&key))
    }

    /// Seals with a key that is brought along: simulations have no folder.
    #[must_use]
    pub fn with_key(key: &[u8; KEY_BYTES]) -> Sealer {
        let cipher = XChaCha20Poly1305::new(&Key::from(*key));
        let derives = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key);
        let derives = derives.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        Sealer { cipher, derives }
    }

    /// A key for another purpose, the same on every node.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> [u8; KEY_BYTES] {
        let mut mac = self.derives.clone();
        mac.update(purpose);
        mac.finalize().into_bytes().into()
    }

    /// Where the master key of a data folder is.
    #[must_use]
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Seals a secret that belongs to `owner`.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Sealer::seal`] sealed for the same owner.
    pub fn open_secret(&self, owner: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Damaged)?;
        let payload = Payload { msg: body, aad: owner.as_bytes() };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        secret.map(Zeroizing::new).map_err(|_| SealError::Damaged)
    }
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    crate::clock::random_bytes::<N>().map_err(|error| SealError::Random(error.to_string()))
}

fn create_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(folder.path()).unwrap();
        let sealed = sealer.seal("flow a", b"key").unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"key"));
        let again = Sealer::open(folder.path()).unwrap();
        assert_eq!(again.open_secret("flow a", &sealed).unwrap().as_slice(), b"key");
        assert!(again.open_secret("flow b", &sealed).is_err());
        assert!(again.open_secret("flow a", &sealed[..20]).is_err());
        let elsewhere = Sealer::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert!(elsewhere.open_secret("flow a", &sealed).is_err());
    }
}
