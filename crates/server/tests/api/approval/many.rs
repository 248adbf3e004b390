//! Many answers at the same moment.

use super::{BOTH, Desk, events};
use crate::people::{CO_OWNER, USER};
use crate::world::Answer;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_decides() {
    let desk = Desk::open().await;
    for _ in 0..10 {
        let id = desk.asked("Basic", BOTH).await;
        let path = format!("/api/v1/approvals/{id}/responses");
        let (yes, no) = (json!({"response": "Approve"}), json!({"response": "Reject"}));
        let (one, other) = tokio::join!(
            desk.people.send(USER, Method::POST, &path, Some(&yes)),
            desk.people.send(CO_OWNER, Method::POST, &path, Some(&no)),
        );
        let (won, lost) = match one.status {
            200 => (one, other),
            _ => (other, one),
        };
        assert_eq!((won.status, lost.status), (200, 409), "{} {}", won.text, lost.text);
        assert_eq!(lost.code(), "ApprovalAlreadyCompleted");
        let shown = desk.show(USER, &id).await;
        assert_eq!(shown["outcome"], won.json()["outcome"]);
        let count = |name: &str| events(&shown).iter().filter(|it| **it == name).count();
        assert_eq!((count("answered"), count("decided")), (1, 1), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_all_count() {
    const MANY: usize = 50;
    let desk = Desk::open().await;
    let world = &desk.people.world;
    let mut keys = Vec::new();
    for number in 0..MANY {
        let name = format!("person-{number}@example.org");
        let body = json!({"userPrincipalName": name});
        world.call(Method::POST, "/api/v1/users", body, 201).await;
        let body = json!({"name": format!("key-{number}"), "principal": name});
        let key = world.call(Method::POST, "/api/v1/keys", body, 201).await;
        keys.push(key["key"].as_str().expect("a key").to_owned());
    }
    let to: Vec<String> = (0..MANY).map(|it| format!("person-{it}@example.org")).collect();
    let id = desk.asked("BasicAwaitAll", &to.join(";")).await;
    let path = format!("/api/v1/approvals/{id}/responses");
    let answers = keys.iter().map(|key| {
        let request = world.api.request(Method::POST, &path).bearer_auth(key);
        Answer::of(request.json(&json!({"response": "Approve", "comments": "Fine"})))
    });
    for answer in join_all(answers).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let shown = desk.show(0, &id).await;
    assert_eq!(shown["outcome"], "Approve", "{shown}");
    let tasks = shown["stages"][0]["tasks"].as_array().expect("tasks");
    let is_answered = |task: &&Value| task["state"] == "Answered";
    assert_eq!(tasks.iter().filter(is_answered).count(), MANY);
    assert_eq!(events(&shown).iter().filter(|it| **it == "answered").count(), MANY);
}
