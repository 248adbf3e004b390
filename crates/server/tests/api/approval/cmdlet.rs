//! The requests of the cmdlets for approvals, as the PowerShell modules send them, and the
//! members of the answers that they read.

use super::{Desk, code};
use crate::people::{CO_OWNER, HEAD, OWNER, PROVIDER, STRANGER, USER};
use reqwest::Method;
use serde_json::{Value, json};

const ADMINISTRATOR: usize = 3;

impl Desk {
    fn wire(&self, rest: &str) -> String {
        format!("{PROVIDER}/environments/{}/{rest}", self.people.environment)
    }

    async fn wire_get(&self, who: usize, rest: &str, status: u16) -> Value {
        let path = self.wire(rest);
        self.people.ask(who, (Method::GET, &path), None, status).await
    }

    /// As `Get-FlowApprovalRequest` asks.
    async fn requests(&self, who: usize) -> Value {
        let id = self.user_id(who);
        let query = format!(
            "approvalRequests?$filter=properties/assignedTo/id%20eq%20%27{id}%27&$expand=properties/approval&api-version=2016-11-01"
        );
        self.wire_get(who, &query, 200).await
    }

    /// As `Get-FlowApproval` asks.
    async fn sent(&self, who: usize) -> Value {
        let id = self.user_id(who);
        let query = format!(
            "approvals?$filter=properties/owner/id%20eq%20%27{id}%27%20and%20properties/status%20eq%20%27Pending%27&$expand=properties/requestSummary&api-version=2016-11-01"
        );
        self.wire_get(who, &query, 200).await
    }

    /// As `Approve-FlowApprovalRequest` and `Deny-FlowApprovalRequest` answer.
    async fn reply(&self, who: usize, request: &Value, response: &str, status: u16) -> Value {
        let approval = request["properties"]["approval"]["name"].as_str().expect("a name");
        let name = request["name"].as_str().expect("a name");
        let path = self.wire(&format!("approvals/{approval}/approvalResponses"));
        let body = json!({
            "name": name, "id": format!("{path}/{name}"),
            "type": "/providers/Microsoft.ProcessSimple/environments/approvals/approvalResponses",
            "properties": {"stage": "Basic", "status": "Committed",
                "creationDate": "2024-01-01T00:00:00Z",
                "owner": {"id": self.user_id(who), "type": "NotSpecified", "tenantId": "x"},
                "response": response, "comments": "ok"},
        });
        let path = format!("{path}?api-version=2016-11-01");
        self.people.ask(who, (Method::POST, &path), Some(&body), status).await
    }
}

fn reads(value: &Value, pointers: &[&str]) {
    for pointer in pointers {
        let found = value.pointer(pointer).is_some_and(|it| !it.is_null());
        assert!(found, "{pointer}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cmdlets_find_and_answer_approvals() {
    let desk = Desk::open().await;
    let id = desk.asked("BasicAwaitAll", super::BOTH).await;
    let found = desk.requests(USER).await;
    reads(
        &found,
        &[
            "/value/0/name",
            "/value/0/id",
            "/value/0/type",
            "/value/0/properties/approval/name",
            "/value/0/properties/approval/properties/title",
            "/value/0/properties/approval/properties/details",
            "/value/0/properties/approval/properties/owner/userPrincipalName",
            "/value/0/properties/approval/properties/creationDate",
        ],
    );
    let request = &found["value"][0];
    assert_eq!(request["properties"]["approval"]["name"], id.as_str());
    let owner = &request["properties"]["approval"]["properties"]["owner"];
    assert_eq!(owner["userPrincipalName"], "owner@example.org");
    let sent = desk.sent(OWNER).await;
    assert_eq!(sent["value"][0]["name"], id.as_str());
    let approvers = &sent["value"][0]["properties"]["requestSummary"]["approvers"];
    assert_eq!(approvers.as_array().map(Vec::len), Some(2), "{sent}");
    // without what is to be expanded it is not there
    let query =
        format!("approvalRequests?$filter=properties/assignedTo/id eq '{}'", desk.user_id(USER));
    let plain = desk.wire_get(USER, &query, 200).await;
    assert_eq!(plain["value"][0]["properties"]["approval"].get("properties"), None, "{plain}");
    // a request is answered by who was asked by it
    assert_eq!(
        desk.reply(CO_OWNER, request, "Approve", 403).await["error"]["code"],
        "ApprovalNotAssigned"
    );
    assert_eq!(code(&desk.reply(USER, request, "Perhaps", 400).await), "InvalidApprovalResponse");
    let answered = desk.reply(USER, request, "Approve", 201).await;
    assert_eq!(
        (&answered["name"], &answered["properties"]["comments"]),
        (&request["name"], &json!("ok"))
    );
    assert_eq!(code(&desk.reply(USER, request, "Reject", 409).await), "ApprovalAlreadyAnswered");
    assert_eq!(desk.requests(USER).await["value"], json!([]));
    let theirs = desk.requests(CO_OWNER).await;
    let mut unknown = theirs["value"][0].clone();
    unknown["name"] = json!("11111111-1111-4111-8111-111111111111");
    assert_eq!(
        code(&desk.reply(CO_OWNER, &unknown, "Reject", 404).await),
        "ApprovalRequestNotFound"
    );
    desk.reply(CO_OWNER, &theirs["value"][0], "Reject", 201).await;
    assert_eq!(desk.show(OWNER, &id).await["outcome"], "Reject");
    assert_eq!(desk.sent(OWNER).await["value"], json!([]));
}

/// A request that was answered is not that of a later stage.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_answers_nothing_else() {
    let desk = Desk::open().await;
    let id = desk.asked("Sequential", "user@example.org;user@example.org").await;
    let first = desk.requests(USER).await["value"][0].clone();
    desk.reply(USER, &first, "Approve", 201).await;
    let again = desk.reply(USER, &first, "Approve", 409).await;
    assert_eq!(code(&again), "ApprovalAlreadyAnswered", "{again}");
    assert_eq!(desk.show(USER, &id).await["state"], "Open");
    let second = desk.requests(USER).await["value"][0].clone();
    assert_ne!(first["name"], second["name"]);
    let answered = desk.reply(USER, &second, "Approve", 201).await;
    assert_eq!(answered["name"], second["name"]);
    assert_eq!(desk.show(USER, &id).await["outcome"], "Approve");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_filters_are_refused_and_others_are_not_shown() {
    let desk = Desk::open().await;
    desk.asked("Basic", super::BOTH).await;
    let (me, other) = (desk.user_id(USER), desk.user_id(CO_OWNER));
    for query in [
        "approvalRequests".to_owned(),
        "approvalRequests?$filter=properties/title eq 'x'".to_owned(),
        format!("approvalRequests?$filter=properties/assignedTo/id ne '{me}'"),
        format!("approvalRequests?$filter=properties/assignedTo/id eq {me}"),
        format!("approvalRequests?$filter=properties/assignedTo/id eq '{me}' or 1 eq 1"),
        format!("approvalRequests?$filter=properties/assignedTo/id eq '{me}'&$expand=all"),
        format!("approvals?$filter=properties/owner/id eq '{me}'"),
        format!("approvals?$filter=properties/owner/id eq '{me}' and properties/status eq 'Done'"),
    ] {
        let told = desk.wire_get(USER, &query, 400).await;
        assert!(["InvalidFilter", "InvalidQuery"].contains(&code(&told)), "{query}: {told}");
    }
    let query = format!("approvalRequests?$filter=properties/assignedTo/id eq '{other}'");
    desk.wire_get(USER, &query, 403).await;
    let query = format!(
        "approvals?$filter=properties/owner/id eq '{}' and properties/status eq 'Pending'",
        desk.user_id(OWNER)
    );
    desk.wire_get(USER, &query, 403).await;
    // an approval is in its environment only
    let path = format!(
        "{PROVIDER}/environments/~default/approvals/{}/approvalResponses",
        desk.asked("Basic", super::BOTH).await
    );
    let body = json!({"properties": {"response": "Approve"}});
    desk.people.ask(USER, (Method::POST, &path), Some(&body), 403).await;
}

/// `Remove-AdminFlowApprovals`: what somebody asked for is taken back, and they are not asked
/// any more.
#[tokio::test(flavor = "multi_thread")]
async fn the_approvals_of_somebody_end() {
    let desk = Desk::open().await;
    let one = desk.asked("Basic", "user@example.org").await;
    let some = desk.asked("BasicAwaitAll", super::BOTH).await;
    let half = desk.asked("BasicAwaitAll", super::BOTH).await;
    desk.answer(CO_OWNER, &half, "Approve", 200).await;
    let body = super::request("Basic", "co-owner@example.org");
    let path = desk.within();
    let own = desk.people.ask(USER, (Method::POST, &path), Some(&body), 201).await;
    let own = super::id(&own);
    let remove = format!(
        "{PROVIDER}/scopes/admin/environments/{}/users/{}/approvals?api-version=2016-11-01",
        desk.people.environment,
        desk.user_id(USER)
    );
    for who in [OWNER, USER, STRANGER] {
        desk.people.ask(who, (Method::DELETE, &remove), None, 403).await;
    }
    let answer = desk.people.send(ADMINISTRATOR, Method::DELETE, &remove, None).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let standing = async |id: &str| {
        let shown = desk.show(HEAD, id).await;
        (shown["state"].clone(), shown["outcome"].clone())
    };
    let cancelled = (json!("Cancelled"), json!("Canceled"));
    assert_eq!(standing(&own).await, cancelled, "what they asked for");
    assert_eq!(standing(&one).await, cancelled, "nobody is left to answer");
    assert_eq!(standing(&half).await, (json!("Completed"), json!("Approve")), "all others did");
    assert_eq!(standing(&some).await, (json!("Open"), Value::Null), "another is left");
    assert_eq!(code(&desk.answer(USER, &some, "Approve", 403).await), "ApprovalNotAssigned");
    assert_eq!(desk.answer(CO_OWNER, &some, "Approve", 200).await["outcome"], "Approve");
    assert!(desk.list(USER, "").await.is_empty());
    // there is nothing left to end
    desk.people.ask(ADMINISTRATOR, (Method::DELETE, &remove), None, 200).await;
}
