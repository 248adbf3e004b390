//! Applications that sign in with a certificate.

use super::house::{House, MANAGEMENT, NATIVE, root};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use server::app::directory::Application;
use server::auth::assertion::thumbprints;
use server::auth::jwt::TokenKey;

const CERTIFICATE: &[u8] = include_bytes!("../../golden/client-certificate.der");
const KEY: &[u8] = include_bytes!("../../golden/client-key.der");
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A JWT that is signed with RS256, whatever its header says.
pub fn signed(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "x5t": thumbprints(CERTIFICATE)[0]})
}

fn said(house: &House, application: &Application) -> Value {
    json!({
        "aud": format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", house.app.tenant),
        "iss": application.client_id,
        "sub": application.client_id,
        "jti": server::clock::guid().unwrap(),
        "nbf": house.now(),
        "exp": house.now() + 600,
    })
}

fn form<'a>(application: &'a Application, assertion: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", application.client_id.as_str()),
        ("client_assertion_type", KIND),
        ("client_assertion", assertion),
        ("scope", NATIVE),
    ]
}

async fn prepared() -> (House, Application, KeyPair) {
    let house = House::open().await;
    let (application, _) = house.confidential().await;
    let certificate = STANDARD.encode(CERTIFICATE);
    let added = house.app.add_certificate(&root(), &application.id, &certificate).await;
    added.expect("a certificate");
    (house, application, KeyPair::from_pkcs8(KEY).expect("a key"))
}

#[tokio::test]
async fn a_certificate_gets_a_token_once_for_each_assertion() {
    let (house, application, key) = prepared().await;
    let assertion = signed(&key, &header(), &said(&house, &application));
    let answer = house.granted(&form(&application, &assertion)).await;
    assert_eq!(house.info(answer["access_token"].as_str().unwrap()).await.status, 200);
    house.refused(&form(&application, &assertion), 401, "invalid_client", 50_013).await;
    let newer = json!({"alg": "RS256", "x5t#S256": thumbprints(CERTIFICATE)[1]});
    let mut claims = said(&house, &application);
    claims["aud"] = json!("http://127.0.0.1:8484/common/oauth2/v2.0/token");
    let assertion = signed(&key, &newer, &claims);
    let mut form = form(&application, &assertion);
    form[4].1 = MANAGEMENT;
    house.granted(&form).await;
}

#[tokio::test]
async fn an_assertion_is_signed_with_the_certificate_that_it_names() {
    let (house, application, key) = prepared().await;
    let claims = said(&house, &application);
    let other = KeyPair::from_pkcs8(&TokenKey::generate().unwrap()).unwrap();
    let unnamed = json!({"alg": "RS256", "typ": "JWT"});
    let half = json!({"alg": "RS256", "x5t": thumbprints(CERTIFICATE)[0], "x5t#S256": "x"});
    for (key, header) in [(&other, header()), (&key, unnamed), (&key, half)] {
        let assertion = signed(key, &header, &claims);
        house.refused(&form(&application, &assertion), 401, "invalid_client", 700_027).await;
    }
    for algorithm in ["none", "HS256"] {
        let header = json!({"alg": algorithm, "x5t": thumbprints(CERTIFICATE)[0]});
        let assertion = signed(&key, &header, &claims);
        house.refused(&form(&application, &assertion), 401, "invalid_client", 50_027).await;
    }
    let (stranger, _) = house.confidential().await;
    let assertion = signed(&key, &header(), &said(&house, &stranger));
    house.refused(&form(&stranger, &assertion), 401, "invalid_client", 700_027).await;
}

#[tokio::test]
async fn an_assertion_is_for_here_and_for_now() {
    let (house, application, key) = prepared().await;
    let now = house.now();
    for (name, value, number) in [
        ("aud", json!("https://login.microsoftonline.com/common/v2.0"), 700_023),
        ("aud", json!("https://h/22222222-2222-4333-8444-555555555555/oauth2/v2.0/token"), 700_023),
        ("iss", json!("somebody"), 700_021),
        ("sub", json!(application.id), 700_021),
        ("jti", json!(""), 700_021),
        ("exp", json!(now - 120), 700_024),
        ("exp", json!(now + 3_600), 700_024),
        ("nbf", json!(now + 300), 700_024),
    ] {
        let mut claims = said(&house, &application);
        claims[name] = value;
        let assertion = signed(&key, &header(), &claims);
        house.refused(&form(&application, &assertion), 401, "invalid_client", number).await;
    }
}

#[tokio::test]
async fn a_certificate_is_a_certificate() {
    let (house, application, _) = prepared().await;
    let refused = house.app.add_certificate(&root(), &application.id, "eA==").await;
    assert_eq!(refused.unwrap_err().code, "InvalidCertificate");
}
