//! Actions that wait: calls, child flows, timers.
//!
//! An action that waits has a [`Pending`]; results, replies and wakeups move it on.
//! What is to be called is derived from its recorded inputs, so that a call can be
//! repeated after a crash with the same idempotency key.

use super::connector::{ConnectorCall, SubscriptionCall};
use super::event::{self, Detail};
use super::page::{self, PageNames};
use super::scope::Begun;
use super::state::{FrameId, Pending, Stage};
use super::status::{ErrorInfo, Outcome, Outputs, Status};
use super::{Run, connector, http, retry};
use crate::definition::{Action, ActionId, Behavior, RetryPolicy, Source};
use crate::limits::POLLS_MAX;
use durable::{Message, MessageKind, ProcessId, Ticks};
use expr::{EvalError, Object, Str, Template, Value};
use std::sync::Arc;

/// An outside call, to be made once the batch that intends it is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Unique within the run, the same for every attempt.
    pub id: u64,
    pub attempt: u32,
    /// The definition allows to repeat it when it may have left before.
    pub repeatable: bool,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Http(Box<HttpRequest>),
    Child(Box<ChildCall>),
    Connector(Box<ConnectorCall>),
    Subscribe(Box<SubscriptionCall>),
}

/// A request of an Http action, evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    pub method: Str,
    pub uri: Str,
    pub queries: Vec<(Str, Str)>,
    pub headers: Vec<(Str, Str)>,
    /// `None`: no body.
    pub body: Option<Value>,
    pub cookie: Option<Str>,
    pub authentication: Value,
    pub idempotency_key: String,
    pub is_chunked: bool,
}

/// A run of another flow.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildCall {
    /// The id the child gets, the same for every attempt.
    pub child: ProcessId,
    /// `host` of the action.
    pub host: Value,
    pub headers: Value,
    pub body: Option<Value>,
    pub client_tracking_id: Str,
    /// Who invoked this run; null when nobody did.
    pub invoker: Value,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    /// `{statusCode, headers, body}`.
    Answer(Value),
    /// The same of an operation whose list comes in pages.
    Page {
        answer: Value,
        names: PageNames,
    },
    Failure {
        code: Str,
        message: Str,
        is_retryable: bool,
    },
    /// It may have left before a crash and must not be repeated.
    Unknown,
}

/// What a waiting caller gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `{statusCode, headers?, body?}` of a Response action.
    Response(Value),
    /// The run ended without one.
    NoResponse,
}

/// The id of the child that a run's effect starts: always the same.
#[must_use]
pub fn child_id(parent: ProcessId, effect: u64, started: Ticks) -> ProcessId {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in parent.as_bytes().iter().chain(&effect.to_le_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ProcessId::new(started, parent.partition(), (hash >> 32) as u32 ^ hash as u32)
}

impl Run {
    pub(super) fn call(
        &mut self,
        frame: FrameId,
        action: &Action,
        template: &Template,
    ) -> Result<Begun, EvalError> {
        let inputs = match &action.behavior {
            Behavior::Webhook { .. } => self.eval_webhook(frame, template)?,
            _ => self.eval(frame, template)?,
        };
        if let Err(message) = http::check(&action.behavior, &inputs) {
            let outcome = Outcome::failed("BadRequest", message);
            return Ok(Begun::Over(Some(inputs), outcome));
        }
        let timeout = self.timeout_of(frame, action)?;
        let effect = self.state.next_effect;
        let path = self.frame_path(frame);
        self.step.events.started(action.id, &path, &inputs, &Detail::Call { effect, timeout });
        self.apply_call(frame, action.id, inputs, effect, timeout);
        self.step.effects.extend(self.effect_of(frame, action.id));
        Ok(Begun::Underway)
    }

    fn eval_webhook(&mut self, frame: FrameId, template: &Template) -> Result<Value, EvalError> {
        let callback = self.next_callback();
        let mut context = self.context(frame, None);
        context.callback = Some(callback);
        let value = template.eval(&mut context)?;
        super::bound::check(&value)?;
        Ok(value)
    }

    pub(super) fn apply_call(
        &mut self,
        frame: FrameId,
        id: ActionId,
        inputs: Value,
        effect: u64,
        timeout: Option<Ticks>,
    ) {
        self.state.next_effect = effect + 1;
        let called = self.state.slot(&self.flow, frame, id).started;
        let stage = Stage::Called;
        let pending = Pending { effect, attempt: 1, polls: 0, stage, called, timeout, pages: None };
        self.park(frame, id, inputs, pending);
    }

    pub(super) fn park(&mut self, frame: FrameId, id: ActionId, inputs: Value, pending: Pending) {
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot_mut(&flow, frame, id);
        slot.inputs = inputs;
        slot.pending = Some(Box::new(pending));
        self.state.parked.push((frame, id));
    }

    fn timeout_of(&mut self, frame: FrameId, action: &Action) -> Result<Option<Ticks>, EvalError> {
        let Some(template) = &action.timeout else { return Ok(None) };
        let value = self.eval(frame, template)?;
        let Some(text) = value.as_str() else {
            return Err(EvalError::new("'limit.timeout' must be an ISO 8601 duration"));
        };
        let end = expr::format::duration::parse_iso8601(text)?.add_to(self.step.now);
        Ok(Some(end.max(self.step.now)))
    }

    pub(super) fn wait(
        &mut self,
        frame: FrameId,
        action: &Action,
        template: &Template,
    ) -> Result<Begun, EvalError> {
        let inputs = self.eval(frame, template)?;
        let due = wait_until(&inputs, self.step.now)?;
        if due <= self.step.now {
            return Ok(Begun::Over(Some(inputs), Outcome::ok(Outputs::None)));
        }
        let timeout = self.timeout_of(frame, action)?;
        let path = self.frame_path(frame);
        self.step.events.started(action.id, &path, &inputs, &Detail::Timer { due, timeout });
        self.apply_timer(frame, action.id, inputs, due, timeout);
        Ok(Begun::Underway)
    }

    pub(super) fn apply_timer(
        &mut self,
        frame: FrameId,
        id: ActionId,
        inputs: Value,
        due: Ticks,
        timeout: Option<Ticks>,
    ) {
        let stage = Stage::Timer { due };
        let called = self.state.slot(&self.flow, frame, id).started;
        let pending =
            Pending { effect: 0, attempt: 0, polls: 0, stage, called, timeout, pages: None };
        self.park(frame, id, inputs, pending);
    }

    /// What the waiting action calls at its present stage.
    pub(super) fn effect_of(&self, frame: FrameId, id: ActionId) -> Option<Effect> {
        let slot = self.state.slot(&self.flow, frame, id);
        let pending = slot.pending.as_ref()?;
        let action = self.flow.action(id);
        let mut repeatable = true;
        let request = match &action.behavior {
            Behavior::Http { retry, .. } => {
                let policy = retry::policy_of(retry, &slot.inputs);
                let is_poll = matches!(pending.stage, Stage::Polled { .. });
                repeatable = is_poll || policy != RetryPolicy::None;
                Request::Http(Box::new(http::request(self, frame, action, slot, pending)))
            }
            Behavior::Workflow { .. } => Request::Child(Box::new(ChildCall {
                child: child_id(self.id, pending.effect, slot.started),
                host: slot.inputs.get("host").cloned().unwrap_or_default(),
                headers: http::named_value(slot.inputs.get("headers")),
                body: slot.inputs.get("body").cloned(),
                client_tracking_id: self.state.trigger.client_tracking_id.clone(),
                invoker: self.state.invoker.clone(),
            })),
            Behavior::Connector { source, retry, .. } => {
                let policy = retry::policy_of(retry, &slot.inputs);
                let is_poll = matches!(pending.stage, Stage::Polled { .. });
                repeatable = is_poll || policy != RetryPolicy::None;
                Request::Connector(Box::new(connector::call(self, action, *source, slot, pending)))
            }
            Behavior::Webhook { source, retry, .. } => {
                let inputs = slot.inputs.clone();
                let retry = match source {
                    Source::Http => retry::policy_of(retry, inputs.get("subscribe")?),
                    _ => retry::policy_of(retry, &inputs),
                };
                Request::Subscribe(Box::new(SubscriptionCall {
                    process: child_id(self.id, pending.effect, slot.started),
                    source: *source,
                    operation_name: action.name.clone(),
                    inputs,
                    invoker: self.state.invoker.clone(),
                    retry,
                }))
            }
            _ => return None,
        };
        Some(Effect { id: pending.effect, attempt: pending.attempt, repeatable, request })
    }

    /// Wakeups: whatever is due by now goes on; after loading also what was ready.
    pub(super) fn wake(&mut self) {
        let now = self.step.now;
        for (frame, id) in self.state.parked.clone() {
            let slot = self.state.slot(&self.flow, frame, id);
            let Some(pending) = &slot.pending else { continue };
            if pending.timeout.is_some_and(|timeout| timeout <= now) {
                self.time_out(frame, id);
                continue;
            }
            match &pending.stage {
                Stage::Timer { due } if *due <= now => {
                    self.finish(frame, id, None, Outcome::ok(Outputs::None));
                }
                Stage::Retrying { due, .. } | Stage::Polling { due, .. } if *due <= now => {
                    let path = self.frame_path(frame);
                    self.step.events.begin(event::CALLED_AGAIN);
                    self.step.events.action(id, &path);
                    self.apply_called_again(frame, id, now);
                    self.step.effects.extend(self.effect_of(frame, id));
                }
                _ => {}
            }
        }
    }

    pub(super) fn apply_called_again(&mut self, frame: FrameId, id: ActionId, now: Ticks) {
        let flow = Arc::clone(&self.flow);
        let Some(pending) = &mut self.state.slot_mut(&flow, frame, id).pending else { return };
        pending.attempt += 1;
        pending.called = now;
        pending.stage = match std::mem::replace(&mut pending.stage, Stage::Called) {
            Stage::Polling { location, .. } => {
                pending.polls += 1;
                Stage::Polled { location }
            }
            Stage::Retrying { poll: Some(location), .. } => Stage::Polled { location },
            _ => Stage::Called,
        };
    }

    fn time_out(&mut self, frame: FrameId, id: ActionId) {
        self.give_up_call(frame, id);
        let message = format!(
            "The execution of template action '{}' timed out: the time of 'limit.timeout' is over.",
            self.flow.action(id).name
        );
        let outcome = Outcome {
            status: Status::TimedOut,
            code: "ActionTimedOut".into(),
            error: Some(ErrorInfo::new("ActionTimedOut", message)),
            outputs: Outputs::None,
        };
        self.finish(frame, id, None, outcome);
    }

    /// The result of a call is not waited for any more; a child run is cancelled, a
    /// subscription ended.
    pub(super) fn give_up_call(&mut self, frame: FrameId, id: ActionId) {
        let slot = self.state.slot(&self.flow, frame, id);
        let Some(pending) = slot.pending.as_ref().filter(|pending| pending.effect != 0) else {
            return;
        };
        // what was to begin with this step stays undone
        let intended = self.step.effects.len();
        self.step.effects.retain(|effect| effect.id != pending.effect);
        let has_left = self.step.effects.len() == intended;
        if !has_left && pending.attempt == 1 {
            return;
        }
        // a page that came with this step has ended it already
        if pending.is_called() && !self.step.effects_done.contains(&pending.effect) {
            self.step.effects_done.push(pending.effect);
        }
        let has_process = matches!(
            self.flow.action(id).behavior,
            Behavior::Workflow { .. } | Behavior::Webhook { .. }
        );
        if has_process {
            self.step.messages.push(Message {
                to: child_id(self.id, pending.effect, slot.started),
                from: Some(self.id),
                effect: pending.effect,
                kind: MessageKind::Cancel,
                body: Vec::new(),
            });
        }
    }

    /// The subscription of a webhook that was answered needs no call to end it.
    fn end_subscription(&mut self, frame: FrameId, id: ActionId) {
        let slot = self.state.slot(&self.flow, frame, id);
        let Some(effect) = slot.pending.as_ref().map(|pending| pending.effect) else { return };
        self.step.messages.push(Message {
            to: child_id(self.id, effect, slot.started),
            from: Some(self.id),
            effect,
            kind: MessageKind::Cancel,
            body: connector::ANSWERED.to_vec(),
        });
    }

    fn find_call(&self, effect: u64) -> Option<(FrameId, ActionId)> {
        self.state.parked.iter().copied().find(|(frame, action)| {
            let pending = &self.state.slot(&self.flow, *frame, *action).pending;
            pending.as_ref().is_some_and(|pending| pending.effect == effect && effect != 0)
        })
    }

    /// An attempt ended. Results of earlier attempts, and late ones, change nothing.
    pub(super) fn take_result(&mut self, effect: u64, attempt: u32, result: CallResult) {
        let Some((frame, id)) = self.find_call(effect) else { return };
        let flow = Arc::clone(&self.flow);
        let slot = self.state.slot(&flow, frame, id);
        let Some(pending) = slot.pending.clone() else { return };
        if pending.attempt != attempt || !pending.is_called() {
            return;
        }
        self.step.effects_done.push(effect);
        let action = flow.action(id);
        let (result, names) = page::named(result);
        let policy = match &action.behavior {
            Behavior::Http { retry, .. }
            | Behavior::Workflow { retry, .. }
            | Behavior::Connector { retry, .. } => retry::policy_of(retry, &slot.inputs),
            _ => RetryPolicy::None,
        };
        if let Some(poll) = self.poll_of(action, &slot.inputs, &pending, &result) {
            self.poll_later(frame, id, poll);
            return;
        }
        if let Some((error, asked)) = retry::retryable(&result) {
            let number = attempt.saturating_sub(pending.polls);
            let random = self.step.entropy.next_number();
            if let Some(delay) = retry::delay(&policy, number, asked, random) {
                self.retry_later(frame, id, &error, self.step.now.saturating_add(delay));
                return;
            }
        }
        let Some(result) = self.next_page(frame, id, &pending, result, &names) else { return };
        let outcome = http::outcome(&action.name, result);
        self.finish(frame, id, None, outcome);
    }

    /// Where and when to ask for the status of an answer 202.
    fn poll_of(
        &self,
        action: &Action,
        inputs: &Value,
        pending: &Pending,
        result: &CallResult,
    ) -> Option<(Str, Ticks)> {
        let CallResult::Answer(answer) = result else { return None };
        let is_http = matches!(action.behavior, Behavior::Http { .. } | Behavior::Connector { .. });
        if !is_http || action.options.disable_async_pattern || pending.polls >= POLLS_MAX {
            return None;
        }
        if answer.get("statusCode").and_then(Value::as_int) != Some(202) {
            return None;
        }
        let headers = answer.get("headers");
        let location = match headers.and_then(|headers| headers.get("Location")) {
            Some(Value::String(location)) => {
                let asked = match &pending.stage {
                    Stage::Polled { location } => location.clone(),
                    _ => inputs.get("uri").map(Value::text).unwrap_or_default(),
                };
                http::absolute(&asked, location)
            }
            _ => match &pending.stage {
                Stage::Polled { location } => location.clone(),
                _ => return None,
            },
        };
        let delay = retry::retry_after(answer).unwrap_or(http::POLL_INTERVAL);
        Some((location, self.step.now.saturating_add(delay)))
    }

    fn poll_later(&mut self, frame: FrameId, id: ActionId, (location, due): (Str, Ticks)) {
        let path = self.frame_path(frame);
        self.step.events.begin(event::POLL_LATER);
        self.step.events.action(id, &path);
        self.step.events.text(&location);
        self.step.events.ticks(due);
        self.apply_stage(frame, id, Stage::Polling { due, location });
    }

    fn retry_later(&mut self, frame: FrameId, id: ActionId, error: &ErrorInfo, due: Ticks) {
        let path = self.frame_path(frame);
        let slot = self.state.slot(&self.flow, frame, id);
        let Some(pending) = &slot.pending else { return };
        let (attempt, started) = (pending.attempt, pending.called);
        self.step.events.begin(event::ATTEMPT_FAILED);
        self.step.events.action(id, &path);
        self.step.events.number(u64::from(attempt));
        self.step.events.ticks(started);
        self.step.events.error(error);
        self.step.events.ticks(due);
        self.apply_retry(frame, id, due);
    }

    /// A failed poll is repeated as a poll: the call itself was taken on.
    pub(super) fn apply_retry(&mut self, frame: FrameId, id: ActionId, due: Ticks) {
        let pending = &self.state.slot(&self.flow, frame, id).pending;
        let poll = match pending.as_ref().map(|pending| &pending.stage) {
            Some(Stage::Polled { location }) => Some(location.clone()),
            _ => None,
        };
        self.apply_stage(frame, id, Stage::Retrying { due, poll });
    }

    pub(super) fn apply_stage(&mut self, frame: FrameId, id: ActionId, stage: Stage) {
        let flow = Arc::clone(&self.flow);
        if let Some(pending) = &mut self.state.slot_mut(&flow, frame, id).pending {
            pending.stage = stage;
        }
    }

    /// A child run answered, or somebody called back.
    pub(super) fn take_reply(&mut self, effect: u64, outputs: Value) {
        let Some((frame, id)) = self.find_call(effect) else { return };
        let pending = &self.state.slot(&self.flow, frame, id).pending;
        // between two attempts nothing is under way
        if pending.as_ref().is_some_and(|pending| pending.is_called()) {
            self.step.effects_done.push(effect);
        }
        let action = self.flow.action(id);
        if matches!(action.behavior, Behavior::Webhook { .. }) {
            let outcome = connector::webhook_outcome(&action.name, &outputs);
            self.end_subscription(frame, id);
            self.finish(frame, id, None, outcome);
            return;
        }
        let mut outcome = http::outcome(&action.name, CallResult::Answer(outputs));
        if outcome.status == Status::Succeeded {
            outcome.code = "Accepted".into();
        }
        self.finish(frame, id, None, outcome);
    }
}

/// When a Wait ends.
fn wait_until(inputs: &Value, now: Ticks) -> Result<Ticks, EvalError> {
    if let Some(until) = inputs.get("until") {
        let text = until.get("timestamp").and_then(Value::as_str);
        let text = text.ok_or_else(|| EvalError::new("'until.timestamp' must be a timestamp"))?;
        return expr::format::date::parse_ticks(text);
    }
    let interval = inputs.get("interval");
    let part = |name: &str| interval.and_then(|interval| interval.get(name));
    let count = part("count")
        .and_then(|count| count.as_int().or_else(|| count.as_str()?.trim().parse().ok()))
        .ok_or_else(|| EvalError::new("'interval.count' must be a whole number"))?;
    let unit = part("unit").and_then(Value::as_str).unwrap_or_default();
    let months = matches!(unit.to_ascii_lowercase().as_str(), "month");
    let ticks = match unit.to_ascii_lowercase().as_str() {
        "second" => 10_000_000i64,
        "minute" => 600_000_000,
        "hour" => 36_000_000_000,
        "day" => 864_000_000_000,
        "week" => 6_048_000_000_000,
        "month" => 0,
        _ => {
            return Err(EvalError::new(format!(
                "'interval.unit' is '{unit}', expected Second, Minute, Hour, Day, Week or Month"
            )));
        }
    };
    let ticks = ticks
        .checked_mul(count)
        .ok_or_else(|| EvalError::new("the interval of the Wait is too long"))?;
    let duration =
        expr::format::duration::IsoDuration { months: if months { count } else { 0 }, ticks };
    Ok(duration.add_to(now))
}

/// `{statusCode, headers?, body?}` as an object.
#[must_use]
pub fn answer(status: i64, headers: Value, body: Value) -> Value {
    let mut object = Object::with_capacity(3);
    object.push_new("statusCode", status);
    if !headers.is_null() {
        object.push_new("headers", headers);
    }
    object.push_new("body", body);
    object.into()
}
