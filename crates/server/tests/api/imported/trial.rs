//! Whether a connection works is found out by what its connector names for that.

use super::{Shop, with_key};
use crate::people::{ADMINISTRATOR, HEAD, OWNER, STRANGER};
use reqwest::Method;
use serde_json::{Value, json};

/// Lets in who has the key `good`, and is away for who has the key `away`.
async fn shop() -> Shop {
    let shop = Shop::open(|asked, _| match asked.header("x-key") {
        "good" => (200, Vec::new(), json!({"id": 1})),
        "away" => (503, Vec::new(), json!({"message": "Not now."})),
        _ => (401, Vec::new(), json!({"error": {"message": "Who are you?"}})),
    })
    .await;
    shop.import(&shop.definition(), &with_key(&json!({})), &json!({})).await;
    shop
}

fn key(value: &str) -> Value {
    json!({"api_key": value})
}

#[tokio::test]
async fn a_key_is_tried_at_its_service() {
    let shop = shop().await;
    shop.connect("shared_shop", "one", &key("good"), 201).await;
    let tested = shop.test("shared_shop", "one", 200).await;
    assert_eq!(
        tested,
        json!({"status": "Connected", "tried": true, "operation": "Check", "statusCode": 200})
    );
    let asked = shop.backend.asked();
    assert_eq!((asked.len(), asked[0].line().as_str()), (1, "GET /api/me/short"));
    assert_eq!(asked[0].header("x-key"), "good");
    // a key that is refused: the connection says so, and its calls go nowhere
    shop.connect("shared_shop", "one", &key("bad"), 200).await;
    let tested = shop.test("shared_shop", "one", 200).await;
    assert_eq!(
        tested,
        json!({"status": "Error", "tried": true, "operation": "Check", "statusCode": 401,
            "message": "Who are you?"})
    );
    let refused = ("Error".to_owned(), "Unauthenticated".to_owned());
    assert_eq!(shop.standing("shared_shop", "one").await, refused);
    let before = shop.backend.asked().len();
    let answer = shop.call("shop/one/things").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "ConnectionFaulted"));
    assert_eq!(shop.backend.asked().len(), before);
    // the test links of the original
    let answer = shop.call("shop/one/testconnection").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "TestConnectionFailed"));
    assert!(answer.text.contains("Who are you?"), "{}", answer.text);
    // another key is another connection
    shop.connect("shared_shop", "one", &key("good"), 200).await;
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
    assert_eq!(shop.call("shop/one/testconnection").await.status, 200);
    let audited = shop.people.world.api.list("/api/v1/audit?operation=ConnectionRefused").await;
    assert_eq!(audited.len(), 1, "{audited:?}");
}

#[tokio::test]
async fn a_test_that_succeeds_clears_what_another_said() {
    let is_open = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let known = std::sync::Arc::clone(&is_open);
    let shop = Shop::open(move |_, _| {
        let is_open = known.load(std::sync::atomic::Ordering::SeqCst);
        (if is_open { 200 } else { 403 }, Vec::new(), json!({}))
    })
    .await;
    shop.import(&shop.definition(), &with_key(&json!({})), &json!({})).await;
    shop.connect("shared_shop", "one", &key("k"), 201).await;
    assert_eq!(shop.test("shared_shop", "one", 200).await["status"], "Error");
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Error");
    is_open.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(shop.test("shared_shop", "one", 200).await["status"], "Connected");
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
    assert_eq!(shop.call("shop/one/things").await.status, 200);
}

#[tokio::test]
async fn a_service_that_is_away_says_nothing_of_the_connection() {
    let shop = shop().await;
    shop.connect("shared_shop", "one", &key("away"), 201).await;
    let tested = shop.test("shared_shop", "one", 200).await;
    assert_eq!((&tested["status"], &tested["message"]), (&json!("Unknown"), &json!("Not now.")));
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
    assert_eq!(shop.call("shop/one/testconnection").await.status, 503);
}

#[tokio::test]
async fn a_test_is_a_call_like_any() {
    let shop = shop().await;
    shop.connect("shared_shop", "one", &key("good"), 201).await;
    let path = shop.path("/shared_shop/connections/one/test");
    shop.people.ask(STRANGER, (Method::POST, &path), None, 403).await;
    shop.people.ask(ADMINISTRATOR, (Method::POST, &path), None, 403).await;
    let rule = json!({"connector": "shared_shop", "group": "Blocked"});
    let policy = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "NonBusiness",
        "connectors": [rule]});
    let at = "/api/v1/data-policies/closed";
    shop.people.ask(HEAD, (Method::PUT, at), Some(&policy), 201).await;
    let refused = shop.test("shared_shop", "one", 403).await;
    assert_eq!(refused["error"]["code"], "DataPolicyViolation");
    assert!(shop.backend.asked().is_empty());
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
}

#[tokio::test]
async fn built_in_connectors_are_tried_too() {
    let shop = Shop::open_with(
        |_, _| (200, Vec::new(), Value::Null),
        |setup, dir| {
            let folder = dir.join("files");
            std::fs::create_dir(&folder).expect("a folder");
            setup.env("SLUICEGATE_CONNECTOR_FOLDER", folder)
        },
    )
    .await;
    // a database that is not there, a folder, and nothing that could be called
    for (connector, parameters, operation, status) in [
        ("shared_filesystem", json!({}), Some("ListRootFolder"), "Connected"),
        (
            "shared_sql",
            json!({"engine": "sqlite", "database": "a.db"}),
            Some("TestConnection"),
            "Unknown",
        ),
        (
            "shared_smtp",
            json!({"serverAddress": "127.0.0.1", "port": "1", "security": "none"}),
            Some("TestConnection"),
            "Unknown",
        ),
        ("sluicegate_slackwebhook", json!({"webhookUrl": "https://x.example"}), None, "Connected"),
    ] {
        shop.connect(connector, "c1", &parameters, 201).await;
        let tested = shop.test(connector, "c1", 200).await;
        let operation = operation.map_or(Value::Null, Value::from);
        assert_eq!(
            (&tested["status"], &tested["operation"]),
            (&json!(status), &operation),
            "{connector}: {tested}"
        );
        assert_eq!(tested["tried"], !operation.is_null(), "{connector}");
    }
    let set =
        json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
    for (connector, operation) in [
        ("shared_flowmanagement", json!("ListUserEnvironments")),
        ("shared_microsoftflowforadmins", Value::Null),
    ] {
        let at = format!("apis/{connector}/connections/c1");
        shop.people.api(OWNER, Method::PUT, &at, Some(&set), 201).await;
        let tested = shop.test(connector, "c1", 200).await;
        assert_eq!((&tested["status"], &tested["operation"]), (&json!("Connected"), &operation));
        assert_eq!(tested["tried"], true, "{connector}");
    }
}
