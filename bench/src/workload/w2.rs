//! W2: W1 answered 202; measured until the last run is final.

use super::w1::{Side, median_of};
use super::{Ids, Measured, Settings, Site, note_faults, patience};
use crate::api::Api;
use crate::client::Target;
use crate::load::{Orders, Plan, Reply, Stop, run};
use crate::process::Process;
use crate::report::{Report, median};
use crate::verify;
use anyhow::Result;
use sluicegate_bench::definition;
use sluicegate_bench::order::Filler;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 32;
const FLOW: &str = "w2";

/// Longest wait for the last run after the last 202.
const SETTLE: Duration = Duration::from_secs(600);

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let bare = site.start_bare().await?;
    let mut bare_side = Side::bare(&bare, settings, CONNECTIONS);
    let mut accepted = Accepted::create(&mut api, settings.filler).await?;
    accepted.post(&server, &mut api, settings.w2_posts / 10, report).await?;
    bare_side.warm_up(settings, report, "W2").await?;
    let mut rounds = Vec::new();
    let mut completed = Vec::new();
    for _ in 0..settings.repeats {
        let round = accepted.post(&server, &mut api, settings.w2_posts, report).await?;
        completed.push(round.completed_per_second);
        rounds.push(round.measured);
        bare_side.measure(settings, report, "W2, bare handler").await?;
    }
    accepted.audit(&mut api, report).await?;
    for round in &rounds {
        for (id, name) in round.outcome.sample.iter().take(5) {
            let one = (*id, name.as_str());
            if let Err(error) = verify::order_run(&mut api, one, "Answer", settings.filler).await {
                report.fault(format!("W2: {error:#}"));
            }
        }
    }
    let bare_rounds = bare_side.rounds;
    server.stop().await?;
    bare.stop().await?;
    let cpu = median_of(&rounds, Measured::cpu_ms);
    let bare_cpu = median_of(&bare_rounds, Measured::cpu_ms);
    let bytes = site.bytes()? as f64 / accepted.posts as f64;
    report.add("w2.cpu_ms", cpu, "ms", "W2, 32 connections: server CPU a run");
    report.add("w2.bare_cpu_ms", bare_cpu, "ms", "W2: bare handler CPU a request");
    report.add("w2.ratio", cpu / bare_cpu, "x", "W2: server to bare handler");
    report.add("w2.per_s", median(&completed), "/s", "W2: runs completed");
    let p50 = median_of(&rounds, |round| round.outcome.latency_ms(0.5));
    report.add("w2.p50_ms", p50, "ms", "W2: median time to the 202");
    report.add("w2.bytes", bytes, "B", format!("W2: store a run, {} runs", accepted.posts));
    Ok(())
}

/// A flow that answers 202, and the posts it got.
pub struct Accepted {
    target: Target,
    work: Arc<Orders>,
    ids: Ids,
    pub posts: u64,
}

/// One load, measured until its last run was final.
pub struct Round {
    pub measured: Measured,
    pub completed_per_second: f64,
}

impl Accepted {
    pub async fn create(api: &mut Api, filler: Filler) -> Result<Accepted> {
        let target = api.create_flow(FLOW, &definition::order_accepted()).await?;
        let work = Arc::new(Orders { filler, reply: Reply::Accepted });
        Ok(Accepted { target, work, ids: Ids(0), posts: 0 })
    }

    pub async fn post(
        &mut self,
        server: &Process,
        api: &mut Api,
        count: u64,
        report: &mut Report,
    ) -> Result<Round> {
        let stop = Stop::Count(count);
        let plan = Plan {
            target: self.target.clone(),
            connections: CONNECTIONS,
            stop,
            first_id: self.ids.next(),
            patience: patience(stop),
        };
        let (cpu, since) = (server.cpu()?, Instant::now());
        let outcome = run(&plan, &self.work).await?;
        api.settled(FLOW, SETTLE).await?;
        let elapsed = since.elapsed();
        let cpu = server.cpu()?.saturating_sub(cpu);
        note_faults(&outcome, report, "W2");
        self.posts += outcome.good;
        let completed_per_second = outcome.good as f64 / elapsed.as_secs_f64();
        Ok(Round { measured: Measured { outcome, cpu }, completed_per_second })
    }

    /// Every post has exactly one run, and it succeeded.
    async fn audit(&self, api: &mut Api, report: &mut Report) -> Result<()> {
        let (all, succeeded) = api.count_runs(FLOW).await?;
        if all != self.posts || succeeded != self.posts {
            report.fault(format!(
                "W2: {} posts were accepted, {all} runs are listed, {succeeded} succeeded",
                self.posts
            ));
        }
        Ok(())
    }
}
