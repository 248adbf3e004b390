//! Calls that are recorded, and calls that a recording answers.

use super::backend::{self, Backend};
use super::{Called, body_value};
use crate::app::connector::builtin;
use crate::app::connector::recording::{Exchange, Request, Response};
use crate::app::error::AppError;
use ::connector::definition::{ParameterKind, credential};
use expr::Value;
use flow::run::CallResult;
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
    let mut exchange = Exchange {
        request: request(called)?,
        response: Response { status: 0, headers: json(&Value::Null)?, body: json(&Value::Null)? },
    };
    // what was taken out when it was recorded is taken out of what is looked for
    let mut secrets = secrets(called).await?;
    if let Some(flow) = &called.flow {
        secrets.extend(called.app.engine.known_texts(flow).await?);
    }
    exchange.mask(&secrets);
    let connection = &called.connection;
    let answer = called.app.play(
        (&connection.environment, recording),
        (&connection.id, connection.changed),
        &exchange.request,
    );
    let Response { status, headers, body } = answer.await?;
    Ok(CallResult::Answer(flow::run::answer(status, value(&headers)?, value(&body)?)))
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
    let mut secrets = secrets(&called).await?;
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
