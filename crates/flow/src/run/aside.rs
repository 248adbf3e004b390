//! Iterations of a Foreach that another run began and did not finish: the run that goes on
//! has all of them at once, and each waits until the loop has room for it.
//!
//! Invariant: they lie in the order of their numbers and go on in that order, so that the
//! first event of one tells that those before it went on, too.

use super::Run;
use super::event::ReadError;
use super::state::{FrameId, LoopState, ROOT_FRAME};
use super::status::Status;
use crate::definition::{ActionId, Behavior, ShapeId};
use crate::limits::RESUME_OPEN_ACTIONS_MAX;
use std::sync::Arc;

impl Run {
    /// The next one goes on.
    pub(super) fn take_aside(&mut self, frame: FrameId, owner: ActionId) -> Option<FrameId> {
        let flow = Arc::clone(&self.flow);
        let iteration = self.state.slot_mut(&flow, frame, owner).iteration.as_mut()?;
        let inner = iteration.aside.pop_front()?;
        iteration.running.push(inner);
        self.state.frames.get_mut(inner).is_aside = false;
        Some(inner)
    }

    /// Iterations that are opened to be set aside cost memory: there are not too many.
    pub(super) fn check_aside(
        &self,
        shape: ShapeId,
        next: u32,
        index: u32,
    ) -> Result<(), ReadError> {
        if !self.state.is_resuming {
            return Ok(());
        }
        let opened = index.saturating_sub(next) as usize + 1;
        let slots = opened.saturating_mul(self.flow.shape(shape).actions.len());
        // those of iterations that are over as a whole are opened, too, and given back
        match self.state.aside_slots.saturating_add(slots) > 2 * RESUME_OPEN_ACTIONS_MAX {
            true => Err(ReadError::Corrupt("too many iterations are open")),
            false => Ok(()),
        }
    }

    pub(super) fn find_aside(&self, iteration: &LoopState, index: u32) -> Option<FrameId> {
        let index_of = |frame: &FrameId| self.state.frames.get(*frame).index;
        let at = iteration.aside.binary_search_by_key(&index, index_of).ok()?;
        iteration.aside.get(at).copied()
    }

    /// An event of one is read: it went on, and those before it.
    pub(super) fn take_aside_up_to(
        &mut self,
        frame: FrameId,
        owner: ActionId,
        inner: FrameId,
    ) -> Result<(), ReadError> {
        if self.state.is_resuming || self.state.is_closing {
            return Ok(());
        }
        let flow = Arc::clone(&self.flow);
        let room = match &flow.action(owner).behavior {
            Behavior::Foreach { concurrency, .. } => (*concurrency).max(1) as usize,
            _ => 1,
        };
        while let Some(taken) = self.take_aside(frame, owner) {
            let iteration = self.state.slot(&flow, frame, owner).iteration.as_ref();
            if iteration.is_none_or(|iteration| iteration.running.len() > room) {
                return Err(ReadError::Corrupt("an iteration is not the next of its loop"));
            }
            if taken == inner {
                break;
            }
        }
        Ok(())
    }

    /// Whether a frame waits, or an iteration around it does.
    pub(super) fn is_within_aside(&self, frame: FrameId) -> bool {
        let mut at = frame;
        while at != ROOT_FRAME {
            let frame = self.state.frames.get(at);
            if frame.is_aside {
                return true;
            }
            at = frame.parent;
        }
        false
    }

    /// What can go on in an iteration, and in those within it.
    pub(super) fn go_on_within(&mut self, frame: FrameId) {
        self.push_open(frame);
        let slots = self.state.frames.get(frame).slots.iter();
        let loops = slots.filter(|slot| slot.status == Status::Running);
        let inner = loops.filter_map(|slot| slot.iteration.as_ref());
        let inner: Vec<FrameId> = inner.flat_map(|it| it.running.iter().copied()).collect();
        for frame in inner {
            self.go_on_within(frame);
        }
    }
}
