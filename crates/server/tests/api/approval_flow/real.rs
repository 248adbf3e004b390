//! What flows of others do with approvals: what they give, what they read, how they wait.

use super::{Office, call, store_id};
use serde_json::{Value, json};
use server::app::access::{FlowAt, RunAt, Scope};
use server::app::approval::{ApprovalInput, ApprovalType, Asking};
use std::sync::Arc;

fn create(more: Value) -> Value {
    let mut parameters = json!({
        "approvalType": "Basic",
        "ApprovalCreationInput/title": "Exception *1*",
        "ApprovalCreationInput/assignedTo": "bob@mail.example.org;",
    });
    if let (Some(all), Value::Object(more)) = (parameters.as_object_mut(), more) {
        all.extend(more);
    }
    call("", "OpenApiConnection", "CreateAnApproval", parameters)
}

fn wait(after: &str, name: &str) -> Value {
    let parameters = json!({"approvalName": name});
    call(after, "OpenApiConnectionWebhook", "WaitForAnApproval", parameters)
}

#[tokio::test]
async fn what_is_asked_comes_as_flows_give_it() {
    let office = Office::open().await;
    let given = json!({
        // a file as connectors answer it, and variables that were never set
        "ApprovalCreationInput/attachments": [
            {"name": "a.txt", "content": {"$content-type": "text/plain", "$content": "YWJj"}},
            {"name": "b.txt", "content": "YQ=="}],
        "ApprovalCreationInput/itemLink": null,
        "ApprovalCreationInput/details": "**Why**",
        "ApprovalCreationInput/requestor": ";",
        "ApprovalCreationInput/enableNotifications": "False",
        "ApprovalCreationInput/enableReassignment": "true",
    });
    office.flow("ask", json!({"Create": create(given)})).await;
    let run = office.start("ask").await;
    let (status, made) = office.ended(&run, "Create").await;
    assert_eq!(status, "Succeeded", "{made}");
    assert_eq!(made["outputs"]["statusCode"], 201, "{made}");
    // the address of mail is that of somebody in the directory
    let asked = office.inbox(&office.bob, 1).await;
    let sizes: Vec<usize> = asked[0].attachments.iter().map(|it| it.bytes).collect();
    assert_eq!((sizes, asked[0].is_notifying), (vec![3, 1], false));
    assert_eq!(asked[0].requestor.as_deref(), Some(office.ada.id()));
    let body = &made["outputs"]["body"];
    assert_eq!(body["approvers"][0]["email"], "bob@mail.example.org");
    let card = body["adaptiveCard"].as_str().expect("a text");
    let card: Value = serde_json::from_str(card).expect("a card");
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["body"][0]["inlines"][0]["text"], "Exception *1*", "as it is: {card}");
    assert_eq!(card["actions"][0]["url"], body["respondLink"]);
    assert!(card["actions"].as_array().is_some_and(|it| it.len() == 1), "{card}");
}

#[tokio::test]
async fn a_flow_whose_patience_was_over_once_waits_again() {
    let office = Office::open().await;
    let name = "@body('Create')?['name']";
    let mut first = wait("Create", name);
    first["limit"] = json!({"timeout": "PT1M"});
    let mut second = wait("First", name);
    second["runAfter"] = json!({"First": ["TimedOut"]});
    let actions = json!({"Create": create(json!({})), "First": first, "Second": second});
    office.flow("patient", actions).await;
    let run = office.start("patient").await;
    let asked = office.inbox(&office.bob, 1).await;
    let id = store_id(&asked[0]);
    office.until_awaited(&id, 1).await;
    office.house.pass(61);
    // timers sleep by the clock on the wall: new ones look at once
    tokio::spawn(Arc::clone(&office.house.app.engine).run_timers());
    // the first does not wait any more, and the second does
    office.until_action(&run, "First", "TimedOut").await;
    office.until_action(&run, "Second", "Running").await;
    office.until_awaited(&id, 1).await;
    office.inbox(&office.bob, 1).await;
    office.answer(&office.bob, &id, "Approve").await.expect("an answer");
    let (status, second) = office.ended(&run, "Second").await;
    assert_eq!(
        (status.as_str(), &second["outputs"]["body"]["outcome"]),
        ("Succeeded", &json!("Approve"))
    );
    let responder = &second["outputs"]["body"]["responses"][0]["responder"];
    assert_eq!(responder["tenantId"], *office.house.app.tenant, "{responder}");
}

#[tokio::test]
async fn a_cancelled_run_takes_back_what_it_asked_and_nothing_else() {
    let office = Office::open().await;
    let actions =
        json!({"Create": create(json!({})), "Wait": wait("Create", "@body('Create')?['name']")});
    office.flow("own", actions).await;
    let input = ApprovalInput {
        title: "Somebody else's".to_owned(),
        assigned_to: "carol@example.org".to_owned(),
        ..ApprovalInput::default()
    };
    let asking = Asking::by_hand(ApprovalType::Basic, input);
    let made = office.house.app.create_approval(&office.ada, "default", asking).await;
    let other = store_id(&made.expect("an approval"));
    office.flow("other", json!({"Wait": wait("", &other)})).await;
    let asked = async |who, flow: &str| {
        let run = office.start(flow).await;
        let id = store_id(&office.inbox(who, 1).await[0]);
        office.until_awaited(&id, 1).await;
        let flow = FlowAt { environment: "default", name: flow, scope: Scope::Any };
        let at = RunAt { flow: Some(flow), name: &run };
        office.house.app.cancel_run(&office.ada, at).await.expect("cancelled");
        office.until_awaited(&id, 0).await;
        id
    };
    let own = asked(&office.bob, "own").await;
    assert_eq!(
        office.answer(&office.bob, &own, "Approve").await,
        Err("ApprovalCancelled".to_owned())
    );
    assert_eq!(asked(&office.carol, "other").await, other);
    office.answer(&office.carol, &other, "Approve").await.expect("it is still asked");
}
