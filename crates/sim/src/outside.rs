//! The world outside: answers calls, fails at times, and remembers what it was asked.

use crate::hook::{self, Asking};
use crate::link::Link;
use crate::node::Shared;
use crate::random::Random;
use crate::{approving, pages, queue};
use durable::ProcessId;
use expr::{Object, Value};
use flow::run::{CallResult, ConnectorCall, HttpRequest};
use parking_lot::Mutex;
use server::app::App;
use server::app::error::AppError;
use server::worker::{Answering, Asker, Connectors, Engine, Judged, Later, Outside};
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
    pub shared: Shared,
    pub node: u64,
    pub link: Link,
    pub random: Mutex<Random>,
}

impl SimOutside {
    fn arrive(&self, request: &HttpRequest) {
        let key = &request.idempotency_key;
        *self.shared.asked.lock().calls.entry(key.clone()).or_default() += 1;
        let mut truth = self.shared.truth.lock();
        truth.watch.note(key.as_bytes());
        let effect = effect_of(key);
        if !effect.is_some_and(|effect| truth.watch.effects.contains_key(&effect)) {
            truth.watch.violation(format!("the call {key} left before it was intended"));
        }
    }

    fn answer(&self, request: &HttpRequest) -> CallResult {
        let mut random = self.random.lock();
        let fails = self.shared.is_troubled() && random.in_thousand(250);
        if fails && random.in_thousand(500) {
            return broken();
        }
        let status = if fails { 503 } else { 200 };
        if let Some(page) = pages::answer(&request.uri).filter(|_| !fails) {
            return page;
        }
        let mut body = Object::new();
        body.insert("place", request.uri.clone());
        CallResult::Answer(flow::run::answer(status, Value::from(Object::new()), body.into()))
    }
}

/// What a caller has of an answer that was lost.
fn broken() -> CallResult {
    CallResult::Failure {
        code: "BadGateway".into(),
        message: "the line broke".into(),
        is_retryable: true,
    }
}

impl SimOutside {
    /// There, which takes so many milliseconds at most, and back; the answer may be lost.
    async fn travel(
        &self,
        there_max: u64,
        arrive: impl FnOnce() -> CallResult + Send,
    ) -> CallResult {
        let (before, after) = {
            let mut random = self.random.lock();
            (random.below(there_max), random.below(2_500))
        };
        tokio::time::sleep(Duration::from_millis(before)).await;
        self.link.pass().await;
        let result = arrive();
        tokio::time::sleep(Duration::from_millis(after)).await;
        self.link.pass().await;
        let is_lost = self.shared.is_troubled() && self.random.lock().in_thousand(100);
        if is_lost { broken() } else { result }
    }

    fn subscribe(&self, asking: &Asking) -> CallResult {
        hook::ask(&self.shared, self.node, &mut self.random.lock(), asking)
    }

    fn watch(&self, call: &ConnectorCall) -> CallResult {
        let mut random = self.random.lock();
        if self.shared.is_troubled() && random.in_thousand(150) {
            return broken();
        }
        let apart = self.shared.clocks_apart();
        let told = self.shared.watched.lock().ask(call, &mut random, apart);
        told.unwrap_or_else(|problem| {
            self.shared.truth.lock().watch.violation(problem);
            broken()
        })
    }

    fn read(&self, uri: &str) -> CallResult {
        let fails = self.shared.is_troubled() && self.random.lock().in_thousand(150);
        if fails { broken() } else { self.shared.queue.lock().answer(uri) }
    }
}

impl Outside for SimOutside {
    /// Connectors are [`SimConnectors`].
    fn exchange(&self, _call: connector::http::HttpCall) -> Answering<'_> {
        Box::pin(async { broken() })
    }

    fn call(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(async move {
            if request.uri.starts_with(queue::ADDRESS) {
                return self.travel(3_000, || self.read(&request.uri)).await;
            }
            if request.uri.starts_with(hook::ADDRESS) {
                let HttpRequest { method, body, idempotency_key, .. } = request;
                let asking = Asking::of_http(&method, body, idempotency_key);
                return self.travel(300, || self.subscribe(&asking)).await;
            }
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

/// The connectors of one node: one tells what is new, the others subscribe at the same service.
pub struct SimConnectors(pub Arc<SimOutside>);

impl Connectors for SimConnectors {
    fn call(&self, engine: Arc<Engine>, call: ConnectorCall) -> Later<CallResult> {
        let outside = Arc::clone(&self.0);
        Box::pin(async move {
            let operation = call.inputs.get("host").and_then(|host| host.get("operationId"));
            let operation = operation.and_then(Value::as_str);
            if operation == Some(approving::OPERATION) {
                let app = App::new(engine, Arc::default(), "simulation");
                return approving::serve(app, call).await;
            }
            if operation == Some(queue::OPERATION) {
                return outside.travel(3_000, || outside.watch(&call)).await;
            }
            let asking = Asking::of_connector(call);
            outside.travel(300, || outside.subscribe(&asking)).await
        })
    }

    /// All of them can be subscribed to.
    fn is_asked(&self, _: Arc<Engine>, _: ConnectorCall) -> Later<Result<bool, AppError>> {
        Box::pin(async { Ok(false) })
    }

    /// Nothing is recorded in this world.
    fn delivered(&self, _: Arc<Engine>, _: ConnectorCall, _: Value) -> Later<()> {
        Box::pin(async {})
    }

    /// There are no policies in this world.
    fn judge(
        &self,
        _engine: Arc<Engine>,
        _asker: Asker,
        _connector: &'static str,
        _uri: String,
    ) -> Later<Judged> {
        Box::pin(async { Judged::Free })
    }
}

/// `<run>-<effect>`, of a page with its number behind it.
pub fn effect_of(key: &str) -> Option<(ProcessId, u64)> {
    let (run, effect) = key.split_once('-')?;
    let effect = effect.split('-').next()?;
    Some((ProcessId::from_run_name(run)?, effect.parse().ok()?))
}
