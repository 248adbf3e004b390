//! The audit: what was done is in it, and a change of it is found.

use crate::directory::user;
use crate::support::TOKEN;
use crate::world::{Answer, World, echo};
use reqwest::Method;
use serde_json::{Value, json};

/// A server on which some things were done.
async fn with_history() -> (World, String) {
    let world = World::start().await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    world.create("order", &echo()).await;
    world.api.post("/api/v1/flows/order/disable", 200).await;
    world.api.post(&format!("/api/v1/users/{ada}/disable"), 200).await;
    (world, ada)
}

fn operations(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["operation"].as_str().expect("an operation")).collect()
}

#[tokio::test]
async fn entries_are_listed_newest_first_and_narrowed() {
    let (world, ada) = with_history().await;
    let all = world.api.list("/api/v1/audit").await;
    let expected = ["DisableUser", "StopFlow", "CreateFlow", "CreateEnvironment", "CreateUser"];
    assert_eq!(operations(&all), expected);
    let numbers: Vec<i64> = all.iter().map(|it| it["number"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    assert_eq!((&all[0]["actor"], &all[0]["target"]), (&json!("first"), &json!(ada)));
    let of = |query: String| {
        let world = &world;
        async move { world.api.list(&format!("/api/v1/audit?{query}")).await }
    };
    assert_eq!(operations(&of(format!("target={ada}")).await), ["DisableUser", "CreateUser"]);
    assert_eq!(operations(&of("operation=StopFlow".into()).await), ["StopFlow"]);
    assert_eq!(of("actor=first".into()).await.len(), 5);
    assert!(of("actor=nobody".into()).await.is_empty());
    let at = all[2]["time"].as_str().expect("a time");
    assert_eq!(operations(&of(format!("from={at}")).await), expected[..3]);
    assert_eq!(operations(&of(format!("to={at}")).await), expected[3..]);
    let first = world.api.get("/api/v1/audit?actor=first&top=2").await;
    let second = world.api.get(first["nextLink"].as_str().expect("a link")).await;
    assert_eq!(operations(second["value"].as_array().expect("a list")), expected[2..4]);
    for (query, code) in [
        ("top=0", "InvalidQuery"),
        ("from=yesterday", "InvalidQuery"),
        ("skipToken=x", "InvalidSkipToken"),
        ("who=ada", "InvalidQuery"),
    ] {
        world.refused(Method::GET, &format!("/api/v1/audit?{query}"), 400, code).await;
    }
}

#[tokio::test]
async fn an_export_has_every_entry_in_order() {
    let (world, _) = with_history().await;
    let request = world.api.request(Method::GET, "/api/v1/audit/export").bearer_auth(TOKEN);
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"));
    let lines: Vec<Value> =
        answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut listed = world.api.list("/api/v1/audit").await;
    listed.reverse();
    assert_eq!(lines, listed);
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    let (mut world, _) = with_history().await;
    let verify = "/api/v1/audit/verify";
    let report = world.api.post(verify, 200).await;
    assert_eq!((&report["entries"], &report["whole"]), (&json!(5), &json!(true)));
    assert_eq!(report.get("firstFault"), None);
    let last = &world.api.list("/api/v1/audit").await[0];
    assert_eq!(report["last"], json!({"number": 5, "hash": last["hash"]}));
    // whoever can write to the files of the store rewrites what was done
    assert!(world.server.stop().await.success());
    let mut rewritten = 0;
    for entry in std::fs::read_dir(&world.setup.data).expect("the data folder") {
        let path = entry.expect("an entry").path();
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        let (before, after) = (b"CreateEnvironment", b"DeleteEnvironment");
        let places: Vec<usize> =
            (0..bytes.len()).filter(|at| bytes[*at..].starts_with(before)).collect();
        for at in &places {
            bytes[*at..at + after.len()].copy_from_slice(after);
        }
        if !places.is_empty() {
            std::fs::write(&path, bytes).expect("a file");
            rewritten += places.len();
        }
    }
    assert!(rewritten > 0, "the entry is not in the files");
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(world.api.list("/api/v1/audit").await[3]["operation"], "DeleteEnvironment");
    let report = world.api.post(verify, 200).await;
    assert_eq!((&report["entries"], &report["whole"]), (&json!(5), &json!(false)));
    assert_eq!(report["firstFault"]["number"], 2);
}
