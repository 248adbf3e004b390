//! Recurrence triggers: a durable process for each flow that is turned on, whose state
//! is when it fired last.
//!
//! The run of a slot is started under the slot's key before the trigger moves on, so
//! that a crash between the two repeats the start without effect.

use super::Engine;
use super::commit::Refusal;
use crate::app::catalog::FlowEntry;
use crate::app::error::AppError;
use durable::{Batch, ProcessId, ProcessKind, Standing, StartKey, Ticks};
use expr::{Object, Value};
use flow::definition::{Trigger, TriggerBehavior};
use flow::run::state::Caller;
use flow::trigger::recurrence::Recurrence;
use std::sync::Arc;
use store::{Commit, Committed, RunChange, StoreError};

/// What the process of a recurrence knows.
#[derive(Clone, Debug, PartialEq)]
struct TriggerState {
    workflow: i64,
    /// When the flow was turned on.
    since: Ticks,
    last: Option<Ticks>,
}

impl TriggerState {
    fn write(&self) -> Vec<u8> {
        let mut object = Object::with_capacity(3);
        object.push_new("workflow", self.workflow);
        object.push_new("since", self.since);
        object.push_new("last", self.last.map_or(Value::Null, Value::Int));
        let mut bytes = Vec::new();
        expr::codec::put(&object.into(), &mut bytes);
        durable::codec::compress(&bytes)
    }

    fn read(stored: &[u8]) -> Option<TriggerState> {
        let bytes = durable::codec::decompress(stored).ok()?;
        let value = expr::codec::take(&mut bytes.as_slice()).ok()?;
        Some(TriggerState {
            workflow: value.get("workflow")?.as_int()?,
            since: value.get("since")?.as_int()?,
            last: value.get("last").and_then(Value::as_int),
        })
    }
}

/// Whether stored bytes are the state of a recurrence.
#[must_use]
pub fn can_read(stored: &[u8]) -> bool {
    TriggerState::read(stored).is_some()
}

fn recurrence_of(entry: &FlowEntry) -> Option<(&Trigger, &Recurrence)> {
    entry.version.flow.triggers.iter().find_map(|trigger| match &trigger.behavior {
        TriggerBehavior::Recurrence(recurrence) => Some((trigger, &**recurrence)),
        _ => None,
    })
}

/// True when a trigger of the flow fires by time.
#[must_use]
pub fn has_recurrence(entry: &FlowEntry) -> bool {
    recurrence_of(entry).is_some()
}

impl Engine {
    /// Begins the recurrence of a flow that was turned on, as the process it names.
    pub async fn begin_recurrence(&self, entry: &FlowEntry) -> Result<(), AppError> {
        let Some((_, recurrence)) = recurrence_of(entry) else { return Ok(()) };
        let Some(process) = entry.row.trigger_process else { return Ok(()) };
        let since = self.clock.now();
        let state = TriggerState { workflow: entry.row.key, since, last: None };
        let due = recurrence.next_after(since, None);
        match self.commit_trigger(process, 0, &state, due).await {
            Ok(()) => Ok(()),
            // another node that came up at the same time has made it
            Err(Refusal::Stale) => Ok(()),
            Err(Refusal::Fenced(_) | Refusal::NotAsked) => Err(super::not_ready()),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Ends the recurrence of a flow that was turned off or changed. When another node holds
    /// it, that node ends it when it is due: it looks whether the flow names it still.
    pub async fn end_recurrence(&self, process: ProcessId) -> Result<(), AppError> {
        while let Some(epoch) = self.ownership.epoch(process.partition())
            && let Some(history) = self.store.load(process).await?
        {
            let mut batch = Batch::new(process, ProcessKind::Trigger, history.seq);
            batch.events = 1;
            batch.standing = Standing::Final;
            batch.forget_history = true;
            let group = vec![Commit {
                batch,
                run: RunChange::None,
                epoch: Some(epoch),
                workflow: 0,
                asked_by: None,
            }];
            if let Some(Committed::Done { .. }) = self.store.commit(group).await?.pop() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn commit_trigger(
        &self,
        process: ProcessId,
        seq: u64,
        state: &TriggerState,
        due: Option<Ticks>,
    ) -> Result<(), Refusal> {
        let mut batch = Batch::new(process, ProcessKind::Trigger, seq);
        batch.events = 1;
        batch.snapshot = Some(state.write());
        batch.forget_history = true;
        batch.standing = Standing::Live { due };
        let epoch = self.ownership.epoch(process.partition());
        if seq > 0 && epoch.is_none() {
            return Err(Refusal::Fenced(None));
        }
        let workflow = state.workflow;
        let group = vec![Commit { batch, run: RunChange::None, epoch, workflow, asked_by: None }];
        match self.store.commit(group).await.map_err(Refusal::Failed)?.pop() {
            Some(Committed::Done { .. }) => {
                if let Some(due) = due {
                    self.schedule_trigger(due, process, workflow);
                }
                Ok(())
            }
            Some(Committed::Fenced) => Err(Refusal::Fenced(epoch)),
            _ => Err(Refusal::Stale),
        }
    }

    /// The time of a recurrence has come.
    pub(super) async fn fire_recurrence(self: Arc<Self>, process: ProcessId) {
        if let Err(error) = self.try_recurrence(process).await {
            tracing::warn!(%process, message = %error.message, "a recurrence is tried again later");
            let later = self.clock.now() + 10 * crate::clock::SECOND;
            self.schedule_trigger(later, process, 0);
        }
    }

    async fn try_recurrence(self: &Arc<Self>, process: ProcessId) -> Result<(), AppError> {
        if !self.ownership.owns(process) {
            return Ok(());
        }
        let Some(history) = self.store.load(process).await? else { return Ok(()) };
        let now = self.clock.now();
        let Some(due) = history.due.filter(|due| *due <= now) else { return Ok(()) };
        let state = history.snapshot.as_ref().and_then(|(_, stored)| TriggerState::read(stored));
        let state = state.ok_or_else(|| {
            AppError::internal(StoreError::Corrupt("the state of a trigger cannot be read".into()))
        })?;
        let entry = self.catalog.by_key(state.workflow).await?;
        let entry = entry.filter(|entry| entry.row.trigger_process == Some(process));
        let found = entry.as_ref().and_then(|entry| Some((entry, recurrence_of(entry)?)));
        let Some((entry, (trigger, recurrence))) = found else {
            // the flow went on without it: turned off, changed or deleted
            return self.end_recurrence(process).await;
        };
        let start_key = StartKey {
            source: state.workflow.to_le_bytes().to_vec(),
            key: [b"slot".as_slice(), &due.to_le_bytes()].concat(),
        };
        let fire = crate::app::trigger::Firing {
            entry,
            trigger,
            outputs: Value::Null,
            raw_body: None,
            tracking: None,
            scheduled: Some(due),
            caller: Caller::Nobody,
            start_key: Some(start_key),
        };
        match crate::app::trigger::fire(self, fire).await {
            Ok(_) => {}
            // its conditions failed, or too many runs wait: this slot is over
            Err(error) if is_of_the_flow(&error) => {
                tracing::info!(flow = %entry.row.name, message = %error.message, "a recurrence started nothing");
            }
            Err(error) => return Err(error),
        }
        // slots that passed while the server was down are not caught up one by one
        let mut next = recurrence.next_after(state.since, Some(due));
        let now = self.clock.now();
        while let Some(slot) = next.filter(|slot| *slot <= now) {
            next = recurrence.next_after(state.since, Some(slot));
        }
        let state = TriggerState { last: Some(due), ..state };
        match self.commit_trigger(process, history.seq, &state, next).await {
            Ok(()) | Err(Refusal::Stale | Refusal::Fenced(_) | Refusal::NotAsked) => Ok(()),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }
}

fn is_of_the_flow(error: &AppError) -> bool {
    use crate::app::ErrorKind;
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict)
        || error.code == "WorkflowRunsWaitingLimitExceeded"
}
