//! The world outside: answers calls, fails at times, and remembers what it was asked.

use crate::link::Link;
use crate::random::Random;
use crate::truth::Truth;
use durable::ProcessId;
use expr::{Object, Value};
use flow::run::{CallResult, HttpRequest};
use parking_lot::Mutex;
use server::worker::{Answering, Outside};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What was asked, by idempotency key: how often.
#[derive(Default)]
pub struct Asked {
    pub calls: BTreeMap<String, u32>,
    /// True while things go wrong.
    pub is_troubled: bool,
}

/// The outside as one node reaches it.
pub struct SimOutside {
    pub asked: Arc<Mutex<Asked>>,
    pub truth: Arc<Mutex<Truth>>,
    pub link: Link,
    pub random: Mutex<Random>,
}

impl SimOutside {
    fn arrive(&self, request: &HttpRequest) {
        let key = &request.idempotency_key;
        *self.asked.lock().calls.entry(key.clone()).or_default() += 1;
        let mut truth = self.truth.lock();
        truth.watch.note(key.as_bytes());
        let effect = effect_of(key);
        if !effect.is_some_and(|effect| truth.watch.effects.contains_key(&effect)) {
            truth.watch.violation(format!("the call {key} left before it was intended"));
        }
    }

    fn answer(&self, request: &HttpRequest) -> CallResult {
        let mut random = self.random.lock();
        let fails = self.asked.lock().is_troubled && random.in_thousand(250);
        if fails && random.in_thousand(500) {
            return CallResult::Failure {
                code: "BadGateway".into(),
                message: "the line broke".into(),
                is_retryable: true,
            };
        }
        let status = if fails { 503 } else { 200 };
        let mut body = Object::new();
        body.insert("place", request.uri.clone());
        CallResult::Answer(flow::run::answer(status, Value::from(Object::new()), body.into()))
    }
}

impl Outside for SimOutside {
    /// No connector is in this world.
    fn exchange(&self, _call: connector::http::HttpCall) -> Answering<'_> {
        Box::pin(async {
            CallResult::Failure {
                code: "BadGateway".into(),
                message: "there are no services".into(),
                is_retryable: false,
            }
        })
    }

    fn call(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(async move {
            let (before, after) = {
                let mut random = self.random.lock();
                (random.below(300), random.below(2_500))
            };
            tokio::time::sleep(Duration::from_millis(before)).await;
            self.link.pass().await;
            self.arrive(&request);
            tokio::time::sleep(Duration::from_millis(after)).await;
            self.link.pass().await;
            self.answer(&request)
        })
    }
}

/// `<run>-<effect>`.
pub fn effect_of(key: &str) -> Option<(ProcessId, u64)> {
    let (run, effect) = key.split_once('-')?;
    Some((ProcessId::from_run_name(run)?, effect.parse().ok()?))
}
