//! What an application says of itself under the key of its certificate (RFC 7523).

use super::jwt::read_signed;
use crate::limits::TOKEN_BYTES_MAX;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use x509_cert::der::Decode;

/// What is said.
#[derive(Clone, Debug, Deserialize)]
pub struct AssertionClaims {
    pub aud: String,
    pub iss: String,
    pub sub: String,
    pub jti: String,
    pub exp: i64,
    #[serde(default)]
    pub nbf: i64,
}

/// Why it is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionFault {
    /// Not a signed token, or one in an algorithm that is not accepted.
    Malformed,
    /// No certificate of the application has this thumbprint.
    UnknownCertificate,
    Signature,
}

/// Reads a certificate: DER. Answers its key as PKCS#1, and the Unix second it expires in.
#[must_use]
pub fn read_certificate(der: &[u8]) -> Option<(Vec<u8>, i64)> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
    let key = certificate.subject_public_key_info.subject_public_key.as_bytes()?.to_vec();
    let expires = certificate.validity.not_after.to_unix_duration().as_secs();
    Some((key, i64::try_from(expires).ok()?))
}

/// What clients name a certificate by: `x5t` and `x5t#S256`.
#[must_use]
pub fn thumbprints(der: &[u8]) -> [String; 2] {
    [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256]
        .map(|algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, der)))
}

/// What an assertion says, when one of the certificates (DER) signed it.
pub fn read(token: &str, certificates: &[Vec<u8>]) -> Result<AssertionClaims, AssertionFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(AssertionFault::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| AssertionFault::Malformed)?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(AssertionFault::Malformed);
    }
    let named = [header.x5t.as_deref(), header.x5t_s256.as_deref()];
    let is_named = |der: &[u8]| {
        let prints = thumbprints(der);
        let pairs = || named.iter().zip(&prints);
        pairs().any(|(given, _)| given.is_some())
            && pairs().all(|(given, print)| given.is_none_or(|given| given == print))
    };
    let found = certificates.iter().find(|der| is_named(der));
    let found = found.and_then(|der| read_certificate(der));
    let (key, _) = found.ok_or(AssertionFault::UnknownCertificate)?;
    let key = DecodingKey::from_rsa_der(&key);
    read_signed(token, &key, header.alg).map_err(|_| AssertionFault::Signature)
}
