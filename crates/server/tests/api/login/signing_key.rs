//! Keys that sign tokens, and the next ones.

use super::house::{House, NATIVE, claims};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::App;
use std::sync::Arc;

/// What names the key of a token.
fn kid(token: &str) -> Value {
    use base64::Engine as _;
    let header = token.split('.').next().expect("a header");
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).expect("base64");
    serde_json::from_slice::<Value>(&header).expect("JSON")["kid"].clone()
}

async fn published(house: &House) -> Vec<Value> {
    let answer = Answer::of(house.request(Method::GET, "/common/discovery/v2.0/keys")).await;
    let keys = answer.json()["keys"].as_array().expect("keys").clone();
    assert!(keys.iter().all(|key| key.get("d").is_none()), "{keys:?}");
    keys.into_iter().map(|key| key["kid"].clone()).collect()
}

async fn rotated(house: &House, token: &str) -> Value {
    let answer = house.call(token, Method::POST, "/signing-keys/rotate").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].clone()
}

#[tokio::test]
async fn a_new_key_signs_and_the_old_one_is_believed_until_its_tokens_have_ended() {
    let house = House::open().await;
    let old = house.administrator().await;
    let first = house.key().await;
    assert_eq!(published(&house).await, [kid(&old)]);
    let id = rotated(&house, &old).await;
    assert_eq!(published(&house).await, [id.clone(), kid(&old)]);
    let application = house.public().await;
    house.consent(&application).await;
    let user = house.user("ada", vec![]).await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let new = tokens["access_token"].as_str().unwrap();
    assert_eq!(kid(new), id);
    assert_eq!((house.info(new).await.status, house.info(&old).await.status), (200, 200));
    let shown = house.call(&old, Method::GET, "/signing-keys").await.json();
    let states = [&shown["value"][0]["isSigning"], &shown["value"][1]["isSigning"]];
    assert_eq!(states, [true, false]);
    assert!(shown["value"][1]["endsTime"].is_string() && !shown.to_string().contains("sealed"));
    let mut late = claims(&old);
    late.exp = house.now() + 7_200;
    late.sg_session = None;
    assert_eq!(house.info(&first.sign(&late).unwrap()).await.status, 200);
    // the old key is worth nothing once all that it signed has ended
    house.pass(3_800);
    assert_eq!(published(&house).await, [id]);
    house.info_refused(&first.sign(&late).unwrap(), "InvalidAuthenticationToken").await;
    assert_eq!(house.audit("RotateSigningKey").await, [json!({"before": kid(&old)})]);
}

#[tokio::test]
async fn another_node_believes_the_new_key_at_once() {
    let house = House::open().await;
    let token = house.administrator().await;
    // another node of the same store, which has read the keys already
    let other = App::new(Arc::clone(&house.app.engine), Arc::default(), &house.app.tenant);
    let other = House::beside(&house, other).await;
    assert_eq!(other.info(&token).await.status, 200);
    rotated(&house, &token).await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let new = tokens["access_token"].as_str().unwrap();
    assert_ne!(kid(new), kid(&token));
    assert_eq!(other.info(new).await.status, 200);
    assert_eq!(published(&other).await, published(&house).await);
}

#[tokio::test]
async fn a_rotation_ends_no_session() {
    let house = House::open().await;
    let token = house.administrator().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, &format!("{NATIVE} offline_access")).await;
    let id = rotated(&house, &token).await;
    let form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.client_id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let next = house.granted(&form).await;
    assert_eq!(kid(next["access_token"].as_str().unwrap()), id);
    // what was just exchanged gives the same again, after a rotation too
    rotated(&house, &token).await;
    assert_eq!(house.granted(&form).await["refresh_token"], next["refresh_token"]);
}

#[tokio::test]
async fn keys_are_for_administrators_and_sealed() {
    let house = House::open().await;
    let token = house.administrator().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let nobody = tokens["access_token"].as_str().unwrap();
    for (method, path) in [(Method::GET, "/signing-keys"), (Method::POST, "/signing-keys/rotate")] {
        assert_eq!(house.call(nobody, method, path).await.status, 403);
    }
    rotated(&house, &token).await;
    let records = house.app.engine.store.record(30, published(&house).await[0].as_str().unwrap());
    let record = String::from_utf8(records.await.unwrap().expect("a record").body).unwrap();
    assert!(record.contains("sealed") && !record.contains("MII"), "{record}");
}

#[tokio::test]
async fn more_keys_than_anybody_needs_are_refused() {
    let house = House::open().await;
    let token = house.administrator().await;
    for _ in 0..15 {
        rotated(&house, &token).await;
    }
    let answer = house.call(&token, Method::POST, "/signing-keys/rotate").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "TooManySigningKeys"));
    assert_eq!(house.info(&token).await.status, 200);
    // those that have ended make room, and go
    house.pass(4_000);
    let first = published(&house).await[0].clone();
    let caller = super::house::root();
    house.app.rotate_signing_key(&caller).await.unwrap();
    let left = published(&house).await;
    assert_eq!((left.len(), &left[1]), (2, &first));
    assert!(house.app.list_signing_keys(&caller).await.unwrap().len() == 2);
}
