//! PFX files: the certificate by which an application signs in, with its key.

use crate::app::error::AppError;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::Value;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Base64 characters of a PFX file: some certificates and one key.
const PFX_BYTES_MAX: usize = 64 * 1024;

/// Rounds in which a key is made of the password: programs write some thousands to some
/// hundred thousands. More would let somebody keep the server busy.
const ROUNDS_MAX: u64 = 2_000_000;

/// One file is opened at a time, off the threads that serve requests.
static OPENING: Semaphore = Semaphore::const_new(1);

fn refused(text: &str) -> AppError {
    AppError::invalid("InvalidCertificate", text)
}

/// Opens what somebody gives as `{"pfx", "password"}` and answers the certificate's
/// SHA-256, hexadecimal as the directory has it. Its key is in the file too: who gives it
/// could sign with it.
///
/// # Errors
/// It is no such file, the password is wrong, or there is no key in it.
pub async fn thumbprint(given: &Value) -> Result<String, AppError> {
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let encoded = text("pfx");
    if encoded.len() > PFX_BYTES_MAX {
        return Err(refused("The PFX file is too large."));
    }
    let bytes = STANDARD.decode(encoded.trim());
    let bytes = Zeroizing::new(bytes.map_err(|_| refused("The PFX file is not base64."))?);
    if rounds(&bytes, 0) > ROUNDS_MAX {
        return Err(refused("The PFX file takes too long to open."));
    }
    let password = Zeroizing::new(text("password").to_owned());
    let _turn = OPENING.acquire().await.map_err(AppError::internal)?;
    let opened = tokio::task::spawn_blocking(move || open(&bytes, &password));
    opened.await.map_err(AppError::internal)?
}

fn open(bytes: &[u8], password: &str) -> Result<String, AppError> {
    let policy = Pkcs12ImportPolicy::default();
    let store = KeyStore::from_pkcs12(bytes, password, policy).map_err(|error| {
        tracing::debug!(%error, "a PFX file that cannot be opened");
        refused("The PFX file cannot be opened with this password.")
    })?;
    let Some((_, chain)) = store.private_key_chain() else {
        return Err(refused("The PFX file holds no private key with its certificate."));
    };
    let Some(certificate) = chain.certs().first() else {
        return Err(refused("The PFX file holds no certificate for its private key."));
    };
    let hash = digest(&SHA256, certificate.as_der());
    Ok(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The largest whole number of up to four bytes among some DER, in what it wraps as well:
/// rounds are among them.
fn rounds(mut bytes: &[u8], depth: usize) -> u64 {
    const DEPTH_MAX: usize = 32;
    let mut most = 0;
    while let (true, Some((tag, content, rest))) = (depth < DEPTH_MAX, element(bytes)) {
        let found = match tag {
            0x02 if content.len() <= 5 => {
                content.iter().fold(0, |sum, byte| sum * 256 + u64::from(*byte))
            }
            // constructed, and strings of bytes, which may wrap more
            0x04 | 0x24 => rounds(content, depth + 1),
            _ if tag & 0x20 != 0 => rounds(content, depth + 1),
            _ => 0,
        };
        most = u64::max(most, found);
        bytes = rest;
    }
    most
}

/// The first element of some DER: its tag, its content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_found_where_they_are_wrapped() {
        // SEQUENCE { OCTET STRING { SEQUENCE { INTEGER 2147483647 } }, INTEGER 3 }
        let der =
            [0x30, 0x0d, 0x04, 0x08, 0x30, 0x06, 0x02, 0x04, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 3];
        assert_eq!(rounds(&der, 0), 2_147_483_647);
        assert_eq!(rounds(&der[12..], 0), 3);
        assert_eq!(rounds(b"no DER at all", 0), 0);
    }

    #[tokio::test]
    async fn what_is_no_such_file_is_refused() {
        for given in [
            serde_json::json!({"pfx": "%%%", "password": ""}),
            serde_json::json!({"pfx": STANDARD.encode("no file"), "password": "x"}),
        ] {
            assert_eq!(thumbprint(&given).await.unwrap_err().code, "InvalidCertificate");
        }
    }
}
