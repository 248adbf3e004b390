//! The way of a browser to the service and back.

use super::scene::{CONNECTOR, NAME, SECRET, Scene, local};
use crate::login::browser::{Browser, query};
use crate::login::house::root;
use connector::http::Secret;
use reqwest::Method;
use serde_json::json;
use server::app::access::Scope;
use server::app::connector::connection::{ConnectionAt, ConnectionInput, ConnectionShare};
use server::app::facts::PrincipalKind;
use server::auth::policy::Hold;

#[tokio::test]
async fn who_signs_in_at_the_service_is_connected() {
    let scene = Scene::set().await;
    let fault = scene.connection().await.fault.expect("a fault");
    assert_eq!(fault.code, "Unauthenticated");
    let refused = scene.token_of(&scene.house).await.unwrap_err();
    assert_eq!(refused.code, "ConnectionAuthenticationExpired");
    scene.sign_in().await;
    assert_eq!(scene.connection().await.fault, None);
    let token = scene.token_of(&scene.house).await.expect("a token");
    assert!(scene.is_good(&token).await);
    let tested = scene.api(Method::POST, &Scene::path("test"), None, 200).await;
    assert_eq!(tested, json!({"status": "Connected", "tried": true}));
    assert_eq!(scene.seen("authorization_code").await, (1, 1));
    assert_eq!(scene.seen("refresh_token").await, (0, 0));
    // nothing of it is stored as it is, nor told
    let connection = scene.connection().await;
    let store = &scene.house.app.engine.store;
    let listed = scene.house.audit("ConsentConnection").await;
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!(NAME)));
    let mut said = format!("{listed:?} {}", serde_json::to_string(&connection).unwrap());
    let id = serde_json::to_value(&connection).unwrap()["id"].as_str().unwrap().to_owned();
    let record = store.record(53, &id).await.unwrap().expect("a token");
    said.push_str(&String::from_utf8_lossy(&record.body));
    for secret in [token.expose(), SECRET] {
        assert!(!said.contains(secret), "{said}");
    }
    // what it is called may change, what it is made with ends the sign-in
    let renamed = ConnectionInput { display_name: Some("Other".into()), ..Default::default() };
    scene.connect(NAME, renamed).await.expect("a change");
    assert_eq!(scene.token_of(&scene.house).await.unwrap(), token);
    scene.house.app.delete_connection(&scene.caller(), at()).await.expect("gone");
    assert!(store.record(53, &id).await.unwrap().is_none());
}

fn at() -> ConnectionAt<'static> {
    let scope = Scope::Mine;
    ConnectionAt { environment: "default", connector: CONNECTOR, name: NAME, scope }
}

#[tokio::test]
async fn a_state_is_good_once_for_a_while_and_for_who_asked() {
    let scene = Scene::set().await;
    let (id, link) = scene.link().await;
    let mut browser = Browser::default();
    let address = scene.follow(&mut browser, &link).await;
    let state = url::Url::parse(&address).unwrap();
    let state = state.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let back = local(&scene.house, &scene.at_provider(&address, true).await);
    // another browser, with somebody else in it or nobody, brings the same
    let mut other = Browser::default();
    let page = other.get(&scene.house, &back).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("began in another browser"), "{}", page.text);
    let eve = scene.house.user("eve", vec![]).await;
    let (_, again) = scene.link().await;
    let page = other.get(&scene.house, &again).await;
    let page = other.sign_in(&scene.house, &again, &page, &eve.user_principal_name).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("Somebody else asked"), "{}", page.text);
    assert_eq!(other.get(&scene.house, &back).await.status, 400);
    assert_eq!(scene.standing(&id).await, json!({"status": "Waiting"}));
    // one that nobody asked for
    let forged = back.replace(&state, &"x".repeat(state.len()));
    assert_eq!(browser.get(&scene.house, &forged).await.status, 400);
    assert_eq!(scene.seen("authorization_code").await, (0, 0));
    // the right one, once
    assert_eq!(browser.get(&scene.house, &back).await.status, 200);
    let page = browser.get(&scene.house, &back).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("used already"), "{}", page.text);
    assert_eq!(browser.get(&scene.house, &link).await.status, 400);
    assert_eq!(scene.seen("authorization_code").await, (1, 1));
    // and in time
    let (id, link) = scene.link().await;
    let address = scene.follow(&mut browser, &link).await;
    let back = local(&scene.house, &scene.at_provider(&address, true).await);
    scene.house.pass(901);
    let page = browser.get(&scene.house, &back).await;
    assert!(page.status == 400 && page.text.contains("too old"), "{}", page.text);
    let path = Scene::path(&format!("consents/{id}"));
    let standing = scene.house.app.consent_standing(&scene.caller(), at(), &id).await.unwrap();
    assert!(matches!(standing, server::app::connector::oauth::consent::Standing::Failed(_)));
    // it is nobody else's to ask about
    let theirs = scene.house.app.consent_standing(&root(), at(), &id).await.unwrap_err();
    assert_eq!(theirs.code, "ConsentNotFound", "{path}");
}

#[tokio::test]
async fn who_does_not_consent_is_not_connected() {
    let scene = Scene::set().await;
    let (id, link) = scene.link().await;
    let mut browser = Browser::default();
    let address = scene.follow(&mut browser, &link).await;
    let back = local(&scene.house, &scene.at_provider(&address, false).await);
    let page = browser.get(&scene.house, &back).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("access_denied"), "{}", page.text);
    let standing = scene.standing(&id).await;
    assert_eq!(standing["status"], "Failed");
    assert!(standing["message"].as_str().unwrap().contains("access_denied"), "{standing}");
    assert!(scene.connection().await.fault.is_some());
}

#[tokio::test]
async fn who_cannot_sign_in_here_is_asked_first() {
    let scene = Scene::set().await;
    let begun = scene.house.app.begin_consent(&root(), at()).await.expect("a link");
    let link = local(&scene.house, &begun.link);
    let mut browser = Browser::default();
    let page = browser.get(&scene.house, &link).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("just asked for this") && page.text.contains("Files"));
    // a form that another site made is refused
    let forged = scene.house.filled(&link, &vec![("step", "go"), ("mark", "x")]);
    let forged = crate::world::Answer::of(forged.header("cookie", browser.cookie())).await;
    assert_eq!(forged.status, 400);
    let page = browser.submit(&scene.house, &link, &page, &vec![]).await;
    assert_eq!(query(&page)["client_id"], "files");
    let back = scene.at_provider(page.header("location"), true).await;
    assert_eq!(browser.get(&scene.house, &local(&scene.house, &back)).await.status, 200);
    assert!(scene.token_of(&scene.house).await.is_ok());
}

#[tokio::test]
async fn clients_of_the_original_get_links_and_see_the_status() {
    let scene = Scene::set().await;
    let path = format!("/providers/Microsoft.PowerApps/apis/{CONNECTOR}/connections/{NAME}");
    let status = async |status: u16, expected: &str| {
        let shown = scene.original(Method::GET, &path, 200).await;
        let properties = &shown["properties"];
        assert_eq!(properties["overallStatus"], expected, "{shown}");
        let link = properties["testLinks"][0]["requestUri"].as_str().expect("a link").to_owned();
        let tested = local(&scene.house, &link);
        scene.original(Method::GET, &tested, status).await
    };
    let refused = status(401, "Error").await;
    assert_eq!(refused["error"]["code"], "ConnectionAuthenticationExpired");
    scene.original(Method::GET, &format!("{path}/listConsentLinks"), 405).await;
    let given = scene.original(Method::POST, &format!("{path}/getConsentLink"), 200).await;
    assert!(given["consentLink"].as_str().unwrap().contains("/oauth/consent?request="));
    let given = scene.original(Method::POST, &format!("{path}/listConsentLinks"), 200).await;
    let link = local(&scene.house, given["value"][0]["link"].as_str().unwrap());
    let mut browser = Browser::default();
    let address = scene.follow(&mut browser, &link).await;
    let back = scene.at_provider(&address, true).await;
    assert_eq!(browser.get(&scene.house, &local(&scene.house, &back)).await.status, 200);
    status(200, "Connected").await;
}

#[tokio::test]
async fn signing_in_again_keeps_everything_else() {
    let scene = Scene::signed_in().await;
    let before = scene.token_of(&scene.house).await.unwrap();
    let eve = scene.house.user("eve", vec![]).await;
    let share = ConnectionShare {
        principal: eve.id.clone(),
        kind: PrincipalKind::User,
        hold: Hold::CanView,
    };
    // what somebody signed in for is theirs; a connector may say otherwise
    let refused = scene.house.app.share_connection(&root(), at(), (vec![share], vec![])).await;
    assert_eq!(refused.unwrap_err().code, "ConnectionNotShareable");
    scene.tell("revoke").await;
    let refused = scene.house.app.token_refused(&scene.connection().await, &before).await;
    assert_eq!(refused.unwrap_err().code, "ConnectionAuthenticationExpired");
    let broken = scene.connection().await;
    scene.sign_in().await;
    let after = scene.connection().await;
    assert_eq!((after.fault, &after.name, after.created), (None, &broken.name, broken.created));
    let token: Secret = scene.token_of(&scene.house).await.unwrap();
    assert!(token != before && scene.is_good(&token).await);
}
