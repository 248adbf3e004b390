//! The server's clock and source of ids: the one place where time and randomness enter.

use durable::{Partition, ProcessId, Ticks};
use flow::run::Moment;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Ticks from 0001-01-01 to 1970-01-01.
pub const UNIX_EPOCH_TICKS: Ticks = 621_355_968_000_000_000;

/// Ticks in a second.
pub const SECOND: Ticks = 10_000_000;

/// The Unix second of a moment.
#[must_use]
pub fn unix_seconds(ticks: Ticks) -> i64 {
    (ticks - UNIX_EPOCH_TICKS).div_euclid(SECOND)
}

/// The moment in which a Unix second begins.
#[must_use]
pub fn from_unix_seconds(seconds: i64) -> Ticks {
    UNIX_EPOCH_TICKS.saturating_add(seconds.saturating_mul(SECOND))
}

/// Where the time comes from.
enum Source {
    System,
    /// A simulation's own.
    Given(Arc<dyn Fn() -> Ticks + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::System => "System",
            Source::Given(_) => "Given",
        })
    }
}

/// Hands out moments and ids. Ids are strictly later than all before them.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    last: AtomicI64,
    random: AtomicU64,
}

impl Clock {
    pub fn new() -> Result<Clock, getrandom::Error> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed)?;
        Ok(Clock::of(Source::System, u64::from_le_bytes(seed)))
    }

    /// A clock for simulations: its time and its random numbers are given.
    #[must_use]
    pub fn given(now: Arc<dyn Fn() -> Ticks + Send + Sync>, seed: u64) -> Clock {
        Clock::of(Source::Given(now), seed)
    }

    fn of(source: Source, seed: u64) -> Clock {
        Clock { source, last: AtomicI64::new(0), random: AtomicU64::new(seed) }
    }

    #[must_use]
    pub fn now(&self) -> Ticks {
        if let Source::Given(now) = &self.source {
            return now();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH_TICKS + Ticks::try_from(since.as_nanos() / 100).unwrap_or(Ticks::MAX / 2)
    }

    /// The present with fresh randomness for a step.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { now: self.now(), seed: self.seed() }
    }

    fn seed(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An id for a process of a partition that begins now.
    #[must_use]
    pub fn process_id(&self, partition: Partition) -> ProcessId {
        let now = self.now();
        let next = |last: i64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let ticks = now.max(last.unwrap_or(now) + 1);
        ProcessId::new(ticks, partition, (self.seed() >> 32) as u32)
    }
}

/// Random bytes for keys and tokens, from the system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A GUID of version 4.
pub fn guid() -> Result<String, getrandom::Error> {
    let [high, low] = [random_bytes::<8>()?, random_bytes::<8>()?].map(u64::from_be_bytes);
    Ok(format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        ((low >> 48) & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strictly_later() {
        let clock = Clock::new().unwrap();
        let ids: Vec<ProcessId> = (0..1000).map(|_| clock.process_id(Partition(3))).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1] && pair[0].start() < pair[1].start()));
    }
}
