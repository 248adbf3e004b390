//! This node among others: it says that it lives, takes its share of the partitions, and
//! gives what others should have.

use super::Engine;
use crate::limits::{BEAT_EVERY, LEASE_LASTS, LEASE_MARGIN};
use durable::{Cluster, Epoch, Lease, Partition, PartitionSet, ownership};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Hint, StoreError};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// What a node that has the store for itself says: nobody will take from it.
const FOR_GOOD: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Engine {
    /// Takes this node's first share, and takes up what lies in it.
    pub async fn join(self: &Arc<Self>) -> Result<(), StoreError> {
        self.beat().await
    }

    /// Beats until the server goes down.
    pub async fn run_cluster(self: Arc<Self>) {
        if !self.store.is_shared() {
            return;
        }
        while !self.closing.load(Ordering::Relaxed) {
            tokio::time::sleep(BEAT_EVERY).await;
            if let Err(error) = self.beat().await {
                tracing::warn!(%error, "this node cannot say that it lives");
            }
            if let Err(error) = self.notice_resumption().await {
                tracing::warn!(%error, "this node stays paused");
            }
            if self.ownership.has_lapsed() {
                self.lose_all();
            }
        }
    }

    /// Gives everything back: others go on at once.
    pub async fn leave(&self) {
        self.lose_all();
        if let Err(error) = self.store.leave(self.node).await {
            tracing::warn!(%error, "this node's partitions become free only after a while");
        }
    }

    async fn beat(self: &Arc<Self>) -> Result<(), StoreError> {
        let lasts = if self.store.is_shared() { LEASE_LASTS } else { FOR_GOOD };
        let began = Instant::now();
        let cluster = self.store.beat(self.node, lasts).await?;
        if self.ownership.has_lapsed() {
            // for a while others might have taken anything: it is all taken anew
            self.lose_all();
        }
        let certain = lasts.saturating_sub(LEASE_MARGIN);
        self.ownership.extend(began, certain);
        self.living.lock().clone_from(&cluster.nodes);
        self.refresh_keys(certain).await?;
        self.notice_losses(&cluster);
        let plan = ownership::plan(self.node, &cluster);
        let take = union(plan.take, self.not_held(&cluster));
        if !take.is_empty() {
            let leases = self.store.take(self.node, take).await?;
            self.take_up(leases).await?;
        }
        self.give_idle(plan.give).await
    }

    /// What the store says is held by others is not ours.
    fn notice_losses(self: &Arc<Self>, cluster: &Cluster) {
        for lease in &cluster.leases {
            let epoch = self.ownership.epoch(lease.partition);
            let is_ours = lease.holder == Some(self.node) && epoch == Some(lease.epoch);
            if epoch.is_some() && !is_ours {
                tracing::warn!(partition = lease.partition.0, "a partition was taken");
                self.lose(lease.partition);
            }
        }
    }

    /// What the store says is ours, from before, and nobody steps.
    fn not_held(&self, cluster: &Cluster) -> PartitionSet {
        let ours = cluster.leases.iter().filter(|lease| lease.holder == Some(self.node));
        ours.map(|lease| lease.partition)
            .filter(|partition| self.ownership.epoch(*partition).is_none())
            .collect()
    }

    /// Begins to step what lies in partitions that were taken.
    async fn take_up(self: &Arc<Self>, leases: Vec<Lease>) -> Result<(), StoreError> {
        let taken: PartitionSet = leases.iter().map(|lease| lease.partition).collect();
        // what is under way is known before anything new can begin
        let unsettled = self.unsettled(taken).await?;
        let gates = self.restore_gates(taken).await?;
        self.ownership.gain(&leases);
        if self.store.is_shared() {
            tracing::info!(partitions = taken.len(), runs = unsettled.len(), "partitions taken");
        }
        if self.is_paused() {
            return Ok(());
        }
        self.recover(&unsettled, gates).await;
        Ok(())
    }

    /// Takes up all that is held: it was looked at before.
    pub async fn take_up_all(self: &Arc<Self>) -> Result<(), StoreError> {
        let held = self.ownership.held();
        let unsettled = self.unsettled(held).await?;
        let gates = self.restore_gates(held).await?;
        self.recover(&unsettled, gates).await;
        Ok(())
    }

    /// Gives those of the partitions in which nothing goes on now; the others later. New
    /// processes lie in neither.
    async fn give_idle(self: &Arc<Self>, partitions: PartitionSet) -> Result<(), StoreError> {
        self.ownership.open_up(partitions);
        if partitions.is_empty() {
            return Ok(());
        }
        let busy = self.busy_partitions();
        let idle: PartitionSet =
            partitions.iter().filter(|partition| !busy.contains(*partition)).collect();
        for partition in idle.iter() {
            self.lose(partition);
        }
        self.store.give(self.node, idle).await
    }

    /// A partition is somebody else's: nothing of it stays in memory.
    pub(super) fn lose(self: &Arc<Self>, partition: Partition) {
        self.ownership.lose(partition);
        self.drop_partition(partition);
        self.gate_forget(partition);
    }

    /// The same, if it was not taken anew since that epoch.
    pub(super) fn lose_epoch(self: &Arc<Self>, partition: Partition, epoch: Option<Epoch>) {
        if self.ownership.epoch(partition) == epoch {
            self.lose(partition);
        }
    }

    fn lose_all(&self) {
        for partition in self.ownership.held().iter() {
            self.ownership.lose(partition);
            self.drop_partition(partition);
            self.gate_forget(partition);
        }
    }

    /// Hears what other nodes say, until the server goes down.
    pub async fn run_hints(self: Arc<Self>) {
        let mut hints = self.store.hints();
        loop {
            match hints.recv().await {
                Ok(hint) => self.take_hint(hint).await,
                // what was missed is found by looking
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn take_hint(self: &Arc<Self>, hint: Hint) {
        match hint {
            Hint::Inbox(process) if self.ownership.owns(process) => {
                match self.inbox(process).await {
                    Ok(rows) => rows.into_iter().for_each(|row| self.deliver_row(row)),
                    Err(error) => tracing::debug!(%error, "a hint was not followed"),
                }
            }
            Hint::Inbox(_) => {}
            Hint::Answered(process) => self.watchers.publish(process),
            Hint::Flow(id) => self.catalog.forget(&id),
        }
    }

    /// Looks for messages whose hint was lost, until the server goes down. What is still
    /// there at the second look is delivered: others are on their way.
    pub async fn run_inbox(self: Arc<Self>) {
        if !self.store.is_shared() {
            return;
        }
        let mut seen = Vec::new();
        while !self.closing.load(Ordering::Relaxed) {
            tokio::time::sleep(BEAT_EVERY / 2).await;
            if self.is_paused() {
                continue;
            }
            let held = self.ownership.held();
            let Ok(rows) = self.waiting(held, None, crate::limits::INBOX_ROWS_MAX).await else {
                continue;
            };
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            for row in rows.into_iter().filter(|row| seen.contains(&row.id)) {
                self.deliver_row(row);
            }
            seen = ids;
        }
    }
}

fn union(one: PartitionSet, other: PartitionSet) -> PartitionSet {
    one.iter().chain(other.iter()).collect()
}
