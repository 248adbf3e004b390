//! W5: many runs wait at once.

use super::{MIB, Measured, PATIENCE, Settings, Site, note_faults};
use crate::load::{Waits, burst};
use crate::report::Report;
use anyhow::Result;
use sluicegate_bench::definition;
use std::sync::Arc;
use std::time::Duration;

/// The wait is 5 s; an answer within this, from before connecting, is in time.
const IN_TIME: Duration = Duration::from_millis(5_500);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let target = api.create_flow("w5", &definition::wait()).await?;
    let connections = settings.w5_connections;
    let before = server.cpu()?;
    let outcome = burst(&target, connections, PATIENCE, &Arc::new(Waits)).await?;
    let cpu = server.cpu()?.saturating_sub(before);
    note_faults(&outcome, report, "W5");
    let round = Measured { outcome, cpu };
    let peak = server.resident_peak()?;
    server.stop().await?;
    let about = |text: &str| format!("W5, {connections} connections: {text}");
    let in_time = round.outcome.within(IN_TIME) as f64;
    report.add("w5.in_time", in_time, "runs", about("answered within 5.5 s"));
    report.add("w5.max_ms", round.outcome.latency_ms(1.0), "ms", about("longest latency"));
    report.add("w5.cpu_ms", round.cpu_ms(), "ms", about("server CPU a run"));
    report.add("w5.peak_mib", peak as f64 / MIB, "MiB", about("most resident memory"));
    if in_time < connections as f64 {
        eprintln!("W5: {in_time} of {connections} in time");
    }
    Ok(())
}
