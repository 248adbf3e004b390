//! W3: loops over data, every iteration in the history.

use super::{Ids, MIB, Measured, Settings, Site, measured, note_faults, patience};
use crate::api::Api;
use crate::client::Target;
use crate::load::{Items, Orders, Plan, Reply, Stop, run};
use crate::process::Process;
use crate::report::{Report, median};
use crate::verify;
use anyhow::{Context, Result};
use sluicegate_bench::definition;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Items of the bar's short loop.
const SHORT_ITEMS: u64 = 1_000;

/// Number of the first order sent beside the long loop.
const BESIDE_FIRST_ID: u64 = 1;

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    short_loop(settings, report).await?;
    long_loops(settings, report).await
}

/// 1,000 items: the mean of many runs one after another, as a clock tick of the
/// kernel is longer than one run.
async fn short_loop(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let target = api.create_flow("w3", &definition::items()).await?;
    let work = Arc::new(Items { count: SHORT_ITEMS });
    let mut ids = Ids(0);
    let (mut cpu, mut latency) = (Vec::new(), Vec::new());
    send(&server, &target, &work, settings.w3_runs / 2, &mut ids, report).await?;
    let mut runs = settings.w3_runs / 2;
    for _ in 0..settings.repeats {
        let round = send(&server, &target, &work, settings.w3_runs, &mut ids, report).await?;
        runs += round.outcome.good;
        cpu.push(round.cpu_ms());
        latency.push(round.outcome.latency_ms(0.5));
        verify_first(&mut api, &round, &work, report).await;
    }
    server.stop().await?;
    let bytes = site.bytes()? as f64 / runs as f64;
    report.add("w3.1000.cpu_ms", median(&cpu), "ms", "W3, 1,000 items: server CPU a run");
    report.add("w3.1000.p50_ms", median(&latency), "ms", "W3, 1,000 items: median latency");
    report.add("w3.1000.bytes", bytes, "B", format!("W3, 1,000 items: store a run, {runs} runs"));
    Ok(())
}

/// Two longer loops compared; then the longest again with W1 beside it.
async fn long_loops(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    api.create_flow("w3", &definition::items()).await?;
    api.create_flow("w1", &definition::order_answered()).await?;
    server.stop().await?;
    let mut costs = Vec::new();
    for items in settings.w3_long {
        costs.push(long_loop(settings, &site, items, report).await?);
    }
    let [short, long] = settings.w3_long;
    let [first, second] = &costs[..] else { return Ok(()) };
    let about = |what: &str| format!("W3: {what} of {long} items to {short}");
    report.add("w3.cpu_ratio", second.cpu_ms / first.cpu_ms, "x", about("CPU"));
    report.add("w3.store_ratio", second.bytes / first.bytes, "x", about("store"));
    beside(settings, &site, long, report).await
}

struct Cost {
    cpu_ms: f64,
    bytes: f64,
}

/// Runs of one size in a process of their own, so that the peak of its memory is theirs.
async fn long_loop(
    settings: &Settings,
    site: &Site,
    items: u64,
    report: &mut Report,
) -> Result<Cost> {
    let before = site.bytes()?;
    let (server, mut api) = site.start(&settings.server).await?;
    let target = api.trigger("w3").await?;
    let work = Arc::new(Items { count: items });
    let mut ids = Ids(0);
    // As many items for each size, so that a clock tick of the kernel weighs the same.
    let runs = (settings.w3_long[1] / items).max(1);
    // As W1 does, once to warm up: the first run of a size gets its memory from the system.
    let mut stored = send(&server, &target, &work, 1, &mut ids, report).await?.outcome.good;
    let (mut cpu, mut latency) = (Vec::new(), Vec::new());
    for _ in 0..settings.repeats {
        let round = send(&server, &target, &work, runs, &mut ids, report).await?;
        stored += round.outcome.good;
        cpu.push(round.cpu_ms());
        latency.push(round.outcome.latency_ms(0.5));
        verify_first(&mut api, &round, &work, report).await;
    }
    let peak = server.resident_peak()?;
    server.stop().await?;
    let bytes = site.bytes()?.saturating_sub(before) as f64 / stored as f64;
    let cost = Cost { cpu_ms: median(&cpu), bytes };
    let name = |figure: &str| format!("w3.{items}.{figure}");
    let about = |text: &str| format!("W3, {items} items: {text}");
    report.add(name("cpu_ms"), cost.cpu_ms, "ms", about("server CPU a run"));
    report.add(name("p50_ms"), median(&latency), "ms", about("median latency"));
    report.add(name("bytes"), cost.bytes, "B", about("store a run"));
    report.add(name("peak_mib"), peak as f64 / MIB, "MiB", about("most resident memory"));
    Ok(cost)
}

/// While a long loop goes on, orders on one connection must be answered.
async fn beside(settings: &Settings, site: &Site, items: u64, report: &mut Report) -> Result<()> {
    let (server, mut api) = site.start(&settings.server).await?;
    let long = plan_for(api.trigger("w3").await?, 1, 0);
    let orders = api.trigger("w1").await?;
    let work = Arc::new(Items { count: items });
    let order_work = Arc::new(Orders { filler: settings.filler, reply: Reply::Answered });
    let since = Instant::now();
    let loop_task = tokio::spawn(async move { run(&long, &work).await });
    let (mut latencies, mut answered) = (Vec::new(), 0_u64);
    let mut ids = BESIDE_FIRST_ID;
    while !loop_task.is_finished() {
        let outcome = run(&plan_for(orders.clone(), 1, ids), &order_work).await?;
        note_faults(&outcome, report, "W3, orders beside the loop");
        // The last may have been sent when the loop was done already: it is not counted.
        if !loop_task.is_finished() {
            answered += outcome.good;
            latencies.push(outcome.latency_ms(1.0));
        }
        ids += 1;
    }
    let elapsed = since.elapsed();
    let outcome = loop_task.await.context("the long loop's task")??;
    note_faults(&outcome, report, "W3, the long loop beside orders");
    server.stop().await?;
    if answered == 0 {
        report.fault(format!("no order was answered while a loop of {items} items ran"));
    }
    let slowest = latencies.iter().copied().fold(0.0, f64::max);
    let text = format!("W1 beside {items} items ({:.2} s)", elapsed.as_secs_f64());
    report.add("w3.beside.count", answered as f64, "", format!("{text}: answered"));
    report.add("w3.beside.p50_ms", median(&latencies), "ms", format!("{text}: median latency"));
    report.add("w3.beside.max_ms", slowest, "ms", format!("{text}: longest latency"));
    Ok(())
}

async fn verify_first(api: &mut Api, round: &Measured, work: &Items, report: &mut Report) {
    for (id, run) in round.outcome.sample.iter().take(1) {
        if let Err(error) = verify::items_run(api, (*id, run), work).await {
            report.fault(format!("W3, {} items: {error:#}", work.count));
        }
    }
}

async fn send(
    server: &Process,
    target: &Target,
    work: &Arc<Items>,
    count: u64,
    ids: &mut Ids,
    report: &mut Report,
) -> Result<Measured> {
    let plan = plan_for(target.clone(), count, ids.next());
    let what = format!("W3, {} items", work.count);
    measured(server, &plan, work, report, &what).await
}

fn plan_for(target: Target, count: u64, first_id: u64) -> Plan {
    let stop = Stop::Count(count);
    let patience = patience(stop).max(Duration::from_secs(300));
    Plan { target, connections: 1, stop, first_id, patience }
}
