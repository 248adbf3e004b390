//! What a start of the server takes up again: calls that were under way, messages that
//! wait, runs that were in the middle of a large step, held runs.

use super::Engine;
use durable::ProcessId;
use flow::run::{CallResult, Input, Status};
use std::sync::Arc;
use store::{RunFilter, StoreError};

const PAGE: usize = 512;

impl Engine {
    /// Takes up everything that does not wait for a time: that is the timers' matter.
    pub async fn recover(self: &Arc<Self>) -> Result<(), StoreError> {
        let gates = self.restore_gates().await?;
        // all of it is known before anything moves: what moves makes new calls
        let mut unsettled: Vec<ProcessId> = Vec::new();
        loop {
            let page = self.store.unsettled(unsettled.last().copied(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            unsettled.extend(page.iter().map(|row| row.id));
        }
        for process in &unsettled {
            // one run that cannot be read does not keep the others down
            if let Err(error) = self.recover_process(*process).await {
                tracing::error!(%process, %error, "a run cannot be taken up");
            }
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

    async fn recover_process(self: &Arc<Self>, process: ProcessId) -> Result<(), StoreError> {
        // the calls first: what the messages cause would look like calls from before
        let Some(run) = self.load_run(process).await? else { return Ok(()) };
        let calls = run.calls_under_way();
        for row in self.store.inbox(process).await? {
            let message = row.message;
            self.deliver_message(process, row.id, message.kind, message.effect, &message.body);
        }
        for effect in calls {
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

    /// Counts the runs that limits of concurrency are about; gives the flows with the
    /// limit of their present version.
    async fn restore_gates(self: &Arc<Self>) -> Result<Vec<(i64, u32)>, StoreError> {
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
                    self.restore_gate(key, Status::Running, false).await?;
                }
                // held by an earlier version, perhaps: nobody else lets them in
                self.restore_gate(key, Status::Waiting, true).await?;
                gates.push((key, limit.unwrap_or(u32::MAX)));
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
                if is_held || self.counts_at_a_gate(row.id).await {
                    self.gate_restore(workflow, row.id, is_held);
                }
            }
        }
    }

    /// Only what is counted down at its end is counted: runs of a version with a limit.
    async fn counts_at_a_gate(&self, process: ProcessId) -> bool {
        match self.load_run(process).await {
            Ok(Some(run)) => super::gate::limit(&run).is_some(),
            _ => false,
        }
    }
}
