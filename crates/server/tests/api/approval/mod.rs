//! Approvals over HTTP: who is asked, what is answered, and what becomes of it.

mod cmdlet;
mod evidence;
mod list;
mod many;
mod person;
mod rights;
mod time;

use crate::people::{CO_OWNER, OWNER, People, STRANGER, USER};
use reqwest::Method;
use serde_json::{Value, json};

const ADMINISTRATOR: usize = 3;

/// People of an environment, and what they ask one another.
struct Desk {
    people: People,
}

impl Desk {
    async fn open() -> Desk {
        Desk { people: People::meet().await }
    }

    fn within(&self) -> String {
        format!("/api/v1/environments/{}/approvals", self.people.environment)
    }

    /// The owner asks.
    async fn ask(&self, body: Value) -> Value {
        self.people.ask(OWNER, (Method::POST, &self.within()), Some(&body), 201).await
    }

    async fn asked(&self, approval_type: &str, to: &str) -> String {
        id(&self.ask(request(approval_type, to)).await)
    }

    async fn post(&self, who: usize, id: &str, what: &str, body: Value, status: u16) -> Value {
        let path = format!("/api/v1/approvals/{id}/{what}");
        self.people.ask(who, (Method::POST, &path), Some(&body), status).await
    }

    async fn answer(&self, who: usize, id: &str, response: &str, status: u16) -> Value {
        self.post(who, id, "responses", json!({"response": response}), status).await
    }

    async fn get(&self, who: usize, path: &str, status: u16) -> Value {
        let path = format!("/api/v1/{path}");
        self.people.ask(who, (Method::GET, &path), None, status).await
    }

    async fn show(&self, who: usize, id: &str) -> Value {
        self.get(who, &format!("approvals/{id}"), 200).await
    }

    /// Ids of somebody's list.
    async fn list(&self, who: usize, query: &str) -> Vec<String> {
        let list = self.get(who, &format!("approvals?{query}"), 200).await;
        list["value"].as_array().expect("a list").iter().map(id).collect()
    }

    fn user_id(&self, who: usize) -> &str {
        &self.people.all[who].id
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

fn request(approval_type: &str, to: &str) -> Value {
    json!({"approvalType": approval_type, "title": "Buy a press", "assignedTo": to,
        "details": "**Two** offers", "itemLink": "https://example.org/offers/1"})
}

fn code(value: &Value) -> &str {
    value["error"]["code"].as_str().unwrap_or_default()
}

/// Names in the history, in order.
fn events(value: &Value) -> Vec<&str> {
    let history = value["history"].as_array().expect("a history");
    history.iter().map(|it| it["event"].as_str().expect("a name")).collect()
}

const BOTH: &str = "co-owner@example.org; user@example.org;";
const THREE: &str = "co-owner@example.org;user@example.org;administrator@example.org";

/// Type, who is asked, what else is said, who answers what, and the outcome.
type Case<'a> = (&'a str, &'a str, &'a Value, &'a [(usize, &'a str)], &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn each_type_comes_to_its_outcome() {
    let desk = Desk::open().await;
    let options = json!({"responseOptions": ["Yes", "No", "Later"]});
    let stages = json!({"assignedTo": "", "stages": [
        {"name": "Team", "assignedTo": "co-owner@example.org"},
        {"name": "Board", "assignedTo": "user@example.org;administrator@example.org",
            "approvalType": "BasicAwaitAll"},
    ]});
    let (two, none) = (json!({"quorum": 2}), json!({}));
    let cases: [Case<'_>; 11] = [
        ("Basic", BOTH, &none, &[(USER, "Reject")], "Reject"),
        ("BasicAwaitAll", BOTH, &none, &[(USER, "Approve"), (CO_OWNER, "Approve")], "Approve"),
        ("BasicAwaitAll", BOTH, &none, &[(USER, "Reject")], "Reject"),
        ("CustomResponse", BOTH, &options, &[(CO_OWNER, "Later")], "Later"),
        ("CustomResponseAwaitAll", BOTH, &options, &[(USER, "Yes"), (CO_OWNER, "No")], "Yes, No"),
        ("Sequential", BOTH, &none, &[(CO_OWNER, "Approve"), (USER, "Approve")], "Approve"),
        ("Sequential", BOTH, &none, &[(CO_OWNER, "Approve"), (USER, "Reject")], "Reject"),
        (
            "Quorum",
            THREE,
            &two,
            &[(USER, "Reject"), (CO_OWNER, "Approve"), (3, "Approve")],
            "Approve",
        ),
        ("Quorum", THREE, &two, &[(USER, "Reject"), (CO_OWNER, "Reject")], "Reject"),
        (
            "Staged",
            "",
            &stages,
            &[(CO_OWNER, "Approve"), (3, "Approve"), (USER, "Approve")],
            "Approve",
        ),
        ("Staged", "", &stages, &[(CO_OWNER, "Reject")], "Reject"),
    ];
    for (approval_type, to, more, answers, outcome) in cases {
        let mut body = request(approval_type, to);
        for (member, value) in more.as_object().expect("members") {
            body[member] = value.clone();
        }
        let id = id(&desk.ask(body).await);
        let mut last = Value::Null;
        for (place, (who, response)) in answers.iter().enumerate() {
            assert!(desk.list(*who, "").await.contains(&id), "{approval_type}");
            last = desk.answer(*who, &id, response, 200).await;
            let is_last = place + 1 == answers.len();
            let state = if is_last { "Completed" } else { "Open" };
            assert_eq!(last["state"], state, "{approval_type} {place}: {last}");
        }
        assert_eq!(last["outcome"], outcome, "{approval_type}: {last}");
        assert_eq!(events(&last).last(), Some(&"decided"), "{last}");
        for who in [USER, CO_OWNER] {
            assert!(!desk.list(who, "").await.contains(&id), "{approval_type}");
        }
        assert!(desk.list(OWNER, "side=sent&state=closed").await.contains(&id));
        assert!(desk.list(CO_OWNER, "state=closed").await.contains(&id), "{approval_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_people_and_others_are_addresses() {
    let desk = Desk::open().await;
    let world = &desk.people.world;
    world.call(Method::POST, "/api/v1/groups", json!({"displayName": "Reviewers"}), 201).await;
    let members = json!({"add": ["co-owner@example.org", "user@example.org"]});
    world.call(Method::POST, "/api/v1/groups/Reviewers/members", members, 200).await;
    let to = "Reviewers; guest@partner.example;USER@example.org; ";
    let made = desk.ask(request("BasicAwaitAll", to)).await;
    let waiting = made["waitingFor"].as_array().expect("people");
    let names: Vec<&str> = waiting.iter().map(|it| it["mail"].as_str().expect("mail")).collect();
    assert_eq!(names, ["co-owner@example.org", "user@example.org", "guest@partner.example"]);
    assert!(waiting[2]["id"].as_str().is_some_and(|it| it.starts_with("outside:")), "{made}");
    assert_eq!(waiting[0]["id"], desk.user_id(CO_OWNER));
    for to in ["", " ; ", "nobody", "Reviewers;nobody"] {
        let body = request("Basic", to);
        let told = desk.people.ask(OWNER, (Method::POST, &desk.within()), Some(&body), 400).await;
        assert_eq!(code(&told), "InvalidApprovalAssignee", "{to}: {told}");
    }
    // who administers has somebody of the house asked instead of the guest
    let id = id(&made);
    let body = json!({"from": "guest@partner.example", "to": "owner@example.org"});
    let told = desk.post(ADMINISTRATOR, &id, "reassign", body, 200).await;
    assert!(told["waitingFor"].to_string().contains("owner@example.org"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    let desk = Desk::open().await;
    let path = desk.within();
    let with = |member: &str, value: Value| {
        let mut body = request("Basic", BOTH);
        body[member] = value;
        body
    };
    let long = "x".repeat(2_000);
    for (body, expected) in [
        (with("title", json!(" ")), "InvalidApprovalInput"),
        (with("title", json!(long)), "InvalidApprovalInput"),
        (with("itemLink", json!("javascript:alert(1)")), "InvalidApprovalInput"),
        (with("responseOptions", json!(["Yes"])), "InvalidApprovalInput"),
        (with("approvalType", json!("Quorum")), "InvalidApprovalInput"),
        (with("approvalType", json!("CustomResponse")), "InvalidApprovalInput"),
        (with("approvalType", json!("Staged")), "InvalidApprovalInput"),
        (with("approvalType", json!("Other")), "InvalidRequestContent"),
        (with("deadLine", json!({})), "InvalidRequestContent"),
        (with("requestor", json!("nobody")), "InvalidApprovalRequestor"),
        (with("deadline", json!({"after": {"amount": 0, "unit": "Days"}})), "InvalidApprovalInput"),
        (with("attachments", json!([{"name": "a", "content": "?"}])), "InvalidApprovalAttachment"),
        (with("attachments", json!([{"name": "", "content": ""}])), "InvalidApprovalAttachment"),
    ] {
        let told = desk.people.ask(OWNER, (Method::POST, &path), Some(&body), 400).await;
        assert_eq!(code(&told), expected, "{body}: {told}");
    }
    let body = with("calendar", json!("x"));
    let told = desk.people.ask(OWNER, (Method::POST, &path), Some(&body), 404).await;
    assert_eq!(code(&told), "CalendarNotFound");
    for query in ["side=other", "state=done", "top=0", "other=1", "side=sent&for=user@example.org"]
    {
        desk.get(USER, &format!("approvals?{query}"), 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_count_are_told_why() {
    let desk = Desk::open().await;
    let all = desk.asked("BasicAwaitAll", BOTH).await;
    assert_eq!(code(&desk.answer(USER, &all, "Perhaps", 400).await), "InvalidApprovalResponse");
    assert_eq!(code(&desk.answer(OWNER, &all, "Approve", 403).await), "ApprovalNotAssigned");
    desk.answer(USER, &all, "Approve", 200).await;
    assert_eq!(code(&desk.answer(USER, &all, "Reject", 409).await), "ApprovalAlreadyAnswered");
    desk.answer(CO_OWNER, &all, "Reject", 200).await;
    let late = desk.answer(CO_OWNER, &all, "Approve", 409).await;
    assert_eq!(code(&late), "ApprovalAlreadyCompleted");
    assert!(late["error"]["message"].as_str().is_some_and(|it| it.contains("Reject")), "{late}");
    // a stage that has not begun, and one that is over
    let turns = desk.asked("Sequential", BOTH).await;
    assert_eq!(code(&desk.answer(USER, &turns, "Approve", 403).await), "Forbidden");
    desk.answer(CO_OWNER, &turns, "Approve", 200).await;
    assert_eq!(code(&desk.answer(CO_OWNER, &turns, "Reject", 403).await), "ApprovalNotAssigned");
    desk.answer(USER, &turns, "Approve", 200).await;
    // what was taken back, by who may
    let gone = desk.asked("Basic", BOTH).await;
    for who in [USER, STRANGER] {
        desk.post(who, &gone, "cancel", json!({}), 403).await;
    }
    let told = desk.post(OWNER, &gone, "cancel", json!({"comments": "Not now"}), 200).await;
    assert_eq!((&told["state"], &told["outcome"]), (&json!("Cancelled"), &json!("Canceled")));
    assert!(told["history"].to_string().contains("Not now"), "{told}");
    assert_eq!((&told["isCancellable"], &told["isReassignable"]), (&json!(false), &json!(false)));
    assert_eq!(code(&desk.answer(USER, &gone, "Approve", 409).await), "ApprovalCancelled");
    assert_eq!(code(&desk.post(OWNER, &gone, "cancel", json!({}), 409).await), "ApprovalCancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_is_asked_instead() {
    let desk = Desk::open().await;
    let id = desk.asked("BasicAwaitAll", BOTH).await;
    let to = |to: &str| json!({"to": to, "comments": "I am too near"});
    for (to_whom, status, expected) in [
        ("co-owner@example.org", 409, "ApprovalAlreadyAssigned"),
        ("nobody", 400, "InvalidApprovalAssignee"),
        (BOTH, 400, "InvalidApprovalAssignee"),
    ] {
        let told = desk.post(USER, &id, "reassign", to(to_whom), status).await;
        assert_eq!(code(&told), expected, "{to_whom}: {told}");
    }
    let others = json!({"from": "co-owner@example.org", "to": "head@example.org"});
    assert_eq!(code(&desk.post(USER, &id, "reassign", others, 403).await), "ApprovalNotAssigned");
    let told = desk.post(USER, &id, "reassign", to("administrator@example.org"), 200).await;
    let task = &told["stages"][0]["tasks"][1];
    assert_eq!(
        (&task["state"], &task["reassignedTo"]["mail"]),
        (&json!("Reassigned"), &json!("administrator@example.org"))
    );
    assert_eq!(told["answersFor"], json!([]));
    assert!(!desk.list(USER, "").await.contains(&id));
    assert!(desk.list(ADMINISTRATOR, "").await.contains(&id));
    assert_eq!(code(&desk.answer(USER, &id, "Approve", 403).await), "ApprovalNotAssigned");
    desk.answer(ADMINISTRATOR, &id, "Approve", 200).await;
    assert_eq!(desk.answer(CO_OWNER, &id, "Approve", 200).await["outcome"], "Approve");
    // where assignees may not, who asked may
    let mut body = request("Basic", "user@example.org");
    body["enableReassignment"] = json!(false);
    let fixed = desk.ask(body).await;
    let id = super::approval::id(&fixed);
    assert_eq!(desk.show(USER, &id).await["isReassignable"], false);
    let told = desk.post(USER, &id, "reassign", to("co-owner@example.org"), 403).await;
    assert_eq!(code(&told), "ApprovalNotReassignable");
    let body = json!({"from": "user@example.org", "to": "co-owner@example.org"});
    let told = desk.post(OWNER, &id, "reassign", body, 200).await;
    assert_eq!(told["waitingFor"][0]["id"], desk.user_id(CO_OWNER));
}

#[tokio::test(flavor = "multi_thread")]
async fn deputies_answer_for_who_is_away() {
    let desk = Desk::open().await;
    let own = async |who: usize, method: Method, body: Option<Value>, status: u16| {
        let path = "/api/v1/me/deputy";
        desk.people.ask(who, (method, path), body.as_ref(), status).await
    };
    let id = desk.asked("Basic", "co-owner@example.org").await;
    assert_eq!(code(&own(CO_OWNER, Method::GET, None, 404).await), "DeputyNotFound");
    for (body, status) in [
        (json!({"deputy": "co-owner@example.org"}), 400),
        (json!({"deputy": "nobody"}), 404),
        (json!({"deputy": "user@example.org", "from": "soon"}), 400),
        (
            json!({"deputy": "user@example.org", "from": "2027-01-02T00:00:00Z",
                "until": "2027-01-01T00:00:00Z"}),
            400,
        ),
    ] {
        own(CO_OWNER, Method::PUT, Some(body), status).await;
    }
    let times =
        ["from=2000-01-01T00:00:00Z until=2001-01-01T00:00:00Z", "from=2190-01-01T00:00:00Z"];
    for text in times {
        let mut body = json!({"deputy": "user@example.org"});
        for pair in text.split(' ') {
            let (name, time) = pair.split_once('=').expect("a pair");
            body[name] = json!(time);
        }
        let set = own(CO_OWNER, Method::PUT, Some(body), 200).await;
        assert_eq!(set["isActive"], false, "{set}");
        let path = format!("/api/v1/approvals/{id}");
        desk.people.ask(USER, (Method::GET, &path), None, 403).await;
        desk.answer(USER, &id, "Approve", 403).await;
        desk.get(USER, "approvals?for=co-owner@example.org", 403).await;
    }
    let set = own(CO_OWNER, Method::PUT, Some(json!({"deputy": "user@example.org"})), 200).await;
    assert_eq!(set["isActive"], true);
    assert_eq!(set["deputy"]["mail"], "user@example.org");
    let named = desk.get(USER, "me/deputized", 200).await;
    assert_eq!(named["value"][0]["user"]["id"], desk.user_id(CO_OWNER), "{named}");
    assert_eq!(desk.list(USER, "for=co-owner@example.org").await, std::slice::from_ref(&id));
    desk.get(USER, "approvals?for=owner@example.org", 403).await;
    desk.get(USER, "approvals?for=nobody", 403).await;
    let shown = desk.show(USER, &id).await;
    assert_eq!(shown["answersFor"][0]["id"], desk.user_id(CO_OWNER));
    let for_other = json!({"response": "Approve", "assignee": "owner@example.org"});
    desk.post(USER, &id, "responses", for_other, 403).await;
    let body = json!({"response": "Approve", "assignee": "co-owner@example.org",
        "comments": "As we spoke"});
    let told = desk.post(USER, &id, "responses", body.clone(), 200).await;
    let task = &told["stages"][0]["tasks"][0];
    assert_eq!(task["assignee"]["id"], desk.user_id(CO_OWNER));
    assert_eq!(task["responder"]["id"], desk.user_id(USER));
    assert_eq!(task["comments"], "As we spoke");
    assert!(
        told["history"].to_string().contains("user@example.org answered 'Approve' for")
            || told["history"].to_string().contains("answered 'Approve' for"),
        "{told}"
    );
    let late = desk.post(USER, &id, "responses", body, 409).await;
    assert_eq!(code(&late), "ApprovalAlreadyCompleted");
    own(CO_OWNER, Method::DELETE, None, 204).await;
    desk.get(USER, "approvals?for=co-owner@example.org", 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_and_never_shown() {
    let desk = Desk::open().await;
    let mut body = request("Basic", "user@example.org");
    let page = "<script>alert(1)</script>";
    body["attachments"] = json!([
        {"name": "offer \"1\"\r\n.html", "content": "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="},
        {"name": "empty.txt", "content": ""},
    ]);
    let made = desk.ask(body).await;
    assert_eq!(made["attachments"][0]["bytes"], page.len());
    let at = |number: &str| format!("/api/v1/approvals/{}/attachments/{number}", id(&made));
    let file = desk.people.send(USER, Method::GET, &at("0"), None).await;
    assert_eq!((file.status, file.text.as_str()), (200, page));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let named = file.header("content-disposition");
    assert!(named.starts_with("attachment; filename=\"offer _1___.html\";"), "{named}");
    assert!(named.ends_with("filename*=UTF-8''offer%20%221%22%0D%0A.html"), "{named}");
    assert_eq!(desk.people.send(USER, Method::GET, &at("1"), None).await.text, "");
    for number in ["2", "x", "-1", "99999999999999999999"] {
        let told = desk.people.send(USER, Method::GET, &at(number), None).await;
        assert_eq!((told.status, told.code().as_str()), (404, "ApprovalAttachmentNotFound"));
    }
    assert_eq!(desk.people.send(CO_OWNER, Method::GET, &at("0"), None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn calendars_are_kept_by_administrators() {
    let desk = Desk::open().await;
    let calendars = format!("/api/v1/environments/{}/calendars", desk.people.environment);
    let at = format!("{calendars}/Berlin");
    let body =
        json!({"zone": "Europe/Berlin", "workdays": [1, 2, 3, 4], "holidays": ["2026-12-25"]});
    desk.people.ask(OWNER, (Method::PUT, &at), Some(&body), 403).await;
    let set = desk.people.ask(ADMINISTRATOR, (Method::PUT, &at), Some(&body), 200).await;
    assert_eq!(set["workdays"], json!([1, 2, 3, 4]));
    let list = desk.people.ask(OWNER, (Method::GET, &calendars), None, 200).await;
    assert_eq!(list["value"], json!([set]));
    for wrong in [
        json!({"zone": "Mars/Base"}),
        json!({"workdays": []}),
        json!({"workdays": [8]}),
        json!({"holidays": ["25.12.2026"]}),
    ] {
        let told = desk.people.ask(ADMINISTRATOR, (Method::PUT, &at), Some(&wrong), 400).await;
        assert_eq!(code(&told), "InvalidCalendar", "{wrong}");
    }
    let mut body = request("Basic", "user@example.org");
    body["calendar"] = json!("berlin");
    body["deadline"] = json!({"after": {"amount": 2, "unit": "BusinessDays"}});
    let made = desk.ask(body).await;
    assert!(made["deadline"].is_string(), "{made}");
    desk.people.ask(OWNER, (Method::DELETE, &at), None, 403).await;
    desk.people.ask(ADMINISTRATOR, (Method::DELETE, &at), None, 204).await;
    desk.people.ask(ADMINISTRATOR, (Method::DELETE, &at), None, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_told_in_the_language_of_who_reads_it() {
    let desk = Desk::open().await;
    let id = desk.asked("Basic", BOTH).await;
    desk.post(USER, &id, "reassign", json!({"to": "administrator@example.org"}), 200).await;
    desk.answer(CO_OWNER, &id, "Approve", 200).await;
    let told = async |language: &str| {
        let path = format!("/api/v1/approvals/{id}");
        let request = desk.people.world.api.request(Method::GET, &path);
        let key = &desk.people.all[OWNER].key;
        let answer = request.bearer_auth(key).header("Accept-Language", language).send().await;
        let text = answer.expect("an answer").text().await.expect("a body");
        let shown: Value = serde_json::from_str(&text).expect("JSON");
        let history = shown["history"].as_array().expect("a history").clone();
        history.iter().map(|it| it["text"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let (english, german) = (told("fr, en").await, told("de-CH, en;q=0.5").await);
    assert_eq!(english.len(), german.len());
    let last = (english.last().map(String::as_str), german.last().map(String::as_str));
    let expected = "Das Ergebnis ist \u{201e}Approve\u{201c}.";
    assert_eq!(last, (Some("The outcome is 'Approve'."), Some(expected)));
    for (english, german) in english.iter().zip(&german) {
        assert_ne!(english, german);
    }
}
