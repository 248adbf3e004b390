//! Programs that sign in by themselves, and what connectors are known as.

use super::scene::{CONNECTOR, LIFE, NAME, SECRET, Scene};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::connector::connection::ConnectionInput;

/// Sets of parameters: a person's, and a program's with a client of its own.
fn properties(scene: &Scene) -> Value {
    let settings = json!({
        "identityProvider": "oauth2",
        "customParameters": {
            "authorizationUrl": {"value": format!("{}/auth", scene.oidc.address)},
            "tokenUrl": {"value": format!("{}/token", scene.oidc.address)},
            "grantType": {"value": "client_credentials"},
        }
    });
    json!({"connectionParameters": {
        "token": {"type": "oauthSetting", "oAuthSettings": settings},
        "token:clientId": {"type": "string"},
        "token:clientSecret": {"type": "securestring"},
    }})
}

fn input(secret: &str) -> ConnectionInput {
    let parameters = json!({"token:clientId": "files", "token:clientSecret": secret});
    let Value::Object(parameters) = parameters else { unreachable!("an object") };
    ConnectionInput { parameters, ..ConnectionInput::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_connected_without_a_person() {
    const PROGRAM: &str = "shared_program";
    let scene = Scene::set().await;
    scene.connector(PROGRAM, &properties(&scene)).await;
    scene.connect_to(PROGRAM, NAME, input(SECRET)).await.expect("a connection");
    let connection = scene.connection_of(PROGRAM).await;
    assert_eq!(connection.fault, None);
    let app = &scene.house.app;
    let asked = (0..20).map(|_| app.access_token_of(&connection));
    let tokens = futures_util::future::join_all(asked).await;
    let first = tokens[0].clone().expect("a token");
    assert!(tokens.iter().all(|it| it.as_ref().is_ok_and(|it| *it == first)));
    assert!(scene.is_good(&first).await);
    assert_eq!(scene.seen("client_credentials").await, (1, 1));
    scene.house.pass(LIFE);
    assert_ne!(app.access_token_of(&connection).await.unwrap(), first);
    // nobody consents for a program
    let path = format!("/environments/default/connectors/{PROGRAM}/connections/{NAME}/consents");
    let refused = scene.api(Method::POST, &path, None, 400).await;
    assert_eq!(refused["error"]["code"], "InvalidOAuthSettings");
    // another secret is another connection: the token of the first one is gone
    scene.connect_to(PROGRAM, NAME, input("wrong")).await.expect("a change");
    let connection = scene.connection_of(PROGRAM).await;
    let refused = app.access_token_of(&connection).await.unwrap_err();
    assert_eq!(refused.code, "ConnectionAuthenticationExpired");
    assert!(refused.message.contains("invalid_client"), "{}", refused.message);
    assert!(!refused.message.contains("wrong"), "{}", refused.message);
    // who corrects it is not kept waiting
    scene.connect_to(PROGRAM, NAME, input(SECRET)).await.expect("a change");
    let connection = scene.connection_of(PROGRAM).await;
    assert!(app.access_token_of(&connection).await.is_ok());
}

#[tokio::test]
async fn a_connectors_secret_does_not_go_where_a_connection_says() {
    const TRAP: &str = "shared_trap";
    let scene = Scene::set().await;
    let mut properties = properties(&scene);
    properties["connectionParameters"]["token:tokenUrl"] = json!({"type": "string"});
    properties["connectionParameters"]["token:clientId"] = json!({"type": "string"});
    scene.connector(TRAP, &properties).await;
    let path = format!("/environments/default/connectors/{TRAP}/client");
    let client = json!({"clientId": "files", "secret": SECRET});
    scene.api(Method::PUT, &path, Some(&client), 200).await;
    // somebody else's server, which writes down what it is asked
    let stub = crate::support::stub::Stub::start().await;
    let value = json!({"token:tokenUrl": format!("http://{}/token", stub.addr)});
    let Value::Object(parameters) = value else { unreachable!("an object") };
    let input = ConnectionInput { parameters, ..ConnectionInput::default() };
    scene.connect_to(TRAP, NAME, input).await.expect("a connection");
    let connection = scene.connection_of(TRAP).await;
    let refused = scene.house.app.access_token_of(&connection).await.unwrap_err();
    assert_eq!(refused.code, "InvalidOAuthSettings");
    assert!(refused.message.contains("'token:tokenUrl'"), "{}", refused.message);
    assert!(stub.calls().is_empty());
}

#[tokio::test]
async fn a_certificate_is_opened_when_it_is_given() {
    let scene = Scene::set().await;
    scene
        .connector(
            "shared_door",
            &json!({"connectionParameters": {"certificate": {"type": "clientCertificate"}}}),
        )
        .await;
    let dir = tempfile::tempdir().expect("a folder");
    let own = rig::authority::self_signed(dir.path(), "ada").expect("a certificate");
    let pfx = STANDARD.encode(rig::authority::pfx(&own, "sesame").expect("a PFX file"));
    let input = |password: &str| {
        let value = json!({"certificate": {"pfx": pfx, "password": password}});
        let Value::Object(parameters) = value else { unreachable!("an object") };
        ConnectionInput { parameters, ..ConnectionInput::default() }
    };
    let refused = scene.connect_to("shared_door", NAME, input("guessed")).await;
    assert_eq!(refused.err().expect("a refusal").code, "InvalidCertificate");
    scene.connect_to("shared_door", NAME, input("sesame")).await.expect("a connection");
    assert_eq!(scene.connection_of("shared_door").await.fault, None);
}

#[tokio::test]
async fn a_client_is_its_connectors_and_its_secret_is_not_told() {
    let scene = Scene::set().await;
    let path = format!("/environments/default/connectors/{CONNECTOR}/client");
    let shown = scene.api(Method::GET, &path, None, 200).await;
    assert_eq!((&shown["clientId"], &shown["hasSecret"]), (&json!("files"), &json!(true)));
    assert!(!shown.to_string().contains(SECRET));
    for (body, code) in [
        (json!({"clientId": ""}), "InvalidConnectorClient"),
        (json!({"clientId": "a", "secret": ""}), "InvalidConnectorClient"),
        (json!({"clientId": "a", "certificate": {"pfx": "%"}}), "InvalidCertificate"),
        (
            json!({"clientId": "a", "secret": "s", "certificate": {"pfx": "%"}}),
            "InvalidConnectorClient",
        ),
    ] {
        let refused = scene.api(Method::PUT, &path, Some(&body), 400).await;
        assert_eq!(refused["error"]["code"], code, "{body}");
    }
    // somebody else may use the connector, and not say what it is
    let eve = scene.house.user("eve", vec![]).await;
    let eve = server::auth::caller::Caller::person(&eve.id, Vec::new(), Vec::new());
    let theirs = scene.house.app.get_connector_client(&eve, ("default", CONNECTOR)).await;
    assert_eq!(theirs.err().expect("a refusal").kind, server::app::ErrorKind::Forbidden);
    let said = scene.house.audit("SetConnectorClient").await;
    assert_eq!(said[0], json!({"clientId": "files", "certificate": null}));
    // without a client nobody can sign in
    scene.api(Method::DELETE, &path, None, 204).await;
    let refused = scene.api(Method::POST, &Scene::path("consents"), None, 400).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("no OAuth client"));
}
