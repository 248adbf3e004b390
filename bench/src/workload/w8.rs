//! W8: very many runs of one flow become due at once; who starts another flow meanwhile
//! should hardly notice.

use super::parked::{park, until};
use super::{Ids, Settings, Site, measured, patience};
use crate::client::Target;
use crate::load::{Orders, Plan, Reply, Stop};
use crate::process::Process;
use crate::report::Report;
use anyhow::{Result, ensure};
use jiff::Timestamp;
use sluicegate_bench::definition;
use std::sync::Arc;
use std::time::Duration;

const FLOW: &str = "w8";

/// The other flow is left alone for so long before its figure is taken, each time.
const PAUSE: Duration = Duration::from_millis(300);

/// Longest wait until the runs that became due have ended.
const SETTLE: Duration = Duration::from_secs(1_200);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let target = api.create_flow("other", &definition::order_answered()).await?;
    // the figure before the flood has to be taken in this time, after a warm-up as long
    let lead = settings.w8_window * 2 + PAUSE * 3;
    let parked = park(&mut api, FLOW, (settings.w8_runs, lead, Duration::ZERO), report).await?;
    let mut other = Other { target, settings, server: &server, ids: Ids(0) };
    other.latency("W8, warm-up", report).await?;
    tokio::time::sleep(PAUSE).await;
    let before = other.latency("W8, before", report).await?;
    let left = until(parked.waiting.first_due);
    ensure!(!left.is_zero(), "the flood began while the latency before it was measured");
    tokio::time::sleep(left + PAUSE).await;
    let during = other.latency("W8, during", report).await?;
    let is_on = api.under_way(FLOW).await?;
    api.settled(FLOW, SETTLE).await?;
    let over = Timestamp::now().duration_since(parked.waiting.first_due).as_secs_f64();
    parked.audit(&mut api, FLOW, report).await?;
    server.stop().await?;
    if !is_on {
        eprintln!("W8: the flood was over before the latency during it was measured");
    }
    let count = parked.waiting.count;
    let about = |text: &str| format!("W8, {count} runs due at once: {text}");
    report.add("w8.before_p50_ms", before.0, "ms", about("another flow answered, before"));
    report.add("w8.during_p50_ms", during.0, "ms", about("another flow answered, during"));
    report.add("w8.before_p99_ms", before.1, "ms", about("99 % before"));
    report.add("w8.during_p99_ms", during.1, "ms", about("99 % during"));
    report.add("w8.ratio", during.0 / before.0, "x", about("median during to before"));
    report.add("w8.resumed_per_s", count as f64 / over, "/s", about("runs ended after that"));
    Ok(())
}

/// The flow that is started by one caller, one request after another.
struct Other<'a> {
    target: Target,
    settings: &'a Settings,
    server: &'a Process,
    ids: Ids,
}

impl Other<'_> {
    /// Median and 99 % latency, in milliseconds.
    async fn latency(&mut self, what: &str, report: &mut Report) -> Result<(f64, f64)> {
        let stop = Stop::After(self.settings.w8_window);
        let plan = Plan {
            target: self.target.clone(),
            connections: 1,
            stop,
            first_id: self.ids.next(),
            patience: patience(stop),
        };
        let work = Arc::new(Orders { filler: self.settings.filler, reply: Reply::Answered });
        let round = measured(self.server, &plan, &work, report, what).await?;
        Ok((round.outcome.latency_ms(0.5), round.outcome.latency_ms(0.99)))
    }
}
