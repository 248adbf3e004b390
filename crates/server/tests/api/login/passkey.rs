//! Passkeys, with an authenticator in software.

use super::browser::{Browser, form_of, hidden, query};
use super::code::proven;
use super::house::{House, NATIVE, PASSWORD, password_form, refused, root};
use super::second_factor::set_up as set_up_codes;
use crate::authenticator::{Authenticator, PRESENT, Signed, text};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::directory::{Application, User};
use std::collections::BTreeMap;

const PAGE: &str = "/account/passkeys";
const NAME: &str = "ada@example.org";
const ID: &str = "localhost";

/// Fields of a form that the script would send.
type Filled = Vec<(&'static str, String)>;

/// A house at an address for which browsers have passkeys.
async fn prepared() -> (House, Application, User) {
    let house = House::open().await;
    house.app.engine.catalog.set_public_url(&origin(&house));
    let (application, user) = (house.public().await, house.user("ada", vec![]).await);
    house.consent(&application).await;
    (house, application, user)
}

fn origin(house: &House) -> String {
    format!("http://{ID}:{}", house.address.port())
}

/// What a form says to the script.
fn data(page: &Answer, step: &str) -> BTreeMap<String, String> {
    let form = form_of(&page.text, step).unwrap_or_else(|| panic!("{step}: {}", page.text));
    let tag = form.split('>').next().expect("a tag");
    assert!(tag.contains(" hidden"), "{tag}");
    let parts = tag.split(" data-").skip(1).filter_map(|part| part.split_once("=\""));
    parts.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

fn made(house: &House, page: &Answer, authenticator: &Authenticator, name: &str) -> Filled {
    let data = data(page, "add");
    assert_eq!((&*data["passkey"], &*data["rp"], &data["origin"]), ("create", ID, &origin(house)));
    let challenge = data["challenge"].as_bytes();
    let (client_data, attestation) = authenticator.create(ID, &data["origin"], challenge);
    vec![
        ("name", name.to_owned()),
        ("clientData", text(&client_data)),
        ("attestation", text(&attestation)),
    ]
}

fn filled(authenticator: &Authenticator, user: Option<&User>, signed: &Signed) -> Filled {
    let mut fields = vec![
        ("credential", text(&authenticator.id)),
        ("clientData", text(&signed.client_data)),
        ("authenticatorData", text(&signed.data)),
        ("signature", text(&signed.signature)),
    ];
    fields.extend(user.map(|user| ("userHandle", text(user.id.as_bytes()))));
    fields
}

/// What the script sends of a page that asks for a passkey.
fn shown(page: &Answer, step: &str, authenticator: &mut Authenticator, user: &User) -> Filled {
    let data = data(page, step);
    assert_eq!(data["passkey"], "get");
    let signed = authenticator.get(&data["rp"], &data["origin"], data["challenge"].as_bytes());
    filled(authenticator, Some(user), &signed)
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A browser in which ada is signed in, and her page.
async fn own_page(house: &House) -> (Browser, Answer) {
    let mut browser = Browser::default();
    let page = browser.get(house, PAGE).await;
    let page = browser.sign_in(house, PAGE, &page, NAME).await;
    (browser, page)
}

async fn add(
    house: &House,
    browser: &mut Browser,
    page: &Answer,
    authenticator: &Authenticator,
    name: &str,
) -> Answer {
    let fields = made(house, page, authenticator, name);
    browser.submit_step(house, PAGE, page, "add", &borrowed(&fields)).await
}

/// Gives ada a passkey.
async fn set_up(house: &House, authenticator: &Authenticator) {
    let (mut browser, page) = own_page(house).await;
    assert!(page.text.contains("You have no passkeys"), "{}", page.text);
    let page = add(house, &mut browser, &page, authenticator, "Key <ring>").await;
    assert!(page.text.contains("<h2>Key &lt;ring&gt;</h2>"), "{}", page.text);
    assert_eq!(page.status, 200);
}

/// As far as the page that asks for the second factor.
async fn asked(house: &House, browser: &mut Browser, path: &str) -> Answer {
    let page = browser.get(house, path).await;
    let page = browser.sign_in(house, path, &page, NAME).await;
    assert!(page.text.contains("Use a passkey"), "{}", page.text);
    page
}

#[tokio::test]
async fn a_passkey_follows_the_password() {
    for mut authenticator in [Authenticator::es256(), Authenticator::eddsa()] {
        let (house, application, user) = prepared().await;
        set_up(&house, &authenticator).await;
        assert_eq!(house.audit("AddPasskey").await.len(), 1);
        // it need not check who uses it
        authenticator.flags = PRESENT;
        let (mut browser, path) = (Browser::default(), proven(&application));
        let page = asked(&house, &mut browser, &path).await;
        assert!(!page.text.contains("name=\"code\""), "{}", page.text);
        let known = data(&page, "factor-passkey");
        assert_eq!(known["credentials"], text(&authenticator.id));
        // the password alone has not signed anybody in
        assert!(browser.get(&house, &path).await.text.contains("Password"));
        let fields = shown(&page, "factor-passkey", &mut authenticator, &user);
        let fields = borrowed(&fields);
        let back = browser.submit_step(&house, &path, &page, "factor-passkey", &fields).await;
        assert!(query(&back).contains_key("code"), "{back:?}");
        let said = house.audit("SignIn").await;
        assert_eq!(said[0]["secondFactor"], true, "{said:?}");
        assert!(said[0]["passkey"].is_string() && said[0].get("password").is_none(), "{said:?}");
        // and without a page there is no way
        let form = password_form(&application, &user, NATIVE);
        let form = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        refused(&house.token(&form).await, 400, "invalid_grant", 50_076);
    }
}

#[tokio::test]
async fn what_was_shown_once_opens_nothing_again() {
    let (house, application, user) = prepared().await;
    // it counts nothing: only the challenge tells a copy
    let mut authenticator = Authenticator::eddsa();
    authenticator.counter = 0;
    set_up(&house, &authenticator).await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = asked(&house, &mut browser, &path).await;
    let challenge = data(&page, "factor-passkey")["challenge"].clone();
    let mut signed = authenticator.get(ID, &origin(&house), challenge.as_bytes());
    signed.data[33..37].fill(0);
    let signed = authenticator.sign(signed.data, signed.client_data);
    let fields = filled(&authenticator, Some(&user), &signed);
    let form = form_of(&page.text, "factor-passkey").expect("a form");
    let hidden = hidden(form);
    let mut all: Vec<(&str, &str)> =
        hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend(borrowed(&fields));
    let send = || {
        let request = house.filled(&path, &all).header("cookie", browser.cookie());
        async move { Answer::of(request).await.status }
    };
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    let let_in = [a, b, c, d].into_iter().filter(|status| *status == 303).count();
    assert_eq!(let_in, 1, "{:?}", [a, b, c, d]);
    assert_eq!(send().await, 400);
}

#[tokio::test]
async fn a_passkey_that_sees_who_uses_it_is_enough() {
    let (house, application, user) = prepared().await;
    let mut authenticator = Authenticator::es256();
    set_up(&house, &authenticator).await;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let page = browser.get(&house, &path).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains(" script-src 'self'; form-action 'self' "), "{policy}");
    let asks = data(&page, "passkey");
    assert_eq!((&*asks["credentials"], &*asks["verification"]), ("", "required"));
    // it has not seen anybody
    authenticator.flags = PRESENT;
    let fields = shown(&page, "passkey", &mut authenticator, &user);
    let wrong = browser.submit_step(&house, &path, &page, "passkey", &borrowed(&fields)).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    authenticator.flags = crate::authenticator::VERIFIED | PRESENT;
    // it is somebody else's
    let other = house.user("bob", vec![]).await;
    let fields = shown(&wrong, "passkey", &mut authenticator, &other);
    let wrong = browser.submit_step(&house, &path, &wrong, "passkey", &borrowed(&fields)).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    // another browser has its own challenge
    let foreign = Browser::default().get(&house, &path).await;
    let fields = shown(&foreign, "passkey", &mut authenticator, &user);
    let challenge = data(&foreign, "passkey")["challenge"].clone();
    let form = wrong.text.replace(&data(&wrong, "passkey")["challenge"], &challenge);
    let mixed = Answer { text: form, ..wrong };
    let wrong = browser.submit_step(&house, &path, &mixed, "passkey", &borrowed(&fields)).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    // too late
    let fields = shown(&wrong, "passkey", &mut authenticator, &user);
    house.pass(601);
    let wrong = browser.submit_step(&house, &path, &wrong, "passkey", &borrowed(&fields)).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    // at last
    let fields = shown(&wrong, "passkey", &mut authenticator, &user);
    let back = browser.submit_step(&house, &path, &wrong, "passkey", &borrowed(&fields)).await;
    assert!(query(&back).contains_key("code"), "{back:?}");
    let said = house.audit("SignIn").await;
    assert_eq!((&said[0]["password"], &said[0]["secondFactor"]), (&json!(false), &json!(true)));
    // who is kept out is kept out
    house.app.enable_user(&root(), &user.id, false).await.unwrap();
    let mut browser = Browser::default();
    let page = browser.get(&house, &path).await;
    let fields = shown(&page, "passkey", &mut authenticator, &user);
    let out = browser.submit_step(&house, &path, &page, "passkey", &borrowed(&fields)).await;
    assert!(out.status == 400 && out.text.contains("disabled"), "{out:?}");
}

#[tokio::test]
async fn a_passkey_signs_for_this_page_and_by_its_key_only() {
    let (house, application, user) = prepared().await;
    let mut authenticator = Authenticator::es256();
    set_up(&house, &authenticator).await;
    let mut stranger = Authenticator::es256();
    stranger.id = authenticator.id.clone();
    stranger.counter = 50;
    let (mut browser, path) = (Browser::default(), proven(&application));
    let mut page = asked(&house, &mut browser, &path).await;
    let here = origin(&house);
    for case in ["origin", "server", "key", "challenge", "counter", "unknown", "cut", "long"] {
        let challenge = data(&page, "factor-passkey")["challenge"].clone();
        let challenge = challenge.as_bytes();
        let mut fields = match case {
            "origin" => authenticator.get(ID, "https://evil.example", challenge),
            "server" => authenticator.get("evil.example", &here, challenge),
            "key" => stranger.get(ID, &here, challenge),
            "challenge" => authenticator.get(ID, &here, b"mine"),
            "counter" => {
                let counter = std::mem::replace(&mut authenticator.counter, 0);
                let signed = authenticator.get(ID, &here, challenge);
                authenticator.counter = counter;
                signed
            }
            _ => authenticator.get(ID, &here, challenge),
        };
        if case == "cut" {
            fields.data.truncate(36);
        }
        let mut fields = filled(&authenticator, Some(&user), &fields);
        match case {
            "unknown" => fields[0].1 = text(b"nobody's"),
            "long" => fields[3].1 = "A".repeat(2_000),
            _ => {}
        }
        let fields = borrowed(&fields);
        page = browser.submit_step(&house, &path, &page, "factor-passkey", &fields).await;
        assert!(page.status == 400 && page.text.contains("was not taken"), "{case}: {page:?}");
    }
    let refusals = house.audit("SignInRefused").await;
    assert_eq!(refusals.len(), 8, "{refusals:?}");
    assert_eq!((&refusals[0]["error"], &refusals[0]["user"]), (&json!(500_121), &json!(user.id)));
    // eight guesses; two more close the account
    for _ in 0..2 {
        let fields = [("credential", "AA"), ("clientData", "AA"), ("authenticatorData", "AA")];
        let fields = [fields.as_slice(), &[("signature", "AA")]].concat();
        page = browser.submit_step(&house, &path, &page, "factor-passkey", &fields).await;
        assert_eq!(page.status, 400);
    }
    assert_eq!(house.audit("LockUser").await.len(), 1);
    let page = browser.get(&house, &path).await;
    let fields = shown(&page, "passkey", &mut authenticator, &user);
    let out = browser.submit_step(&house, &path, &page, "passkey", &borrowed(&fields)).await;
    assert!(out.text.contains("account is locked"), "{out:?}");
    house.pass(61);
    let page = asked(&house, &mut browser, &path).await;
    let fields = shown(&page, "factor-passkey", &mut authenticator, &user);
    let fields = borrowed(&fields);
    let back = browser.submit_step(&house, &path, &page, "factor-passkey", &fields).await;
    assert_eq!(back.status, 303, "{back:?}");
}

#[tokio::test]
async fn codes_work_beside_passkeys_and_without_script() {
    let (house, application, user) = prepared().await;
    let phone = set_up_codes(&house, NAME).await;
    let mut authenticator = Authenticator::eddsa();
    // with a second factor, it is shown before there is another
    let (mut browser, page) = own_page(&house).await;
    assert!(page.text.contains("name=\"code\""), "{}", page.text);
    let code = phone.code(&house);
    let page = browser.submit(&house, PAGE, &page, &vec![("code", &code)]).await;
    add(&house, &mut browser, &page, &authenticator, "Laptop").await;
    house.pass(30);
    let path = proven(&application);
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let wrong = vec![("credential", "AA"), ("clientData", "AA"), ("authenticatorData", "AA")];
    let wrong = [wrong, vec![("signature", "AA")]].concat();
    let page = browser.submit_step(&house, &path, &page, "factor-passkey", &wrong).await;
    assert_eq!(page.status, 400, "{page:?}");
    let code = phone.code(&house);
    let back = browser.submit(&house, &path, &page, &vec![("code", &code)]).await;
    assert_eq!(back.status, 303, "{back:?}");
    let mut browser = Browser::default();
    let page = asked(&house, &mut browser, &path).await;
    let fields = shown(&page, "factor-passkey", &mut authenticator, &user);
    let fields = borrowed(&fields);
    let back = browser.submit_step(&house, &path, &page, "factor-passkey", &fields).await;
    assert_eq!(back.status, 303, "{back:?}");
    // the app goes, the passkey stays
    house.pass(30);
    let factor = "/account/second-factor";
    let page = browser.get(&house, factor).await;
    let code = phone.code(&house);
    let page = browser.submit(&house, factor, &page, &vec![("code", &code)]).await;
    assert!(page.text.contains("your passkeys are"), "{}", page.text);
    let page = asked(&house, &mut Browser::default(), &path).await;
    assert!(!page.text.contains("name=\"code\""), "{}", page.text);
}

#[tokio::test]
async fn passkeys_are_changed_by_who_has_just_signed_in() {
    let (house, _, user) = prepared().await;
    let (mut early, first_page) = own_page(&house).await;
    let (mut browser, page) = own_page(&house).await;
    let mut authenticator = Authenticator::es256();
    let page = add(&house, &mut browser, &page, &authenticator, "One").await;
    assert!(page.text.contains("<h2>One</h2>"), "{}", page.text);
    // a sign-in with the password alone is not enough from now on
    let other = Authenticator::eddsa();
    let out = add(&house, &mut early, &first_page, &other, "Mine").await;
    assert!(out.status == 400 && out.text.contains("Sign in again"), "{out:?}");
    assert!(form_of(&out.text, "add").is_none() && form_of(&out.text, "remove").is_none());
    let begin = early.get(&house, "/account/second-factor").await;
    let more = vec![("password", PASSWORD)];
    let begin = early.submit(&house, "/account/second-factor", &begin, &more).await;
    assert!(begin.status == 400 && !begin.text.contains("<code>"), "{begin:?}");
    assert!(begin.text.contains("Sign in again first"), "{}", begin.text);
    assert!(form_of(&begin.text, "signin").is_some(), "{}", begin.text);
    // the same again is no other, and names have their bounds
    let again = add(&house, &mut browser, &page, &authenticator, "Again").await;
    assert!(again.status == 400 && again.text.contains("there already"), "{again:?}");
    for name in ["", " ", "a\nb", &"x".repeat(65)] {
        let refused = add(&house, &mut browser, &again, &other, name).await;
        assert!(refused.status == 400 && refused.text.contains("needs a name"), "{refused:?}");
    }
    let page = add(&house, &mut browser, &again, &other, "Two").await;
    let fields = vec![("name", "Three")];
    let page = browser.submit_step(&house, PAGE, &page, "rename", &fields).await;
    assert!(page.text.contains("<h2>Three</h2>") && !page.text.contains("<h2>One</h2>"));
    house.pass(601);
    let late = browser.submit_step(&house, PAGE, &page, "remove", &vec![]).await;
    assert!(late.status == 400 && late.text.contains("Sign in again"), "{late:?}");
    let page = browser.submit_step(&house, PAGE, &late, "again", &vec![]).await;
    let page = browser.sign_in(&house, PAGE, &page, NAME).await;
    let fields = shown(&page, "factor-passkey", &mut authenticator, &user);
    let fields = borrowed(&fields);
    let page = browser.submit_step(&house, PAGE, &page, "factor-passkey", &fields).await;
    let page = browser.submit_step(&house, PAGE, &page, "remove", &vec![]).await;
    assert!(!page.text.contains("<h2>Three</h2>") && page.text.contains("<h2>Two</h2>"));
    for (operation, count) in [("AddPasskey", 2), ("RenamePasskey", 1), ("RemovePasskey", 1)] {
        let said = house.audit(operation).await;
        assert_eq!(said.len(), count, "{operation}");
        assert!(said.iter().all(|it| it["passkey"].is_string() && it.get("name").is_none()));
    }
}

#[tokio::test]
async fn a_challenge_is_for_one_purpose() {
    let (house, application, user) = prepared().await;
    let mut authenticator = Authenticator::es256();
    set_up(&house, &authenticator).await;
    let path = proven(&application);
    let mut browser = Browser::default();
    let first = browser.get(&house, &path).await;
    let alone = data(&first, "passkey")["challenge"].clone();
    let page = asked(&house, &mut browser, &path).await;
    let own = data(&page, "factor-passkey")["challenge"].clone();
    let swapped = Answer { text: page.text.replace(&own, &alone), ..page.clone() };
    let fields = shown(&swapped, "factor-passkey", &mut authenticator, &user);
    let fields = borrowed(&fields);
    let wrong = browser.submit_step(&house, &path, &swapped, "factor-passkey", &fields).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let swapped = Answer { text: first.text.replace(&alone, &own), ..first };
    let fields = shown(&swapped, "passkey", &mut authenticator, &user);
    let wrong = browser.submit_step(&house, &path, &swapped, "passkey", &borrowed(&fields)).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[tokio::test]
async fn administrators_see_passkeys_and_take_them_away() {
    let (house, application, user) = prepared().await;
    let early = house.signed_in(&application, &user, NATIVE).await;
    let early = early["access_token"].as_str().unwrap();
    let (mut browser, page) = own_page(&house).await;
    let (one, two) = (Authenticator::es256(), Authenticator::rs256());
    let page = add(&house, &mut browser, &page, &one, "One").await;
    house.pass(1);
    add(&house, &mut browser, &page, &two, "Two").await;
    let token = house.administrator().await;
    let list = |answer: &Answer| answer.json()["value"].as_array().expect("a list").clone();
    let theirs = format!("/users/{}/passkeys", user.id);
    let found = list(&house.call(&token, Method::GET, &theirs).await);
    assert_eq!(found.len(), 2, "{found:?}");
    let (name, algorithm) = (&found[1]["name"], &found[1]["algorithm"]);
    assert_eq!((name, algorithm), (&json!("Two"), &json!("RS256")));
    assert!(found[0]["createdTime"].is_string() && found[0].get("lastUsedTime").is_none());
    let shown = house.call(&token, Method::GET, &format!("/users/{}", user.id)).await.json();
    assert_eq!(shown["hasSecondFactor"], Value::Bool(true));
    assert_eq!(list(&house.call(early, Method::GET, "/me/passkeys").await), found);
    let path = format!("{theirs}/{}", found[0]["id"].as_str().unwrap());
    assert_eq!(house.call(early, Method::GET, &theirs).await.status, 403);
    assert_eq!(house.call(early, Method::DELETE, &path).await.status, 403);
    let head = path.replace(&user.id, "head@example.org");
    let elsewhere = house.call(&token, Method::DELETE, &head).await;
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (404, "PasskeyNotFound"));
    assert_eq!(house.call(&token, Method::DELETE, &path).await.status, 204);
    assert_eq!(house.call(&token, Method::DELETE, &path).await.status, 404);
    assert_eq!(house.audit("RemovePasskey").await.len(), 1);
    // the last goes with all that is a second factor
    let factor = format!("/users/{}/second-factor", user.id);
    assert_eq!(house.call(&token, Method::DELETE, &factor).await.status, 204);
    assert_eq!(house.call(&token, Method::DELETE, &factor).await.status, 404);
    assert_eq!(house.audit("RemovePasskey").await.len(), 2);
    house.signed_in(&application, &user, NATIVE).await;
    // and with who has it
    set_up(&house, &one).await;
    house.app.delete_user(&root(), &user.id).await.unwrap();
    let id = found[0]["id"].as_str().unwrap();
    assert!(house.app.engine.store.record(32, id).await.unwrap().is_none());
}

#[tokio::test]
async fn where_there_are_no_passkeys_pages_say_so() {
    let house = House::open().await;
    house.user("ada", vec![]).await;
    // its address is a number
    let mut browser = Browser::default();
    let page = browser.get(&house, PAGE).await;
    assert!(!page.text.contains("passkey.js") && !page.text.contains("<noscript"));
    assert!(!page.header("content-security-policy").contains("script-src"));
    let page = browser.sign_in(&house, PAGE, &page, NAME).await;
    assert!(page.text.contains("public address with a name"), "{}", page.text);
    assert!(form_of(&page.text, "add").is_none());
    let script = Answer::of(house.request(Method::GET, "/account/passkey.js")).await;
    assert_eq!((script.status, script.header("x-content-type-options")), (200, "nosniff"));
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert!(script.text.contains("navigator.credentials.get"));
}

#[tokio::test]
async fn nobody_has_more_passkeys_than_there_may_be() {
    let (house, _, _) = prepared().await;
    let (mut browser, mut page) = own_page(&house).await;
    let first = page.clone();
    for number in 0..16 {
        page = add(&house, &mut browser, &page, &Authenticator::eddsa(), "Key").await;
        assert_eq!(page.status, 200, "{number}: {page:?}");
    }
    assert!(form_of(&page.text, "add").is_none(), "{}", page.text);
    let more = add(&house, &mut browser, &first, &Authenticator::eddsa(), "Key").await;
    assert!(more.status == 400 && more.text.contains("16 passkeys already"), "{more:?}");
}
