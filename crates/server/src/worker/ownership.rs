//! Which partitions this node holds, and until when that is certain.
//!
//! Invariant: nothing is stepped or let out for a process whose partition is not held.

use durable::limits::PARTITIONS;
use durable::{Epoch, Lease, Partition, PartitionSet, ProcessId};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// What this node holds.
pub struct Ownership {
    /// The epoch of each partition that is held; 0: not held.
    epochs: Vec<AtomicU64>,
    /// Partitions that new processes may lie in: those held, without those to be given.
    open: RwLock<Vec<Partition>>,
    began: Instant,
    /// Milliseconds since `began` until which no other node can have taken anything.
    certain_until: AtomicU64,
}

impl Default for Ownership {
    fn default() -> Self {
        Ownership {
            epochs: (0..PARTITIONS).map(|_| AtomicU64::new(0)).collect(),
            open: RwLock::default(),
            began: Instant::now(),
            certain_until: AtomicU64::new(0),
        }
    }
}

impl Ownership {
    /// What is held is certain for so long after a moment.
    pub fn extend(&self, from: Instant, lasts: Duration) {
        let until = (from + lasts).saturating_duration_since(self.began);
        self.certain_until.store(millis(until), Ordering::Release);
    }

    /// True when another node may have taken what is held.
    #[must_use]
    pub fn has_lapsed(&self) -> bool {
        millis(self.began.elapsed()) >= self.certain_until.load(Ordering::Acquire)
    }

    /// The epoch under which a partition is held now.
    #[must_use]
    pub fn epoch(&self, partition: Partition) -> Option<Epoch> {
        let epoch = self.epochs.get(usize::from(partition.0))?.load(Ordering::Acquire);
        (epoch > 0 && !self.has_lapsed()).then_some(epoch)
    }

    #[must_use]
    pub fn owns(&self, process: ProcessId) -> bool {
        self.epoch(process.partition()).is_some()
    }

    /// Everything that is held, certain or not.
    #[must_use]
    pub fn held(&self) -> PartitionSet {
        let is_held = |partition: &Partition| {
            self.epochs[usize::from(partition.0)].load(Ordering::Acquire) > 0
        };
        (0..PARTITIONS).map(Partition).filter(is_held).collect()
    }

    pub fn gain(&self, leases: &[Lease]) {
        for lease in leases {
            self.set(lease.partition, lease.epoch);
        }
        self.open_up(PartitionSet::NONE);
    }

    pub fn lose(&self, partition: Partition) {
        self.set(partition, 0);
        self.open.write().retain(|open| *open != partition);
    }

    fn set(&self, partition: Partition, epoch: Epoch) {
        if let Some(held) = self.epochs.get(usize::from(partition.0)) {
            held.store(epoch, Ordering::Release);
        }
    }

    /// New processes may lie in every partition that is held, without these.
    pub fn open_up(&self, without: PartitionSet) {
        let held = self.held();
        let open = held.iter().filter(|partition| !without.contains(*partition));
        *self.open.write() = open.collect();
    }

    /// A partition for a process that begins now. Consecutive ones share one for a while,
    /// so that rows of one time lie together. `None` when nothing is held.
    #[must_use]
    pub fn pick(&self, second: i64) -> Option<Partition> {
        if self.has_lapsed() {
            return None;
        }
        let open = self.open.read();
        let at = usize::try_from(second).unwrap_or_default() % open.len().max(1);
        open.get(at).copied()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
