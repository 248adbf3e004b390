//! The Http action: what its inputs ask for and what its answer means.
//!
//! Source: "Call external HTTP or HTTPS endpoints from workflows".

use super::Run;
use super::call::{CallResult, HttpRequest};
use super::record::{tracking_id, tracking_part};
use super::state::{FrameId, Pending, Slot, Stage};
use super::status::{ErrorInfo, Outcome, Outputs, Status};
use crate::definition::{Action, Behavior, Source};
use durable::Ticks;
use expr::{Object, Str, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Ticks between polls of an asynchronous call whose answer names no time: 20 s.
pub const POLL_INTERVAL: Ticks = 200_000_000;

/// Whether evaluated inputs can be called at all.
pub fn check(behavior: &Behavior, inputs: &Value) -> Result<(), String> {
    match behavior {
        Behavior::Http { .. } => {
            for name in ["method", "uri"] {
                let text = inputs.get(name).and_then(Value::as_str).unwrap_or_default();
                if text.trim().is_empty() {
                    return Err(format!(
                        "The '{name}' of an Http action must be text that is not empty."
                    ));
                }
            }
            check_named(inputs)
        }
        Behavior::Workflow { .. } => match inputs.get("host") {
            Some(Value::Object(_)) => check_named(inputs),
            _ => Err("The 'host' of a Workflow action must be an object.".to_owned()),
        },
        Behavior::Webhook { source: Source::Http, .. } => {
            let part = |name: &str| inputs.get(name).unwrap_or(&Value::Null);
            match super::connector::address_call(part("subscribe"), String::new()) {
                Ok(_) => check_named(part("unsubscribe")),
                Err(message) => Err(format!("The 'subscribe' of a webhook: {message}")),
            }
        }
        Behavior::Connector { .. } | Behavior::Webhook { .. } => match inputs.get("host") {
            Some(Value::Object(_)) => Ok(()),
            _ => {
                Err("The 'host' of an action that calls a connector must be an object.".to_owned())
            }
        },
        _ => Ok(()),
    }
}

/// Whether headers and queries have names, as [`named`] takes them.
pub(super) fn check_named(inputs: &Value) -> Result<(), String> {
    for name in ["headers", "queries"] {
        let Some(value) = inputs.get(name) else { continue };
        let what = match (named(value), value) {
            (Some(_), _) => continue,
            (None, Value::String(_)) => "a text that is no JSON object",
            (None, Value::Array(_)) => "an array",
            (None, _) => "a single value",
        };
        return Err(format!(
            "The '{name}' must be an object with a value for each name, not {what}."
        ));
    }
    Ok(())
}

/// Headers or queries by their names. Flows also hand them on as a text that is a JSON object
/// (text inputs of proxies, "headers as a key-value pair JSON string"); none and an empty text
/// are no names at all.
pub(super) fn named(value: &Value) -> Option<Cow<'_, Object>> {
    match value {
        Value::Object(object) => Some(Cow::Borrowed(object)),
        Value::Null => Some(Cow::Owned(Object::default())),
        Value::String(text) if text.trim().is_empty() => Some(Cow::Owned(Object::default())),
        Value::String(text) => match expr::json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => Some(Cow::Owned(object.as_ref().clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The same as a value: an object, or nothing.
pub(super) fn named_value(value: Option<&Value>) -> Value {
    let object = value.and_then(named).filter(|it| !it.is_empty());
    object.map(|it| Value::Object(Arc::new(it.into_owned()))).unwrap_or_default()
}

/// The request of a waiting Http action at its present stage.
pub fn request(
    run: &Run,
    frame: FrameId,
    action: &Action,
    slot: &Slot,
    pending: &Pending,
) -> HttpRequest {
    let inputs = &slot.inputs;
    let text = |name: &str| inputs.get(name).map(Value::text).unwrap_or_default();
    let is_poll = matches!(pending.stage, Stage::Polled { .. });
    // another origin that an answer names does not get the credentials of this one
    let is_own = match &pending.stage {
        Stage::Polled { location } => is_same_origin(location, &text("uri")),
        _ => true,
    };
    let mut headers = Vec::new();
    // a page is the same question once more
    if !is_poll || (is_own && pending.pages.is_some()) {
        headers.extend(pairs(inputs.get("headers")));
    }
    if !action.options.suppress_workflow_headers {
        headers.extend(workflow_headers(run, frame, action));
    }
    let credential = |name: &str| inputs.get(name).filter(|_| is_own);
    let (method, uri) = match &pending.stage {
        Stage::Polled { location } => ("GET".into(), location.clone()),
        _ => (text("method"), text("uri")),
    };
    HttpRequest {
        method,
        uri,
        queries: if is_poll { Vec::new() } else { pairs(inputs.get("queries")) },
        headers,
        body: if is_poll { None } else { inputs.get("body").cloned() },
        cookie: credential("cookie").map(Value::text).filter(|cookie| !cookie.is_empty()),
        authentication: credential("authentication").cloned().unwrap_or_default(),
        idempotency_key: idempotency_key(run, pending),
        is_chunked: action.transfer.is_chunked,
    }
}

/// Names a request that may come more than once; each page of a list is another.
pub(super) fn idempotency_key(run: &Run, pending: &Pending) -> String {
    let key = format!("{}-{}", run.id.run_name(), pending.effect);
    match &pending.pages {
        Some(pages) => format!("{key}-{}", pages.len()),
        None => key,
    }
}

/// Scheme and authority of an absolute address.
fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

/// What is no address is of no origin.
pub(super) fn is_same_origin(one: &str, other: &str) -> bool {
    origin(one).is_some_and(|it| Some(it) == origin(other))
}

/// Names and text values of an object; arrays give their items one by one.
pub(super) fn pairs(object: Option<&Value>) -> Vec<(Str, Str)> {
    let Some(object) = object.and_then(named) else { return Vec::new() };
    let mut pairs = Vec::with_capacity(object.len());
    for (name, value) in object.iter() {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                pairs.extend(items.iter().map(|item| (name.clone(), item.text())));
            }
            other => pairs.push((name.clone(), other.text())),
        }
    }
    pairs
}

fn workflow_headers(run: &Run, frame: FrameId, action: &Action) -> Vec<(Str, Str)> {
    let info = run.info();
    let path = run.frame_path(frame);
    let tracking = tracking_id(run.id, tracking_part(action.id, &path));
    [
        ("x-ms-workflow-id", info.id.clone()),
        ("x-ms-workflow-version", info.version.to_string()),
        ("x-ms-workflow-name", info.name.clone()),
        ("x-ms-workflow-run-id", run.id.run_name()),
        ("x-ms-workflow-operation-name", action.name.to_string()),
        ("x-ms-tracking-id", tracking.clone()),
        ("x-ms-action-tracking-id", tracking),
        ("x-ms-correlation-id", tracking_id(run.id, 0)),
        ("x-ms-client-tracking-id", run.state.trigger.client_tracking_id.to_string()),
    ]
    .into_iter()
    // names of flows may hold letters that a header cannot carry
    .map(|(name, value)| (Str::from(name), header_text(&value)))
    .collect()
}

fn header_text(value: &str) -> Str {
    value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect()
}

/// What an answer names as an address: one without a host belongs to the host that was asked.
pub(super) fn absolute(asked: &Str, location: &Str) -> Str {
    let Some((scheme, rest)) = asked.split_once("://") else { return location.clone() };
    if location.starts_with("//") {
        return format!("{scheme}:{location}").into();
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let host = path.split('/').next().unwrap_or_default();
    let before = match location.chars().find(|it| [':', '/', '?', '#'].contains(it)) {
        // it begins with a scheme
        Some(':') => return location.clone(),
        _ if location.starts_with('/') => host.to_owned(),
        _ if location.starts_with('?') => path.to_owned(),
        // beside what was asked
        _ => match path.rfind('/') {
            Some(end) => path[..=end].to_owned(),
            None => format!("{host}/"),
        },
    };
    format!("{scheme}://{before}{location}").into()
}

/// What a final result makes of the action.
pub fn outcome(action: &Str, result: CallResult) -> Outcome {
    match result {
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => {
            let status = answer.get("statusCode").and_then(Value::as_int).unwrap_or(0);
            let code = status_name(status);
            if (200..300).contains(&status) {
                return Outcome {
                    status: Status::Succeeded,
                    code,
                    error: None,
                    outputs: Outputs::Value(answer),
                };
            }
            let message =
                format!("The call of action '{action}' was answered with status {status}.");
            let error = ErrorInfo::new(code.clone(), message);
            Outcome::failed_as(&code, error, Outputs::Value(answer))
        }
        CallResult::Failure { code, message, .. } => Outcome::failed(&code, message),
        CallResult::Unknown => Outcome::failed(
            "ActionOutcomeUnknown",
            format!(
                "The server stopped while the call of action '{action}' was under way. Its outcome is unknown, and its retry policy does not allow to repeat it."
            ),
        ),
    }
}

/// `OK`, `NotFound`: the names that the run history gives HTTP statuses.
#[must_use]
pub fn status_name(status: i64) -> Str {
    let name = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "NonAuthoritativeInformation",
        204 => "NoContent",
        205 => "ResetContent",
        206 => "PartialContent",
        300 => "Ambiguous",
        301 => "Moved",
        302 => "Redirect",
        303 => "RedirectMethod",
        304 => "NotModified",
        307 => "TemporaryRedirect",
        308 => "PermanentRedirect",
        400 => "BadRequest",
        401 => "Unauthorized",
        402 => "PaymentRequired",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        408 => "RequestTimeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "LengthRequired",
        412 => "PreconditionFailed",
        413 => "RequestEntityTooLarge",
        414 => "RequestUriTooLong",
        415 => "UnsupportedMediaType",
        417 => "ExpectationFailed",
        422 => "UnprocessableEntity",
        423 => "Locked",
        424 => "FailedDependency",
        428 => "PreconditionRequired",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        501 => "NotImplemented",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => return status.to_string().into(),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_without_a_host_belongs_to_the_host_that_was_asked() {
        let cases = [
            ("https://a.example/x?y=/z", "/status/1", "https://a.example/status/1"),
            ("http://a.example:81", "/s", "http://a.example:81/s"),
            ("https://a.example/x", "//b.example/s", "https://b.example/s"),
            ("https://a.example/x", "http://b.example/s", "http://b.example/s"),
            ("odd", "/s", "/s"),
            ("https://a.example/x/y?p=1#z", "?p=2", "https://a.example/x/y?p=2"),
            ("https://a.example?p=1", "?p=2", "https://a.example?p=2"),
            ("https://a.example/x/y?p=/1", "z?p=a:b", "https://a.example/x/z?p=a:b"),
            ("https://a.example", "z", "https://a.example/z"),
            ("https://a.example/x", "urn:z", "urn:z"),
        ];
        for (asked, location, expected) in cases {
            assert_eq!(absolute(&asked.into(), &location.into()), expected, "{asked} {location}");
        }
    }

    #[test]
    fn origins_are_compared_by_scheme_and_authority() {
        let own = origin("https://api.example.org/jobs");
        assert_eq!(own, origin("HTTPS://API.example.org?x=1"));
        for other in [
            "https://api.example.org.evil.test/",
            "http://api.example.org/",
            "https://api.example.org:8443/",
            "https://evil.test/https://api.example.org/",
            "https://evil.test\\@api.example.org/",
        ] {
            assert_ne!(own, origin(other), "{other}");
        }
        assert_eq!(origin("/relative"), None);
        assert!(!is_same_origin("https:/a", "https:/b"));
    }
}
