//! Tokens of an issuer from outside.

use super::assertion::signed;
use super::house::{House, root};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use server::app::signin::issuer::Issuers;
use server::auth::issuer::read_settings;
use server::auth::jwt::TokenKey;
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What the issuer publishes; nothing while it is away.
#[derive(Clone, Default)]
struct Published {
    keys: Vec<Value>,
    is_away: bool,
    /// What it calls itself, when that is not what it is.
    other_name: Option<String>,
    /// Bytes of nothing.
    padding: usize,
    /// How often its keys were asked for.
    asked: usize,
}

/// An issuer with an HTTP server of its own.
struct Issuer {
    url: String,
    published: Arc<Mutex<Published>>,
    key: TokenKey,
}

fn new_key() -> TokenKey {
    TokenKey::read(&TokenKey::generate().expect("a key")).expect("a key")
}

impl Issuer {
    async fn start() -> Issuer {
        let key = new_key();
        let published = Published { keys: vec![key.public()], ..Published::default() };
        let published = Arc::new(Mutex::new(published));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/realm", listener.local_addr().expect("an address"));
        let (shared, base) = (Arc::clone(&published), url.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4_096];
                let read = stream.read(&mut head).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let body = answer(&shared, &base, &head);
                let status = if body.is_null() { "503 Away" } else { "200 OK" };
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Issuer { url, published, key }
    }

    /// A house that trusts it.
    async fn trusted(&self, more: &str) -> House {
        let text =
            format!("[[issuer]]\nurl = \"{}\"\naudiences = [\"api://flows\"]\n{more}", self.url);
        let settings = read_settings(&text).expect("settings");
        let policy = connector::http::EgressPolicy::from_toml("allow = [\"127.0.0.1/32\"]");
        let issuers = Issuers::new(settings, policy.expect("a policy")).expect("a client");
        House::open_trusting(issuers).await
    }

    /// What it says of a person.
    fn said(&self, house: &House) -> Value {
        json!({
            "iss": self.url,
            "aud": "api://flows",
            "iat": house.now(),
            "nbf": house.now(),
            "exp": house.now() + 600,
            "oid": "7c1d5f3e-0000-4000-8000-000000000001",
            "sub": "pairwise",
            "preferred_username": "ada@elsewhere.example",
            "name": "Ada",
            "email": "ada@mail.example",
            "scp": "user_impersonation",
        })
    }

    fn asked(&self) -> usize {
        self.published.lock().expect("the keys").asked
    }
}

fn answer(shared: &Mutex<Published>, base: &str, head: &str) -> Value {
    let mut published = shared.lock().expect("the keys");
    let path = head.split(' ').nth(1).unwrap_or_default();
    match path {
        _ if published.is_away => Value::Null,
        "/realm/.well-known/openid-configuration" => {
            let name = published.other_name.as_deref().unwrap_or(base);
            json!({"issuer": name, "jwks_uri": format!("{base}/keys")})
        }
        "/realm/keys" => {
            published.asked += 1;
            json!({"keys": published.keys, "padding": "x".repeat(published.padding)})
        }
        _ => Value::Null,
    }
}

/// The claims with some that are different.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut other = claims.clone();
    other[name] = value;
    other
}

#[tokio::test]
async fn somebody_from_outside_is_let_in_everywhere_and_has_a_record() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let token = issuer.key.sign(&issuer.said(&house)).unwrap();
    let me = house.call(&token, Method::GET, "/me").await;
    assert_eq!(me.status, 200, "{me:?}");
    let me = me.json();
    assert_eq!((&me["kind"], &me["displayName"]), (&json!("user"), &json!("Ada")));
    assert_eq!(me["userPrincipalName"], "ada@elsewhere.example");
    for path in [
        "/providers/Microsoft.ProcessSimple/environments?api-version=2016-11-01",
        "/v1.0/users?$filter=userPrincipalName%20eq%20%27ada@elsewhere.example%27",
    ] {
        let request = house.request(Method::GET, path).bearer_auth(&token);
        assert_eq!(crate::world::Answer::of(request).await.status, 200, "{path}");
    }
    // the same one again, under what the issuer calls them
    let later = with(&issuer.said(&house), "name", json!("Ada L."));
    let later = with(&later, "preferred_username", json!("countess@elsewhere.example"));
    let again = house.call(&issuer.key.sign(&later).unwrap(), Method::GET, "/me").await.json();
    assert_eq!((&again["id"], &again["displayName"]), (&me["id"], &json!("Ada L.")));
    assert_eq!(again["userPrincipalName"], "ada@elsewhere.example");
    assert_eq!(house.audit("CreateUser").await[0]["issuer"], json!(issuer.url));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn what_is_not_a_good_token_of_the_issuer_is_refused() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let good = issuer.said(&house);
    assert_eq!(house.info(&issuer.key.sign(&good).unwrap()).await.status, 200);
    let now = house.now();
    let invalid = "InvalidAuthenticationToken";
    for (name, value, code) in [
        ("iss", json!("https://elsewhere.example"), invalid),
        ("iss", json!(format!("{}/", issuer.url)), invalid),
        ("aud", json!("api://other"), "InvalidAuthenticationAudience"),
        ("aud", json!(["a", "b"]), "InvalidAuthenticationAudience"),
        ("aud", Value::Null, "InvalidAuthenticationAudience"),
        ("exp", json!(now - 61), "ExpiredAuthenticationToken"),
        ("exp", Value::Null, invalid),
        ("exp", json!("tomorrow"), invalid),
        ("nbf", json!(now + 120), invalid),
        ("oid", json!(7), ""),
        ("typ", json!("ID"), invalid),
    ] {
        let token = issuer.key.sign(&with(&good, name, value.clone())).unwrap();
        match code {
            // what is no text is not there: 'sub' is
            "" => assert_eq!(house.info(&token).await.status, 200),
            code => house.info_refused(&token, code).await,
        }
    }
    let within = with(&good, "exp", json!(now - 30));
    assert_eq!(house.info(&issuer.key.sign(&within).unwrap()).await.status, 200);
    let listed = with(&good, "aud", json!(["other", "api://flows"]));
    assert_eq!(house.info(&issuer.key.sign(&listed).unwrap()).await.status, 200);
}

#[tokio::test]
async fn algorithms_without_a_public_key_are_refused() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let public = issuer.key.public();
    let body = encode(&issuer.said(&house));
    let header = |algorithm: &str| encode(&json!({"alg": algorithm, "kid": public["kid"]}));
    for algorithm in ["none", "NONE"] {
        let forged = format!("{}.{body}.", header(algorithm));
        house.info_refused(&forged, "InvalidAuthenticationToken").await;
    }
    let modulus = public["n"].as_str().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(modulus).unwrap();
    for secret in [modulus.as_bytes(), raw.as_slice(), public.to_string().as_bytes()] {
        let head = header("HS256");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("{head}.{body}").as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let forged = format!("{head}.{body}.{mac}");
        house.info_refused(&forged, "InvalidAuthenticationToken").await;
    }
    // somebody else's signature under the name of its key
    let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(&TokenKey::generate().unwrap()).unwrap();
    let named = json!({"alg": "RS256", "kid": public["kid"]});
    let forged = signed(&pair, &named, &issuer.said(&house));
    house.info_refused(&forged, "InvalidAuthenticationToken").await;
    let other = json!({"alg": "RS384", "kid": public["kid"]});
    let forged = signed(&pair, &other, &issuer.said(&house));
    house.info_refused(&forged, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn keys_follow_their_rotation_and_are_not_asked_for_by_everybody() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let old = issuer.key.sign(&issuer.said(&house)).unwrap();
    assert_eq!(house.info(&old).await.status, 200);
    let next = new_key();
    let new = next.sign(&issuer.said(&house)).unwrap();
    // made up keys cost one question in half a minute
    for _ in 0..5 {
        house.info_refused(&new, "InvalidAuthenticationToken").await;
    }
    assert_eq!(issuer.asked(), 1);
    issuer.published.lock().unwrap().keys = vec![next.public()];
    house.pass(31);
    assert_eq!(house.info(&new).await.status, 200);
    assert_eq!(issuer.asked(), 2);
    // what is no longer published is not believed
    house.info_refused(&old, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn an_issuer_that_is_away_keeps_the_keys_it_had() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    issuer.published.lock().unwrap().is_away = true;
    let mut said = issuer.said(&house);
    said["exp"] = json!(house.now() + 20_000);
    let token = issuer.key.sign(&said).unwrap();
    let answer = house.info(&token).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "IssuerUnavailable"));
    issuer.published.lock().unwrap().is_away = false;
    house.pass(31);
    assert_eq!(house.info(&token).await.status, 200);
    issuer.published.lock().unwrap().is_away = true;
    house.pass(7_200);
    assert_eq!(house.info(&token).await.status, 200);
    let unknown = new_key().sign(&said).unwrap();
    house.info_refused(&unknown, "InvalidAuthenticationToken").await;
    assert_eq!(house.info(&token).await.status, 200);
}

const GRANTS: &str = r#"
    [[issuer.grant]]
    app_role = "Admin"
    role = "tenantAdministrator"
    [[issuer.grant]]
    group = "makers"
    role = "environmentMaker"
    environment = "sales"
"#;

#[tokio::test]
async fn roles_go_with_the_newest_token() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted(GRANTS).await;
    let plain = issuer.said(&house);
    let token = issuer.key.sign(&plain).unwrap();
    assert_eq!(house.call(&token, Method::GET, "/users").await.status, 403);
    house.pass(1);
    let mut admin = issuer.said(&house);
    admin["roles"] = json!(["Admin", "Other"]);
    admin["groups"] = json!(["makers"]);
    let admin = issuer.key.sign(&admin).unwrap();
    let users = house.call(&admin, Method::GET, "/users").await;
    assert_eq!(users.status, 200, "{users:?}");
    assert_eq!(users.json()["value"][0]["issuer"], json!(issuer.url));
    let me = house.call(&admin, Method::GET, "/me").await.json();
    let roles = json!([
        {"role": "tenantAdministrator"},
        {"role": "environmentMaker", "environment": "sales"},
    ]);
    assert_eq!(me["roles"], roles);
    // a group of the name of a role is no role
    house.pass(1);
    let mut confused = issuer.said(&house);
    confused["groups"] = json!(["Admin"]);
    let confused = issuer.key.sign(&confused).unwrap();
    assert_eq!(house.call(&confused, Method::GET, "/users").await.status, 403);
    // and what was said before does not come back
    assert_eq!(house.call(&admin, Method::GET, "/users").await.status, 403);
    let strict = issuer.trusted(&format!("only_with_role = true\n{GRANTS}")).await;
    let answer = strict.info(&issuer.key.sign(&plain).unwrap()).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden"));
}

#[tokio::test]
async fn a_program_from_outside_is_a_program_here() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted(GRANTS).await;
    let mut said = issuer.said(&house);
    said["idtyp"] = json!("app");
    said["azp"] = json!("nightly");
    said["roles"] = json!(["Admin"]);
    let token = issuer.key.sign(&said).unwrap();
    let me = house.call(&token, Method::GET, "/me").await.json();
    assert_eq!((&me["kind"], &me["displayName"]), (&json!("application"), &json!("nightly")));
    assert_eq!(house.call(&token, Method::GET, "/users").await.status, 200);
    assert_eq!(house.call(&token, Method::GET, "/me/sessions").await.status, 403);
    // without 'idtyp' by its lack of a scope; a person's id token lacks it as well
    let mut quiet = issuer.said(&house);
    quiet["scp"] = Value::Null;
    house.info_refused(&issuer.key.sign(&quiet).unwrap(), "InvalidAuthenticationToken").await;
    quiet["sub"] = quiet["oid"].clone();
    let token = issuer.key.sign(&quiet).unwrap();
    assert_eq!(house.call(&token, Method::GET, "/me").await.json()["kind"], "application");
}

#[tokio::test]
async fn nobody_from_outside_becomes_somebody_who_is_here() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let local = house.user("ada", vec![server::auth::caller::Role::TenantAdministrator]).await;
    let mut said = issuer.said(&house);
    said["preferred_username"] = json!("ada@example.org");
    said["oid"] = json!(local.id);
    let token = issuer.key.sign(&said).unwrap();
    let me = house.call(&token, Method::GET, "/me").await.json();
    assert_ne!(me["id"], json!(local.id));
    assert_ne!(me["userPrincipalName"], "ada@example.org");
    assert_eq!(me["roles"], json!([]));
}

#[tokio::test]
async fn who_is_disabled_or_revoked_here_is_refused() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let token = issuer.key.sign(&issuer.said(&house)).unwrap();
    let id = house.call(&token, Method::GET, "/me").await.json()["id"].clone();
    let id = id.as_str().unwrap();
    house.app.enable_user(&root(), id, false).await.unwrap();
    house.info_refused(&token, "InvalidAuthenticationToken").await;
    house.app.enable_user(&root(), id, true).await.unwrap();
    assert_eq!(house.info(&token).await.status, 200);
    house.app.revoke_user(&root(), id).await.unwrap();
    house.info_refused(&token, "InvalidAuthenticationToken").await;
    house.pass(2);
    let token = issuer.key.sign(&issuer.said(&house)).unwrap();
    assert_eq!(house.info(&token).await.status, 200);
    // no password lets them in here
    let refused = house.app.set_password(&root(), id, "a password that is long").await;
    assert_eq!(refused.unwrap_err().code, "UserIsFromOutside");
}

#[tokio::test]
async fn what_an_issuer_publishes_is_its_own_and_of_a_size() {
    let issuer = Issuer::start().await;
    let house = issuer.trusted("").await;
    let mut said = issuer.said(&house);
    said["exp"] = json!(house.now() + 600);
    let token = issuer.key.sign(&said).unwrap();
    let away = async || {
        let answer = house.info(&token).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "IssuerUnavailable"));
    };
    issuer.published.lock().unwrap().other_name = Some("https://elsewhere.example".to_owned());
    away().await;
    assert_eq!(issuer.asked(), 0);
    issuer.published.lock().unwrap().other_name = None;
    issuer.published.lock().unwrap().padding = 600 * 1024;
    house.pass(31);
    away().await;
    // a secret among the keys, or one to encrypt with, is no key to check with
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "kid": issuer.key.id(), "alg": "HS256"});
    let mut other_use = issuer.key.public();
    other_use["use"] = json!("enc");
    issuer.published.lock().unwrap().padding = 0;
    issuer.published.lock().unwrap().keys = vec![secret, other_use];
    house.pass(31);
    away().await;
    let mut other_algorithm = issuer.key.public();
    other_algorithm["alg"] = json!("PS256");
    issuer.published.lock().unwrap().keys = vec![other_algorithm];
    house.pass(31);
    house.info_refused(&token, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn an_issuer_on_this_network_takes_a_line_in_the_egress_policy() {
    let issuer = Issuer::start().await;
    let text = format!("[[issuer]]\nurl = \"{}\"\naudiences = [\"api://flows\"]", issuer.url);
    let policy = connector::http::EgressPolicy::default();
    let issuers = Issuers::new(read_settings(&text).expect("settings"), policy);
    let house = House::open_trusting(issuers.expect("a client")).await;
    let token = issuer.key.sign(&issuer.said(&house)).unwrap();
    assert_eq!(house.info(&token).await.status, 503);
    assert_eq!(issuer.asked(), 0);
}
