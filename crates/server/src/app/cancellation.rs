//! Runs that are stopped: one, many that a query finds, and all of a flow.

use super::App;
use super::access::{Act, FlowAt, FlowFound, RunAt};
use super::catalog::FlowEntry;
use super::data::Change;
use super::error::{AppError, ErrorKind};
use super::run::RunView;
use crate::auth::caller::Caller;
use crate::limits::{CANCEL_ROUND, CANCEL_ROUNDS_MAX};
use durable::{Message, MessageKind, ProcessId, Ticks};
use flow::run::Status;
use serde_json::json;
use store::{RunFilter, RunRow};

/// States of runs that are under way.
pub const LIVE: [Status; 2] = [Status::Waiting, Status::Running];

/// Which runs of a flow.
#[derive(Debug)]
pub struct CancelQuery {
    /// One of [`LIVE`]; none: both.
    pub status: Option<Status>,
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    /// Where the request before this one ended.
    pub before: Option<ProcessId>,
    pub runs_max: usize,
    /// They are only told.
    pub is_dry: bool,
}

/// What one request came to.
pub struct CancelDone {
    pub runs: Vec<ProcessId>,
    /// There may be more, beyond this run.
    pub next: Option<ProcessId>,
}

fn is_live(row: &RunRow) -> bool {
    !Status::from_number(row.status).is_some_and(Status::is_final)
}

impl App {
    /// Stops a run. True when it was under way: it ends shortly.
    pub async fn cancel_run(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
    ) -> Result<(RunView, bool), AppError> {
        let view = self.run_for(caller, Act::CANCEL, at).await?;
        if !is_live(&view.row) {
            return Ok((view, false));
        }
        let detail = json!({"run": view.row.id.run_name()});
        let audited = Change::default().audit("CancelRun", &view.flow.row.id, &detail);
        self.apply(caller, audited).await?;
        self.ask_to_cancel(view.row.id).await?;
        Ok((view, true))
    }

    /// Stops runs of a flow, newest first.
    pub async fn cancel_runs(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        query: &CancelQuery,
    ) -> Result<CancelDone, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::CANCEL, at).await?;
        let (found, next) = self.live_runs(&entry, query).await?;
        if query.is_dry || found.is_empty() {
            return Ok(CancelDone { runs: found, next });
        }
        let names: Vec<String> = found.iter().map(ProcessId::run_name).collect();
        let audited = Change::default().audit("CancelRuns", &entry.row.id, &json!({"runs": names}));
        self.apply(caller, audited).await?;
        let mut done = CancelDone { runs: Vec::with_capacity(found.len()), next };
        for run in found {
            match self.ask_to_cancel(run).await {
                Ok(()) => done.runs.push(run),
                // how far it came is told, so that it can go on there
                Err(_) if !done.runs.is_empty() => {
                    done.next = done.runs.last().copied();
                    return Ok(done);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Runs that are under way, and the last of them if there are more.
    async fn live_runs(
        &self,
        entry: &FlowEntry,
        query: &CancelQuery,
    ) -> Result<(Vec<ProcessId>, Option<ProcessId>), AppError> {
        let mut found = Vec::new();
        for status in LIVE.into_iter().filter(|it| query.status.is_none_or(|asked| asked == *it)) {
            let filter = RunFilter {
                workflow: entry.row.key,
                status: Some(status as u8),
                from: query.from,
                to: query.to,
                before: query.before,
                oldest_first: false,
                rows_max: query.runs_max + 1,
            };
            found.extend(self.engine.store.runs(filter).await?.iter().map(|row| row.id));
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        // one that changed its state between the two reads
        found.dedup();
        let is_more = found.len() > query.runs_max;
        found.truncate(query.runs_max);
        let next = found.last().copied().filter(|_| is_more);
        Ok((found, next))
    }

    async fn ask_to_cancel(&self, to: ProcessId) -> Result<(), AppError> {
        let (kind, body) = (MessageKind::Cancel, Vec::new());
        // the row is the command; the delivery is a hint
        self.engine.send(Message { to, from: None, effect: 0, kind, body }).await?;
        for waiting in self.engine.inbox(to).await? {
            self.engine.deliver_row(waiting);
        }
        Ok(())
    }

    /// Cancels every run of a flow and waits until none is under way. Runs that do not
    /// end, because they cannot be read, are an error.
    pub(super) async fn cancel_all(&self, entry: &FlowEntry) -> Result<(), AppError> {
        let mut rounds_without_progress = 0;
        let mut first_before = None;
        loop {
            let mut rows = Vec::new();
            for status in LIVE {
                let filter = RunFilter {
                    workflow: entry.row.key,
                    status: Some(status as u8),
                    rows_max: 256,
                    ..RunFilter::default()
                };
                rows.extend(self.engine.store.runs(filter).await?);
            }
            let Some(first) = rows.first().map(|row| row.id) else { return Ok(()) };
            rounds_without_progress =
                if first_before == Some(first) { rounds_without_progress + 1 } else { 0 };
            if rounds_without_progress > CANCEL_ROUNDS_MAX {
                let message = format!("The run '{first}' of the flow does not end.");
                return Err(AppError::new(ErrorKind::Conflict, "RunDoesNotEnd", message));
            }
            first_before = Some(first);
            for row in &rows {
                self.ask_to_cancel(row.id).await?;
            }
            // others may be busy for ever: only this flow's runs matter
            let settled = tokio::time::timeout(CANCEL_ROUND, self.engine.settle()).await;
            if settled.is_ok() && self.engine.store.is_shared() {
                // other nodes step some of them
                tokio::time::sleep(CANCEL_ROUND).await;
            }
        }
    }
}
