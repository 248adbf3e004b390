//! Actions that do not run, and why.
//!
//! Source: recorded runs; the codes and the wording are theirs.

use super::Run;
use super::event::SkipReason;
use super::scope::blocks_of;
use super::state::FrameId;
use super::status::{ErrorInfo, Status};
use crate::definition::{Action, ActionId, BlockId};
use std::sync::Arc;

impl Run {
    /// Skips an action, and before it everything it contains: once the action itself is
    /// final, its iteration may be over.
    pub(super) fn skip(&mut self, frame: FrameId, id: ActionId, reason: &SkipReason) {
        let flow = Arc::clone(&self.flow);
        self.skip_content(frame, flow.action(id), &skipped(id));
        self.record_skip(frame, id, reason);
        self.settle(frame, id);
    }

    /// Skips what a container holds, as far as it has not been decided about.
    pub(super) fn skip_content(&mut self, frame: FrameId, action: &Action, reason: &SkipReason) {
        for block in blocks_of(&action.behavior) {
            self.skip_block(frame, block, reason);
        }
    }

    /// Skips all of a block that will not run: its first actions for the given reason,
    /// the others because of what they run after. Bodies of loops have no iteration to
    /// record them in.
    pub(super) fn skip_block(&mut self, frame: FrameId, block: BlockId, reason: &SkipReason) {
        let flow = Arc::clone(&self.flow);
        for id in &flow.block(block).actions {
            let action = flow.action(*id);
            if action.shape != self.state.frames.get(frame).shape {
                return;
            }
            if self.state.slot(&flow, frame, *id).status != Status::NotStarted {
                continue;
            }
            self.skip_content(frame, action, &skipped(*id));
            let was = Status::Skipped;
            let unmet = action.run_after.iter().find(|after| !after.statuses.contains(was));
            match unmet {
                Some(after) => {
                    let on = after.action;
                    self.record_skip(frame, *id, &SkipReason::Condition { on, was });
                }
                None => self.record_skip(frame, *id, reason),
            }
        }
    }

    pub(super) fn record_skip(&mut self, frame: FrameId, id: ActionId, reason: &SkipReason) {
        self.apply_skip(frame, id, reason, self.step.now);
        let path = self.frame_path(frame);
        self.step.events.skipped(id, &path, reason);
    }

    pub(super) fn apply_skip(
        &mut self,
        frame: FrameId,
        id: ActionId,
        reason: &SkipReason,
        now: i64,
    ) {
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot_mut(&flow, frame, id);
        slot.status = Status::Skipped;
        slot.code = reason.code().into();
        slot.skip = Some(reason.clone());
        (slot.started, slot.ended) = (now, now);
    }
}

/// Why the content of a skipped container is skipped.
fn skipped(container: ActionId) -> SkipReason {
    SkipReason::Dependency { container, status: Status::Skipped, code: "ActionSkipped".into() }
}

/// The error of a skipped action, in the words of recorded runs.
pub fn skip_error(flow: &crate::definition::Flow, id: ActionId, reason: &SkipReason) -> ErrorInfo {
    let action = flow.action(id);
    let name = &action.name;
    let head = format!("The execution of template action '{name}'");
    let (error_code, message) = match reason {
        SkipReason::Condition { on, was } => {
            let listed = action.run_after.iter().find(|after| after.action == *on);
            let expected = listed.map(|after| after.statuses.names()).unwrap_or_default();
            let (on, was) = (&flow.action(*on).name, was.name());
            let message = format!(
                "{head} is skipped: the 'runAfter' condition for action '{on}' is not satisfied. Expected status values '{expected}' and actual value '{was}'."
            );
            ("ActionConditionFailed", message)
        }
        SkipReason::Branch => {
            let message = format!(
                "{head} skipped: the branching condition for this action is not satisfied."
            );
            ("ActionBranchingConditionNotSatisfied", message)
        }
        SkipReason::Dependency { container, status, code } => {
            let (container, status) = (&flow.action(*container).name, status.name());
            let message = format!(
                "{head} is skipped: dependant action '{container}' completed with status '{status}' and code '{code}'."
            );
            ("ActionDependencyFailed", message)
        }
        SkipReason::Response => {
            let message = format!(
                "{head} is skipped: the client application is not waiting for a response from service."
            );
            ("ActionResponseSkipped", message)
        }
        SkipReason::Terminated => {
            ("Terminated", format!("{head} is skipped: the run was ended before."))
        }
    };
    ErrorInfo::new(error_code, message)
}
