//! A service that takes subscriptions and calls back: before it has answered, twice, late, or
//! never; and that cannot be reached for a while when one is to be ended.

use crate::node::Shared;
use crate::owed;
use crate::random::Random;
use durable::ProcessId;
use expr::{Object, Str, Value};
use flow::run::{CallResult, ConnectorCall, Purpose};
use server::app::App;
use server::app::error::AppError;
use server::clock::SECOND;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Where subscriptions are asked for.
pub const ADDRESS: &str = "https://hooks.example/subscriptions";

/// Where actions are answered.
const CALLBACKS: &str = "/callbacks/";

/// Seconds that a subscription lasts at least, as its answer says.
const LASTS_SECONDS_MIN: u64 = 100;

/// How long the service waits then for a renewal.
const GRACE: Duration = Duration::from_secs(60);

/// How long the service waits for an answer to its call.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A subscription.
#[derive(Clone, Debug)]
pub struct Held {
    pub callback: String,
    /// Who asked for it.
    pub process: ProcessId,
    /// What was asked of the flow, for actions.
    pub request: String,
    /// The question: one that is repeated has the same.
    pub key: String,
    /// Of the flow's version that asked, for triggers.
    pub marker: String,
    /// When it ends by itself, if it is not renewed.
    pub until: Option<Instant>,
    /// A renewal brought another: it is ended once, and if that is lost, by itself.
    pub is_replaced: bool,
    /// It came from a node that had lost the process by then: nobody can know of it. It ends
    /// when the service calls back and hears that nobody waits.
    pub is_late: bool,
}

impl Held {
    #[must_use]
    pub fn is_of_trigger(&self) -> bool {
        !self.callback.contains(CALLBACKS)
    }
}

/// What the service knows.
#[derive(Default)]
pub struct Service {
    pub held: BTreeMap<u64, Held>,
    /// By whom it was asked for what has been called back since: their question is known.
    done: BTreeMap<ProcessId, u64>,
    last: u64,
}

impl Service {
    /// A subscription that is asked for again is the one that is there; one that is renewed
    /// may be, and may be another.
    fn hold(&mut self, held: Held, random: &mut Random) -> (u64, bool) {
        self.lapse();
        if let Some(number) = self.done.get(&held.process) {
            return (*number, false);
        }
        let known = self.held.iter_mut().rfind(|(_, it)| it.process == held.process);
        if let Some((number, known)) = known {
            if known.key == held.key || random.in_thousand(500) {
                (known.until, known.key) = (held.until, held.key);
                known.is_late &= held.is_late;
                return (*number, false);
            }
            known.is_replaced = true;
        }
        self.last += 1;
        self.held.insert(self.last, held);
        (self.last, true)
    }

    /// Those end whose time has come.
    pub fn lapse(&mut self) {
        let now = Instant::now();
        self.held.retain(|_, held| held.until.is_none_or(|until| until > now));
    }

    /// The one of a process that counts.
    #[must_use]
    pub fn newest(&self, process: ProcessId) -> Option<(u64, &Held)> {
        let newest = self.held.iter().rfind(|(_, it)| it.process == process);
        newest.map(|(number, held)| (*number, held))
    }

    fn end(&mut self, wanted: impl Fn(u64, &Held) -> bool) -> bool {
        let count = self.held.len();
        self.held.retain(|number, held| !wanted(*number, held));
        self.held.len() < count
    }

    /// The address of a trigger that has asked to be called.
    #[must_use]
    pub fn trigger(&self) -> Option<String> {
        self.held.values().find(|it| it.is_of_trigger()).map(|it| it.callback.clone())
    }
}

/// What somebody asks the service for.
pub struct Asking {
    pub purpose: Purpose,
    /// `{id, mode}`
    pub body: Value,
    pub key: String,
}

impl Asking {
    #[must_use]
    pub fn of_connector(call: ConnectorCall) -> Asking {
        let body = call.inputs.get("parameters").cloned().unwrap_or_default();
        Asking { purpose: call.purpose, body, key: call.idempotency_key }
    }

    #[must_use]
    pub fn of_http(method: &str, body: Option<Value>, key: String) -> Asking {
        let body = body.unwrap_or_default();
        let purpose = match method {
            "DELETE" => Purpose::Unsubscribe { location: Str::new() },
            _ => {
                Purpose::Subscribe { callback: body.get("to").map(Value::text).unwrap_or_default() }
            }
        };
        Asking { purpose, body, key }
    }
}

/// What the service answers. It acts before it has answered.
pub fn ask(shared: &Shared, node: u64, random: &mut Random, asking: &Asking) -> CallResult {
    let process = asking.key.split_once('-').and_then(|(run, _)| ProcessId::from_run_name(run));
    let Some(process) = process else { return answered(400, None) };
    let text = |name: &str| asking.body.get(name).map(Value::text).unwrap_or_default();
    match &asking.purpose {
        Purpose::Subscribe { callback } => {
            if shared.is_troubled() && random.in_thousand(150) {
                return answered(503, None);
            }
            let is_late = !shared.truth.lock().is_held_by(process, node);
            let mut held = Held {
                callback: callback.to_string(),
                process,
                request: text("id").to_string(),
                key: asking.key.clone(),
                marker: text("marker").to_string(),
                until: None,
                is_replaced: false,
                is_late,
            };
            let lasts = LASTS_SECONDS_MIN + random.below(40);
            if held.is_of_trigger() {
                let grace = GRACE + shared.clocks_apart();
                held.until = Some(Instant::now() + Duration::from_secs(lasts) + grace);
            }
            let (number, is_new) = shared.service.lock().hold(held, random);
            if is_new {
                begin(shared, random, number, &text("mode"));
            }
            let end = shared.truth.lock().now() + lasts as i64 * SECOND;
            let mut body = Object::new();
            body.insert("expirationDateTime", expr::format::date::format_ticks(end));
            answer_of(201, Some(format!("{ADDRESS}/{number}")), body.into())
        }
        Purpose::Unsubscribe { location } => {
            if shared.is_troubled() && random.in_thousand(500) {
                return answered(503, None);
            }
            let number = location.rsplit('/').next().and_then(|it| it.parse::<u64>().ok());
            let is_it = |at: u64, held: &Held| match number {
                Some(number) => number == at,
                None => held.process == process,
            };
            check_end(shared, &is_it);
            let was_there = shared.service.lock().end(is_it);
            answered(if was_there { 204 } else { 404 }, None)
        }
        Purpose::Call | Purpose::Poll { .. } | Purpose::Page { .. } => answered(400, None),
    }
}

/// Nobody ends the subscription of an action that waits, or of a flow that is on.
fn check_end(shared: &Shared, is_it: &impl Fn(u64, &Held) -> bool) {
    let wanted = owed::trigger_process(shared);
    let mut truth = shared.truth.lock();
    let service = shared.service.lock();
    for (number, held) in service.held.iter().filter(|(number, held)| is_it(**number, held)) {
        let is_newest = service.newest(held.process).is_some_and(|(newest, _)| newest == *number);
        let is_waited_for = match held.is_of_trigger() {
            true => wanted == Some(held.process),
            false => truth.is_live(held.process),
        };
        let is_told = truth.watch.told_to_end.contains(&held.process);
        if is_newest && is_waited_for && !is_told && !held.is_late {
            truth.watch.violation(format!("{held:?} was ended, and somebody waits for it"));
        }
    }
}

fn answered(status: i64, location: Option<String>) -> CallResult {
    answer_of(status, location, Value::Null)
}

fn answer_of(status: i64, location: Option<String>, body: Value) -> CallResult {
    let mut headers = Object::new();
    if let Some(location) = location {
        headers.insert("Location", location);
    }
    CallResult::Answer(flow::run::answer(status, headers.into(), body))
}

/// The service will call an action back, unless it is to be silent.
fn begin(shared: &Shared, random: &mut Random, number: u64, mode: &str) {
    let is_silent = match mode {
        "back" => false,
        "perhaps" => random.in_thousand(400),
        // triggers are called when something happens
        _ => true,
    };
    if !is_silent {
        let pause = match random.below(10) {
            0..3 => 0,
            3..8 => random.below(8_000),
            _ => 15_000 + random.below(15_000),
        };
        let (shared, random) = (shared.clone(), random.fork());
        tokio::spawn(call_back(shared, random, number, pause));
    }
}

/// Calls back until somebody hears it, or says that nobody waits.
async fn call_back(shared: Shared, mut random: Random, number: u64, pause: u64) {
    tokio::time::sleep(Duration::from_millis(pause)).await;
    let Some(first) = shared.service.lock().held.get(&number).cloned() else { return };
    let value = format!("{} {number}", first.request);
    loop {
        let held = shared.service.lock().held.get(&number).cloned();
        if held.is_none() && !random.in_thousand(300) {
            return;
        }
        match tell(&shared, &mut random, &first, &value).await {
            Some(true) if held.is_none() => {
                let text = format!("{value}: a callback was taken after its subscription's end");
                shared.truth.lock().watch.violation(text);
                return;
            }
            Some(true) => {
                shared.ledger.lock().called_back.insert(value.clone(), first.request.clone());
                if random.in_thousand(300) {
                    // it comes again: it may be taken for the first, which it is
                    tell(&shared, &mut random, &first, &value).await;
                }
                let mut service = shared.service.lock();
                service.held.remove(&number);
                service.done.insert(first.process, number);
                return;
            }
            Some(false) => {
                shared.service.lock().held.remove(&number);
                return;
            }
            None => tokio::time::sleep(Duration::from_millis(random.below(4_000))).await,
        }
    }
}

/// One call: whether it was taken; nothing when there was no answer.
async fn tell(shared: &Shared, random: &mut Random, held: &Held, value: &str) -> Option<bool> {
    let app = shared.door(random);
    let was_live = shared.truth.lock().is_waited_for(held.process);
    shared.ledger.lock().told.insert(value.to_owned());
    let telling = tokio::time::timeout(ANSWER_WITHIN, answer(&app, held, value));
    let is_taken = telling.await.ok()?.ok()?.is_some();
    if is_taken && !was_live {
        let text = format!("{value}: a callback was taken, and nobody waited");
        shared.truth.lock().watch.violation(text);
    }
    Some(is_taken)
}

/// What the wire does with a call at `/callbacks/{process}/{token}`.
async fn answer(app: &App, held: &Held, value: &str) -> Result<Option<()>, AppError> {
    let (_, rest) = held.callback.split_once(CALLBACKS).unwrap_or_default();
    let (process, token) = rest.split_once('/').unwrap_or_default();
    let Some(process) = ProcessId::from_run_name(process) else { return Ok(None) };
    if !app.engine.is_answerable(process, token).await? {
        return Ok(None);
    }
    let mut body = Object::new();
    body.insert("v", value);
    let mut request = Object::new();
    request.insert("headers", Object::new());
    request.insert("body", body);
    app.engine.call_back(process, token, request.into()).await
}

/// Whether a callback would be taken now, when all is calm.
pub async fn is_waited_for(app: &App, held: &Held) -> bool {
    !matches!(answer(app, held, "audit").await, Ok(None))
}
