//! W10: pages of long lists: the flows of somebody who made very many, and the history of a
//! flow that ran very often, on either store.

use super::w2::Accepted;
use super::{Database, Ids, Settings, Site, note_faults, patience};
use crate::api::Api;
use crate::client::{Answer, Target};
use crate::load::{Plan, Stop, Work, expect_status, run};
use crate::process::Process;
use crate::report::Report;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS: usize = 32;

/// Pages that are read of a list, one after the other; a list may have fewer.
const PAGES: u64 = 2_000;

/// Where the flows are: the environment that is always there.
const FLOWS: &str = "/providers/Microsoft.ProcessSimple/environments/~default/flows";

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, api) = site.start(&settings.server).await?;
    one_store(settings, (server, api, None), "w10", report).await?;
    let site = Site::new(settings)?;
    let database = Database::start(settings).await?;
    let (server, api) = site.start_on(&settings.server, &database.url).await?;
    one_store(settings, (server, api, Some(&database)), "w10.postgres", report).await
}

async fn one_store(
    settings: &Settings,
    (server, mut api, database): (Process, Api, Option<&Database>),
    name: &str,
    report: &mut Report,
) -> Result<()> {
    let key = somebody(&mut api).await?;
    make_flows(settings, &server, &key, report).await?;
    let mut accepted = Accepted::create(&mut api, settings.filler).await?;
    accepted.post(&server, &mut api, settings.w10_runs, report).await?;
    let store = if database.is_some() { "PostgreSQL" } else { "SQLite" };
    let flows = format!("W10, {} flows, {store}", settings.w10_flows);
    let runs = format!("W10, {} runs, {store}", settings.w10_runs);
    let lists = [
        ("flows", flows, Api::with_token(server.addr, &key), FLOWS.to_owned(), settings.w10_flows),
        ("runs", runs, api, format!("{FLOWS}/w2/runs"), settings.w10_runs),
    ];
    for (list, what, mut reader, path, rows) in lists {
        let before = server.cpu()?;
        let beside = database.map(|database| database.server.processor_time());
        let (pages, read) = walk(&mut reader, &path).await?;
        let spent = |time: Duration| time.as_secs_f64() * 1_000.0 / pages as f64;
        let cpu = spent(server.cpu()?.saturating_sub(before));
        if pages < PAGES && read != rows {
            report.fault(format!("{what}: {read} of {rows} are listed"));
        }
        report.add(format!("{name}.{list}_ms"), cpu, "ms", format!("{what}: server CPU a page"));
        if let (Some(database), Some(beside)) = (database, beside) {
            let cpu = spent(database.server.processor_time().saturating_sub(beside));
            let about = format!("{what}: the database's CPU a page");
            report.add(format!("{name}.{list}_database_ms"), cpu, "ms", about);
        }
    }
    server.stop().await
}

/// A person with a key, for whom lists are no different from anybody's.
async fn somebody(api: &mut Api) -> Result<String> {
    let user = json!({"userPrincipalName": "ada@example.org"});
    let user = api.post("/api/v1/users", &user, 201).await?;
    let key = json!({"name": "bench", "principal": user["id"]});
    let key = api.post("/api/v1/keys", &key, 201).await?;
    Ok(key["key"].as_str().context("a key without its text")?.to_owned())
}

async fn make_flows(
    settings: &Settings,
    server: &Process,
    key: &str,
    report: &mut Report,
) -> Result<()> {
    let stop = Stop::Count(settings.w10_flows);
    let plan = Plan {
        target: Target::new(server.addr, "POST", FLOWS, Some(key)),
        connections: CONNECTIONS,
        stop,
        first_id: Ids(0).next(),
        // to make a flow is more than to start a run
        patience: patience(stop) * 6,
    };
    let outcome = run(&plan, &Arc::new(Flows)).await?;
    note_faults(&outcome, report, "W10, flows");
    Ok(())
}

/// Follows a list from its first page: how many pages there were, and rows.
async fn walk(api: &mut Api, path: &str) -> Result<(u64, u64)> {
    let (mut pages, mut rows) = (0, 0);
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take().filter(|_| pages < PAGES) {
        let mut page = Vec::new();
        next = api.page(&path, &mut page).await?;
        pages += 1;
        rows += page.len() as u64;
    }
    Ok((pages, rows))
}

/// Flows with a trigger and three actions each.
struct Flows;

impl Work for Flows {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        let compose = |after: Value| json!({"type": "Compose", "inputs": id, "runAfter": after});
        let body = json!({"properties": {
            "displayName": format!("Flow {id}"),
            "state": "Started",
            "definition": {
                "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
                "actions": {
                    "First": compose(json!({})),
                    "Second": compose(json!({"First": ["Succeeded"]})),
                    "Third": compose(json!({"Second": ["Succeeded"]}))
                }
            }
        }});
        out.clear();
        out.extend_from_slice(body.to_string().as_bytes());
    }

    fn check(&self, _id: u64, answer: &Answer<'_>) -> Result<()> {
        expect_status(answer, 201)
    }
}
