//! What stored events and snapshots may say of a state, so that damaged bytes are an error
//! and not a run that cannot go on.
//!
//! Invariant: in a folded state every action begins and ends at most once, and a frame is
//! given back only when nothing in it is under way.

use super::Run;
use super::event::{Detail, ReadError, SkipReason};
use super::state::{FrameId, LoopState, Slot};
use super::status::Status;
use crate::definition::{Action, ActionId, Behavior, Flow};

impl Run {
    /// An action that begins has not begun, and the container around it has taken its branch.
    pub(super) fn check_begin(
        &self,
        frame: FrameId,
        id: ActionId,
        detail: &Detail,
    ) -> Result<(), ReadError> {
        let action = self.flow.action(id);
        let fits = match (detail, &action.behavior) {
            (Detail::Branch(_), behavior) => is_branching(behavior),
            (Detail::Foreach { .. }, Behavior::Foreach { .. })
            | (Detail::Until { .. }, Behavior::Until(_))
            | (Detail::Timer { .. }, Behavior::Wait { .. })
            | (
                Detail::Call { .. },
                Behavior::Http { .. }
                | Behavior::Workflow { .. }
                | Behavior::Connector { .. }
                | Behavior::Webhook { .. },
            ) => true,
            (
                Detail::Foreach { .. }
                | Detail::Until { .. }
                | Detail::Timer { .. }
                | Detail::Call { .. },
                _,
            ) => false,
        };
        if !fits {
            return Err(ReadError::Corrupt("a beginning does not fit its action"));
        }
        self.check_fresh(frame, id)?;
        let Some(owner) = self.flow.block(action.block).owner.map(|owner| self.flow.action(owner))
        else {
            return Ok(());
        };
        if owner.shape != action.shape {
            return Ok(());
        }
        let is_running = self.state.slot(&self.flow, frame, owner.id).status == Status::Running;
        if is_running && self.chosen_block(frame, owner) == action.block {
            Ok(())
        } else {
            Err(ReadError::Corrupt("an action begins in a block that was not entered"))
        }
    }

    pub(super) fn check_skip(
        &self,
        frame: FrameId,
        id: ActionId,
        reason: &SkipReason,
    ) -> Result<(), ReadError> {
        check_reason(&self.flow, reason)?;
        self.check_fresh(frame, id)
    }

    fn check_fresh(&self, frame: FrameId, id: ActionId) -> Result<(), ReadError> {
        match self.state.slot(&self.flow, frame, id).status {
            Status::NotStarted => Ok(()),
            _ => Err(ReadError::Corrupt("an action begins twice")),
        }
    }

    /// An action that ends has not ended, and nothing in it is under way. A run that is
    /// being closed ends containers before what they hold; it gives no frame back.
    pub(super) fn check_end(
        &self,
        frame: FrameId,
        id: ActionId,
        status: Status,
    ) -> Result<(), ReadError> {
        let slot = self.state.slot(&self.flow, frame, id);
        if !status.is_final() || slot.status.is_final() {
            return Err(ReadError::Corrupt("an action ends twice, or with no final status"));
        }
        let is_busy =
            |iteration: &LoopState| !iteration.running.is_empty() || !iteration.aside.is_empty();
        let holds = slot.open > 0 || slot.iteration.as_deref().is_some_and(is_busy);
        if holds && slot.status == Status::Running && !self.state.is_closing {
            return Err(ReadError::Corrupt("a container ends before what it holds"));
        }
        Ok(())
    }

    /// Iterations are opened in order, as many at a time as the loop may have.
    pub(super) fn check_iteration(
        &self,
        frame: FrameId,
        owner: ActionId,
        index: u32,
    ) -> Result<(), ReadError> {
        let slot = self.state.slot(&self.flow, frame, owner);
        let iteration =
            slot.iteration.as_ref().ok_or(ReadError::Corrupt("a loop has not begun"))?;
        let action = self.flow.action(owner);
        let room = match &action.behavior {
            Behavior::Foreach { concurrency, .. } => concurrency.max(&1),
            _ => &1,
        };
        let room = match self.state.is_resuming {
            // those that are not over wait for their turn
            true => usize::MAX,
            false => (*room as usize).saturating_sub(iteration.running.len()),
        };
        let is_under_way = slot.status == Status::Running || self.state.is_closing;
        let ahead = index.checked_sub(iteration.next).map(|ahead| ahead as usize);
        let is_next = ahead.is_some_and(|ahead| ahead < room);
        if is_under_way && is_next && (index as usize) < count_max(action, iteration) {
            Ok(())
        } else {
            Err(ReadError::Corrupt("an iteration is not the next of its loop"))
        }
    }
}

/// What is stored of an action fits its type and its status.
pub fn check_slot(action: &Action, slot: &Slot) -> Result<(), ReadError> {
    let (has_pending, has_iteration) = (slot.pending.is_some(), slot.iteration.is_some());
    let fits = match &action.behavior {
        _ if slot.status != Status::Running => !has_pending,
        Behavior::Foreach { .. } | Behavior::Until(_) => has_iteration && !has_pending,
        Behavior::Wait { .. }
        | Behavior::Http { .. }
        | Behavior::Workflow { .. }
        | Behavior::Connector { .. }
        | Behavior::Webhook { .. } => has_pending,
        behavior => is_branching(behavior) && !has_pending && !has_iteration,
    };
    if fits { Ok(()) } else { Err(ReadError::Corrupt("an action's state does not fit its type")) }
}

/// The iterations of a loop under way are some that were opened.
pub fn check_loop(
    action: &Action,
    iteration: &LoopState,
    mut running: impl Iterator<Item = u32>,
) -> Result<(), ReadError> {
    let next = iteration.next;
    if next as usize <= count_max(action, iteration) && running.all(|index| index < next) {
        Ok(())
    } else {
        Err(ReadError::Corrupt("an iteration was never opened"))
    }
}

/// Actions that a reason names are of the definition.
pub fn check_reason(flow: &Flow, reason: &SkipReason) -> Result<(), ReadError> {
    let named = match reason {
        SkipReason::Condition { on, .. } => on,
        SkipReason::Dependency { container, .. } => container,
        SkipReason::Branch | SkipReason::Response | SkipReason::Terminated => return Ok(()),
    };
    if named.at() < flow.actions.len() {
        Ok(())
    } else {
        Err(ReadError::Corrupt("a reason names an action that the version does not have"))
    }
}

fn is_branching(behavior: &Behavior) -> bool {
    matches!(behavior, Behavior::If { .. } | Behavior::Switch { .. } | Behavior::Scope { .. })
}

/// Iterations that a loop may come to; an Until runs its body at least once.
fn count_max(action: &Action, iteration: &LoopState) -> usize {
    match &action.behavior {
        Behavior::Until(_) => iteration.count_max.max(1) as usize,
        _ => iteration.items.len(),
    }
}
