//! Device codes.

use super::browser::Browser;
use super::house::{House, NATIVE, refused};
use serde_json::Value;
use server::app::directory::Application;
use server::auth::caller::Role;

const PAGE: &str = "/devicelogin";

/// What a device gets that asks.
async fn asked(house: &House, application: &Application) -> Value {
    let scope = format!("{NATIVE} openid profile offline_access");
    let form = vec![("client_id", application.client_id.as_str()), ("scope", scope.as_str())];
    let answer = house.post("/common/oauth2/v2.0/devicecode", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn look<'a>(application: &'a Application, device: &'a Value) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "device_code"),
        ("client_id", application.client_id.as_str()),
        ("device_code", device["device_code"].as_str().unwrap()),
    ]
}

/// Signs in, enters the code and answers.
async fn decide(house: &House, device: &Value, name: &str, answer: &[(&str, &str)]) -> String {
    let mut browser = Browser::default();
    let page = browser.get(house, PAGE).await;
    let page = browser.sign_in(house, PAGE, &page, name).await;
    assert!(page.text.contains("Enter code"), "{}", page.text);
    let code = device["user_code"].as_str().unwrap().to_lowercase();
    let page = browser.submit(house, PAGE, &page, &vec![("user_code", &code)]).await;
    assert!(page.text.contains("Nightly &lt;import&gt;"), "{}", page.text);
    let done = browser.submit(house, PAGE, &page, &answer.to_vec()).await;
    assert_eq!(done.status, 200, "{done:?}");
    done.text
}

#[tokio::test]
async fn a_person_lets_a_device_in() {
    let house = House::open().await;
    let application = house.public().await;
    let user = house.user("ada", vec![]).await;
    let device = asked(&house, &application).await;
    let page = device["verification_uri"].as_str().unwrap();
    assert!(page.ends_with(PAGE) && device["message"].as_str().unwrap().contains(page));
    assert_eq!((&device["expires_in"], &device["interval"]), (&900.into(), &1.into()));
    let form = look(&application, &device);
    house.refused(&form, 400, "authorization_pending", 70_016).await;
    decide(&house, &device, "ada@example.org", &[("answer", "accept")]).await;
    let tokens = house.granted(&form).await;
    let claims = super::house::claims(tokens["access_token"].as_str().unwrap());
    assert_eq!(claims.oid, user.id);
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string());
    // once
    house.refused(&form, 400, "bad_verification_code", 70_018).await;
    // to let it in was to consent
    house.signed_in(&application, &user, NATIVE).await;
    // that it waited is no refusal
    assert_eq!(house.audit("SignInRefused").await.len(), 1);
}

#[tokio::test]
async fn a_person_keeps_a_device_out() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    let device = asked(&house, &application).await;
    decide(&house, &device, "ada@example.org", &[("answer", "cancel")]).await;
    let form = look(&application, &device);
    house.refused(&form, 400, "authorization_declined", 70_017).await;
    assert_eq!(house.audit("DenyDevice").await.len(), 1);
}

#[tokio::test]
async fn a_device_waits_for_a_quarter_of_an_hour() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    let device = asked(&house, &application).await;
    house.pass(901);
    house.refused(&look(&application, &device), 400, "expired_token", 70_008).await;
    let mut browser = Browser::default();
    let path = format!("{PAGE}?user_code={}", device["user_code"].as_str().unwrap());
    let page = browser.get(&house, &path).await;
    let page = browser.sign_in(&house, PAGE, &page, "ada@example.org").await;
    assert!(page.text.contains("No device waits with this code"), "{}", page.text);
    // the next one takes it away
    asked(&house, &application).await;
    house.refused(&look(&application, &device), 400, "bad_verification_code", 70_018).await;
}

#[tokio::test]
async fn a_device_code_is_its_application_s() {
    let house = House::open().await;
    let (application, other) = (house.public().await, house.public().await);
    house.user("ada", vec![]).await;
    let device = asked(&house, &application).await;
    decide(&house, &device, "ada@example.org", &[("answer", "accept")]).await;
    house.refused(&look(&other, &device), 400, "bad_verification_code", 70_018).await;
    house.granted(&look(&application, &device)).await;
    let form = vec![("client_id", "nobody"), ("scope", NATIVE)];
    let answer = house.post("/common/oauth2/v2.0/devicecode", &form).await;
    refused(&answer, 400, "unauthorized_client", 700_016);
}

#[tokio::test]
async fn an_administrator_lets_a_program_in_for_everybody() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("root", vec![Role::TenantAdministrator]).await;
    let bob = house.user("bob", vec![]).await;
    let device = asked(&house, &application).await;
    let answer = [("answer", "accept"), ("organization", "yes")];
    decide(&house, &device, "root@example.org", &answer).await;
    house.granted(&look(&application, &device)).await;
    house.signed_in(&application, &bob, NATIVE).await;
}

#[tokio::test]
async fn devices_do_not_fill_the_store() {
    let house = House::open().await;
    let application = house.public().await;
    let form = vec![("client_id", application.client_id.as_str()), ("scope", NATIVE)];
    let mut status = 200;
    for _ in 0..700 {
        status = house.post("/common/oauth2/v2.0/devicecode", &form).await.status;
        if status != 200 {
            break;
        }
    }
    assert_eq!(status, 503);
    house.pass(60);
    asked(&house, &application).await;
}

#[tokio::test]
async fn codes_of_devices_are_not_guessed() {
    let house = House::open().await;
    let application = house.public().await;
    house.user("ada", vec![]).await;
    let device = asked(&house, &application).await;
    let right = device["user_code"].as_str().unwrap();
    let mut browser = Browser::default();
    let page = browser.get(&house, PAGE).await;
    let page = browser.sign_in(&house, PAGE, &page, "ada@example.org").await;
    let known = "Nightly &lt;import&gt;";
    for at in 0..60 {
        let wrong = format!("BBBBB{at:04}").replace(['0', '1'], "Z");
        let told = browser.submit(&house, PAGE, &page, &vec![("user_code", &wrong)]).await;
        assert!(!told.text.contains(known), "{}", told.text);
    }
    let told = browser.submit(&house, PAGE, &page, &vec![("user_code", right)]).await;
    assert!(!told.text.contains(known), "{}", told.text);
    house.pass(60);
    let told = browser.submit(&house, PAGE, &page, &vec![("user_code", right)]).await;
    assert!(told.text.contains(known), "{}", told.text);
}
