//! What a node that takes partitions takes up again: calls that were under way, messages
//! that wait, held runs. What is due is the timers' matter.

use super::Engine;
use super::load::told;
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

    /// Takes up everything that does not wait for a time, and lets in what has room at the
    /// gates.
    pub(super) async fn recover(self: &Arc<Self>, unsettled: &[ProcessId], gates: Vec<(i64, u32)>) {
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
        self.timers.read_again();
    }

    /// Counts the runs that limits of concurrency are about, before anything new can enter;
    /// gives the flows with the limit of their present version.
    pub(super) async fn restore_gates(
        self: &Arc<Self>,
        within: PartitionSet,
    ) -> Result<Vec<(i64, u32)>, StoreError> {
        // a try before may have ended half-way
        within.iter().for_each(|partition| self.gate_forget(partition));
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
                        let message = error.message.clone();
                        let StoreError::Corrupt(_) = told(error) else {
                            return Err(StoreError::Unavailable(message));
                        };
                        // one that cannot be read does not keep the others down
                        tracing::error!(flow = key, %message, "a flow cannot be loaded");
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
                if is_held || self.counts_at_a_gate(row.id).await? {
                    self.gate_restore(workflow, row.id, is_held);
                }
            }
        }
    }

    /// Only what is counted down at its end is counted: runs of a version with a limit.
    async fn counts_at_a_gate(&self, process: ProcessId) -> Result<bool, StoreError> {
        match self.load_run(process).await {
            Ok(run) => Ok(run.is_some_and(|(run, _)| super::gate::limit(&run).is_some())),
            // one that cannot be read does not keep the others down
            Err(StoreError::Corrupt(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
