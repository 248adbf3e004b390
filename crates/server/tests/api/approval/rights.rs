//! Who may do what with approvals: whoever is asked, their deputy, who asked, administrators,
//! and others.

use super::{Desk, request};
use crate::people::{CO_OWNER, OWNER, People, USER};
use reqwest::Method;
use serde_json::{Value, json};

/// Who asked, who is asked, their deputy, who administers the environment, another one, the
/// tenant, and programs: one that administers the environment, one without a role, one that
/// administers the tenant.
type Allowed = [bool; 9];

const SEES: Allowed = [true, true, true, true, false, true, true, false, true];
const ANSWERS: Allowed = [false, true, true, false, false, false, false, false, false];
const REASSIGNS: Allowed = [true, true, true, true, false, true, true, false, true];
const CANCELS: Allowed = [true, false, false, true, false, true, true, false, true];
const ADMINISTERS: Allowed = [false, false, false, true, false, true, true, false, true];
const HEADS: Allowed = [false, false, false, false, false, true, false, false, true];
const MAKES: Allowed = [true, true, true, true, false, true, true, false, true];
const PEOPLE: Allowed = [true, true, true, true, true, true, false, false, false];

/// An approval that the co-owner is asked for, whose deputy the user is.
async fn desk() -> Desk {
    let desk = Desk::open().await;
    let body = json!({"deputy": "user@example.org"});
    desk.people.ask(CO_OWNER, (Method::PUT, "/api/v1/me/deputy"), Some(&body), 200).await;
    desk
}

async fn made(desk: &Desk) -> String {
    let mut body = request("Basic", "co-owner@example.org");
    body["attachments"] = json!([{"name": "a.txt", "content": "YQ=="}]);
    super::id(&desk.ask(body).await)
}

async fn sent(people: &People, who: usize, method: &Method, path: &str, body: &Value) -> u16 {
    let body = Some(body).filter(|it| !it.is_null());
    let answer = people.send(who, method.clone(), path, body).await;
    assert!(answer.status < 500 && answer.status != 401, "{path} by {who}: {}", answer.text);
    answer.status
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_for_those_who_have_to_do_with_them() {
    let desk = desk().await;
    let answer = json!({"response": "Approve", "assignee": "co-owner@example.org"});
    let reassign = json!({"from": "co-owner@example.org", "to": "head@example.org"});
    let calls = [
        (Method::GET, "", Value::Null, SEES),
        (Method::GET, "/evidence", Value::Null, SEES),
        (Method::GET, "/attachments/0", Value::Null, SEES),
        (Method::POST, "/responses", answer, ANSWERS),
        (Method::POST, "/reassign", reassign, REASSIGNS),
        (Method::POST, "/cancel", Value::Null, CANCELS),
    ];
    let mut tried = 0;
    for (method, rest, body, allowed) in calls {
        for (who, is_allowed) in allowed.into_iter().enumerate() {
            let path = format!("/api/v1/approvals/{}{rest}", made(&desk).await);
            let status = sent(&desk.people, who, &method, &path, &body).await;
            assert_eq!(status, if is_allowed { 200 } else { 403 }, "{rest} by {who}");
            tried += 1;
        }
    }
    assert_eq!(tried, 6 * 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_approvals_is_for_those_who_may() {
    let desk = desk().await;
    let within = format!("/api/v1/environments/{}", desk.people.environment);
    let admin = format!(
        "{}/scopes/admin/environments/{}/users/{}/approvals",
        crate::people::PROVIDER,
        desk.people.environment,
        desk.user_id(USER)
    );
    let (none, calendar) = (Value::Null, json!({"zone": "Europe/Berlin"}));
    let calls = [
        (Method::GET, "/api/v1/approvals".to_owned(), none.clone(), PEOPLE),
        (Method::GET, format!("{within}/approvals"), none.clone(), ADMINISTERS),
        (
            Method::POST,
            "/api/v1/approvals/erase".to_owned(),
            json!({"person": "x@y.example"}),
            HEADS,
        ),
        (Method::GET, format!("{within}/calendars"), none.clone(), MAKES),
        (Method::PUT, format!("{within}/calendars/north"), calendar.clone(), ADMINISTERS),
        (Method::GET, "/api/v1/me/deputized".to_owned(), none.clone(), PEOPLE),
        (Method::DELETE, "/api/v1/me/deputy".to_owned(), none.clone(), PEOPLE),
        (Method::DELETE, admin, none.clone(), ADMINISTERS),
    ];
    for (method, path, body, allowed) in &calls {
        for (who, is_allowed) in allowed.iter().enumerate() {
            let status = sent(&desk.people, who, method, path, body).await;
            let expected = match (is_allowed, method) {
                (false, _) => 403,
                (true, &Method::DELETE) if path.starts_with("/api") => 204,
                (true, _) => 200,
            };
            assert_eq!(status, expected, "{method} {path} by {who}");
        }
    }
    for (who, is_allowed) in ADMINISTERS.iter().enumerate() {
        let path = format!("{within}/calendars/by-{who}");
        desk.people.ask(5, (Method::PUT, &path), Some(&calendar), 200).await;
        let status = sent(&desk.people, who, &Method::DELETE, &path, &none).await;
        assert_eq!(status, if *is_allowed { 204 } else { 403 }, "by {who}");
    }
}

/// Who has nothing to do with an approval does not learn whether there is one.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_hear_the_same_of_what_is_there_and_what_is_not() {
    let desk = desk().await;
    let id = made(&desk).await;
    let made_up = "11111111-1111-4111-8111-111111111111";
    let provider = format!("{}/environments/{}", crate::people::PROVIDER, desk.people.environment);
    let answer = json!({"response": "Approve"});
    let wire = json!({"name": "x", "properties": {"response": "Approve"}});
    for who in [4, 7] {
        for (method, path, body) in [
            (Method::GET, "/api/v1/approvals/{}".to_owned(), Value::Null),
            (Method::GET, "/api/v1/approvals/{}/evidence".to_owned(), Value::Null),
            (Method::GET, "/api/v1/approvals/{}/attachments/0".to_owned(), Value::Null),
            (Method::POST, "/api/v1/approvals/{}/responses".to_owned(), answer.clone()),
            (Method::POST, "/api/v1/approvals/{}/reassign".to_owned(), json!({"to": "x"})),
            (Method::POST, "/api/v1/approvals/{}/cancel".to_owned(), json!({})),
            (Method::POST, format!("{provider}/approvals/{{}}/approvalResponses"), wire.clone()),
        ] {
            let body = Some(&body).filter(|it| !it.is_null());
            let mut told = Vec::new();
            for id in [id.as_str(), made_up] {
                let path = path.replace("{}", id);
                let answer = desk.people.send(who, method.clone(), &path, body).await;
                told.push((answer.status, answer.text.replace(id, "ID")));
            }
            assert_eq!(told[0].0, 403, "{path}: {}", told[0].1);
            assert_eq!(told[0], told[1], "{path}");
        }
    }
    // whoever administers the tenant does
    let path = format!("/api/v1/approvals/{made_up}");
    desk.people.ask(5, (Method::GET, &path), None, 404).await;
    desk.people.ask(OWNER, (Method::GET, &path), None, 403).await;
}
