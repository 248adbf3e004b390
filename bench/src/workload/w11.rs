//! W11: very many approvals wait for people, and some of them are answered.

use super::{Ids, MIB, Settings, Site, note_faults, patience};
use crate::api::Api;
use crate::client::{Answer, Target};
use crate::load::{Plan, Stop, Work, expect_status, run};
use crate::process::Process;
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicegate_bench::definition;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const FLOW: &str = "w11";
const CONNECTIONS: usize = 32;

/// People who are asked, in turn.
const PEOPLE: u64 = 100;

/// Approvals that are answered.
const ANSWERS: usize = 2_000;

/// The connection over which the flow asks.
const CONNECTION: &str = "/providers/Microsoft.PowerApps/apis/shared_approvals/connections/ask?$filter=environment%20eq%20%27~default%27";

/// Longest wait for flows that are on their way.
const SETTLE: Duration = Duration::from_secs(600);

/// How long memory is watched.
const WATCH: Duration = Duration::from_secs(5);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let people = People::create(&mut api, &server).await?;
    let cpu = server.cpu()?;
    ask(settings.w11_approvals, &people, &server, &mut api, report).await?;
    let asking = server.cpu()?.saturating_sub(cpu);
    let open = watch(&server).await?;
    let approvals = listed(&mut api).await?;
    if approvals.len() as u64 != settings.w11_approvals {
        report.fault(format!("W11: {} approvals are listed", approvals.len()));
    }
    let (answering, answers) = answer(&server, &mut api, &people, &approvals, report).await?;
    server.stop().await?;

    let (server, mut api) = site.start(&settings.server).await?;
    let restarted = watch(&server).await?;
    let left = listed(&mut api).await?.len() as u64;
    if left + answers != settings.w11_approvals {
        report.fault(format!("W11: {left} approvals are listed after a restart"));
    }
    server.stop().await?;

    let count = settings.w11_approvals;
    let about = |text: &str| format!("W11, {count} open approvals: {text}");
    let mib = |bytes: u64| bytes as f64 / MIB;
    report.add("w11.resident_mib", mib(open), "MiB", about("resident once all are asked"));
    report.add(
        "w11.restarted_mib",
        mib(restarted),
        "MiB",
        format!("W11, {count} approvals, some of them answered: resident after a restart"),
    );
    let each = millis(asking) / count as f64;
    report.add("w11.ask_ms", each, "ms", about("server CPU from a trigger to an open approval"));
    let text = "server CPU from an answer to the end of its run, 32 at a time";
    report.add("w11.answer_ms", answering, "ms", about(text));
    let bytes = site.bytes()? as f64 / count as f64;
    report.add("w11.bytes", bytes, "B", about("store each"));
    Ok(())
}

/// Who asks, and who is asked.
struct People {
    asker: String,
    /// Key of each, by the name that approvals have.
    asked: HashMap<String, String>,
}

impl People {
    async fn create(api: &mut Api, server: &Process) -> Result<People> {
        let asker = person(api, "asker").await?;
        let mut asked = HashMap::new();
        for number in 0..PEOPLE {
            let name = format!("p{number}");
            let key = person(api, &name).await?;
            asked.insert(name, key);
        }
        let mut own = Api::with_token(server.addr, &asker);
        let environment = json!({"environment": {"name": "~default"}});
        own.put(CONNECTION, &json!({"properties": environment}), 201).await?;
        own.create_flow(FLOW, &definition::asking()).await?;
        Ok(People { asker, asked })
    }
}

/// A person, and a key of theirs.
async fn person(api: &mut Api, name: &str) -> Result<String> {
    let address = format!("{name}@example.org");
    let user = json!({"userPrincipalName": address, "displayName": name, "mail": address});
    let user = api.post("/api/v1/users", &user, 201).await?;
    let key = json!({"name": name, "principal": user["id"]});
    let key = api.post("/api/v1/keys", &key, 201).await?;
    Ok(key["key"].as_str().context("a key without its text")?.to_owned())
}

/// Starts a run for each approval, and waits until each of them has asked.
async fn ask(
    count: u64,
    people: &People,
    server: &Process,
    api: &mut Api,
    report: &mut Report,
) -> Result<()> {
    let stop = Stop::Count(count);
    let plan = Plan {
        target: Api::with_token(server.addr, &people.asker).trigger(FLOW).await?,
        connections: CONNECTIONS,
        stop,
        first_id: Ids(0).next(),
        patience: patience(stop) * 6,
    };
    let outcome = run(&plan, &Arc::new(Questions)).await?;
    note_faults(&outcome, report, "W11");
    let since = Instant::now();
    while (listed(api).await?.len() as u64) < outcome.good {
        ensure!(since.elapsed() < SETTLE, "flows are still asking after {SETTLE:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// All open approvals: id, and the name of who is asked.
async fn listed(api: &mut Api) -> Result<Vec<(String, String)>> {
    let mut next = Some("/api/v1/environments/default/approvals?state=open&top=1000".to_owned());
    let mut approvals = Vec::new();
    while let Some(path) = next {
        let mut page = Vec::new();
        next = api.page(&path, &mut page).await?;
        approvals.extend(page.iter().filter_map(known));
    }
    Ok(approvals)
}

fn known(approval: &Value) -> Option<(String, String)> {
    let asked = approval["waitingFor"][0]["displayName"].as_str()?;
    Some((approval["id"].as_str()?.to_owned(), asked.to_owned()))
}

/// Answers some, spread over all, and waits until their runs have ended: CPU of each, in ms,
/// and how many.
async fn answer(
    server: &Process,
    api: &mut Api,
    people: &People,
    approvals: &[(String, String)],
    report: &mut Report,
) -> Result<(f64, u64)> {
    let every = approvals.len().div_ceil(ANSWERS).max(1);
    let chosen: Vec<_> = approvals.iter().step_by(every).collect();
    let cpu = server.cpu()?;
    let mut lanes = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let mut calls = Vec::new();
        for (id, asked) in chosen.iter().skip(lane).step_by(CONNECTIONS) {
            let key = people.asked.get(asked).context("somebody else is asked")?;
            let path = format!("/api/v1/approvals/{id}/responses");
            calls.push(Target::new(server.addr, "POST", &path, Some(key)));
        }
        lanes.spawn(approve(Api::new(server.addr), calls));
    }
    let mut answers = 0;
    while let Some(approved) = lanes.join_next().await {
        answers += approved??;
    }
    if answers != chosen.len() as u64 {
        report.fault(format!("W11: {answers} of {} were approved", chosen.len()));
    }
    let since = Instant::now();
    while succeeded(api).await? < answers {
        ensure!(since.elapsed() < SETTLE, "flows did not go on within {SETTLE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let cpu = server.cpu()?.saturating_sub(cpu);
    Ok((millis(cpu) / answers as f64, answers))
}

/// Approves one after the other: how many came to that.
async fn approve(mut api: Api, calls: Vec<Target>) -> Result<u64> {
    let body = json!({"response": "Approve", "comments": "It is as I want it."});
    let mut approved = 0;
    for call in calls {
        let answered = api.exchange(&call, &body, 200).await?;
        approved += u64::from(answered["outcome"] == "Approve");
    }
    Ok(approved)
}

/// How many runs succeeded, which is few pages.
async fn succeeded(api: &mut Api) -> Result<u64> {
    let mut next = Some(format!("/api/v1/flows/{FLOW}/runs?status=Succeeded&top=1000"));
    let mut count = 0;
    while let Some(path) = next {
        let mut page = Vec::new();
        next = api.page(&path, &mut page).await?;
        count += page.len() as u64;
    }
    Ok(count)
}

/// The most resident memory over a while.
async fn watch(server: &Process) -> Result<u64> {
    let since = Instant::now();
    let mut most = 0;
    while since.elapsed() < WATCH {
        most = most.max(server.resident()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(most)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What the flow is started with.
struct Questions;

impl Work for Questions {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        let body = json!({"title": format!("Workspace {id}"),
            "to": format!("p{}@example.org", id % PEOPLE)});
        out.clear();
        out.extend_from_slice(body.to_string().as_bytes());
    }

    fn check(&self, _id: u64, answer: &Answer<'_>) -> Result<()> {
        expect_status(answer, 202)
    }
}
