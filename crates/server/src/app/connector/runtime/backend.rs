//! What stands behind a connection: the service that the connector's document names or
//! another address, a flow, what the document says as examples, or what comes with the server.

use super::polling::{Asking, Question};
use super::recording::{self, RecordingMode};
use super::{Called, Hook, delivery, served};
use crate::app::connector::{Connector, certificate};
use crate::app::error::{AppError, ErrorKind};
use crate::app::invoker;
use crate::app::trigger::Answer;
use crate::limits::FLOWS_BEHIND_CALLS_MAX;
use crate::worker::failure;
use ::connector::call::{Body, encoded};
use ::connector::definition::{Credential, ParameterKind, Service, credential};
use ::connector::http::{Authentication, HttpCall, Redirects, Secret, Transfer};
use ::connector::policy::{AbsoluteRequest, Policies, PolicyContext, PolicyResponse};
use bytes::Bytes;
use expr::{Object, Value};
use flow::run::CallResult;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::sync::Arc;
use std::time::Duration;

/// What stands behind a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Backend {
    /// The service of the connector's document, or what comes with the server.
    #[default]
    Service,
    /// A service of the same operations at another address: `https://host/base`.
    Host { url: String },
    /// A flow of the same environment with a Request trigger and a Response.
    Flow { flow: String },
    /// Answers made from the document: its examples, else values of its schemas.
    Mock,
    /// A recording: filled with what the service (or the one at `url`) answers, or played.
    Recording {
        recording: String,
        mode: RecordingMode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
}

/// Bytes of an address of a service.
const URL_BYTES_MAX: usize = 1_024;

impl Backend {
    /// Whether another host than the connector's gets what the connection authenticates with.
    #[must_use]
    pub fn takes_secrets(&self) -> bool {
        matches!(self, Backend::Host { .. } | Backend::Recording { url: Some(_), .. })
    }

    /// The recording that is being filled.
    #[must_use]
    pub fn records(&self) -> Option<String> {
        match self {
            Backend::Recording { recording, mode: RecordingMode::Record, .. } => {
                Some(recording.clone())
            }
            Backend::Recording { .. }
            | Backend::Service
            | Backend::Host { .. }
            | Backend::Flow { .. }
            | Backend::Mock => None,
        }
    }

    /// # Errors
    /// What of it cannot be.
    pub fn checked(self) -> Result<Backend, AppError> {
        let refused = |message: &str| Err(AppError::invalid("InvalidBackend", message));
        match &self {
            Backend::Host { url } | Backend::Recording { url: Some(url), .. } => {
                let parsed = url::Url::parse(url).ok().filter(|it| {
                    matches!(it.scheme(), "http" | "https")
                        && it.has_host()
                        && it.query().is_none()
                        && it.fragment().is_none()
                        && it.username().is_empty()
                        && it.password().is_none()
                });
                if parsed.is_none() || url.len() > URL_BYTES_MAX {
                    return refused(
                        "The 'url' is no address of a service, expected 'https://host/base' without a query and credentials.",
                    );
                }
            }
            Backend::Flow { flow } if flow.is_empty() => {
                return refused("The 'flow' is missing: its name or id is expected.");
            }
            Backend::Service | Backend::Flow { .. } | Backend::Mock | Backend::Recording { .. } => {
            }
        }
        Ok(self)
    }
}

impl Called {
    /// The service that the document names for the operation.
    fn service(&self) -> Option<&Service> {
        let own = self.operation().and_then(|it| it.service.as_ref());
        own.or(self.document.service.as_ref())
    }

    /// Where it goes over HTTP; none when a flow or the server itself answers it.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let service = match &self.connection.backend {
            Backend::Service => self.service()?.url(),
            Backend::Host { url } => url.trim_end_matches('/').to_owned(),
            Backend::Recording { url: Some(url), mode: RecordingMode::Record, .. } => {
                url.trim_end_matches('/').to_owned()
            }
            Backend::Recording { url: None, mode: RecordingMode::Record, .. } => {
                self.service()?.url()
            }
            Backend::Flow { .. } | Backend::Mock | Backend::Recording { .. } => return None,
        };
        Some(match &self.location {
            Some(location) => {
                at_location(&self.asked_at(&service), &self.at_service(&service, location)).0
            }
            None => format!("{service}{}", self.request.target()),
        })
    }

    /// Where callers reach the connector over this connection.
    fn gateway(&self) -> String {
        let base = self.app.engine.catalog.public_url();
        let (connector, name) = (self.connector.short_name(), &self.connection.name);
        format!("{}/apim/{connector}/{name}", base.trim_end_matches('/'))
    }

    /// An address that an answer gave: one that a policy made to lead back over this server
    /// is the service's again.
    fn at_service(&self, service: &str, location: &str) -> String {
        let rest = location.strip_prefix(&self.gateway());
        match rest.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
            Some(rest) => format!("{}{rest}", service.trim_end_matches('/')),
            None => location.to_owned(),
        }
    }

    /// What an address that an answer gave is relative to: a page's to the list itself.
    fn asked_at(&self, service: &str) -> String {
        let first = self.first.as_ref().filter(|_| self.is_page);
        format!("{service}{}", first.map_or("", |first| &first.path))
    }

    /// Refuses an address that a policy of the connector has made, where a data policy does.
    fn check_address(&self, address: &str) -> Result<(), AppError> {
        let Some(judge) = &self.judge else { return Ok(()) };
        let refused = |text| AppError::new(ErrorKind::Forbidden, "DataPolicyViolation", text);
        judge(address).map_err(refused)
    }
}

/// Has the call answered by what stands behind its connection; the question of a trigger as
/// the connector's policy says.
pub(super) async fn answer(mut called: Called) -> Result<CallResult, AppError> {
    called.app.count_by_policies(&called).await?;
    let asking = Asking::begin(&mut called)?;
    let result = Box::pin(answer_as_made(called)).await?;
    Ok(match asking {
        Some(asking) => asking.answered(result),
        None => result,
    })
}

async fn answer_as_made(called: Called) -> Result<CallResult, AppError> {
    match called.connection.backend.clone() {
        Backend::Service if !called.connector.is_custom() => served::answer(&called).await,
        Backend::Service => {
            let service = called.service().map(Service::url);
            let service = service.ok_or_else(|| no_service(&called.connector))?;
            by_service(&called, &service).await
        }
        Backend::Host { url } => by_service(&called, url.trim_end_matches('/')).await,
        Backend::Flow { flow } => by_flow(&called, &flow).await,
        Backend::Mock => mocked(&called).await,
        Backend::Recording { recording, mode, url } => match mode {
            RecordingMode::Record => recording::record(called, &recording, url).await,
            RecordingMode::Replay => recording::replay(&called, &recording).await,
        },
    }
}

fn no_service(connector: &Connector) -> AppError {
    let message = format!(
        "The document of the connector '{}' names no host: say with the connection what stands behind it.",
        connector.name
    );
    AppError::invalid("ConnectorHasNoService", message)
}

/// What a call of the service is made with.
struct Means {
    /// The values of the connection's parameters; that of a sign-in is its token now.
    values: Values,
    token: Option<Secret>,
    /// What the service is shown in the handshake.
    authentication: Authentication,
}

impl Means {
    async fn of(called: &Called) -> Result<Means, AppError> {
        let set = called.connector.set_named(&called.connection.set)?;
        let mut values = called.app.values_of(&called.connection)?;
        let authentication = match certificate::shown(&set, &values) {
            Some(file) => Authentication::ClientCertificate(file),
            None => Authentication::None,
        };
        let sign_in = set.parameters.iter().find(|it| it.kind == ParameterKind::SignIn);
        let Some(parameter) = sign_in else {
            return Ok(Means { values, token: None, authentication });
        };
        let token = called.app.access_token_of(&called.connection).await?;
        values.insert(parameter.name.clone(), token.expose().into());
        Ok(Means { values, token: Some(token), authentication })
    }
}

/// The call over HTTP, with what the connector's policies make of it.
async fn by_service(called: &Called, service: &str) -> Result<CallResult, AppError> {
    let policies = called.connector.policies();
    let policies = policies.map_err(|it| refused(&format!("{} at {}", it.message, it.path)))?;
    let policies = match called.connection.backend.takes_secrets() {
        // whoever said where the service is would otherwise have called another
        true => policies.at_given_address(),
        false => policies,
    };
    let mut request = AbsoluteRequest { base: service.to_owned(), request: called.request.clone() };
    let mut base = service.to_owned();
    if let Some(location) = &called.location {
        base = base_of(called, &policies, service)?;
        let location = called.at_service(&base, location);
        let (url, is_own) = at_location(&called.asked_at(&base), &location);
        called.check_address(&url)?;
        request.base = url;
        request.request.path.clear();
        if !is_own {
            // nothing of the connection's, and nothing that was meant for its service
            request.request.headers.clear();
            let call = http_call(called, &request, Authentication::None);
            return Ok(called.app.engine.exchange(call).await);
        }
    }
    let means = Means::of(called).await?;
    let given = (request.clone(), base.as_str());
    let mut result = once_by_service(called, &policies, given, &means).await?;
    if let Some(token) = means.token.filter(|_| status_of(&result) == Some(401)) {
        // it was believed to be valid: another one is asked for, once for all who were refused
        // with this one
        called.app.token_refused(&called.connection, &token).await?;
        let means = Means::of(called).await?;
        result = once_by_service(called, &policies, (request, &base), &means).await?;
    }
    called.note_refusal(&policies, &result).await?;
    Ok(result)
}

/// The status of an answer.
pub(super) fn status_of(result: &CallResult) -> Option<i64> {
    match result {
        CallResult::Answer(answer) => answer.get("statusCode").and_then(Value::as_int),
        CallResult::Page { answer, .. } => answer.get("statusCode").and_then(Value::as_int),
        CallResult::Failure { .. } | CallResult::Unknown => None,
    }
}

impl Called {
    /// Notes of the connection that it is no longer good, where a policy of the connector
    /// says that an answer means that.
    async fn note_refusal(&self, policies: &Policies, result: &CallResult) -> Result<(), AppError> {
        let (Some(operation), Some(status)) = (self.operation(), status_of(result)) else {
            return Ok(());
        };
        if !u16::try_from(status).is_ok_and(|it| policies.is_unauthenticated(operation, it)) {
            return Ok(());
        }
        let message = format!(
            "its service answered '{}' with the status {status}, which says that it is not authenticated.",
            operation.id
        );
        self.app.refuse_connection(&self.connection, message).await
    }
}

/// A call of the service itself, with the values of the connection. Where the service begins
/// is said besides: of an address that an answer gave, that is only a part.
async fn once_by_service(
    called: &Called,
    policies: &Policies,
    (mut request, base): (AbsoluteRequest, &str),
    means: &Means,
) -> Result<CallResult, AppError> {
    let set = called.connector.set_named(&called.connection.set)?;
    let values = &means.values;
    let known = credential(&called.document, &set, values);
    called.note_values(&set, values, &known).await?;
    request.authorize(&known);
    let authentication = || means.authentication.clone();
    let Some(operation) = called.operation() else {
        let call = http_call(called, &request, authentication());
        return Ok(called.app.engine.exchange(call).await);
    };
    let is_polled = operation.trigger.is_some() && policies.polling(operation).is_some();
    if is_polled && called.question != Question::Made {
        // it says how a trigger asks, and nobody else
        let message = format!(
            "The policy template 'pollingtrigger' applies to the operation '{}', which only a trigger can ask.",
            operation.id
        );
        return Err(refused(&message));
    }
    let gateway = called.gateway();
    let context = PolicyContext {
        operation,
        parameters: &called.parameters,
        connection: values,
        gateway: Some(&gateway),
    };
    if called.location.is_none() {
        let unanswered = complete(called, (policies, means), &context, &known, &mut request);
        if let Some(result) = unanswered.await? {
            return Ok(result);
        }
        called.check_address(&request.url())?;
    } else if called.is_page {
        policies.apply_headers(&context, &mut request).map_err(|it| refused(&it.message))?;
    }
    let call = http_call(called, &request, authentication());
    let result = called.app.engine.exchange(call).await;
    if called.is_page {
        base.clone_into(&mut request.base);
    }
    match result {
        CallResult::Answer(answer) if called.location.is_none() || called.is_page => {
            converted(policies, &context, &request, &answer)
        }
        result => Ok(result),
    }
}

/// Where the service is: its policies may say another address than its document.
fn base_of(called: &Called, policies: &Policies, service: &str) -> Result<String, AppError> {
    let (Some(operation), Some(first)) = (called.operation(), &called.first) else {
        return Ok(service.to_owned());
    };
    let values = called.app.values_of(&called.connection)?;
    let context = PolicyContext {
        operation,
        parameters: &called.parameters,
        connection: &values,
        gateway: None,
    };
    let request = AbsoluteRequest { base: service.to_owned(), request: first.clone() };
    // what cannot be found out is not the service's
    Ok(policies.base(&context, &request).unwrap_or_else(|_| service.to_owned()))
}

/// Does what the policies say, and asks the service what they need to know of it. What it
/// does not answer is the end of the call.
async fn complete(
    called: &Called,
    (policies, means): (&Policies, &Means),
    context: &PolicyContext<'_>,
    known: &Credential,
    request: &mut AbsoluteRequest,
) -> Result<Option<CallResult>, AppError> {
    let mut from = 0;
    loop {
        let asks = policies.apply_request(context, request, from);
        let Some(question) = asks.map_err(|it| refused(&it.message))? else { return Ok(None) };
        let mut asked = question.request.clone();
        asked.request.query.extend(known.query.iter().cloned());
        called.check_address(&asked.url())?;
        let mut call = http_call(called, &asked, means.authentication.clone());
        call.transfer = Transfer::Whole;
        // the call itself is another
        call.headers.retain(|(name, _)| name != KEY);
        let result = called.app.engine.exchange(call).await;
        match &result {
            CallResult::Answer(answer) if is_success(answer) => {
                let body = answer.get("body").cloned().unwrap_or_default();
                policies
                    .answer(context, &question, &body, request)
                    .map_err(|it| refused(&it.message))?;
            }
            _ => return Ok(Some(result)),
        }
        from = question.next();
    }
}

pub(super) fn is_success(answer: &Value) -> bool {
    let status = answer.get("statusCode").and_then(Value::as_int);
    status.is_some_and(|it| (200..300).contains(&it))
}

/// An answer of the service with what the policies make of it.
fn converted(
    policies: &Policies,
    context: &PolicyContext<'_>,
    request: &AbsoluteRequest,
    answer: &Value,
) -> Result<CallResult, AppError> {
    let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
    let headers = part("headers");
    let headers = headers.as_object().map(|it| it.iter().collect::<Vec<_>>()).unwrap_or_default();
    let headers =
        headers.into_iter().map(|(name, value)| (name.to_string(), value.text().to_string()));
    let mut response = PolicyResponse { headers: headers.collect(), body: part("body") };
    policies.apply_response(context, request, &mut response).map_err(|it| refused(&it.message))?;
    let status = part("statusCode").as_int().unwrap_or(200);
    let headers = header_object(&response.headers);
    Ok(CallResult::Answer(flow::run::answer(status, headers, response.body)))
}

pub(super) fn refused(message: &str) -> AppError {
    AppError::invalid("ConnectorPolicyFailed", message)
}

/// Says that a request is the same as one before.
const KEY: &str = "Idempotency-Key";

fn http_call(
    called: &Called,
    request: &AbsoluteRequest,
    authentication: Authentication,
) -> HttpCall {
    let relative = &request.request;
    let mut headers = relative.headers.clone();
    // a key in a header of its own would go along to wherever a redirect leads
    let is_plain = |header: &(String, String)| {
        header.0.eq_ignore_ascii_case("authorization") || called.request.headers.contains(header)
    };
    let redirects = match &called.judge {
        _ if !headers.iter().all(is_plain) => Redirects::Stay,
        Some(judge) => Redirects::Judged(Arc::clone(judge)),
        None => Redirects::Follow,
    };
    let mut bytes = None;
    if let Some(body) = &relative.body {
        let (content_type, content) = Body::write(body, relative.content_type.as_deref());
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        headers.push(("Content-Type".to_owned(), content_type));
        bytes = Some(Bytes::from(content));
    }
    headers.push((KEY.to_owned(), called.idempotency_key.clone()));
    let can_chunk = called.is_chunked && called.operation().is_some_and(|it| it.is_chunkable());
    HttpCall {
        method: relative.method.clone(),
        uri: match called.location.is_some() && relative.path.is_empty() {
            true => with_query(&request.base, &relative.query),
            false => request.url(),
        },
        headers,
        body: bytes,
        authentication,
        timeout: Duration::from_secs(crate::limits::CALL_TIMEOUT_SECONDS),
        redirects,
        transfer: if can_chunk { Transfer::InParts } else { Transfer::Whole },
    }
}

/// An address as an answer gave it, with what the connection says of itself in its query.
fn with_query(address: &str, query: &[(String, String)]) -> String {
    let Ok(mut url) = url::Url::parse(address) else { return address.to_owned() };
    if query.is_empty() {
        return address.to_owned();
    }
    let is_other = |pair: &&str| {
        let name = url::form_urlencoded::parse(pair.as_bytes()).next();
        name.is_some_and(|(name, _)| query.iter().all(|(it, _)| *it != name))
    };
    let kept = url.query().unwrap_or_default().split('&').filter(is_other).map(str::to_owned);
    let said = query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let all: Vec<String> = kept.chain(said).collect();
    url.set_query(Some(&all.join("&")));
    url.into()
}

type Values = Map<String, serde_json::Value>;

/// The address that an answer gave, and whether it is one of the service: only that one gets
/// the connection's credentials.
fn at_location(service: &str, location: &str) -> (String, bool) {
    let Ok(base) = url::Url::parse(service) else { return (location.to_owned(), false) };
    match base.join(location) {
        Ok(url) => (url.to_string(), url.origin() == base.origin()),
        Err(_) => (location.to_owned(), false),
    }
}

/// The call as the start of a flow, whose Response answers it. Flows that call one another in
/// a circle come to an end.
async fn by_flow(called: &Called, name: &str) -> Result<CallResult, AppError> {
    let depth = called.depth + 1;
    if depth > FLOWS_BEHIND_CALLS_MAX {
        let message = format!(
            "Flows behind connections call one another more than {FLOWS_BEHIND_CALLS_MAX} levels deep: the flow '{name}' is not started."
        );
        return Err(AppError::invalid("ConnectionFlowDepthExceeded", message));
    }
    let request = &called.request;
    let mut body = Object::with_capacity(8);
    body.push_new("connector", called.connector.name.as_str());
    body.push_new("connection", called.connection.name.as_str());
    body.push_new("operationId", called.operation.clone().map_or(Value::Null, Value::from));
    body.push_new("parameters", called.parameters.clone());
    body.push_new("method", request.method.as_str());
    let path = called.location.as_ref().map_or_else(|| request.target(), ToString::to_string);
    body.push_new("path", path);
    body.push_new("body", super::body_value(request));
    let kept = invoker::at_depth(depth);
    let (flow, from) = ((called.connection.environment.as_str(), name), called.flow.as_deref());
    let asked = called.app.ask_flow(flow, from, body.into(), kept);
    Ok(match Box::pin(asked).await? {
        Answer::Response(response) => {
            let part = |name: &str| response.get(name).cloned().unwrap_or_default();
            let status = part("statusCode").as_int().unwrap_or(200);
            CallResult::Answer(flow::run::answer(status, part("headers"), part("body")))
        }
        Answer::Accepted | Answer::NoResponse => {
            let message = format!("The flow '{name}' behind the connection gave no response.");
            failure("BadGateway", message, false)
        }
        Answer::TimedOut => {
            let message =
                format!("The flow '{name}' behind the connection did not answer in time.");
            failure("GatewayTimeout", message, false)
        }
    })
}

/// The answer of a mock. Who asks to be called back is called back once, before this is
/// answered: a server that ends in between asks again, and nothing is lost.
async fn mocked(called: &Called) -> Result<CallResult, AppError> {
    let Some(operation) = called.operation() else {
        let message = format!(
            "The connector '{}' has no operation at '{}'.",
            called.connector.name, called.request.path
        );
        return Err(AppError::not_found("OperationNotFound", message));
    };
    let answer = ::connector::mock::answer(operation);
    if let Hook::Begins { callback } = &called.hook {
        let body = ::connector::mock::notification(operation);
        let mut request = Object::with_capacity(2);
        request.push_new("headers", header_object(&[]));
        if !body.is_null() {
            request.push_new("body", body);
        }
        delivery::deliver(called, callback, vec![request.into()]).await?;
    }
    Ok(CallResult::Answer(flow::run::answer(
        i64::from(answer.status),
        header_object(&answer.headers),
        answer.body,
    )))
}

/// Headers as an answer of an action has them.
pub(super) fn header_object(headers: &[(String, String)]) -> Value {
    let mut object = Object::with_capacity(headers.len());
    for (name, value) in headers {
        object.insert(crate::worker::header::canonical(name), Value::from(value.as_str()));
    }
    object.into()
}
