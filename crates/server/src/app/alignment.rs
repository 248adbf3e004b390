//! What acts by itself in a flow is there when the flow is on, and is not when it is off.

use super::App;
use super::catalog::{FlowEntry, FlowState};
use super::error::{AppError, ErrorKind};
use crate::worker::trigger_state::acts_by_itself;
use durable::ProcessId;
use std::sync::Arc;
use std::time::Duration;
use store::WorkflowRow;

/// How long a start of the server waits before it tries again to turn on what acts by itself
/// in a flow; twice as long each time.
const ALIGN_PAUSE: Duration = Duration::from_millis(50);
const ALIGN_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Flows that one read of all of them brings.
const FLOWS_PER_READ: usize = 256;

impl App {
    /// Turns what acts by itself in the flow on or off as its state says.
    pub(super) async fn align_trigger(
        &self,
        entry: Arc<FlowEntry>,
    ) -> Result<Arc<FlowEntry>, AppError> {
        let process = entry.row.trigger_process;
        match (entry.state, process) {
            (FlowState::Started, _) if acts_by_itself(&entry) => {
                if let Some(process) = process
                    && self.engine.store.load(process).await?.is_some()
                {
                    return Ok(entry);
                }
                // the flow names its process before that can fire; when the server ends
                // in between, the next start makes it
                let mut row = entry.row.clone();
                row.trigger_process = Some(self.engine.new_id()?);
                self.engine.store.update_workflow(row, None).await?;
                let entry = self.reload(&entry).await?;
                self.engine.begin_trigger(&entry).await?;
                Ok(entry)
            }
            (FlowState::Stopped | FlowState::Deleted | FlowState::Suspended, Some(_)) => {
                self.stop_trigger(entry).await
            }
            _ => Ok(entry),
        }
    }

    /// Begins what acts by itself in a flow, and ends what acted before, which the flow's row
    /// names no more.
    pub(super) async fn begin_anew(
        &self,
        entry: Arc<FlowEntry>,
        ending: Option<ProcessId>,
    ) -> Result<Arc<FlowEntry>, AppError> {
        let entry = self.align_trigger(entry).await?;
        if let Some(process) = ending {
            self.engine.end_trigger(process).await?;
        }
        Ok(entry)
    }

    /// At a start of the server: makes what an earlier end left unmade, and what an earlier
    /// version did not have.
    pub async fn align_triggers(&self) -> Result<(), AppError> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.engine.store.workflows(None, after.as_deref(), FLOWS_PER_READ).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.name.clone());
            for row in rows {
                let id = row.id.clone();
                self.adopt_environment(&row.environment).await?;
                match self.align_row(row).await {
                    Ok(()) => {}
                    // the start does not wait for it
                    Err(error) if passes(&error) => {
                        tokio::spawn(self.clone().align_later(id));
                    }
                    Err(error) => not_on(&id, &error),
                }
            }
        }
    }

    async fn align_row(&self, row: WorkflowRow) -> Result<(), AppError> {
        let entry = self.engine.catalog.entry(row).await?;
        self.align_trigger(entry).await.map(drop)
    }

    /// What passes is tried again: nobody else does so while the server lives.
    async fn align_later(self, id: String) {
        let mut pause = ALIGN_PAUSE;
        while !self.engine.is_closing() {
            tokio::time::sleep(pause).await;
            let aligned = match self.engine.catalog.refresh(&id).await {
                Ok(Some(entry)) => self.align_trigger(entry).await.map(drop),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            match aligned {
                Ok(()) => return,
                Err(error) if passes(&error) => pause = (pause * 2).min(ALIGN_PAUSE_MAX),
                Err(error) => return not_on(&id, &error),
            }
        }
    }

    pub(super) async fn stop_trigger(
        &self,
        entry: Arc<FlowEntry>,
    ) -> Result<Arc<FlowEntry>, AppError> {
        let Some(process) = entry.row.trigger_process else { return Ok(entry) };
        let mut row = entry.row.clone();
        row.trigger_process = None;
        self.engine.store.update_workflow(row, None).await?;
        self.engine.end_trigger(process).await?;
        self.reload(&entry).await
    }
}

/// Whether a fault may be gone the next time.
fn passes(error: &AppError) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Conflict)
}

fn not_on(flow: &str, error: &AppError) {
    tracing::error!(%flow, message = %error.message, "a trigger is not on");
}
