//! Response actions, what a waiting caller gets, and static results.

use super::Run;
use super::call::{Reply, answer};
use super::context::object_of;
use super::event::SkipReason;
use super::http::status_name;
use super::scope::Begun;
use super::state::{Caller, FrameId};
use super::status::{ErrorInfo, Outcome, Outputs, Status};
use crate::definition::Action;
use durable::{Message, MessageKind};
use expr::{EvalError, Object, Template, Value};

impl Run {
    pub(super) fn respond(
        &mut self,
        frame: FrameId,
        action: &Action,
        template: &Template,
    ) -> Result<Begun, EvalError> {
        match self.state.caller {
            Caller::Nobody => {
                self.skip(frame, action.id, &SkipReason::Response);
                return Ok(Begun::Underway);
            }
            Caller::Request { deadline } if self.step.now > deadline => {
                let message = format!(
                    "The execution of template action '{}' is failed: the client application timed out waiting for a response from service.",
                    action.name
                );
                return Ok(Begun::Over(None, Outcome::failed("ActionResponseTimedOut", message)));
            }
            _ => {}
        }
        let inputs = self.eval(frame, template)?;
        if self.state.responded {
            let message = format!(
                "The execution of template action '{}' is failed: a response was sent before.",
                action.name
            );
            let outcome = Outcome::failed("ActionResponseAlreadyDefined", message);
            return Ok(Begun::Over(Some(inputs), outcome));
        }
        let Some(inputs) = normalized(&inputs) else {
            let message = format!(
                "The 'statusCode' of the Response action '{}' must be 2xx, 4xx or 5xx.",
                action.name
            );
            return Ok(Begun::Over(Some(inputs), Outcome::failed("BadRequest", message)));
        };
        self.reply(Reply::Response(inputs.clone()));
        Ok(Begun::Over(Some(inputs), Outcome::ok(Outputs::Inputs)))
    }

    fn reply(&mut self, reply: Reply) {
        self.state.responded = true;
        match self.state.caller {
            Caller::Nobody => {}
            Caller::Request { .. } => self.step.reply = Some(reply),
            Caller::Parent { process, effect } => {
                let outputs = match reply {
                    Reply::Response(response) => {
                        let part = |name: &str| response.get(name).cloned().unwrap_or_default();
                        let status = part("statusCode").as_int().unwrap_or(200);
                        answer(status, part("headers"), part("body"))
                    }
                    Reply::NoResponse => no_response(self),
                };
                let mut body = Vec::new();
                expr::codec::put(&outputs, &mut body);
                let kind = MessageKind::Reply;
                let from = Some(self.id);
                self.step.messages.push(Message { to: process, from, effect, kind, body });
            }
        }
    }

    /// The run is over: whoever still waits learns that no answer comes.
    pub(super) fn answer_without_response(&mut self) {
        if self.state.caller != Caller::Nobody && !self.state.responded && !self.step.folding {
            self.reply(Reply::NoResponse);
        }
    }
}

fn no_response(run: &Run) -> Value {
    let message = format!(
        "The server did not receive a response from an upstream server. Request tracking id '{}'.",
        super::tracking_id(run.id, 0)
    );
    let error = ErrorInfo::new("NoResponse", message).to_value();
    answer(502, Value::Null, object_of([("error", error)]).into())
}

/// The inputs with a numeric status; `None` when the status is not one.
fn normalized(inputs: &Value) -> Option<Value> {
    let status = match inputs.get("statusCode") {
        None => 200,
        Some(status) => status.as_int().or_else(|| status.as_str()?.trim().parse().ok())?,
    };
    if !matches!(status, 200..=299 | 400..=599) {
        return None;
    }
    let mut object = Object::with_capacity(3);
    object.push_new("statusCode", status);
    if let Some(given) = inputs.as_object() {
        for (name, value) in given.iter() {
            let is_known = name.eq_ignore_ascii_case("statusCode");
            if !is_known && !name.eq_ignore_ascii_case("schema") {
                object.insert(name.clone(), value.clone());
            }
        }
    }
    Some(object.into())
}

/// What an enabled static result gives instead of running the action.
pub(super) fn static_result(result: &Value) -> Begun {
    let status = result.get("status").and_then(Value::as_str).and_then(Status::from_name);
    let status = status.filter(|status| status.is_final()).unwrap_or(Status::Succeeded);
    let outputs = match result.get("outputs") {
        Some(outputs) => Outputs::Value(outputs.clone()),
        None => Outputs::None,
    };
    let text = |value: Option<&Value>| value.map(Value::text).unwrap_or_default();
    let code = result.get("code").or_else(|| result.get("outputs")?.get("statusCode"));
    let code = match code {
        Some(Value::Int(status)) => status_name(*status),
        code => text(code),
    };
    let error = result.get("error").or_else(|| result.get("outputs")?.get("error"));
    let error =
        error.map(|error| ErrorInfo::new(text(error.get("code")), text(error.get("message"))));
    let code = if code.is_empty() { "OK".into() } else { code };
    Begun::Over(None, Outcome { status, code, error, outputs })
}
