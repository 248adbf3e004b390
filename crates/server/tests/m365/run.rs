//! Runs: started, listed, shown, cancelled and resubmitted.

use crate::client::Cli;
use crate::flow::Flow;
use crate::support::api::path_of;
use crate::world::{World, text};
use serde_json::{Value, json};

/// Runs of a page of the server.
const PAGE_ROWS: usize = 50;

async fn start(cli: &Cli, flow: &Flow, said: &str) -> String {
    let url = flow.url("triggers/manual/run");
    text(&cli.post(&url, &json!({"text": said})).await.json()["name"])
}

/// Name, status and start of each, in order.
type Listing = Vec<[String; 3]>;

fn listed(runs: &Value) -> Listing {
    let runs = runs.as_array().expect("a list").iter();
    let part = |run: &Value, name: &str| text(&run["properties"][name]);
    runs.map(|run| [text(&run["name"]), part(run, "status"), part(run, "startTime")]).collect()
}

/// What the server holds.
async fn held(world: &World, flow: &Flow) -> Listing {
    let runs = world.api.list(&format!("/api/v1/flows/{}/runs", flow.id)).await;
    runs.iter().map(|run| ["id", "status", "startTime"].map(|name| text(&run[name]))).collect()
}

/// The list of runs is what the server holds; `scope` is empty, or asks as an administrator.
pub async fn list(world: &World, cli: &Cli, flow: &Flow, scope: &str) -> Listing {
    let shown = cli.json(&format!("flow run list {}{scope}", flow.within())).await;
    let held = held(world, flow).await;
    assert_eq!(listed(&shown), held);
    held
}

/// A flow without runs gets some, in every way, and everything is asked about them.
pub async fn go(world: &World, cli: &Cli, flow: &Flow) {
    let slow = start(cli, flow, "slow").await;
    let quick = start(cli, flow, "quick").await;
    let address = cli.post(&flow.url("triggers/manual/listCallbackUrl"), &json!({})).await.json();
    let address = text(&address["response"]["value"]);
    for said in 0..PAGE_ROWS {
        let body = json!({"text": said.to_string()});
        let answer = world.api.trigger(path_of(&address), &body).await.expect("an answer");
        let run = answer.headers()["x-ms-workflow-run-id"].to_str().expect("a run").to_owned();
        assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    }
    world.api.ended(&quick).await;
    assert_eq!(list(world, cli, flow, "").await.len(), PAGE_ROWS + 2);
    some(cli, flow, &slow).await;
    show(world, cli, flow, &quick).await;
    end(world, cli, flow, [&slow, &quick]).await;
}

/// Those of a status, and those of a time.
async fn some(cli: &Cli, flow: &Flow, slow: &str) {
    let list = |rest: &str| format!("flow run list {} {rest}", flow.within());
    let long_ago = "--triggerStartTime 2000-01-01T00:00:00Z --triggerEndTime 2001-01-01T00:00:00Z";
    let (running, before) =
        cli.both(&list("--status Running --withTrigger"), &list(long_ago)).await;
    assert_eq!(running[0]["name"], slow);
    assert_eq!(running[0]["triggerInformation"], json!({"text": "slow"}));
    assert_eq!((running.as_array().map(Vec::len), before), (Some(1), json!([])));
    let since = "--triggerStartTime 2000-01-01T00:00:00Z";
    let (since, failed) =
        cli.both(&list(&format!("{since} --status Running")), &list("--status Failed")).await;
    assert_eq!((&since[0]["name"], failed), (&json!(slow), json!([])));
}

async fn show(world: &World, cli: &Cli, flow: &Flow, run: &str) {
    let line = format!("flow run get {} --name {run}", flow.within());
    let with = format!("{line} --withTrigger --withActions Compose,Choose");
    let (plain, shown) = cli.both(&line, &with).await;
    let held = world.api.get(&format!("/api/v1/runs/{run}")).await;
    for shown in [&plain, &shown] {
        for member in ["status", "startTime", "endTime"] {
            assert_eq!(shown[member], held[member], "{member}");
        }
        assert_eq!(shown["triggerName"], held["trigger"]["name"]);
    }
    assert!(plain["actions"].is_null() && plain["triggerInformation"].is_null());
    assert_eq!(shown["triggerInformation"], held["trigger"]["outputs"]["body"]);
    for action in ["Compose", "Choose"] {
        let known = world.api.get(&format!("/api/v1/runs/{run}/actions/{action}")).await;
        let shown = &shown["actions"][action];
        for member in ["status", "code", "startTime", "endTime"] {
            assert_eq!(shown[member], known[member], "{action}: {member}");
        }
        assert_eq!(shown["input"], known["inputs"], "{action}");
        assert_eq!(shown["output"], known["outputs"], "{action}");
    }
    assert_eq!(shown["actions"]["Compose"]["output"], "Hello quick");
    let unknown =
        format!("flow run get {} --name 08584062289717413364249020009CU24", flow.within());
    let reason = cli.refused(&unknown).await;
    assert!(reason.contains("08584062289717413364249020009CU24"), "{reason}");
}

async fn end(world: &World, cli: &Cli, flow: &Flow, [slow, quick]: [&str; 2]) {
    cli.done(&format!("flow run cancel {} --name {slow} --force", flow.within())).await;
    assert_eq!(world.api.ended(slow).await["status"], "Cancelled");
    let before = held(world, flow).await;
    cli.done(&format!("flow run resubmit {} --name {quick} --force", flow.within())).await;
    let after = held(world, flow).await;
    assert_eq!(after.len(), before.len() + 1);
    let resubmitted = world.api.ended(&after[0][0]).await;
    assert_eq!(resubmitted["status"], "Succeeded");
    assert_eq!(resubmitted["trigger"]["outputs"]["body"], json!({"text": "quick"}));
}
