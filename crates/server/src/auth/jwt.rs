//! Signed tokens: what this server says of somebody, and who may check it.
//!
//! Invariant: a token is believed only when it is signed with RS256 by the key that is named
//! here. What its own header says of algorithms or keys is compared, never followed.
//! Times are compared with the server's clock, not by the library.

use super::mac::MacKey;
use crate::app::AppError;
use crate::limits::{CLOCK_LEEWAY_SECONDS, TOKEN_BYTES_MAX};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What an access token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The resource that it is for, as it was asked for.
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// The object id of whom it stands for.
    pub oid: String,
    pub tid: String,
    pub sub: String,
    /// What the application names itself by.
    pub appid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_displayname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    pub ver: String,
    /// Makes each token another one.
    pub uti: String,
    /// The stamp of whom it stands for: it ends when that has moved on.
    pub sg_stamp: u32,
    /// The same of the application that a person signed in with, by its object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sg_app: Option<(String, u32)>,
    /// The session that it was given in: it ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sg_session: Option<String>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Not a token, not ours, or changed.
    Invalid,
    /// It names a key that is not known.
    UnknownKey,
    Expired,
}

/// What a token names its key by; whether that is true is another question.
pub fn key_id(token: &str) -> Result<String, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Invalid);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
    header.kid.ok_or(TokenFault::Invalid)
}

/// A key that signs tokens. All nodes have the same.
pub struct TokenKey {
    pair: KeyPair,
    checking: DecodingKey,
    id: String,
    modulus: String,
    exponent: String,
    /// For texts that need no public key.
    pub mac: MacKey,
}

impl TokenKey {
    /// A new key, as PKCS#8. Takes a while.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, AppError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(AppError::internal)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(AppError::internal)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    pub fn read(pkcs8: &[u8]) -> Result<TokenKey, AppError> {
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(AppError::internal)?;
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let secret: [u8; 32] =
            Sha256::new().chain_update(b"marks").chain_update(pkcs8).finalize().into();
        let mac = MacKey::new(&secret).ok_or_else(|| AppError::internal("a key for marks"))?;
        Ok(TokenKey {
            checking: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
            id: URL_SAFE_NO_PAD.encode(Sha256::digest(&modulus)),
            modulus: URL_SAFE_NO_PAD.encode(modulus),
            exponent: URL_SAFE_NO_PAD.encode(exponent),
            pair,
            mac,
        })
    }

    /// What tokens name it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs what is to be said.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, AppError> {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.id});
        let claims = serde_json::to_vec(claims).map_err(AppError::internal)?;
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(AppError::internal)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What an access token says, when it is one of ours and its time has not passed. Who
    /// asks looks at whom it is for.
    pub fn check(&self, token: &str, issuer: &str, now: i64) -> Result<AccessClaims, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
        if header.alg != Algorithm::RS256 || header.kid.as_deref() != Some(&self.id) {
            return Err(TokenFault::Invalid);
        }
        let claims: AccessClaims = read_signed(token, &self.checking, Algorithm::RS256)?;
        if claims.iss != issuer || claims.nbf > now + CLOCK_LEEWAY_SECONDS {
            return Err(TokenFault::Invalid);
        }
        if claims.exp + CLOCK_LEEWAY_SECONDS <= now {
            return Err(TokenFault::Expired);
        }
        Ok(claims)
    }

    /// The public half, for those who check tokens by themselves.
    #[must_use]
    pub fn public(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": self.modulus,
            "e": self.exponent,
        })
    }
}

/// What is said under a signature that is right. Times and names are the caller's to check.
pub(super) fn read_signed<T: DeserializeOwned + Clone>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<T, TokenFault> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let read = jsonwebtoken::decode::<T>(token, key, &validation);
    read.map(|data| data.claims).map_err(|_| TokenFault::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://sts.windows.net/t/";
    const NOW: i64 = 1_800_000_000;

    fn claims() -> AccessClaims {
        AccessClaims {
            aud: "https://management.azure.com/".to_owned(),
            iss: ISSUER.to_owned(),
            iat: NOW,
            nbf: NOW,
            exp: NOW + 3_600,
            oid: "o".to_owned(),
            tid: "t".to_owned(),
            sub: "o".to_owned(),
            appid: "a".to_owned(),
            upn: None,
            unique_name: None,
            name: None,
            app_displayname: None,
            scp: None,
            ver: "1.0".to_owned(),
            uti: "u".to_owned(),
            sg_stamp: 0,
            sg_app: None,
            sg_session: None,
        }
    }

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn only_what_the_key_signed_is_believed() {
        let key = TokenKey::read(&TokenKey::generate().unwrap()).unwrap();
        let other = TokenKey::read(&TokenKey::generate().unwrap()).unwrap();
        let token = key.sign(&claims()).unwrap();
        let check = |token: &str| key.check(token, ISSUER, NOW).map(|claims| claims.oid);
        assert_eq!(check(&token), Ok("o".to_owned()));
        let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let none = encode(&json!({"typ": "JWT", "alg": "none", "kid": key.id}));
        let hmac = encode(&json!({"typ": "JWT", "alg": "HS256", "kid": key.id}));
        // key confusion: the public key as a secret
        let public = URL_SAFE_NO_PAD.decode(&key.modulus).unwrap();
        let mut mac = <hmac::Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&public).unwrap();
        hmac::Mac::update(&mut mac, format!("{hmac}.{body}").as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(hmac::Mac::finalize(mac).into_bytes());
        let mut changed = claims();
        changed.oid = "administrator".to_owned();
        let changed = encode(&serde_json::to_value(changed).unwrap());
        for wrong in [
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{hmac}.{body}.{mac}"),
            format!("{header}.{body}."),
            format!("{header}.{body}"),
            format!("{header}.{changed}.{signature}"),
            format!("{token}.x"),
            other.sign(&claims()).unwrap(),
            String::new(),
            "..".to_owned(),
            "é.é.é".to_owned(),
        ] {
            assert_eq!(check(&wrong), Err(TokenFault::Invalid), "{wrong}");
        }
    }

    #[test]
    fn a_token_has_its_issuer_and_its_time() {
        let key = TokenKey::read(&TokenKey::generate().unwrap()).unwrap();
        let token = key.sign(&claims()).unwrap();
        let check = |issuer: &str, now| key.check(&token, issuer, now).map(|_| ());
        assert_eq!(check("https://sts.windows.net/u/", NOW), Err(TokenFault::Invalid));
        assert_eq!(check(ISSUER, NOW - CLOCK_LEEWAY_SECONDS - 1), Err(TokenFault::Invalid));
        assert_eq!(check(ISSUER, NOW + 3_599), Ok(()));
        assert_eq!(check(ISSUER, NOW + 3_600 + CLOCK_LEEWAY_SECONDS), Err(TokenFault::Expired));
        let said = serde_json::to_value(claims()).unwrap();
        assert!(said.get("idtyp").is_none());
    }
}
