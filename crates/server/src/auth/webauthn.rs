//! Passkeys: whether what an authenticator says is to be believed. The steps are those of
//! "Web Authentication: An API for accessing Public Key Credentials, Level 3", sections 7.1
//! and 7.2. Pure: challenges, their time and their one use are the caller's.
//!
//! A statement of attestation is not looked at. None is asked for (conveyance `none`), and
//! it would say only who made the authenticator, which decides nothing here; the key is
//! believed because somebody who has just signed in brings it.
//!
//! Invariant: nothing is read past what is too long, there twice, or left over.
//! Invariant: a key is one of three kinds, named by itself, and signs in no other way.

mod key;

pub use key::{Algorithm, PublicKey};

use crate::limits::{
    ATTESTATION_BYTES_MAX, AUTHENTICATOR_DATA_BYTES_MAX, CBOR_DEPTH_MAX, CLIENT_DATA_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MAX, PASSKEY_SIGNATURE_BYTES_MAX,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::{Host, Url};

/// Whom authenticators know this server as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// A host name.
    pub id: String,
    /// Scheme, host and port of its pages.
    pub origin: String,
}

impl RelyingParty {
    /// Reads the public address. `None`: browsers offer no passkeys there, because the host is
    /// a number, or because the connection is open to others.
    #[must_use]
    pub fn of(public_url: &str) -> Option<RelyingParty> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let is_here = host == "localhost" || host.ends_with(".localhost");
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
        let origin = url.origin().ascii_serialization();
        is_safe.then(|| RelyingParty { id: host.to_owned(), origin })
    }
}

/// Whether the authenticator has to have seen who it is: by a PIN, a finger, a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// A password has come before.
    NotNeeded,
    /// The passkey is all there is.
    Required,
}

/// What has to be said.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub relying_party: &'a RelyingParty,
    pub challenge: &'a [u8],
    pub verification: Verification,
}

/// Why an authenticator is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TooLong,
    Malformed,
    /// Made for something else.
    Type,
    Challenge,
    /// Made on a page of somebody else.
    Origin,
    /// Made on a page within another.
    Framed,
    /// Made for another server.
    RelyingParty,
    /// Nobody touched it.
    NotPresent,
    /// It has not seen who it was.
    NotVerified,
    /// A kind of key that was not asked for.
    Algorithm,
    /// No key of its kind.
    Key,
    Signature,
    /// An older state of the authenticator, or a copy of it.
    Counter,
}

/// A key that was made for this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    pub id: Vec<u8>,
    /// As it came: COSE, read again each time by [`PublicKey::read`].
    pub key: Vec<u8>,
    pub algorithm: Algorithm,
    pub counter: u32,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    pub key: &'a [u8],
    pub counter: u32,
}

/// What an authenticator has signed.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// Believes a new key.
pub fn verify_registration(
    expected: &Expected<'_>,
    client_data: &[u8],
    attestation: &[u8],
) -> Result<NewCredential, Fault> {
    check_client_data(expected, "webauthn.create", client_data)?;
    let data = attested_data(attestation)?;
    let data = AuthenticatorData::read(&data)?;
    data.check(expected)?;
    let (id, key) = data.credential.ok_or(Fault::Malformed)?;
    let algorithm = PublicKey::read(key)?.algorithm();
    Ok(NewCredential { id: id.to_vec(), key: key.to_vec(), algorithm, counter: data.counter })
}

/// Believes a signature of a known key. Answers the new state of its counter.
pub fn verify_assertion(
    expected: &Expected<'_>,
    credential: Credential<'_>,
    given: &Assertion<'_>,
) -> Result<u32, Fault> {
    check_client_data(expected, "webauthn.get", given.client_data)?;
    let data = AuthenticatorData::read(given.authenticator_data)?;
    if data.credential.is_some() {
        return Err(Fault::Malformed);
    }
    data.check(expected)?;
    if given.signature.len() > PASSKEY_SIGNATURE_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let hash = Sha256::digest(given.client_data);
    let signed = [given.authenticator_data, hash.as_slice()].concat();
    PublicKey::read(credential.key)?.verify(&signed, given.signature)?;
    // authenticators that count nothing say zero each time
    let counts = data.counter != 0 || credential.counter != 0;
    if counts && data.counter <= credential.counter {
        return Err(Fault::Counter);
    }
    Ok(data.counter)
}

/// What the browser says; members that are not named here may come (section 5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default)]
    top_origin: Option<String>,
}

fn check_client_data(expected: &Expected<'_>, kind: &str, given: &[u8]) -> Result<(), Fault> {
    if given.len() > CLIENT_DATA_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let data: ClientData = serde_json::from_slice(given).map_err(|_| Fault::Malformed)?;
    if data.kind != kind {
        return Err(Fault::Type);
    }
    let challenge = URL_SAFE_NO_PAD.encode(expected.challenge);
    if !bool::from(challenge.as_bytes().ct_eq(data.challenge.as_bytes())) {
        return Err(Fault::Challenge);
    }
    if data.origin != expected.relying_party.origin {
        return Err(Fault::Origin);
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err(Fault::Framed);
    }
    Ok(())
}

/// One CBOR value, and what comes after it.
fn cbor(bytes: &[u8]) -> Result<(Value, &[u8]), Fault> {
    let mut rest = bytes;
    let read = ciborium::de::from_reader_with_recursion_limit(&mut rest, CBOR_DEPTH_MAX);
    Ok((read.map_err(|_| Fault::Malformed)?, rest))
}

/// One CBOR map and nothing after it.
fn cbor_map(bytes: &[u8]) -> Result<Vec<(Value, Value)>, Fault> {
    match cbor(bytes)? {
        (Value::Map(members), []) => Ok(members),
        _ => Err(Fault::Malformed),
    }
}

/// The authenticator data of an attestation object: a map of exactly three members.
fn attested_data(attestation: &[u8]) -> Result<Vec<u8>, Fault> {
    if attestation.len() > ATTESTATION_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let (mut format, mut statement, mut data) = (None, None, None);
    for (name, value) in cbor_map(attestation)? {
        let name = name.into_text().map_err(|_| Fault::Malformed)?;
        let before = match (&*name, value) {
            ("fmt", Value::Text(text)) => format.replace(text).is_some(),
            ("attStmt", Value::Map(members)) => statement.replace(members).is_some(),
            ("authData", Value::Bytes(bytes)) => data.replace(bytes).is_some(),
            _ => return Err(Fault::Malformed),
        };
        if before {
            return Err(Fault::Malformed);
        }
    }
    let (Some(format), Some(statement), Some(data)) = (format, statement, data) else {
        return Err(Fault::Malformed);
    };
    if format == "none" && !statement.is_empty() {
        return Err(Fault::Malformed);
    }
    Ok(data)
}

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// Bytes of the make of an authenticator.
const MAKE_BYTES: usize = 16;

/// Section 6.1.
struct AuthenticatorData<'a> {
    relying_party: &'a [u8; 32],
    flags: u8,
    counter: u32,
    /// The id and the key.
    credential: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    fn read(bytes: &'a [u8]) -> Result<AuthenticatorData<'a>, Fault> {
        if bytes.len() > AUTHENTICATOR_DATA_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        let short = Fault::Malformed;
        let (relying_party, rest) = bytes.split_first_chunk::<32>().ok_or(short)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(short)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (id, after) = credential_id(rest)?;
            let (_, left) = cbor(after)?;
            let key = after.get(..after.len() - left.len()).ok_or(short)?;
            credential = Some((id, key));
            rest = left;
        }
        if flags & HAS_EXTENSIONS != 0 {
            let (Value::Map(_), left) = cbor(rest)? else { return Err(short) };
            rest = left;
        }
        if !rest.is_empty() {
            return Err(short);
        }
        let counter = u32::from_be_bytes(*counter);
        Ok(AuthenticatorData { relying_party, flags: *flags, counter, credential })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn check(&self, expected: &Expected<'_>) -> Result<(), Fault> {
        let known = Sha256::digest(expected.relying_party.id.as_bytes());
        if self.relying_party.as_slice() != known.as_slice() {
            return Err(Fault::RelyingParty);
        }
        if !self.has(USER_PRESENT) {
            return Err(Fault::NotPresent);
        }
        if expected.verification == Verification::Required && !self.has(USER_VERIFIED) {
            return Err(Fault::NotVerified);
        }
        // what cannot be kept elsewhere is not
        if self.has(BACKED_UP) && !self.has(BACKUP_ELIGIBLE) {
            return Err(Fault::Malformed);
        }
        Ok(())
    }
}

/// The id of a credential, and what comes after it.
fn credential_id(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let short = Fault::Malformed;
    let (_, rest) = bytes.split_first_chunk::<MAKE_BYTES>().ok_or(short)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > CREDENTIAL_ID_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    if length == 0 {
        return Err(short);
    }
    rest.split_at_checked(length).ok_or(short)
}

#[cfg(test)]
mod tests;
