//! Calls to the outside: the one way by which runs reach other systems.

use super::Engine;
use super::address::{Asker, Judged};
use crate::app::error::AppError;
use crate::limits::{CALL_ANSWER_BYTES_MAX, CALL_TIMEOUT_SECONDS};
use bytes::Bytes;
use connector::http::{
    Authentication, EgressPolicy, HttpAnswer, HttpCall, HttpClient, HttpFailure, HttpLimits, Judge,
    Redirects, Transfer, headers,
};
use expr::{Object, Str, Value};
use flow::run::{CallResult, ConnectorCall, HttpRequest};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A call on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = CallResult> + Send + 'a>>;

/// Makes calls. Simulations have another world.
pub trait Outside: Send + Sync + 'static {
    fn call(&self, request: HttpRequest) -> Answering<'_>;

    /// The same, going on only to where a rule allows.
    fn call_judged(&self, request: HttpRequest, _judge: Judge) -> Answering<'_> {
        self.call(request)
    }

    /// A call that is made up already, with what it authenticates by.
    fn exchange(&self, call: HttpCall) -> Answering<'_>;
}

/// What connectors answer later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes calls of connectors: knows connections, and what stands behind them.
pub trait Connectors: Send + Sync + 'static {
    fn call(&self, engine: Arc<Engine>, call: ConnectorCall) -> Later<CallResult>;

    /// Whether the operation of a trigger is asked again and again, as it has no place for an
    /// address to call back. What cannot be found out at all is not.
    fn is_asked(&self, engine: Arc<Engine>, call: ConnectorCall) -> Later<Result<bool, AppError>>;

    /// Somebody called back to what a subscription gave: a recording keeps that.
    fn delivered(&self, engine: Arc<Engine>, asked: ConnectorCall, request: Value) -> Later<()>;

    /// Whether a flow may call an address, by what is called `connector`.
    fn judge(
        &self,
        engine: Arc<Engine>,
        asker: Asker,
        connector: &'static str,
        uri: String,
    ) -> Later<Judged>;
}

/// The real outside, behind the egress guard.
pub struct HttpOutside {
    egress: Arc<EgressPolicy>,
    /// Made for the first call: a server whose flows call nobody needs none.
    client: OnceLock<Result<HttpClient, String>>,
}

impl HttpOutside {
    #[must_use]
    pub fn new(egress: EgressPolicy) -> Self {
        HttpOutside { egress: Arc::new(egress), client: OnceLock::new() }
    }

    fn http(&self) -> Result<&HttpClient, String> {
        let limits =
            HttpLimits { response_bytes_max: CALL_ANSWER_BYTES_MAX, ..HttpLimits::default() };
        let make =
            || HttpClient::new(Arc::clone(&self.egress), limits).map_err(|error| error.to_string());
        self.client.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    async fn call_http(&self, request: HttpRequest, redirects: Redirects) -> CallResult {
        let uri = with_queries(&request.uri, &request.queries);
        let call = match http_call(request, uri) {
            Ok(call) => HttpCall { redirects, ..call },
            Err(message) => return failure("BadRequest", message, false),
        };
        self.send(call).await
    }

    async fn send(&self, call: HttpCall) -> CallResult {
        let client = match self.http() {
            Ok(client) => client,
            Err(message) => return failure("InternalServerError", message, false),
        };
        match client.send(call).await {
            Ok(answer) => answered(&answer),
            Err(error) => {
                let (code, passes) = failure_code(&error);
                failure(code, error.to_string(), passes)
            }
        }
    }
}

/// The code that the run history gives a call without an answer, and whether it may be
/// repeated.
pub fn failure_code(error: &HttpFailure) -> (&'static str, bool) {
    match error {
        HttpFailure::Denied(_) => ("EgressDenied", false),
        HttpFailure::Refused(_) => ("DataPolicyViolation", false),
        HttpFailure::Parts(_) => ("BadGateway", false),
        HttpFailure::Invalid(_) => ("BadRequest", false),
        HttpFailure::TooLarge { .. } => ("HttpResponseContentTooLarge", false),
        HttpFailure::Timeout => ("RequestTimeout", true),
        HttpFailure::Unreachable(_) | HttpFailure::Interrupted(_) => ("BadGateway", true),
    }
}

impl Outside for HttpOutside {
    fn call(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(self.call_http(request, Redirects::Follow))
    }

    fn call_judged(&self, request: HttpRequest, judge: Judge) -> Answering<'_> {
        Box::pin(self.call_http(request, Redirects::Judged(judge)))
    }

    fn exchange(&self, call: HttpCall) -> Answering<'_> {
        Box::pin(self.send(call))
    }
}

/// A call that came to nothing.
pub fn failure(code: &str, message: impl Into<Str>, is_retryable: bool) -> CallResult {
    CallResult::Failure { code: code.into(), message: message.into(), is_retryable }
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
        redirects: Redirects::Follow,
        transfer: if request.is_chunked { Transfer::InParts } else { Transfer::Whole },
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
