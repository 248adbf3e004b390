//! W1: a request is answered by five steps; the bare handler beside it.

use super::{Ids, MIB, Measured, Settings, Site, measured, patience};
use crate::client::Target;
use crate::load::{Orders, Plan, Reply, Stop};
use crate::process::Process;
use crate::report::{Report, median};
use crate::verify;
use anyhow::Result;
use sluicegate_bench::definition;
use std::sync::Arc;
use std::time::Duration;

/// Runs whose whole history is looked at.
const VERIFIED_RUNS: usize = 20;

pub async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    for connections in &settings.connections {
        measure_at(settings, *connections, report).await?;
    }
    Ok(())
}

/// One number of connections on a fresh store, server and bare handler in turns.
async fn measure_at(settings: &Settings, connections: usize, report: &mut Report) -> Result<()> {
    let site = Site::new(settings)?;
    let (server, mut api) = site.start(&settings.server).await?;
    let target = api.create_flow("w1", &definition::order_answered()).await?;
    let bare = site.start_bare().await?;
    let mut side = Side::new(&server, target, Reply::Answered, settings, connections);
    let mut bare_side = Side::bare(&bare, settings, connections);
    let what = format!("W1 at {connections} connections");

    side.warm_up(settings, report, &what).await?;
    bare_side.warm_up(settings, report, &what).await?;
    for _ in 0..settings.repeats {
        side.measure(settings, report, &what).await?;
        bare_side.measure(settings, report, &what).await?;
    }
    let sample = side.sample();
    for (id, run) in &sample {
        let run = (*id, run.as_str());
        if let Err(error) = verify::order_run(&mut api, run, "Response", settings.filler).await {
            report.fault(format!("{what}: {error:#}"));
        }
    }
    let (resident, posts) = (server.resident_peak()?, side.posts);
    let (figures, bare_figures) = (side.rounds, bare_side.rounds);
    server.stop().await?;
    bare.stop().await?;
    let name = |figure: &str| format!("w1.{connections}.{figure}");
    let about = |text: &str| format!("W1, {connections} connections: {text}");
    let cpu = median_of(&figures, Measured::cpu_ms);
    let bare_cpu = median_of(&bare_figures, Measured::cpu_ms);
    report.add(name("cpu_ms"), cpu, "ms", about("server CPU a run"));
    report.add(name("bare_cpu_ms"), bare_cpu, "ms", about("bare handler CPU a request"));
    report.add(name("ratio"), cpu / bare_cpu, "x", about("server to bare handler"));
    for (share, figure, text) in
        [(0.5, "p50_ms", "median latency"), (0.99, "p99_ms", "99 % latency")]
    {
        let value = median_of(&figures, |round| round.outcome.latency_ms(share));
        report.add(name(figure), value, "ms", about(text));
    }
    let per_second = |rounds: &[Measured]| median_of(rounds, |round| round.outcome.per_second());
    report.add(name("per_s"), per_second(&figures), "/s", about("runs"));
    report.add(name("bare_per_s"), per_second(&bare_figures), "/s", about("bare handler"));
    let bytes = site.bytes()? as f64 / posts as f64;
    report.add(name("bytes"), bytes, "B", about(&format!("store a run, {posts} runs")));
    report.add(name("peak_mib"), resident as f64 / MIB, "MiB", about("most resident memory"));
    report.add(name("verified"), sample.len() as f64, "runs", about("history read back"));
    Ok(())
}

/// The middle of one figure over the repeats.
pub fn median_of(rounds: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    median(&rounds.iter().map(figure).collect::<Vec<_>>())
}

/// One of the two that are compared: its process, its load, its rounds.
pub struct Side<'a> {
    process: &'a Process,
    target: Target,
    work: Arc<Orders>,
    connections: usize,
    ids: Ids,
    /// All answered requests, warm-up included.
    pub posts: u64,
    pub rounds: Vec<Measured>,
}

impl<'a> Side<'a> {
    pub fn new(
        process: &'a Process,
        target: Target,
        reply: Reply,
        settings: &Settings,
        connections: usize,
    ) -> Self {
        let work = Arc::new(Orders { filler: settings.filler, reply });
        Side { process, target, work, connections, ids: Ids(0), posts: 0, rounds: Vec::new() }
    }

    /// The bare handler's side.
    pub fn bare(process: &'a Process, settings: &Settings, connections: usize) -> Self {
        let target = Target::new(process.addr, "POST", "/order", None);
        Side::new(process, target, Reply::Bare, settings, connections)
    }

    pub async fn warm_up(
        &mut self,
        settings: &Settings,
        report: &mut Report,
        what: &str,
    ) -> Result<()> {
        self.load(settings.warmup, report, what).await.map(|_| ())
    }

    pub async fn measure(
        &mut self,
        settings: &Settings,
        report: &mut Report,
        what: &str,
    ) -> Result<()> {
        let round = self.load(settings.seconds, report, what).await?;
        self.rounds.push(round);
        Ok(())
    }

    async fn load(&mut self, seconds: u64, report: &mut Report, what: &str) -> Result<Measured> {
        let stop = Stop::After(Duration::from_secs(seconds));
        let plan = Plan {
            target: self.target.clone(),
            connections: self.connections,
            stop,
            first_id: self.ids.next(),
            patience: patience(stop),
        };
        let round = measured(self.process, &plan, &self.work, report, what).await?;
        self.posts += round.outcome.good + round.outcome.bad;
        Ok(round)
    }

    /// Some of the measured requests, spread evenly over the rounds.
    pub fn sample(&self) -> Vec<(u64, String)> {
        let all: Vec<_> = self.rounds.iter().flat_map(|round| &round.outcome.sample).collect();
        let step = all.len().div_ceil(VERIFIED_RUNS).max(1);
        all.into_iter().step_by(step).cloned().collect()
    }
}
