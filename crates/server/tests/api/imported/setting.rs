//! Where a connector's service is, said at its import: the files stay as they came.

use super::{Shop, with_key};
use crate::people::OWNER;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn host_base_path_and_scheme_are_said_besides() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    let mut document = shop.definition();
    document["host"] = json!("shop.example.org");
    document["schemes"] = json!(["https"]);
    let host = shop.backend.addr.to_string();
    let settings = json!({"host": host, "basePath": "v2/", "scheme": "http"});
    let made = shop.import(&document, &with_key(&json!({})), &json!({"settings": settings})).await;
    assert_eq!(made["service"], format!("http://{host}/v2"));
    assert_eq!(made["settings"], json!({"host": host, "basePath": "/v2", "scheme": "http"}));
    shop.connect("shared_shop", "one", &json!({"api_key": "k"}), 201).await;
    assert_eq!(shop.call("shop/one/things").await.status, 200);
    assert_eq!(shop.run("ListThings", &json!({})).await["status"], "Succeeded");
    let lines: Vec<String> = shop.backend.asked().iter().map(|it| it.line()).collect();
    assert_eq!(lines, ["GET /v2/things", "GET /v2/things"]);
    let file = shop.path("/shared_shop/files/apiDefinition.swagger.json");
    let text = shop.people.send(OWNER, Method::GET, &file, None).await.text;
    assert_eq!(text, document.to_string());
    // other files leave it, and other settings are all of them
    let path = shop.path("/shared_shop");
    let mut body = json!({"definition": document.to_string(),
        "properties": json!({"properties": with_key(&json!({}))}).to_string()});
    let stays = shop.people.ask(OWNER, (Method::PUT, &path), Some(&body), 200).await;
    assert_eq!(stays["service"], format!("http://{host}/v2"));
    body["settings"] = json!({"host": host, "scheme": "http"});
    let other = shop.people.ask(OWNER, (Method::PUT, &path), Some(&body), 200).await;
    assert_eq!(other["service"], format!("http://{host}/api"));
    assert_eq!(shop.call("shop/one/things").await.status, 200);
    assert_eq!(shop.backend.asked()[2].line(), "GET /api/things");
    body["settings"] = json!({});
    let own = shop.people.ask(OWNER, (Method::PUT, &path), Some(&body), 200).await;
    assert_eq!(
        (&own["service"], &own["settings"]),
        (&json!("https://shop.example.org/api"), &Value::Null)
    );
    body["settings"] = json!({"host": "a/b"});
    let refused = shop.people.ask(OWNER, (Method::PUT, &path), Some(&body), 400).await;
    assert_eq!(refused["error"]["code"], "InvalidConnectorService");
}
