//! Effects: calls that a durable batch allows, and the way their results come back.

use super::Engine;
use crate::limits::{CALL_TIMEOUT_SECONDS, CHILD_DEPTH_MAX};
use bytes::Bytes;
use connector::http::{Authentication, HttpAnswer, HttpCall, HttpFailure, headers};
use durable::{ProcessId, StartKey};
use expr::{Object, Str, Value};
use flow::definition::TriggerBehavior;
use flow::run::state::Caller;
use flow::run::{CallResult, ChildCall, Effect, HttpRequest, Input, Request};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Refusals of a child's start that pass.
const PASSING: [&str; 4] =
    ["ServerBusy", "InsufficientStorage", "StoreUnavailable", "WorkflowRunsWaitingLimitExceeded"];

impl Engine {
    /// Makes a call and gives its result to the process. At most so many go on at a time.
    pub fn dispatch(self: &Arc<Self>, process: ProcessId, effect: Effect) {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let (id, attempt) = (effect.id, effect.attempt);
            let result = match effect.request {
                Request::Http(request) => {
                    let Ok(_permit) = engine.calls.acquire().await else { return };
                    Some(engine.call_http(*request).await)
                }
                Request::Child(call) => engine.call_child(process, id, *call).await,
            };
            if let Some(result) = result {
                engine.deliver(process, Input::Result { effect: id, attempt, result });
            }
        });
    }

    async fn call_http(&self, request: HttpRequest) -> CallResult {
        let uri = with_queries(&request.uri, &request.queries);
        let call = match http_call(request, uri) {
            Ok(call) => call,
            Err(message) => return failure("BadRequest", message, false),
        };
        let client = match self.http() {
            Ok(client) => client,
            Err(message) => return failure("InternalServerError", message, false),
        };
        match client.send(call).await {
            Ok(answer) => answered(&answer),
            Err(error) => {
                let message = error.to_string();
                match error {
                    HttpFailure::Denied(_) => failure("EgressDenied", message, false),
                    HttpFailure::Invalid(_) => failure("BadRequest", message, false),
                    HttpFailure::Unsupported(_) => failure("NotSupported", message, false),
                    HttpFailure::TooLarge { .. } => {
                        failure("HttpResponseContentTooLarge", message, false)
                    }
                    HttpFailure::Timeout => failure("RequestTimeout", message, true),
                    HttpFailure::Unreachable(_) | HttpFailure::Interrupted(_) => {
                        failure("BadGateway", message, true)
                    }
                }
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
        let environment = match row {
            Some(row) => self.catalog.by_key(row.workflow).await.map_err(internal)?,
            None => None,
        };
        let environment = environment.map(|entry| entry.row.environment.clone());
        let environment = environment.ok_or_else(not_found)?;
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
        let mut outputs = Object::with_capacity(2);
        let headers = if call.headers.is_null() { Object::new().into() } else { call.headers };
        outputs.push_new("headers", headers);
        if let Some(body) = call.body {
            outputs.push_new("body", body);
        }
        let start = super::Start {
            version: &entry.version,
            trigger,
            id: call.child,
            outputs: outputs.into(),
            raw_body: None,
            scheduled: None,
            client_tracking_id: Some(call.client_tracking_id),
            origin: None,
            caller: Caller::Parent { process: parent, effect },
            start_key: Some(StartKey {
                source: parent.as_bytes().to_vec(),
                key: effect.to_le_bytes().to_vec(),
            }),
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

fn failure(code: &str, message: impl Into<Str>, is_retryable: bool) -> CallResult {
    CallResult::Failure { code: code.into(), message: message.into(), is_retryable }
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

fn with_queries(uri: &str, queries: &[(Str, Str)]) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let (uri, fragment) = uri.split_once('#').map_or((uri, None), |(uri, rest)| (uri, Some(rest)));
    let mut result = uri.to_owned();
    for (name, value) in queries {
        result.push(if result.contains('?') { '&' } else { '?' });
        result.extend(utf8_percent_encode(name, SET));
        result.push('=');
        result.extend(utf8_percent_encode(value, SET));
    }
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
}

fn http_call(request: HttpRequest, uri: String) -> Result<HttpCall, String> {
    let authentication = Authentication::from_value(&request.authentication)?;
    let has_body = request.body.is_some();
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .filter(|(name, _)| headers::sendable(name, has_body))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let mut body = None;
    if let Some(value) = &request.body {
        let (content_type, bytes) = expr::content::to_body(value);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".to_owned(), content_type));
        }
        body = Some(Bytes::from(bytes));
    }
    if let Some(cookie) = &request.cookie {
        headers.push(("Cookie".to_owned(), cookie.to_string()));
    }
    headers.push(("Idempotency-Key".to_owned(), request.idempotency_key));
    Ok(HttpCall {
        method: request.method.to_uppercase().to_string(),
        uri,
        headers,
        body,
        authentication,
        timeout: Duration::from_secs(CALL_TIMEOUT_SECONDS),
        follow_redirects: true,
    })
}

fn answered(answer: &HttpAnswer) -> CallResult {
    let mut object = Object::with_capacity(answer.headers.len());
    let mut content_type = None;
    for (name, value) in &answer.headers {
        if name.eq_ignore_ascii_case("content-type") {
            content_type = Some(value.as_str());
        }
        let name = super::header::canonical(name);
        let value = match object.get_exact(&name) {
            Some(earlier) => Value::from(format!("{},{value}", earlier.text())),
            None => Value::from(value.as_str()),
        };
        object.insert(name, value);
    }
    let body = if answer.body.is_empty() {
        Ok(Value::Null)
    } else {
        expr::content::from_body(content_type, &answer.body)
    };
    match body {
        Ok(body) => {
            CallResult::Answer(flow::run::answer(i64::from(answer.status), object.into(), body))
        }
        Err(error) => failure(
            "BadRequest",
            format!("Http request failed: the content was not valid: {error}."),
            false,
        ),
    }
}
