//! Root keys: tokens that may do everything. Only their hashes are stored.

use super::caller::Caller;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Known tokens.
#[derive(Debug, Default)]
pub struct Tokens {
    known: RwLock<Vec<(String, [u8; 32])>>,
}

impl Tokens {
    pub fn add(&self, name: String, hash: &[u8]) {
        if let Ok(hash) = hash.try_into() {
            self.known.write().push((name, hash));
        }
    }

    /// The caller behind a token; looks at all of them whichever is right.
    #[must_use]
    pub fn caller(&self, token: &str) -> Option<Caller> {
        let given = hash(token);
        let mut found = None;
        for (name, known) in self.known.read().iter() {
            if bool::from(known.ct_eq(&given)) {
                found = Some(Caller::root(name));
            }
        }
        found
    }
}

/// What is stored of a token.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A new token: 32 random bytes as text.
pub fn generate() -> Result<String, getrandom::Error> {
    Ok(URL_SAFE_NO_PAD.encode(crate::clock::random_bytes::<32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_caller() {
        let tokens = Tokens::default();
        tokens.add("first".into(), &hash("secret"));
        assert_eq!(tokens.caller("secret"), Some(Caller::root("first")));
        assert_eq!(tokens.caller("Secret"), None);
        assert_eq!(tokens.caller(""), None);
        assert_ne!(generate().unwrap(), generate().unwrap());
    }
}
