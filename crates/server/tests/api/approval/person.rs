//! Who people are, however they are named, and who chooses them.

use super::{ADMINISTRATOR, Desk, code, events, request};
use crate::people::{CO_OWNER, OWNER, PROVIDER, USER};
use reqwest::Method;
use serde_json::{Value, json};

/// Ids of those who are asked.
fn waiting(shown: &Value) -> Vec<&str> {
    let people = shown["waitingFor"].as_array().expect("people").iter();
    people.map(|it| it["id"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_named_in_several_ways_is_one() {
    let desk = Desk::open().await;
    let world = &desk.people.world;
    let mut ids = Vec::new();
    for (name, mail) in [("lea", "Lea.Lang@mail.example.org"), ("max", "max@mail.example.org")] {
        let body = json!({"userPrincipalName": format!("{name}@example.org"), "mail": mail});
        let user = world.call(Method::POST, "/api/v1/users", body, 201).await;
        ids.push(super::id(&user));
    }
    world.call(Method::POST, "/api/v1/groups", json!({"displayName": "Board"}), 201).await;
    let members = json!({"add": ["lea@example.org"]});
    world.call(Method::POST, "/api/v1/groups/Board/members", members, 200).await;
    let to = format!(
        "lea.lang@MAIL.example.org; lea@example.org; Board; {}; max@mail.example.org;",
        ids[0]
    );
    let mut body = request("Quorum", &to);
    body["quorum"] = json!(2);
    let made = desk.ask(body).await;
    assert_eq!(waiting(&made), [&ids[0], &ids[1]], "{made}");
    // who has the address of somebody else is nobody in particular
    let body =
        json!({"userPrincipalName": "lea2@example.org", "mail": "lea.lang@mail.example.org"});
    world.call(Method::POST, "/api/v1/users", body, 201).await;
    let body = request("Basic", "lea.lang@mail.example.org");
    let told = desk.people.ask(OWNER, (Method::POST, &desk.within()), Some(&body), 400).await;
    assert_eq!(code(&told), "AmbiguousMail", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn for_whom_it_is_asked_does_not_choose_who_decides() {
    let desk = Desk::open().await;
    let mut body = request("Basic", "co-owner@example.org");
    body["requestor"] = json!("user@example.org");
    body["enableReassignment"] = json!(false);
    let id = super::id(&desk.ask(body).await);
    let shown = desk.show(USER, &id).await;
    assert_eq!((&shown["isCancellable"], &shown["isReassignable"]), (&json!(true), &json!(false)));
    let body = json!({"from": "co-owner@example.org", "to": "user@example.org"});
    let told = desk.post(USER, &id, "reassign", body.clone(), 403).await;
    assert_eq!(code(&told), "ApprovalNotAssigned", "{told}");
    // who made it may, and they take it back
    desk.post(OWNER, &id, "reassign", body, 200).await;
    desk.post(USER, &id, "cancel", json!({}), 200).await;
}

/// A stage with one person.
fn stage(name: &str) -> Value {
    json!({"assignedTo": format!("{name}@example.org")})
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_gone_is_asked_by_no_later_stage() {
    let desk = Desk::open().await;
    let staged = |stages: Value| {
        let mut body = request("Staged", "");
        body["stages"] = stages;
        body
    };
    let twice = staged(json!([
        {"assignedTo": super::BOTH}, {"assignedTo": super::BOTH, "approvalType": "BasicAwaitAll"}]));
    let twice = super::id(&desk.ask(twice).await);
    let later = super::id(&desk.ask(staged(json!([stage("co-owner"), stage("user")]))).await);
    let mut slow = request("Basic", "co-owner@example.org");
    slow["escalation"] = json!({"after": {"amount": 1, "unit": "Hours"}, "to": "user@example.org"});
    let slow = super::id(&desk.ask(slow).await);
    let remove = format!(
        "{PROVIDER}/scopes/admin/environments/{}/users/{}/approvals?api-version=2016-11-01",
        desk.people.environment,
        desk.user_id(USER)
    );
    desk.people.ask(ADMINISTRATOR, (Method::DELETE, &remove), None, 200).await;
    for id in [&twice, &later, &slow] {
        let shown = desk.show(OWNER, id).await;
        assert!(events(&shown).contains(&"excused"), "{shown}");
        assert_eq!(waiting(&shown), [desk.user_id(CO_OWNER)], "{shown}");
        let history = shown["history"].to_string();
        assert!(
            history.contains("administrator@example.org excused user@example.org"),
            "{history}"
        );
    }
    let shown = desk.answer(CO_OWNER, &twice, "Approve", 200).await;
    assert_eq!(waiting(&shown), [desk.user_id(CO_OWNER)], "the second stage: {shown}");
    assert_eq!(desk.answer(CO_OWNER, &twice, "Approve", 200).await["outcome"], "Approve");
    // where nobody is left nothing is approved
    assert_eq!(desk.answer(CO_OWNER, &later, "Approve", 200).await["outcome"], "Canceled");
    assert!(desk.list(USER, "").await.is_empty());
    // they are not asked by others instead
    let body = json!({"to": "user@example.org"});
    let told = desk.post(CO_OWNER, &slow, "reassign", body, 409).await;
    assert_eq!(code(&told), "ApprovalAssigneeExcused", "{told}");
    desk.people.ask(ADMINISTRATOR, (Method::DELETE, &remove), None, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_counts_a_deputy_once() {
    let desk = Desk::open().await;
    let body = json!({"deputy": "user@example.org"});
    desk.people.ask(CO_OWNER, (Method::PUT, "/api/v1/me/deputy"), Some(&body), 200).await;
    let mut body = request("Quorum", super::THREE);
    body["quorum"] = json!(2);
    let id = super::id(&desk.ask(body).await);
    desk.answer(USER, &id, "Approve", 200).await;
    let body = json!({"response": "Approve", "assignee": "co-owner@example.org"});
    let told = desk.post(USER, &id, "responses", body, 409).await;
    assert_eq!(code(&told), "ApprovalAlreadyCounted", "{told}");
    assert_eq!(desk.answer(CO_OWNER, &id, "Approve", 200).await["outcome"], "Approve");
}
