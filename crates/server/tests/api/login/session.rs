//! Refresh tokens.

use super::house::{House, MANAGEMENT, NATIVE, said};
use serde_json::{Value, json};
use server::app::directory::Application;

async fn begun() -> (House, Application, Value) {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let tokens = house.signed_in(&application, &user, &format!("{NATIVE} offline_access")).await;
    (house, application, tokens)
}

fn form<'a>(
    application: &'a Application,
    tokens: &'a Value,
    scope: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.client_id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", scope),
    ]
}

#[tokio::test]
async fn each_exchange_gives_the_next_and_any_resource() {
    let (house, application, first) = begun().await;
    let scope = format!("{MANAGEMENT} openid profile offline_access");
    let second = house.granted(&form(&application, &first, &scope)).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let access = said(second["access_token"].as_str().unwrap());
    assert_eq!(access["aud"], "https://management.azure.com/");
    assert!(second["id_token"].is_string());
    house.pass(3_600);
    let third = house.granted(&form(&application, &second, "")).await;
    assert_eq!(said(third["access_token"].as_str().unwrap())["aud"], "api://sluicegate");
    assert_eq!(house.audit("SignIn").await[0]["grant"], "refresh_token");
}

#[tokio::test]
async fn what_was_just_exchanged_gives_the_same_again() {
    let (house, application, first) = begun().await;
    let second = house.granted(&form(&application, &first, NATIVE)).await;
    house.pass(29);
    let again = house.granted(&form(&application, &first, NATIVE)).await;
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    house.granted(&form(&application, &again, NATIVE)).await;
}

#[tokio::test]
async fn an_old_one_that_comes_back_ends_the_session() {
    let (house, application, first) = begun().await;
    let second = house.granted(&form(&application, &first, NATIVE)).await;
    house.pass(31);
    house.refused(&form(&application, &first, NATIVE), 400, "invalid_grant", 50_173).await;
    // for the thief and for the owner
    house.refused(&form(&application, &second, NATIVE), 400, "invalid_grant", 70_000).await;
    assert_eq!(house.audit("EndSession").await[0]["reason"], "reuse");
}

#[tokio::test]
async fn many_at_the_same_moment_get_the_same() {
    let (house, application, first) = begun().await;
    let form = form(&application, &first, NATIVE);
    let (a, b, c) = tokio::join!(house.granted(&form), house.granted(&form), house.granted(&form));
    assert_eq!(a["refresh_token"], b["refresh_token"]);
    assert_eq!(a["refresh_token"], c["refresh_token"]);
}

#[tokio::test]
async fn a_refresh_token_is_its_application_s_and_ends_when_it_rests() {
    let (house, application, first) = begun().await;
    let other = house.public().await;
    house.refused(&form(&other, &first, NATIVE), 400, "invalid_grant", 70_000).await;
    let made_up = json!({"refresh_token": "nonsense"});
    house.refused(&form(&application, &made_up, NATIVE), 400, "invalid_grant", 70_000).await;
    house.pass(15 * 86_400);
    house.refused(&form(&application, &first, NATIVE), 400, "invalid_grant", 700_082).await;
}

#[tokio::test]
async fn only_a_hash_is_stored() {
    let (house, _, first) = begun().await;
    let token = first["refresh_token"].as_str().unwrap();
    let id = token.split_once('.').unwrap().0;
    let record = house.app.engine.store.record(5, id).await.unwrap().expect("a session");
    let text = String::from_utf8(record.body).unwrap();
    assert!(!text.contains(token.split_once('.').unwrap().1), "{text}");
}
