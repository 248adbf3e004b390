//! An authenticator in software, and the browser around it: it makes keys and signs as the
//! standard says, and otherwise when a test wants that.
//!
//! The unit tests compile this too, and each of both uses a part of it.
#![allow(dead_code, reason = "no test uses all of it")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use serde_json::json;
use sha2::{Digest, Sha256};

pub const PRESENT: u8 = 1;
pub const VERIFIED: u8 = 1 << 2;
pub const CREDENTIAL: u8 = 1 << 6;
pub const EXTENSIONS: u8 = 1 << 7;

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(rsa::KeyPair),
}

pub struct Authenticator {
    key: Key,
    pub id: Vec<u8>,
    pub counter: u32,
    pub flags: u8,
}

/// What it and the browser answer when they have signed.
pub struct Signed {
    pub client_data: Vec<u8>,
    pub data: Vec<u8>,
    pub signature: Vec<u8>,
}

pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("CBOR");
    bytes
}

/// What a browser says of a page.
pub fn client_data(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    let data = json!({"type": kind, "challenge": text(challenge), "origin": origin,
        "crossOrigin": false, "other_keys_can_be_added_here": "do not compare"});
    data.to_string().into_bytes()
}

impl Authenticator {
    fn with(key: Key) -> Authenticator {
        let id = aws_lc_rs::rand::generate::<[u8; 32]>(&SystemRandom::new()).expect("an id");
        Authenticator { key, id: id.expose().to_vec(), counter: 1, flags: PRESENT | VERIFIED }
    }

    pub fn es256() -> Authenticator {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Authenticator::with(Key::Es256(key))
    }

    pub fn eddsa() -> Authenticator {
        Authenticator::with(Key::EdDsa(Ed25519KeyPair::generate().expect("a key")))
    }

    pub fn rs256() -> Authenticator {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        Authenticator::with(Key::Rs256(key))
    }

    /// The members of its public key.
    pub fn key(&self) -> Vec<(Value, Value)> {
        let (kind, algorithm, more) = match &self.key {
            Key::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (Value::Bytes(x.to_vec()), Value::Bytes(y.to_vec()));
                (2, -7, vec![(-1, 1.into()), (-2, x), (-3, y)])
            }
            Key::EdDsa(key) => {
                let x = Value::Bytes(key.public_key().as_ref().to_vec());
                (1, -8, vec![(-1, 6.into()), (-2, x)])
            }
            Key::Rs256(key) => {
                let key = key.public_key();
                let n = key.modulus().big_endian_without_leading_zero().to_vec();
                let e = key.exponent().big_endian_without_leading_zero().to_vec();
                (3, -257, vec![(-1, Value::Bytes(n)), (-2, Value::Bytes(e))])
            }
        };
        let first = [(1, Value::from(kind)), (3, Value::from(algorithm))];
        first.into_iter().chain(more).map(|(label, value)| (label.into(), value)).collect()
    }

    fn head(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(relying_party.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// What it says of a new key, with a key of the test's choice.
    pub fn new_data(&self, relying_party: &str, key: &[u8]) -> Vec<u8> {
        let mut data = self.head(relying_party, self.flags | CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
        data.extend(&self.id);
        data.extend(key);
        data
    }

    /// An attestation object around that.
    pub fn object(data: Vec<u8>) -> Vec<(Value, Value)> {
        vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Value::Map(Vec::new())),
            ("authData".into(), Value::Bytes(data)),
        ]
    }

    /// Makes a passkey: client data and attestation object.
    pub fn create(&self, id: &str, origin: &str, challenge: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let data = self.new_data(id, &cbor(&Value::Map(self.key())));
        let object = cbor(&Value::Map(Self::object(data)));
        (client_data("webauthn.create", challenge, origin), object)
    }

    /// Signs in somewhere.
    pub fn get(&mut self, id: &str, origin: &str, challenge: &[u8]) -> Signed {
        self.counter += 1;
        let data = self.head(id, self.flags);
        self.sign(data, client_data("webauthn.get", challenge, origin))
    }

    /// Signs whatever is given.
    pub fn sign(&self, data: Vec<u8>, client_data: Vec<u8>) -> Signed {
        let message = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Es256(key) => key.sign(&random, &message).expect("a signature").as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(&message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let done = key.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature);
                done.expect("a signature");
                signature
            }
        };
        Signed { client_data, data, signature }
    }
}
