//! What a node that takes partitions takes up again: calls that were under way, messages
//! that wait, held runs. What is due is the timers' matter.

use super::Engine;
use crate::limits::TAKING_UP_MAX;
use durable::{PartitionSet, ProcessId};
use flow::run::Status;
use std::sync::Arc;
use std::time::Duration;
use store::{RunFilter, StoreError};

const PAGE: usize = 512;

impl Engine {
    /// Processes with calls or messages under way.
    pub(super) async fn unsettled(
        &self,
        within: PartitionSet,
    ) -> Result<Vec<ProcessId>, StoreError> {
        let mut unsettled: Vec<ProcessId> = Vec::new();
        loop {
            let page = self.store.unsettled(within, unsettled.last().copied(), PAGE).await?;
            if page.is_empty() {
                return Ok(unsettled);
            }
            unsettled.extend(page.iter().map(|row| row.id));
        }
    }

    /// Takes up everything in some partitions that does not wait for a time.
    pub(super) async fn recover(
        self: &Arc<Self>,
        within: PartitionSet,
        unsettled: &[ProcessId],
    ) -> Result<(), StoreError> {
        let gates = self.restore_gates(within).await?;
        for process in unsettled {
            while self.load().1 >= TAKING_UP_MAX {
                // those that are being taken up go first
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.take_up_process(*process);
        }
        for (workflow, runs) in gates {
            self.gate_open(workflow, runs);
        }
        if !unsettled.is_empty() {
            let runs = unsettled.len();
            tracing::info!(runs, "runs with calls or messages under way were taken up");
        }
        Ok(())
    }

    /// Counts the runs that limits of concurrency are about; gives the flows with the
    /// limit of their present version.
    async fn restore_gates(
        self: &Arc<Self>,
        within: PartitionSet,
    ) -> Result<Vec<(i64, u32)>, StoreError> {
        let mut gates = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let rows = self.store.workflows(None, after.as_deref(), PAGE).await?;
            let Some(last) = rows.last() else { return Ok(gates) };
            after = Some(last.name.clone());
            for row in rows {
                let key = row.key;
                let entry = match self.catalog.entry(row).await {
                    Ok(entry) => entry,
                    Err(error) => {
                        tracing::error!(flow = key, message = %error.message, "a flow cannot be loaded");
                        continue;
                    }
                };
                let limits = entry.version.flow.triggers.iter().filter_map(|it| it.concurrency);
                let limit = limits.map(|limit| limit.runs).max();
                if limit.is_some() {
                    self.restore_gate(key, Status::Running, &within).await?;
                }
                // held by an earlier version, perhaps: nobody else lets them in
                self.restore_gate(key, Status::Waiting, &within).await?;
                gates.push((key, limit.unwrap_or(u32::MAX)));
            }
        }
    }

    async fn restore_gate(
        self: &Arc<Self>,
        workflow: i64,
        status: Status,
        within: &PartitionSet,
    ) -> Result<(), StoreError> {
        let is_held = status == Status::Waiting;
        let mut before = None;
        loop {
            let filter = RunFilter {
                workflow,
                status: Some(status as u8),
                before,
                rows_max: PAGE,
                ..RunFilter::default()
            };
            let rows = self.store.runs(filter).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            before = Some(last.id);
            for row in rows.iter().filter(|row| within.contains(row.id.partition())) {
                if is_held || self.counts_at_a_gate(row.id).await {
                    self.gate_restore(workflow, row.id, is_held);
                }
            }
        }
    }

    /// Only what is counted down at its end is counted: runs of a version with a limit.
    async fn counts_at_a_gate(&self, process: ProcessId) -> bool {
        match self.load_run(process).await {
            Ok(Some((run, _))) => super::gate::limit(&run).is_some(),
            _ => false,
        }
    }
}
