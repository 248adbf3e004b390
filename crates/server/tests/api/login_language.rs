//! The pages of signing in, in the language that a browser likes best.

use crate::login::browser::hidden;
use crate::login::code::proven;
use crate::login::house::{Form, House, PASSWORD};
use crate::login::second_factor::set_up;
use crate::world::Answer;
use reqwest::{Method, RequestBuilder};
use std::collections::BTreeMap;

const PAGE: &str = "/account/second-factor";
const NAME: &str = "ada@example.org";

/// A browser that says which languages somebody reads.
struct Reader<'a> {
    house: &'a House,
    languages: Option<&'static str>,
    cookies: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    fn of(house: &'a House, languages: Option<&'static str>) -> Reader<'a> {
        Reader { house, languages, cookies: BTreeMap::new() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = self.house.request(Method::GET, path);
        self.ask(request).await
    }

    /// Sends the first form of a page, with more fields than are in it.
    async fn submit(&mut self, path: &str, page: &Answer, more: &Form<'_>) -> Answer {
        let hidden = hidden(&page.text);
        let mut form: Form<'_> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        form.extend(more);
        let request = self.house.filled(path, &form);
        self.ask(request).await
    }

    async fn sign_in(&mut self, path: &str) -> Answer {
        let page = self.get(path).await;
        self.submit(path, &page, &vec![("username", NAME), ("password", PASSWORD)]).await
    }

    async fn ask(&mut self, request: RequestBuilder) -> Answer {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, it)| format!("{name}={it}")).collect();
        let mut request = request.header("cookie", cookies.join("; "));
        if let Some(languages) = self.languages {
            request = request.header("accept-language", languages);
        }
        let answer = Answer::of(request).await;
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().expect("a cookie").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a name");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// A page is in a language, says so, and has these texts.
fn reads(page: &Answer, status: u16, language: &str, texts: &[&str]) {
    assert_eq!(page.status, status, "{page:?}");
    assert!(page.text.contains(&format!("<html lang=\"{language}\">")), "{}", page.text);
    assert_eq!(page.header("vary"), "accept-language");
    for text in texts {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
}

async fn opened() -> House {
    let house = House::open().await;
    house.user("ada", vec![]).await;
    house
}

#[tokio::test]
async fn signing_in_is_in_the_language_that_the_browser_likes_best() {
    let house = opened().await;
    let german = ["<h1>Anmelden</h1>", ">Kennwort</label>", "<title>Anmelden - Sluicegate</title>"];
    let wrong = vec![("username", NAME), ("password", "wrong")];
    for languages in ["de", "de-AT,de;q=0.9,en;q=0.8"] {
        let mut reader = Reader::of(&house, Some(languages));
        let page = reader.get(PAGE).await;
        reads(&page, 200, "de", &german);
        assert!(!page.text.contains("Sign in") && !page.text.contains("Password"), "{}", page.text);
        let again = reader.submit(PAGE, &page, &wrong).await;
        let fault = "<p class=\"fault\" role=\"alert\">Name oder Kennwort ist falsch.</p>";
        reads(&again, 400, "de", &german);
        reads(&again, 400, "de", &[fault]);
    }
    let english = ["<h1>Sign in</h1>", ">Name</label>", ">Password</label>"];
    for languages in [None, Some("en"), Some("fr, *"), Some("en-GB,de")] {
        let mut reader = Reader::of(&house, languages);
        let page = reader.get(PAGE).await;
        reads(&page, 200, "en", &english);
        let again = reader.submit(PAGE, &page, &wrong).await;
        reads(&again, 400, "en", &english);
        let fault = "Error validating credentials due to invalid username or password.";
        reads(&again, 400, "en", &[fault]);
    }
}

#[tokio::test]
async fn a_second_factor_is_asked_for_in_german_too() {
    let house = opened().await;
    let mut reader = Reader::of(&house, Some("de"));
    let page = reader.sign_in(PAGE).await;
    reads(
        &page,
        200,
        "de",
        &["<h1>Zweiter Faktor</h1>", "Sie haben keine App, die Codes anzeigt."],
    );
    let page = reader.submit(PAGE, &page, &vec![("password", PASSWORD)]).await;
    reads(&page, 200, "de", &["Er wird nur jetzt angezeigt.", "Code, den Ihre App jetzt anzeigt"]);
    let wrong = reader.submit(PAGE, &page, &vec![("code", "000000")]).await;
    reads(&wrong, 400, "de", &["Der Code ist nicht richtig oder wurde schon verwendet."]);
    reads(&reader.get("/account/passkeys").await, 200, "de", &["Sie haben keine Passkeys."]);

    let phone = set_up(&house, NAME).await;
    let mut reader = Reader::of(&house, Some("de"));
    let asked = ["<h1>Code eingeben</h1>", "Code, den Ihre App anzeigt, oder einer"];
    let page = reader.sign_in(PAGE).await;
    reads(&page, 200, "de", &asked);
    let wrong = reader.submit(PAGE, &page, &vec![("code", "000000")]).await;
    reads(&wrong, 400, "de", &asked);
    let code = phone.code(&house);
    let page = reader.submit(PAGE, &wrong, &vec![("code", &code)]).await;
    reads(&page, 200, "de", &["Noch nicht verwendete Wiederherstellungscodes: 10."]);
    let mut reader = Reader::of(&house, None);
    reads(&reader.sign_in(PAGE).await, 200, "en", &["<h1>Enter code</h1>"]);
}

#[tokio::test]
async fn devices_and_consent_are_in_german_and_names_in_them_are_escaped() {
    let house = opened().await;
    let mut reader = Reader::of(&house, Some("de"));
    let page = reader.sign_in("/devicelogin").await;
    reads(&page, 200, "de", &["Code, den Ihr Programm oder Ger\u{e4}t anzeigt"]);
    let page = reader.get("/devicelogin?user_code=BCDF-GHJK").await;
    reads(&page, 400, "de", &["Mit diesem Code wartet kein Ger\u{e4}t."]);

    let path = proven(&house.public().await);
    let page = reader.get(&path).await;
    let asks = "<strong>Nightly &lt;import&gt;</strong> m\u{f6}chte sich als <strong>ada@example.org</strong> anmelden und";
    reads(&page, 200, "de", &["<h1>Berechtigung angefordert</h1>", asks, ">Zustimmen</button>"]);
    reader.languages = Some("en");
    let asks = "<strong>Nightly &lt;import&gt;</strong> asks to sign in as <strong>ada@example.org</strong> and to do";
    reads(&reader.get(&path).await, 200, "en", &["<h1>Permission requested</h1>", asks]);
}

#[tokio::test]
async fn what_was_wrong_is_said_in_german_to_people_and_in_english_to_programs() {
    let house = opened().await;
    let mut reader = Reader::of(&house, Some("de"));
    let request = house.filled(PAGE, &vec![("step", "signin")]);
    let forged = reader.ask(request).await;
    let text = "AADSTS165000: Dieses Formular hat der Browser nicht von hier.";
    reads(&forged, 400, "de", &["<h1>Das hat nicht geklappt</h1>", text]);
    let unknown = reader.get("/x%3Cb%3E/oauth2/v2.0/authorize").await;
    let text = "AADSTS90002: Der Mandant &#39;x&lt;b&gt;&#39; wurde nicht gefunden.";
    reads(&unknown, 400, "de", &[text]);
    let missing = reader.get("/oauth/consent").await;
    let text = "AADSTS900144: In der Anfrage fehlt der Parameter &#39;request&#39;.";
    reads(&missing, 400, "de", &[text]);
    let consent = reader.get("/oauth/consent?request=x").await;
    reads(&consent, 400, "de", &["Dieser Link ist nicht von diesem Server, oder er ist zu alt"]);

    let request = house.filled("/common/oauth2/v2.0/token", &vec![("grant_type", "x")]);
    let refused = reader.ask(request).await.json();
    let description = refused["error_description"].as_str().expect("a description");
    let english = "AADSTS70003: The app requested an unsupported grant type 'x'.";
    assert!(description.starts_with(english), "{description}");
}
