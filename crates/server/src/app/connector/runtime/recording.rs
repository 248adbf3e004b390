//! Calls that are recorded, and calls that a recording answers.

use super::backend::{self, Backend};
use super::{Called, Hook, body_value, delivery};
use crate::app::connector::builtin;
use crate::app::connector::recording::{Delivery, Exchange, Heard, Request, Response};
use crate::app::error::AppError;
use ::connector::definition::{ParameterKind, credential};
use expr::{Object, Value};
use flow::run::CallResult;
use flow::run::connector::callback_of;
use serde::{Deserialize, Serialize};

/// What is done with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingMode {
    /// The service is called, and what it answers is added.
    Record,
    /// What was recorded is answered; nothing is called.
    Replay,
}

/// Has a call answered from a recording.
pub async fn replay(called: &Called, recording: &str) -> Result<CallResult, AppError> {
    let mut exchange =
        Exchange { request: request(called)?, response: Response::default(), delivery: None };
    // what was taken out when it was recorded is taken out of what is looked for
    exchange.mask(&withheld(called).await?);
    let connection = &called.connection;
    let at = (connection.environment.as_str(), recording);
    let by = (connection.id.as_str(), connection.changed);
    let answer = match called.app.play(at, by, &exchange.request).await {
        // nobody is there who would have to hear that it ends
        Err(error) if error.code == "ExchangeNotRecorded" && called.hook == Hook::Ends => {
            Response { status: 204, ..Response::default() }
        }
        answer => answer?,
    };
    if let Hook::Begins { callback } = &called.hook
        && (200..300).contains(&answer.status)
    {
        let heard = if callback_of(callback).is_some() { Heard::Next } else { Heard::All };
        let of = (&exchange.request, heard);
        let told = called.app.play_deliveries(at, by, of).await?;
        let told = told.iter().map(request_of).collect::<Result<Vec<_>, _>>()?;
        delivery::deliver(called, callback, told).await?;
    }
    let Response { status, headers, body } = answer;
    Ok(CallResult::Answer(flow::run::answer(status, value(&headers)?, value(&body)?)))
}

/// Keeps what a service told whoever had subscribed with a call.
pub async fn record_delivery(
    called: &Called,
    recording: &str,
    request_told: &Value,
) -> Result<(), AppError> {
    let part = |name: &str| json(&request_told.get(name).cloned().unwrap_or_default());
    let delivery =
        Delivery { headers: part("headers")?, queries: part("queries")?, body: part("body")? };
    let (request, response) = (request(called)?, Response::default());
    let mut exchange = Exchange { request, response, delivery: Some(delivery) };
    exchange.mask(&withheld(called).await?);
    called.app.record(&called.connection.environment, recording, exchange).await
}

/// What was told, as who is called back has it.
fn request_of(delivery: &Delivery) -> Result<Value, AppError> {
    let mut request = Object::with_capacity(3);
    request.push_new("headers", value(&delivery.headers)?);
    for (name, part) in [("queries", &delivery.queries), ("body", &delivery.body)] {
        if !part.is_null() {
            request.push_new(name, value(part)?);
        }
    }
    Ok(request.into())
}

/// What must not be kept of a call: secrets, and an address to call back, which is one, too,
/// and would make every request another.
async fn withheld(called: &Called) -> Result<Vec<String>, AppError> {
    let mut found = secrets(called).await?;
    if let Some(flow) = &called.flow {
        found.extend(called.app.engine.known_texts(flow).await?);
    }
    if let Hook::Begins { callback } = &called.hook {
        found.push(callback.to_string());
    }
    Ok(found)
}

/// Has a call answered by its service, and keeps what it said.
pub async fn record(
    mut called: Called,
    recording: &str,
    url: Option<String>,
) -> Result<CallResult, AppError> {
    let app = called.app.clone();
    let environment = called.connection.environment.clone();
    app.check_records(&environment, recording).await?;
    let request = request(&called)?;
    let mut secrets = withheld(&called).await?;
    let (flow, is_vault) = (called.flow.clone(), called.connector.name == builtin::VAULT);
    called.connection.backend = match url {
        Some(url) => Backend::Host { url },
        None => Backend::Service,
    };
    let result = Box::pin(backend::answer(called)).await?;
    if let CallResult::Answer(answer) = &result {
        let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
        let mut exchange = Exchange {
            request,
            response: Response {
                status: part("statusCode").as_int().unwrap_or_default(),
                headers: json(&part("headers"))?,
                body: json(&part("body"))?,
            },
            delivery: None,
        };
        if is_vault {
            // a recording is no place for what a vault keeps
            secrets.extend(part("body").get("value").and_then(Value::as_str).map(str::to_owned));
        }
        if let Some(flow) = &flow {
            secrets.extend(app.engine.known_texts(flow).await?);
        }
        exchange.mask(&secrets);
        app.record(&environment, recording, exchange).await?;
    }
    Ok(result)
}

fn request(called: &Called) -> Result<Request, AppError> {
    let request = &called.request;
    let (path, query) = match &called.location {
        // an address that an answer gave: what is before the path is the service's
        Some(location) => match url::Url::parse(location) {
            Ok(url) => (url.path().to_owned(), owned(url.query_pairs())),
            Err(_) => (location.to_string(), Vec::new()),
        },
        None => (request.path.clone(), request.query.clone()),
    };
    Ok(Request {
        operation: called.operation.as_ref().map(ToString::to_string),
        method: request.method.clone(),
        path,
        query,
        headers: request.headers.clone(),
        body: json(&body_value(request))?,
    })
}

fn owned(pairs: url::form_urlencoded::Parse<'_>) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Everything that the connection authenticates with, in every form that is sent.
async fn secrets(called: &Called) -> Result<Vec<String>, AppError> {
    let connection = &called.connection;
    let mut values = called.app.values_of(connection)?;
    values.retain(|name, _| !connection.parameters.contains_key(name));
    let set = called.connector.set_named(&connection.set)?;
    let mut all = values.clone();
    all.extend(connection.parameters.clone());
    let sign_in = set.parameters.iter().find(|it| it.kind == ParameterKind::SignIn);
    if let Some(parameter) = sign_in
        // a connection that nobody signed in for has nothing to hide
        && let Ok(token) = called.app.access_token_of(connection).await
    {
        all.insert(parameter.name.clone(), token.expose().into());
        values.insert(parameter.name.clone(), token.expose().into());
    }
    let sent = credential(&called.document, &set, &all);
    let mut found: Vec<String> = Vec::new();
    values.values().for_each(|it| texts(it, &mut found));
    for (_, header) in sent.headers {
        found.extend(header.split_once(' ').map(|(_, rest)| rest.to_owned()));
        found.push(header);
    }
    found.extend(sent.query.into_iter().map(|(_, value)| value));
    Ok(found)
}

/// The texts in a value: of a certificate, its file and its password.
fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Object(members) => members.values().for_each(|it| texts(it, found)),
        serde_json::Value::Array(items) => items.iter().for_each(|it| texts(it, found)),
        _ => {}
    }
}

fn json(value: &Value) -> Result<serde_json::Value, AppError> {
    serde_json::from_slice(&expr::json::to_vec(value)).map_err(AppError::internal)
}

fn value(json: &serde_json::Value) -> Result<Value, AppError> {
    expr::json::parse(json.to_string().as_bytes()).map_err(AppError::internal)
}
