//! Flows over built-in connectors, through the whole server: a database, a feed, a service
//! with tokens of Entra ID's kind, and incoming webhooks.

use super::Shop;
use crate::people::APPLICATION;
use rig::Postgres;
use serde_json::{Value, json};

const FEED: &str = "<rss version='2.0'><channel><item><guid>g1</guid><title>First</title>\
     <link>https://x.org/1</link><pubDate>Thu, 01 Jan 2026 10:00:00 GMT</pubDate></item></channel></rss>";

fn call(connector: &str, operation: &str, parameters: &Value) -> Value {
    json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": connector, "operationId": operation,
            "apiId": format!("/providers/Microsoft.PowerApps/apis/{connector}")},
        "parameters": parameters, "retryPolicy": {"type": "none"}}})
}

async fn shop() -> Shop {
    Shop::open(|asked, _| match asked.path.as_str() {
        "/feed" => (200, vec![("content-type", "text/xml".to_owned())], json!(FEED)),
        _ => (200, vec![("content-type", "text/plain".to_owned())], json!("ok")),
    })
    .await
}

#[tokio::test]
async fn a_flow_reads_a_feed_and_tells_both_channels() {
    let shop = shop().await;
    let address = |path: &str| json!({"webhookUrl": shop.backend.url(path)});
    shop.connect("shared_rss", "c1", &json!({}), 201).await;
    shop.connect("sluicegate_teamswebhook", "c1", &address("/teams/hook-4711"), 201).await;
    shop.connect("sluicegate_slackwebhook", "c1", &address("/slack/hook-4711"), 201).await;
    let title = "@{first(body('Read'))?['title']}";
    let mut actions = json!({
        "Read": call("shared_rss", "ListFeedItems", &json!({"feedUrl": shop.backend.url("/feed")})),
        "Teams": call("sluicegate_teamswebhook", "PostMessage", &json!({"text": title})),
        "Slack": call("sluicegate_slackwebhook", "PostMessage", &json!({"text": title})),
    });
    actions["Teams"]["runAfter"] = json!({"Read": ["Succeeded"]});
    actions["Slack"]["runAfter"] = json!({"Teams": ["Succeeded"]});
    let names = ["shared_rss", "sluicegate_teamswebhook", "sluicegate_slackwebhook"];
    let run = shop.run_over(&names, &actions).await;
    for name in ["Read", "Teams", "Slack"] {
        assert_eq!(run[name]["status"], "Succeeded", "{run}");
    }
    assert!(!run.to_string().contains("hook-4711"), "an address is a secret: {run}");
    let asked = shop.backend.asked();
    assert_eq!(asked[1].line(), "POST /teams/hook-4711");
    assert!(asked[1].json().to_string().contains("First"), "{}", asked[1].json());
    assert_eq!(
        (asked[2].line().as_str(), asked[2].json()),
        ("POST /slack/hook-4711", json!({"text": "First"}))
    );
}

#[tokio::test]
async fn a_flow_writes_and_reads_a_database() {
    let shop = shop().await;
    let server = Postgres::shared().expect("a database server");
    server.create_database("imported_people").await.expect("a database");
    server.execute("imported_people", include_str!("person.sql")).await.expect("a table");
    let parameters = json!({"engine": "postgresql", "server": "127.0.0.1", "port": server.port(),
        "database": "imported_people", "username": "postgres", "encryption": "none"});
    shop.connect("shared_sql", "c1", &parameters, 201).await;
    let tested = shop.test("shared_sql", "c1", 200).await;
    assert_eq!((&tested["status"], &tested["statusCode"]), (&json!("Connected"), &json!(200)));
    let place = |more: Value| {
        let mut all = json!({"server": "default", "database": "default", "table": "person"});
        all.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        all
    };
    let mut actions = json!({
        "Add": call("shared_sql", "PostItem_V2", &place(json!({"item/name": "O'Hara"}))),
        "List": call("shared_sql", "GetItems_V2", &place(json!({"$filter": "name eq 'O''Hara'"}))),
    });
    actions["List"]["runAfter"] = json!({"Add": ["Succeeded"]});
    let run = shop.run_over(&["shared_sql"], &actions).await;
    assert_eq!(
        run["List"]["outputs"]["body"]["value"],
        json!([{"id": 1, "name": "O'Hara"}]),
        "{run}"
    );
}

#[tokio::test]
async fn a_flow_calls_a_service_with_a_token_of_its_program() {
    // the issuer and the service are this very server, whose tokens are like Entra ID's
    let shop = shop().await;
    let api = &shop.people.world.api;
    let path = format!("/api/v1/applications/{}", shop.people.all[APPLICATION].id);
    let client = api.get(&path).await["clientId"].as_str().expect("an id").to_owned();
    let made = api.post(&format!("{path}/secrets"), 201).await;
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let connection = |secret: &str, tenant: &str| {
        json!({"baseResourceUrl": api.url(""), "resourceUri": "api://sluicegate", "tenantId": tenant,
            "clientId": client, "clientSecret": secret, "authority": api.url("")})
    };
    let tenant = shop.people.environment_tenant().await;
    let connector = "shared_webcontents";
    shop.connect(connector, "c1", &connection(&secret, &tenant), 201).await;
    let tested = shop.test(connector, "c1", 200).await;
    assert_eq!(tested["status"], "Connected", "{tested}");
    let request = json!({"request/method": "GET", "request/url": "/api/v1/me"});
    let run =
        shop.run_over(&[connector], &json!({"Ask": call(connector, "InvokeHttp", &request)})).await;
    assert_eq!(run["Ask"]["outputs"]["statusCode"], 200, "{run}");
    assert_eq!(run["Ask"]["outputs"]["body"]["clientId"], client.as_str(), "{run}");
    assert!(!run.to_string().contains(&secret), "{run}");
    // a secret that the issuer refuses
    shop.connect(connector, "c1", &connection("wrong-secret", &tenant), 200).await;
    let tested = shop.test(connector, "c1", 200).await;
    assert_eq!(
        (&tested["status"], &tested["statusCode"]),
        (&json!("Error"), &json!(401)),
        "{tested}"
    );
    assert!(!tested.to_string().contains("wrong-secret"), "{tested}");
    assert_eq!(shop.standing(connector, "c1").await.0, "Error");
}
