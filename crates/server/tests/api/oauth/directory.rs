//! Connectors that sign in at a directory as Entra ID is one: this server itself.

use super::scene::{LIFE, NAME, Scene, local};
use crate::login::browser::Browser;
use crate::login::house::root;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::access::Scope;
use server::app::connector::connection::{ConnectionAt, ConnectionInput};
use server::app::directory::Application;
use server::app::directory::application::ApplicationInput;

const NOTES: &str = "shared_notes";

/// A connector of whose service this server is the directory.
async fn notes(scene: &Scene, provider: &str, grant: &str) {
    let custom = json!({
        "loginUri": {"value": format!("http://{}", scene.house.address)},
        "tenantId": {"value": "common"},
        "resourceUri": {"value": "api://sluicegate"},
        "grantType": {"value": grant},
    });
    let settings = json!({
        "identityProvider": provider, "clientId": "<<Please add your clientID here>>",
        "redirectMode": "GlobalPerConnector", "customParameters": custom,
    });
    let sets = json!({"connectionParameters": {
        "token": {"type": "oauthSetting", "oAuthSettings": settings}}});
    scene.connector(NOTES, &sets).await;
}

async fn application(scene: &Scene) -> Application {
    let redirect = format!("http://{}/oauth/redirect/notes", scene.house.address);
    let input = ApplicationInput {
        display_name: "Notes".to_owned(),
        is_public: false,
        redirect_uris: vec![redirect],
        is_consented: true,
        roles: Vec::new(),
    };
    scene.house.app.create_application(&root(), input).await.expect("an application")
}

async fn known_as(scene: &Scene, client: Value) {
    let path = format!("/environments/default/connectors/{NOTES}/client");
    let set = scene.api(Method::PUT, &path, Some(&client), 200).await;
    assert!(set["redirectAddresses"][0].as_str().unwrap().ends_with("/oauth/redirect/notes"));
}

fn at() -> ConnectionAt<'static> {
    let scope = Scope::Mine;
    ConnectionAt { environment: "default", connector: NOTES, name: NAME, scope }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_consents_at_a_directory() {
    let scene = Scene::set().await;
    notes(&scene, "aad", "code").await;
    let application = application(&scene).await;
    let app = &scene.house.app;
    let (_, secret) = app.add_secret(&root(), &application.id, None).await.expect("a secret");
    known_as(&scene, json!({"clientId": application.client_id, "secret": secret})).await;
    scene.connect_to(NOTES, NAME, ConnectionInput::default()).await.expect("a connection");
    let begun = app.begin_consent(&scene.caller(), at()).await.expect("a link");
    let link = local(&scene.house, &begun.link);
    let mut browser = Browser::default();
    let page = browser.get(&scene.house, &link).await;
    let name = &scene.ada.user_principal_name;
    let page = browser.sign_in(&scene.house, &link, &page, name).await;
    let page = browser.submit(&scene.house, &link, &page, &vec![]).await;
    // she is signed in at the directory already, since it is the same
    let there = local(&scene.house, page.header("location"));
    assert!(there.starts_with("/common/oauth2/authorize?"), "{there}");
    let page = browser.get(&scene.house, &there).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let back = local(&scene.house, page.header("location"));
    let page = browser.get(&scene.house, &back).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let connection = scene.connection_of(NOTES).await;
    let first = app.access_token_of(&connection).await.expect("a token");
    assert_eq!(scene.house.info(first.expose()).await.status, 200);
    // a day is longer than an access token lives
    scene.house.pass(144 * LIFE);
    scene.house.info_refused(first.expose(), "ExpiredAuthenticationToken").await;
    let second = app.access_token_of(&connection).await.expect("a token");
    assert_eq!(scene.house.info(second.expose()).await.status, 200);
    // with the application, its tokens end
    app.delete_application(&root(), &application.id).await.expect("gone");
    let refused = app.token_refused(&connection, &second).await.unwrap_err();
    assert_eq!(refused.code, "ConnectionAuthenticationExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_stands_for_a_secret() {
    let scene = Scene::set().await;
    notes(&scene, "aadcertificate", "client_credentials").await;
    let application = application(&scene).await;
    let dir = tempfile::tempdir().expect("a folder");
    let [own, other] = ["own", "other"]
        .map(|name| rig::authority::self_signed(dir.path(), name).expect("a certificate"));
    let pem = std::fs::read_to_string(&own.certificate).expect("a file");
    let app = &scene.house.app;
    app.add_certificate(&root(), &application.id, &pem).await.expect("a certificate");
    for (own, is_known) in [(&other, false), (&own, true)] {
        let pfx = STANDARD.encode(rig::authority::pfx(own, "sesame").expect("a PFX file"));
        let certificate = json!({"pfx": pfx, "password": "sesame"});
        let client = json!({"clientId": application.client_id, "certificate": certificate});
        known_as(&scene, client).await;
        scene.connect_to(NOTES, NAME, ConnectionInput::default()).await.expect("a connection");
        let connection = scene.connection_of(NOTES).await;
        assert_eq!(connection.fault, None);
        match app.access_token_of(&connection).await {
            Ok(token) if is_known => {
                assert_eq!(scene.house.info(token.expose()).await.status, 200);
            }
            Err(error) if !is_known => assert!(error.message.contains("AADSTS700027"), "{error:?}"),
            other => panic!("{is_known}: {other:?}"),
        }
    }
}
