//! The end of a run before its actions are over: Terminate and cancel.

use super::Run;
use super::event::{self, Finished, SkipReason};
use super::history::ERROR_SECURED;
use super::scope::Begun;
use super::state::FrameId;
use super::status::{ErrorInfo, Outcome, Outputs, Status};
use crate::definition::Action;
use expr::{EvalError, Template, Value};
use std::sync::Arc;

impl Run {
    pub(super) fn terminate(
        &mut self,
        frame: FrameId,
        action: &Action,
        template: &Template,
    ) -> Result<Begun, EvalError> {
        let inputs = self.eval(frame, template)?;
        let wanted = inputs.get("runStatus").and_then(Value::as_str).and_then(Status::from_name);
        let Some(status @ (Status::Succeeded | Status::Failed | Status::Cancelled)) = wanted else {
            let message = format!(
                "The 'runStatus' of the Terminate action '{}' must be Succeeded, Failed or Cancelled.",
                action.name
            );
            return Ok(Begun::Over(Some(inputs), Outcome::failed("BadRequest", message)));
        };
        let error = inputs.get("runError").filter(|_| status == Status::Failed).map(|error| {
            let text = |name: &str| error.get(name).map(Value::text).unwrap_or_default();
            match action.secure_inputs {
                // a run's error is shown with the run
                true => ErrorInfo::new("", ERROR_SECURED),
                false => ErrorInfo::new(text("code"), text("message")),
            }
        });
        self.finish_quietly(frame, action, inputs);
        self.close_actions();
        let code = error.as_ref().map(|error| error.code.clone()).filter(|code| !code.is_empty());
        let code = code.unwrap_or_else(|| "Terminated".into());
        self.end(status, code, error, Value::Null);
        Ok(Begun::Underway)
    }

    /// Records the end of the Terminate itself; nothing follows from it.
    fn finish_quietly(&mut self, frame: FrameId, action: &Action, inputs: Value) {
        let outcome = Outcome::ok(Outputs::None);
        let tracked = self.apply_end(frame, action.id, Some(&inputs), &outcome, self.step.now);
        let path = self.frame_path(frame);
        self.step.events.finished(&Finished {
            action: action.id,
            path,
            status: outcome.status,
            code: outcome.code,
            inputs: Some(inputs),
            outputs: Outputs::None,
            error: None,
            tracked,
            ended: None,
        });
    }

    pub(super) fn cancel(&mut self) {
        self.step.events.begin(event::CANCEL_ASKED);
        self.close_actions();
        let error = ErrorInfo::new("WorkflowRunCancelled", "The run was cancelled.");
        self.end(Status::Cancelled, "Cancelled".into(), Some(error), Value::Null);
    }

    /// What runs is cancelled, what has not begun is skipped; calls under way are
    /// given up and child runs told.
    fn close_actions(&mut self) {
        let flow = Arc::clone(&self.flow);
        for frame in self.state.frames_in_order(&flow) {
            let shape = self.state.frames.get(frame).shape;
            for id in &flow.shape(shape).actions {
                match self.state.slot(&flow, frame, *id).status {
                    Status::Running | Status::Waiting => {
                        self.cancel_action(frame, flow.action(*id));
                    }
                    Status::NotStarted => {
                        self.record_skip(frame, *id, &SkipReason::Terminated);
                    }
                    _ => {}
                }
            }
        }
    }

    fn cancel_action(&mut self, frame: FrameId, action: &Action) {
        self.give_up_call(frame, action.id);
        let message = format!(
            "The execution of template action '{}' is cancelled: the run was ended before it was over.",
            action.name
        );
        let outcome = Outcome {
            status: Status::Cancelled,
            code: "ActionCancelled".into(),
            error: Some(ErrorInfo::new("ActionCancelled", message)),
            outputs: Outputs::None,
        };
        let tracked = self.apply_end(frame, action.id, None, &outcome, self.step.now);
        let path = self.frame_path(frame);
        self.step.events.finished(&Finished {
            action: action.id,
            path,
            status: outcome.status,
            code: outcome.code,
            inputs: None,
            outputs: Outputs::None,
            error: outcome.error,
            tracked,
            ended: None,
        });
    }
}
