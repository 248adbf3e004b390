//! What the documents say, held against the server: calls that schemathesis generates, over
//! every surface, as an administrator and as an ordinary person. No call may fail in the
//! server, and none may be answered with a status that its document does not name; answers
//! of the native API have the shape that its document says.

#![allow(clippy::needless_pass_by_value, reason = "definitions read best as nested literals")]

mod caller;
mod foreign;
mod known;
mod lesson;
#[allow(dead_code, reason = "the tests of the API use all of it")]
#[path = "../api/people.rs"]
mod people;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests of the API use all of it")]
#[path = "../api/world.rs"]
mod world;

use caller::{Calls, Checks, Who};
use known::Known;
use people::{HEAD, OWNER, People};
use reqwest::Method;
use serde_json::Value;

/// Calls that are made at least, unless `SLUICEGATE_CONTRACT_CALLS` says otherwise.
const CALLS: usize = 2_000;

fn calls_wanted() -> usize {
    match std::env::var("SLUICEGATE_CONTRACT_CALLS") {
        Ok(text) => text.parse().expect("SLUICEGATE_CONTRACT_CALLS is a number"),
        Err(_) => CALLS,
    }
}

/// The native document, as the server gives it.
async fn native(people: &People) -> Value {
    let answer = people.world.api.request(Method::GET, "/api/v1/openapi.json");
    let answer = answer.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_surface_answers_as_its_document_says() {
    let people = People::meet().await;
    let known = Known::make(&people).await;
    let mut own = native(&people).await;
    lesson::teach(&mut own, &known);
    let providers = foreign::providers(&known);
    let open = foreign::open(&known);
    let head = Who::Key(&people.all[HEAD].key);
    let owner = Who::Key(&people.all[OWNER].key);
    // the share of each in a hundred calls, and how many operations must have done what was
    // asked at least once: calls that find nothing show nothing
    let parts = [
        ("native, administrator", &own, "/api/v1", head, Checks::Shapes, 30, 80),
        ("native, person", &own, "/api/v1", owner, Checks::Shapes, 20, 32),
        ("providers, administrator", &providers, "", head, Checks::Statuses, 20, 18),
        ("providers, person", &providers, "", owner, Checks::Statuses, 20, 45),
        ("without a token", &open, "", Who::Nobody, Checks::Statuses, 10, 20),
    ];
    let wanted = calls_wanted();
    let (mut total, mut faults) = (0, Vec::new());
    for (name, document, under, who, checks, share, done_min) in parts {
        let calls = Calls { name, document, url: people.world.api.url(under), who, checks };
        let told = caller::make(&calls, wanted * share / 100);
        let (count, refused) = (told.calls, told.refused());
        let done = told.statuses.len() - refused.len();
        println!(
            "{name}: {count} calls of {} operations, {done} of them did what was asked",
            told.statuses.len()
        );
        if done < done_min {
            let refused = refused.join("\n  ");
            faults.push(format!(
                "{name}: only {done} operations did what was asked, not\n  {refused}"
            ));
        }
        total += count;
        faults.extend(told.faults);
    }
    println!("{total} calls");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(total >= wanted, "only {total} calls of {wanted}");
    let live = people.world.api.is_ready().await;
    assert!(live, "the server is not ready any more; {}", people.world.server.log_tail());
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_wants_a_token() {
    let people = People::meet().await;
    let document = native(&people).await;
    let mut count = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let is_open = operation["security"] == serde_json::json!([{}]);
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let path = format!("/api/v1{path}").replace(['{', '}'], "");
            let answer = people.world.api.request(method.clone(), &path).send().await;
            let expected = if is_open { 200 } else { 401 };
            assert_eq!(answer.expect("an answer").status(), expected, "{method} {path}");
            count += 1;
        }
    }
    assert!(count > 100, "only {count} operations");
}
