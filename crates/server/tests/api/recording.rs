//! Recordings: a service is recorded once, and played back when it is gone.

use crate::connector_call::{House, SECRET, open_api, power};
use crate::people::{ADMINISTRATOR, OWNER, STRANGER, USER};
use crate::world::definition;
use reqwest::Method;
use serde_json::{Value, json};

fn recordings(house: &House, rest: &str) -> String {
    format!("/api/v1/environments/{}/recordings{rest}", house.people.environment)
}

async fn make(house: &House, body: &Value, status: u16) -> Value {
    let path = recordings(house, "");
    house.people.ask(OWNER, (Method::POST, &path), Some(body), status).await
}

/// A flow that lists the books of a shelf.
async fn lister(house: &House, shelf: &str) -> Value {
    let call = open_api("ListBooks", &json!({"shelf": shelf, "top": 2}));
    house.flow(OWNER, &power(definition(json!({"Call": call}))), 201).await
}

#[tokio::test]
async fn what_was_recorded_is_played_back() {
    let house = House::open(|asked, before| {
        // a service that tells what it was sent
        let key = asked.header("x-key").to_owned();
        (
            200,
            vec![("x-echo", key.clone()), ("set-cookie", "s=1".to_owned())],
            json!({"n": before, "key": key}),
        )
    })
    .await;
    let flow = lister(&house, "a").await;
    let record = json!({"kind": "Recording", "recording": "Books", "mode": "Record"});
    house.put_backend(OWNER, &record, 404).await;
    make(&house, &json!({"name": "Books"}), 201).await;
    make(&house, &json!({"name": "books"}), 409).await;
    house.put_backend(OWNER, &record, 200).await;
    for at in 0..2 {
        let run = house.run(&flow).await;
        // the flow has what the service told, and its history does not show the key
        assert_eq!(run["Call"]["outputs"]["body"], json!({"n": at, "key": "********"}), "{run}");
    }
    let file =
        house.people.ask(OWNER, (Method::GET, &recordings(&house, "/books/file")), None, 200).await;
    assert_eq!(file["exchanges"].as_array().map(Vec::len), Some(2), "{file}");
    let text = file.to_string();
    assert!(!text.contains(SECRET) && !text.contains("set-cookie"), "{text}");
    assert_eq!(file["exchanges"][1]["request"]["path"], "/shelves/a/books");
    assert_eq!(file["exchanges"][1]["response"]["body"], json!({"n": 1, "key": "********"}));
    // the file is the same recording somewhere else
    let mut copy = file.clone();
    copy["name"] = json!("Copy");
    let made = make(&house, &copy, 201).await;
    assert_eq!(made["exchanges"], 2);
    for name in ["Books", "Copy"] {
        let replay = json!({"kind": "Recording", "recording": name, "mode": "Replay"});
        house.put_backend(OWNER, &replay, 200).await;
        let before = house.backend.asked().len();
        for n in [0, 1, 1] {
            let run = house.run(&flow).await;
            assert_eq!(run["Call"]["outputs"]["body"]["n"], n, "{name}: {run}");
        }
        assert_eq!(house.backend.asked().len(), before, "nothing is called");
    }
    let other = lister(&house, "b").await;
    let error = house.run(&other).await["Call"]["error"].clone();
    assert_eq!(error["code"], "ExchangeNotRecorded", "{error}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("the path is '/shelves/b/books' and was '/shelves/a/books'"),
        "{message}"
    );
    house.people.ask(OWNER, (Method::DELETE, &recordings(&house, "/copy")), None, 204).await;
    let error = house.run(&flow).await["Call"]["error"].clone();
    assert_eq!(error["code"], "RecordingNotFound", "{error}");
}

#[tokio::test]
async fn recordings_are_of_those_who_made_them() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    make(&house, &json!({"name": "mine"}), 201).await;
    let (all, one, file) =
        (recordings(&house, ""), recordings(&house, "/mine"), recordings(&house, "/mine/file"));
    for (who, status, count) in [(OWNER, 200, 1), (USER, 403, 0), (ADMINISTRATOR, 200, 1)] {
        let listed = house.people.ask(who, (Method::GET, &all), None, 200).await;
        assert_eq!(listed["value"].as_array().map(Vec::len), Some(count), "{who}");
        house.people.ask(who, (Method::GET, &one), None, status).await;
        house.people.ask(who, (Method::GET, &file), None, status).await;
    }
    for path in [&all, &one] {
        house.people.ask(STRANGER, (Method::GET, path), None, 403).await;
    }
    house.people.ask(USER, (Method::DELETE, &one), None, 403).await;
    house.people.ask(STRANGER, (Method::POST, &all), Some(&json!({"name": "x"})), 403).await;
    for name in ["", "../x", "a/b", &"x".repeat(200)] {
        make(&house, &json!({"name": name}), 400).await;
    }
    let large = json!({"request": {"method": "GET", "path": "x".repeat(300_000)}, "response": {"status": 200}});
    let refused = make(&house, &json!({"name": "large", "exchanges": [large]}), 400).await;
    assert_eq!(refused["error"]["code"], "RecordedExchangeTooLarge");
    house.people.ask(ADMINISTRATOR, (Method::DELETE, &one), None, 204).await;
}
