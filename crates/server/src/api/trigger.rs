//! Trigger addresses: what calls from outside look like, and what they get.

use super::error::{ApiError, envelope, status_of};
use super::provider::{content, package};
use super::{ApiState, body};
use crate::app::catalog::FlowEntry;
use crate::app::trigger::{Answer, Answered, Signed, TriggerCall};
use crate::app::{AppError, ErrorKind};
use crate::worker::header;
use axum::body::{Body, Bytes};
use axum::http::header::{self as names, InvalidHeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use durable::ProcessId;
use expr::{Object, Str, Value};
use flow::definition::{Options, TriggerBehavior};
use flow::run::tracking_id;
use hyper::body::Incoming;
use std::borrow::Cow;

/// Where trigger addresses begin.
const PREFIX: &str = "/workflows/";
/// Where addresses begin at which webhook actions are answered.
const CALLBACKS: &str = "/callbacks/";
/// What follows the trigger's name.
const INVOKE: &str = "/paths/invoke";

/// True for paths that this module answers.
pub fn is_address(path: &str) -> bool {
    path.starts_with(PREFIX) || path.starts_with(CALLBACKS)
}

/// Any method on a trigger's address.
pub async fn invoke(state: &ApiState, request: Request<Incoming>) -> Response {
    match try_invoke(state, request).await {
        Ok(response) => response,
        Err(error) => ApiError(error).into_response(),
    }
}

async fn try_invoke(state: &ApiState, request: Request<Incoming>) -> Result<Response, AppError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if let Some(rest) = path.strip_prefix(CALLBACKS) {
        return call_back(state, &parts, body, rest).await;
    }
    if let Some((flow, rest)) = content::parse(path) {
        return Ok(content::read(state, &parts, flow, rest).await);
    }
    if let Some((flow, rest)) = package::parse(path) {
        return Ok(package::read(state, &parts, flow, rest).await);
    }
    let address = Address::parse(path).ok_or_else(|| {
        AppError::not_found("ResourceNotFound", format!("There is nothing at '{path}'."))
    })?;
    let queries = Queries::read(parts.uri.query().unwrap_or_default());
    let signed = Signed {
        flow_id: &address.flow,
        trigger: &address.trigger,
        permission: &queries.permission,
        version: &queries.version,
        signature: &queries.signature,
    };
    // nobody without a signature makes the server hold a body
    let entry = state.app.signed_flow(&signed).await?;
    let trigger = entry.version.flow.find_trigger(&address.trigger);
    let options = trigger.map(|trigger| trigger.options).unwrap_or_default();
    if trigger.is_some_and(|it| matches!(it.behavior, TriggerBehavior::Webhook(_)))
        && let Some(response) = validation(&queries.others)
    {
        return Ok(response);
    }
    let bytes_max = state.settings.trigger_body_bytes_max;
    let body = body::read(body, &parts.headers, bytes_max).await?;
    let call = call_of(&address, queries.others, &parts, &body, options);
    let answered = state.app.call_trigger(entry, call).await?;
    Ok(render(answered, !options.suppress_workflow_headers_on_response))
}

/// Somebody answers a webhook action, at `/callbacks/{process}/{token}`.
async fn call_back(
    state: &ApiState,
    parts: &Parts,
    body: Incoming,
    rest: &str,
) -> Result<Response, AppError> {
    let gone = || {
        let message =
            "Nobody waits for this callback: it was answered, given up, or never asked for.";
        AppError::new(ErrorKind::Gone, "WebhookCallbackGone", message)
    };
    let address = rest.split_once('/');
    let address = address.and_then(|(id, token)| Some((ProcessId::from_run_name(id)?, token)));
    let (process, token) = address.ok_or_else(gone)?;
    let queries = Queries::read(parts.uri.query().unwrap_or_default());
    if !state.app.engine.is_answerable(process, token).await? {
        return Err(gone());
    }
    if let Some(response) = validation(&queries.others) {
        return Ok(response);
    }
    let bytes_max = state.settings.trigger_body_bytes_max;
    let body = body::read(body, &parts.headers, bytes_max).await?;
    let mut request = Object::with_capacity(3);
    request.push_new("headers", headers_of(&parts.headers, false));
    if !queries.others.is_empty() {
        request.push_new("queries", queries.others);
    }
    if !body.is_empty() {
        let content_type = parts.headers.get(names::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let body = expr::content::from_body(content_type, &body)
            .map_err(|error| AppError::invalid("InvalidRequestContent", error.to_string()))?;
        request.push_new("body", body);
    }
    let told = state.app.engine.call_back(process, token, request.into()).await?;
    told.map(|()| StatusCode::OK.into_response()).ok_or_else(gone)
}

/// The answer to a service that makes sure of an address before it calls there.
fn validation(queries: &Object) -> Option<Response> {
    let token = queries.get("validationToken")?.as_str()?.to_owned();
    let plain = [
        (names::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (names::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((StatusCode::OK, plain, token).into_response())
}

/// Headers in which senders of events number their deliveries, so that one that comes again
/// is known.
const DELIVERY_IDS: [&str; 5] =
    ["idempotency-key", "webhook-id", "ce-id", "x-github-delivery", "x-ms-delivery-id"];

/// What a request at an address says, as far as triggers are concerned.
pub fn call_of<'a>(
    address: &'a Address<'a>,
    queries: Object,
    parts: &'a Parts,
    body: &'a [u8],
    options: Options,
) -> TriggerCall<'a> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    TriggerCall {
        trigger: &address.trigger,
        method: parts.method.as_str(),
        relative_path: address.rest,
        queries,
        headers: headers_of(&parts.headers, options.include_authorization_headers_in_outputs)
            .into(),
        content_type: text("content-type"),
        body,
        tracking: text("x-ms-client-tracking-id"),
        idempotency_key: delivery_of(text).or_else(|| event_of(text("content-type")?, body)),
    }
}

/// What an event of CloudEvents that is a body as a whole ("structured content mode") is known
/// by: the same as one whose properties are headers.
fn event_of(content_type: &str, body: &[u8]) -> Option<Cow<'static, str>> {
    #[derive(serde::Deserialize)]
    struct Event {
        source: String,
        id: String,
    }
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/cloudevents+json") {
        return None;
    }
    let Event { source, id } = serde_json::from_slice(body).ok()?;
    (!source.is_empty() && !id.is_empty()).then(|| format!("{source} {id}").into())
}

/// What a delivery is known by. An event of CloudEvents has its number from its source.
fn delivery_of<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Cow<'a, str>> {
    let given = |name: &str| text(name).filter(|it| !it.is_empty());
    let (name, id) = DELIVERY_IDS.iter().find_map(|name| Some((*name, given(name)?)))?;
    match given("ce-source").filter(|_| name == "ce-id") {
        Some(source) => Some(format!("{source} {id}").into()),
        None => Some(id.into()),
    }
}

/// `/workflows/{flow}/triggers/{trigger}/paths/invoke[/rest]`.
pub struct Address<'a> {
    pub flow: Cow<'a, str>,
    pub trigger: Cow<'a, str>,
    /// Still percent-encoded: it is decoded after matching.
    pub rest: &'a str,
}

impl Address<'_> {
    /// `None` for paths of another form.
    pub fn parse(path: &str) -> Option<Address<'_>> {
        let (flow, rest) = path.strip_prefix(PREFIX)?.split_once("/triggers/")?;
        let (trigger, rest) = rest.split_once(INVOKE)?;
        let is_plain = !flow.contains('/') && !trigger.contains('/');
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
        is_plain.then(|| Address { flow: decoded(flow), trigger: decoded(trigger), rest })
    }
}

/// The query parameters: those of the signature, and the others.
#[derive(Default)]
pub struct Queries<'a> {
    pub permission: Cow<'a, str>,
    pub version: Cow<'a, str>,
    pub signature: Cow<'a, str>,
    pub others: Object,
}

impl Queries<'_> {
    /// Reads what follows the question mark.
    pub fn read(text: &str) -> Queries<'_> {
        let mut queries = Queries::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (query_text(name), query_text(value));
            match &*name {
                "api-version" => {}
                "sp" => queries.permission = value,
                "sv" => queries.version = value,
                "sig" => queries.signature = value,
                _ => queries.others.insert(&*name, &*value),
            }
        }
        queries
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// Query text, in which `+` is a blank.
fn query_text(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        Cow::Owned(decoded(&text.replace('+', " ")).into_owned())
    } else {
        decoded(text)
    }
}

/// General headers first by name, then those of the content: its type, the others as
/// they came, its length.
/// Credentials are left out unless the trigger asks for them.
fn headers_of(headers: &HeaderMap, with_credentials: bool) -> Object {
    let mut general: Vec<(Str, Value)> = Vec::with_capacity(headers.len() + 2);
    let mut content: Vec<(Str, Value)> = Vec::new();
    for name in headers.keys() {
        let is_credential = name == names::AUTHORIZATION || name == names::PROXY_AUTHORIZATION;
        if is_credential && !with_credentials {
            continue;
        }
        let mut value = Str::new();
        for part in headers.get_all(name) {
            if !value.is_empty() {
                value.push(',');
            }
            value.push_str(&String::from_utf8_lossy(part.as_bytes()));
        }
        let pair = (header::canonical(name.as_str()), value.into());
        if header::is_content(name.as_str()) { content.push(pair) } else { general.push(pair) }
    }
    general.sort_by(|a, b| a.0.cmp(&b.0));
    content.sort_by_key(|(name, _)| match name.as_str() {
        "Content-Type" => 0,
        "Content-Length" => 2,
        _ => 1,
    });
    general.append(&mut content);
    Object::from_pairs(general)
}

fn render(answered: Answered, with_workflow_headers: bool) -> Response {
    let Answered { entry, run, tracking, answer } = answered;
    let mut response = match answer {
        Answer::Accepted => StatusCode::ACCEPTED.into_response(),
        Answer::Response(response) => respond(&response),
        Answer::NoResponse => {
            let id = run.map(|run| tracking_id(run, 0)).unwrap_or_default();
            let message = format!(
                "The server did not receive a response from an upstream server. Request tracking id '{id}'."
            );
            gateway(StatusCode::BAD_GATEWAY, "NoResponse", message)
        }
        Answer::TimedOut => {
            let message = "The flow did not answer in time. Its run goes on.";
            gateway(StatusCode::GATEWAY_TIMEOUT, "GatewayTimeout", message.to_owned())
        }
    };
    if with_workflow_headers {
        add_headers(response.headers_mut(), &entry, run, tracking.as_deref());
    }
    response
}

fn gateway(status: StatusCode, code: &'static str, message: String) -> Response {
    debug_assert!(status_of(ErrorKind::Internal).is_server_error() && status.is_server_error());
    let error = AppError::new(ErrorKind::Unavailable, code, message);
    (status, axum::Json(envelope(&error))).into_response()
}

/// What a Response action says, as HTTP.
pub fn respond(response: &Value) -> Response {
    let status = response.get("statusCode").and_then(Value::as_int);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut result = Response::new(Body::empty());
    *result.status_mut() = status.unwrap_or(StatusCode::OK);
    if let Some(body) = response.get("body").filter(|body| !body.is_null()) {
        let (content_type, bytes) = expr::content::to_body(body);
        if let Ok(value) = HeaderValue::from_str(&content_type) {
            result.headers_mut().insert(names::CONTENT_TYPE, value);
        }
        *result.body_mut() = Body::from(bytes);
    }
    if let Some(Value::Object(headers)) = response.get("headers") {
        for (name, value) in headers.iter() {
            set_header(result.headers_mut(), name, &value.text());
        }
    }
    result
}

/// A header of a Response action, unless it is one that only the server may set.
fn set_header(headers: &mut HeaderMap, name: &str, value: &str) {
    let is_own = ["content-length", "transfer-encoding", "connection", "allow", "expires"];
    let is_dropped = is_own.iter().any(|own| own.eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case("set-cookie")
        || name.eq_ignore_ascii_case("last-modified");
    if is_dropped {
        return;
    }
    if let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
    {
        headers.insert(name, value);
    }
}

fn add_headers(
    headers: &mut HeaderMap,
    entry: &FlowEntry,
    run: Option<ProcessId>,
    tracking: Option<&str>,
) {
    let mut add = |name: &'static str, value: Result<HeaderValue, InvalidHeaderValue>| {
        if let Ok(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(run) = run {
        // shared: a header's value is cloned by counting
        let run_name = HeaderValue::from_maybe_shared(Bytes::from(run.run_name()));
        let id = HeaderValue::from_maybe_shared(Bytes::from(tracking_id(run, 0)));
        let (Ok(run_name), Ok(id)) = (run_name, id) else { return };
        add("x-ms-workflow-run-id", Ok(run_name.clone()));
        add("x-ms-correlation-id", Ok(id.clone()));
        let tracking = tracking.map_or_else(|| Ok(run_name.clone()), HeaderValue::from_str);
        add("x-ms-client-tracking-id", tracking);
        add("x-ms-trigger-history-name", Ok(run_name));
        add("x-ms-tracking-id", Ok(id.clone()));
        add("x-ms-request-id", Ok(id));
    }
    for (name, value) in &entry.headers {
        // a flow's name may hold letters that a header cannot carry: then it is left out
        add(name, HeaderValue::from_maybe_shared(value.clone()));
    }
}
