//! A code besides the password.

use super::browser::{Browser, query};
use super::code::proven;
use super::house::{House, NATIVE, PASSWORD, password_form, root};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::directory::{Application, User};
use server::auth::totp;

const PAGE: &str = "/account/second-factor";

/// Somebody's app, and what is on their paper.
pub struct Phone {
    secret: Vec<u8>,
    recovery: Vec<String>,
}

impl Phone {
    pub fn code(&self, house: &House) -> String {
        totp::code_at(&self.secret, house.now())
    }
}

/// What stands in the code elements of a page.
pub fn shown(page: &Answer) -> Vec<String> {
    let parts = page.text.split("<code>").skip(1);
    parts.filter_map(|part| Some(part.split("</code>").next()?.to_owned())).collect()
}

pub fn unbase32(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = letters.iter().position(|known| *known == letter).expect("a letter");
        held = (held << 5) | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).unwrap());
        }
    }
    bytes
}

/// Sets up a second factor on the pages.
pub async fn set_up(house: &House, name: &str) -> Phone {
    let mut browser = Browser::default();
    let page = browser.get(house, PAGE).await;
    let page = browser.sign_in(house, PAGE, &page, name).await;
    assert!(page.text.contains("You have no app that shows codes"), "{}", page.text);
    let wrong = browser.submit(house, PAGE, &page, &vec![("password", "wrong")]).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let page = browser.submit(house, PAGE, &wrong, &vec![("password", PASSWORD)]).await;
    let told = shown(&page);
    assert!(
        told[1].starts_with("otpauth://totp/Sluicegate:ada%40example%2Eorg?secret="),
        "{told:?}"
    );
    assert!(told[1].contains(&told[0]));
    let mut phone = Phone { secret: unbase32(&told[0]), recovery: Vec::new() };
    let wrong = browser.submit(house, PAGE, &page, &vec![("code", "000000")]).await;
    assert_eq!(wrong.status, 400);
    assert!(!wrong.text.contains(&told[0]), "{}", wrong.text);
    let code = phone.code(house);
    let page = browser.submit(house, PAGE, &wrong, &vec![("code", &code)]).await;
    phone.recovery = shown(&page);
    assert_eq!(phone.recovery.len(), 10, "{}", page.text);
    // the code that confirmed it is used up
    house.pass(30);
    phone
}

async fn prepared() -> (House, Application, User, Phone) {
    let house = House::open().await;
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    let phone = set_up(&house, "ada@example.org").await;
    (house, application, user, phone)
}

/// As far as the page that asks for the code.
async fn asked(house: &House, browser: &mut Browser, path: &str) -> Answer {
    let page = browser.get(house, path).await;
    let page = browser.sign_in(house, path, &page, "ada@example.org").await;
    assert!(page.text.contains("Code that your app shows"), "{}", page.text);
    page
}

#[tokio::test]
async fn signing_in_takes_a_code_that_is_good_once() {
    let (house, application, user, phone) = prepared().await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    // the password alone has not signed anybody in
    assert!(browser.get(&house, &path).await.text.contains("Password"));
    let code = phone.code(&house);
    let wrong = browser.submit(&house, &path, &page, &vec![("code", "123")]).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let back = browser.submit(&house, &path, &wrong, &vec![("code", &code)]).await;
    assert!(query(&back).contains_key("code"), "{back:?}");
    assert_eq!(browser.get(&house, &path).await.status, 303);
    let mut other = Browser::default();
    let page = asked(&house, &mut other, &path).await;
    let again = other.submit(&house, &path, &page, &vec![("code", &code)]).await;
    assert_eq!(again.status, 400, "{again:?}");
    house.pass(30);
    let next = phone.code(&house);
    let back = other.submit(&house, &path, &again, &vec![("code", &next)]).await;
    assert_eq!(back.status, 303, "{back:?}");
    let said = house.audit("SignIn").await;
    assert_eq!(said[0], json!({"grant": "browser", "secondFactor": true}));
    let record = house.app.engine.store.record(31, &user.id).await.unwrap().expect("a factor");
    let record = String::from_utf8(record.body).unwrap();
    assert!(!record.contains(&totp::base32(&phone.secret)), "{record}");
    assert!(phone.recovery.iter().all(|code| !record.contains(&totp::plain(code))), "{record}");
}

#[tokio::test]
async fn a_code_on_paper_is_good_once_too() {
    let (house, application, _, phone) = prepared().await;
    let path = proven(&application);
    let paper = phone.recovery[3].to_lowercase();
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let back = browser.submit(&house, &path, &page, &vec![("code", &paper)]).await;
    assert_eq!(back.status, 303, "{back:?}");
    assert_eq!(house.audit("UseRecoveryCode").await, [json!({"left": 9})]);
    let mut other = Browser::default();
    let page = asked(&house, &mut other, &path).await;
    let again = other.submit(&house, &path, &page, &vec![("code", &paper)]).await;
    assert_eq!(again.status, 400, "{again:?}");
}

#[tokio::test]
async fn guesses_are_counted_and_the_password_does_not_take_them_back() {
    let (house, application, _, phone) = prepared().await;
    let path = proven(&application);
    for _ in 0..2 {
        let mut browser = Browser::default();
        let mut page = asked(&house, &mut browser, &path).await;
        for _ in 0..5 {
            page = browser.submit(&house, &path, &page, &vec![("code", "999999")]).await;
            assert_eq!(page.status, 400, "{page:?}");
        }
    }
    assert_eq!(house.audit("LockUser").await.len(), 1);
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let page = browser.sign_in(&house, &path, &page, "ada@example.org").await;
    assert!(page.text.contains("account is locked"), "{}", page.text);
    house.pass(61);
    let page = asked(&house, &mut browser, &path).await;
    let code = phone.code(&house);
    assert_eq!(browser.submit(&house, &path, &page, &vec![("code", &code)]).await.status, 303);
}

#[tokio::test]
async fn what_follows_a_password_stays_in_its_browser_and_its_time() {
    let (house, application, _, phone) = prepared().await;
    let path = proven(&application);
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let page = asked(&house, &mut browser, &path).await;
    let fields = super::browser::hidden(&page.text);
    let pending = fields.iter().find(|(name, _)| name == "pending").map(|(_, value)| value.clone());
    let pending = pending.expect("what is to come back");
    let code = phone.code(&house);
    // somewhere else, in a form of that browser
    let foreign = other.get(&house, &path).await;
    let form = foreign.text.replace("value=\"signin\"", "value=\"factor\"");
    let foreign = Answer { text: form, ..foreign };
    let more = vec![("pending", pending.as_str()), ("code", code.as_str())];
    let answer = other.submit(&house, &path, &foreign, &more).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text.contains("Password"), "{}", answer.text);
    house.pass(301);
    let late = phone.code(&house);
    let answer = browser.submit(&house, &path, &page, &vec![("code", &late)]).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text.contains("Password"), "{}", answer.text);
}

#[tokio::test]
async fn a_password_alone_gets_no_token_and_a_device_waits_for_the_code() {
    let (house, application, user, phone) = prepared().await;
    let form = password_form(&application, &user, NATIVE);
    let form = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = house.token(&form).await;
    super::house::refused(&answer, 400, "invalid_grant", 50_076);
    assert_eq!(answer.json()["suberror"], "basic_action");
    let form = vec![("client_id", application.client_id.as_str()), ("scope", NATIVE)];
    let device = house.post("/common/oauth2/v2.0/devicecode", &form).await.json();
    let path = format!("/devicelogin?user_code={}", device["user_code"].as_str().unwrap());
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let code = phone.code(&house);
    let page = browser.submit(&house, "/devicelogin", &page, &vec![("code", &code)]).await;
    assert!(page.text.contains("Permission requested"), "{}", page.text);
    browser.submit(&house, "/devicelogin", &page, &vec![("answer", "accept")]).await;
    let look = vec![
        ("grant_type", "device_code"),
        ("client_id", application.client_id.as_str()),
        ("device_code", device["device_code"].as_str().unwrap()),
    ];
    house.granted(&look).await;
}

#[tokio::test]
async fn a_second_factor_goes_with_its_code_or_by_an_administrator() {
    let (house, application, user, phone) = prepared().await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let code = phone.code(&house);
    browser.submit(&house, &path, &page, &vec![("code", &code)]).await;
    let page = browser.get(&house, PAGE).await;
    assert!(page.text.contains("10 recovery codes"), "{}", page.text);
    let wrong = browser.submit(&house, PAGE, &page, &vec![("code", &code)]).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    // an administrator sees that there is one, and takes it away
    let token = house.administrator().await;
    let of_user = format!("/users/{}", user.id);
    let shown = house.call(&token, Method::GET, &of_user).await.json();
    assert_eq!(shown["hasSecondFactor"], Value::Bool(true));
    let factor = format!("{of_user}/second-factor");
    assert_eq!(house.call(&token, Method::DELETE, &factor).await.status, 204);
    let again = house.call(&token, Method::DELETE, &factor).await;
    assert_eq!((again.status, again.code().as_str()), (404, "SecondFactorNotFound"));
    house.signed_in(&application, &user, NATIVE).await;
    let own = house.signed_in(&application, &user, NATIVE).await;
    let own = own["access_token"].as_str().unwrap();
    assert_eq!(house.call(own, Method::DELETE, &factor).await.status, 403);
    // with its code by oneself
    let phone = set_up(&house, "ada@example.org").await;
    let page = browser.get(&house, PAGE).await;
    let done = browser.submit(&house, PAGE, &page, &vec![("code", &phone.code(&house))]).await;
    assert!(done.text.contains("no second factor any more"), "{}", done.text);
    house.signed_in(&application, &user, NATIVE).await;
    assert_eq!(house.audit("AddSecondFactor").await.len(), 2);
    assert_eq!(house.audit("RemoveSecondFactor").await.len(), 2);
    house.app.delete_user(&root(), &user.id).await.unwrap();
}

#[tokio::test]
async fn many_guesses_at_once_are_looked_at_one_by_one() {
    let (house, application, _, phone) = prepared().await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let fields = super::browser::hidden(&page.text);
    let code = phone.code(&house);
    let mut form: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    form.push(("code", &code));
    let send = || {
        let request = house.filled(&path, &form).header("cookie", browser.cookie());
        async move { Answer::of(request).await.status }
    };
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    let let_in = [a, b, c, d].into_iter().filter(|status| *status == 303).count();
    assert_eq!(let_in, 1, "{:?}", [a, b, c, d]);
}
