//! What runs next, and what follows when something ends.
//!
//! A stack of work keeps iterations depth first: an iteration runs until it ends or
//! waits before the next one begins. Long chains do not recurse; only nested
//! containers do, and their nesting is limited.
//!
//! Source: "Run after" and status rules of the language reference; a container's and
//! a run's status is that of its leaves, skipped ones replaced by what they ran after.

use super::event::{Finished, SkipReason};
use super::state::{Frame, FrameId, LoopState, ROOT_FRAME};
use super::status::{ErrorInfo, Outcome, Outputs, Status, body_of};
use super::{Run, bound, record};
use crate::definition::{Action, ActionId, Behavior, BlockId, Flow, ROOT_BLOCK, StatusSet};
use expr::{EvalError, Str, Template, Value};
use std::sync::Arc;

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Decide about an action whose predecessors are final: run it or skip it.
    Action(FrameId, ActionId),
    /// Go on with a loop: next iteration, test, or end.
    Iterate(FrameId, ActionId),
}

/// What became of an action that was begun.
pub enum Begun {
    /// It is over: its inputs for the record, unless its beginning recorded them.
    Over(Option<Value>, Outcome),
    /// Its beginning is recorded; something later ends it.
    Underway,
}

impl Run {
    /// Works until nothing is left or the step is full; true when there is more.
    pub(super) fn drive(&mut self) -> bool {
        while let Some(work) = self.stack.pop() {
            if self.state.status.is_final() {
                self.stack.clear();
                return false;
            }
            if self.step.is_full() {
                self.stack.push(work);
                return true;
            }
            self.step.actions += 1;
            match work {
                Work::Action(frame, action) => self.decide(frame, action),
                Work::Iterate(frame, action) => self.iterate(frame, action),
            }
        }
        false
    }

    fn decide(&mut self, frame: FrameId, id: ActionId) {
        let flow = Arc::clone(&self.flow);
        let action = flow.action(id);
        if self.state.slot(&flow, frame, id).status != Status::NotStarted {
            return;
        }
        for after in &action.run_after {
            let was = self.state.slot(&flow, frame, after.action).status;
            if !after.statuses.contains(was) {
                self.skip(frame, id, &SkipReason::Condition { on: after.action, was });
                return;
            }
        }
        let now = self.step.now;
        let slot = self.state.slot_mut(&flow, frame, id);
        slot.status = Status::Running;
        slot.started = now;
        let begun = match &action.static_result {
            Some(result) => Ok(super::response::static_result(result)),
            None => self.begin(frame, action),
        };
        match begun.and_then(storable) {
            Ok(Begun::Underway) => {}
            Ok(Begun::Over(inputs, outcome)) => self.end_at_once(frame, action, inputs, outcome),
            Err(error) => {
                let outcome = Outcome::failed("InvalidTemplate", self.finish_error(&error, id));
                self.end_at_once(frame, action, None, outcome);
            }
        }
    }

    /// Ends an action that has just begun. What a container holds will not run then.
    fn end_at_once(
        &mut self,
        frame: FrameId,
        action: &Action,
        inputs: Option<Value>,
        outcome: Outcome,
    ) {
        let (container, status, code) = (action.id, outcome.status, outcome.code.clone());
        self.skip_content(frame, action, &SkipReason::Dependency { container, status, code });
        self.finish(frame, action.id, inputs, outcome);
    }

    fn begin(&mut self, frame: FrameId, action: &Action) -> Result<Begun, EvalError> {
        match &action.behavior {
            Behavior::Compose { .. }
            | Behavior::ParseJson { .. }
            | Behavior::Select { .. }
            | Behavior::Query { .. }
            | Behavior::Join { .. }
            | Behavior::Table { .. }
            | Behavior::Expression { .. } => self.data_operation(frame, action),
            Behavior::InitializeVariable { .. }
            | Behavior::SetVariable { .. }
            | Behavior::IncrementVariable { .. }
            | Behavior::DecrementVariable { .. }
            | Behavior::AppendToStringVariable { .. }
            | Behavior::AppendToArrayVariable { .. } => self.variable_action(frame, action),
            Behavior::If { .. }
            | Behavior::Switch { .. }
            | Behavior::Scope { .. }
            | Behavior::Foreach { .. }
            | Behavior::Until(_) => self.container(frame, action),
            Behavior::Wait { inputs } => self.wait(frame, action, inputs),
            Behavior::Terminate { inputs } => self.terminate(frame, action, inputs),
            Behavior::Response { inputs } => self.respond(frame, action, inputs),
            Behavior::Http { inputs, .. }
            | Behavior::Workflow { inputs, .. }
            | Behavior::Connector { inputs, .. }
            | Behavior::Webhook { inputs, .. } => self.call(frame, action, inputs),
            Behavior::Unsupported { .. } => Ok(Begun::Over(
                None,
                Outcome::failed(
                    "ActionTypeNotSupported",
                    format!(
                        "The action '{}' is of type '{}', which this version of Sluicegate does not run.",
                        action.name, action.type_name
                    ),
                ),
            )),
        }
    }

    /// Evaluates a template as an action of the frame sees the run.
    pub(super) fn eval(&mut self, frame: FrameId, template: &Template) -> Result<Value, EvalError> {
        match template.as_const() {
            Some(value) => Ok(value.clone()),
            None => {
                let value = template.eval(&mut self.context(frame, None))?;
                bound::check(&value)?;
                Ok(value)
            }
        }
    }

    pub(super) fn context(
        &mut self,
        frame: FrameId,
        current: Option<ActionId>,
    ) -> super::context::RunContext<'_> {
        super::context::RunContext {
            flow: &self.flow,
            info: &self.info,
            id: self.id,
            state: &self.state,
            frame,
            current,
            now: self.step.now,
            entropy: &mut self.step.entropy,
            item: None,
            callback: None,
        }
    }

    /// Records the end of an action and what follows from it.
    pub(super) fn finish(
        &mut self,
        frame: FrameId,
        id: ActionId,
        inputs: Option<Value>,
        outcome: Outcome,
    ) {
        let tracked = self.apply_end(frame, id, inputs.as_ref(), &outcome, self.step.now);
        let path = self.frame_path(frame);
        self.step.events.finished(&Finished {
            action: id,
            path,
            status: outcome.status,
            code: outcome.code,
            inputs,
            outputs: outcome.outputs,
            error: outcome.error,
            tracked,
            ended: None,
        });
        self.settle(frame, id);
    }

    /// Puts an end into the state; gives the tracked properties evaluated after it.
    pub(super) fn apply_end(
        &mut self,
        frame: FrameId,
        id: ActionId,
        inputs: Option<&Value>,
        outcome: &Outcome,
        now: i64,
    ) -> Option<Value> {
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot_mut(&flow, frame, id);
        slot.status = outcome.status;
        slot.code = outcome.code.clone();
        slot.error = outcome.error.clone().map(Box::new);
        slot.ended = now;
        if let Some(inputs) = inputs {
            slot.inputs = inputs.clone();
        }
        slot.outputs = match &outcome.outputs {
            Outputs::None => Value::Null,
            Outputs::Inputs => slot.inputs.clone(),
            Outputs::BodyOfInputs => body_of(slot.inputs.clone()),
            Outputs::Value(value) => value.clone(),
        };
        if slot.pending.take().is_some() {
            self.state.parked.retain(|parked| *parked != (frame, id));
        }
        let template = flow.action(id).tracked_properties.as_ref()?;
        if self.step.folding {
            return None;
        }
        let tracked = record::tracked(template, &mut self.context(frame, Some(id)));
        self.state.slot_mut(&flow, frame, id).tracked = Some(Box::new(tracked.clone()));
        Some(tracked)
    }

    /// An action became final: its successors may be decided, its container may end.
    pub(super) fn settle(&mut self, frame: FrameId, id: ActionId) {
        let flow = Arc::clone(&self.flow);
        let action = flow.action(id);
        // pushed in reverse, so that the first successor is decided first
        for successor in action.successors.iter().rev() {
            let slot = self.state.slot_mut(&flow, frame, *successor);
            slot.waiting = slot.waiting.saturating_sub(1);
            if slot.waiting == 0 && !self.step.folding {
                self.stack.push(Work::Action(frame, *successor));
            }
        }
        let owner = flow.block(action.block).owner.map(|owner| flow.action(owner));
        match owner {
            Some(owner) if owner.shape == action.shape => {
                let slot = self.state.slot_mut(&flow, frame, owner.id);
                slot.open = slot.open.saturating_sub(1);
                if slot.open == 0 && slot.status == Status::Running && !self.step.folding {
                    self.finish_container(frame, owner);
                }
            }
            _ => {
                let open = &mut self.state.frames.get_mut(frame).open;
                *open = open.saturating_sub(1);
                if *open > 0 {
                    return;
                }
                match owner {
                    Some(owner) => self.finish_iteration(frame, owner),
                    None if !self.step.folding => self.end_by_rule(),
                    None => {}
                }
            }
        }
    }

    /// An If, Switch or Scope whose chosen block is over.
    pub(super) fn finish_container(&mut self, frame: FrameId, action: &Action) {
        let block = self.chosen_block(frame, action);
        let status = self.block_status(self.state.frames.get(frame), block);
        self.finish(frame, action.id, None, container_outcome(status));
    }

    pub(super) fn chosen_block(&self, frame: FrameId, action: &Action) -> BlockId {
        let branch = self.state.slot(&self.flow, frame, action.id).branch;
        block_of(&action.behavior, branch)
    }

    /// An iteration is over: the loop takes note of it. The same live and folded.
    fn finish_iteration(&mut self, frame: FrameId, owner: &Action) {
        let flow = Arc::clone(&self.flow);
        let block = self.chosen_block(self.state.frames.get(frame).parent, owner);
        let status = self.block_status(self.state.frames.get(frame), block);
        let records = if flow.shape(self.state.frames.get(frame).shape).keeps_iterations {
            self.iteration_records(frame, block)
        } else {
            Vec::new()
        };
        let Some(done) = self.state.frames.remove(frame) else { return };
        let parent = done.parent;
        if done.is_aside {
            self.state.aside_slots = self.state.aside_slots.saturating_sub(done.slots.len());
        }
        let slot = self.state.slot_mut(&flow, parent, owner.id);
        let Some(iteration) = slot.iteration.as_mut() else { return };
        match done.is_aside {
            true if iteration.aside.back() == Some(&frame) => drop(iteration.aside.pop_back()),
            true => iteration.aside.retain(|aside| *aside != frame),
            false => iteration.running.retain(|running| *running != frame),
        }
        iteration.status = match owner.behavior {
            Behavior::Until(_) => status,
            _ => worse(iteration.status, status),
        };
        iteration.kept.extend(records);
        iteration.last = Some(done);
        if !self.step.folding {
            let work = Work::Iterate(parent, owner.id);
            if self.stack.last() != Some(&work) {
                self.stack.push(work);
            }
        }
    }

    fn iteration_records(&mut self, frame: FrameId, block: BlockId) -> Vec<Value> {
        let flow = Arc::clone(&self.flow);
        let context = self.context(frame, None);
        let actions = flow.block(block).actions.iter();
        actions
            .map(|id| record::of_slot(&context, *id, context.state.slot(&flow, frame, *id)))
            .collect()
    }

    /// The status that a block's leaves give, skipped ones replaced by their
    /// predecessors: Failed if one failed, else TimedOut if one did, else Succeeded.
    pub(super) fn block_status(&self, frame: &Frame, block: BlockId) -> Status {
        let flow = &self.flow;
        status_of_block(flow, block, |id| frame.slots[flow.action(id).slot as usize].status)
    }

    /// Everything is final: the run ends with the status its actions give.
    pub(super) fn end_by_rule(&mut self) {
        let status = self.block_status(self.state.frames.get(ROOT_FRAME), ROOT_BLOCK);
        let outputs =
            if status == Status::Succeeded { self.eval_outputs() } else { Ok(Value::Null) };
        match outputs {
            Ok(outputs) => {
                let (code, error) = match status {
                    Status::Succeeded => (Str::new(), None),
                    _ => ("ActionFailed".into(), container_outcome(status).error),
                };
                self.end(status, code, error, outputs);
            }
            Err(error) => {
                let code = "OutputParameterEvaluationFailed";
                let error = ErrorInfo::new(code, error.message());
                self.end(Status::Failed, code.into(), Some(error), Value::Null);
            }
        }
    }

    fn eval_outputs(&mut self) -> Result<Value, EvalError> {
        let flow = Arc::clone(&self.flow);
        if flow.outputs.is_empty() {
            return Ok(Value::Null);
        }
        let mut object = expr::Object::with_capacity(flow.outputs.len());
        for (name, template) in &flow.outputs {
            object.insert(name.clone(), self.eval(ROOT_FRAME, template)?);
        }
        let outputs = object.into();
        bound::check(&outputs)?;
        Ok(outputs)
    }

    /// The run is over.
    pub(super) fn end(
        &mut self,
        status: Status,
        code: Str,
        error: Option<ErrorInfo>,
        outputs: Value,
    ) {
        self.step.events.run_finished(status, &code, error.as_ref(), &outputs);
        self.state.status = status;
        self.state.code = code;
        self.state.error = error;
        self.state.outputs = outputs;
        self.state.end = Some(self.step.now);
        self.stack.clear();
        self.answer_without_response();
    }

    /// After loading: everything that can go on.
    pub(super) fn rebuild_stack(&mut self) {
        let flow = Arc::clone(&self.flow);
        for frame in self.state.frames_in_order(&flow) {
            if !self.is_within_aside(frame) {
                self.push_open(frame);
            }
        }
    }

    /// What can go on in a frame, without the iterations within it.
    pub(super) fn push_open(&mut self, frame: FrameId) {
        let flow = Arc::clone(&self.flow);
        let shape = flow.shape(self.state.frames.get(frame).shape);
        let mut blocks: Vec<BlockId> = match shape.owner {
            None => vec![ROOT_BLOCK],
            Some(owner) => blocks_of(&flow.action(owner).behavior).collect(),
        };
        while let Some(block) = blocks.pop() {
            for id in flow.block(block).actions.iter().rev() {
                let slot = self.state.slot(&flow, frame, *id);
                match slot.status {
                    Status::NotStarted if slot.waiting == 0 => {
                        self.stack.push(Work::Action(frame, *id));
                    }
                    Status::Running => match (&slot.iteration, &slot.pending) {
                        (Some(iteration), _) if can_iterate(flow.action(*id), iteration) => {
                            self.stack.push(Work::Iterate(frame, *id));
                        }
                        (None, None) => {
                            blocks.push(self.chosen_block(frame, flow.action(*id)));
                        }
                        _ => {}
                    },
                    _ => {}
                }
            }
        }
    }
}

/// The block that a container runs; of a loop its body.
pub fn block_of(behavior: &Behavior, branch: u32) -> BlockId {
    match behavior {
        Behavior::If { then, otherwise, .. } => {
            if branch == 0 {
                *then
            } else {
                *otherwise
            }
        }
        Behavior::Switch { cases, default, .. } => {
            cases.get(branch as usize).map_or(*default, |case| case.block)
        }
        Behavior::Scope { block } | Behavior::Foreach { block, .. } => *block,
        Behavior::Until(until) => until.block,
        _ => ROOT_BLOCK,
    }
}

/// The status that a block has by the statuses of its actions.
pub fn status_of_block(flow: &Flow, block: BlockId, status: impl Fn(ActionId) -> Status) -> Status {
    let actions = &flow.block(block).actions;
    let bad = StatusSet::default().with(Status::Failed).with(Status::TimedOut);
    if !actions.iter().any(|id| bad.contains(status(*id))) {
        return Status::Succeeded;
    }
    let mut result = Status::Succeeded;
    let mut open: Vec<ActionId> =
        actions.iter().copied().filter(|id| flow.action(*id).successors.is_empty()).collect();
    let slots = actions.first().map_or(0, |id| flow.shape(flow.action(*id).shape).actions.len());
    let mut seen = vec![false; slots];
    while let Some(id) = open.pop() {
        let action = flow.action(id);
        if std::mem::replace(&mut seen[action.slot as usize], true) {
            continue;
        }
        match status(id) {
            Status::Skipped => open.extend(action.run_after.iter().map(|after| after.action)),
            found => result = worse(result, found),
        }
    }
    result
}

/// Whether a loop has something to do that no iteration under way will remind it of. Work
/// for one that has not would outlive the frame it names.
fn can_iterate(action: &Action, iteration: &LoopState) -> bool {
    let running = iteration.running.len();
    match &action.behavior {
        Behavior::Foreach { concurrency, .. } => {
            running == 0 || (iteration.is_left() && running < *concurrency as usize)
        }
        _ => running == 0,
    }
}

/// The blocks of a container; none for other actions.
pub fn blocks_of(behavior: &Behavior) -> impl Iterator<Item = BlockId> + '_ {
    let (fixed, cases): ([Option<BlockId>; 2], &[crate::definition::Case]) = match behavior {
        Behavior::If { then, otherwise, .. } => ([Some(*then), Some(*otherwise)], &[]),
        Behavior::Switch { cases, default, .. } => ([Some(*default), None], cases),
        Behavior::Scope { block } | Behavior::Foreach { block, .. } => ([Some(*block), None], &[]),
        Behavior::Until(until) => ([Some(until.block), None], &[]),
        _ => ([None, None], &[]),
    };
    cases.iter().map(|case| case.block).chain(fixed.into_iter().flatten())
}

/// The outcome of a container whose leaves gave a status.
pub fn container_outcome(status: Status) -> Outcome {
    if status == Status::Succeeded {
        return Outcome::done(Outputs::None);
    }
    let error = ErrorInfo::new("ActionFailed", "An action failed. No dependent actions succeeded.");
    Outcome { status, code: "ActionFailed".into(), error: Some(error), outputs: Outputs::None }
}

/// Outputs that were put together item by item can still be too large.
fn storable(begun: Begun) -> Result<Begun, EvalError> {
    if let Begun::Over(_, Outcome { outputs: Outputs::Value(outputs), .. }) = &begun {
        bound::check(outputs)?;
    }
    Ok(begun)
}

fn worse(a: Status, b: Status) -> Status {
    match (a, b) {
        (Status::Failed, _) | (_, Status::Failed) => Status::Failed,
        (Status::TimedOut, _) | (_, Status::TimedOut) => Status::TimedOut,
        _ => Status::Succeeded,
    }
}
