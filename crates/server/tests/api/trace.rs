//! Requests and answers recorded from the vendor's host, compared byte by byte where
//! they are the same for everybody.

use crate::wire::{RawAnswer, exchange};
use crate::world::World;
use serde_json::{Value, json};
use std::path::Path;

fn traces() -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/http-traces.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            Vec::new()
        }
    }
}

/// The recorded request at our address: the same head, another target.
fn request(recorded: &Value, address: &str) -> Vec<u8> {
    let target = recorded["target"].as_str().expect("a target");
    let (recorded_path, recorded_query) = target.split_once('?').expect("a query");
    let (path, query) = address.split_once('?').expect("a query");
    let path = path.split_once("/paths/invoke").expect("an address").0;
    let rest = recorded_path.split_once("/invoke").expect("a trigger's address").1;
    let own = ["api-version=", "sp=", "sv=", "sig="];
    let others = recorded_query.split('&').filter(|it| !own.iter().any(|own| it.starts_with(own)));
    let others: String = others.map(|query| format!("&{query}")).collect();
    let method = recorded["method"].as_str().expect("a method");
    let mut text = format!("{method} {path}/paths/invoke{rest}?{query}{others} HTTP/1.1\r\n");
    for header in recorded["headers"].as_array().expect("headers") {
        let part = |at: usize| header[at].as_str().expect("text");
        text.push_str(&format!("{}: {}\r\n", part(0), part(1)));
    }
    text.push_str("\r\n");
    text.push_str(recorded["body"].as_str().expect("a body"));
    text.into_bytes()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn compare(trace: &Value, answer: &RawAnswer) {
    let (id, recorded) = (&trace["id"], &trace["response"]);
    assert_eq!(json!(answer.status), recorded["status"], "{id}: {answer:?}");
    for pair in recorded["headers"].as_array().expect("headers") {
        let name = pair[0].as_str().expect("a name");
        let found = header(&answer.head, name);
        match name {
            "Server" | "Date" | "Content-Length" => {}
            "Content-Type" => assert_eq!(found, pair[1].as_str(), "{id}"),
            _ => assert!(found.is_some_and(|it| !it.is_empty()), "{id}: {name} is missing"),
        }
    }
    let body = String::from_utf8_lossy(&answer.body);
    let Some(expected) = recorded["body"].as_object() else {
        assert_eq!(Some(&*body), recorded["body"].as_str(), "{id}");
        return;
    };
    let mut found: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{id}: {body}"));
    for name in trace["volatile"].as_array().expect("names") {
        let name = name.as_str().expect("a name");
        assert!(found[name].is_string(), "{id}: {name} is missing");
        found[name] = expected[name].clone();
    }
    // as text, so that the order of the members counts
    assert_eq!(found.to_string(), recorded["body"].to_string(), "{id}");
}

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers() {
    let traces = traces();
    if traces.is_empty() {
        return;
    }
    let world = World::start().await;
    for (at, trace) in traces.iter().enumerate() {
        let name = format!("trace-{at}");
        let address = world.flow(&name, &trace["definition"]).await;
        let bytes = request(&trace["request"], &address);
        let answer = exchange(world.server.addr, &bytes).await.expect("an answer");
        compare(trace, &answer);
    }
}
