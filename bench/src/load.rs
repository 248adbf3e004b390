//! The load: a closed loop over N connections in one thread, every answer checked.

use crate::client::{Answer, Connection, Target};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sluicegate_bench::order::{Filler, Order};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The header that names the run a request started.
const RUN_HEADER: &str = "x-ms-workflow-run-id";

/// What is kept of a load, when its work does not say otherwise.
const SAMPLE_EVERY: u64 = 500;

/// Faults that are kept with their text; the rest is only counted.
const FAULTS_KEPT: usize = 5;

/// What is sent and what must come back.
pub trait Work: Send + Sync + 'static {
    fn write_body(&self, id: u64, out: &mut Vec<u8>);
    fn check(&self, id: u64, answer: &Answer<'_>) -> Result<()>;

    /// One request in so many is kept to be looked at afterwards.
    fn sample_every(&self) -> u64 {
        SAMPLE_EVERY
    }
}

/// When a load ends.
#[derive(Clone, Copy)]
pub enum Stop {
    After(Duration),
    Count(u64),
}

/// One load against one target.
pub struct Plan {
    pub target: Target,
    pub connections: usize,
    pub stop: Stop,
    /// The number of the first body; the next are consecutive.
    pub first_id: u64,
    /// Longest time without an end before the load counts as stuck.
    pub patience: Duration,
}

/// What came of a load.
#[derive(Default)]
pub struct Outcome {
    /// Answers that were as they should be.
    pub good: u64,
    pub bad: u64,
    pub faults: Vec<String>,
    pub elapsed: Duration,
    /// Body number and run name of some of the requests.
    pub sample: Vec<(u64, String)>,
    /// Microseconds, sorted.
    latencies: Vec<u32>,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.good as f64 / self.elapsed.as_secs_f64()
    }

    /// Milliseconds below which this share of the answers came.
    pub fn latency_ms(&self, share: f64) -> f64 {
        if self.latencies.is_empty() {
            return f64::NAN;
        }
        let last = self.latencies.len() - 1;
        let at = (last as f64 * share).round() as usize;
        f64::from(self.latencies[at]) / 1_000.0
    }

    /// Answers that came within this time.
    pub fn within(&self, limit: Duration) -> usize {
        self.latencies.partition_point(|micros| u128::from(*micros) <= limit.as_micros())
    }

    fn add(&mut self, other: Outcome) {
        self.good += other.good;
        self.bad += other.bad;
        self.sample.extend(other.sample);
        self.latencies.extend(other.latencies);
        let room = FAULTS_KEPT.saturating_sub(self.faults.len());
        self.faults.extend(other.faults.into_iter().take(room));
    }

    fn fault(&mut self, id: u64, error: &anyhow::Error) {
        self.bad += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(format!("request {id}: {error:#}"));
        }
    }
}

/// Runs a load to its end. All connections are open before the first request.
pub async fn run<W: Work>(plan: &Plan, work: &Arc<W>) -> Result<Outcome> {
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(Connection::open(plan.target.addr).await?);
    }
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for connection in connections {
        let (target, work, next) = (plan.target.clone(), work.clone(), next.clone());
        let (stop, first_id) = (plan.stop, plan.first_id);
        tasks.spawn(async move {
            let more = || {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let go = match stop {
                    Stop::After(time) => started.elapsed() < time,
                    Stop::Count(count) => number < count,
                };
                go.then_some(first_id + number)
            };
            drive(connection, &target, &*work, more).await
        });
    }
    let mut whole = Outcome::default();
    let all = async {
        while let Some(part) = tasks.join_next().await {
            whole.add(part.context("a load task failed")?);
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(plan.patience, all).await {
        Ok(ended) => ended?,
        Err(_) => bail!("the load did not end within {:?}", plan.patience),
    }
    whole.elapsed = started.elapsed();
    whole.latencies.sort_unstable();
    whole.sample.sort();
    Ok(whole)
}

/// Opens many connections at once, one request on each. Latencies count from the
/// beginning, so that waiting to be connected is part of them.
pub async fn burst<W: Work>(
    target: &Target,
    connections: u64,
    patience: Duration,
    work: &Arc<W>,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..connections {
        let (target, work) = (target.clone(), work.clone());
        tasks.spawn(async move {
            let mut outcome = Outcome::default();
            let mut once = Some(id);
            match tokio::time::timeout(patience, Connection::open(target.addr)).await {
                Ok(Ok(connection)) => {
                    outcome = drive(connection, &target, &*work, || once.take()).await;
                }
                Ok(Err(error)) => outcome.fault(id, &error),
                Err(_) => outcome.fault(id, &anyhow::anyhow!("no connection in {patience:?}")),
            }
            let micros = started.elapsed().as_micros();
            outcome.latencies = vec![u32::try_from(micros).unwrap_or(u32::MAX)];
            outcome
        });
    }
    let mut whole = Outcome::default();
    while let Some(part) = tasks.join_next().await {
        whole.add(part.context("a load task failed")?);
    }
    whole.elapsed = started.elapsed();
    whole.latencies.sort_unstable();
    Ok(whole)
}

/// One connection's loop: request, answer, check, until `more` says no.
async fn drive<W: Work>(
    mut connection: Connection,
    target: &Target,
    work: &W,
    mut more: impl FnMut() -> Option<u64>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut body, mut request) = (Vec::new(), Vec::new());
    while let Some(id) = more() {
        work.write_body(id, &mut body);
        let result = async {
            target.write_request(&body, &mut request)?;
            let sent = Instant::now();
            let answer = connection.exchange(&request).await?;
            let micros = sent.elapsed().as_micros();
            outcome.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
            if id % work.sample_every() == 0
                && let Some(run) = answer.header(RUN_HEADER)
            {
                outcome.sample.push((id, run.to_owned()));
            }
            anyhow::Ok(work.check(id, &answer))
        };
        match result.await {
            Ok(Ok(())) => outcome.good += 1,
            Ok(Err(wrong)) => outcome.fault(id, &wrong),
            Err(broken) => {
                outcome.fault(id, &broken);
                break;
            }
        }
    }
    outcome
}

/// How an order is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// 200 with the result, by the server: the answer names its run.
    Answered,
    /// 202 with the run's name.
    Accepted,
    /// 200 with the result, by the bare handler.
    Bare,
}

/// W1 and W2: an order, and its right answer.
pub struct Orders {
    pub filler: Filler,
    pub reply: Reply,
}

#[derive(Deserialize)]
struct OrderAnswer<'a> {
    id: u64,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    #[serde(borrow)]
    slug: Cow<'a, str>,
    total: u64,
}

impl Work for Orders {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        Order::new(id).write_body(self.filler, out);
    }

    fn check(&self, id: u64, answer: &Answer<'_>) -> Result<()> {
        let accepted = self.reply == Reply::Accepted;
        expect_status(answer, if accepted { 202 } else { 200 })?;
        if self.reply != Reply::Bare && answer.header(RUN_HEADER).is_none() {
            bail!("the answer does not name its run");
        }
        if accepted {
            return Ok(());
        }
        let got: OrderAnswer<'_> = serde_json::from_slice(answer.body)
            .with_context(|| String::from_utf8_lossy(answer.body).into_owned())?;
        let want = Order::new(id);
        let right = got.id == id
            && got.total == want.total()
            && got.tier == want.tier()
            && got.slug == want.slug();
        if !right {
            bail!("a wrong answer: {}", String::from_utf8_lossy(answer.body));
        }
        Ok(())
    }
}

/// W3: a list of items, and their number back.
///
/// No two bodies are alike: the store keeps equal payloads once.
pub struct Items {
    pub count: u64,
}

impl Items {
    /// The name of an item as it is sent.
    pub fn name(id: u64, index: u64) -> String {
        format!("item number {index} of {id}")
    }
}

impl Work for Items {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"{\"items\": [");
        for n in 0..self.count {
            let comma = if n == 0 { "" } else { ", " };
            let item = format!("{comma}{{\"n\": {n}, \"name\": \"{}\"}}", Items::name(id, n));
            out.extend_from_slice(item.as_bytes());
        }
        out.extend_from_slice(b"]}");
    }

    fn check(&self, _id: u64, answer: &Answer<'_>) -> Result<()> {
        #[derive(Deserialize)]
        struct Count {
            n: u64,
        }
        expect_status(answer, 200)?;
        let got: Count = serde_json::from_slice(answer.body)?;
        if got.n != self.count {
            bail!("{} items came back of {}", got.n, self.count);
        }
        Ok(())
    }
}

/// W5: a number, back after the wait.
pub struct Waits;

impl Work for Waits {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(format!("{{\"id\": {id}}}").as_bytes());
    }

    fn check(&self, id: u64, answer: &Answer<'_>) -> Result<()> {
        #[derive(Deserialize)]
        struct Waited {
            id: u64,
            waited: bool,
        }
        expect_status(answer, 200)?;
        let got: Waited = serde_json::from_slice(answer.body)?;
        if got.id != id || !got.waited {
            bail!("a wrong answer: {}", String::from_utf8_lossy(answer.body));
        }
        Ok(())
    }
}

pub fn expect_status(answer: &Answer<'_>, status: u16) -> Result<()> {
    if answer.status != status {
        let text: String = String::from_utf8_lossy(answer.body).chars().take(300).collect();
        bail!("answered {} instead of {status}: {text}", answer.status);
    }
    Ok(())
}
