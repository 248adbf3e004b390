//! The shared vectors of the language, when they are at hand.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod support;

use expr::{Value, content, json};
use std::path::Path;

/// Vectors of cultures other than US English are among them.
const RATE_MIN: f64 = 0.98;

#[test]
fn shared_vectors_pass() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/expr-vectors.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let cases = support::read(&text);
    let failures: Vec<String> = cases.iter().filter_map(|case| support::run(case).err()).collect();
    for failure in &failures {
        println!("{failure}");
    }
    let ids: Vec<&str> = failures.iter().filter_map(|text| text.split(':').next()).collect();
    let count = u32::try_from(cases.len()).unwrap();
    let passed = count - u32::try_from(failures.len()).unwrap();
    let rate = f64::from(passed) / f64::from(count);
    println!("{passed} of {count} vectors pass: {:.1} %; failing: {}", rate * 100.0, ids.join(" "));
    assert!(rate >= RATE_MIN, "only {passed} of {count} vectors pass");
}

#[test]
fn recorded_multipart_body_is_read_as_recorded() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/http-traces.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let mut traces = text.lines().map(|line| json::parse(line.as_bytes()).unwrap());
    let is_form = |trace: &Value| trace.get("id").unwrap().text() == "simpleRelativePath/form-data";
    let trace = traces.find(is_form).unwrap();
    let at = |path: &str| {
        path.split('/')
            .fold(trace.clone(), |value, name| value.get(name).cloned().unwrap_or_default())
    };
    let recorded = at("response/body/outputs/body");
    let kind = recorded.get(content::CONTENT_TYPE).unwrap().text();
    let body = at("request/body").text();
    assert_eq!(content::from_body(Some(&kind), body.as_bytes()).unwrap(), recorded);
    assert_eq!(content::to_body(&recorded), (kind.to_string(), body.as_bytes().to_vec()));
}
