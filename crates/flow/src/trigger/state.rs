//! What the process of a trigger knows, or of a webhook action's subscription, and what an
//! answer makes of it. Pure: who drives it makes the calls.
//!
//! A subscription is asked for, lives, and is ended; each of it is tried until it worked or
//! cannot. It may be called back before its own answer has come.

use crate::definition::{RetryPolicy, Source};
use crate::limits::{
    POLL_PAUSE_MIN, SUBSCRIPTION_END_ATTEMPTS_MAX, SUBSCRIPTION_LOOK_EVERY, SUBSCRIPTION_PAUSE_MAX,
    SUBSCRIPTION_RENEWAL_MIN,
};
use crate::run::CallResult;
use crate::run::retry::{delay, retry_after, retryable};
use durable::{ProcessId, Ticks};
use expr::{Object, Str, Value};

const MINUTE: Ticks = 60 * 10_000_000;

/// What a process of a trigger knows.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerState {
    /// Key of the flow.
    pub workflow: i64,
    /// When the flow was turned on, or the subscription was asked for.
    pub since: Ticks,
    /// When it fired last, or asked last.
    pub last: Option<Ticks>,
    pub kind: TriggerKind,
}

/// What the process does.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerKind {
    Recurrence,
    Poll(PollState),
    Subscription(Box<Subscription>),
}

/// How far a trigger has come that asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PollState {
    /// Counts questions that were answered: a repeated one starts nothing twice.
    pub number: u64,
    /// Where to ask for what is new, as the last answer said.
    pub location: Option<Str>,
    /// Failures since the last answer.
    pub failures: u32,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    pub owner: Owner,
    pub source: Source,
    /// Version of the flow whose connections count.
    pub version: u32,
    /// The action or trigger.
    pub operation_name: Str,
    /// Evaluated.
    pub inputs: Value,
    /// Who invoked the run of an action; null when nobody did.
    pub invoker: Value,
    pub retry: RetryPolicy,
    /// Where it is answered.
    pub callback: Str,
    pub phase: Phase,
    /// What ends the earlier one that was renewed.
    pub replaced: Option<Str>,
    /// How often it was renewed: each is another question, and no repetition of the first.
    pub renewals: u32,
}

/// Who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Trigger,
    Action { run: ProcessId, effect: u64 },
}

/// How far a subscription has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It is being asked for: the number of the attempt.
    Asking { attempt: u32, due: Ticks },
    /// Nobody waits for it, and it may be there: it is asked for again, since the answer says
    /// what ends it.
    Finding { attempt: u32, due: Ticks },
    /// It lives; `location` ends it.
    Live { location: Option<Str>, renewal: Option<Ticks> },
    /// It is being ended.
    Leaving { location: Option<Str>, attempt: u32, due: Ticks },
    /// Nothing is left of it, or nobody could end it.
    Over,
}

/// What comes of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Came {
    /// For the action that waits: the subscription was refused.
    pub refusal: Option<Value>,
    /// What went wrong, for the log.
    pub trouble: Option<String>,
}

impl Subscription {
    /// When there is something to do.
    #[must_use]
    pub fn due(&self) -> Option<Ticks> {
        match &self.phase {
            Phase::Asking { due, .. } | Phase::Finding { due, .. } | Phase::Leaving { due, .. } => {
                Some(*due)
            }
            Phase::Live { renewal, .. } => *renewal,
            Phase::Over => None,
        }
    }

    /// When to look at it again, also when there is nothing to do yet.
    #[must_use]
    pub fn look_due(&self, now: Ticks) -> Option<Ticks> {
        let look = now.saturating_add(SUBSCRIPTION_LOOK_EVERY);
        match (&self.phase, self.owner) {
            (Phase::Live { .. }, Owner::Trigger) => Some(self.due().unwrap_or(look).min(look)),
            _ => self.due(),
        }
    }

    /// The time to renew has come.
    pub fn renew(&mut self, now: Ticks) {
        if let Phase::Live { location, .. } = &self.phase {
            // the call that ends one without a connector knows no location: it would end the
            // new one, too
            self.replaced = location.clone().filter(|_| self.source != Source::Http);
            self.renewals = self.renewals.saturating_add(1);
            self.phase = Phase::Asking { attempt: 1, due: now };
        }
    }

    /// The question for it was answered.
    pub fn asked(&mut self, now: Ticks, result: &CallResult, random: u64) -> Came {
        let Phase::Asking { attempt, .. } = self.phase else { return Came::default() };
        if let Some(answer) = success(result) {
            let (location, renewal) = (self.location_in(answer), renewal_of(answer, now));
            self.phase = Phase::Live { location, renewal };
            return Came::default();
        }
        let trouble = Some(told(result));
        if let Some((_, asked)) = retryable(result)
            && let Some(pause) = delay(&self.retry, attempt, asked, random)
        {
            self.phase = Phase::Asking { attempt: attempt + 1, due: now.saturating_add(pause) };
            return Came { refusal: None, trouble };
        }
        if self.owner == Owner::Trigger {
            // the flow is on: it is tried again for as long
            let due = now.saturating_add(pause_of(attempt));
            self.phase = Phase::Asking { attempt: attempt.saturating_add(1), due };
            return Came { refusal: None, trouble };
        }
        // it may be there although nobody heard so, and so is the one before it
        match is_lost(result) {
            true => self.leave(now),
            false if self.renewals > 0 => self.end(now),
            false => self.phase = Phase::Over,
        }
        Came { refusal: Some(refusal_of(result)), trouble }
    }

    /// What ends the one that an answer brought. A renewal may bring the one that is there.
    fn location_in(&mut self, answer: &Value) -> Option<Str> {
        match location_of(answer) {
            None => self.replaced.take(),
            location if location == self.replaced => self.replaced.take(),
            location => location,
        }
    }

    /// It was called back: nothing is called to end it.
    pub fn answered(&mut self) {
        if let Phase::Asking { .. } | Phase::Live { .. } = self.phase {
            self.phase = Phase::Over;
        }
    }

    /// Nobody waits for it any more. One that may have been asked for is ended, too.
    pub fn leave(&mut self, now: Ticks) {
        match &self.phase {
            Phase::Asking { .. } if self.source != Source::Http => {
                self.phase = Phase::Finding { attempt: 1, due: now };
            }
            Phase::Asking { .. } | Phase::Live { .. } => self.end(now),
            Phase::Finding { .. } | Phase::Leaving { .. } | Phase::Over => {}
        }
    }

    /// Ends what is known to be there, if there is a call for it.
    fn end(&mut self, now: Ticks) {
        let location = match &self.phase {
            Phase::Live { location, .. } => location.clone(),
            _ => self.replaced.take(),
        };
        self.phase = match self.can_leave(location.as_ref()) {
            true => Phase::Leaving { location, attempt: 1, due: now },
            false => Phase::Over,
        };
    }

    /// The question for what is to be ended was answered.
    pub fn found(&mut self, now: Ticks, result: &CallResult) -> Came {
        let Phase::Finding { attempt, .. } = self.phase else { return Came::default() };
        let answer = success(result);
        let is_unclear = *result == CallResult::Unknown || retryable(result).is_some();
        if answer.is_none() && is_unclear && attempt < SUBSCRIPTION_END_ATTEMPTS_MAX {
            let due = now.saturating_add(pause_of(attempt));
            self.phase = Phase::Finding { attempt: attempt + 1, due };
            return Came { refusal: None, trouble: Some(told(result)) };
        }
        // one that is refused is not there; the one before it may be
        match answer.and_then(|answer| self.location_in(answer)) {
            None => self.end(now),
            location => self.phase = Phase::Leaving { location, attempt: 1, due: now },
        }
        Came::default()
    }

    /// Whether there is a call that ends it.
    fn can_leave(&self, location: Option<&Str>) -> bool {
        match self.source {
            Source::Http => self.inputs.get("unsubscribe").is_some_and(|it| !it.is_null()),
            Source::OpenApi | Source::Managed => location.is_some(),
        }
    }

    /// The call that ends it was answered.
    pub fn left(&mut self, now: Ticks, result: &CallResult) -> Came {
        let Phase::Leaving { location, attempt, .. } = &self.phase else { return Came::default() };
        let is_gone = matches!(status_of(result), Some(404 | 410));
        if success(result).is_some() || is_gone {
            self.phase = Phase::Over;
            return Came::default();
        }
        let trouble = Some(told(result));
        self.phase = match *attempt >= SUBSCRIPTION_END_ATTEMPTS_MAX {
            true => Phase::Over,
            false => Phase::Leaving {
                location: location.clone(),
                attempt: attempt + 1,
                due: now.saturating_add(pause_of(*attempt)),
            },
        };
        Came { refusal: None, trouble }
    }
}

/// Growing pauses, from five seconds on.
fn pause_of(attempt: u32) -> Ticks {
    let pause = (MINUTE / 12).saturating_mul(1 << attempt.saturating_sub(1).min(20));
    pause.min(SUBSCRIPTION_PAUSE_MAX)
}

fn status_of(result: &CallResult) -> Option<i64> {
    match result {
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => {
            answer.get("statusCode").and_then(Value::as_int)
        }
        _ => None,
    }
}

fn success(result: &CallResult) -> Option<&Value> {
    let CallResult::Answer(answer) = result else { return None };
    status_of(result).filter(|status| (200..300).contains(status)).map(|_| answer)
}

/// Whether a call may have done what it was made for, although it brought nothing.
fn is_lost(result: &CallResult) -> bool {
    match result {
        CallResult::Answer(_) | CallResult::Page { .. } => {
            matches!(status_of(result), Some(408 | 502 | 504))
        }
        CallResult::Failure { is_retryable, .. } => *is_retryable,
        CallResult::Unknown => true,
    }
}

fn told(result: &CallResult) -> String {
    match result {
        CallResult::Answer(_) | CallResult::Page { .. } => {
            format!("the call was answered with status {}", status_of(result).unwrap_or_default())
        }
        CallResult::Failure { code, message, .. } => format!("{code}: {message}"),
        CallResult::Unknown => "nobody knows whether the call was made".to_owned(),
    }
}

fn refusal_of(result: &CallResult) -> Value {
    let failure = |code: &Str, message: &Str| {
        let mut object = Object::with_capacity(2);
        object.push_new("code", code.clone());
        object.push_new("message", message.clone());
        Value::from(object)
    };
    match result {
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => answer.clone(),
        CallResult::Failure { code, message, .. } => failure(code, message),
        CallResult::Unknown => failure(&"ActionOutcomeUnknown".into(), &told(result).into()),
    }
}

/// What an answer says of where to go on.
#[must_use]
pub fn location_of(answer: &Value) -> Option<Str> {
    let location = answer.get("headers")?.get("Location")?.as_str()?;
    Some(Str::from(location)).filter(|location| !location.is_empty())
}

/// When a subscription whose answer says its end is asked for anew: before that.
fn renewal_of(answer: &Value, now: Ticks) -> Option<Ticks> {
    let body = answer.get("body")?;
    let names = ["expirationDateTime", "expirationTime", "expiresOn"];
    let text = names.iter().find_map(|name| body.get(name)?.as_str())?;
    let end = expr::format::date::parse_ticks(text).ok()?;
    let left = end.checked_sub(now).filter(|left| *left > 0)?;
    Some(now + (left - left / 10).max(SUBSCRIPTION_RENEWAL_MIN))
}

/// What an answer to a question of a trigger means.
#[derive(Clone, Debug, PartialEq)]
pub enum Polled {
    /// It fires, with the answer.
    Fires,
    /// There is nothing new.
    Nothing,
    /// It did not work: what is said, and whether it is to be repeated, and after which pause.
    Failed { trouble: String, repeat: Option<Ticks> },
}

impl PollState {
    /// Takes an answer. `regular` is when the recurrence asks next; gives when to ask.
    pub fn answered(
        &mut self,
        result: &CallResult,
        (policy, takes_any): (&RetryPolicy, bool),
        (now, regular, random): (Ticks, Ticks, u64),
    ) -> (Polled, Ticks) {
        let status = status_of(result);
        let fires = status == Some(200) || (takes_any && status.is_some());
        let CallResult::Answer(answer) = result else {
            return self.failed(result, policy, (now, regular, random));
        };
        if !fires && status.is_some_and(|status| status >= 400) {
            return self.failed(result, policy, (now, regular, random));
        }
        self.failures = 0;
        self.number += 1;
        let asked = retry_after(answer);
        let asked = asked.map(|pause| now.saturating_add(pause.max(POLL_PAUSE_MIN)));
        if fires {
            self.location = location_of(answer).or_else(|| self.location.take());
            return (Polled::Fires, asked.unwrap_or(regular));
        }
        if status == Some(202) {
            self.location = location_of(answer).or_else(|| self.location.take());
        }
        (Polled::Nothing, asked.map_or(regular, |asked| asked.max(regular)))
    }

    fn failed(
        &mut self,
        result: &CallResult,
        policy: &RetryPolicy,
        (now, regular, random): (Ticks, Ticks, u64),
    ) -> (Polled, Ticks) {
        self.failures = self.failures.saturating_add(1);
        let pause =
            retryable(result).and_then(|(_, asked)| delay(policy, self.failures, asked, random));
        if pause.is_none() {
            self.failures = 0;
        }
        let due = pause.map_or(regular, |pause| now.saturating_add(pause));
        (Polled::Failed { trouble: told(result), repeat: pause }, due)
    }
}

impl TriggerState {
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Object::with_capacity(5);
        object.push_new("workflow", self.workflow);
        object.push_new("since", self.since);
        object.push_new("last", self.last.map_or(Value::Null, Value::Int));
        match &self.kind {
            TriggerKind::Recurrence => {}
            TriggerKind::Poll(poll) => object.push_new("poll", poll_value(poll)),
            TriggerKind::Subscription(it) => object.push_new("subscription", value_of(it)),
        }
        object.into()
    }

    #[must_use]
    pub fn from_value(value: &Value) -> Option<TriggerState> {
        let kind = match (value.get("poll"), value.get("subscription")) {
            (Some(poll), _) => TriggerKind::Poll(PollState {
                number: u64::try_from(poll.get("number")?.as_int()?).ok()?,
                location: text(poll, "location"),
                failures: u32::try_from(poll.get("failures")?.as_int()?).ok()?,
            }),
            (None, Some(it)) => TriggerKind::Subscription(Box::new(subscription_of(it)?)),
            (None, None) => TriggerKind::Recurrence,
        };
        Some(TriggerState {
            workflow: value.get("workflow")?.as_int()?,
            since: value.get("since")?.as_int()?,
            last: value.get("last").and_then(Value::as_int),
            kind,
        })
    }
}

fn text(value: &Value, name: &str) -> Option<Str> {
    value.get(name).and_then(Value::as_str).map(Str::from)
}

fn optional(text: Option<&Str>) -> Value {
    text.cloned().map_or(Value::Null, Value::from)
}

fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let mut object = Object::with_capacity(N);
    for (name, value) in properties {
        object.push_new(name, value);
    }
    object.into()
}

fn poll_value(poll: &PollState) -> Value {
    object([
        ("number", i64::try_from(poll.number).unwrap_or(i64::MAX).into()),
        ("location", optional(poll.location.as_ref())),
        ("failures", i64::from(poll.failures).into()),
    ])
}

const SOURCES: [(&str, Source); 3] =
    [("Http", Source::Http), ("OpenApi", Source::OpenApi), ("Managed", Source::Managed)];

fn value_of(it: &Subscription) -> Value {
    let source = SOURCES.iter().find(|(_, source)| *source == it.source).map(|(name, _)| *name);
    let owner = match it.owner {
        Owner::Trigger => Value::Null,
        Owner::Action { run, effect } => object([
            ("run", run.run_name().into()),
            ("effect", i64::try_from(effect).unwrap_or(i64::MAX).into()),
        ]),
    };
    object([
        ("owner", owner),
        ("source", source.unwrap_or_default().into()),
        ("version", i64::from(it.version).into()),
        ("operation", it.operation_name.clone().into()),
        ("inputs", it.inputs.clone()),
        ("invoker", it.invoker.clone()),
        ("retry", retry_value(&it.retry)),
        ("callback", it.callback.clone().into()),
        ("phase", phase_value(&it.phase)),
        ("replaced", optional(it.replaced.as_ref())),
        ("renewals", i64::from(it.renewals).into()),
    ])
}

fn phase_value(phase: &Phase) -> Value {
    let numbered = |name: &str, location: Option<&Str>, attempt: u32, due: Ticks| {
        object([
            ("name", name.into()),
            ("location", optional(location)),
            ("attempt", i64::from(attempt).into()),
            ("due", due.into()),
        ])
    };
    match phase {
        Phase::Asking { attempt, due } => numbered("asking", None, *attempt, *due),
        Phase::Finding { attempt, due } => numbered("finding", None, *attempt, *due),
        Phase::Leaving { location, attempt, due } => {
            numbered("leaving", location.as_ref(), *attempt, *due)
        }
        Phase::Live { location, renewal } => object([
            ("name", "live".into()),
            ("location", optional(location.as_ref())),
            ("due", renewal.map_or(Value::Null, Value::Int)),
        ]),
        Phase::Over => object([("name", "over".into())]),
    }
}

fn phase_of(value: &Value) -> Option<Phase> {
    let attempt = || u32::try_from(value.get("attempt")?.as_int()?).ok();
    let due = || value.get("due").and_then(Value::as_int);
    let location = text(value, "location");
    Some(match value.get("name")?.as_str()? {
        "asking" => Phase::Asking { attempt: attempt()?, due: due()? },
        "finding" => Phase::Finding { attempt: attempt()?, due: due()? },
        "leaving" => Phase::Leaving { location, attempt: attempt()?, due: due()? },
        "live" => Phase::Live { location, renewal: due() },
        "over" => Phase::Over,
        _ => return None,
    })
}

fn retry_value(policy: &RetryPolicy) -> Value {
    let numbers = match policy {
        RetryPolicy::None => vec![0],
        RetryPolicy::Fixed { count, interval } => vec![1, i64::from(*count), *interval],
        RetryPolicy::Exponential { count, interval, minimum, maximum } => {
            vec![2, i64::from(*count), *interval, *minimum, *maximum]
        }
        RetryPolicy::Evaluated => vec![3],
    };
    Value::array(numbers.into_iter().map(Value::Int).collect())
}

fn retry_of(value: &Value) -> Option<RetryPolicy> {
    let numbers: Vec<i64> = value.as_array()?.iter().filter_map(Value::as_int).collect();
    Some(match numbers[..] {
        [0] => RetryPolicy::None,
        [1, n, interval] => RetryPolicy::Fixed { count: count(n)?, interval },
        [2, n, interval, minimum, maximum] => {
            RetryPolicy::Exponential { count: count(n)?, interval, minimum, maximum }
        }
        [3] => RetryPolicy::Evaluated,
        _ => return None,
    })
}

fn count(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

fn subscription_of(value: &Value) -> Option<Subscription> {
    let owner = match value.get("owner") {
        Some(owner @ Value::Object(_)) => Owner::Action {
            run: ProcessId::from_run_name(owner.get("run")?.as_str()?)?,
            effect: u64::try_from(owner.get("effect")?.as_int()?).ok()?,
        },
        _ => Owner::Trigger,
    };
    let source = value.get("source")?.as_str()?;
    Some(Subscription {
        owner,
        source: SOURCES.iter().find(|(name, _)| *name == source)?.1,
        version: u32::try_from(value.get("version")?.as_int()?).ok()?,
        operation_name: text(value, "operation")?,
        inputs: value.get("inputs").cloned().unwrap_or_default(),
        invoker: value.get("invoker").cloned().unwrap_or_default(),
        retry: retry_of(value.get("retry")?)?,
        callback: text(value, "callback")?,
        phase: phase_of(value.get("phase")?)?,
        replaced: text(value, "replaced"),
        // states of an earlier version do not say it
        renewals: value.get("renewals").and_then(Value::as_int).map_or(Some(0), count)?,
    })
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
