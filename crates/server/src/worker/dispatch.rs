//! Effects: calls that a durable batch allows, and the way their results come back.

use super::Engine;
use super::address::Asker;
use super::outside::failure;
use crate::app::{data_policy, invoker};
use crate::limits::CHILD_DEPTH_MAX;
use durable::{ProcessId, StartKey};
use expr::{Object, Value};
use flow::definition::TriggerBehavior;
use flow::run::state::Caller;
use flow::run::{CallResult, ChildCall, ConnectorCall, Effect, Input, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::SemaphorePermit;

/// Refusals of a child's start that pass.
const PASSING: [&str; 7] = [
    "ServerBusy",
    "InsufficientStorage",
    "StoreUnavailable",
    "ServerNotReady",
    "WorkflowRunsWaitingLimitExceeded",
    "SecretsNotNoted",
    // the start that was perhaps made is found by its key
    "OutcomeUnknown",
];

/// A call that waits for its turn, as long as this lives.
struct WaitingCall(Arc<AtomicUsize>);

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Engine {
    /// Makes a call and gives its result to the process. At most so many go on at a time.
    pub fn dispatch(self: &Arc<Self>, process: ProcessId, effect: Effect) {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        let waiting = self.wait_for_turn();
        let (id, attempt) = (effect.id, effect.attempt);
        tracing::debug!(%process, effect = id, attempt, "calling");
        self.calls_under_way.lock().entry(process).or_default().push((id, attempt));
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            match engine.make_call(process, effect, waiting).await {
                // under way until the result is durable
                Some(result) => {
                    engine.deliver(process, Input::Result { effect: id, attempt, result });
                }
                None => engine.forget_call(process, id, attempt),
            }
        });
    }

    async fn make_call(
        self: &Arc<Self>,
        process: ProcessId,
        effect: Effect,
        waiting: WaitingCall,
    ) -> Option<CallResult> {
        let turn = match effect.request {
            Request::Http(_) => self.calls.acquire().await.ok(),
            // what another flow answers must not keep that one's calls from being made
            Request::Connector(_) | Request::Child(_) | Request::Subscribe(_) => None,
        };
        drop(waiting);
        // who holds the process now makes the call
        if !self.ownership.owns(process) {
            tracing::debug!(%process, effect = effect.id, "not called: another node holds it");
            return None;
        }
        let result = match effect.request {
            Request::Http(request) => {
                let asker = Asker::Run(process);
                Some(self.call_address(asker, data_policy::HTTP, *request).await)
            }
            Request::Child(call) => self.call_child(process, effect.id, *call).await,
            Request::Connector(call) => Some(self.call_connector(*call).await),
            Request::Subscribe(call) => self.subscribe(process, effect.id, *call).await,
        };
        drop(turn);
        result
    }

    /// Waits until a call may leave: so many do at a time.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let _waiting = self.wait_for_turn();
        self.calls.acquire().await.ok()
    }

    fn wait_for_turn(&self) -> WaitingCall {
        self.calls_waiting.fetch_add(1, Ordering::Relaxed);
        WaitingCall(Arc::clone(&self.calls_waiting))
    }

    /// True while this node makes that attempt.
    pub(super) fn is_calling(&self, process: ProcessId, effect: u64, attempt: u32) -> bool {
        let calls = self.calls_under_way.lock();
        calls.get(&process).is_some_and(|calls| calls.contains(&(effect, attempt)))
    }

    /// A call that belongs to no run, behind the same guard.
    pub async fn call_outside(&self, request: flow::run::HttpRequest) -> CallResult {
        self.outside.call(request).await
    }

    /// A call of an operation of a connector.
    pub(super) async fn call_connector(self: &Arc<Self>, call: ConnectorCall) -> CallResult {
        match self.connectors.get() {
            Some(connectors) => connectors.call(Arc::clone(self), call).await,
            None => failure("ServerNotReady", "Connectors are not ready yet.", true),
        }
    }

    /// A call that is made up already, behind the same guard.
    pub async fn exchange(&self, call: connector::http::HttpCall) -> CallResult {
        let _turn = self.turn().await;
        self.outside.exchange(call).await
    }

    pub(super) fn forget_call(&self, process: ProcessId, effect: u64, attempt: u32) {
        let mut calls = self.calls_under_way.lock();
        if let Some(of_process) = calls.get_mut(&process) {
            of_process.retain(|call| *call != (effect, attempt));
            if of_process.is_empty() {
                calls.remove(&process);
            }
        }
    }

    /// Starts the run of another flow; its answer comes as a message. A repeated start
    /// finds the child that is there.
    async fn call_child(
        self: &Arc<Self>,
        parent: ProcessId,
        effect: u64,
        call: ChildCall,
    ) -> Option<CallResult> {
        match self.start_child(parent, effect, call).await {
            Ok(()) => None,
            // a server that is busy or a flow that is full may take it later
            Err((code, message)) => Some(failure(code, message, PASSING.contains(&code))),
        }
    }

    async fn start_child(
        self: &Arc<Self>,
        parent: ProcessId,
        effect: u64,
        call: ChildCall,
    ) -> Result<(), (&'static str, String)> {
        let internal = |error: crate::app::AppError| (error.code, error.message);
        let name = child_name(&call.host).ok_or_else(|| {
            (
                "NestedWorkflowNotFound",
                "The 'host' names no flow: expected 'workflowReferenceName' or 'workflow.id'."
                    .to_owned(),
            )
        })?;
        self.check_depth(parent).await?;
        let not_found = || ("NestedWorkflowNotFound", format!("There is no flow '{name}'."));
        let row = self.store.run(parent).await.map_err(|error| internal(error.into()))?;
        let caller = match row {
            Some(row) => self.catalog.by_key(row.workflow).await.map_err(internal)?,
            None => None,
        };
        let caller = caller.ok_or_else(not_found)?;
        let environment = caller.row.environment.clone();
        let found = match self.catalog.by_id(&name).await.map_err(internal)? {
            Some(entry) => Some(entry),
            None => self.catalog.by_name(&environment, &name).await.map_err(internal)?,
        };
        let entry = found.ok_or_else(not_found)?;
        if entry.state != crate::app::catalog::FlowState::Started {
            return Err(("WorkflowDisabled", format!("The flow '{name}' is turned off.")));
        }
        let triggers = &entry.version.flow.triggers;
        let trigger = triggers
            .iter()
            .find(|it| matches!(it.behavior, TriggerBehavior::Request { .. }))
            .ok_or_else(|| {
                (
                    "NestedWorkflowTriggerNotFound",
                    format!("The flow '{name}' has no Request trigger."),
                )
            })?;
        if trigger.split_on.is_some() {
            let message =
                format!("The flow '{name}' splits its trigger's array and cannot be called.");
            return Err(("NestedWorkflowContainsSplitOnTrigger", message));
        }
        let handed = [&call.headers, call.body.as_ref().unwrap_or(&Value::Null)];
        self.hand_secrets((&caller.row.id, &entry.row.id), &handed).await.map_err(internal)?;
        let start = super::Start {
            version: &entry.version,
            parameters: self.parameters_of(&entry.version).await.map_err(internal)?,
            trigger,
            id: call.child,
            outputs: entry.version.reads.with_tokens(child_outputs(call.headers, call.body)),
            raw_body: None,
            scheduled: None,
            client_tracking_id: Some(call.client_tracking_id),
            origin: None,
            caller: Caller::Parent { process: parent, effect },
            start_key: Some(StartKey {
                source: parent.as_bytes().to_vec(),
                key: effect.to_le_bytes().to_vec(),
            }),
            invoker: match entry.row.environment == environment {
                true => invoker::of_child(&call.invoker),
                false => invoker::of_child_elsewhere(&call.invoker),
            },
        };
        self.start(start).await.map(|_| ()).map_err(internal)
    }

    /// Flows that call each other in a circle come to an end.
    async fn check_depth(&self, run: ProcessId) -> Result<(), (&'static str, String)> {
        let mut at = Some(run);
        for _ in 0..CHILD_DEPTH_MAX {
            let Some(process) = at else { return Ok(()) };
            at = match self.store.run(process).await {
                Ok(row) => row.and_then(|row| row.parent),
                Err(error) => return Err(("StoreUnavailable", error.to_string())),
            };
        }
        let message = format!("Flows call each other more than {CHILD_DEPTH_MAX} levels deep.");
        Err(("NestedWorkflowDepthExceeded", message))
    }
}

/// What the trigger of a child has.
fn child_outputs(headers: Value, body: Option<Value>) -> Value {
    let mut outputs = Object::with_capacity(2);
    outputs.push_new("headers", if headers.is_null() { Object::new().into() } else { headers });
    if let Some(body) = body {
        outputs.push_new("body", body);
    }
    outputs.into()
}

/// `workflowReferenceName` of Power Automate, `workflow.id` of Logic Apps: the name or
/// the last segment of a resource id.
fn child_name(host: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).filter(|text| !text.is_empty());
    if let Some(name) = host.get("workflowReferenceName").and_then(text) {
        return Some(name);
    }
    let id = text(host.get("workflow")?.get("id")?)?;
    id.rsplit('/').find(|segment| !segment.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::definition::Source;
    use flow::run::Purpose;

    #[tokio::test]
    async fn what_stands_behind_a_connector_is_asked_while_all_calls_are_taken() {
        let dir = tempfile::tempdir().expect("a folder");
        let engine = crate::app::run::tests::app(dir.path()).await.engine;
        let most = u32::try_from(crate::limits::CALLS_MAX).expect("a number");
        let _taken = engine.calls.acquire_many(most).await.expect("all turns");
        let call = ConnectorCall {
            source: Source::OpenApi,
            workflow: 1,
            version: 1,
            operation_name: "Ask".into(),
            inputs: Value::Null,
            purpose: Purpose::Call,
            transfer: flow::definition::Transfer::default(),
            invoker: Value::Null,
            idempotency_key: String::new(),
        };
        let request = Request::Connector(Box::new(call));
        let effect = Effect { id: 1, attempt: 1, repeatable: true, request };
        let process = engine.new_id().expect("an id");
        let waiting = engine.wait_for_turn();
        // a flow behind a connection makes calls itself: it would wait for this one's turn
        let making = engine.make_call(process, effect, waiting);
        let made = tokio::time::timeout(std::time::Duration::from_secs(20), making).await;
        assert!(matches!(made, Ok(Some(CallResult::Failure { .. }))), "{made:?}");
        assert_eq!(engine.calls_waiting.load(Ordering::Relaxed), 0);
    }
}
