//! Signing in to the console at an issuer from outside, which is one of the test's own here.

use super::browser::{Browser, query};
use super::house::{House, root};
use crate::world::Answer;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::Method;
use serde_json::{Value, json};
use server::app::signin::issuer::Issuers;
use server::auth::issuer::read_settings;
use server::auth::jwt::TokenKey;
use server::limits::OUTSIDE_SIGN_IN_SECONDS;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const TO: &str = "/console/runs/1?action=A";

/// An issuer: it answers what it is told to, and keeps what it was asked.
#[derive(Clone)]
struct Issuer {
    url: String,
    key: Arc<TokenKey>,
    answer: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Issuer {
    async fn start() -> Issuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let key = TokenKey::read(&TokenKey::generate().expect("a key")).expect("a key");
        let issuer = Issuer {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            key: Arc::new(key),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let metadata = async |State(it): State<Issuer>| {
            Json(json!({"issuer": it.url, "jwks_uri": format!("{}/keys", it.url),
                "authorization_endpoint": format!("{}/authorize", it.url),
                "token_endpoint": format!("{}/token", it.url)}))
        };
        let token = async |State(it): State<Issuer>, body: String| {
            let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            it.asked.lock().expect("what was asked").push(form);
            Json(it.answer.lock().expect("an answer").clone())
        };
        let keys = async |State(it): State<Issuer>| Json(json!({"keys": [it.key.public()]}));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum_serve(listener, router).await });
        issuer
    }

    /// A house that trusts it, and the file of the secret.
    async fn trusted(&self, more: &str) -> (House, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "planted-secret\n").expect("a secret");
        let text = format!(
            "[[issuer]]\nurl = \"{}\"\naudiences = [\"api://flows\"]\n{more}\n[issuer.sign_in]\nclient_id = \"console\"\nclient_secret_file = \"{}\"\nlabel = \"<Contoso>\"\n",
            self.url,
            file.path().display()
        );
        let settings = read_settings(&text).expect("settings");
        let policy = connector::http::EgressPolicy::from_toml("allow = [\"127.0.0.1/32\"]");
        let issuers = Issuers::new(settings, policy.expect("a policy")).expect("a client");
        (House::open_trusting(issuers).await, file)
    }

    /// What it says of somebody who has signed in.
    fn said(&self, house: &House, nonce: &str) -> Value {
        json!({"iss": self.url, "aud": "console", "iat": house.now(), "exp": house.now() + 600,
            "nonce": nonce, "sub": "subject-1", "name": "Ada", "typ": "ID",
            "preferred_username": "ada@contoso.example"})
    }

    fn answers(&self, claims: &Value) {
        let token = self.key.sign(claims).expect("a token");
        *self.answer.lock().expect("an answer") = json!({"id_token": token});
    }
}

async fn axum_serve(listener: tokio::net::TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let executor = hyper_util::rt::TokioExecutor::new();
            let builder = hyper_util::server::conn::auto::Builder::new(executor);
            let _ = builder.serve_connection(stream, service).await;
        });
    }
}

/// A browser on its way: what the issuer was asked.
async fn away(house: &House, browser: &mut Browser) -> BTreeMap<String, String> {
    let path = format!("/console/sign-in?{}", form(&[("to", TO)]));
    let page = browser.get(house, &path).await;
    assert!(page.text.contains("Sign in with &lt;Contoso&gt;"), "{}", page.text);
    let link = page.text.split('"').find(|it| it.starts_with("/console/sign-in/outside"));
    let link = link.expect("a link").replace("&amp;", "&");
    query(&browser.get(house, &link).await)
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn back(house: &House, browser: &mut Browser, state: &str, code: &str) -> Answer {
    let path = format!("/console/sign-in/back?{}", form(&[("state", state), ("code", code)]));
    browser.get(house, &path).await
}

async fn me(house: &House, browser: &Browser) -> Answer {
    let request = house.request(Method::GET, "/api/v1/me").header("cookie", browser.cookie());
    Answer::of(request.header("x-sluicegate-console", "1")).await
}

#[tokio::test]
async fn who_signs_in_there_is_signed_in_here() {
    let issuer = Issuer::start().await;
    let (house, _file) = issuer.trusted("").await;
    let mut browser = Browser::default();
    let asked = away(&house, &mut browser).await;
    let redirect = format!("http://{}/console/sign-in/back", house.address);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "console"),
        ("redirect_uri", &redirect),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    issuer.answers(&issuer.said(&house, &asked["nonce"]));
    let answer = back(&house, &mut browser, &asked["state"], "c0de").await;
    assert_eq!((answer.status, answer.header("location")), (303, TO), "{answer:?}");
    let me = me(&house, &browser).await.json();
    assert_eq!((&me["displayName"], &me["kind"]), (&json!("Ada"), &json!("user")));
    let exchanged = issuer.asked.lock().expect("what was asked").clone();
    let [exchanged] = &exchanged[..] else { panic!("{exchanged:?}") };
    assert_eq!(exchanged["code"], "c0de");
    assert_eq!(exchanged["redirect_uri"], redirect);
    assert_eq!(exchanged["client_secret"], "planted-secret");
    use base64::Engine as _;
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(Sha256::digest(&exchanged["code_verifier"]));
    assert_eq!(challenge, asked["code_challenge"]);
    let noted = house.audit("SignIn").await;
    assert_eq!((&noted[0]["grant"], &noted[0]["issuer"]), (&json!("browser"), &json!(issuer.url)));
}

#[tokio::test]
async fn what_did_not_begin_in_this_browser_just_now_is_refused() {
    let issuer = Issuer::start().await;
    let (house, _file) = issuer.trusted("").await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let asked = away(&house, &mut browser).await;
    let others = away(&house, &mut other).await;
    issuer.answers(&issuer.said(&house, &asked["nonce"]));
    // another browser, a state that was changed, one that is none
    for state in [&others["state"], &asked["state"].replacen('0', "1", 1), "x", "0.1.2.3.4"] {
        assert_eq!(back(&house, &mut browser, state, "c0de").await.status, 400, "{state}");
    }
    assert!(issuer.asked.lock().expect("what was asked").is_empty());
    // somebody else's code: what it gives is of another sign-in
    issuer.answers(&issuer.said(&house, &others["nonce"]));
    assert_eq!(back(&house, &mut browser, &asked["state"], "c0de").await.status, 400);
    issuer.answers(&issuer.said(&house, &asked["nonce"]));
    house.pass(OUTSIDE_SIGN_IN_SECONDS + 1);
    assert_eq!(back(&house, &mut browser, &asked["state"], "c0de").await.status, 400);
    assert_eq!(me(&house, &browser).await.status, 401);
}

#[tokio::test]
async fn what_the_issuer_says_has_to_be_for_this_server() {
    let issuer = Issuer::start().await;
    let (house, _file) = issuer.trusted("").await;
    let mut browser = Browser::default();
    let asked = away(&house, &mut browser).await;
    let good = issuer.said(&house, &asked["nonce"]);
    for (name, value) in [
        ("aud", json!("api://flows")),
        ("azp", json!("other")),
        ("iss", json!("https://other.example")),
        ("exp", json!(house.now() - 61)),
        ("nonce", Value::Null),
        ("sub", json!("")),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.answers(&claims);
        assert_eq!(back(&house, &mut browser, &asked["state"], "c").await.status, 400, "{name}");
    }
    let stranger = TokenKey::read(&TokenKey::generate().expect("a key")).expect("a key");
    let token = stranger.sign(&good).expect("a token");
    *issuer.answer.lock().expect("an answer") = json!({"id_token": token});
    let answer = back(&house, &mut browser, &asked["state"], "c").await;
    assert!([400, 401].contains(&answer.status), "{answer:?}");
    *issuer.answer.lock().expect("an answer") = json!({"access_token": "x"});
    assert_eq!(back(&house, &mut browser, &asked["state"], "c").await.status, 400);
    let path = form(&[("state", &asked["state"]), ("error", "<b>denied")]);
    let answer = browser.get(&house, &format!("/console/sign-in/back?{path}")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("&lt;b&gt;denied"), "{}", answer.text);
    assert_eq!(me(&house, &browser).await.status, 401);
    assert!(!house.audit("SignInRefused").await.is_empty());
}

#[tokio::test]
async fn who_is_disabled_or_has_no_role_is_not_let_in() {
    let issuer = Issuer::start().await;
    let grant = "only_with_role = true\n[[issuer.grant]]\ngroup = \"staff\"\nrole = \"tenantAdministrator\"";
    let (house, _file) = issuer.trusted(grant).await;
    let mut browser = Browser::default();
    let asked = away(&house, &mut browser).await;
    let mut claims = issuer.said(&house, &asked["nonce"]);
    issuer.answers(&claims);
    assert_eq!(back(&house, &mut browser, &asked["state"], "c").await.status, 400);
    claims["groups"] = json!(["staff"]);
    issuer.answers(&claims);
    assert_eq!(back(&house, &mut browser, &asked["state"], "c").await.status, 303);
    let known = me(&house, &browser).await.json();
    assert_eq!(known["roles"], json!([{"role": "tenantAdministrator"}]));
    let id = known["id"].as_str().expect("an id");
    house.app.enable_user(&root(), id, false).await.expect("disabled");
    assert_eq!(back(&house, &mut browser, &asked["state"], "c").await.status, 400);
    assert_eq!(me(&house, &browser).await.status, 401);
}
