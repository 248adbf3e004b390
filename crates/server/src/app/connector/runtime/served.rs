//! Connectors that come with the server, called from flows: the two of the administrators do
//! what the resource provider does, the others what their crate serves.

use super::Called;
use super::backend::header_object;
use crate::app::connector::builtin;
use crate::app::error::{AppError, ErrorKind};
use crate::app::vault::VAULT_NAME;
use crate::app::{App, approval};
use crate::auth::caller::Caller;
use crate::clock::UNIX_EPOCH_TICKS;
use crate::worker::failure;
use ::connector::builtin as library;
use ::connector::call::RelativeRequest;
use ::connector::definition::Credential;
use ::connector::http::{EgressPolicy, HttpClient, HttpFailure, HttpLimits, Redirects};
use bytes::Bytes;
use expr::{Object, Value};
use flow::run::CallResult;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the resource provider answers to a flow.
pub struct ManagementAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// The resource provider, which is on the wire's side of the house. It is told the connector
/// and the connection's name: its links lead back over that.
pub trait Management: Send + Sync {
    fn answer(
        &self,
        app: App,
        acting: Caller,
        at: (&'static str, String),
        request: RelativeRequest,
    ) -> Pin<Box<dyn Future<Output = ManagementAnswer> + Send>>;
}

/// What connectors that come with the server work with.
#[derive(Default)]
pub struct Services {
    management: OnceLock<Arc<dyn Management>>,
    settings: OnceLock<ServiceSettings>,
    /// Made for the first call: a server whose flows call none needs none.
    library: OnceLock<Result<library::Context, String>>,
}

/// What the server is told for them.
pub struct ServiceSettings {
    pub egress: Arc<EgressPolicy>,
    pub mail: library::MailSettings,
    pub folder: Option<PathBuf>,
    pub directory: Arc<dyn library::Directory>,
    pub secrets: Arc<dyn library::SecretStore>,
}

impl Services {
    /// Says what they work with: once, before anything runs.
    pub fn set(&self, management: Arc<dyn Management>, settings: ServiceSettings) {
        let _ = self.management.set(management);
        let _ = self.settings.set(settings);
    }

    fn library(&self) -> Result<&library::Context, AppError> {
        let settings = self.settings.get().ok_or_else(not_ready)?;
        let made = self.library.get_or_init(|| {
            let egress = Arc::clone(&settings.egress);
            let limits = HttpLimits::default();
            let http = HttpClient::new(Arc::clone(&egress), limits).map_err(|it| it.to_string())?;
            Ok(library::Context {
                http,
                reach: library::Reach::new(egress, None).map_err(|it| it.to_string())?,
                mail: settings.mail.clone(),
                folder: settings.folder.clone(),
                secrets: Some(Arc::clone(&settings.secrets)),
                directory: Some(Arc::clone(&settings.directory)),
            })
        });
        made.as_ref().map_err(AppError::internal)
    }
}

/// Seconds that a built-in connector has for a call.
const TIMEOUT: Duration = Duration::from_secs(crate::limits::CALL_TIMEOUT_SECONDS);

pub(super) async fn answer(called: &Called) -> Result<CallResult, AppError> {
    let known = [builtin::MANAGEMENT, builtin::ADMINS];
    if called.connector.name == builtin::APPROVALS || approval::is_choice(called) {
        return approval::serve(called).await;
    }
    match known.into_iter().find(|name| *name == called.connector.name) {
        Some(connector) => managed(called, connector).await,
        None => by_library(called).await,
    }
}

fn not_ready() -> AppError {
    AppError::new(ErrorKind::Unavailable, "ServerNotReady", "Connectors are not ready yet.")
}

async fn managed(called: &Called, connector: &'static str) -> Result<CallResult, AppError> {
    let provider = called.app.services.management.get().ok_or_else(not_ready)?;
    let acting = called.app.acting_as(&called.connection).await?;
    let app = called.app.clone();
    let name = called.connection.name.as_str();
    let request = match &called.location {
        Some(link) => of_link(link, (connector, name))?,
        None => called.request.clone(),
    };
    let answer = provider.answer(app, acting, (connector, name.to_owned()), request).await;
    let content_type = answer.headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map(|(_, value)| value.as_str());
    let body = match answer.body.is_empty() {
        true => Value::Null,
        false => expr::content::from_body(content_type, &answer.body)
            .map_err(|error| AppError::internal(error.to_string()))?,
    };
    let headers = header_object(&answer.headers);
    Ok(CallResult::Answer(flow::run::answer(i64::from(answer.status), headers, body)))
}

/// The request that the address of the next page means: this server's own, which is not
/// called over the network.
fn of_link(link: &str, (connector, name): (&str, &str)) -> Result<RelativeRequest, AppError> {
    let url = url::Url::parse(link).ok();
    let place = format!("/apim/{}/{name}", connector.trim_start_matches("shared_"));
    let read = |url: &url::Url| {
        // an address behind which this server stands may have a path of its own
        let (_, path) = url.path().split_once(&place)?;
        let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
        path.starts_with('/').then(|| RelativeRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.collect(),
            ..RelativeRequest::default()
        })
    };
    url.as_ref().and_then(read).ok_or_else(|| {
        AppError::invalid("InvalidNextLink", "The address of the next page is none of this server.")
    })
}

async fn by_library(called: &Called) -> Result<CallResult, AppError> {
    let _turn = called.app.engine.turn().await;
    let context = called.app.services.library()?;
    let Some(operation) = called.operation() else {
        let message = format!(
            "The connector '{}' has no operation at '{}'.",
            called.connector.name, called.request.path
        );
        return Err(AppError::not_found("OperationNotFound", message));
    };
    let mut values = called.app.values_of(&called.connection)?;
    let set = called.connector.set_named(&called.connection.set)?;
    called.note_values(&set, &values, &Credential::default()).await?;
    let is_vault = called.connector.name == builtin::VAULT;
    if is_vault {
        let vault = called.app.vault_of(&called.connection).await?;
        values.insert(VAULT_NAME.to_owned(), vault.into());
    }
    if let Some(owner) = owner_name(called).await? {
        values.insert("userPrincipalName".to_owned(), owner.into());
    }
    let now = jiff::Timestamp::from_nanosecond(i128::from(called.now - UNIX_EPOCH_TICKS) * 100);
    let redirects = match &called.judge {
        Some(judge) => Redirects::Judged(Arc::clone(judge)),
        None => Redirects::Follow,
    };
    let call = library::Called {
        operation: &operation.id,
        parameters: &called.parameters,
        connection: &values,
        id: &called.idempotency_key,
        now: now.map_err(AppError::internal)?,
        timeout: TIMEOUT,
        redirects: &redirects,
    };
    let name = called.connector.name.as_str();
    let is_trigger =
        library::find(name).is_some_and(|it| it.triggers.iter().any(|id| operation.id == *id));
    if is_trigger {
        return Ok(polled(name, context, call, called.location.as_deref()).await);
    }
    match library::call(name, context, call).await {
        Ok(answer) => {
            if is_vault {
                called.note_read(&answer.body).await?;
            }
            Ok(answered(answer))
        }
        Err(error) => Ok(failed(&error)),
    }
}

/// Who made the connection: what a directory is asked as.
async fn owner_name(called: &Called) -> Result<Option<String>, AppError> {
    let Some(owner) = &called.connection.owner else { return Ok(None) };
    let found = called.app.user(owner).await?;
    Ok(found.map(|user| user.user_principal_name.clone()))
}

/// Before the state of a trigger that asks, where others have an address.
pub(super) const STATE: &str = "state:";

/// A question of a trigger, answered as a service would: 200 with what is new, else 202; where
/// the next one begins is its `Location`.
async fn polled(
    name: &str,
    context: &library::Context,
    call: library::Called<'_>,
    location: Option<&str>,
) -> CallResult {
    let state = location.and_then(|it| it.strip_prefix(STATE));
    let state = state.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let polled = match library::poll(name, context, call, &state).await {
        Ok(Ok(polled)) => polled,
        Ok(Err(answer)) => return answered(answer),
        Err(error) => return failed(&error),
    };
    let mut headers = Object::new();
    headers.insert("Location", format!("{STATE}{}", polled.state));
    if polled.has_more {
        headers.insert("Retry-After", "0");
    }
    if polled.items.is_empty() {
        return CallResult::Answer(flow::run::answer(202, headers.into(), Value::Null));
    }
    let mut body = Object::new();
    body.insert("value", Value::array(polled.items));
    CallResult::Answer(flow::run::answer(200, headers.into(), body.into()))
}

fn answered(answer: library::Answered) -> CallResult {
    let headers = header_object(&answer.headers);
    CallResult::Answer(flow::run::answer(i64::from(answer.status), headers, answer.body))
}

fn failed(error: &HttpFailure) -> CallResult {
    let (code, passes) = crate::worker::failure_code(error);
    failure(code, error.to_string(), passes)
}
