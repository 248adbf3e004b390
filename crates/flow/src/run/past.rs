//! What a run that has ended did: read from its history, for a run that goes on from it.

use super::event::{Detail, Event, EventReader, Finished, Payloads, ReadError, SkipReason};
use super::scope::status_of_block;
use super::state::{Path, TriggerRun};
use super::status::Status;
use crate::definition::{ActionId, Behavior, BlockId, Flow};
use durable::{ProcessId, Ticks};
use expr::{Str, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A run that has ended.
#[derive(Debug)]
pub struct Past {
    pub id: ProcessId,
    pub(super) flow: Arc<Flow>,
    /// Its client tracking id is empty when that was its own name.
    pub trigger: Option<TriggerRun>,
    /// Who invoked it; null when nobody did.
    pub invoker: Value,
    done: HashMap<(ActionId, Path), Done>,
    loops: HashMap<(ActionId, Path), Loop>,
    names: HashMap<String, ActionId>,
    /// The variables as it had them from a run before it.
    pub(super) variables: Option<Vec<Option<Value>>>,
    is_resuming: bool,
    order: u64,
}

/// One execution of an action.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How far it came in time, compared with others.
    pub order: u64,
    pub started: Ticks,
    pub begun: Option<(Value, Detail)>,
    pub end: Option<Finished>,
    pub skip: Option<SkipReason>,
    /// It was carried over itself: what it did to variables is in [`Past::variables`].
    pub is_carried: bool,
}

/// What became of the iterations of a loop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loop {
    pub count: u32,
    /// The one that came to an end last.
    pub last: u32,
}

impl Done {
    pub fn status(&self) -> Status {
        match (&self.end, &self.skip) {
            (Some(end), _) => end.status,
            (None, Some(_)) => Status::Skipped,
            (None, None) => Status::NotStarted,
        }
    }

    /// Whether it came to this end by itself.
    fn is_over(&self) -> bool {
        match self.status() {
            Status::Skipped => self.skip != Some(SkipReason::Terminated),
            status => status.is_final() && !matches!(status, Status::Cancelled | Status::Aborted),
        }
    }
}

impl Past {
    #[must_use]
    pub fn new(flow: Arc<Flow>, id: ProcessId) -> Past {
        Past {
            id,
            trigger: None,
            invoker: Value::Null,
            done: HashMap::new(),
            loops: HashMap::new(),
            names: names_of(&flow),
            variables: None,
            is_resuming: false,
            order: 0,
            flow,
        }
    }

    /// Whether what it did may hold secrets.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        self.flow.holds_secrets
    }

    /// Reads the next chunk of its history, decompressed.
    pub fn read(&mut self, chunk: &[u8], payloads: &Payloads) -> Result<(), ReadError> {
        let mut reader = EventReader::new(chunk, payloads)?;
        let now = reader.now;
        while let Some(event) = reader.next_event()? {
            self.order += 1;
            self.take(event, now)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event, now: Ticks) -> Result<(), ReadError> {
        match event {
            Event::RunStarted(started) => self.trigger = Some(started.trigger),
            Event::Started { action, path, inputs, detail } => {
                let done = self.done_mut(action, path)?;
                (done.started, done.begun) = (now, Some((inputs, detail)));
            }
            Event::Finished(finished) => self.end(*finished, None, now)?,
            Event::Carried { started, finished } => self.end(*finished, Some(started), now)?,
            Event::Skipped { action, path, reason } => {
                self.done_mut(action, path)?.skip = Some(reason);
            }
            Event::CarriedAll { variables } => {
                if variables.len() != self.flow.variables.len() {
                    return Err(ReadError::Corrupt("a variable is not in the definition"));
                }
                self.variables = Some(variables);
                self.is_resuming = false;
            }
            Event::Resumed { .. } => self.is_resuming = true,
            Event::Invoker(invoker) => self.invoker = invoker,
            Event::AttemptFailed { .. }
            | Event::PollLater { .. }
            | Event::CalledAgain { .. }
            | Event::CancelAsked
            | Event::Released
            | Event::Parameters(_)
            | Event::Page { .. }
            | Event::RunFinished { .. } => {}
        }
        Ok(())
    }

    fn end(
        &mut self,
        mut finished: Finished,
        started: Option<Ticks>,
        now: Ticks,
    ) -> Result<(), ReadError> {
        let is_carried = self.is_resuming;
        let done = self.done_mut(finished.action, finished.path.clone())?;
        match (started, &done.begun) {
            (Some(started), _) => done.started = started,
            (None, None) => done.started = now,
            (None, Some(_)) => {}
        }
        finished.ended = finished.ended.or(Some(now));
        (done.end, done.is_carried) = (Some(finished), is_carried);
        Ok(())
    }

    /// The record of an execution, of which an event tells.
    fn done_mut(&mut self, action: ActionId, path: Path) -> Result<&mut Done, ReadError> {
        let unknown = "an event names an action that the version does not have";
        let found = self.flow.actions.get(action.at()).ok_or(ReadError::Corrupt(unknown))?;
        if let (Some(owner), Some((outer, index))) =
            (self.flow.shape(found.shape).owner, path.split_inner())
        {
            let iterations = self.loops.entry((owner, outer)).or_default();
            iterations.count = iterations.count.max(index.saturating_add(1));
            iterations.last = index;
        }
        let done = self.done.entry((action, path)).or_default();
        done.order = self.order;
        Ok(done)
    }

    pub(super) fn done(&self, action: ActionId, path: &Path) -> Option<&Done> {
        self.done.get(&(action, path.clone()))
    }

    /// Its action of a name in a block, if it is one of the same kind.
    pub(super) fn find(&self, name: &str, like: &Behavior, block: BlockId) -> Option<ActionId> {
        let id = *self.names.get(&name.to_lowercase())?;
        let action = self.flow.action(id);
        let is_same = std::mem::discriminant(&action.behavior) == std::mem::discriminant(like);
        (is_same && action.block == block).then_some(id)
    }

    pub(super) fn name(&self, action: ActionId) -> Option<&Str> {
        self.flow.actions.get(action.at()).map(|action| &action.name)
    }

    pub(super) fn iterations(&self, owner: ActionId, path: &Path) -> Loop {
        self.loops.get(&(owner, path.clone())).copied().unwrap_or_default()
    }

    /// Whether an iteration came to its end by itself, and to a good one.
    pub(super) fn is_iteration_done(&self, body: BlockId, path: &Path) -> bool {
        let of = |id: ActionId| self.done(id, path);
        let mut actions = self.flow.block(body).actions.iter();
        let is_over = actions.all(|id| of(*id).is_some_and(Done::is_over));
        let status = |id: ActionId| of(id).map_or(Status::NotStarted, Done::status);
        is_over && status_of_block(&self.flow, body, status) == Status::Succeeded
    }
}

/// Actions by their names in lower case.
pub(super) fn names_of(flow: &Flow) -> HashMap<String, ActionId> {
    flow.actions.iter().map(|action| (action.name.as_str().to_lowercase(), action.id)).collect()
}
