//! The whole state of a run as bytes, so that loading a long run need not read all of
//! its history. Only runs that wait are written: nothing is on their stack.
//!
//! Invariant: a run loaded from a snapshot goes on exactly as the run that wrote it.

use super::bound::Budget;
use super::event::{EventReader, EventWriter, Payloads, ReadError};
use super::page::{Pages, items_of};
use super::soundness::{check_loop, check_reason, check_slot};
use super::state::{Caller, Frame, FrameId, LoopState, Pending, ROOT_FRAME, Slot, Stage, State};
use super::status::Status;
use super::{Run, StepBuffer};
use crate::definition::{ActionId, Flow, ROOT_SHAPE, ShapeId};
use crate::run::Moment;
use durable::{ProcessId, Ticks};
use expr::{EvalError, Value};
use std::sync::Arc;

impl Run {
    /// Whether the state can be written in one piece: values that share their parts take
    /// little memory and may be immense when written.
    pub(super) fn fits_snapshot(&self) -> bool {
        let mut budget = Budget::new();
        let state = &self.state;
        let mut pay = || {
            state.variables.iter().flatten().try_for_each(|value| budget.take(value))?;
            state.frames.ids().try_for_each(|frame| pay_frame(state.frames.get(frame), &mut budget))
        };
        pay().is_ok()
    }

    /// Writes the state of a run that waits; large values go to the payloads.
    #[must_use]
    pub fn write_snapshot(&self, now: Ticks) -> EventWriter {
        let state = &self.state;
        let mut out = EventWriter::new(now);
        out.text(&state.trigger.name);
        out.value(&state.trigger.outputs);
        out.ticks(state.trigger.start);
        out.optional_ticks(state.trigger.scheduled);
        let tracking = &state.trigger.client_tracking_id;
        out.text(if state.is_tracked_by_name { "" } else { tracking });
        out.text(state.trigger.origin.as_deref().unwrap_or_default());
        out.caller(state.caller);
        out.bytes.push(state.status as u8);
        out.bytes.push(u8::from(state.responded));
        out.number(state.next_effect);
        out.number(state.variables.len() as u64);
        for variable in &state.variables {
            out.optional_value(variable.as_ref());
        }
        out.frame(self, state.frames.get(ROOT_FRAME));
        out.number(state.parked.len() as u64);
        for (frame, action) in &state.parked {
            out.action(*action, &self.frame_path(*frame));
        }
        if !state.parameters.is_null() || !state.invoker.is_null() {
            out.value(&state.parameters);
        }
        if !state.invoker.is_null() {
            out.value(&state.invoker);
        }
        out
    }

    /// Reads what [`Run::write_snapshot`] wrote after event `seq`.
    pub(super) fn read_snapshot(
        mut self,
        bytes: &[u8],
        seq: u64,
        payloads: &Payloads,
    ) -> Result<Run, ReadError> {
        let mut input = EventReader::new(bytes, payloads)?;
        self.state.seq = seq;
        self.state.trigger.name = input.text()?;
        self.state.trigger.outputs = input.value()?;
        self.state.trigger.start = input.ticks()?;
        self.state.trigger.scheduled = input.optional_ticks()?;
        self.state.trigger.client_tracking_id = input.text()?;
        self.state.is_tracked_by_name = self.state.trigger.client_tracking_id.is_empty();
        self.state.trigger.origin = Some(input.text()?).filter(|origin| !origin.is_empty());
        let (flow, id) = (Arc::clone(&self.flow), self.id);
        self.state.trigger.complete(&flow, id);
        self.state.caller = input.caller()?;
        self.state.status = input.status()?;
        if !matches!(self.state.status, Status::Running | Status::Waiting) {
            return Err(ReadError::Corrupt("a snapshot is of no run that waits"));
        }
        self.state.responded = input.byte()? == 1;
        self.state.next_effect = input.number()?;
        for place in 0..input.number()? {
            let value = input.optional_value()?;
            let variable = self.state.variables.get_mut(place as usize);
            *variable.ok_or(ReadError::Corrupt("a variable is not in the definition"))? = value;
        }
        let root = input.frame(&mut self.state, &flow, ROOT_FRAME, ROOT_SHAPE, ROOT_FRAME)?;
        *self.state.frames.get_mut(ROOT_FRAME) = *root;
        for _ in 0..input.number()? {
            let (action, path) = input.action()?;
            let frame = self.frame_at(action, &path)?;
            self.state.parked.push((frame, action));
        }
        // only runs that have parameters of their own say so, or that somebody invoked
        if !input.is_at_end() {
            self.state.parameters = input.value()?;
        }
        if !input.is_at_end() {
            self.state.invoker = input.value()?;
        }
        self.step = StepBuffer::new(Moment { now: 0, seed: 0 }, seq);
        Ok(self)
    }
}

/// Pays for what a frame holds, without the iterations under way.
fn pay_frame(frame: &Frame, budget: &mut Budget) -> Result<(), EvalError> {
    budget.take(&frame.item)?;
    for slot in &frame.slots {
        budget.take(&slot.inputs)?;
        budget.take(&slot.outputs)?;
        if let Some(pages) = slot.pending.as_ref().and_then(|it| it.pages.as_ref()) {
            pages.iter().flat_map(|(items, _)| items.iter()).try_for_each(|it| budget.take(it))?;
        }
        if let Some(iteration) = &slot.iteration {
            let mut values = iteration.items.iter().chain(&iteration.kept);
            values.try_for_each(|value| budget.take(value))?;
            iteration.last.as_ref().map_or(Ok(()), |last| pay_frame(last, budget))?;
        }
    }
    Ok(())
}

impl EventWriter {
    pub(super) fn optional_value(&mut self, value: Option<&Value>) {
        self.bytes.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.value(value);
        }
    }

    pub(super) fn caller(&mut self, caller: Caller) {
        match caller {
            Caller::Nobody => self.bytes.push(0),
            Caller::Request { deadline } => {
                self.bytes.push(1);
                self.ticks(deadline);
            }
            Caller::Parent { process, effect } => {
                self.bytes.push(2);
                self.bytes.extend_from_slice(process.as_bytes());
                self.number(effect);
            }
        }
    }

    fn frame(&mut self, run: &Run, frame: &Frame) {
        self.number(u64::from(frame.index));
        self.number(u64::from(frame.open));
        self.value(&frame.item);
        self.number(frame.slots.len() as u64);
        for slot in &frame.slots {
            self.slot(run, slot);
        }
    }

    fn slot(&mut self, run: &Run, slot: &Slot) {
        self.bytes.push(slot.status as u8);
        self.number(u64::from(slot.waiting));
        if slot.status == Status::NotStarted {
            return;
        }
        self.number(u64::from(slot.open));
        self.number(u64::from(slot.branch));
        self.ticks(slot.started);
        self.ticks(slot.ended);
        self.code(&slot.code);
        self.value(&slot.inputs);
        self.value(&slot.outputs);
        self.bytes.push(u8::from(slot.error.is_some()));
        if let Some(error) = &slot.error {
            self.error(error);
        }
        self.bytes.push(u8::from(slot.skip.is_some()));
        if let Some(reason) = &slot.skip {
            self.skip_reason(reason);
        }
        self.optional_value(slot.tracked.as_deref());
        self.bytes.push(u8::from(slot.pending.is_some()));
        if let Some(pending) = &slot.pending {
            self.pending(pending);
        }
        self.bytes.push(u8::from(slot.iteration.is_some()));
        if let Some(iteration) = &slot.iteration {
            self.iteration(run, iteration);
        }
    }

    fn pending(&mut self, pending: &Pending) {
        self.number(pending.effect);
        self.number(u64::from(pending.attempt));
        self.number(u64::from(pending.polls));
        self.ticks(pending.called);
        self.optional_ticks(pending.timeout);
        let mark = if pending.pages.is_some() { HAS_PAGES } else { 0 };
        match &pending.stage {
            Stage::Timer { due } => {
                self.bytes.push(1);
                self.ticks(*due);
            }
            Stage::Called => self.bytes.push(2),
            Stage::Retrying { due, poll } => {
                self.bytes.push(3 | mark);
                self.ticks(*due);
                self.text(poll.as_deref().unwrap_or_default());
            }
            Stage::Polling { due, location } => {
                self.bytes.push(4 | mark);
                self.ticks(*due);
                self.text(location);
            }
            Stage::Polled { location } => {
                self.bytes.push(5 | mark);
                self.text(location);
            }
        }
        if let Some(pages) = &pending.pages {
            self.number(pages.len() as u64);
            for (items, next) in pages.iter() {
                self.value(&Value::Array(Arc::clone(items)));
                self.text(next);
            }
        }
    }

    fn iteration(&mut self, run: &Run, iteration: &LoopState) {
        self.value(&Value::Array(Arc::clone(&iteration.items)));
        self.number(u64::from(iteration.next));
        self.bytes.push(iteration.status as u8);
        self.number(u64::from(iteration.count_max));
        self.ticks(iteration.deadline);
        self.value(&Value::array(iteration.kept.clone()));
        self.number(iteration.running.len() as u64);
        for frame in &iteration.running {
            self.frame(run, run.state.frames.get(*frame));
        }
        let has_aside = !iteration.aside.is_empty();
        let mark = if has_aside { HAS_ASIDE } else { 0 };
        self.bytes.push(mark | u8::from(iteration.last.is_some()));
        if let Some(last) = &iteration.last {
            self.frame(run, last);
        }
        if has_aside {
            self.number(iteration.aside.len() as u64);
            for frame in &iteration.aside {
                self.frame(run, run.state.frames.get(*frame));
            }
        }
    }
}

/// With the number of a stage: pages of a list follow.
const HAS_PAGES: u8 = 16;

/// With the mark of the last iteration: iterations that wait for their turn follow.
const HAS_ASIDE: u8 = 2;

const TOO_MANY: ReadError = ReadError::Corrupt("a snapshot does not fit the definition");

impl EventReader<'_> {
    pub(super) fn optional_value(&mut self) -> Result<Option<Value>, ReadError> {
        if self.byte()? == 1 { self.value().map(Some) } else { Ok(None) }
    }

    pub(super) fn caller(&mut self) -> Result<Caller, ReadError> {
        Ok(match self.byte()? {
            0 => Caller::Nobody,
            1 => Caller::Request { deadline: self.ticks()? },
            2 => Caller::Parent { process: self.process()?, effect: self.number()? },
            _ => return Err(ReadError::Corrupt("unknown kind of caller")),
        })
    }

    pub(super) fn process(&mut self) -> Result<ProcessId, ReadError> {
        let mut id = [0; ProcessId::BYTES];
        for place in &mut id {
            *place = self.byte()?;
        }
        ProcessId::from_bytes(&id).ok_or(ReadError::Corrupt("id is cut short"))
    }

    /// A frame of a shape; frames of its loops are added to the state. `own` is the id that
    /// the frame has for them.
    fn frame(
        &mut self,
        state: &mut State,
        flow: &Flow,
        parent: FrameId,
        shape: ShapeId,
        own: FrameId,
    ) -> Result<Box<Frame>, ReadError> {
        let mut frame = Frame::fresh(flow, shape, parent, None);
        frame.index = self.small()?;
        frame.open = self.small()?;
        frame.item = self.value()?;
        if self.number()? != frame.slots.len() as u64 {
            return Err(TOO_MANY);
        }
        for (place, action) in flow.shape(shape).actions.iter().enumerate() {
            let slot = self.slot(state, flow, own, *action)?;
            check_slot(flow.action(*action), &slot)?;
            frame.slots[place] = slot;
        }
        Ok(frame)
    }

    /// An iteration that is not over.
    fn inner_frame(
        &mut self,
        state: &mut State,
        flow: &Flow,
        parent: FrameId,
        shape: ShapeId,
    ) -> Result<FrameId, ReadError> {
        // its place is taken first, so that loops within it know their parent
        let id = state.frames.add(Frame::fresh(flow, shape, parent, None));
        let inner = self.frame(state, flow, parent, shape, id)?;
        *state.frames.get_mut(id) = *inner;
        Ok(id)
    }

    fn slot(
        &mut self,
        state: &mut State,
        flow: &Flow,
        frame: FrameId,
        action: ActionId,
    ) -> Result<Slot, ReadError> {
        let mut slot = Slot { status: self.status()?, waiting: self.small()?, ..Slot::default() };
        if slot.status == Status::NotStarted {
            return Ok(slot);
        }
        slot.open = self.small()?;
        slot.branch = self.small()?;
        slot.started = self.ticks()?;
        slot.ended = self.ticks()?;
        slot.code = self.code()?;
        slot.inputs = self.value()?;
        slot.outputs = self.value()?;
        if self.byte()? == 1 {
            slot.error = Some(Box::new(self.error()?));
        }
        if self.byte()? == 1 {
            let reason = self.skip_reason()?;
            check_reason(flow, &reason)?;
            slot.skip = Some(reason);
        }
        slot.tracked = self.optional_value()?.map(Box::new);
        if self.byte()? == 1 {
            slot.pending = Some(Box::new(self.pending()?));
        }
        if self.byte()? == 1 {
            slot.iteration = Some(Box::new(self.iteration(state, flow, frame, action)?));
        }
        Ok(slot)
    }

    fn pending(&mut self) -> Result<Pending, ReadError> {
        let (effect, attempt, polls) = (self.number()?, self.small()?, self.small()?);
        let (called, timeout) = (self.ticks()?, self.optional_ticks()?);
        let mark = self.byte()?;
        let stage = match mark & !HAS_PAGES {
            1 => Stage::Timer { due: self.ticks()? },
            2 => Stage::Called,
            3 => Stage::Retrying {
                due: self.ticks()?,
                poll: Some(self.text()?).filter(|location| !location.is_empty()),
            },
            4 => Stage::Polling { due: self.ticks()?, location: self.text()? },
            5 => Stage::Polled { location: self.text()? },
            _ => return Err(ReadError::Corrupt("unknown stage")),
        };
        let mut pages = None;
        if mark & HAS_PAGES != 0 {
            let pages: &mut Box<Pages> = pages.get_or_insert_default();
            for _ in 0..self.number()? {
                pages.add(items_of(self.value()?)?, self.text()?);
            }
        }
        Ok(Pending { effect, attempt, polls, stage, called, timeout, pages })
    }

    fn iteration(
        &mut self,
        state: &mut State,
        flow: &Flow,
        frame: FrameId,
        action: ActionId,
    ) -> Result<LoopState, ReadError> {
        let shape = flow.shapes.iter().position(|shape| shape.owner == Some(action));
        let shape = ShapeId(shape.ok_or(TOO_MANY)? as u32);
        let array = |value: Value| match value {
            Value::Array(items) => Ok(items),
            _ => Err(ReadError::Corrupt("the items of a loop are no array")),
        };
        let mut iteration = LoopState {
            items: array(self.value()?)?,
            next: self.small()?,
            status: self.status()?,
            count_max: self.small()?,
            deadline: self.ticks()?,
            kept: array(self.value()?)?.to_vec(),
            ..LoopState::default()
        };
        for _ in 0..self.number()? {
            iteration.running.push(self.inner_frame(state, flow, frame, shape)?);
        }
        let mark = self.byte()?;
        if mark & 1 == 1 {
            iteration.last = Some(self.frame(state, flow, frame, shape, frame)?);
        }
        if mark & HAS_ASIDE != 0 {
            for _ in 0..self.number()? {
                let id = self.inner_frame(state, flow, frame, shape)?;
                state.frames.get_mut(id).is_aside = true;
                iteration.aside.push_back(id);
            }
        }
        let open = iteration.running.iter().chain(&iteration.aside);
        let indexes = open.map(|id| state.frames.get(*id).index);
        check_loop(flow.action(action), &iteration, indexes)?;
        Ok(iteration)
    }
}
