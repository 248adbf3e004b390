//! Secrets that stand in definitions. Who may read a flow reads them there, and nobody
//! anywhere else.

use super::{Garden, SHOWN, run};
use crate::stored::{db, ends};
use crate::support::stub::Stub;
use crate::webhook::runs_of;
use crate::world::{World, compose, definition, path, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};

/// Flows that are called.
const CALLED: [&str; 6] = ["inline0", "inline1", "inline2", "inline3", "defaults", "waits"];
/// Flows that begin by themselves, or not at all.
const OTHERS: [&str; 4] = ["asks", "subscribes", "refers", "still"];

pub async fn flows(garden: &mut Garden) {
    let stub = Stub::start().await;
    let uri = format!("http://{}/{SHOWN}", stub.addr);
    let basic = |password: &str| json!({"type": "Basic", "username": "u", "password": password});
    let text = garden.plant("password in a definition");
    let authentication = [
        basic(&text),
        json!({"type": "ClientCertificate",
            "pfx": garden.plant_plain("certificate in a definition"),
            "password": garden.plant("password of a certificate in a definition")}),
        json!({"type": "ActiveDirectoryOAuth", "tenant": "t", "audience": "a", "clientId": "c",
            "authority": format!("http://{}/", stub.addr),
            "secret": garden.plant("client secret in a definition")}),
        json!({"type": "Raw", "value": garden.plant_plain("header in a definition")}),
    ];
    for (number, authentication) in authentication.into_iter().enumerate() {
        let document = definition(json!({"Call": {"type": "Http", "runAfter": {},
            "inputs": {"method": "POST", "uri": uri, "authentication": authentication,
                "retryPolicy": {"type": "none"}}}}));
        make(garden, &format!("inline{number}"), &document).await;
    }
    let mut defaults = definition(json!({"Say": compose("", json!("@parameters('text')"))}));
    defaults["parameters"] = json!({
        "text": {"type": "securestring", "defaultValue": garden.plant("default")},
        "whole": {"type": "secureobject",
            "defaultValue": {"inner": garden.plant("default that is an object")}}});
    make(garden, "defaults", &defaults).await;
    let call = |path: &str, text: &str| json!({"method": "POST", "uri": format!("{uri}/{path}"), "authentication": basic(text)});
    let text = garden.plant("password of a subscription");
    let inputs = json!({"subscribe": call("in", &text), "unsubscribe": call("out", &text)});
    let waits = definition(json!({"Wait": {"type": "HttpWebhook", "runAfter": {},
        "inputs": inputs}, "Other": compose("", json!(SHOWN))}));
    make(garden, "waits", &waits).await;
    let subscribes = json!({"type": "HttpWebhook", "inputs": inputs});
    make(garden, "subscribes", &with_trigger(subscribes, json!({}))).await;
    let text = garden.plant("password of a trigger");
    let asks = json!({"type": "Http", "inputs": {"method": "GET", "uri": uri,
        "authentication": basic(&text)}, "recurrence": {"frequency": "Hour", "interval": 1}});
    make(garden, "asks", &with_trigger(asks, json!({}))).await;
    quiet(garden).await;
    for flow in CALLED.into_iter().filter(|flow| *flow != "waits") {
        run(garden, flow, &json!({})).await;
    }
    // its run goes on
    let url = garden.world.api.post("/api/v1/flows/waits/callback-url", 200).await;
    garden.world.fire(&path(&url), &json!({})).await;
    runs_of(&garden.world, "asks", 1).await;
}

/// Flows that do nothing, versions and flows that are gone, and a package that is put.
async fn quiet(garden: &mut Garden) {
    let key = garden.plant("key of a reference");
    let api = "/providers/Microsoft.PowerApps/apis/shared_nothing";
    let document = json!({"definition": definition(json!({})), "connectionReferences": {"one": {
        "connectionName": "none", "id": api, "displayName": SHOWN, "source": "Embedded",
        "connectionProperties": {"authentication": {"type": "Raw", "value": key}}}}});
    make(garden, "refers", &document).await;
    let text = garden.plant("key in an address");
    let still = definition(json!({"Say": compose("", json!(format!("https://h/?sig={text}")))}));
    make(garden, "still", &still).await;
    let text = garden.plant("key in a version");
    let still = definition(json!({"Say": compose("", json!(text))}));
    let body = json!({"document": still});
    let path = "/api/v1/flows/still";
    assert_eq!(garden.once(Method::PUT, path, Some(&body), None).await.status, 200);
    let text = garden.plant("key in a deleted flow");
    make(garden, "gone", &definition(json!({"Say": compose("", json!(text))}))).await;
    let path = "/api/v1/flows/gone";
    assert_eq!(garden.ask(Method::DELETE, path, None, None).await.status, 204);
    let place = garden.world.api.get("/api/v1/environments/default").await;
    let path = format!(
        "/providers/Microsoft.BusinessAppPlatform/environments/{}/generateResourceStorage",
        place["id"].as_str().expect("an id")
    );
    let storage = garden.once(Method::POST, &path, None, None).await.json();
    let url = storage["sharedAccessSignature"].as_str().expect("an address");
    let (container, query) = url.split_once('?').expect("a query");
    let url = format!("{container}/package.zip?{query}");
    let text = garden.plant("key in a package");
    let blocks = [("", "x-ms-blob-type"), ("&comp=block&blockid=YQ==", "x-other")];
    for (more, header) in blocks {
        let path = format!("{}{more}", crate::support::api::path_of(&url));
        let request = garden.world.api.request(Method::PUT, &path).header(header, "BlockBlob");
        let answer = request.body(text.clone()).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{path}");
    }
}

/// Whoever makes a flow is told of it without its definition.
async fn make(garden: &mut Garden, name: &str, document: &Value) {
    let body = json!({"name": name, "displayName": SHOWN, "document": document});
    let path = "/api/v1/flows";
    let answer = garden.once(Method::POST, path, Some(&body), None).await;
    assert_eq!(answer.status, 201, "{name}: {answer:?}");
}

/// What shows no definition.
pub async fn look(garden: &mut Garden) {
    let mut paths = vec!["/api/v1/flows".to_owned()];
    for flow in CALLED.into_iter().chain(OTHERS) {
        let at = format!("/api/v1/flows/{flow}");
        for rest in ["/versions", "/runs", "/runs?search=P%26", "/owners"] {
            paths.push(format!("{at}{rest}"));
        }
        for run in garden.world.api.list(&format!("{at}/runs")).await {
            let id = run["id"].as_str().expect("an id");
            for rest in ["", "/actions", "/actions/Call", "/actions/Say", "/actions/Wait"] {
                paths.push(format!("/api/v1/runs/{id}{rest}"));
            }
        }
    }
    for path in paths {
        garden.ask(Method::GET, &path, None, None).await;
    }
    // who may read it reads it whole
    let core = |name: &str| {
        let found = garden.planted.iter().find(|it| it.name == name).expect("a name");
        String::from_utf8(found.text.clone()).expect("text")
    };
    for (path, name) in [
        ("/api/v1/flows/inline0", "password in a definition"),
        ("/api/v1/flows/defaults", "default"),
        ("/api/v1/flows/refers", "key of a reference"),
        ("/api/v1/flows/still/versions/1", "key in an address"),
        ("/api/v1/flows/still/versions/1/diff/2", "key in a version"),
    ] {
        let answer = garden.once(Method::GET, path, None, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.text.contains(&core(name)), "{path}: {answer:?}");
    }
}

/// Sealed values are there for runs: after a restart, in a copy, and in an old version.
#[tokio::test]
async fn values_of_secure_parameters_are_kept_with_the_flow() {
    let mut world = World::start().await;
    let document = |number: u32| {
        let value = json!(format!("{number} @{{parameters('Secret')}} @{{parameters('plain')}}"));
        let mut document = definition(json!({"Say": compose("", value)}));
        // names are found whatever their case
        document["parameters"] =
            json!({"secret": {"type": "securestring"}, "plain": {"type": "String"}});
        json!({"name": "order", "document": document,
            "parameters": {"secret": "tulip", "plain": "rose"}})
    };
    world.call(Method::POST, "/api/v1/flows", document(1), 201).await;
    world.call(Method::PUT, "/api/v1/flows/order", document(2), 200).await;
    world.call(Method::POST, "/api/v1/flows/order/versions/1/restore", json!({}), 200).await;
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    let body = json!({"environment": "test"});
    world.call(Method::POST, "/api/v1/flows/order/copy", body, 201).await;
    world.call(Method::POST, "/api/v1/flows/order/enable?environment=test", json!({}), 200).await;
    assert!(world.server.stop().await.success());
    ends(0, db(&["verify"], &world.setup.data));
    world.server = world.setup.start().await;
    world.api = world.server.api();
    for environment in ["default", "test"] {
        let at = format!("/api/v1/flows/order/run?environment={environment}");
        let run = world.call(Method::POST, &at, json!({}), 202).await;
        let id = run["run"].as_str().expect("a run");
        assert_eq!(world.api.ended(id).await["status"], "Succeeded");
        let shown = world.api.get(&format!("/api/v1/runs/{id}/actions/Say")).await;
        assert_eq!(shown["outputs"], "1 tulip rose", "{environment}");
    }
}
