//! Signatures of trigger addresses: `sp`, `sv`, `sig`.
//!
//! The signature is an HMAC-SHA256 over the flow, the permission and the version of
//! the scheme, with one of the flow's two keys; each key can be rotated on its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The version of the scheme, `sv`.
pub const VERSION: &str = "1.0";

/// `sp`: what an address permits.
#[must_use]
pub fn permission(trigger: &str) -> String {
    format!("/triggers/{trigger}/run")
}

/// A flow's key, ready to sign with.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// `None` only for keys that HMAC refuses, and it takes any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<SigningKey> {
        Hmac::<Sha256>::new_from_slice(key).ok().map(SigningKey)
    }

    /// The signature of a permission on a flow.
    #[must_use]
    pub fn sign(&self, flow_id: &str, permission: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.digest(flow_id, permission))
    }

    fn digest(&self, flow_id: &str, permission: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [flow_id, permission, VERSION] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// Whether a signature is right under one of the keys; comparing takes the same time
/// for any wrong one.
#[must_use]
pub fn verify(keys: &[SigningKey], flow_id: &str, permission: &str, signature: &str) -> bool {
    let mut given = [0; 33];
    let decoded = URL_SAFE_NO_PAD.decode_slice(signature.trim_end_matches('='), &mut given);
    let Ok(32) = decoded else { return false };
    keys.iter().any(|key| bool::from(key.digest(flow_id, permission).ct_eq(&given[..32])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signed_permission_passes() {
        let keys = [b"first".as_slice(), b"second"].map(|key| SigningKey::new(key).unwrap());
        let permission = permission("manual");
        for key in &keys {
            let signature = key.sign("f1", &permission);
            assert!(verify(&keys, "f1", &permission, &signature));
            assert!(!verify(&keys, "f2", &permission, &signature));
            assert!(!verify(&keys, "f1", &super::permission("other"), &signature));
            let mut forged = signature.into_bytes();
            forged[0] = if forged[0] == b'A' { b'B' } else { b'A' };
            assert!(!verify(&keys, "f1", &permission, &String::from_utf8(forged).unwrap()));
        }
        for wrong in ["", "x", "%%%", &SigningKey::new(b"third").unwrap().sign("f1", &permission)] {
            assert!(!verify(&keys, "f1", &permission, wrong));
        }
    }
}
