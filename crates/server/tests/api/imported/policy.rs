//! Policies that need the server: where the next page is, and what a status says of the
//! connection.

use super::{Shop, template, with_key};
use crate::people::OWNER;
use crate::support::api::path_of;
use reqwest::Method;
use serde_json::{Value, json};

/// Three things, a page each.
async fn paged() -> Shop {
    let shop = Shop::open(|asked, _| {
        let skip = asked.path.split_once("skip=").map_or(0, |(_, it)| it.parse().unwrap_or(0));
        let mut page = json!({"value": [skip]});
        if skip < 2 {
            let host = asked.header("host");
            page["nextLink"] = json!(format!("http://{host}/api/things?skip={}", skip + 1));
        }
        (200, Vec::new(), page)
    })
    .await;
    let policy = template("updatenextlink", &json!({"nextLinkPropertyName": "nextLink"}));
    let properties = with_key(&json!({"policyTemplateInstances": [policy]}));
    shop.import(&shop.definition(), &properties, &json!({})).await;
    shop.connect("shared_shop", "one", &json!({"api_key": "k-4711"}), 201).await;
    shop
}

#[tokio::test]
async fn the_next_page_leads_back_over_the_connection() {
    let shop = paged().await;
    let mut path = "/apim/shop/one/things".to_owned();
    for number in 0..3 {
        let page = shop.people.ask(OWNER, (Method::GET, &path), None, 200).await;
        assert_eq!(page["value"], json!([number]));
        match page["nextLink"].as_str() {
            Some(link) => {
                assert!(!link.contains(&shop.backend.addr.to_string()), "{link}");
                path = path_of(link).to_owned();
            }
            None => assert_eq!(number, 2),
        }
    }
    // the service saw the connection's key each time
    let asked = shop.backend.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|it| it.header("x-key") == "k-4711"), "{asked:?}");
}

#[tokio::test]
async fn a_flow_goes_through_the_pages_too() {
    let shop = paged().await;
    let mut action = crate::connector_call::open_api("ListThings", &json!({}));
    action["inputs"]["host"] = json!({"connectionName": "shared_shop", "operationId": "ListThings",
        "apiId": "/providers/Microsoft.PowerApps/apis/shared_shop"});
    action["runtimeConfiguration"] = json!({"paginationPolicy": {"minimumItemCount": 100}});
    let run = shop.run_actions(&json!({"Call": action})).await;
    assert_eq!(run["Call"]["outputs"]["body"]["value"], json!([0, 1, 2]), "{run}");
    let asked = shop.backend.asked();
    assert!(asked.iter().all(|it| it.header("x-key") == "k-4711"), "{asked:?}");
    let lines: Vec<String> = asked.iter().map(crate::backend::Asked::line).collect();
    assert_eq!(lines, ["GET /api/things", "GET /api/things?skip=1", "GET /api/things?skip=2"]);
}

#[tokio::test]
async fn a_status_says_that_the_connection_is_no_longer_good() {
    let shop = Shop::open(|asked, _| match asked.path.as_str() {
        "/api/things" => (403, Vec::new(), json!({"message": "No."})),
        _ => (401, Vec::new(), Value::Null),
    })
    .await;
    let policy = template(
        "setconnectionstatustounauthenticated",
        &json!({"statusCode": "403", "operations": ["ListThings"]}),
    );
    let properties = with_key(&json!({"policyTemplateInstances": [policy]}));
    shop.import(&shop.definition(), &properties, &json!({})).await;
    shop.connect("shared_shop", "one", &json!({"api_key": "k-4711"}), 201).await;
    // neither another operation nor another status says so
    assert_eq!(shop.call("shop/one/other").await.status, 401);
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
    let action = shop.run("ListThings", &json!({})).await;
    assert_eq!(
        (&action["status"], &action["outputs"]["statusCode"]),
        (&json!("Failed"), &json!(403))
    );
    let refused = ("Error".to_owned(), "Unauthenticated".to_owned());
    assert_eq!(shop.standing("shared_shop", "one").await, refused);
    let asked = shop.backend.asked().len();
    let answer = shop.call("shop/one/things").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "ConnectionFaulted"));
    assert_eq!(shop.backend.asked().len(), asked);
    // made anew, even with the same key, it is tried again
    shop.connect("shared_shop", "one", &json!({"api_key": "k-4711"}), 200).await;
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Connected");
    assert_eq!(shop.call("shop/one/things").await.status, 403);
    assert_eq!(shop.standing("shared_shop", "one").await.0, "Error");
}
