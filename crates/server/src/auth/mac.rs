//! Texts that only this server can have written: cookies, form marks, refresh tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A key for such texts.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// `None` only for keys that HMAC refuses, and it takes any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<MacKey> {
        Hmac::<Sha256>::new_from_slice(key).ok().map(MacKey)
    }

    /// The mark of some parts: 32 bytes as text. The first part says what it is for.
    #[must_use]
    pub fn mark(&self, parts: &[&str]) -> String {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Whether a mark is the one of these parts; takes the same time for any wrong one.
    #[must_use]
    pub fn is_mark(&self, parts: &[&str], given: &str) -> bool {
        self.mark(parts).as_bytes().ct_eq(given.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_belongs_to_its_parts() {
        let key = MacKey::new(b"key").unwrap();
        let mark = key.mark(&["form", "ab", "c"]);
        assert!(key.is_mark(&["form", "ab", "c"], &mark));
        for parts in [["form", "a", "bc"], ["cookie", "ab", "c"]] {
            assert!(!key.is_mark(&parts, &mark));
        }
        assert!(!key.is_mark(&["form", "ab", "c"], ""));
        assert!(!MacKey::new(b"other").unwrap().is_mark(&["form", "ab", "c"], &mark));
    }
}
