//! The workloads W1 to W11 and what they share.

mod parked;
mod w1;
mod w10;
mod w11;
mod w2;
mod w3;
mod w4;
mod w5;
mod w6;
mod w7;
mod w8;
mod w9;

use crate::api::Api;
use crate::load::{Outcome, Plan, Stop, run};
use crate::process::{Process, disk_bytes};
use crate::report::Report;
use anyhow::{Context, Result};
use sluicegate_bench::order::Filler;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Added to the time a load should take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(180);

const MIB: f64 = 1_048_576.0;

/// One of the workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    W1,
    W2,
    W3,
    W4,
    W5,
    W6,
    /// With W9, which takes the store that it leaves.
    W7,
    W8,
    W10,
    W11,
}

/// How long, how often, how many.
#[derive(Clone, Debug)]
pub struct Settings {
    pub server: PathBuf,
    /// Data directories are made below this, and removed.
    pub dir: PathBuf,
    pub workloads: Vec<Workload>,
    pub seconds: u64,
    pub warmup: u64,
    pub repeats: usize,
    pub connections: Vec<usize>,
    pub filler: Filler,
    pub w2_posts: u64,
    pub w3_runs: u64,
    /// The two sizes of the long loop that are compared.
    pub w3_long: [u64; 2],
    pub w4_runs: u64,
    pub w4_idle: Duration,
    pub w5_connections: u64,
    pub w7_runs: u64,
    /// The time that the due times of W7 are spread over.
    pub w7_spread: Duration,
    pub w8_runs: u64,
    /// How long W8 measures, before and after its runs become due.
    pub w8_window: Duration,
    pub w10_flows: u64,
    pub w10_runs: u64,
    pub w11_approvals: u64,
}

/// Runs the workloads that are asked for. A workload that cannot be measured is
/// a fault; the others are measured all the same.
pub async fn run_all(settings: &Settings) -> Report {
    let mut report = Report::default();
    for workload in &settings.workloads {
        eprintln!("{workload:?} ...");
        let since = Instant::now();
        let done = match workload {
            Workload::W1 => w1::measure(settings, &mut report).await,
            Workload::W2 => w2::measure(settings, &mut report).await,
            Workload::W3 => w3::measure(settings, &mut report).await,
            Workload::W4 => w4::measure(settings, &mut report).await,
            Workload::W5 => w5::measure(settings, &mut report).await,
            Workload::W6 => w6::measure(settings, &mut report).await,
            Workload::W7 => w7::measure(settings, &mut report).await,
            Workload::W8 => w8::measure(settings, &mut report).await,
            Workload::W10 => w10::measure(settings, &mut report).await,
            Workload::W11 => w11::measure(settings, &mut report).await,
        };
        if let Err(error) = done {
            report.fault(format!("{workload:?} could not be measured: {error:#}"));
        }
        eprintln!("{workload:?} took {:.0} s", since.elapsed().as_secs_f64());
    }
    report
}

/// A fresh directory for one server: its data and its log, removed at the end.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(settings: &Settings) -> Result<Site> {
        std::fs::create_dir_all(&settings.dir)?;
        let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(&settings.dir)?;
        std::fs::create_dir(dir.path().join("data"))?;
        Ok(Site { dir })
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Something else beside the data.
    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bytes(&self) -> Result<u64> {
        disk_bytes(&self.data())
    }

    /// A server on this site's data that is ready.
    async fn start(&self, server: &Path) -> Result<(Process, Api)> {
        let mut process = Process::server(server, &self.data(), &self.log("server.log"))?;
        process.ready("/health/ready").await.context("the server did not become ready")?;
        let api = Api::new(process.addr);
        Ok((process, api))
    }

    /// The same with its store in a database.
    async fn start_on(&self, server: &Path, url: &str) -> Result<(Process, Api)> {
        let (data, log) = (self.data(), self.log("server.log"));
        let mut process = Process::server_on(server, &data, Some(url), &log)?;
        process.ready("/health/ready").await.context("the server did not become ready")?;
        let api = Api::new(process.addr);
        Ok((process, api))
    }

    async fn start_bare(&self) -> Result<Process> {
        let mut process = Process::bare(&self.log("bare.log"))?;
        process.ready("/ready").await.context("the bare handler did not become ready")?;
        Ok(process)
    }
}

/// A database server of the bench's own, removed at the end.
struct Database {
    server: rig::Postgres,
    url: String,
    _dir: tempfile::TempDir,
}

impl Database {
    async fn start(settings: &Settings) -> Result<Database> {
        std::fs::create_dir_all(&settings.dir)?;
        let dir = tempfile::Builder::new().prefix("bench-pg-").tempdir_in(&settings.dir)?;
        let server = rig::Postgres::start(dir.path())?;
        let url = server.create_database("bench").await?;
        Ok(Database { server, url, _dir: dir })
    }
}

/// A load and the CPU time its server spent on it.
struct Measured {
    outcome: Outcome,
    cpu: Duration,
}

impl Measured {
    /// CPU milliseconds for each good answer.
    fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1_000.0 / self.outcome.good as f64
    }
}

/// Runs a load and reads the CPU time before and after; wrong answers are faults.
async fn measured<W: crate::load::Work>(
    process: &Process,
    plan: &Plan,
    work: &Arc<W>,
    report: &mut Report,
    what: &str,
) -> Result<Measured> {
    let before = process.cpu()?;
    let outcome = run(plan, work).await?;
    let cpu = process.cpu()?.saturating_sub(before);
    note_faults(&outcome, report, what);
    Ok(Measured { outcome, cpu })
}

fn note_faults(outcome: &Outcome, report: &mut Report, what: &str) {
    if outcome.bad > 0 {
        let texts = outcome.faults.join("; ");
        report.fault(format!("{what}: {} wrong answers: {texts}", outcome.bad));
    }
}

fn patience(stop: Stop) -> Duration {
    match stop {
        Stop::After(time) => time + PATIENCE,
        Stop::Count(count) => PATIENCE + Duration::from_millis(count),
    }
}

/// Numbers of bodies, never given twice, so that no two bodies are alike.
struct Ids(u64);

impl Ids {
    /// The first number of the next load.
    fn next(&mut self) -> u64 {
        let first = self.0;
        self.0 += 100_000_000;
        first
    }
}
