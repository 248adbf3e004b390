//! Suspended flows: what they do not do, how they are shown, and who lifts it.

use crate::people::{PROVIDER, People};
use crate::stored::{ask, ends};
use crate::world::{World, echo};
use reqwest::Method;
use serde_json::{Value, json};

const OWNER: usize = 0;
const ADMIN: usize = 3;

fn native(flow: &str, what: &str) -> String {
    format!("/api/v1/flows/{flow}/{what}?environment=sales")
}

async fn suspend(people: &People, flow: &str, reason: &str) -> Value {
    let body = json!({"reason": reason, "message": "It writes to where it must not."});
    people.ask(ADMIN, (Method::POST, &native(flow, "suspend")), Some(&body), 200).await
}

#[tokio::test]
async fn a_suspended_flow_starts_nothing_and_says_why() {
    let people = People::meet().await;
    let (flow, run) = people.flow().await;
    let shown = suspend(&people, &flow, "companydlpviolation").await;
    assert_eq!(shown["state"], "Suspended");
    assert_eq!(shown["suspension"]["reason"], "CompanyDlpViolation");
    let mine = format!("{}/{flow}", people.flows());
    let got = people.ask(OWNER, (Method::GET, &mine), None, 200).await;
    let properties = &got["properties"];
    assert_eq!(properties["state"], "Suspended");
    assert_eq!(properties["flowSuspensionReason"], "CompanyDlpViolation");
    assert_eq!(properties["flowSuspensionReasonDetails"], "It writes to where it must not.");
    assert!(properties["flowSuspensionTime"].as_str().is_some_and(|it| it.ends_with('Z')), "{got}");
    let triggers = people.ask(OWNER, (Method::GET, &format!("{mine}/triggers")), None, 200).await;
    assert_eq!(triggers["value"][0]["properties"]["state"], "Suspended");
    for (path, status) in [
        (format!("{mine}/triggers/manual/run"), 400),
        (format!("{mine}/triggers/manual/histories/{run}/resubmit"), 409),
    ] {
        let refused = people.ask(OWNER, (Method::POST, &path), Some(&json!({})), status).await;
        assert_eq!(refused["error"]["code"], "WorkflowTriggerIsNotEnabled", "{path}");
    }
    let url = people.ask(OWNER, (Method::POST, &native(&flow, "callback-url")), None, 200).await;
    let answer = people.world.fire(&crate::world::path(&url), &json!({})).await;
    assert_eq!(answer.code(), "WorkflowTriggerIsNotEnabled");
    // what was under way goes on
    let path = format!("{mine}/runs/{run}");
    let run = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(run["properties"]["status"], "Running");
}

#[tokio::test]
async fn administrators_lists_expand_suspensions() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    suspend(&people, &flow, "AlwaysFailingDetected").await;
    let within = &people.environment;
    let all = format!("{PROVIDER}/scopes/admin/environments/{within}/v2/flows");
    for (query, is_expanded) in [
        ("", false),
        ("?expandSuspensionInfo=false", false),
        ("?expandSuspensionInfo=true", true),
        ("?$expand=properties.estimatedsuspensiondata", true),
    ] {
        let page = people.ask(ADMIN, (Method::GET, &format!("{all}{query}")), None, 200).await;
        let properties = &page["value"][0]["properties"];
        assert_eq!(properties["flowSuspensionReason"], "AlwaysFailingDetected", "{query}");
        for name in ["flowSuspensionTime", "flowSuspensionReasonDetails"] {
            assert_eq!(properties.get(name).is_some(), is_expanded, "{query}: {page}");
        }
    }
    let mine = people.ask(OWNER, (Method::GET, &people.flows()), None, 200).await;
    assert_eq!(mine["value"][0]["properties"]["state"], "Suspended");
    assert_eq!(mine["value"][0]["properties"].get("flowSuspensionReason"), None);
}

#[tokio::test]
async fn an_owner_lifts_what_is_no_policy() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let mine = format!("{}/{flow}", people.flows());
    for verb in ["start", "stop"] {
        suspend(&people, &flow, "NeverTriggeringDetected").await;
        let path = format!("{mine}/{verb}");
        people.ask(OWNER, (Method::POST, &path), None, 200).await;
        let got = people.ask(OWNER, (Method::GET, &mine), None, 200).await;
        let expected = if verb == "start" { "Started" } else { "Stopped" };
        assert_eq!(got["properties"]["state"], expected);
        assert_eq!(got["properties"]["flowSuspensionReason"], "None");
        assert_eq!(got["properties"].get("flowSuspensionTime"), None);
    }
    suspend(&people, &flow, "AlwaysFailingDetected").await;
    let patch = json!({"properties": {"state": "Started"}});
    let patched = people.ask(OWNER, (Method::PATCH, &mine), Some(&patch), 200).await;
    assert_eq!(patched["properties"]["flowSuspensionReason"], "None");
    let entries = people.world.api.list("/api/v1/audit?operation=StartFlow").await;
    assert_eq!(entries[0]["detail"], json!({"lifted": "NeverTriggeringDetected"}));
}

#[tokio::test]
async fn only_an_administrator_lifts_a_policy() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let mine = format!("{}/{flow}", people.flows());
    let theirs = format!("{}/{flow}", people.admin_flows());
    suspend(&people, &flow, "CompanyDlpViolation").await;
    for verb in ["start", "stop"] {
        let path = format!("{mine}/{verb}");
        let refused = people.ask(OWNER, (Method::POST, &path), None, 403).await;
        let message = refused["error"]["message"].as_str().expect("a message");
        assert!(message.contains("CompanyDlpViolation"), "{message}");
    }
    for verb in ["enable", "disable"] {
        people.ask(OWNER, (Method::POST, &native(&flow, verb)), None, 403).await;
    }
    let patch = json!({"properties": {"state": "Started"}});
    people.ask(OWNER, (Method::PATCH, &mine), Some(&patch), 403).await;
    // another change leaves it as it is
    let patch = json!({"properties": {"displayName": "Other"}});
    let changed = people.ask(OWNER, (Method::PATCH, &mine), Some(&patch), 200).await;
    assert_eq!(changed["properties"]["state"], "Suspended");
    // going through the bin is no way around it
    people.ask(OWNER, (Method::DELETE, &mine), None, 200).await;
    people.ask(ADMIN, (Method::POST, &format!("{theirs}/restore")), None, 200).await;
    let got = people.ask(OWNER, (Method::GET, &mine), None, 200).await;
    assert_eq!(got["properties"]["state"], "Suspended");
    people.ask(ADMIN, (Method::POST, &format!("{theirs}/start")), Some(&json!({})), 200).await;
    let got = people.ask(OWNER, (Method::GET, &mine), None, 200).await;
    assert_eq!(got["properties"]["state"], "Started");
    assert_eq!(got["properties"]["flowSuspensionReason"], "None");
}

#[tokio::test]
async fn a_suspension_has_a_known_reason_and_is_audited() {
    let world = World::start().await;
    world.create("order", &echo()).await;
    let path = "/api/v1/flows/order/suspend";
    for body in [
        json!({"reason": "None"}),
        json!({"reason": "CompanyDlpViolation", "message": "x".repeat(1_025)}),
    ] {
        let answer = world.call(Method::POST, path, body, 400).await;
        assert_eq!(answer["error"]["code"], "InvalidSuspension");
    }
    let line = ["flow", "suspend", "order", "--reason", "AlwaysFailingDetected", "--message", "Hm"];
    assert!(ends(0, ask(&world, &line)).contains("Flow 'order' is Suspended."));
    assert!(ends(0, ask(&world, &["flow", "show", "order"])).contains("AlwaysFailingDetected"));
    let entry = &world.api.list("/api/v1/audit?operation=SuspendFlow").await[0];
    let detail = json!({"before": "Started", "reason": "AlwaysFailingDetected", "message": "Hm"});
    assert_eq!(entry["detail"], detail);
    ends(0, ask(&world, &["flow", "enable", "order"]));
    assert_eq!(world.api.get("/api/v1/flows/order").await["state"], "Started");
}
