//! W6: W1 with its store in PostgreSQL. What the database spends is counted too: it stands
//! beside the server, and somebody pays for it.

use super::w1::{Side, median_of};
use super::{Database, Measured, Settings, Site};
use crate::load::Reply;
use crate::report::{Report, median};
use crate::verify;
use anyhow::{Context, Result};
use sluicegate_bench::definition;

const CONNECTIONS: usize = 128;

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let database = Database::start(settings).await?;
    let (server, mut api) = site.start_on(&settings.server, &database.url).await?;
    let target = api.create_flow("w1", &definition::order_answered()).await?;
    let mut side = Side::new(&server, target, Reply::Answered, settings, CONNECTIONS);
    side.warm_up(settings, report, "W6").await?;
    let mut database_ms = Vec::new();
    for _ in 0..settings.repeats {
        let before = database.server.processor_time();
        side.measure(settings, report, "W6").await?;
        let spent = database.server.processor_time().saturating_sub(before);
        let round = side.rounds.last_mut().context("a load without a round")?;
        round.cpu += spent;
        database_ms.push(spent.as_secs_f64() * 1_000.0 / round.outcome.good as f64);
    }
    for (id, run) in &side.sample() {
        let run = (*id, run.as_str());
        if let Err(error) = verify::order_run(&mut api, run, "Response", settings.filler).await {
            report.fault(format!("W6: {error:#}"));
        }
    }
    let rounds = side.rounds;
    server.stop().await?;
    let about = |text: &str| format!("W6, {CONNECTIONS} connections, PostgreSQL: {text}");
    let cpu = median_of(&rounds, Measured::cpu_ms);
    report.add("w6.128.cpu_ms", cpu, "ms", about("CPU a run, server and database"));
    let database_ms = median(&database_ms);
    report.add("w6.128.database_cpu_ms", database_ms, "ms", about("the database's part"));
    let per_second = median_of(&rounds, |round| round.outcome.per_second());
    report.add("w6.128.per_s", per_second, "/s", about("runs"));
    let p50 = median_of(&rounds, |round| round.outcome.latency_ms(0.5));
    report.add("w6.128.p50_ms", p50, "ms", about("median latency"));
    Ok(())
}
