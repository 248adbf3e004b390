//! Triggers: what fires them and what their callers get.

use super::App;
use super::catalog::{FlowEntry, FlowState};
use super::error::{AppError, ErrorKind};
use crate::auth::caller::Caller as ApiCaller;
use crate::auth::signature;
use crate::limits::{ANSWER_LOOK_EVERY, SPLIT_RUNS_PER_COMMIT};
use crate::worker::{Engine, Start, Started};
use durable::{ProcessId, StartKey, Ticks};
use expr::{Object, Str, Value};
use flow::definition::{Behavior, Source, Trigger, TriggerBehavior};
use flow::run::state::Caller;
use flow::run::{Reply, Status};
use flow::trigger::fire::{Fired, Occurrence, fire as decide};
use flow::trigger::state::TriggerKind;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A trigger that fired.
pub struct Firing<'a> {
    pub entry: &'a FlowEntry,
    pub trigger: &'a Trigger,
    pub outputs: Value,
    pub raw_body: Option<&'a [u8]>,
    pub tracking: Option<Str>,
    pub scheduled: Option<Ticks>,
    pub caller: Caller,
    pub start_key: Option<StartKey>,
    /// What a run starts with is a part of its key: a question that is asked again may find
    /// more than before.
    pub keyed_by_content: bool,
    /// Who invoked it: [`super::invoker`]. Null: nobody.
    pub invoker: Value,
}

/// What a fired trigger started.
pub enum Firings {
    /// One run, and what it is tracked as when that is not its name.
    One(Box<Started>, Option<Str>),
    /// `splitOn`: one run for each item.
    Split(Vec<ProcessId>),
    /// A condition was false.
    None,
}

/// Decides by conditions and `splitOn`, and starts what they define.
pub async fn fire(engine: &Arc<Engine>, firing: Firing<'_>) -> Result<Firings, AppError> {
    let Firing {
        entry,
        trigger,
        outputs,
        raw_body,
        tracking,
        scheduled,
        caller,
        start_key,
        keyed_by_content,
        invoker,
    } = firing;
    let version = &*entry.version;
    let outputs = version.reads.with_tokens(outputs);
    let new_id = || engine.run_id(version.info.key, trigger);
    let id = new_id()?;
    let parameters = engine.parameters_of(version).await?;
    let (moment, own) = (engine.clock.moment(), parameters.clone());
    let occurrence = Occurrence { outputs, tracking, run: id, moment, parameters: own };
    let fired = decide(&version.flow, &version.info, trigger, occurrence);
    let (mut outputs, is_split, client_tracking_id) = match fired {
        Fired::Skipped => return Ok(Firings::None),
        Fired::Failed(error) => {
            return Err(AppError::invalid("InvalidTemplate", error.message.to_string()));
        }
        Fired::Runs { outputs, is_split, client_tracking_id } => {
            (outputs, is_split, client_tracking_id)
        }
    };
    let begin = |id, outputs, raw_body, caller, start_key| Start {
        version,
        parameters: parameters.clone(),
        trigger,
        id,
        outputs,
        raw_body,
        scheduled,
        client_tracking_id: client_tracking_id.clone(),
        origin: None,
        caller,
        start_key,
        invoker: invoker.clone(),
    };
    if !is_split {
        let outputs = outputs.pop().unwrap_or_default();
        let start_key = start_key.map(|key| only_key(key, &outputs, keyed_by_content));
        let started = engine.start(begin(id, outputs, raw_body, caller, start_key)).await?;
        return Ok(Firings::One(Box::new(started), client_tracking_id));
    }
    let mut ids = Vec::with_capacity(outputs.len());
    let mut rest = outputs.into_iter().enumerate();
    let per_commit = per_commit(trigger, keyed_by_content);
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
    loop {
        let mut group = Vec::new();
        for (at, outputs) in rest.by_ref().take(per_commit) {
            let key = start_key.as_ref().map(|key| match keyed_by_content {
                true => next_content_key(key, &outputs, &mut seen),
                false => item_key(key, at),
            });
            group.push(begin(new_id()?, outputs, None, Caller::Nobody, key));
        }
        if group.is_empty() {
            return Ok(Firings::Split(ids));
        }
        ids.extend(engine.start_group(group).await?.into_iter().map(|started| started.id));
    }
}

/// Runs of a trigger that begin together. Where all of them may never have room together, they
/// begin one by one, and the rest is found again.
fn per_commit(trigger: &Trigger, keyed_by_content: bool) -> usize {
    match trigger.concurrency {
        Some(_) if keyed_by_content => 1,
        _ => SPLIT_RUNS_PER_COMMIT,
    }
}

/// The key of a start that is not one of several.
fn only_key(key: StartKey, outputs: &Value, keyed_by_content: bool) -> StartKey {
    if keyed_by_content { content_key(&key, outputs, 0) } else { key }
}

fn item_key(key: &StartKey, at: usize) -> StartKey {
    let key_bytes = [key.key.as_slice(), b"#", at.to_string().as_bytes()].concat();
    StartKey { source: key.source.clone(), key: key_bytes }
}

/// The same for one of several: two that are alike are two.
fn next_content_key(key: &StartKey, outputs: &Value, seen: &mut HashMap<Vec<u8>, u32>) -> StartKey {
    let known = seen.entry(content_key(key, outputs, 0).key).or_default();
    *known += 1;
    content_key(key, outputs, *known - 1)
}

/// The key of what a start begins with: the same however often it is found.
fn content_key(key: &StartKey, outputs: &Value, number: u32) -> StartKey {
    let mut content = Vec::new();
    expr::codec::put(outputs.get("body").unwrap_or(outputs), &mut content);
    let digest: [u8; 32] = Sha256::digest(&content).into();
    let key_bytes = [key.key.as_slice(), &digest, &number.to_le_bytes()].concat();
    StartKey { source: key.source.clone(), key: key_bytes }
}

/// What makes an address a credential.
pub struct Signed<'a> {
    pub flow_id: &'a str,
    pub trigger: &'a str,
    pub permission: &'a str,
    pub version: &'a str,
    pub signature: &'a str,
}

/// A request at a trigger's address, as far as the wire is concerned.
pub struct TriggerCall<'a> {
    pub trigger: &'a str,
    pub method: &'a str,
    /// What follows `/paths/invoke`, without the first slash.
    pub relative_path: &'a str,
    pub queries: Object,
    pub headers: Value,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
    pub tracking: Option<&'a str>,
    pub idempotency_key: Option<Cow<'a, str>>,
}

/// What the caller at an address gets.
pub struct Answered {
    pub entry: Arc<FlowEntry>,
    pub run: Option<ProcessId>,
    pub tracking: Option<Str>,
    pub answer: Answer,
}

pub enum Answer {
    /// The run was accepted, or nothing was to be started.
    Accepted,
    Response(Value),
    NoResponse,
    TimedOut,
}

impl App {
    /// The flow behind an address whose signature is right. Checked before anything else
    /// of the request is read.
    pub async fn signed_flow(&self, address: &Signed<'_>) -> Result<Arc<FlowEntry>, AppError> {
        let entry = self.engine.catalog.by_id(address.flow_id).await?;
        // an unknown flow and a wrong signature look the same from outside
        entry.filter(|entry| is_signed(entry, address)).ok_or_else(unauthorized)
    }

    /// Somebody calls the trigger of a flow whose address was checked.
    pub async fn call_trigger(
        &self,
        entry: Arc<FlowEntry>,
        call: TriggerCall<'_>,
    ) -> Result<Answered, AppError> {
        let engine = &self.engine;
        engine.check_room()?;
        let trigger = entry.version.flow.find_trigger(call.trigger).ok_or_else(unauthorized)?;
        if entry.state != FlowState::Started {
            let message = format!("The flow '{}' is {}.", entry.row.name, off(entry.state));
            return Err(AppError::new(ErrorKind::Conflict, "WorkflowTriggerIsNotEnabled", message));
        }
        let (outputs, raw_body) = request_outputs(trigger, &call)?;
        let kind = match (&trigger.behavior, entry.row.trigger_process) {
            // somebody says that there is something new, or brings it
            (TriggerBehavior::Webhook(it), Some(process)) if it.source != Source::Http => {
                engine.poke_trigger(process).await?
            }
            _ => None,
        };
        if let Some(TriggerKind::Poll(_)) = kind {
            return Ok(Answered { entry, run: None, tracking: None, answer: Answer::Accepted });
        }
        let delivered = kind.map(|kind| (kind, outputs.clone()));
        let waits = waits_for_response(&entry, trigger);
        let timeout = engine.settings.response_timeout;
        let caller = if waits {
            let ticks = Ticks::try_from(timeout.as_nanos() / 100).unwrap_or(Ticks::MAX / 4);
            Caller::Request { deadline: engine.clock.now() + ticks }
        } else {
            Caller::Nobody
        };
        let start_key = call.idempotency_key.as_deref().map(|key| StartKey {
            source: entry.row.key.to_le_bytes().to_vec(),
            key: [b"call".as_slice(), key.as_bytes()].concat(),
        });
        let firing = Firing {
            entry: &entry,
            trigger,
            outputs,
            raw_body,
            tracking: call.tracking.filter(|tracking| !tracking.is_empty()).map(Str::from),
            scheduled: None,
            caller,
            start_key,
            keyed_by_content: false,
            invoker: Value::Null,
        };
        let firings = fire(engine, firing).await?;
        let tracking = match &firings {
            Firings::One(_, tracking) => tracking.clone(),
            Firings::Split(_) | Firings::None => None,
        };
        if let Some((TriggerKind::Subscription(subscription), request)) = delivered
            && !matches!(&firings, Firings::One(started, _) if started.was_started_before)
        {
            engine.note_delivery(entry.row.key, &subscription, request).await;
        }
        let (run, answer) = self.answer_of(firings, waits, timeout).await;
        Ok(Answered { entry, run, tracking, answer })
    }

    /// Starts a flow of an environment by its Request trigger, and waits for its Response.
    /// `from` is the id of the flow that asks.
    pub(crate) async fn ask_flow(
        &self,
        (environment, name): (&str, &str),
        from: Option<&str>,
        body: Value,
        invoker: Value,
    ) -> Result<Answer, AppError> {
        let engine = &self.engine;
        let entry = match engine.catalog.by_name(environment, name).await? {
            Some(entry) => Some(entry),
            None => engine.catalog.by_id(name).await?,
        };
        let entry = entry.filter(|it| it.row.environment == environment);
        let entry = entry.ok_or_else(|| {
            let message = format!("There is no flow '{name}' in the environment.");
            AppError::not_found("WorkflowNotFound", message)
        })?;
        if entry.state != FlowState::Started {
            let message = format!("The flow '{name}' is {}.", off(entry.state));
            return Err(AppError::new(ErrorKind::Conflict, "WorkflowDisabled", message));
        }
        let triggers = &entry.version.flow.triggers;
        let is_request = |it: &&Trigger| matches!(it.behavior, TriggerBehavior::Request { .. });
        let trigger = triggers.iter().find(is_request).ok_or_else(|| {
            let message = format!("The flow '{name}' has no Request trigger.");
            AppError::not_found("TriggerNotFound", message)
        })?;
        if let Some(from) = from {
            engine.hand_secrets((from, &entry.row.id), &[&body]).await?;
        }
        let mut outputs = Object::with_capacity(2);
        outputs.push_new("headers", Object::new());
        outputs.push_new("body", body);
        let timeout = engine.settings.response_timeout;
        let ticks = Ticks::try_from(timeout.as_nanos() / 100).unwrap_or(Ticks::MAX / 4);
        let firing = Firing {
            entry: &entry,
            trigger,
            outputs: outputs.into(),
            raw_body: None,
            tracking: None,
            scheduled: None,
            caller: Caller::Request { deadline: engine.clock.now() + ticks },
            start_key: None,
            keyed_by_content: false,
            invoker,
        };
        let firings = fire(engine, firing).await?;
        Ok(self.answer_of(firings, true, timeout).await.1)
    }

    async fn answer_of(
        &self,
        firings: Firings,
        waits: bool,
        timeout: std::time::Duration,
    ) -> (Option<ProcessId>, Answer) {
        let started = match firings {
            Firings::None => return (None, Answer::Accepted),
            Firings::Split(ids) => {
                return (ids.first().copied(), Answer::Accepted);
            }
            Firings::One(started, _) => *started,
        };
        let id = Some(started.id);
        let reply = match (started.reply, started.waiter) {
            (Some(reply), _) => Some(reply),
            (None, Some(waiter)) => {
                let waiting = self.wait_for_reply(started.id, Some(waiter));
                tokio::time::timeout(timeout, waiting).await.ok()
            }
            (None, None) if !waits => return (id, Answer::Accepted),
            (None, None) if started.was_started_before => {
                return (id, Answer::Accepted);
            }
            (None, None) if self.engine.ownership.owns(started.id) => Some(Reply::NoResponse),
            (None, None) => {
                let waiting = self.wait_for_reply(started.id, None);
                tokio::time::timeout(timeout, waiting).await.ok()
            }
        };
        let answer = match reply {
            Some(Reply::Response(response)) => Answer::Response(response),
            Some(Reply::NoResponse) => Answer::NoResponse,
            None => Answer::TimedOut,
        };
        (id, answer)
    }

    /// Waits for a run's answer: from this node, and where another steps the run, from what
    /// is stored.
    async fn wait_for_reply(
        &self,
        run: ProcessId,
        waiter: Option<oneshot::Receiver<Reply>>,
    ) -> Reply {
        if let Some(waiter) = waiter {
            match waiter.await {
                Ok(reply) => return reply,
                // the run ended without a word to this waiter
                Err(_) if self.engine.ownership.owns(run) => return Reply::NoResponse,
                // another node has taken it
                Err(_) => {}
            }
        }
        let mut moved = self.engine.watchers.watch(run);
        loop {
            match self.stored_reply(run).await {
                Ok(Some(reply)) => return reply,
                Ok(None) => {}
                Err(error) => tracing::warn!(message = %error.message, "an answer cannot be read"),
            }
            let _ = tokio::time::timeout(ANSWER_LOOK_EVERY, moved.recv()).await;
        }
    }

    /// Fires a trigger by hand.
    pub async fn run_flow(
        &self,
        caller: &ApiCaller,
        environment: &str,
        name: &str,
        trigger: Option<&str>,
        given: ManualInput,
    ) -> Result<(Option<ProcessId>, Status), AppError> {
        let entry = self.flow_to_run(caller, environment, name).await?;
        self.engine.check_room()?;
        let trigger = self.pick_trigger(&entry, trigger)?;
        if entry.state != FlowState::Started {
            let off = off(entry.state);
            let message = format!("The flow '{name}' is {off}: turn it on to run it.");
            return Err(AppError::new(ErrorKind::Conflict, "WorkflowTriggerIsNotEnabled", message));
        }
        let invoker = self.invoker_of(caller, &entry, trigger, &given.connections).await?;
        let outputs = match (given.body, given.headers) {
            (None, None) => Value::Null,
            (body, headers) => {
                let mut outputs = Object::with_capacity(2);
                outputs.push_new("headers", headers.unwrap_or_else(|| Object::new().into()));
                if let Some(body) = body {
                    outputs.push_new("body", body);
                }
                outputs.into()
            }
        };
        let firing = Firing {
            entry: &entry,
            trigger,
            outputs,
            raw_body: None,
            tracking: given.tracking,
            scheduled: None,
            caller: Caller::Nobody,
            start_key: None,
            keyed_by_content: false,
            invoker,
        };
        Ok(match fire(&self.engine, firing).await? {
            Firings::One(started, _) => (Some(started.id), started.status),
            Firings::Split(ids) => (ids.first().copied(), Status::Running),
            Firings::None => (None, Status::Skipped),
        })
    }

    /// The named trigger, or the only one.
    pub fn pick_trigger<'a>(
        &self,
        entry: &'a FlowEntry,
        name: Option<&str>,
    ) -> Result<&'a Trigger, AppError> {
        let flow = &entry.version.flow;
        let found = match name {
            Some(name) => flow.find_trigger(name),
            None => flow.triggers.first(),
        };
        found.ok_or_else(|| {
            let message = match name {
                Some(name) => format!("The flow '{}' has no trigger '{name}'.", entry.row.name),
                None => format!("The flow '{}' has no trigger.", entry.row.name),
            };
            AppError::not_found("TriggerNotFound", message)
        })
    }
}

/// What a trigger that is fired by hand is given.
#[derive(Default)]
pub struct ManualInput {
    pub body: Option<Value>,
    pub headers: Option<Value>,
    pub tracking: Option<Str>,
    /// Connections that whoever invokes it chooses, by the keys of the flow's references.
    pub connections: BTreeMap<String, String>,
}

/// The trigger's outputs from a request, with the body's text when it is JSON; errors for
/// requests that the trigger does not take.
pub fn request_outputs<'a>(
    trigger: &Trigger,
    call: &TriggerCall<'a>,
) -> Result<(Value, Option<&'a [u8]>), AppError> {
    let (method, relative_path, schema) = match &trigger.behavior {
        TriggerBehavior::Request { method, relative_path, schema } => {
            (method.as_ref(), relative_path.as_ref(), schema.as_ref())
        }
        TriggerBehavior::Webhook(_) => (None, None, None),
        _ => {
            let message =
                format!("The trigger '{}' is no Request trigger and no webhook.", trigger.name);
            return Err(AppError::invalid("TriggerNotCallable", message));
        }
    };
    check_method(method, call.method)?;
    let mut outputs = Object::with_capacity(4);
    outputs.push_new("headers", call.headers.clone());
    if !call.queries.is_empty() {
        outputs.push_new("queries", call.queries.clone());
    }
    if let Some(pattern) = relative_path {
        let found = pattern.matches(call.relative_path).ok_or_else(|| {
            let message = "The address does not fit the trigger's relative path.";
            AppError::not_found("TriggerRelativePathMismatch", message)
        })?;
        outputs.push_new("relativePathParameters", found);
    } else if !call.relative_path.is_empty() {
        let message = "The trigger has no relative path.";
        return Err(AppError::not_found("TriggerRelativePathMismatch", message));
    }
    let mut raw_body = None;
    if !call.body.is_empty() {
        let body = expr::content::from_body(call.content_type, call.body)
            .map_err(|error| AppError::invalid("InvalidRequestContent", error.to_string()))?;
        if call.content_type.is_some_and(is_plain_json) && is_plain_text(call.body) {
            raw_body = Some(call.body);
        }
        outputs.push_new("body", body);
    }
    if let Some(schema) = schema.filter(|_| trigger.options.enable_schema_validation) {
        let body = outputs.get("body").cloned().unwrap_or_default();
        let violations = schema.violations(&body);
        if !violations.is_empty() {
            let message = format!(
                "The input body for trigger '{}' does not match its schema: {}",
                trigger.name,
                violations.join("; ")
            );
            return Err(AppError::invalid("TriggerInputSchemaMismatch", message));
        }
    }
    Ok((outputs.into(), raw_body))
}

fn is_signed(entry: &FlowEntry, call: &Signed<'_>) -> bool {
    let named = call.permission.strip_prefix("/triggers/").and_then(|it| it.strip_suffix("/run"));
    let is_for_this = named == Some(call.trigger) && call.version == signature::VERSION;
    is_for_this && signature::verify(&entry.keys, &entry.row.id, call.permission, call.signature)
}

/// What a flow is that starts nothing.
fn off(state: FlowState) -> &'static str {
    if state == FlowState::Suspended { "suspended" } else { "turned off" }
}

fn unauthorized() -> AppError {
    let message = "The request has no valid signature for this trigger: 'sp', 'sv' and 'sig' must be as in the callback URL.";
    AppError::new(ErrorKind::Unauthenticated, "DirectApiAuthorizationRequired", message)
}

fn check_method(expected: Option<&Str>, method: &str) -> Result<(), AppError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(method) => {
            let message = format!("The trigger takes {expected} requests, and this is {method}.");
            Err(AppError::invalid("TriggerRequestMethodNotValid", message))
        }
        _ => Ok(()),
    }
}

/// JSON whose bytes are UTF-8 text as they stand.
fn is_plain_json(content_type: &str) -> bool {
    let (essence, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let is_json =
        essence == "application/json" || essence.ends_with("+json") || essence == "text/json";
    let rest = rest.trim();
    is_json && (rest.is_empty() || rest.eq_ignore_ascii_case("charset=utf-8"))
}

/// Not blank, and without a byte order mark: what is read is what was sent.
fn is_plain_text(body: &[u8]) -> bool {
    !body.starts_with(b"\xef\xbb\xbf") && !body.iter().all(u8::is_ascii_whitespace)
}

/// With a Response action that may answer, the caller waits.
fn waits_for_response(entry: &FlowEntry, trigger: &Trigger) -> bool {
    let responses = entry.version.flow.actions.iter();
    let mut responses =
        responses.filter(|action| matches!(action.behavior, Behavior::Response { .. })).peekable();
    trigger.split_on.is_none()
        && responses.peek().is_some()
        && !responses.any(|action| action.options.asynchronous)
}
