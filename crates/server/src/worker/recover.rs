//! What a start of the server takes up again: calls that were under way, messages that
//! wait, runs that were in the middle of a large step, held runs.

use super::Engine;
use durable::{ProcessId, ProcessKind};
use flow::run::{CallResult, Input, Status};
use std::sync::Arc;
use store::{RunFilter, StoreError};

const PAGE: usize = 512;

impl Engine {
    /// Takes up everything that does not wait for a time: that is the timers' matter.
    pub async fn recover(self: &Arc<Self>) -> Result<(), StoreError> {
        self.restore_gates().await?;
        let mut after: Option<ProcessId> = None;
        let mut count = 0usize;
        loop {
            let page = self.store.unsettled(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for row in &page {
                if row.kind == ProcessKind::Run {
                    count += 1;
                    self.recover_process(row.id).await?;
                }
            }
        }
        if count > 0 {
            tracing::info!(runs = count, "runs with calls or messages under way were taken up");
        }
        Ok(())
    }

    async fn recover_process(self: &Arc<Self>, process: ProcessId) -> Result<(), StoreError> {
        for row in self.store.inbox(process).await? {
            let message = row.message;
            self.deliver_message(process, row.id, message.kind, message.effect, &message.body);
        }
        let Some(run) = self.load_run(process).await? else { return Ok(()) };
        for effect in run.calls_under_way() {
            if effect.repeatable {
                self.dispatch(process, effect);
            } else {
                let (effect, attempt) = (effect.id, effect.attempt);
                let result = CallResult::Unknown;
                self.deliver(process, Input::Result { effect, attempt, result });
            }
        }
        Ok(())
    }

    /// Counts the runs of flows whose trigger limits concurrency.
    async fn restore_gates(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.store.workflows(None, after.as_deref(), PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
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
                if let Some(limit) = limits.max_by_key(|limit| limit.runs) {
                    self.restore_gate(key, Status::Running, false).await?;
                    self.restore_gate(key, Status::Waiting, true).await?;
                    self.gate_open(key, limit);
                }
            }
        }
    }

    async fn restore_gate(
        self: &Arc<Self>,
        workflow: i64,
        status: Status,
        is_held: bool,
    ) -> Result<(), StoreError> {
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
            for row in &rows {
                self.gate_restore(workflow, row.id, is_held);
            }
        }
    }
}
