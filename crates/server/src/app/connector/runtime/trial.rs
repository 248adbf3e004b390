//! Whether a connection works: what its connector names for that (`testConnection` of the
//! document's `x-ms-capabilities`) is called over it, and what comes back says it.

use super::backend::status_of;
use super::outside::Asked;
use super::{by_id, passes};
use crate::app::App;
use crate::app::access::Scope;
use crate::app::connector::connection::{ConnectionAct, ConnectionAt, ConnectionFound};
use crate::app::connector::management::operations;
use crate::app::connector::oauth::token;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use ::connector::definition::Document;
use expr::{Object, Value};
use flow::run::{CallResult, Purpose};

/// What a test of a connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub verdict: Verdict,
    pub tried: Tried,
    /// What the service answered.
    pub status: Option<i64>,
    /// What it said, of anything but success.
    pub message: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Connected,
    /// The service does not let the connection in.
    Refused,
    /// The service gave no answer that says whether it does.
    Unknown,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The connector names nothing that could be called, and nobody signs in for it.
    Nothing,
    /// A token was had, or who the connection acts as is still there.
    SignIn,
    /// An operation, by its id.
    Operation(String),
}

/// Characters of what a service says that are told.
const MESSAGE_CHARACTERS_MAX: usize = 400;

impl Trial {
    fn of(operation: &str, result: &Result<CallResult, AppError>) -> Result<Trial, AppError> {
        let status = result.as_ref().ok().and_then(status_of);
        let (verdict, message) = match (result, status) {
            (Ok(_), Some(200..=399)) => (Verdict::Connected, None),
            (Ok(result), Some(401 | 403)) => (Verdict::Refused, Some(said(result))),
            (Ok(result), _) => (Verdict::Unknown, Some(said(result))),
            (Err(error), _) if error.kind == ErrorKind::Unauthenticated => {
                (Verdict::Refused, Some(error.message.clone()))
            }
            (Err(error), _) if passes(error) => (Verdict::Unknown, Some(error.message.clone())),
            (Err(error), _) => return Err(error.clone()),
        };
        let message = message.map(|it| it.chars().take(MESSAGE_CHARACTERS_MAX).collect());
        Ok(Trial { verdict, tried: Tried::Operation(operation.to_owned()), status, message })
    }
}

/// What a service says besides its status.
fn said(result: &CallResult) -> String {
    match result {
        CallResult::Failure { message, .. } => message.to_string(),
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => {
            let body = answer.get("body").cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let error = body.get("error");
            let found = body.get("message").and_then(text);
            let found = found.or_else(|| error.and_then(|it| it.get("message")).and_then(text));
            found.or_else(|| text(&body)).unwrap_or_default()
        }
        CallResult::Unknown => String::new(),
    }
}

/// What a document names to test connections with: an operation's id, and its parameters.
fn capability(document: &Document) -> Result<Option<(String, Object)>, AppError> {
    let Some(test) = document.capabilities.as_ref().and_then(|it| it.get("testConnection")) else {
        return Ok(None);
    };
    let Some(id) = test.get("operationId").and_then(serde_json::Value::as_str) else {
        return Ok(None);
    };
    let parameters = match test.get("parameters") {
        Some(given) if given.is_object() => {
            expr::json::parse(given.to_string().as_bytes()).map_err(AppError::internal)?
        }
        _ => Value::Null,
    };
    Ok(Some((
        id.to_owned(),
        parameters.as_object().map(|it| Object::clone(it)).unwrap_or_default(),
    )))
}

impl App {
    /// Tries whether a connection works, and keeps what it found: one that is refused is
    /// marked, and one that is let in is not any more.
    pub async fn test_connection(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
    ) -> Result<Trial, AppError> {
        let mut found = self.connection_for(caller, ConnectionAct::TEST, at).await?;
        let set = found.connector.set_named(&found.connection.set)?;
        let signs_in = set.sign_in().is_some();
        if signs_in {
            if found.connection.fault.is_some()
                && !self.is_signed_in_for(&found.connection, &set)?
            {
                // a program's token is had anew, whatever was said of the last one
                self.restore_connection(&found.connection).await?;
                found = self.connection_for(caller, ConnectionAct::TEST, at).await?;
            }
            self.access_token_of(&found.connection).await?;
        }
        let ConnectionFound { connector, connection, .. } = found;
        let document = self.document_of(&connector).await?;
        let Some((id, parameters)) = capability(&document)? else {
            let is_managed = !operations(&connector.name).is_empty();
            if is_managed {
                self.acting_as(&connection).await?;
            }
            let tried = if signs_in || is_managed { Tried::SignIn } else { Tried::Nothing };
            return match &connection.fault {
                Some(fault) => Err(token::expired(&connection, &fault.message)),
                None => {
                    Ok(Trial { verdict: Verdict::Connected, tried, status: None, message: None })
                }
            };
        };
        let (mut host, mut inputs) = (Object::new(), Object::new());
        host.insert("operationId", id.as_str());
        inputs.insert("host", host);
        inputs.insert("parameters", parameters);
        let (operation, request, parameters) =
            by_id(&document, &connector.name, &inputs, &Purpose::Call)?;
        self.count_call(&connector, &connection, request.method == "GET").await?;
        let asked = Asked { operation, request, parameters };
        let means = (connector, connection.clone(), document);
        let mut trial = Trial::of(&id, &self.answer_outside(means, asked).await)?;
        if signs_in && trial.status == Some(403) {
            // the token is believed, and does not reach as far
            trial.verdict = Verdict::Unknown;
        }
        match trial.verdict {
            Verdict::Connected => self.restore_connection(&connection).await?,
            Verdict::Refused => {
                // what this server itself refuses is looked at for each call
                if let Some(status) = trial.status {
                    let message = format!(
                        "its service refused '{id}' with the status {status}: make it with other credentials, or test it again."
                    );
                    self.refuse_connection(&connection, message).await?;
                }
            }
            Verdict::Unknown => {}
        }
        Ok(trial)
    }

    /// The same for a connection by what an address says, in whichever environment.
    pub async fn test_at_address(
        &self,
        caller: &Caller,
        (connector, name): (&str, &str),
    ) -> Result<Trial, AppError> {
        let found = self.connection_at_address(connector, name).await?;
        let environment = found.map(|it| it.value.environment).unwrap_or_default();
        let scope = Scope::Mine;
        let at = ConnectionAt { environment: &environment, connector, name, scope };
        self.test_connection(caller, at).await
    }
}

impl Trial {
    /// For surfaces that know success and failure only.
    ///
    /// # Errors
    /// The connection is not known to work.
    pub fn passed(self) -> Result<(), AppError> {
        let kind = match self.verdict {
            Verdict::Connected => return Ok(()),
            Verdict::Refused => ErrorKind::Unauthenticated,
            Verdict::Unknown => ErrorKind::Unavailable,
        };
        let status = self.status.map(|it| format!("The service answered {it}."));
        let message = [status, self.message].into_iter().flatten().filter(|it| !it.is_empty());
        let message: Vec<String> = message.collect();
        Err(AppError::new(kind, "TestConnectionFailed", message.join(" ")))
    }
}
