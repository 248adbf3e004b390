//! W7: very many runs wait, each until a moment of its own, and nobody is connected.

use super::parked::{park, until};
use super::{MIB, Settings, Site, w9};
use crate::process::Process;
use crate::report::Report;
use anyhow::{Result, ensure};
use sluicegate_bench::definition;
use std::time::{Duration, Instant};

const FLOW: &str = "w7";

/// Between the last start and the first run that is due.
const LEAD: Duration = Duration::from_secs(2);

const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// Longest wait for the last run after the last was due.
const SETTLE: Duration = Duration::from_secs(600);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    // another flow, so that the store that W9 takes has more than one
    api.create_flow("w1", &definition::order_answered()).await?;
    let plan = (settings.w7_runs, LEAD, settings.w7_spread);
    let parked = park(&mut api, FLOW, plan, report).await?;
    let starting = server.resident_peak()?;
    let waiting = &parked.waiting;
    let cpu = server.cpu()?;
    let while_parked = watch(&server, until(waiting.first_due)).await?;
    let idle_cpu = server.cpu()?.saturating_sub(cpu);
    // a little longer: the last of them are still under way
    let resuming = until(waiting.last_due()) + Duration::from_secs(1);
    let cpu = server.cpu()?;
    let while_resuming = watch(&server, resuming).await?;
    let since = Instant::now();
    api.settled(FLOW, SETTLE).await?;
    let over = since.elapsed();
    let cpu = server.cpu()?.saturating_sub(cpu);

    let late = parked.lateness(&mut api).await?;
    ensure!(!late.is_empty(), "no run was sampled");
    parked.audit(&mut api, FLOW, report).await?;
    server.stop().await?;
    let count = waiting.count;
    let seconds = waiting.spread.as_secs();
    let about = |text: &str| format!("W7, {count} runs due over {seconds} s: {text}");
    let rate = parked.outcome.per_second();
    report.add("w7.start_per_s", rate, "/s", about("runs started"));
    report.add("w7.start_peak_mib", starting as f64 / MIB, "MiB", about("most while starting"));
    let most = while_parked.max(while_resuming) as f64 / MIB;
    report.add("w7.resident_mib", most, "MiB", about("most resident memory from then on"));
    let idle = while_parked as f64 / MIB;
    report.add("w7.parked_mib", idle, "MiB", about("while nothing is due"));
    report.add("w7.idle_cpu_ms", millis(idle_cpu), "ms", about("CPU before the first is due"));
    let each = millis(cpu) / count as f64;
    report.add("w7.cpu_ms", each, "ms", about("server CPU to resume and end a run"));
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    report.add("w7.late_p50_ms", at(0.5), "ms", about("median from due to ended"));
    let text = format!("99 % of {} from due to ended", late.len());
    report.add("w7.late_p99_ms", at(0.99), "ms", about(&text));
    report.add("w7.late_max_ms", at(1.0), "ms", about("the latest of them"));
    report.add("w7.over_s", over.as_secs_f64(), "s", about("none under way, past the last due"));
    w9::measure(settings, &site, parked.posts, report).await
}

/// The most resident memory over some time.
async fn watch(server: &Process, time: Duration) -> Result<u64> {
    let since = Instant::now();
    let mut most = server.resident()?;
    while since.elapsed() < time {
        tokio::time::sleep(SAMPLE_EVERY).await;
        most = most.max(server.resident()?);
    }
    Ok(most)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
