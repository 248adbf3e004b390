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

/// The signature of a permission on a flow.
#[must_use]
pub fn sign(key: &[u8], flow_id: &str, permission: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(key, flow_id, permission))
}

/// Whether a signature is right under one of the keys; takes the same time for any
/// wrong one.
#[must_use]
pub fn verify(keys: &[impl AsRef<[u8]>], flow_id: &str, permission: &str, signature: &str) -> bool {
    let Ok(given) = URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')) else { return false };
    let mut is_right = subtle::Choice::from(0);
    for key in keys {
        is_right |= digest(key.as_ref(), flow_id, permission).as_slice().ct_eq(&given);
    }
    is_right.into()
}

fn digest(key: &[u8], flow_id: &str, permission: &str) -> [u8; 32] {
    // a key of any length is accepted, so this cannot fail
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in [flow_id, permission, VERSION] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signed_permission_passes() {
        let keys = [b"first".to_vec(), b"second".to_vec()];
        let permission = permission("manual");
        for key in &keys {
            let signature = sign(key, "f1", &permission);
            assert!(verify(&keys, "f1", &permission, &signature));
            assert!(!verify(&keys, "f2", &permission, &signature));
            assert!(!verify(&keys, "f1", &super::permission("other"), &signature));
            let mut forged = signature.into_bytes();
            forged[0] = if forged[0] == b'A' { b'B' } else { b'A' };
            assert!(!verify(&keys, "f1", &permission, &String::from_utf8(forged).unwrap()));
        }
        for wrong in ["", "x", "%%%", &sign(b"third", "f1", &permission)] {
            assert!(!verify(&keys, "f1", &permission, wrong));
        }
    }
}
