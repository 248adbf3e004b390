//! Where people are signed in, and ending that.

use super::browser::Browser;
use super::code::proven;
use super::house::{Form, House, NATIVE, root};
use reqwest::Method;
use serde_json::{Value, json};
use server::app::directory::{Application, User};

async fn prepared() -> (House, Application, User) {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    (house, application, user)
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().expect("a token")
}

fn refresh<'a>(application: &'a Application, tokens: &'a Value) -> Form<'a> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.client_id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().expect("a refresh token")),
    ]
}

async fn sessions(house: &House, token: &str, path: &str) -> Vec<Value> {
    let answer = house.call(token, Method::GET, path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["value"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn who_has_ended_a_session_has_ended_its_tokens() {
    let (house, application, user) = prepared().await;
    let offline = format!("{NATIVE} offline_access");
    let lost = house.signed_in(&application, &user, &offline).await;
    house.pass(10);
    let kept = house.signed_in(&application, &user, NATIVE).await;
    let mine = sessions(&house, access(&kept), "/me/sessions").await;
    assert_eq!(mine.len(), 2, "{mine:?}");
    for session in &mine {
        assert_eq!(session["signedInWith"], "password");
        assert_eq!(session["application"]["id"], json!(application.id));
        assert_eq!(session["address"], "127.0.0.1");
        assert!(session["createdTime"].is_string() && session["lastUsedTime"].is_string());
    }
    let id = super::house::claims(access(&lost)).sg_session.expect("a session");
    assert_eq!(house.info(access(&lost)).await.status, 200);
    let path = format!("/me/sessions/{id}");
    assert_eq!(house.call(access(&kept), Method::DELETE, &path).await.status, 204);
    house.info_refused(access(&lost), "InvalidAuthenticationToken").await;
    house.refused(&refresh(&application, &lost), 400, "invalid_grant", 70_000).await;
    assert_eq!(house.info(access(&kept)).await.status, 200);
    assert_eq!(sessions(&house, access(&kept), "/me/sessions").await.len(), 1);
    assert_eq!(house.call(access(&kept), Method::DELETE, &path).await.status, 404);
    assert_eq!(house.audit("EndSession").await[0]["session"], json!(id));
}

#[tokio::test]
async fn a_browser_that_is_signed_in_is_a_session() {
    let (house, application, user) = prepared().await;
    let token = house.administrator().await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    browser.sign_in(&house, &path, &page, "ada@example.org").await;
    assert_eq!(browser.get(&house, &path).await.status, 303);
    house.pass(300);
    assert_eq!(browser.get(&house, &path).await.status, 303);
    let theirs = sessions(&house, &token, "/users/ada@example.org/sessions").await;
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert_eq!(theirs[0]["signedInWith"], "browser");
    assert!(theirs[0].get("application").is_none());
    assert_ne!(theirs[0]["createdTime"], theirs[0]["lastUsedTime"]);
    let id = theirs[0]["id"].as_str().unwrap();
    let ended = format!("/users/{}/sessions/{id}", user.id);
    assert_eq!(house.call(&token, Method::DELETE, &ended).await.status, 204);
    // at once: the page asks who it is
    let page = browser.get(&house, &path).await;
    assert!(page.text.contains("Password"), "{page:?}");
}

#[tokio::test]
async fn signing_out_ends_the_session_of_the_browser() {
    let (house, application, user) = prepared().await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    browser.sign_in(&house, &path, &page, "ada@example.org").await;
    let cookie = browser.cookie();
    browser.get(&house, "/common/oauth2/v2.0/logout").await;
    // a copy of the cookie is worth nothing
    let request = house.request(Method::GET, &path).header("cookie", cookie);
    assert_eq!(crate::world::Answer::of(request).await.status, 200);
    let (left, _) = house.app.list_sessions(&root(), &user.id, None, 10).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn sessions_of_others_are_for_administrators() {
    let (house, application, user) = prepared().await;
    let other = house.user("bob", vec![]).await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let theirs = house.signed_in(&application, &other, NATIVE).await;
    let id = super::house::claims(access(&theirs)).sg_session.expect("a session");
    let token = access(&tokens);
    let path = format!("/users/{}/sessions", other.id);
    assert_eq!(house.call(token, Method::GET, &path).await.status, 403);
    let one = format!("{path}/{id}");
    assert_eq!(house.call(token, Method::DELETE, &one).await.status, 403);
    // nor by way of one's own
    let mine = format!("/me/sessions/{id}");
    assert_eq!(house.call(token, Method::DELETE, &mine).await.status, 404);
    let head = house.administrator().await;
    let elsewhere = format!("/users/{}/sessions/{id}", user.id);
    assert_eq!(house.call(&head, Method::DELETE, &elsewhere).await.status, 404);
    assert_eq!(house.info(access(&theirs)).await.status, 200);
}

#[tokio::test]
async fn a_new_password_and_time_leave_no_session() {
    let (house, application, user) = prepared().await;
    house.signed_in(&application, &user, &format!("{NATIVE} offline_access")).await;
    house.app.set_password(&root(), &user.id, "another long password").await.unwrap();
    let listed = async || house.app.list_sessions(&root(), &user.id, None, 10).await.unwrap().0;
    assert!(listed().await.is_empty());
    let bob = house.user("bob", vec![]).await;
    house.signed_in(&application, &bob, NATIVE).await;
    house.pass(4_000);
    let (left, _) = house.app.list_sessions(&root(), &bob.id, None, 10).await.unwrap();
    assert!(left.is_empty());
    house.app.delete_user(&root(), &user.id).await.unwrap();
    let refused = house.app.list_sessions(&root(), &user.id, None, 10).await;
    assert_eq!(refused.err().map(|error| error.code), Some("UserNotFound"));
}

#[tokio::test]
async fn everybody_learns_who_they_are() {
    let (house, application, user) = prepared().await;
    let tokens = house.signed_in(&application, &user, NATIVE).await;
    let me = house.call(access(&tokens), Method::GET, "/me").await.json();
    assert_eq!((&me["kind"], &me["id"]), (&json!("user"), &json!(user.id)));
    assert_eq!((&me["userPrincipalName"], &me["roles"]), (&json!("ada@example.org"), &json!([])));
    let head = house.administrator().await;
    let me = house.call(&head, Method::GET, "/me").await.json();
    assert_eq!(me["roles"], json!([{"role": "tenantAdministrator"}]));
    let (alone, secret) = house.confidential().await;
    let form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &alone.client_id),
        ("client_secret", &secret),
        ("scope", NATIVE),
    ];
    let own = house.granted(&form).await;
    let me = house.call(access(&own), Method::GET, "/me").await.json();
    assert_eq!((&me["kind"], &me["clientId"]), (&json!("application"), &json!(alone.client_id)));
    assert_eq!(house.call(access(&own), Method::GET, "/me/sessions").await.status, 403);
    assert_eq!(house.call("nothing", Method::GET, "/me").await.status, 401);
}
