//! Mail with options: a flow sends a letter with its own answers, and waits for one.

use super::{Desk, OUTSIDE, letters_in};
use crate::login::house::{House, Plan};
use crate::support::api::Api;
use crate::world::{compose, definition};
use reqwest::Method;
use serde_json::{Value, json};
use server::app::connector::throttle::ConnectorLimits;
use std::sync::Arc;

const API: &str = "/providers/Microsoft.PowerApps/apis/shared_office365";

/// A house that runs flows, with one that asks as exported flows do.
async fn house() -> (House, Api) {
    let plan = Plan { limits: Some(ConnectorLimits::default()), ..Plan::default() };
    let house = House::build(plan).await;
    tokio::spawn(Arc::clone(&house.app.engine).run_timers());
    let api = Api::new(house.address);
    let path = format!("{API}/connections/box?$filter=environment%20eq%20%27~default%27");
    let (status, made) = api.call(Method::PUT, &path, Some(&json!({"properties": {}}))).await;
    assert_eq!(status, 201, "{made}");
    let ask = json!({"type": "OpenApiConnectionWebhook", "runAfter": {}, "inputs": {
        "host": {"connectionName": "box", "operationId": "SendMailWithOptions", "apiId": API},
        "parameters": {
            "optionsEmailSubscription/Message/To": OUTSIDE,
            "optionsEmailSubscription/Message/Subject": "The flow 'Orders' has been disabled",
            "optionsEmailSubscription/Message/Options": "I Acknowledge, Not mine",
            "optionsEmailSubscription/Message/HeaderText": "We need your input",
            "optionsEmailSubscription/Message/SelectionText": "Please acknowledge this message",
            "optionsEmailSubscription/Message/Body": "It failed 5 times.",
            "optionsEmailSubscription/Message/Importance": "High",
            "optionsEmailSubscription/Message/UseOnlyHTMLMessage": false,
            "optionsEmailSubscription/Message/HideHTMLMessage": true,
            "optionsEmailSubscription/Message/ShowHTMLConfirmationDialog": false
        },
        "authentication": "@parameters('$authentication')"}});
    let actions = json!({"Ask": ask, "Told": compose("Ask", json!("@body('Ask')"))});
    let document = crate::connector_call::power(definition(actions));
    let references = json!({"box": {"connectionName": "box", "source": "Embedded", "id": API}});
    let body = json!({"name": "asks",
        "document": {"definition": document, "connectionReferences": references}});
    let (status, made) = api.call(Method::POST, "/api/v1/flows", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    (house, api)
}

async fn start(api: &Api) -> String {
    let (status, run) = api.call(Method::POST, "/api/v1/flows/asks/run", Some(&json!({}))).await;
    assert_eq!(status, 202, "{run}");
    run["run"].as_str().expect("a run").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_hears_which_option_was_chosen() {
    let (house, api) = house().await;
    let desk = Desk::open_in(house).await;
    let run = start(&api).await;
    let mut letters = Vec::new();
    for _ in 0..1_000 {
        desk.house.app.see_to_approvals().await.expect("a round");
        letters = letters_in(desk.dir.path());
        if !letters.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.to, [OUTSIDE]);
    for part in ["'Orders' has been disabled", "We need your input", "It failed 5 times."] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    // opening a link chooses nothing, its form does, and once
    let links = letter.links();
    assert_eq!(links.len(), 3, "{links:?}");
    let shown = desk.get(&links[1]).await;
    assert!(shown.text.contains("I Acknowledge"), "{}", shown.text);
    let state = api.get(&format!("/api/v1/runs/{run}")).await;
    assert!(["Running", "Waiting"].iter().any(|it| state["status"] == *it), "{state}");
    let done = desk.submit(&links[1], &shown, &[("response", "0")]).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let again = desk.get(&links[2]).await;
    assert!(!again.text.contains("<form"), "{}", again.text);
    desk.house.app.see_to_approvals().await.expect("a round");
    assert_eq!(api.ended(&run).await["status"], "Succeeded");
    let told = api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
    assert_eq!(told["outputs"]["SelectedOption"], "I Acknowledge");
    assert_eq!(told["outputs"]["UserEmailAddress"], OUTSIDE);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_nobody_waits() {
    let (_house, api) = house().await;
    let run = start(&api).await;
    assert_eq!(api.ended(&run).await["status"], "Failed");
    let asked: Value = api.get(&format!("/api/v1/runs/{run}/actions/Ask")).await;
    assert_eq!(asked["error"]["code"], "MailNotConfigured", "{asked}");
}
