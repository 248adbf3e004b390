//! The console in a real browser (Debian's Chromium), against the real binary: journeys that
//! people make. What they do is in `web/e2e`; what there is to do it with is made here.

#![allow(clippy::needless_pass_by_value, reason = "definitions read best as nested literals")]

mod journey;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests of the API use all of it")]
#[path = "../api/world.rs"]
mod world;

use journey::Console;
use reqwest::Method;
use serde_json::{Value, json};
use world::{compose, definition, wait};

/// What must never become markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// Items of a long loop, and the one that fails.
const ITEMS: u32 = 10_000;
const FAILED: u32 = 7_777;

/// What is said of a long loop in which one iteration fails.
const BROKEN: &str = "Ten thousand";

/// Milliseconds from choosing the failed action to its failed iteration. A quiet machine and the
/// program as it is shipped take less than one second.
const INTERACTIVE_MS: u32 = if cfg!(debug_assertions) { 20_000 } else { 5_000 };

fn long_loop(divided: &str) -> Value {
    let divide = json!({"Divide": compose("", json!(divided))});
    let each = json!({"type": "Foreach", "foreach": format!("@range(0, {ITEMS})"),
        "actions": divide, "runAfter": {}});
    definition(json!({"Each_item": each}))
}

/// A flow whose long loop has failed: the run.
async fn broken(console: &Console) -> String {
    let document = long_loop(&format!("@div(1, sub(item(), {FAILED}))"));
    let flow = json!({"name": "broken", "displayName": BROKEN, "document": document});
    console.flow(flow).await;
    let run = console.call(Method::POST, "/api/v1/flows/broken/run", json!({}), 202).await;
    let run = run["run"].as_str().expect("a run").to_owned();
    assert_eq!(console.world.api.ended(&run).await["status"], "Failed");
    run
}

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let console = Console::open().await;
    console.walk("sign-in", json!({})).await;
}

#[tokio::test]
async fn a_run_is_followed_while_it_goes_on_and_text_stays_text() {
    let console = Console::open().await;
    let text = json!({"text": "@triggerBody()?['text']", "link": "javascript:alert(2)"});
    let actions = json!({"Wait_a_moment": wait("", 3), "Quote_it": compose("Wait_a_moment", text)});
    let flow = json!({"name": "hostile", "displayName": HOSTILE, "document": definition(actions)});
    console.flow(flow).await;
    console.walk("follow", json!({"hostile": HOSTILE})).await;
}

#[tokio::test]
async fn the_failed_iteration_of_a_long_loop_is_read_and_resumed() {
    let console = Console::open().await;
    let run = broken(&console).await;
    let document = long_loop(&format!("@sub(item(), {FAILED})"));
    let corrected = json!({"document": document});
    console.call(Method::PUT, "/api/v1/flows/broken", corrected, 200).await;
    let told = json!({"run": run, "items": ITEMS, "failed": FAILED,
        "interactive_ms": INTERACTIVE_MS});
    console.walk("loop", told).await;
}

#[tokio::test]
async fn no_page_is_a_barrier() {
    let console = Console::open().await;
    let run = broken(&console).await;
    console.walk("pages", json!({"broken": BROKEN, "run": run})).await;
}

#[tokio::test]
async fn everything_is_done_by_keyboard() {
    let console = Console::open().await;
    let actions = json!({"Hello": compose("", json!("world"))});
    let flow = json!({"name": "greet", "displayName": "Greet", "document": definition(actions)});
    console.flow(flow).await;
    console.walk("keyboard", json!({"flow": "Greet"})).await;
}

#[tokio::test]
async fn every_page_fits_a_phone() {
    let console = Console::open().await;
    let run = broken(&console).await;
    console.walk("phone", json!({"broken": BROKEN, "run": run, "failed": FAILED})).await;
}
