//! Connectors that are served here, under the names and operation ids of the real ones.
//!
//! Each is a Swagger document with its connection parameters (`document`), like any
//! connector's, and the code that answers its operations. A call is bound already: its
//! parameters are named as in the Swagger, nested.
//!
//! Deliberately absent: runs, retries and storage. A trigger is one poll: what the last
//! one left as its state comes in, what is new and the next state go out.
//!
//! Invariant: every address that a connection or a flow names passes the egress policy
//! before anything is connected.
//! Invariant: no answer, failure or log line holds a value of a connection.

mod argument;
mod bounded;
mod directory;
mod document;
mod feed;
mod file;
pub mod limits;
mod mail;
mod reach;
mod rss;
mod sql;
mod stop;
mod vault;
mod webcontents;
mod webhook;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use expr::{Object, Value};
use serde_json::{Map, Value as Json};

pub use crate::http::{HttpClient, HttpFailure, Redirects};
pub use directory::{Directory, DirectoryFailure, Person, Photo};
pub use document::{Builtin, all, find};
pub use mail::{MailServer, MailSettings, MailTls};
pub use reach::{Reach, ReachError};
pub use vault::{SecretRecord, SecretStore, SecretStoreFailure};

use argument::Arguments;
use stop::Stop;

/// A call of an operation, bound: parameters nested by the names of the Swagger
/// (`{"emailMessage": {"To": ...}}`).
#[derive(Clone, Copy)]
pub struct Called<'a> {
    pub operation: &'a str,
    pub parameters: &'a Object,
    /// The connection's values, opened.
    pub connection: &'a Map<String, Json>,
    /// The same for every attempt of one call: a mail that goes out twice is known as one.
    pub id: &'a str,
    pub now: jiff::Timestamp,
    pub timeout: Duration,
    /// What of a call by HTTP is followed that points elsewhere.
    pub redirects: &'a Redirects,
}

/// What an operation answers, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// What a poll found: each item is the body of one run of the trigger, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    pub items: Vec<Value>,
    /// For the next poll.
    pub state: Json,
    /// More is there already: the next poll should not wait.
    pub has_more: bool,
}

/// What the built-in connectors work with.
#[derive(Clone)]
pub struct Context {
    pub http: HttpClient,
    pub reach: Reach,
    /// The administrator's mail servers, for connections that name none of their own.
    pub mail: MailSettings,
    /// The folder that files and SQLite databases are in; none: those are refused.
    pub folder: Option<PathBuf>,
    pub secrets: Option<Arc<dyn SecretStore>>,
    pub directory: Option<Arc<dyn Directory>>,
}

/// What a trait of the server gives back later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Answered {
    fn json(status: u16, body: Json) -> Answered {
        Answered { status, headers: json_headers(), body: argument::value(body) }
    }

    fn empty(status: u16) -> Answered {
        Answered { status, headers: Vec::new(), body: Value::Null }
    }

    fn bytes(content_type: &str, bytes: &[u8]) -> Answered {
        Answered {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: expr::content::envelope(content_type, bytes).into(),
        }
    }

    /// An error as connectors give it.
    fn error(status: u16, message: String) -> Answered {
        let mut body = Object::with_capacity(2);
        body.insert("status", i64::from(status));
        body.insert("message", message);
        Answered { status, headers: json_headers(), body: body.into() }
    }
}

fn json_headers() -> Vec<(String, String)> {
    vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]
}

/// Calls an operation of a built-in connector.
///
/// # Errors
/// There is no answer. What is wrong with the call itself is an answer, as the real
/// connectors give it.
pub async fn call(
    connector: &str,
    context: &Context,
    called: Called<'_>,
) -> Result<Answered, HttpFailure> {
    let known = find(connector).is_some_and(|it| it.actions.contains(&called.operation));
    if !known {
        return Err(not_served(connector, called.operation));
    }
    let answering: Later<'_, Result<Answered, Stop>> = match connector {
        "shared_smtp" | "shared_sendmail" | "shared_office365" | "shared_outlook"
        | "shared_gmail" => Box::pin(mail::call(connector, context, called)),
        "shared_filesystem" => Box::pin(file::call(context, called)),
        "shared_sql" => Box::pin(sql::call(context, called)),
        "shared_rss" => Box::pin(rss::call(context, called)),
        "shared_webcontents" | "shared_webcontentsv2" => {
            Box::pin(webcontents::call(context, called))
        }
        "shared_keyvault" => Box::pin(vault::call(context, called)),
        "shared_office365users" => Box::pin(directory::call(context, called)),
        _ => Box::pin(webhook::call(connector, context, called)),
    };
    finish(called.timeout, answering).await
}

/// Polls a trigger of a built-in connector. The first poll, with the state `null`, finds
/// nothing: it notes what is there already.
///
/// # Errors
/// As [`call`]; `Ok(Err)` is an error that the connector answers.
pub async fn poll(
    connector: &str,
    context: &Context,
    called: Called<'_>,
    state: &Json,
) -> Result<Result<Polled, Answered>, HttpFailure> {
    let known = find(connector).is_some_and(|it| it.triggers.contains(&called.operation));
    if !known {
        return Err(not_served(connector, called.operation));
    }
    let polling: Later<'_, Result<Polled, Stop>> = match connector {
        "shared_rss" => Box::pin(rss::poll(context, called, state)),
        _ => Box::pin(mail::poll(context, called, state)),
    };
    match tokio::time::timeout(called.timeout, polling).await {
        Err(_) => Err(HttpFailure::Timeout),
        Ok(Ok(polled)) => Ok(Ok(polled)),
        Ok(Err(Stop::Answer(status, message))) => Ok(Err(Answered::error(status, message))),
        Ok(Err(Stop::Failure(failure))) => Err(failure),
    }
}

async fn finish(
    within: Duration,
    answering: Later<'_, Result<Answered, Stop>>,
) -> Result<Answered, HttpFailure> {
    match tokio::time::timeout(within, answering).await {
        Err(_) => Err(HttpFailure::Timeout),
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(Stop::Answer(status, message))) => Ok(Answered::error(status, message)),
        Ok(Err(Stop::Failure(failure))) => Err(failure),
    }
}

fn not_served(connector: &str, operation: &str) -> HttpFailure {
    HttpFailure::Invalid(format!(
        "the built-in connector '{connector}' has no operation '{operation}'"
    ))
}
