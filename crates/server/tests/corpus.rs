//! Definitions that people wrote, run by the real server: each is imported over the
//! API, called with a body that its schema describes, and comes to a final state.
//!
//! A definition that waits for more than a few seconds is parked and cancelled as it is,
//! and comes to its end as a copy whose waits take a second.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

mod support;

use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::Setup;
use support::api::{Api, path_of};

/// Flows that run at a time.
const AT_A_TIME: usize = 8;

/// Seconds of a wait that a test can take part in.
const WAIT_SECONDS_MAX: u64 = 2;

fn corpus() -> Option<(PathBuf, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    match std::fs::read_to_string(folder.join("runnable-a.txt")) {
        Ok(text) => Some((folder, text.lines().map(str::to_owned).collect())),
        Err(error) => {
            println!("skipped: {}: {error}", folder.display());
            None
        }
    }
}

/// A value that a JSON schema describes.
fn sample(schema: &Value) -> Value {
    for name in ["const", "default", "example"] {
        if let Some(value) = schema.get(name) {
            return value.clone();
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    for name in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[name].as_array().and_then(|schemas| schemas.first()) {
            return sample(first);
        }
    }
    let types = &schema["type"];
    let kind = types.as_str().or_else(|| {
        let names = types.as_array()?.iter().filter_map(Value::as_str);
        names.into_iter().find(|name| *name != "null")
    });
    match kind {
        Some("string") => match schema["format"].as_str() {
            Some("date") => json!("2026-11-22"),
            Some("date-time") => json!("2026-11-22T12:00:00Z"),
            Some("email") => json!("ada@example.org"),
            Some("uri") => json!("https://example.org/a"),
            _ => json!("text"),
        },
        Some("integer") => json!(3),
        Some("number") => json!(2.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => json!([sample(&schema["items"])]),
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, schema)| (name.clone(), sample(schema))).collect()
        }
    }
}

/// Whether something in the document waits for longer than a test can; with `shorten`
/// such waits take a second.
fn waits_long(document: &mut Value, shorten: bool) -> bool {
    let mut found = false;
    if document["type"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("Wait")) {
        let interval = &mut document["inputs"]["interval"];
        let seconds = interval["unit"].as_str() == Some("Second");
        let short = interval["count"].as_u64().is_some_and(|count| count <= WAIT_SECONDS_MAX);
        found = !(seconds && short);
        if found && shorten {
            *interval = json!({"count": 1, "unit": "Second"});
        }
    }
    match document {
        Value::Object(members) => {
            for member in members.values_mut().filter(|it| it.is_object()) {
                found |= waits_long(member, shorten);
            }
            found
        }
        _ => found,
    }
}

/// The flow's trigger fired with a sample body; the run's name.
async fn fire(api: &Api, name: &str, definition: &Value) -> String {
    let (_, trigger) = definition["triggers"].as_object().unwrap().iter().next().unwrap();
    let body = sample(&trigger["inputs"]["schema"]);
    let by_hand = format!("/api/v1/flows/{name}/run");
    let (status, started) = api.call(Method::POST, &by_hand, Some(&json!({"body": body}))).await;
    assert_eq!(status, 202, "{name}: {started}");
    let run = started["run"].as_str().unwrap_or_else(|| panic!("{name}: {started}")).to_owned();
    if trigger["type"] != "Request" {
        return run;
    }
    let address = api.post(&format!("/api/v1/flows/{name}/callback-url"), 200).await;
    let method: Method = address["method"].as_str().unwrap().parse().unwrap();
    let mut request = api.request(method.clone(), path_of(address["value"].as_str().unwrap()));
    if method != Method::GET {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("an answer");
    let called = answer.headers().get("x-ms-workflow-run-id").cloned();
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    let called = called.unwrap_or_else(|| panic!("{name}: {status} {text}"));
    assert_ne!(status, 504, "{name}: {text}");
    called.to_str().unwrap().to_owned()
}

async fn create(api: &Api, name: &str, document: &Value) -> Value {
    let body = json!({"name": name, "document": document});
    let (status, made) = api.call(Method::POST, "/api/v1/flows", Some(&body)).await;
    assert_eq!(status, 201, "{name}: {made}");
    api.get(&format!("/api/v1/flows/{name}")).await["definition"].clone()
}

/// A definition that waits is started as it is, is found waiting, and is cancelled.
async fn park(api: &Api, name: &str, definition: &Value) {
    let (_, trigger) = definition["triggers"].as_object().unwrap().iter().next().unwrap();
    let body = json!({"body": sample(&trigger["inputs"]["schema"])});
    let path = format!("/api/v1/flows/{name}/run");
    let (status, started) = api.call(Method::POST, &path, Some(&body)).await;
    assert_eq!(status, 202, "{name}: {started}");
    let run = started["run"].as_str().unwrap();
    let found = api.get(&format!("/api/v1/runs/{run}")).await;
    if found["status"] == "Running" {
        api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
        assert_eq!(api.ended(run).await["status"], "Cancelled", "{name}");
    }
}

/// The line of a report on one definition.
async fn run(api: &Api, folder: &Path, at: usize, file: &str) -> String {
    let text = std::fs::read_to_string(folder.join(file)).expect("a definition");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    let name = format!("flow-{at:02}");
    let mut definition = create(api, &name, &document).await;
    let mut ran = name.clone();
    let is_long = waits_long(&mut document.clone(), false);
    if is_long {
        park(api, &name, &definition).await;
        api.post(&format!("/api/v1/flows/{name}/disable"), 200).await;
        waits_long(&mut document, true);
        ran = format!("{name}-short");
        definition = create(api, &ran, &document).await;
    }
    let id = fire(api, &ran, &definition).await;
    let ended = api.ended(&id).await;
    api.post(&format!("/api/v1/flows/{ran}/disable"), 200).await;
    let actions = api.list(&format!("/api/v1/runs/{id}/actions")).await;
    for action in &actions {
        let name = action["name"].as_str().unwrap();
        assert!(action["endTime"].is_string(), "{file}: {action}");
        let code = action["error"]["code"].as_str().unwrap_or_default();
        assert_ne!(code, "InternalServerError", "{file}: {name}: {action}");
    }
    let status = ended["status"].as_str().unwrap();
    let failed = actions.iter().rev().find(|it| it["status"] == "Failed");
    let error = failed.map(|it| format!("; {}: {}", it["name"], it["error"]));
    let error = error.unwrap_or_default();
    let waits = if is_long { ", its waits shortened" } else { "" };
    format!("{name} {status}, {} actions{waits}: {file}{error}", actions.len())
}

#[tokio::test]
async fn real_definitions_run_to_a_final_state() {
    let Some((folder, files)) = corpus() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let server = Setup::new(dir.path()).start().await;
    let api = server.api();
    let lines: Vec<String> = stream::iter(files.iter().enumerate())
        .map(|(at, file)| run(&api, &folder, at, file))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    for line in &lines {
        println!("{line}");
    }
    assert_eq!(lines.len(), files.len());
    let succeeded = lines.iter().filter(|line| line.contains(" Succeeded,")).count();
    println!("{succeeded} of {} succeeded", lines.len());
}
