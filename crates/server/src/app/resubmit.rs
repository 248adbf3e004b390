//! Runs that are started again with what their trigger received: one, and many of a flow.

use super::App;
use super::access::{Act, FlowAt, FlowFound, RunAt};
use super::catalog::{FlowEntry, FlowState};
use super::data::Change;
use super::error::{AppError, ErrorKind};
use super::resume::{VersionWanted, can_resume, check_secured};
use super::run::RunView;
use crate::auth::caller::Caller;
use crate::limits::{BULK_ROWS_MAX, BULK_ROWS_PER_READ};
use crate::worker::Start;
use durable::{ProcessId, Ticks};
use flow::run::Status;
use flow::run::mask::Masks;
use flow::run::state::Caller as RunCaller;
use serde_json::json;
use std::sync::Arc;
use store::{RunFilter, RunRow};

/// Which runs of a flow, and what becomes of them.
#[derive(Debug)]
pub struct BulkQuery {
    pub status: Status,
    pub code: Option<String>,
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    /// Where the request before this one ended.
    pub before: Option<ProcessId>,
    pub runs_max: usize,
    pub mode: BulkMode,
}

/// What becomes of the runs that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkMode {
    /// Nothing: they are only told.
    Dry(Again),
    Do(Again),
}

/// How a run is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    Resubmit,
    Resume(VersionWanted),
}

/// A run that was found, and what came of it.
pub struct BulkRun {
    pub id: ProcessId,
    pub outcome: Option<Result<ProcessId, AppError>>,
}

/// What one request came to.
pub struct BulkDone {
    pub entry: Arc<FlowEntry>,
    pub runs: Vec<BulkRun>,
    /// There may be more, beyond this run.
    pub next: Option<ProcessId>,
}

/// A flow that is suspended or deleted starts nothing, not again either.
pub(super) fn check_starts(view: &RunView) -> Result<(), AppError> {
    let flow = &view.flow;
    if !matches!(flow.state, FlowState::Suspended | FlowState::Deleted) {
        return Ok(());
    }
    let state = flow.state.name().to_lowercase();
    let message = format!("The flow '{}' is {state}: it starts nothing.", flow.row.name);
    Err(AppError::new(ErrorKind::Conflict, "WorkflowTriggerIsNotEnabled", message))
}

impl App {
    /// Starts a new run with what the trigger of this one had.
    pub async fn resubmit_run(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
    ) -> Result<(RunView, ProcessId, Status), AppError> {
        let view = self.run_for(caller, Act::RESUBMIT, at).await?;
        let (id, status) = self.resubmit(&view, Some(caller)).await?;
        Ok((view, id, status))
    }

    /// The audit says so unless it has been said of many at once.
    async fn resubmit(
        &self,
        view: &RunView,
        told_of: Option<&Caller>,
    ) -> Result<(ProcessId, Status), AppError> {
        self.engine.check_room()?;
        check_starts(view)?;
        let pinned = self.version_of(view).await?;
        let reader = self.read_history(view, &pinned, |_| {}).await?;
        let trigger_run = reader
            .trigger
            .clone()
            .ok_or_else(|| AppError::internal(format!("run {} has no beginning", view.row.id)))?;
        let invoker = reader.invoker.clone();
        drop(reader);
        let entry = Arc::clone(&view.flow);
        check_secured(&pinned, &entry.version)?;
        let trigger = entry.version.flow.find_trigger(&trigger_run.name).ok_or_else(|| {
            let message = format!("The flow has no trigger '{}' any more.", trigger_run.name);
            AppError::new(ErrorKind::Conflict, "TriggerNotFound", message)
        })?;
        let parameters = self.engine.parameters_of(&entry.version).await?;
        let id = self.engine.run_id(entry.row.key, trigger)?;
        if let Some(caller) = told_of {
            let detail = json!({"run": view.row.id.run_name(), "newRun": id.run_name()});
            let audited = Change::default().audit("ResubmitRun", &entry.row.id, &detail);
            self.apply(caller, audited).await?;
        }
        let start = Start {
            version: &entry.version,
            parameters,
            trigger,
            id,
            outputs: trigger_run.outputs,
            raw_body: None,
            scheduled: None,
            client_tracking_id: None,
            origin: Some(view.row.id),
            caller: RunCaller::Nobody,
            start_key: None,
            invoker,
        };
        let started = self.engine.start(start).await?;
        Ok((started.id, started.status))
    }

    /// Resubmits or resumes runs of a flow, newest first. One that cannot be is told and
    /// does not stop the others; a server that has no room for more does.
    pub async fn resubmit_runs(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        query: BulkQuery,
    ) -> Result<BulkDone, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::RESUBMIT, at).await?;
        let (rows, next) = self.select_runs(&entry, &query).await?;
        let mut done = BulkDone { entry, runs: Vec::with_capacity(rows.len()), next };
        let BulkMode::Do(again) = query.mode else {
            done.runs.extend(rows.iter().map(|row| BulkRun { id: row.id, outcome: None }));
            return Ok(done);
        };
        if rows.is_empty() {
            return Ok(done);
        }
        self.engine.check_room()?;
        let names: Vec<String> = rows.iter().map(|row| row.id.run_name()).collect();
        let detail = json!({"resume": again != Again::Resubmit, "runs": names});
        let audited = Change::default().audit("ResubmitRuns", &done.entry.row.id, &detail);
        self.apply(caller, audited).await?;
        let mut last = query.before;
        for row in rows {
            // nothing of it is shown
            let known = Masks::default();
            let view = RunView { row, flow: Arc::clone(&done.entry), known };
            let id = view.row.id;
            let outcome = match again {
                Again::Resubmit => self.resubmit(&view, None).await.map(|(id, _)| id),
                Again::Resume(version) => {
                    self.resume(caller, &view, version).await.map(|(id, _)| id)
                }
            };
            match outcome {
                Err(error) if is_no_room(&error) => {
                    if done.runs.is_empty() {
                        return Err(error);
                    }
                    done.next = last;
                    return Ok(done);
                }
                outcome => done.runs.push(BulkRun { id, outcome: Some(outcome) }),
            }
            last = Some(id);
        }
        Ok(done)
    }

    /// Runs that a query is about, and the last that was looked at if there may be more.
    async fn select_runs(
        &self,
        entry: &FlowEntry,
        query: &BulkQuery,
    ) -> Result<(Vec<RunRow>, Option<ProcessId>), AppError> {
        let (mut found, mut looked_at, mut before) = (Vec::new(), 0, query.before);
        loop {
            let filter = RunFilter {
                workflow: entry.row.key,
                status: Some(query.status as u8),
                from: query.from,
                to: query.to,
                before,
                oldest_first: false,
                rows_max: BULK_ROWS_PER_READ,
            };
            let rows = self.engine.store.runs(filter).await?;
            let is_last = rows.len() < BULK_ROWS_PER_READ;
            for row in rows {
                (looked_at, before) = (looked_at + 1, Some(row.id));
                if query.wants(&row) {
                    found.push(row);
                }
                if found.len() >= query.runs_max {
                    return Ok((found, before));
                }
            }
            if is_last {
                return Ok((found, None));
            }
            if looked_at >= BULK_ROWS_MAX {
                return Ok((found, before));
            }
        }
    }
}

impl BulkQuery {
    fn wants(&self, row: &RunRow) -> bool {
        let is_code = match &self.code {
            Some(code) => row.code.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(code)),
            None => true,
        };
        let status = Status::from_number(row.status).unwrap_or(Status::Failed);
        let is_ready = match self.mode {
            BulkMode::Dry(Again::Resume(_)) | BulkMode::Do(Again::Resume(_)) => can_resume(status),
            BulkMode::Dry(Again::Resubmit) | BulkMode::Do(Again::Resubmit) => status.is_final(),
        };
        is_code && is_ready
    }
}

/// Whether the next one would be refused for the same reason.
fn is_no_room(error: &AppError) -> bool {
    match error.kind {
        ErrorKind::Throttled { .. } | ErrorKind::Unavailable | ErrorKind::Full => true,
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::BadMethod
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Gone
        | ErrorKind::TooLarge
        | ErrorKind::Internal => false,
    }
}
