//! Mail through the whole server: sent by one flow, found by the trigger of another, by real
//! SMTP and IMAP servers.

use crate::connector_call::power;
use crate::world::{World, compose, definition, with_trigger};
use reqwest::Method;
use rig::mail::{MAIL_PASSWORD, MAIL_USER};
use rig::{Authority, Mail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(40);

/// A server whose administrator has set both mail servers, and these.
struct Post {
    world: World,
    servers: Mail,
    _dir: tempfile::TempDir,
}

async fn post() -> Post {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = Authority::create(dir.path()).expect("an authority");
    let certificate = authority.issue("mail", &["localhost"]).expect("a certificate");
    let servers = Mail::start(dir.path(), &certificate).expect("the mail servers");
    let world = World::start_with(|setup, folder| {
        setup
            .allow_loopback(folder)
            .env("SSL_CERT_FILE", authority.certificate())
            .env("SLUICEGATE_MAIL_SERVER", format!("localhost:{}", servers.smtp_tls))
            .env("SLUICEGATE_MAIL_TLS", "tls")
            .env("SLUICEGATE_MAIL_FROM", MAIL_USER)
            .env("SLUICEGATE_MAIL_USER", MAIL_USER)
            .env("SLUICEGATE_MAIL_PASSWORD", MAIL_PASSWORD)
            .env("SLUICEGATE_IMAP_SERVER", format!("localhost:{}", servers.imap_tls))
            .env("SLUICEGATE_IMAP_USER", MAIL_USER)
            .env("SLUICEGATE_IMAP_PASSWORD", MAIL_PASSWORD)
    })
    .await;
    // it names no server: those of the administrator count
    let path = "/providers/Microsoft.PowerApps/apis/shared_office365/connections/box?api-version=2016-11-01&$filter=environment%20eq%20%27~default%27";
    world.call(Method::PUT, path, json!({"properties": {}}), 201).await;
    Post { world, servers, _dir: dir }
}

fn host(operation: &str) -> Value {
    json!({"connectionName": "box", "operationId": operation,
        "apiId": "/providers/Microsoft.PowerApps/apis/shared_office365"})
}

impl Post {
    async fn flow(&self, name: &str, document: &Value) {
        let references = json!({"box": {"connectionName": "box", "source": "Embedded",
            "id": "/providers/Microsoft.PowerApps/apis/shared_office365"}});
        let body = json!({"name": name, "document":
            {"properties": {"definition": document, "connectionReferences": references}}});
        self.world.call(Method::POST, "/api/v1/flows", body, 201).await;
    }

    async fn send(&self, address: &str, subject: &str) {
        let run = self.world.run(address, &json!({"subject": subject})).await;
        assert_eq!(run["status"], "Succeeded", "{run}: {}", self.world.server.log_tail());
    }

    /// What the runs of the flow that reads mail have told.
    async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for run in self.world.api.list("/api/v1/flows/read/runs?status=Succeeded").await {
            let run = run["id"].as_str().expect("a run");
            let path = format!("/api/v1/runs/{run}/actions/Told");
            let action = self.world.api.get(&path).await;
            told.push(action["outputs"].as_str().expect("a text").to_owned());
        }
        told
    }
}

/// A flow that sends a mail with the subject it is started with; its address.
async fn sender(post: &Post) -> String {
    let send = json!({"Send": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": host("SendEmailV2"), "parameters": {"emailMessage/To": "hans@example.org",
            "emailMessage/Subject": "@triggerBody()?['subject']",
            "emailMessage/Body": "<p>Grüße</p>"}}}});
    post.flow("send", &power(definition(send))).await;
    post.world.api.trigger_path("send").await
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_fetched_when_a_notification_says_that_there_is_some() {
    let post = post().await;
    // as exported flows have it: no recurrence, and the mailbox tells
    let trigger = json!({"type": "OpenApiConnectionNotification",
        "inputs": {"host": host("OnNewEmailV3"), "parameters": {"folderPath": "Inbox",
            "includeAttachments": false, "importance": "Any", "fetchOnlyWithAttachment": false},
            "authentication": "@parameters('$authentication')"},
        "splitOn": "@triggerOutputs()?['body/value']",
        "metadata": {"operationMetadataId": "c2bf343f-e19e-42e0-b8fc-ac9d46dc1619"}});
    let read =
        with_trigger(trigger, json!({"Told": compose("", json!("@{triggerBody()?['subject']}"))}));
    post.flow("read", &power(read)).await;
    let notify = post.world.api.trigger_path("read").await;
    let send = sender(&post).await;
    // what was there before the trigger looked first is not new
    let since = Instant::now();
    let mut sent = Vec::new();
    while post.told().await.is_empty() {
        assert!(since.elapsed() < WITHIN, "{}", post.world.server.log_tail());
        let subject = format!("Letter {}", sent.len());
        post.send(&send, &subject).await;
        sent.push(subject);
        let answer = post.world.fire(&notify, &json!({"value": "look"})).await;
        assert_eq!((answer.status, answer.header("x-ms-workflow-run-id")), (202, ""));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // sooner than it would ask by itself
    assert!(since.elapsed() < Duration::from_secs(55));
    let told = post.told().await;
    assert!(told.iter().all(|it| sent.contains(it)), "{told:?} of {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_connection_signs_in_at_its_servers() {
    let post = post().await;
    let tested = |name: &str, connector: &str| {
        let path =
            format!("/api/v1/environments/default/connectors/{connector}/connections/{name}/test");
        let api = &post.world.api;
        async move { api.post(&path, 200).await }
    };
    let found = tested("box", "shared_office365").await;
    assert_eq!(
        (&found["status"], &found["operation"]),
        (&json!("Connected"), &json!("TestConnection"))
    );
    for (name, password, status) in
        [("good", MAIL_PASSWORD, "Connected"), ("bad", "wrong-password", "Error")]
    {
        let path = format!(
            "/providers/Microsoft.PowerApps/apis/shared_smtp/connections/{name}?api-version=2016-11-01&$filter=environment%20eq%20%27~default%27"
        );
        let parameters = json!({"serverAddress": "localhost", "port": post.servers.smtp_tls.to_string(),
            "security": "tls", "userName": MAIL_USER, "password": password});
        let body = json!({"properties": {"connectionParameters": parameters}});
        post.world.call(Method::PUT, &path, body, 201).await;
        let found = tested(name, "shared_smtp").await;
        assert_eq!(found["status"], status, "{found}");
        assert!(!found.to_string().contains(password), "{found}");
        let shown = post.world.api.get(&path).await;
        assert_eq!(shown["properties"]["statuses"][0]["status"], status, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_mail_starts_a_flow() {
    let post = post().await;
    let trigger = json!({"type": "OpenApiConnection",
        "inputs": {"host": host("OnNewEmailV3"), "parameters": {"subjectFilter": "order"}},
        "recurrence": {"frequency": "Second", "interval": 1},
        "splitOn": "@triggerOutputs()?['body/value']"});
    let read = with_trigger(
        trigger,
        json!({"Told": compose("", json!("@{triggerBody()?['subject']} of @{triggerBody()?['from']}"))}),
    );
    post.flow("read", &power(read)).await;
    let address = sender(&post).await;
    // what was there before the trigger looked first is not new: one after the other is sent
    // until it has found one
    let since = Instant::now();
    let mut number = 0;
    while post.told().await.is_empty() {
        assert!(since.elapsed() < WITHIN, "{}", post.world.server.log_tail());
        number += 1;
        post.send(&address, &format!("Order {number}")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    post.send(&address, "Something else").await;
    post.send(&address, "The last order").await;
    let last = format!("The last order of {MAIL_USER}");
    let told = loop {
        let told = post.told().await;
        if told.contains(&last) {
            break told;
        }
        assert!(since.elapsed() < WITHIN, "{told:?}: {}", post.world.server.log_tail());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(told.iter().all(|it| it.to_lowercase().contains("order ")), "{told:?}");
    let mut once = told.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), told.len(), "a mail starts one run: {told:?}");
    // the administrator's password is nowhere to be seen
    let log = std::fs::read_to_string(post.world.setup.log()).expect("the log");
    assert!(!log.contains(MAIL_PASSWORD), "{log}");
}
