//! Content links: what a run's trigger and actions got and gave, at signed addresses that
//! expire and need no token.

use super::{Asked, to_json};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::app::access::RunAt;
use crate::app::catalog::FlowEntry;
use crate::app::{App, AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::signature;
use crate::clock::SECOND;
use crate::limits::CONTENT_LINK_HOURS;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::run::format_time;
use md5::{Digest, Md5};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

/// Which part of a run's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    TriggerInputs,
    TriggerOutputs,
    ResponseOutputs,
    ActionInputs,
    ActionOutputs,
}

impl Part {
    const ALL: [(Part, &'static str); 5] = [
        (Part::TriggerInputs, "TriggerInputs"),
        (Part::TriggerOutputs, "TriggerOutputs"),
        (Part::ResponseOutputs, "ResponseOutputs"),
        (Part::ActionInputs, "ActionInputs"),
        (Part::ActionOutputs, "ActionOutputs"),
    ];

    fn name(self) -> &'static str {
        Part::ALL.iter().find(|(part, _)| *part == self).map_or("", |(_, name)| name)
    }
}

/// Some content of a run.
pub struct Content<'a> {
    pub run: &'a str,
    pub action: Option<&'a str>,
    pub repetition: Option<&'a str>,
    pub part: Part,
}

impl Content<'_> {
    /// The path below the flow's.
    fn path(&self) -> String {
        let mut path = format!("/runs/{}", self.run);
        if let Some(action) = self.action {
            path.push_str("/actions/");
            path.extend(utf8_percent_encode(action, NON_ALPHANUMERIC));
        }
        if let Some(repetition) = self.repetition {
            path.push_str("/repetitions/");
            path.push_str(repetition);
        }
        path.push_str("/contents/");
        path.push_str(self.part.name());
        path
    }
}

/// What is signed: the path that may be read, and until when.
fn permission(path: &str, expires: &str) -> String {
    format!("{path}/read\n{expires}")
}

/// The address of some content; with its size and hash when its value is known.
pub fn link(
    asked: &Asked,
    entry: &FlowEntry,
    content: &Content<'_>,
    value: Option<&Value>,
) -> Value {
    let path = content.path();
    let hour = 3_600 * SECOND;
    let now = asked.app.engine.clock.now();
    // the same for an hour, so that caches find it again
    let expires = format_time(now - now % hour + CONTENT_LINK_HOURS * hour);
    let signature = entry.keys[0].sign(&entry.row.id, &permission(&path, &expires));
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let uri = format!(
        "{}/workflows/{}{path}?api-version=2016-06-01&se={}&sp={}&sv={}&sig={signature}",
        asked.base,
        entry.row.id,
        encode(&expires),
        encode(&format!("{path}/read")),
        signature::VERSION,
    );
    let mut link = json!({"uri": uri});
    if let Some(value) = value {
        let bytes = value.to_string();
        let hash = STANDARD.encode(Md5::digest(bytes.as_bytes()));
        link["contentVersion"] = json!(hash);
        link["contentSize"] = json!(bytes.len());
        link["contentHash"] = json!({"algorithm": "md5", "value": hash});
    }
    link
}

/// A path below `/workflows` that is content and no trigger: the flow, and the rest.
pub fn parse(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/workflows/")?;
    let (flow, _) = rest.split_once("/runs/")?;
    (!flow.contains('/')).then(|| (flow, &rest[flow.len()..]))
}

/// Content at its address.
pub async fn read(state: &ApiState, parts: &Parts, flow: &str, path: &str) -> Response {
    match try_read(state, parts, flow, path).await {
        Ok(response) => response,
        Err(error) => ApiError(error).into_response(),
    }
}

async fn try_read(
    state: &ApiState,
    parts: &Parts,
    flow: &str,
    path: &str,
) -> Result<Response, AppError> {
    if parts.method != Method::GET {
        let message = format!("Content cannot be called with {}.", parts.method);
        return Err(AppError::new(ErrorKind::BadMethod, "MethodNotAllowed", message));
    }
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let given = |name: &str| {
        query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    };
    let denied =
        |message: &str| AppError::new(ErrorKind::Forbidden, "AuthorizationFailed", message);
    let entry = state.app.engine.catalog.by_id(flow).await?;
    let is_signed = entry.as_ref().is_some_and(|entry| {
        let permission = permission(path, given("se"));
        given("sv") == signature::VERSION
            && given("sp") == format!("{path}/read")
            && signature::verify(&entry.keys, flow, &permission, given("sig"))
    });
    let Some(entry) = entry.filter(|_| is_signed) else {
        return Err(denied("The address of the content has no valid signature."));
    };
    let expires = expr::format::date::parse_ticks(given("se"));
    let left = expires.map_or(0, |expires| expires - state.app.engine.clock.now());
    if left <= 0 {
        return Err(denied("The address of the content has expired: ask for the run again."));
    }
    let body = content(&state.app, &entry, path).await?.to_string();
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let caching = format!("max-age={}, private", left / SECOND);
    if let Ok(caching) = HeaderValue::from_str(&caching) {
        headers.insert(header::CACHE_CONTROL, caching);
    }
    Ok(response)
}

/// What is at a path whose signature was right.
async fn content(app: &App, entry: &FlowEntry, path: &str) -> Result<Value, AppError> {
    let not_found = || AppError::not_found("ContentNotFound", "There is no such content.");
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let part =
        |name: &str| Part::ALL.iter().find(|(_, known)| *known == name).map(|(part, _)| *part);
    // the signature stands for the right of who asked for the run
    let reader = Caller::root("content");
    let (record, part) = match segments.as_slice() {
        ["runs", run, "contents", part_name] => {
            let (view, more) = app.get_run(&reader, RunAt::any(run)).await?;
            if view.row.workflow != entry.row.key {
                return Err(not_found());
            }
            (to_json(&more.into())?, part(part_name))
        }
        ["runs", run, "actions", action, "contents", part_name] => {
            let record = app.get_action(&reader, RunAt::any(run), &decode(action)).await?;
            (to_json(&record)?, part(part_name))
        }
        ["runs", run, "actions", action, "repetitions", name, "contents", part_name] => {
            let run = RunAt::any(run);
            let record = app.get_repetition(&reader, run, &decode(action), name).await?;
            (to_json(&record)?, part(part_name))
        }
        _ => return Err(not_found()),
    };
    let pointer = match part.ok_or_else(not_found)? {
        Part::TriggerInputs => "/trigger/inputs",
        Part::TriggerOutputs => "/trigger/outputs",
        Part::ResponseOutputs => "/response",
        Part::ActionInputs => "/inputs",
        Part::ActionOutputs => "/outputs",
    };
    Ok(record.pointer(pointer).cloned().unwrap_or(Value::Null))
}
