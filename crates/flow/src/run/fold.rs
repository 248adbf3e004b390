//! State from history: applying stored events, deciding nothing.
//!
//! Invariant: folding the events of a run gives the state that the run had when it
//! wrote the last of them.

use super::event::{Detail, Event, EventReader, Finished, Payloads, ReadError};
use super::state::{FrameId, Path, ROOT_FRAME, Stage, State};
use super::status::{Outcome, Status};
use super::{FlowInfo, Moment, Run, StepBuffer, page, variable};
use crate::definition::{ActionId, Behavior, Flow, ShapeId};
use durable::ProcessId;
use expr::Value;
use std::sync::Arc;

/// What is stored of a run, decompressed.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The number of the last event it holds, and the snapshot.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// The chunks after it, or all of them.
    pub chunks: Vec<Vec<u8>>,
}

impl Run {
    /// Loads a run. When a payload is missing the error names it: add it and load again.
    pub fn load(
        flow: Arc<Flow>,
        info: Arc<FlowInfo>,
        id: ProcessId,
        stored: &Stored,
        payloads: &Payloads,
    ) -> Result<Run, ReadError> {
        let state = State::new(&flow);
        let step = StepBuffer::new(Moment { now: 0, seed: 0 }, 0);
        let (stack, early) = (Vec::new(), Vec::new());
        let mut run = Run { id, flow, info, state, stack, step, snapshot_seq: 0, early };
        if let Some((seq, bytes)) = &stored.snapshot {
            run = run.read_snapshot(bytes, *seq, payloads)?;
            run.snapshot_seq = *seq;
        }
        run.step.folding = true;
        for chunk in &stored.chunks {
            let mut reader = EventReader::new(chunk, payloads)?;
            let now = reader.now;
            while let Some(event) = reader.next_event()? {
                if run.state.status.is_final() {
                    return Err(ReadError::Corrupt("an event comes after the end"));
                }
                run.state.seq += 1;
                run.apply(event, now)?;
            }
        }
        if run.state.is_resuming {
            return Err(ReadError::Corrupt("a run was resumed halfway"));
        }
        run.step = StepBuffer::new(Moment { now: 0, seed: 0 }, run.state.seq);
        if run.state.status == Status::Running {
            run.rebuild_stack();
        }
        Ok(run)
    }

    fn apply(&mut self, event: Event, now: i64) -> Result<(), ReadError> {
        match event {
            Event::RunStarted(mut started) => {
                self.state.is_tracked_by_name = started.trigger.client_tracking_id.is_empty();
                started.trigger.complete(&self.flow, self.id);
                self.apply_start(started.trigger, started.caller, started.is_held);
            }
            Event::Started { action, path, inputs, detail } => {
                let frame = self.frame_at(action, &path)?;
                self.apply_started(frame, action, inputs, detail, now)?;
            }
            Event::Finished(finished) => self.apply_finished(*finished, None, now)?,
            Event::Skipped { action, path, reason } => {
                let frame = self.frame_at(action, &path)?;
                self.check_skip(frame, action, &reason)?;
                self.apply_skip(frame, action, &reason, now);
                // as live: members of a block that never ran settle nothing
                if !self.state.is_closing && self.settles(frame, action) {
                    self.settle(frame, action);
                }
            }
            Event::AttemptFailed { action, path, due, .. } => {
                let frame = self.frame_at(action, &path)?;
                self.apply_retry(frame, action, due);
            }
            Event::PollLater { action, path, location, due } => {
                let frame = self.frame_at(action, &path)?;
                self.apply_stage(frame, action, Stage::Polling { due, location });
            }
            Event::CalledAgain { action, path } => {
                let frame = self.frame_at(action, &path)?;
                self.apply_called_again(frame, action, now);
            }
            Event::Page { action, path, items, next } => {
                let frame = self.frame_at(action, &path)?;
                self.apply_page(frame, action, page::items_of(items)?, next, now);
            }
            Event::CancelAsked => self.state.is_closing = true,
            Event::Released => self.state.status = Status::Running,
            Event::Resumed { .. } if self.has_only_begun() => self.state.is_resuming = true,
            Event::Carried { started, finished } if self.state.is_resuming => {
                self.apply_finished(*finished, Some(started), now)?;
            }
            Event::CarriedAll { variables } if self.state.is_resuming => {
                self.apply_carried_all(variables)?;
            }
            Event::Resumed { .. } | Event::Carried { .. } | Event::CarriedAll { .. } => {
                return Err(ReadError::Corrupt("a run is resumed when it has begun"));
            }
            Event::Parameters(values) => self.apply_parameters(values)?,
            Event::Invoker(invoker) => self.apply_invoker(invoker)?,
            Event::RunFinished { status, code, error, outputs } => {
                if !status.is_final() {
                    return Err(ReadError::Corrupt("a run ends with no final status"));
                }
                self.state.status = status;
                self.state.code = code;
                self.state.error = error;
                self.state.outputs = outputs;
                self.state.end = Some(now);
            }
        }
        Ok(())
    }

    fn apply_parameters(&mut self, values: Value) -> Result<(), ReadError> {
        if self.state.seq != 2 || values.as_object().is_none() {
            return Err(ReadError::Corrupt("a run's parameters are not at its start"));
        }
        self.state.parameters = values;
        Ok(())
    }

    fn apply_invoker(&mut self, invoker: Value) -> Result<(), ReadError> {
        if !self.has_only_begun() || invoker.as_object().is_none() {
            return Err(ReadError::Corrupt("who invoked a run is not at its start"));
        }
        self.state.invoker = invoker;
        Ok(())
    }

    /// Whether nothing is recorded before the present event but its beginning: that, the
    /// parameters it keeps, and who invoked it.
    fn has_only_begun(&self) -> bool {
        let kept = [&self.state.parameters, &self.state.invoker];
        let kept = kept.into_iter().filter(|it| !it.is_null()).count();
        self.state.seq == 2 + kept as u64
    }

    fn known(&self, action: ActionId) -> Result<(), ReadError> {
        if action.at() < self.flow.actions.len() {
            Ok(())
        } else {
            Err(ReadError::Corrupt("an event names an action that the version does not have"))
        }
    }

    /// The frame of an event, opened when this is the first event of its iteration.
    pub(super) fn frame_at(&mut self, action: ActionId, path: &Path) -> Result<FrameId, ReadError> {
        self.known(action)?;
        let flow = Arc::clone(&self.flow);
        let mut shapes: Vec<ShapeId> = Vec::with_capacity(path.len());
        let mut at = flow.action(action).shape;
        while let Some(parent) = flow.shape(at).parent {
            shapes.push(at);
            at = parent;
        }
        if shapes.len() != path.len() {
            return Err(ReadError::Corrupt("an event's iterations do not fit its action"));
        }
        let mut frame = ROOT_FRAME;
        for (shape, index) in shapes.into_iter().rev().zip(path.iter()) {
            frame = self.iteration_at(frame, shape, index)?;
        }
        Ok(frame)
    }

    fn iteration_at(
        &mut self,
        frame: FrameId,
        shape: ShapeId,
        index: u32,
    ) -> Result<FrameId, ReadError> {
        let flow = Arc::clone(&self.flow);
        let owner =
            flow.shape(shape).owner.ok_or(ReadError::Corrupt("an iteration has no loop"))?;
        let slot = self.state.slot(&flow, frame, owner);
        let iteration =
            slot.iteration.as_ref().ok_or(ReadError::Corrupt("a loop has not begun"))?;
        let is_this = |open: &&FrameId| self.state.frames.get(**open).index == index;
        match iteration.running.iter().find(is_this) {
            Some(open) => Ok(*open),
            None => {
                if let Some(aside) = self.find_aside(iteration, index) {
                    self.take_aside_up_to(frame, owner, aside)?;
                    return Ok(aside);
                }
                let next = iteration.next;
                self.check_iteration(frame, owner, index)?;
                self.check_aside(shape, next, index)?;
                // those before it were opened, too, and had not come to their first event
                for earlier in next..index {
                    self.open_iteration(frame, owner, shape, earlier);
                }
                Ok(self.open_iteration(frame, owner, shape, index))
            }
        }
    }

    pub(super) fn apply_started(
        &mut self,
        frame: FrameId,
        id: ActionId,
        inputs: Value,
        detail: Detail,
        now: i64,
    ) -> Result<(), ReadError> {
        self.check_begin(frame, id, &detail)?;
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot_mut(&flow, frame, id);
        slot.status = Status::Running;
        slot.started = now;
        match detail {
            Detail::Branch(branch) => self.apply_branch(frame, flow.action(id), inputs, branch),
            Detail::Foreach { items } => match items {
                Value::Array(items) => self.apply_foreach(frame, id, items),
                _ => return Err(ReadError::Corrupt("the items of a loop are no array")),
            },
            Detail::Until { count_max, deadline } => {
                self.apply_until(frame, id, count_max, deadline);
            }
            Detail::Timer { due, timeout } => self.apply_timer(frame, id, inputs, due, timeout),
            Detail::Call { effect, timeout } => {
                self.apply_call(frame, id, inputs, effect, timeout);
            }
        }
        Ok(())
    }

    /// The end of an action; one that is carried over began when it says.
    pub(super) fn apply_finished(
        &mut self,
        event: Finished,
        started: Option<i64>,
        now: i64,
    ) -> Result<(), ReadError> {
        let frame = self.frame_at(event.action, &event.path)?;
        self.check_end(frame, event.action, event.status)?;
        let flow = Arc::clone(&self.flow);
        let action = flow.action(event.action);
        let slot = self.state.slot_mut(&flow, frame, event.action);
        if slot.status == Status::NotStarted || started.is_some() {
            slot.started = started.unwrap_or(now);
        }
        let Finished { status, code, error, outputs, inputs, tracked, .. } = event;
        let outcome = Outcome { status, code, error, outputs };
        self.apply_end(frame, event.action, inputs.as_ref(), &outcome, event.ended.unwrap_or(now));
        self.state.slot_mut(&flow, frame, event.action).tracked = tracked.map(Box::new);
        // a static result has no inputs, and none of the effects of its action
        if let (Status::Succeeded, Some(inputs)) = (status, &inputs) {
            variable::apply(&flow, action, &mut self.state.variables, inputs);
            match action.behavior {
                Behavior::Response { .. } => self.state.responded = true,
                Behavior::Terminate { .. } => self.state.is_closing = true,
                _ => {}
            }
        }
        if !self.state.is_closing {
            self.settle(frame, event.action);
        }
        Ok(())
    }

    /// A skipped action counts towards its container only when that one runs: blocks
    /// of a branch not taken, and of a skipped container, are skipped as a whole.
    fn settles(&self, frame: FrameId, id: ActionId) -> bool {
        let action = self.flow.action(id);
        let Some(owner) = self.flow.block(action.block).owner else { return true };
        let owner = self.flow.action(owner);
        if owner.shape != action.shape {
            return true;
        }
        let is_running = self.state.slot(&self.flow, frame, owner.id).status == Status::Running;
        is_running && self.chosen_block(frame, owner) == action.block
    }
}
