//! PFX files: a certificate and its key, under a password.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::json;
use std::fmt::Write as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::authentication::{PfxFile, Secret};

/// Base64 characters of a PFX file: some certificates and one key.
const PFX_BYTES_MAX: usize = 64 * 1024;

/// Rounds in which a key is made of the password: programs write some thousands to some
/// hundred thousands. More would let somebody keep the server busy.
const ROUNDS_MAX: u64 = 2_000_000;

/// Seconds for which what a certificate signed is believed.
const ASSERTION_SECONDS: u64 = 300;

/// One file is opened at a time, off the threads that serve requests.
static OPENING: Semaphore = Semaphore::const_new(1);

/// Why a file is of no use: a sentence without its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PfxFault(&'static str);

/// What is in a file.
pub struct Pfx {
    /// PKCS#8.
    key: Zeroizing<Vec<u8>>,
    /// DER, the key's own first.
    certificates: Vec<Vec<u8>>,
}

impl Pfx {
    /// Opens a file.
    ///
    /// # Errors
    /// It is no such file, the password is wrong, or there is no key in it.
    pub async fn open(file: &PfxFile) -> Result<Pfx, PfxFault> {
        let encoded = file.content.expose().trim();
        if encoded.len() > PFX_BYTES_MAX {
            return Err(PfxFault("the PFX file is too large"));
        }
        let bytes = STANDARD.decode(encoded).map_err(|_| PfxFault("the PFX file is not base64"))?;
        let bytes = Zeroizing::new(bytes);
        if rounds(&bytes, 0) > ROUNDS_MAX {
            return Err(PfxFault("the PFX file takes too long to open"));
        }
        let password = file.password.clone();
        let failed = || PfxFault("the server is going down");
        let _turn = OPENING.acquire().await.map_err(|_| failed())?;
        let opened = tokio::task::spawn_blocking(move || read(&bytes, &password));
        opened.await.map_err(|_| failed())?
    }

    /// SHA-256 of the certificate, hexadecimal.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let certificate = self.certificates.first().map_or(&[][..], Vec::as_slice);
        let hash = digest(&SHA256, certificate);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Key and certificates as PEM.
    pub(super) fn pem(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        let mut put = |label: &str, der: &[u8]| {
            let encoded = Zeroizing::new(STANDARD.encode(der));
            let _ = writeln!(text, "-----BEGIN {label}-----");
            for line in encoded.as_bytes().chunks(64) {
                let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
            }
            let _ = writeln!(text, "-----END {label}-----");
        };
        put("PRIVATE KEY", &self.key);
        for certificate in &self.certificates {
            put("CERTIFICATE", certificate);
        }
        text
    }

    /// What a client says of itself to a token endpoint (RFC 7523), signed with the key.
    ///
    /// # Errors
    /// The key is none that such a thing is signed with.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        endpoint: &str,
        now: u64,
    ) -> Result<Secret, PfxFault> {
        let unfit = |_| PfxFault("the key of the certificate cannot sign: expected an RSA key");
        let key = RsaKeyPair::from_pkcs8(&self.key)
            .map_err(|_| PfxFault("the key of the certificate cannot sign: expected an RSA key"))?;
        let certificate = self.certificates.first().map_or(&[][..], Vec::as_slice);
        let print = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, certificate));
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(unfit)?;
        let header = json!({
            "alg": "RS256", "typ": "JWT",
            "x5t": print(&SHA1_FOR_LEGACY_USE_ONLY), "x5t#S256": print(&SHA256),
        });
        let claims = json!({
            "aud": endpoint, "iss": client_id, "sub": client_id,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now, "iat": now, "exp": now + ASSERTION_SECONDS,
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let said = format!("{header}.{claims}");
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
            .map_err(unfit)?;
        Ok(Secret::new(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn read(bytes: &[u8], password: &Secret) -> Result<Pfx, PfxFault> {
    let policy = Pkcs12ImportPolicy::default();
    let store = KeyStore::from_pkcs12(bytes, password.expose(), policy).map_err(|error| {
        tracing::debug!(%error, "a PFX file that cannot be opened");
        PfxFault("the PFX file cannot be opened with this password")
    })?;
    let Some((_, chain)) = store.private_key_chain() else {
        return Err(PfxFault("the PFX file holds no private key with its certificate"));
    };
    if chain.certs().is_empty() {
        return Err(PfxFault("the PFX file holds no certificate for its private key"));
    }
    Ok(Pfx {
        key: Zeroizing::new(chain.key().as_der().to_vec()),
        certificates: chain.certs().iter().map(|it| it.as_der().to_vec()).collect(),
    })
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
        for (content, text) in [
            ("%%%".to_owned(), "not base64"),
            (STANDARD.encode("no file"), "cannot be opened"),
            ("A".repeat(PFX_BYTES_MAX + 1), "too large"),
        ] {
            let file = PfxFile { content: Secret::new(content), password: Secret::new("x") };
            let fault = Pfx::open(&file).await.err().unwrap();
            assert!(fault.to_string().contains(text), "{fault}");
        }
    }
}
