//! Tokens that are not what they seem.

use super::house::{House, NATIVE, claims};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use server::auth::jwt::TokenKey;
use sha2::Sha256;

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn prepared() -> (House, String) {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(house.info(&token).await.status, 200);
    (house, token)
}

async fn public_key(house: &House) -> Value {
    let keys = house.request(Method::GET, "/common/discovery/v2.0/keys").send().await.unwrap();
    keys.json::<Value>().await.unwrap()["keys"][0].clone()
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let (house, token) = prepared().await;
    let parts: Vec<&str> = token.split('.').collect();
    let key = public_key(&house).await;
    let none = encode(&json!({"typ": "JWT", "alg": "none", "kid": key["kid"]}));
    let upper = encode(&json!({"typ": "JWT", "alg": "NONE", "kid": key["kid"]}));
    for wrong in [
        format!("{none}.{}.", parts[1]),
        format!("{upper}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
    ] {
        house.info_refused(&wrong, "InvalidAuthenticationToken").await;
    }
    house.info_refused(&format!("{}.{}", parts[0], parts[1]), "InvalidToken").await;
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let (house, token) = prepared().await;
    let parts: Vec<&str> = token.split('.').collect();
    let mut said = super::house::said(&token);
    said["oid"] = json!("11111111-0000-4000-8000-000000000000");
    let changed = format!("{}.{}.{}", parts[0], encode(&said), parts[2]);
    house.info_refused(&changed, "InvalidAuthenticationToken").await;
    let long = format!("{}.{}.{}", parts[0], "A".repeat(20_000), parts[2]);
    house.info_refused(&long, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let (house, token) = prepared().await;
    let key = public_key(&house).await;
    let body = token.split('.').nth(1).unwrap();
    let modulus = key["n"].as_str().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(modulus).unwrap();
    for secret in [modulus.as_bytes(), raw.as_slice(), key.to_string().as_bytes(), b""] {
        for algorithm in ["HS256", "RS256"] {
            let header = encode(&json!({"typ": "JWT", "alg": algorithm, "kid": key["kid"]}));
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(format!("{header}.{body}").as_bytes());
            let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            let forged = format!("{header}.{body}.{mac}");
            house.info_refused(&forged, "InvalidAuthenticationToken").await;
        }
    }
}

#[tokio::test]
async fn another_key_is_not_ours_whatever_it_is_called() {
    let (house, token) = prepared().await;
    let other = TokenKey::read(&TokenKey::generate().unwrap()).unwrap();
    let forged = other.sign(&claims(&token)).unwrap();
    house.info_refused(&forged, "InvalidAuthenticationToken").await;
    // under our key's name, and with the key that it brings along
    let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(&TokenKey::generate().unwrap()).unwrap();
    let name = public_key(&house).await["kid"].clone();
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": name, "jwk": other.public()});
    let forged = super::assertion::signed(&pair, &header, &super::house::said(&token));
    house.info_refused(&forged, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn another_issuer_or_tenant_is_refused() {
    let (house, token) = prepared().await;
    let (key, good) = (house.key().await, claims(&token));
    assert_eq!(house.info(&key.sign(&good).unwrap()).await.status, 200);
    let mut other = good.clone();
    other.iss = "https://sts.windows.net/22222222-2222-4333-8444-555555555555/".to_owned();
    house.info_refused(&key.sign(&other).unwrap(), "InvalidAuthenticationToken").await;
    let mut other = good.clone();
    other.tid = "22222222-2222-4333-8444-555555555555".to_owned();
    house.info_refused(&key.sign(&other).unwrap(), "InvalidAuthenticationToken").await;
    let mut nobody = good;
    nobody.oid = "33333333-2222-4333-8444-555555555555".to_owned();
    house.info_refused(&key.sign(&nobody).unwrap(), "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn another_audience_is_refused() {
    let (house, token) = prepared().await;
    let (key, good) = (house.key().await, claims(&token));
    for audience in
        ["https://management.azure.com/", "https://graph.microsoft.com", "", &good.appid]
    {
        let mut other = good.clone();
        audience.clone_into(&mut other.aud);
        house.info_refused(&key.sign(&other).unwrap(), "InvalidAuthenticationAudience").await;
    }
    let mut slash = good;
    slash.aud = "api://sluicegate/".to_owned();
    assert_eq!(house.info(&key.sign(&slash).unwrap()).await.status, 200);
}

#[tokio::test]
async fn an_id_token_opens_nothing() {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, &format!("{NATIVE} openid")).await;
    let id = tokens["id_token"].as_str().unwrap();
    house.info_refused(id, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn a_token_lasts_an_hour() {
    let (house, token) = prepared().await;
    house.pass(3_599);
    assert_eq!(house.info(&token).await.status, 200);
    house.pass(62);
    house.info_refused(&token, "ExpiredAuthenticationToken").await;
    let mut early = claims(&token);
    early.nbf = house.now() + 600;
    early.exp = house.now() + 1_200;
    let early = house.key().await.sign(&early).unwrap();
    house.info_refused(&early, "InvalidAuthenticationToken").await;
}
