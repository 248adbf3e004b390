//! What stands behind a connection: the service that the connector's document names or
//! another address, a flow, what the document says as examples, or what comes with the server.

use super::Called;
use crate::app::connector::Connector;
use crate::app::error::AppError;
use crate::app::trigger::Answer;
use crate::worker::failure;
use ::connector::call::{Body, encoded};
use ::connector::definition::{Parameter, ParameterKind, ParameterSet, credential};
use ::connector::http::{Authentication, HttpCall};
use bytes::Bytes;
use expr::{Object, Value};
use flow::run::CallResult;
use serde::{Deserialize, Serialize};
use serde_json::Map;
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
}

/// Bytes of an address of a service.
const URL_BYTES_MAX: usize = 1_024;

impl Backend {
    /// # Errors
    /// What of it cannot be.
    pub fn checked(self) -> Result<Backend, AppError> {
        let refused = |message: &str| Err(AppError::invalid("InvalidBackend", message));
        match &self {
            Backend::Host { url } => {
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
            Backend::Service | Backend::Flow { .. } => {}
        }
        Ok(self)
    }
}

impl Called {
    /// Where it goes over HTTP; none when a flow or the server itself answers it.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let service = match &self.connection.backend {
            Backend::Service => self.document.service.as_ref()?.url(),
            Backend::Host { url } => url.trim_end_matches('/').to_owned(),
            Backend::Flow { .. } => return None,
        };
        Some(match &self.location {
            Some(location) => at_location(&service, location).0,
            None => format!("{service}{}", self.request.target()),
        })
    }
}

/// Has the call answered by what stands behind its connection.
pub(super) async fn answer(called: Called) -> Result<CallResult, AppError> {
    match called.connection.backend.clone() {
        Backend::Service if !called.connector.is_custom() => {
            let message = format!(
                "The connector '{}' cannot be called from flows yet.",
                called.connector.name
            );
            Err(AppError::invalid("ConnectorCallsNotSupported", message))
        }
        Backend::Service => {
            let service = called.document.service.as_ref().map(|it| it.url());
            let service = service.ok_or_else(|| no_service(&called.connector))?;
            by_service(&called, &service).await
        }
        Backend::Host { url } => by_service(&called, url.trim_end_matches('/')).await,
        Backend::Flow { flow } => by_flow(&called, &flow).await,
    }
}

fn no_service(connector: &Connector) -> AppError {
    let message = format!(
        "The document of the connector '{}' names no host: say with the connection what stands behind it.",
        connector.name
    );
    AppError::invalid("ConnectorHasNoService", message)
}

/// The call over HTTP.
async fn by_service(called: &Called, service: &str) -> Result<CallResult, AppError> {
    let (url, is_own) = match &called.location {
        Some(location) => at_location(service, location),
        None => (format!("{service}{}", called.request.target()), true),
    };
    let mut call = HttpCall {
        method: called.request.method.clone(),
        uri: url,
        headers: called.request.headers.clone(),
        body: None,
        authentication: Authentication::None,
        timeout: Duration::from_secs(crate::limits::CALL_TIMEOUT_SECONDS),
        follow_redirects: !called.is_bounded,
    };
    if let Some(body) = &called.request.body {
        let (content_type, bytes) = Body::write(body, called.request.content_type.as_deref());
        call.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        call.headers.push(("Content-Type".to_owned(), content_type));
        call.body = Some(Bytes::from(bytes));
    }
    call.headers.push(("Idempotency-Key".to_owned(), called.idempotency_key.clone()));
    if is_own {
        let set = called.connector.set_named(&called.connection.set)?;
        let values = values_of(called, &set).await?;
        let credential = credential(&called.document, &set, &values);
        call.headers.extend(credential.headers);
        add_query(&mut call.uri, &credential.query);
    }
    Ok(called.app.engine.exchange(call).await)
}

/// The values of the connection's parameters; that of a sign-in is its token now.
async fn values_of(
    called: &Called,
    set: &ParameterSet,
) -> Result<Map<String, serde_json::Value>, AppError> {
    let mut values = called.app.values_of(&called.connection)?;
    let is_sign_in = |it: &&Parameter| it.kind == ParameterKind::SignIn;
    if let Some(parameter) = set.parameters.iter().find(is_sign_in) {
        let token = called.app.access_token_of(&called.connection).await?;
        values.insert(parameter.name.clone(), token.expose().into());
    }
    Ok(values)
}

fn add_query(uri: &mut String, query: &[(String, String)]) {
    for (name, value) in query {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.push_str(&format!("{}={}", encoded(name), encoded(value)));
    }
}

/// The address that an answer gave, and whether it is one of the service: only that one gets
/// the connection's credentials.
fn at_location(service: &str, location: &str) -> (String, bool) {
    let Ok(base) = url::Url::parse(service) else { return (location.to_owned(), false) };
    match base.join(location) {
        Ok(url) => (url.to_string(), url.origin() == base.origin()),
        Err(_) => (location.to_owned(), false),
    }
}

/// The call as the start of a flow, whose Response answers it.
async fn by_flow(called: &Called, name: &str) -> Result<CallResult, AppError> {
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
    let asked = called.app.ask_flow(&called.connection.environment, name, body.into());
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
