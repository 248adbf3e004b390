//! Authorization codes, with what shows that their bearer is who asked.

use super::browser::{Browser, query};
use super::house::{House, NATIVE, root};
use crate::world::Answer;
use serde_json::Value;
use server::app::directory::Application;

// RFC 7636, Appendix B
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const BACK: &str = "http://localhost:49152";

/// The address that an application sends a browser to.
pub fn address(application: &Application, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", application.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", &format!("{NATIVE} openid offline_access")),
        ("state", "of the program"),
    ]);
    query.extend_pairs(more);
    format!("/common/oauth2/v2.0/authorize?{}", query.finish())
}

pub fn proven(application: &Application) -> String {
    address(
        application,
        &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256"), ("nonce", "n1")],
    )
}

pub fn form<'a>(
    application: &'a Application,
    code: &'a str,
    verifier: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", application.client_id.as_str()),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
    ]
}

/// Goes through the pages and comes back with a code.
async fn code(house: &House, application: &Application, name: &str) -> String {
    let (mut browser, path) = (Browser::default(), proven(application));
    let page = browser.get(house, &path).await;
    let back = browser.sign_in(house, &path, &page, name).await;
    query(&back)["code"].clone()
}

async fn prepared() -> (House, Application) {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    house.consent(&application).await;
    (house, application)
}

#[tokio::test]
async fn a_browser_brings_a_code_and_the_program_exchanges_it() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    assert!(page.text.contains("Password"), "{}", page.text);
    let asked = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert!(asked.text.contains("Nightly &lt;import&gt;"), "{}", asked.text);
    assert!(!asked.text.contains("organization"), "{}", asked.text);
    let back = browser.submit(&house, &path, &asked, &vec![("answer", "accept")]).await;
    assert!(back.header("location").starts_with("http://localhost:49152/?code="), "{back:?}");
    let query = query(&back);
    assert_eq!(query["state"], "of the program");
    let tokens = house.granted(&form(&application, &query["code"], VERIFIER)).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(house.info(access).await.status, 200);
    assert!(tokens["refresh_token"].is_string());
    let id = super::house::said(tokens["id_token"].as_str().unwrap());
    assert_eq!(id["nonce"], "n1");
    // signed in and asked already: nothing more to do
    let again = browser.get(&house, &path).await;
    assert_eq!(again.status, 303, "{again:?}");
}

#[tokio::test]
async fn a_code_is_no_use_to_who_did_not_ask_for_it() {
    let (house, application) = prepared().await;
    let given = code(&house, &application, "ada@example.org").await;
    let other = "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    house.refused(&form(&application, &given, other), 400, "invalid_grant", 501_481).await;
    house.refused(&form(&application, &given, ""), 400, "invalid_grant", 501_481).await;
    let mut elsewhere = form(&application, &given, VERIFIER);
    elsewhere[3].1 = "https://app.example.org/back";
    house.refused(&elsewhere, 400, "invalid_grant", 50_011).await;
    let (stranger, secret) = house.confidential().await;
    let mut stolen = form(&stranger, &given, VERIFIER);
    stolen.push(("client_secret", &secret));
    house.refused(&stolen, 400, "invalid_grant", 70_000).await;
    house.granted(&form(&application, &given, VERIFIER)).await;
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_the_session() {
    let (house, application) = prepared().await;
    let given = code(&house, &application, "ada@example.org").await;
    let tokens = house.granted(&form(&application, &given, VERIFIER)).await;
    house.refused(&form(&application, &given, VERIFIER), 400, "invalid_grant", 54_005).await;
    let refresh = vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.client_id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    house.refused(&refresh, 400, "invalid_grant", 70_000).await;
}

#[tokio::test]
async fn a_code_lasts_minutes() {
    let (house, application) = prepared().await;
    let given = code(&house, &application, "ada@example.org").await;
    house.pass(301);
    house.refused(&form(&application, &given, VERIFIER), 400, "invalid_grant", 70_008).await;
    let given = code(&house, &application, "ada@example.org").await;
    house.app.set_password(&root(), "ada@example.org", "another long password").await.unwrap();
    house.refused(&form(&application, &given, VERIFIER), 400, "invalid_grant", 50_173).await;
}

#[tokio::test]
async fn nothing_is_sent_where_it_is_not_registered_to_go() {
    let (house, application) = prepared().await;
    let good = proven(&application);
    for (from, to) in [
        ("localhost%3A49152", "localhost.evil.example"),
        ("http%3A%2F%2Flocalhost%3A49152", "https%3A%2F%2Fevil.example"),
        (application.client_id.as_str(), "99999999-9999-4999-8999-999999999999"),
    ] {
        let answer = Browser::default().get(&house, &good.replace(from, to)).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.header("location"), "");
    }
}

#[tokio::test]
async fn a_public_program_has_to_send_a_challenge() {
    let (house, application) = prepared().await;
    let plain = [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")];
    for path in [address(&application, &[]), address(&application, &plain)] {
        let back = query(&Browser::default().get(&house, &path).await);
        assert_eq!(back["error"], "invalid_request");
        assert_eq!(back["state"], "of the program");
    }
    let path = proven(&application).replace("response_type=code", "response_type=token");
    let back = query(&Browser::default().get(&house, &path).await);
    assert_eq!(back["error"], "unsupported_response_type");
    let path = format!("{}&prompt=none", proven(&application));
    assert_eq!(query(&Browser::default().get(&house, &path).await)["error"], "login_required");
}

#[tokio::test]
async fn a_program_with_a_secret_shows_it_with_the_code() {
    let house = House::open().await;
    let (application, secret) = house.confidential().await;
    house.user("ada", vec![]).await;
    house.consent(&application).await;
    let back = "https://app.example.org/back";
    let path = address(&application, &[])
        .replace("http%3A%2F%2Flocalhost%3A49152", "https%3A%2F%2Fapp.example.org%2Fback");
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://app.example.org;"), "{policy}");
    let given = query(&browser.sign_in(&house, &path, &page, "ada@example.org").await);
    let mut form = form(&application, &given["code"], "");
    form[3].1 = back;
    house.refused(&form, 401, "invalid_client", 7_000_218).await;
    form.push(("client_secret", &secret));
    house.granted(&form).await;
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let (house, application) = prepared().await;
    let path = proven(&application);
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let page = browser.get(&house, &path).await;
    // the mark belongs to the browser that was given it
    let foreign = other.get(&house, &path).await;
    let answer = other.sign_in(&house, &path, &page, "ada@example.org").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let bare = house.filled(&path, &vec![("step", "consent"), ("answer", "accept")]);
    assert_eq!(Answer::of(bare).await.status, 400);
    // and to who was signed in then
    let back = other.sign_in(&house, &path, &foreign, "ada@example.org").await;
    assert_eq!(back.status, 303);
    let answer = other.submit(&house, &path, &foreign, &vec![("answer", "accept")]).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn a_wrong_password_asks_again_and_a_cookie_is_not_to_be_made_up() {
    let (house, application) = prepared().await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    let wrong = vec![("username", "ada@example.org\"><b>"), ("password", "wrong")];
    let again = browser.submit(&house, &path, &page, &wrong).await;
    assert_eq!(again.status, 400);
    assert!(again.text.contains("invalid username or password"), "{}", again.text);
    assert!(!again.text.contains("<b>"), "{}", again.text);
    let back = browser.sign_in(&house, &path, &again, "ada@example.org").await;
    assert_eq!(back.status, 303);
    let cookie = browser.cookie();
    let status = |cookie: String| {
        let request = house.request(reqwest::Method::GET, &path).header("cookie", cookie);
        async move { Answer::of(request).await.status }
    };
    assert_eq!(status(cookie.clone()).await, 303);
    assert_eq!(status(format!("{cookie}x")).await, 200);
    house.pass(9 * 3_600);
    assert_eq!(status(cookie).await, 200);
}

#[tokio::test]
async fn signing_out_is_forgetting() {
    let (house, application) = prepared().await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    browser.sign_in(&house, &path, &page, "ada@example.org").await;
    assert_eq!(browser.get(&house, &path).await.status, 303);
    let out = browser.get(&house, "/common/oauth2/v2.0/logout").await;
    assert_eq!(out.status, 200);
    assert_eq!(browser.get(&house, &path).await.status, 200);
    let shown: Vec<Value> = house.audit("SignIn").await;
    assert_eq!(shown[0]["grant"], "browser");
}
