//! History for readers: the records of a run's actions, from its stored chunks.

use super::context::object_of;
use super::event::{Detail, Event, EventReader, Finished, Payloads, ReadError, SkipReason};
use super::mask::Masks;
use super::record::{format_time, repetition_indexes, repetition_name, tracking_id, tracking_part};
use super::skip::skip_error;
use super::state::{Caller, Path, TriggerRun};
use super::status::{ErrorInfo, Outputs, Status, body_of};
use crate::definition::{Action, ActionId, Behavior, Flow};
use durable::{ProcessId, Ticks};
use expr::{Object, Str, Value};
use std::collections::HashMap;

/// One execution of an action.
#[derive(Clone, Debug)]
pub struct Entry {
    pub action: ActionId,
    pub path: Path,
    pub status: Status,
    pub code: Str,
    pub error: Option<ErrorInfo>,
    pub started: Ticks,
    pub ended: Option<Ticks>,
    pub inputs: Option<Value>,
    pub outputs: Option<Value>,
    pub tracked: Option<Value>,
    pub retries: Vec<Value>,
    /// It was executed in the run that this one goes on from.
    pub is_carried: bool,
}

/// Takes chunks one by one and gives the entries they complete.
pub struct HistoryReader<'a> {
    flow: &'a Flow,
    run: ProcessId,
    open: HashMap<(ActionId, Path), Entry>,
    pub trigger: Option<TriggerRun>,
    /// Who invoked it; null when nobody did.
    pub invoker: Value,
    pub caller: Caller,
    /// Status, code, error, outputs and end of the run.
    pub end: Option<(Status, Str, Option<ErrorInfo>, Value, Ticks)>,
    pub cancel_asked: bool,
    /// The run that this one goes on from.
    pub resumed_from: Option<ProcessId>,
    /// Iterations seen of each loop.
    iterations: HashMap<(ActionId, Path), u64>,
    masks: Masks,
}

impl<'a> HistoryReader<'a> {
    #[must_use]
    pub fn new(flow: &'a Flow, run: ProcessId) -> Self {
        HistoryReader {
            flow,
            run,
            open: HashMap::new(),
            trigger: None,
            invoker: Value::Null,
            caller: Caller::Nobody,
            end: None,
            cancel_asked: false,
            resumed_from: None,
            iterations: HashMap::new(),
            masks: Masks::default(),
        }
    }

    /// The same, showing known secrets nowhere.
    #[must_use]
    pub fn masking(self, masks: Masks) -> Self {
        HistoryReader { masks, ..self }
    }

    /// Reads a chunk, decompressed; `each` gets every entry that came to its end.
    /// With `lenient`, large values that are not at hand read as null.
    pub fn read(
        &mut self,
        chunk: &[u8],
        payloads: &Payloads,
        lenient: bool,
        each: &mut dyn FnMut(Entry),
    ) -> Result<(), ReadError> {
        let mut reader = EventReader::new(chunk, payloads)?;
        reader.lenient = lenient;
        let now = reader.now;
        while let Some(event) = reader.next_event()? {
            if let Some(entry) = self.take(event, now)? {
                self.count_iteration(&entry);
                each(entry);
            }
        }
        Ok(())
    }

    fn count_iteration(&mut self, entry: &Entry) {
        let owner = self.flow.shape(self.flow.action(entry.action).shape).owner;
        if let (Some(owner), Some((outer, inner))) = (owner, entry.path.split_inner()) {
            let count = self.iterations.entry((owner, outer)).or_default();
            *count = (*count).max(u64::from(inner) + 1);
        }
    }

    /// How often the body of a loop was run.
    #[must_use]
    pub fn iterations(&self, entry: &Entry) -> u64 {
        self.iterations.get(&(entry.action, entry.path.clone())).copied().unwrap_or(0)
    }

    /// Entries that have not come to their end: what runs now.
    pub fn unfinished(&mut self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.open.drain().map(|(_, entry)| entry).collect();
        entries.sort_by(|a, b| (a.action, &a.path).cmp(&(b.action, &b.path)));
        entries
    }

    fn take(&mut self, event: Event, now: Ticks) -> Result<Option<Entry>, ReadError> {
        match event {
            Event::RunStarted(mut started) => {
                started.trigger.complete(self.flow, self.run);
                self.trigger = Some(started.trigger);
                self.caller = started.caller;
            }
            Event::Started { action, path, inputs, detail } => {
                self.known(action)?;
                let inputs = match &detail {
                    Detail::Foreach { items } => Some(items.clone()),
                    _ => Some(inputs).filter(|inputs| !inputs.is_null()),
                };
                let entry = Entry {
                    status: Status::Running,
                    inputs,
                    ..Entry::new(action, path.clone(), now)
                };
                self.open.insert((action, path), entry);
            }
            Event::Finished(finished) => return self.finished(*finished, now).map(Some),
            Event::Skipped { action, path, reason } => {
                self.known(action)?;
                return self.skipped(action, path, &reason, now).map(Some);
            }
            Event::AttemptFailed { action, path, attempt, started, error, due } => {
                if let Some(entry) = self.open.get_mut(&(action, path)) {
                    let retry = object_of([
                        ("startTime", format_time(started).into()),
                        ("endTime", format_time(now).into()),
                        ("code", error.code.clone().into()),
                        ("attempt", attempt.into()),
                        ("error", error.to_value()),
                        ("nextAttemptTime", format_time(due).into()),
                    ]);
                    entry.retries.push(retry.into());
                    entry.status = Status::Waiting;
                }
            }
            Event::PollLater { .. }
            | Event::CalledAgain { .. }
            | Event::Page { .. }
            | Event::Released
            | Event::Parameters(_)
            | Event::CarriedAll { .. } => {}
            Event::Invoker(invoker) => self.invoker = invoker,
            Event::Resumed { from } => self.resumed_from = Some(from),
            Event::Carried { started, finished } => {
                let entry = self.finished(*finished, now)?;
                return Ok(Some(Entry { started, is_carried: true, ..entry }));
            }
            Event::CancelAsked => self.cancel_asked = true,
            Event::RunFinished { status, code, error, outputs } => {
                self.end = Some((status, code, error, outputs, now));
            }
        }
        Ok(None)
    }

    fn known(&self, action: ActionId) -> Result<(), ReadError> {
        if action.at() < self.flow.actions.len() {
            Ok(())
        } else {
            Err(ReadError::Corrupt("an event names an action that the version does not have"))
        }
    }

    fn finished(&mut self, event: Finished, now: Ticks) -> Result<Entry, ReadError> {
        self.known(event.action)?;
        let begun = self.open.remove(&(event.action, event.path.clone()));
        let mut entry = begun.unwrap_or_else(|| Entry::new(event.action, event.path.clone(), now));
        entry.status = event.status;
        entry.code = event.code;
        entry.error = event.error;
        entry.ended = Some(event.ended.unwrap_or(now));
        entry.inputs = event.inputs.or(entry.inputs);
        entry.outputs = match event.outputs {
            Outputs::None => None,
            Outputs::Inputs => entry.inputs.clone(),
            Outputs::BodyOfInputs => entry.inputs.clone().map(body_of),
            Outputs::Value(value) => Some(value),
        };
        entry.tracked = event.tracked;
        Ok(entry)
    }

    fn skipped(
        &mut self,
        action: ActionId,
        path: Path,
        reason: &SkipReason,
        now: Ticks,
    ) -> Result<Entry, ReadError> {
        let names = match reason {
            SkipReason::Condition { on, .. } => Some(*on),
            SkipReason::Dependency { container, .. } => Some(*container),
            _ => None,
        };
        if let Some(other) = names {
            self.known(other)?;
        }
        let error = skip_error(self.flow, action, reason);
        Ok(Entry {
            status: Status::Skipped,
            code: reason.code().into(),
            error: Some(error),
            ended: Some(now),
            ..Entry::new(action, path, now)
        })
    }

    /// The record of an entry for the wire. Secured parts read `{"$secured": true}`.
    #[must_use]
    pub fn render(&self, entry: &Entry, with_content: bool) -> Object {
        let action = self.flow.action(entry.action);
        let secured = || Value::from(object_of([("$secured", true.into())]));
        let content = |value: &Option<Value>, is_secure: bool| match value {
            Some(value) if with_content && !is_secure => self.masks.value(value.clone()),
            Some(_) if with_content => secured(),
            _ => Value::Null,
        };
        let inputs = match &action.behavior {
            Behavior::Http { .. } | Behavior::Connector { .. } | Behavior::Webhook { .. } => {
                without_credentials(content(&entry.inputs, action.secure_inputs))
            }
            _ => content(&entry.inputs, action.secure_inputs),
        };
        let client = self.trigger.as_ref().map(|trigger| trigger.client_tracking_id.clone());
        let shape = action.shape;
        object_of([
            ("name", action.name.clone().into()),
            ("type", action.type_name.clone().into()),
            ("status", entry.status.name().into()),
            (
                "code",
                Some(entry.code.clone())
                    .filter(|code| !code.is_empty())
                    .map_or(Value::Null, Value::from),
            ),
            ("error", self.masks.value(entry.shown_error(action))),
            ("startTime", format_time(entry.started).into()),
            ("endTime", entry.ended.map_or(Value::Null, |ended| format_time(ended).into())),
            ("inputs", inputs),
            ("outputs", content(&entry.outputs, action.secure_outputs)),
            ("trackedProperties", self.masks.value(entry.tracked.clone().unwrap_or_default())),
            ("trackingId", tracking_id(self.run, tracking_part(entry.action, &entry.path)).into()),
            ("clientTrackingId", client.map_or(Value::Null, Value::from)),
            (
                "repetition",
                if entry.path.is_empty() {
                    Value::Null
                } else {
                    repetition_name(&entry.path).into()
                },
            ),
            ("repetitionIndexes", repetition_indexes(self.flow, shape, &entry.path)),
            ("carried", if entry.is_carried { true.into() } else { Value::Null }),
            (
                "retryHistory",
                match entry.retries.is_empty() {
                    true => Value::Null,
                    false => self.masks.value(Value::array(entry.shown_retries(action))),
                },
            ),
        ])
    }
}

/// What stands for the message of an error that may name what the definition secures.
pub(super) const ERROR_SECURED: &str = "The message is not shown: inputs or outputs are secured.";

impl Entry {
    /// The error for the wire. A message may hold a part of what the action works with.
    fn shown_error(&self, action: &Action) -> Value {
        let error = self.error.as_ref().map(|error| {
            let is_skipped = self.status == Status::Skipped;
            match action.is_secured() && !is_skipped {
                true => ErrorInfo::new(error.code.clone(), ERROR_SECURED).to_value(),
                false => error.to_value(),
            }
        });
        error.unwrap_or_default()
    }

    fn shown_retries(&self, action: &Action) -> Vec<Value> {
        let mut retries = self.retries.clone();
        for retry in retries.iter_mut().filter(|_| action.is_secured()) {
            let Value::Object(shown) = retry else { continue };
            let code = shown.get("error").and_then(|error| error.get("code")).cloned();
            let message = ("message", Value::from(ERROR_SECURED));
            let error = object_of([("code", code.unwrap_or_default()), message]);
            let mut shown = (**shown).clone();
            shown.insert("error", error);
            *retry = shown.into();
        }
        retries
    }

    fn new(action: ActionId, path: Path, started: Ticks) -> Entry {
        Entry {
            action,
            path,
            status: Status::NotStarted,
            code: Str::new(),
            error: None,
            started,
            ended: None,
            inputs: None,
            outputs: None,
            tracked: None,
            retries: Vec::new(),
            is_carried: false,
        }
    }
}

/// The inputs of a call as they are shown: without credentials. A webhook has them in its
/// two calls.
#[must_use]
pub fn without_credentials(inputs: Value) -> Value {
    let Value::Object(object) = &inputs else { return inputs };
    let parts = ["authentication", "subscribe", "unsubscribe"];
    if parts.iter().all(|name| !object.contains(name)) {
        return inputs;
    }
    let mut shown = Object::clone(object);
    for name in ["subscribe", "unsubscribe"] {
        if let Some(call) = shown.get(name).cloned() {
            shown.insert(name, without_credentials(call));
        }
    }
    if let Some((name, value)) = shown.remove("authentication") {
        let kind = value.get("type").cloned().unwrap_or_default();
        shown.insert(name, object_of([("type", kind), ("$secured", true.into())]));
    }
    shown.into()
}
