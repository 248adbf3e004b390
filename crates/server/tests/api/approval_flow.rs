//! Flows that ask for approvals: what they get, when, and what becomes of approvals that
//! nobody waits for any more.

mod real;

use crate::login::house::{House, PASSWORD, Plan, root};
use crate::world::{compose, definition, run_after};
use serde_json::{Value, json};
use server::app::access::{FlowAt, RunAt, Scope};
use server::app::approval::{
    AnswerInput, ApprovalCall, ApprovalFilter, ApprovalInput, ApprovalRecord, ApprovalSide,
    ApprovalType, Asking,
};
use server::app::catalog::FlowState;
use server::app::connector::connection::ConnectionInput;
use server::app::connector::throttle::ConnectorLimits;
use server::app::data::{Known, Stored};
use server::app::directory::user::UserInput;
use server::app::flow::FlowInput;
use server::app::trigger::ManualInput;
use server::auth::caller::Caller;
use std::sync::Arc;
use std::time::Duration;

const API: &str = "/providers/Microsoft.PowerApps/apis/shared_approvals";

/// A house in which time stands still, with people and a connection of Approvals.
struct Office {
    house: House,
    ada: Caller,
    bob: Caller,
    carol: Caller,
}

impl Office {
    async fn open() -> Office {
        let limits = ConnectorLimits::default();
        let house = House::build(Plan { limits: Some(limits), ..Plan::default() }).await;
        tokio::spawn(Arc::clone(&house.app.engine).run_timers());
        let mut people = Vec::new();
        for name in ["ada", "bob", "carol"] {
            let input = UserInput {
                user_principal_name: format!("{name}@example.org"),
                display_name: Some(format!("{} Example", name.to_uppercase())),
                mail: Some(format!("{name}@mail.example.org")),
                password: Some(PASSWORD.to_owned()),
                roles: Vec::new(),
            };
            let user = house.app.create_user(&root(), input).await.expect("a user");
            people.push(Caller::person(&user.id, Vec::new(), Vec::new()));
        }
        let at = ("default", "shared_approvals");
        let input = ConnectionInput::default();
        let made = house.app.create_connection(&people[0], at, Some("approve"), input).await;
        made.map(|_| ()).expect("a connection");
        let [ada, bob, carol] = <[Caller; 3]>::try_from(people).expect("three");
        Office { house, ada, bob, carol }
    }

    async fn flow(&self, name: &str, actions: Value) {
        let reference = json!({"connectionName": "approve", "source": "Embedded", "id": API});
        let document = json!({"properties": {"definition": definition(actions),
            "connectionReferences": {"shared_approvals": reference}}});
        let input = FlowInput {
            name: Some(name.to_owned()),
            dialect: Some(flow::definition::Dialect::PowerAutomate),
            state: Some(FlowState::Started),
            document: document.to_string().into_bytes(),
            ..FlowInput::default()
        };
        self.house.app.create_flow(&self.ada, "default", input).await.expect("a flow");
    }

    async fn start(&self, name: &str) -> String {
        let input = ManualInput::default();
        let run = self.house.app.run_flow(&self.ada, "default", name, None, input).await;
        run.expect("a run").0.expect("one run").run_name()
    }

    /// What somebody is asked, once there are so many.
    async fn inbox(&self, who: &Caller, count: usize) -> Vec<Known<ApprovalRecord>> {
        let side = ApprovalSide::Received;
        let filter = ApprovalFilter { side, is_open: true, environment: None, person: None };
        let list = || self.house.app.list_approvals(who, filter, (None, 100));
        until("approvals", async || {
            let found = list().await.expect("a list").rows;
            (found.len() == count).then_some(found)
        })
        .await
    }

    async fn answer(&self, who: &Caller, id: &str, option: &str) -> Result<(), String> {
        let input = AnswerInput {
            assignee: None,
            option: option.to_owned(),
            comments: Some("as I said".to_owned()),
            via: governance::approval::Via::Api,
        };
        let done = self.house.app.answer_approval(who, id, input).await;
        done.map(|_| ()).map_err(|error| error.code.to_owned())
    }

    /// Once so many wait for an outcome, or have it.
    async fn until_awaited(&self, id: &str, count: usize) {
        until("somebody who waits", async || {
            let view = self.house.app.get_approval(&root(), id).await.expect("an approval");
            let record = serde_json::to_value(&view.record.value).expect("JSON");
            let waiting = record["waiting"].as_array().map_or(0, Vec::len);
            (waiting == count).then_some(())
        })
        .await;
    }

    async fn until_action(&self, run: &str, action: &str, status: &str) {
        let api = crate::support::api::Api::new(self.house.address);
        let path = format!("/api/v1/runs/{run}/actions/{action}");
        until(status, async || {
            let (_, shown) = api.call(reqwest::Method::GET, &path, None).await;
            (shown["status"] == status).then_some(())
        })
        .await;
    }

    /// The status of a run once it has ended, and the output of an action.
    async fn ended(&self, run: &str, action: &str) -> (String, Value) {
        let api = crate::support::api::Api::new(self.house.address);
        let shown = until("an end", async || {
            let shown = api.get(&format!("/api/v1/runs/{run}")).await;
            (shown["status"] != "Running" && shown["status"] != "Waiting").then_some(shown)
        })
        .await;
        let status = shown["status"].as_str().expect("a status").to_owned();
        let action = api.get(&format!("/api/v1/runs/{run}/actions/{action}")).await;
        (status, action)
    }
}

/// What comes to be there within a while: nodes and tasks work beside the test.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..2_000 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come");
}

fn call(after: &str, kind: &str, operation: &str, parameters: Value) -> Value {
    json!({"type": kind, "runAfter": run_after(after), "inputs": {
        "host": {"connectionName": "shared_approvals", "operationId": operation, "apiId": API},
        "parameters": parameters}})
}

fn start_and_wait(approval_type: &str, more: Value) -> Value {
    let mut parameters = json!({
        "approvalType": approval_type,
        "WebhookApprovalCreationInput/title": "Falcon",
        "WebhookApprovalCreationInput/assignedTo": "bob@example.org; carol@example.org;",
        "WebhookApprovalCreationInput/details": "A **team** for Falcon",
        "WebhookApprovalCreationInput/itemLink": "https://example.org/falcon",
        "WebhookApprovalCreationInput/itemLinkDescription": "Falcon",
        "WebhookApprovalCreationInput/enableNotifications": true,
        "WebhookApprovalCreationInput/enableReassignment": true,
    });
    if let (Some(all), Value::Object(more)) = (parameters.as_object_mut(), more) {
        all.extend(more);
    }
    call("", "OpenApiConnectionWebhook", "StartAndWaitForAnApproval", parameters)
}

#[tokio::test]
async fn a_flow_gets_the_outcome_as_the_original_gives_it() {
    let office = Office::open().await;
    let ask = start_and_wait("Basic", json!({}));
    let said = compose(
        "Ask",
        json!("@{outputs('Ask')?['body/outcome']}: @{body('Ask')?['responses'][0]['comments']}"),
    );
    office.flow("ask", json!({"Ask": ask, "Said": said})).await;
    let run = office.start("ask").await;
    let asked = office.inbox(&office.bob, 1).await;
    assert_eq!(asked[0].title, "Falcon");
    let id = store_id(&asked[0]);
    office.inbox(&office.carol, 1).await;
    assert_eq!(
        office.answer(&office.ada, &id, "Approve").await,
        Err("ApprovalNotAssigned".to_owned())
    );
    assert_eq!(
        office.answer(&office.bob, &id, "Maybe").await,
        Err("InvalidApprovalResponse".to_owned())
    );
    office.answer(&office.bob, &id, "Approve").await.expect("an answer");
    let (status, ask) = office.ended(&run, "Ask").await;
    assert_eq!(status, "Succeeded");
    let mut body = ask["outputs"]["body"].clone();
    let moment = body["requestDate"].as_str().expect("a time").to_owned();
    assert!(moment.len() == 28 && moment.starts_with("20") && moment.ends_with('Z'), "{moment}");
    let place = body["respondLink"].take();
    let place = place.as_str().expect("a link").to_owned();
    assert!(place.ends_with(&format!("/console/approvals/{id}")), "{place}");
    let tenant = body["responses"][0]["responder"]["tenantId"].take();
    assert!(tenant.as_str().is_some_and(|it| it.len() == 36), "{tenant}");
    // time stands still in this house
    let summary = format!(
        "Approver: BOB Example, bob@mail.example.org\nResponse: Approve\n\
         Request Date: {moment}\nResponse Date: {moment}\nComments: as I said"
    );
    let responder = json!({"id": office.bob.id(), "displayName": "BOB Example",
        "email": "bob@mail.example.org", "tenantId": null, "userPrincipalName": "bob@example.org"});
    let expected = json!({
        "name": id, "title": "Falcon", "details": "A **team** for Falcon",
        "itemLink": "https://example.org/falcon", "itemLinkDescription": "Falcon",
        "requestDate": moment, "completionDate": moment, "respondLink": null, "approvers": [],
        "outcome": "Approve", "responseSummary": summary,
        "responses": [{"responder": responder, "requestDate": moment, "responseDate": moment,
            "approverResponse": "Approve", "comments": "as I said"}],
    });
    assert_eq!(body, expected);
    let (_, said) = office.ended(&run, "Said").await;
    assert_eq!(said["outputs"], "Approve: as I said");
    // the other one is not asked any more, and hears so
    office.inbox(&office.carol, 0).await;
    let late = office.answer(&office.carol, &id, "Reject").await;
    assert_eq!(late, Err("ApprovalAlreadyCompleted".to_owned()));
}

fn store_id(record: &ApprovalRecord) -> String {
    record.id().to_owned()
}

#[tokio::test]
async fn each_type_comes_to_its_outcome() {
    let office = Office::open().await;
    let options = json!({"WebhookApprovalCreationInput/responseOptions": ["Red", "Green"]});
    let quorum = json!({"WebhookApprovalCreationInput/quorum": 2});
    let people = |name: &str| json!({"name": name, "assignedTo": format!("{name}@example.org")});
    let staged = json!({"WebhookApprovalCreationInput/stages": [people("carol"), people("bob")]});
    // who answers what, one after the other
    let cases = [
        ("BasicAwaitAll", json!({}), ["bob Approve", "carol Approve"], "Approve"),
        ("BasicAwaitAll", json!({}), ["bob Approve", "carol Reject"], "Reject"),
        ("CustomResponseAwaitAll", options.clone(), ["carol Green", "bob Red"], "Green, Red"),
        ("Sequential", json!({}), ["bob Approve", "carol Reject"], "Reject"),
        ("Quorum", quorum, ["carol Approve", "bob Approve"], "Approve"),
        ("Staged", staged, ["carol Approve", "bob Approve"], "Approve"),
    ];
    for (number, (approval_type, more, answers, outcome)) in cases.into_iter().enumerate() {
        let name = format!("ask{number}");
        office.flow(&name, json!({"Ask": start_and_wait(approval_type, more)})).await;
        let run = office.start(&name).await;
        for answer in answers {
            let (who, option) = answer.split_once(' ').expect("two words");
            let who = if who == "bob" { &office.bob } else { &office.carol };
            let asked = office.inbox(who, 1).await;
            office.answer(who, &store_id(&asked[0]), option).await.expect("an answer");
        }
        let (status, ask) = office.ended(&run, "Ask").await;
        let found = (status.as_str(), &ask["outputs"]["body"]["outcome"]);
        assert_eq!(found, ("Succeeded", &json!(outcome)), "{approval_type}: {ask}");
    }
    let one = start_and_wait("CustomResponse", options);
    office.flow("colour", json!({"Ask": one})).await;
    let run = office.start("colour").await;
    let asked = office.inbox(&office.bob, 1).await;
    office.answer(&office.bob, &store_id(&asked[0]), "Green").await.expect("an answer");
    let (_, ask) = office.ended(&run, "Ask").await;
    assert_eq!(ask["outputs"]["body"]["outcome"], "Green");
}

#[tokio::test]
async fn an_answer_that_comes_before_anybody_waits_is_kept() {
    let office = Office::open().await;
    let create = call(
        "",
        "OpenApiConnection",
        "CreateAnApproval",
        json!({
        "approvalType": "Basic", "ApprovalCreationInput/title": "Early",
        "ApprovalCreationInput/assignedTo": office.bob.id()}),
    );
    let later = call(
        "Create",
        "OpenApiConnectionWebhook",
        "WaitForAnApproval",
        json!({"approvalName": "@body('Create')?['name']"}),
    );
    // it waits for somebody else before it waits for that
    let mut gate = start_and_wait("Basic", json!({}));
    gate["runAfter"] = run_after("Create");
    gate["inputs"]["parameters"]["WebhookApprovalCreationInput/assignedTo"] =
        json!("carol@example.org");
    let mut wait = later.clone();
    wait["runAfter"] = run_after("Gate");
    office.flow("early", json!({"Create": create.clone(), "Gate": gate, "Wait": wait})).await;
    office.flow("late", json!({"Create": create, "Wait": later})).await;
    let early = office.start("early").await;
    let asked = office.inbox(&office.bob, 1).await;
    let id = store_id(&asked[0]);
    office.answer(&office.bob, &id, "Reject").await.expect("an answer");
    let gate = office.inbox(&office.carol, 1).await;
    office.answer(&office.carol, &store_id(&gate[0]), "Approve").await.expect("an answer");
    let (status, wait) = office.ended(&early, "Wait").await;
    assert_eq!(
        (status.as_str(), &wait["outputs"]["body"]["outcome"]),
        ("Succeeded", &json!("Reject"))
    );
    // and one that comes while it waits
    let late = office.start("late").await;
    let asked = office.inbox(&office.bob, 1).await;
    office.answer(&office.bob, &store_id(&asked[0]), "Approve").await.expect("an answer");
    let (status, wait) = office.ended(&late, "Wait").await;
    assert_eq!(
        (status.as_str(), &wait["outputs"]["body"]["outcome"]),
        ("Succeeded", &json!("Approve"))
    );
    let api = crate::support::api::Api::new(office.house.address);
    let create = api.get(&format!("/api/v1/runs/{late}/actions/Create")).await;
    let body = &create["outputs"]["body"];
    assert_eq!(body["approvers"][0]["displayName"], "BOB Example");
    assert!(
        body["respondLink"]
            .as_str()
            .is_some_and(|it| it.ends_with(body["name"].as_str().unwrap_or("?")))
    );
}

#[tokio::test]
async fn a_cancelled_run_takes_its_approval_back() {
    let office = Office::open().await;
    office.flow("ask", json!({"Ask": start_and_wait("Basic", json!({}))})).await;
    let run = office.start("ask").await;
    let asked = office.inbox(&office.bob, 1).await;
    let id = store_id(&asked[0]);
    let flow = FlowAt { environment: "default", name: "ask", scope: Scope::Any };
    let at = RunAt { flow: Some(flow), name: &run };
    office.house.app.cancel_run(&office.ada, at).await.expect("cancelled");
    office.inbox(&office.bob, 0).await;
    let late = office.answer(&office.bob, &id, "Approve").await;
    assert_eq!(late, Err("ApprovalCancelled".to_owned()));
}

#[tokio::test]
async fn whoever_asked_takes_it_back_and_the_flow_hears_so() {
    let office = Office::open().await;
    office.flow("ask", json!({"Ask": start_and_wait("Basic", json!({}))})).await;
    let run = office.start("ask").await;
    let asked = office.inbox(&office.bob, 1).await;
    let id = store_id(&asked[0]);
    let app = &office.house.app;
    let denied = app.cancel_approval(&office.bob, &id, None).await.map(|_| ());
    assert_eq!(denied.expect_err("denied").code, "Forbidden");
    app.cancel_approval(&office.ada, &id, Some("not needed")).await.expect("taken back");
    let (status, ask) = office.ended(&run, "Ask").await;
    assert_eq!(
        (status.as_str(), &ask["outputs"]["body"]["outcome"]),
        ("Succeeded", &json!("Canceled"))
    );
}

#[tokio::test]
async fn a_deadline_decides_when_its_time_has_come() {
    let office = Office::open().await;
    let deadline = json!({"WebhookApprovalCreationInput/deadline":
        {"after": {"amount": 2, "unit": "Days"}, "outcome": "Approve"}});
    office.flow("ask", json!({"Ask": start_and_wait("BasicAwaitAll", deadline)})).await;
    let run = office.start("ask").await;
    office.inbox(&office.bob, 1).await;
    office.house.app.see_to_approvals().await.expect("a round");
    office.inbox(&office.bob, 1).await;
    office.house.pass(2 * 86_400 + 1);
    office.house.app.see_to_approvals().await.expect("a round");
    let (status, ask) = office.ended(&run, "Ask").await;
    assert_eq!(
        (status.as_str(), &ask["outputs"]["body"]["outcome"]),
        ("Succeeded", &json!("Approve"))
    );
    assert_eq!(ask["outputs"]["body"]["responses"], json!([]));
}

/// Who waits elsewhere is called once, and again where that did not work out.
#[tokio::test]
async fn whoever_waits_elsewhere_is_told_of_an_outcome_once() {
    let office = Office::open().await;
    let heard: Arc<std::sync::Mutex<Vec<Value>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/told", listener.local_addr().expect("its address"));
    let noted = Arc::clone(&heard);
    let tell = axum::routing::post(async move |body: axum::Json<Value>| {
        let mut heard = noted.lock().expect("what was heard");
        heard.push(body.0);
        match heard.len() {
            1 => axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            _ => axum::http::StatusCode::OK,
        }
    });
    let service = axum::Router::new().route("/told", tell);
    tokio::spawn(async move { axum::serve(listener, service).await });

    let parameters = json!({"approvalType": "Basic", "WebhookApprovalCreationInput": {
        "title": "Falcon", "assignedTo": "bob@example.org", "notificationUrl": address}});
    let parameters = expr::json::parse(parameters.to_string().as_bytes()).expect("a value");
    let call = ApprovalCall {
        environment: "default",
        flow: None,
        operation: "StartAndWaitForAnApproval",
        parameters: parameters.as_object().expect("an object"),
        key: "elsewhere",
    };
    office.house.app.call_approvals(&office.ada, call).await.expect("an approval");
    let id = store_id(&office.inbox(&office.bob, 1).await[0]);
    office.until_awaited(&id, 1).await;
    let rounds = async || {
        for _ in 0..2 {
            office.house.app.see_to_approvals().await.expect("a round");
        }
        heard.lock().expect("what was heard").len()
    };
    assert_eq!(rounds().await, 0, "nothing is decided");
    office.answer(&office.bob, &id, "Approve").await.expect("an answer");
    assert_eq!(rounds().await, 1, "it is not called again at once");
    office.until_awaited(&id, 1).await;
    office.house.pass(121);
    assert_eq!(rounds().await, 2);
    office.until_awaited(&id, 0).await;
    office.house.pass(86_400);
    assert_eq!(rounds().await, 2, "who has heard is not called again");
    let heard = heard.lock().expect("what was heard");
    assert_eq!(heard[0], heard[1]);
    assert_eq!((&heard[1]["name"], &heard[1]["outcome"]), (&json!(id), &json!("Approve")));
}

#[tokio::test]
async fn two_who_answer_at_once_make_one_outcome() {
    let office = Office::open().await;
    for round in 0..12 {
        let input = ApprovalInput {
            title: format!("Round {round}"),
            assigned_to: "bob@example.org;carol@example.org".to_owned(),
            ..ApprovalInput::default()
        };
        let asking = Asking::by_hand(ApprovalType::Basic, input);
        let made = office.house.app.create_approval(&office.ada, "default", asking).await;
        let id = store_id(&made.expect("an approval"));
        let (one, two) = tokio::join!(
            office.answer(&office.bob, &id, "Approve"),
            office.answer(&office.carol, &id, "Reject"),
        );
        let outcome = office.house.app.get_approval(&office.ada, &id).await.expect("it").record;
        let expected = if one.is_ok() { "Approve" } else { "Reject" };
        assert_eq!(outcome.outcome(), Some(expected));
        let late = Err("ApprovalAlreadyCompleted".to_owned());
        assert!([one.clone(), two.clone()].contains(&late) && one.is_ok() != two.is_ok());
    }
}

#[tokio::test]
async fn what_cannot_be_asked_fails_the_action_with_what_is_wrong() {
    let office = Office::open().await;
    let cases = [
        ("Basic", json!({"WebhookApprovalCreationInput/assignedTo": "nobody"}), "'nobody'"),
        ("Basic", json!({"WebhookApprovalCreationInput/assignedTo": " ; "}), "names nobody"),
        ("Best", json!({}), "'Best' is no approvalType"),
        ("CustomResponse", json!({}), "options"),
        ("Quorum", json!({}), "'quorum' is missing"),
        (
            "Basic",
            json!({"WebhookApprovalCreationInput/itemLink": "javascript:alert(1)"}),
            "itemLink",
        ),
    ];
    for (number, (approval_type, more, part)) in cases.into_iter().enumerate() {
        let name = format!("wrong{number}");
        office.flow(&name, json!({"Ask": start_and_wait(approval_type, more)})).await;
        let run = office.start(&name).await;
        let (status, ask) = office.ended(&run, "Ask").await;
        let text = ask.to_string();
        assert_eq!(status, "Failed", "{approval_type}: {ask}");
        assert!(text.contains(part), "{part}: {text}");
    }
    office.inbox(&office.bob, 0).await;
}
