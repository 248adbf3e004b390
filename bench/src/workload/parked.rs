//! Many runs that wait until a moment of their own: what W7 and W8 begin with.

use super::{Ids, note_faults, patience};
use crate::api::Api;
use crate::client::{Answer, Target};
use crate::load::{Outcome, Plan, Stop, Work, expect_status, run};
use crate::report::Report;
use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use sluicegate_bench::definition;
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS: usize = 32;

/// Runs that say how long starting all of them takes.
const TRIED: u64 = 2_000;

/// Starting all may take so much longer than the first made one think: a store that grows
/// is slower, and so is a machine that gets other work.
const SLOWER: f64 = 2.5;

/// A machine that gets much other work is tried again, with more time each time.
const ATTEMPTS: usize = 3;

/// Longest wait for the runs of an attempt that was too slow.
const SETTLE: Duration = Duration::from_secs(600);

/// Of all the runs, about so many are looked at one by one.
const SAMPLED: u64 = 1_000;

/// Any number that shares no factor with a count of runs: neighbours in starting are far
/// apart in being due.
const STRIDE: u64 = 1_000_000_007;

/// Runs that wait: how many, and when they are due.
pub struct Waiting {
    pub count: u64,
    first_id: u64,
    pub first_due: Timestamp,
    pub spread: Duration,
}

impl Waiting {
    /// When the run of this body is due: evenly over the spread.
    pub fn due(&self, id: u64) -> Timestamp {
        let slot = u128::from(id - self.first_id) * u128::from(STRIDE) % u128::from(self.count);
        let after = self.spread.as_nanos() * slot / u128::from(self.count);
        let after = SignedDuration::from_nanos(i64::try_from(after).unwrap_or(i64::MAX));
        self.first_due.saturating_add(after).unwrap_or(self.first_due)
    }

    /// The last that can be due.
    pub fn last_due(&self) -> Timestamp {
        self.first_due.saturating_add(self.spread).unwrap_or(self.first_due)
    }
}

impl Work for Waiting {
    fn write_body(&self, id: u64, out: &mut Vec<u8>) {
        out.clear();
        let due = self.due(id);
        out.extend_from_slice(format!("{{\"id\": {id}, \"due\": \"{due}\"}}").as_bytes());
    }

    fn check(&self, _id: u64, answer: &Answer<'_>) -> Result<()> {
        expect_status(answer, 202)
    }

    fn sample_every(&self) -> u64 {
        (self.count / SAMPLED).max(1)
    }
}

/// Runs that were started and wait, and the load that started them.
pub struct Parked {
    pub waiting: Arc<Waiting>,
    pub outcome: Outcome,
    /// Runs of the flow, those included that told how long starting takes.
    pub posts: u64,
}

/// Starts `count` runs of a new flow. They become due some time after the last start, at
/// least `lead`, over `spread`.
pub async fn park(
    api: &mut Api,
    flow: &str,
    (count, lead, spread): (u64, Duration, Duration),
    report: &mut Report,
) -> Result<Parked> {
    let target = api.create_flow(flow, &definition::parked()).await?;
    let mut ids = Ids(0);
    // due already: these do all they have to at once, and are gone
    let tried = Waiting {
        count: TRIED,
        first_id: ids.next(),
        first_due: Timestamp::now() - SignedDuration::from_hours(1),
        spread: Duration::ZERO,
    };
    let tried = start(&target, &Arc::new(tried)).await?;
    note_faults(&tried, report, flow);
    api.settled(flow, Duration::from_secs(60)).await?;
    let (mut posts, mut slower) = (tried.good, SLOWER);
    for _ in 0..ATTEMPTS {
        let starting = Duration::from_secs_f64(count as f64 / tried.per_second() * slower);
        let waiting = Arc::new(Waiting {
            count,
            first_id: ids.next(),
            first_due: Timestamp::now() + SignedDuration::try_from(starting + lead)?,
            spread,
        });
        let outcome = start(&target, &waiting).await?;
        note_faults(&outcome, report, flow);
        posts += outcome.good;
        let left = until(waiting.first_due);
        if left >= lead {
            return Ok(Parked { waiting, outcome, posts });
        }
        eprintln!("{flow}: {left:?} until the first is due, {lead:?} are needed: once more");
        slower *= 2.0;
        tokio::time::sleep(until(waiting.last_due())).await;
        api.settled(flow, SETTLE).await?;
    }
    bail!("starting took longer than expected, {ATTEMPTS} times");
}

async fn start(target: &Target, waiting: &Arc<Waiting>) -> Result<Outcome> {
    let stop = Stop::Count(waiting.count);
    let plan = Plan {
        target: target.clone(),
        connections: CONNECTIONS,
        stop,
        first_id: waiting.first_id,
        patience: patience(stop),
    };
    run(&plan, waiting).await
}

/// The time until a moment; nothing when it has passed.
pub fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default()
}

impl Parked {
    /// How late the sampled runs ended, in milliseconds, sorted.
    pub async fn lateness(&self, api: &mut Api) -> Result<Vec<f64>> {
        let mut late = Vec::with_capacity(self.outcome.sample.len());
        for (id, name) in &self.outcome.sample {
            let record = api.run(name).await?;
            let ended = record["endTime"].as_str().with_context(|| format!("{name} has no end"))?;
            let ended: Timestamp = ended.parse()?;
            let after = ended.duration_since(self.waiting.due(*id));
            ensure!(!after.is_negative(), "run {name} went on {after:#} too early");
            late.push(after.as_secs_f64() * 1_000.0);
        }
        late.sort_by(f64::total_cmp);
        Ok(late)
    }

    /// Every post has exactly one run, and it succeeded.
    pub async fn audit(&self, api: &mut Api, flow: &str, report: &mut Report) -> Result<()> {
        let (all, succeeded) = api.count_runs(flow).await?;
        if all != self.posts || succeeded != self.posts {
            report.fault(format!(
                "{flow}: {} posts were accepted, {all} runs are listed, {succeeded} succeeded",
                self.posts
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn due_times_are_spread_evenly() {
        let waiting = Waiting {
            count: 20_000,
            first_id: 100,
            first_due: Timestamp::UNIX_EPOCH,
            spread: Duration::from_secs(20),
        };
        let all: BTreeSet<Timestamp> = (100..20_100).map(|id| waiting.due(id)).collect();
        assert_eq!(all.len(), 20_000);
        assert_eq!(all.first(), Some(&Timestamp::UNIX_EPOCH));
        let last = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(19_999);
        assert_eq!(all.last(), Some(&last));
    }
}
