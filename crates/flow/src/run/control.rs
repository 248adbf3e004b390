//! Containers: If, Switch, Scope, Foreach, Until.
//!
//! Source: "Schema reference guide for trigger and action types", control workflow
//! actions; "Add loops to repeat actions".

use super::Run;
use super::event::{Detail, SkipReason};
use super::scope::{Begun, Work, blocks_of, container_outcome};
use super::state::{Frame, FrameId, LoopState};
use super::status::{ErrorInfo, Outcome, Outputs, Status};
use crate::definition::{Action, ActionId, Behavior, BlockId, ShapeId, Until};
use crate::limits::{FOREACH_ITEMS_MAX, UNTIL_COUNT_MAX};
use expr::{EvalError, Object, Template, Value};
use std::sync::Arc;

impl Run {
    pub(super) fn container(
        &mut self,
        frame: FrameId,
        action: &Action,
    ) -> Result<Begun, EvalError> {
        match &action.behavior {
            Behavior::If { condition, .. } => {
                let value = self.eval(frame, condition)?;
                let Some(chosen) = value.as_bool() else {
                    return Err(EvalError::new(format!(
                        "the condition gives a value of type '{}' where a Boolean is expected",
                        value.kind()
                    )));
                };
                let mut inputs = Object::with_capacity(1);
                inputs.push_new("expressionResult", chosen);
                Ok(self.enter(frame, action, inputs.into(), u32::from(!chosen)))
            }
            Behavior::Switch { on, cases, .. } => {
                let value = self.eval(frame, on)?;
                let found = cases.iter().position(|case| case.value.language_eq(&value));
                let mut inputs = Object::with_capacity(1);
                inputs.push_new("expressionResult", value);
                let branch = found.unwrap_or(cases.len()) as u32;
                Ok(self.enter(frame, action, inputs.into(), branch))
            }
            Behavior::Foreach { over, block, .. } => {
                self.enter_foreach(frame, action, over, *block)
            }
            Behavior::Until(until) => self.enter_until(frame, action, until),
            _ => Ok(self.enter(frame, action, Value::Null, 0)),
        }
    }

    /// Takes a branch: its first actions may run, the others' are skipped.
    fn enter(&mut self, frame: FrameId, action: &Action, inputs: Value, branch: u32) -> Begun {
        let flow = Arc::clone(&self.flow);
        let path = self.frame_path(frame);
        let detail = Detail::Branch(branch);
        self.step.events.started(action.id, &path, &inputs, &detail);
        self.apply_branch(frame, action, inputs, branch);
        let chosen = self.chosen_block(frame, action);
        for block in blocks_of(&action.behavior).filter(|block| *block != chosen) {
            self.skip_block(frame, block, &SkipReason::Branch);
        }
        let actions = &flow.block(chosen).actions;
        if actions.is_empty() {
            return Begun::Over(None, Outcome::done(Outputs::None));
        }
        self.push_first(frame, chosen);
        Begun::Underway
    }

    pub(super) fn apply_branch(
        &mut self,
        frame: FrameId,
        action: &Action,
        inputs: Value,
        branch: u32,
    ) {
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot_mut(&flow, frame, action.id);
        slot.inputs = inputs;
        slot.branch = branch;
        let open = flow.block(self.chosen_block(frame, action)).actions.len() as u32;
        self.state.slot_mut(&flow, frame, action.id).open = open;
    }

    /// Actions without predecessors, the first on top.
    pub(super) fn push_first(&mut self, frame: FrameId, block: BlockId) {
        let flow = Arc::clone(&self.flow);
        for id in flow.block(block).actions.iter().rev() {
            if flow.action(*id).run_after.is_empty() {
                self.stack.push(Work::Action(frame, *id));
            }
        }
    }

    fn enter_foreach(
        &mut self,
        frame: FrameId,
        action: &Action,
        over: &Template,
        block: BlockId,
    ) -> Result<Begun, EvalError> {
        let value = self.eval(frame, over)?;
        let Value::Array(items) = &value else {
            let message = format!(
                "The execution of template action '{}' failed: the result of the evaluation of 'foreach' expression is of type '{}'. The result must be a valid array.",
                action.name,
                value.kind()
            );
            return Ok(Begun::Over(None, Outcome::failed("ExpressionEvaluationFailed", message)));
        };
        if items.len() > FOREACH_ITEMS_MAX {
            let message = format!(
                "The execution of template action '{}' failed: the 'foreach' array has {} items, and at most {FOREACH_ITEMS_MAX} are allowed.",
                action.name,
                items.len()
            );
            return Ok(Begun::Over(None, Outcome::failed("ForeachItemsLimitExceeded", message)));
        }
        let path = self.frame_path(frame);
        let items = Arc::clone(items);
        let detail = Detail::Foreach { items: value };
        self.step.events.started(action.id, &path, &Value::Null, &detail);
        let is_over = items.is_empty() || self.flow.block(block).actions.is_empty();
        self.apply_foreach(frame, action.id, items);
        if is_over {
            return Ok(Begun::Over(None, Outcome::done(Outputs::None)));
        }
        self.stack.push(Work::Iterate(frame, action.id));
        Ok(Begun::Underway)
    }

    pub(super) fn apply_foreach(&mut self, frame: FrameId, id: ActionId, items: Arc<Vec<Value>>) {
        let flow = Arc::clone(&self.flow);
        let state = LoopState { items, status: Status::Succeeded, ..LoopState::default() };
        self.state.slot_mut(&flow, frame, id).iteration = Some(Box::new(state));
    }

    fn enter_until(
        &mut self,
        frame: FrameId,
        action: &Action,
        until: &Until,
    ) -> Result<Begun, EvalError> {
        let (count_max, deadline) = match self.until_limits(frame, action, until)? {
            Ok(limits) => limits,
            Err(message) => {
                let outcome = Outcome::failed("WorkflowRunActionUntilLimitInvalid", message);
                return Ok(Begun::Over(None, outcome));
            }
        };
        let path = self.frame_path(frame);
        let detail = Detail::Until { count_max, deadline };
        self.step.events.started(action.id, &path, &Value::Null, &detail);
        self.apply_until(frame, action.id, count_max, deadline);
        self.stack.push(Work::Iterate(frame, action.id));
        Ok(Begun::Underway)
    }

    /// Iterations at most and the deadline of an Until that begins now; the message when
    /// they are not what they should be.
    pub(super) fn until_limits(
        &mut self,
        frame: FrameId,
        action: &Action,
        until: &Until,
    ) -> Result<Result<(u32, i64), String>, EvalError> {
        let count = self.eval(frame, &until.count)?;
        let parsed = count.as_int().or_else(|| count.as_str()?.parse().ok());
        let Some(count_max) = parsed.filter(|count| (1..=UNTIL_COUNT_MAX).contains(count)) else {
            return Ok(Err(format!(
                "The 'limit.count' of action '{}' must be a number from 1 to {UNTIL_COUNT_MAX}.",
                action.name
            )));
        };
        let timeout = self.eval(frame, &until.timeout)?;
        let duration = timeout.as_str().map(expr::format::duration::parse_iso8601);
        let Some(Ok(duration)) = duration else {
            return Ok(Err(format!(
                "The 'limit.timeout' of action '{}' must be an ISO 8601 duration such as 'PT1H'.",
                action.name
            )));
        };
        Ok(Ok((count_max as u32, duration.add_to(self.step.now))))
    }

    pub(super) fn apply_until(
        &mut self,
        frame: FrameId,
        id: ActionId,
        count_max: u32,
        deadline: i64,
    ) {
        let flow = Arc::clone(&self.flow);
        let state =
            LoopState { count_max, deadline, status: Status::Succeeded, ..LoopState::default() };
        self.state.slot_mut(&flow, frame, id).iteration = Some(Box::new(state));
    }

    /// Goes on with a loop.
    pub(super) fn iterate(&mut self, frame: FrameId, id: ActionId) {
        let flow = Arc::clone(&self.flow);
        let action = flow.action(id);
        if self.state.slot(&flow, frame, id).status != Status::Running {
            return;
        }
        match &action.behavior {
            Behavior::Foreach { block, shape, concurrency, .. } => {
                self.iterate_foreach(frame, id, *block, *shape, *concurrency);
            }
            Behavior::Until(until) => self.iterate_until(frame, action, until),
            _ => {}
        }
    }

    fn iterate_foreach(
        &mut self,
        frame: FrameId,
        id: ActionId,
        block: BlockId,
        shape: ShapeId,
        concurrency: u32,
    ) {
        let flow = Arc::clone(&self.flow);
        let Some(iteration) = self.state.slot(&flow, frame, id).iteration.as_ref() else { return };
        let (is_left, has_aside) = (iteration.is_left(), !iteration.aside.is_empty());
        let running = iteration.running.len();
        if is_left && running < concurrency.max(1) as usize {
            let index = iteration.next;
            let aside = if has_aside { self.take_aside(frame, id) } else { None };
            if concurrency > 1 {
                self.stack.push(Work::Iterate(frame, id));
            }
            match aside {
                Some(inner) => self.go_on_within(inner),
                None => {
                    let inner = self.open_iteration(frame, id, shape, index);
                    self.push_first(inner, block);
                }
            }
        } else if !is_left && running == 0 {
            let outcome = container_outcome(iteration.status);
            self.finish(frame, id, None, outcome);
        }
    }

    fn iterate_until(&mut self, frame: FrameId, action: &Action, until: &Until) {
        let flow = Arc::clone(&self.flow);
        let Some(iteration) = self.state.slot(&flow, frame, action.id).iteration.as_ref() else {
            return;
        };
        if !iteration.running.is_empty() {
            return;
        }
        let (next, status) = (iteration.next, iteration.status);
        let is_limit = next >= iteration.count_max || self.step.now >= iteration.deadline;
        let is_empty = flow.block(until.block).actions.is_empty();
        // the body goes first, then the test
        let met = if next == 0 && !is_empty {
            Ok(false)
        } else {
            self.eval(frame, &until.condition).and_then(|value| {
                value.as_bool().ok_or_else(|| {
                    EvalError::new(format!(
                        "the condition gives a value of type '{}' where a Boolean is expected",
                        value.kind()
                    ))
                })
            })
        };
        match met {
            Err(error) => {
                let message = self.finish_error(&error, action.id);
                let error = ErrorInfo::new("ActionUntilConditionFailed", message);
                let outcome = Outcome::failed_as("InvalidTemplate", error, Outputs::None);
                self.finish(frame, action.id, None, outcome);
            }
            Ok(true) => self.finish(frame, action.id, None, container_outcome(status)),
            Ok(false) if (is_limit && next > 0) || is_empty => {
                let outcome = if action.options.fail_when_limits_reached {
                    Outcome::failed(
                        "ActionUntilLimitReached",
                        format!(
                            "The loop '{}' reached its limit before its condition was met.",
                            action.name
                        ),
                    )
                } else {
                    container_outcome(status)
                };
                self.finish(frame, action.id, None, outcome);
            }
            Ok(false) => {
                let inner = self.open_iteration(frame, action.id, until.shape, next);
                self.push_first(inner, until.block);
            }
        }
    }

    /// A fresh frame for an iteration. The same live and folded: beginnings of
    /// iterations are not events, their first action is.
    pub(super) fn open_iteration(
        &mut self,
        parent: FrameId,
        id: ActionId,
        shape: ShapeId,
        index: u32,
    ) -> FrameId {
        let flow = Arc::clone(&self.flow);
        let reads_last = matches!(flow.action(id).behavior, Behavior::Until(_));
        let slot = self.state.slot_mut(&flow, parent, id);
        let (reuse, item) = match slot.iteration.as_mut() {
            Some(iteration) => {
                iteration.next = iteration.next.max(index + 1);
                // an Until's test reads the iteration before while the next one begins
                let reuse = if reads_last { None } else { iteration.last.take() };
                (reuse, iteration.items.get(index as usize).cloned().unwrap_or_default())
            }
            None => (None, Value::Null),
        };
        let mut frame = Frame::fresh(&flow, shape, parent, reuse);
        frame.index = index;
        frame.item = item;
        frame.open = match blocks_of(&flow.action(id).behavior).next() {
            Some(block) => flow.block(block).actions.len() as u32,
            None => 0,
        };
        let inner = self.state.frames.add(frame);
        let is_aside = self.state.is_resuming && !reads_last;
        if is_aside {
            self.state.frames.get_mut(inner).is_aside = true;
            self.state.aside_slots += flow.shape(shape).actions.len();
        }
        if let Some(iteration) = self.state.slot_mut(&flow, parent, id).iteration.as_mut() {
            match is_aside {
                true => iteration.aside.push_back(inner),
                false => iteration.running.push(inner),
            }
        }
        inner
    }
}
