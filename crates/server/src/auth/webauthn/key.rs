//! Keys of passkeys as authenticators write them: COSE (RFC 9052, RFC 9053, RFC 8230).

use super::{Fault, cbor_map};
use crate::limits::PASSKEY_MODULUS_BYTES_MAX;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use ciborium::Value;
use serde::{Deserialize, Serialize};

/// Kinds of keys that are asked for, by the names of the registry of COSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Rs256 => "RS256",
        }
    }
}

// labels and values of the registries of COSE
const TYPE: i128 = 1;
const ALGORITHM: i128 = 3;
const TYPE_OCTETS: i128 = 1;
const TYPE_POINT: i128 = 2;
const TYPE_RSA: i128 = 3;
const CURVE_P256: i128 = 1;
const CURVE_ED25519: i128 = 6;
const ES256: i128 = -7;
const EDDSA: i128 = -8;
const RS256: i128 = -257;

/// Members of a key: none is longer than a modulus, and none is there twice.
const MEMBERS_MAX: usize = 5;
const COORDINATE_BYTES: usize = 32;
const MODULUS_BYTES_MIN: usize = 256;
const EXPONENT_BYTES_MAX: usize = 8;

/// A key that checks signatures.
pub struct PublicKey {
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Parsed(ParsedPublicKey),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

impl PublicKey {
    /// Reads a key: exactly the members of its kind, and a point that is on its curve.
    pub fn read(cose: &[u8]) -> Result<PublicKey, Fault> {
        let mut members = Members(cbor_map(cose)?);
        if members.0.len() > MEMBERS_MAX {
            return Err(Fault::Key);
        }
        let kind = members.integer(TYPE)?;
        let (algorithm, material) = match members.integer(ALGORITHM)? {
            ES256 => (Algorithm::Es256, members.point(kind)?),
            EDDSA => (Algorithm::EdDsa, members.octets(kind)?),
            RS256 => (Algorithm::Rs256, members.rsa(kind)?),
            _ => return Err(Fault::Algorithm),
        };
        // a private part, or the same member again
        if !members.0.is_empty() {
            return Err(Fault::Key);
        }
        Ok(PublicKey { algorithm, material })
    }

    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the key has signed a message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let done = match &self.material {
            Material::Parsed(key) => key.verify_sig(message, signature),
            Material::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        done.map_err(|_| Fault::Signature)
    }
}

/// Members that were not read yet.
struct Members(Vec<(Value, Value)>);

impl Members {
    fn take(&mut self, label: i128) -> Result<Value, Fault> {
        let is_it = |(name, _): &(Value, Value)| {
            name.as_integer().is_some_and(|name| i128::from(name) == label)
        };
        let at = self.0.iter().position(is_it).ok_or(Fault::Key)?;
        Ok(self.0.swap_remove(at).1)
    }

    fn integer(&mut self, label: i128) -> Result<i128, Fault> {
        self.take(label)?.as_integer().map(i128::from).ok_or(Fault::Key)
    }

    fn bytes(&mut self, label: i128) -> Result<Vec<u8>, Fault> {
        self.take(label)?.into_bytes().map_err(|_| Fault::Key)
    }

    fn coordinate(&mut self, label: i128) -> Result<[u8; COORDINATE_BYTES], Fault> {
        self.bytes(label)?.try_into().map_err(|_| Fault::Key)
    }

    /// Refuses a key of another type or curve than its algorithm has.
    fn expect(&mut self, kind: (i128, i128), curve: i128) -> Result<(), Fault> {
        if kind.0 == kind.1 && self.integer(-1)? == curve { Ok(()) } else { Err(Fault::Key) }
    }

    fn point(&mut self, kind: i128) -> Result<Material, Fault> {
        self.expect((kind, TYPE_POINT), CURVE_P256)?;
        let (x, y) = (self.coordinate(-2)?, self.coordinate(-3)?);
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
        key.map(Material::Parsed).map_err(|_| Fault::Key)
    }

    fn octets(&mut self, kind: i128) -> Result<Material, Fault> {
        self.expect((kind, TYPE_OCTETS), CURVE_ED25519)?;
        let key = ParsedPublicKey::new(&ED25519, self.coordinate(-2)?);
        key.map(Material::Parsed).map_err(|_| Fault::Key)
    }

    fn rsa(&mut self, kind: i128) -> Result<Material, Fault> {
        let (n, e) = (self.bytes(-1)?, self.bytes(-2)?);
        let is_fine = kind == TYPE_RSA
            && (MODULUS_BYTES_MIN..=PASSKEY_MODULUS_BYTES_MAX).contains(&n.len())
            && (1..=EXPONENT_BYTES_MAX).contains(&e.len())
            // as the RFC wants it, and the library
            && n.first() != Some(&0)
            && e.first() != Some(&0);
        is_fine.then(|| Material::Rsa(RsaPublicKeyComponents { n, e })).ok_or(Fault::Key)
    }
}
