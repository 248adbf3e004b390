//! A run that goes on where another ended: what that one finished is carried over, and the
//! rest runs.
//!
//! Carrying over writes the same events into the new history that a run writes, so that
//! folding, reading and checking it know nothing of resuming. It goes through the blocks of
//! the definition in the order of `runAfter`: an action is carried when all that it runs
//! after is, `runAfter` is satisfied by that, and it succeeded. A container that succeeded
//! is carried whole, failures that it handled included; one that did not is opened again,
//! with its branch, items or limits, and what it holds is looked at one by one. Skipping is
//! decided anew. See decision 0011.
//!
//! Invariant: until everything is carried over nothing is evaluated that an action could
//! see, and nothing is begun.

use super::event::{Detail, Finished, ReadError, SkipReason};
use super::past::{Done, Past, names_of};
use super::scope::{block_of, blocks_of, container_outcome};
use super::start::{StartError, StartRequest};
use super::state::{FrameId, Path, ROOT_FRAME};
use super::status::{Outcome, Status};
use super::variable;
use super::{Moment, Run, Step, StepBuffer};
use crate::definition::{Action, ActionId, Behavior, BlockId, Flow, ROOT_BLOCK, ShapeId};
use crate::limits::{RESUME_BYTES_MAX, RESUME_OPEN_ACTIONS_MAX, RESUME_PART_BYTES_MAX};
use durable::{Batch, ProcessKind, Standing, Ticks};
use expr::{Str, Value, value::eq_ignore_case};
use std::collections::HashMap;
use std::sync::Arc;

/// Why a run cannot go on where another ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("What the run finished is too much to be carried over.")]
    TooLarge,
}

impl Run {
    /// Begins a run that goes on where another ended, and takes its first step. What is
    /// carried over may be several parts: they become durable together with that step.
    pub fn resume(
        mut request: StartRequest<'_>,
        past: &Past,
        moment: Moment,
    ) -> Result<(Run, Vec<Step>), ResumeError> {
        let (is_held, start_key) = (request.is_held, request.start_key.take());
        let mut run = Run::begin_run(request, moment)?;
        run.step.events.resumed(past.id);
        run.state.is_resuming = true;
        run.step.folding = true;
        let flow = Arc::clone(&run.flow);
        let names = names_of(&flow);
        let (changes, parts) = (Vec::new(), Vec::new());
        let (open, bytes) = (0, 0);
        let mut carrier =
            Carrier { run: &mut run, past, flow, names, changes, open, parts, bytes, moment };
        carrier.block(ROOT_BLOCK, ROOT_BLOCK, &Path::default())?;
        carrier.make_room()?;
        let (variables, mut steps) = (carrier.variables(), std::mem::take(&mut carrier.parts));
        run.step.events.carried_all(&variables);
        run.apply_carried_all(variables)?;
        run.step.folding = false;
        if !is_held {
            run.go_on();
        }
        steps.push(run.finish_step());
        if let Some(first) = steps.first_mut() {
            first.batch.start_key = start_key;
        }
        Ok((run, steps))
    }

    /// What was carried over so far, as a part of its own.
    fn cut_part(&mut self, moment: Moment) -> Step {
        let seq = self.step.first_seq + u64::from(self.step.events.events);
        let next = StepBuffer { folding: true, ..StepBuffer::new(moment, seq) };
        let buffer = std::mem::replace(&mut self.step, next);
        self.state.seq = seq;
        let mut batch = Batch::new(self.id, ProcessKind::Run, buffer.first_seq);
        batch.events = buffer.events.events;
        batch.chunk = Some(durable::codec::compress(&buffer.events.bytes));
        batch.payloads = buffer.events.payloads;
        batch.standing = Standing::Live { due: Some(buffer.now) };
        Step {
            batch,
            status: self.state.status,
            code: Str::new(),
            error: None,
            end: None,
            effects: Vec::new(),
            reply: None,
            more: true,
        }
    }

    pub(super) fn apply_carried_all(
        &mut self,
        variables: Vec<Option<Value>>,
    ) -> Result<(), ReadError> {
        if variables.len() != self.flow.variables.len() {
            return Err(ReadError::Corrupt("a variable is not in the definition"));
        }
        self.state.variables = variables;
        self.state.is_resuming = false;
        Ok(())
    }
}

/// What carries over.
struct Carrier<'a> {
    run: &'a mut Run,
    past: &'a Past,
    flow: Arc<Flow>,
    names: HashMap<String, ActionId>,
    /// What was done to variables: when, by which action, with which inputs.
    changes: Vec<(u64, ActionId, Value)>,
    /// Actions of iterations that go on.
    open: usize,
    /// Parts that are whole, and their bytes.
    parts: Vec<Step>,
    bytes: usize,
    moment: Moment,
}

type Carried = Result<(), ResumeError>;

impl Carrier<'_> {
    /// Ends the part when it is large.
    fn make_room(&mut self) -> Carried {
        let events = &self.run.step.events;
        let bytes = events.bytes.len() + events.payload_bytes;
        if self.bytes.saturating_add(bytes) > RESUME_BYTES_MAX {
            return Err(ResumeError::TooLarge);
        }
        if bytes >= RESUME_PART_BYTES_MAX {
            self.bytes += bytes;
            self.parts.push(self.run.cut_part(self.moment));
        }
        Ok(())
    }

    /// Actions of a block of which some may have to run.
    fn block(&mut self, block: BlockId, old: BlockId, path: &Path) -> Carried {
        let flow = Arc::clone(&self.flow);
        for id in &flow.block(block).actions {
            self.make_room()?;
            self.decide(flow.action(*id), old, path)?;
        }
        Ok(())
    }

    fn decide(&mut self, action: &Action, old: BlockId, path: &Path) -> Carried {
        if self.status(action, path) != Status::NotStarted {
            return Ok(());
        }
        let flow = Arc::clone(&self.flow);
        let mut unmet = None;
        for after in &action.run_after {
            let was = self.status(flow.action(after.action), path);
            if !was.is_final() {
                return Ok(());
            }
            if unmet.is_none() && !after.statuses.contains(was) {
                unmet = Some(SkipReason::Condition { on: after.action, was });
            }
        }
        if let Some(reason) = unmet {
            return self.skip(action.id, path, &reason);
        }
        let past = self.past;
        let Some(old_id) = past.find(&action.name, &action.behavior, old) else { return Ok(()) };
        let Some(done) = past.done(old_id, path) else { return Ok(()) };
        let is_response = matches!(action.behavior, Behavior::Response { .. });
        if is_response && done.skip == Some(SkipReason::Response) {
            // nobody waits for this run either
            return self.skip(action.id, path, &SkipReason::Response);
        }
        match (&done.end, &done.begun) {
            // what ended the run would end this one
            (Some(end), _) if is_terminate(action) && end.inputs.is_some() => Ok(()),
            (Some(end), _) if end.status == Status::Succeeded => {
                self.whole(action, old_id, path, done, end)
            }
            (_, Some((inputs, detail))) if action.static_result.is_none() => {
                self.open_again(action, old_id, path, (done, inputs, detail))
            }
            _ => Ok(()),
        }
    }

    /// An action as it was, with all that it holds.
    fn whole(
        &mut self,
        action: &Action,
        old_id: ActionId,
        path: &Path,
        done: &Done,
        end: &Finished,
    ) -> Carried {
        if blocks_of(&action.behavior).next().is_some() {
            let begun = done.begun.as_ref();
            let detail = begun.and_then(|(_, detail)| self.detail(action, old_id, detail));
            match (begun, detail) {
                (Some((inputs, _)), Some(detail)) => {
                    self.start(action, path, inputs, detail.clone())?;
                    self.content(action, old_id, path, &detail)?;
                }
                _ => {
                    let frame = self.run.frame_at(action.id, path)?;
                    let reason = ended(action.id, end);
                    self.run.skip_content(frame, action, &reason);
                }
            }
        }
        let begun = done.begun.as_ref().map(|(inputs, _)| inputs.clone());
        let is_call = blocks_of(&action.behavior).next().is_none();
        let inputs = end.inputs.clone().or(begun.filter(|it| is_call && !it.is_null()));
        let finished =
            Finished { action: action.id, path: path.clone(), inputs, ..Finished::clone(end) };
        self.end(action, done, finished)
    }

    /// What a container holds, as it was.
    fn content(
        &mut self,
        action: &Action,
        old_id: ActionId,
        path: &Path,
        detail: &Detail,
    ) -> Carried {
        let past = self.past;
        let old = past.flow.action(old_id);
        match detail {
            Detail::Branch(branch) => {
                let old_branch = match past.done(old_id, path).and_then(|it| it.begun.as_ref()) {
                    Some((_, Detail::Branch(branch))) => *branch,
                    _ => *branch,
                };
                let block = block_of(&action.behavior, *branch);
                self.as_it_was(action.id, block, block_of(&old.behavior, old_branch), path)
            }
            Detail::Foreach { .. } | Detail::Until { .. } => {
                let (body, old) = (block_of(&action.behavior, 0), block_of(&old.behavior, 0));
                let is_empty = self.flow.block(body).actions.is_empty();
                for index in self.order_of(action, old_id, path).filter(|_| !is_empty) {
                    self.as_it_was(action.id, body, old, &path.inner(index))?;
                }
                Ok(())
            }
            Detail::Timer { .. } | Detail::Call { .. } => Ok(()),
        }
    }

    /// A block of something that is over: what it did not hold then does not run any more.
    fn as_it_was(&mut self, owner: ActionId, block: BlockId, old: BlockId, path: &Path) -> Carried {
        let (flow, past) = (Arc::clone(&self.flow), self.past);
        let not_there = SkipReason::Dependency {
            container: owner,
            status: Status::Succeeded,
            code: "NotSpecified".into(),
        };
        for id in &flow.block(block).actions {
            self.make_room()?;
            let action = flow.action(*id);
            let found = past.find(&action.name, &action.behavior, old);
            let done = found.and_then(|old_id| Some((old_id, past.done(old_id, path)?)));
            match done {
                Some((old_id, done @ Done { end: Some(end), .. })) => {
                    self.whole(action, old_id, path, done, end)?;
                }
                Some((_, Done { skip: Some(reason), .. })) => {
                    let reason = self.reason(reason).unwrap_or_else(|| not_there.clone());
                    self.skip(*id, path, &reason)?;
                }
                _ => self.skip(*id, path, &not_there)?,
            }
        }
        Ok(())
    }

    /// A container that did not succeed goes on: what it decided when it began stays.
    fn open_again(
        &mut self,
        action: &Action,
        old_id: ActionId,
        path: &Path,
        (done, inputs, begun): (&Done, &Value, &Detail),
    ) -> Carried {
        let Some(detail) = self.detail(action, old_id, begun) else { return Ok(()) };
        let old = self.past.flow.action(old_id);
        let body = block_of(&action.behavior, 0);
        let is_empty = self.flow.block(body).actions.is_empty();
        match (detail, begun) {
            (Detail::Branch(branch), Detail::Branch(old_branch)) => {
                self.start(action, path, inputs, Detail::Branch(branch))?;
                let block = block_of(&action.behavior, branch);
                self.block(block, block_of(&old.behavior, *old_branch), path)?;
                self.end_container(action, path, done, block)
            }
            (detail @ Detail::Foreach { .. }, _) if !is_empty => {
                self.start(action, path, inputs, detail)?;
                let old_body = block_of(&old.behavior, 0);
                self.count_open(body, old_body, path, self.past.iterations(old_id, path).count)?;
                for index in self.order_of(action, old_id, path) {
                    self.iteration(action, (body, old_body), &path.inner(index))?;
                }
                Ok(())
            }
            (Detail::Until { count_max, deadline }, _) if !is_empty => {
                let limits = (count_max, deadline.saturating_sub(done.started));
                let detail = self.limits(action, old_id, path, (done, limits))?;
                self.start(action, path, inputs, detail)?;
                let old_body = block_of(&old.behavior, 0);
                let count = self.past.iterations(old_id, path).count;
                for index in 0..count {
                    let inner = path.inner(index);
                    if index + 1 < count {
                        self.as_it_was(action.id, body, old_body, &inner)?;
                    } else {
                        self.iteration(action, (body, old_body), &inner)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Iterations that go on are in memory together, however few go on at a time.
    fn count_open(&mut self, body: BlockId, old: BlockId, path: &Path, count: u32) -> Carried {
        let is_open = |index: &u32| !self.past.is_iteration_done(old, &path.inner(*index));
        let open = (0..count).filter(is_open).count();
        let first = self.flow.block(body).actions.first();
        let shape = first.map(|id| self.flow.shape(self.flow.action(*id).shape));
        let slots = shape.map_or(0, |shape| shape.actions.len());
        self.open = self.open.saturating_add(open.saturating_mul(slots));
        if self.open > RESUME_OPEN_ACTIONS_MAX { Err(ResumeError::TooLarge) } else { Ok(()) }
    }

    fn iteration(
        &mut self,
        owner: &Action,
        (body, old): (BlockId, BlockId),
        path: &Path,
    ) -> Carried {
        if self.past.is_iteration_done(old, path) {
            self.as_it_was(owner.id, body, old, path)
        } else {
            self.block(body, old, path)
        }
    }

    /// Iterations in their order; of a Foreach the one that ended last comes last, since
    /// what follows the loop sees that one.
    fn order_of(
        &self,
        action: &Action,
        old_id: ActionId,
        path: &Path,
    ) -> impl Iterator<Item = u32> + use<> {
        let iterations = self.past.iterations(old_id, path);
        let is_foreach = matches!(action.behavior, Behavior::Foreach { .. });
        let last = Some(iterations.last).filter(|last| is_foreach && *last < iterations.count);
        (0..iterations.count).filter(move |index| Some(*index) != last).chain(last)
    }

    /// Limits of an Until that goes on: the time begins anew, and so does the number of
    /// iterations when the loop had used them up.
    fn limits(
        &mut self,
        action: &Action,
        old_id: ActionId,
        path: &Path,
        (done, (count_max, time)): (&Done, (u32, Ticks)),
    ) -> Result<Detail, ResumeError> {
        let now = self.run.step.now;
        let frame = self.run.frame_at(action.id, path)?;
        let evaluated = match &action.behavior {
            Behavior::Until(until) => self.run.until_limits(frame, action, until),
            _ => Ok(Err(String::new())),
        };
        let (count_max, deadline) = match evaluated {
            Ok(Ok(limits)) => limits,
            Ok(Err(_)) | Err(_) => (count_max, now.saturating_add(time)),
        };
        let is_used_up = done.end.as_ref().is_some_and(|end| end.code == "ActionUntilLimitReached");
        let used = match is_used_up {
            true => self.past.iterations(old_id, path).count,
            false => 0,
        };
        Ok(Detail::Until { count_max: count_max.saturating_add(used), deadline })
    }

    /// A container that is open again, and of which nothing is left to run.
    fn end_container(
        &mut self,
        action: &Action,
        path: &Path,
        done: &Done,
        block: BlockId,
    ) -> Carried {
        let frame = self.run.frame_at(action.id, path)?;
        let slot = self.run.state.slot(&self.flow, frame, action.id);
        if slot.open > 0 || slot.status != Status::Running {
            return Ok(());
        }
        let status = self.run.block_status(self.run.state.frames.get(frame), block);
        let Outcome { status, code, error, outputs } = container_outcome(status);
        let (inputs, tracked, ended) = (None, None, None);
        let (action_id, path) = (action.id, path.clone());
        let finished = Finished {
            action: action_id,
            path,
            status,
            code,
            inputs,
            outputs,
            error,
            tracked,
            ended,
        };
        self.end(action, done, finished)
    }

    /// A beginning as this version has it: a case of a Switch is found by its name.
    fn detail(&self, action: &Action, old_id: ActionId, detail: &Detail) -> Option<Detail> {
        let old = &self.past.flow.action(old_id).behavior;
        let Detail::Branch(branch) = detail else { return Some(detail.clone()) };
        let (Behavior::Switch { cases, .. }, Behavior::Switch { cases: old, .. }) =
            (&action.behavior, old)
        else {
            return Some(Detail::Branch(*branch));
        };
        let place = match old.get(*branch as usize) {
            None => cases.len(),
            Some(case) => cases.iter().position(|it| eq_ignore_case(&it.name, &case.name))?,
        };
        Some(Detail::Branch(place as u32))
    }

    /// A reason as this version has it.
    fn reason(&self, reason: &SkipReason) -> Option<SkipReason> {
        let find = |id: ActionId| {
            let name = self.past.name(id)?;
            self.names.get(&name.as_str().to_lowercase()).copied()
        };
        Some(match reason {
            SkipReason::Condition { on, was } => {
                SkipReason::Condition { on: find(*on)?, was: *was }
            }
            SkipReason::Dependency { container, status, code } => SkipReason::Dependency {
                container: find(*container)?,
                status: *status,
                code: code.clone(),
            },
            SkipReason::Branch | SkipReason::Response | SkipReason::Terminated => reason.clone(),
        })
    }

    fn skip(&mut self, id: ActionId, path: &Path, reason: &SkipReason) -> Carried {
        let frame = self.run.frame_at(id, path)?;
        self.run.skip(frame, id, reason);
        Ok(())
    }

    fn start(&mut self, action: &Action, path: &Path, inputs: &Value, detail: Detail) -> Carried {
        let now = self.run.step.now;
        let frame = self.run.frame_at(action.id, path)?;
        self.run.step.events.started(action.id, path, inputs, &detail);
        let branch = match &detail {
            Detail::Branch(branch) => Some(*branch),
            _ => None,
        };
        self.run.apply_started(frame, action.id, inputs.clone(), detail, now)?;
        if let Some(branch) = branch {
            let chosen = block_of(&action.behavior, branch);
            for block in blocks_of(&action.behavior).filter(|block| *block != chosen) {
                self.run.skip_block(frame, block, &SkipReason::Branch);
            }
        }
        Ok(())
    }

    fn end(&mut self, action: &Action, done: &Done, finished: Finished) -> Carried {
        let now = self.run.step.now;
        let changes = matches!(
            action.behavior,
            Behavior::InitializeVariable { .. }
                | Behavior::SetVariable { .. }
                | Behavior::IncrementVariable { .. }
                | Behavior::DecrementVariable { .. }
                | Behavior::AppendToStringVariable { .. }
                | Behavior::AppendToArrayVariable { .. }
        );
        let is_counted = done.is_carried && self.past.variables.is_some();
        if let (true, Status::Succeeded, Some(inputs)) =
            (changes, finished.status, &finished.inputs)
            && !is_counted
        {
            self.changes.push((done.order, action.id, inputs.clone()));
        }
        self.run.step.events.carried(done.started, &finished);
        self.run.apply_finished(finished, Some(done.started), now)?;
        Ok(())
    }

    /// Variables as the carried actions left them, in the order in which they did.
    fn variables(&mut self) -> Vec<Option<Value>> {
        let mut variables = vec![None; self.flow.variables.len()];
        for (place, name) in variables.iter_mut().zip(&self.flow.variables) {
            let known = self.past.flow.variables.iter().position(|it| eq_ignore_case(it, name));
            let value = known.and_then(|at| self.past.variables.as_ref()?.get(at));
            *place = value.cloned().flatten();
        }
        self.changes.sort_by_key(|(order, ..)| *order);
        for (_, id, inputs) in &self.changes {
            variable::apply(&self.flow, self.flow.action(*id), &mut variables, inputs);
        }
        variables
    }

    /// Where an action stands; iterations that are not open have not begun.
    fn status(&self, action: &Action, path: &Path) -> Status {
        let frame = self.frame(action, path);
        frame.map_or(Status::NotStarted, |frame| {
            self.run.state.slot(&self.flow, frame, action.id).status
        })
    }

    fn frame(&self, action: &Action, path: &Path) -> Option<FrameId> {
        let mut shapes: Vec<ShapeId> = Vec::new();
        let mut at = action.shape;
        while let Some(parent) = self.flow.shape(at).parent {
            shapes.push(at);
            at = parent;
        }
        let mut frame = ROOT_FRAME;
        for (shape, index) in shapes.into_iter().rev().zip(path.iter()) {
            let owner = self.flow.shape(shape).owner?;
            let iteration = self.run.state.slot(&self.flow, frame, owner).iteration.as_ref()?;
            let mut running = iteration.running.iter().copied();
            let found = running.find(|it| self.run.state.frames.get(*it).index == index);
            frame = found.or_else(|| self.run.find_aside(iteration, index))?;
        }
        Some(frame)
    }
}

fn is_terminate(action: &Action) -> bool {
    matches!(action.behavior, Behavior::Terminate { .. })
}

/// Why what a container holds did not run when it ended at once.
fn ended(container: ActionId, end: &Finished) -> SkipReason {
    SkipReason::Dependency { container, status: end.status, code: end.code.clone() }
}
