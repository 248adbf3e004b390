//! The native API, `/api/v1`: `docs/reference/native-api.md`.

#[macro_use]
mod shape;

mod again;
mod application;
mod approval;
mod approval_sentence;
mod approval_view;
mod audit;
mod backend;
mod calendar;
mod cancellation;
mod connection;
mod connector;
mod connector_operation;
mod connector_page;
mod consent;
mod data_policy;
mod deputy;
mod document;
mod environment;
mod flow;
mod group;
mod invoker;
mod key;
mod lookup;
mod me;
mod mine;
mod notification;
mod owner;
mod package;
mod passkey;
mod power_app;
mod recording;
mod retention;
mod role;
mod run;
mod sealing_key;
mod server;
mod session;
mod signing_key;
mod transfer;
mod user;
mod variable;
mod vault;
mod version;

pub use connector_page::availability;

use super::{ApiError, ApiSettings, ApiState, Peer, bearer, body, console};
use crate::app::AppError;
use crate::app::access::{FlowAt, Scope};
use crate::app::data::{Cursor, Listed};
use crate::app::session::Surface;
use crate::auth::caller::{Caller, Role};
use crate::limits::{API_BODY_BYTES_MAX, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use axum::Json;
use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use document::{Described, operations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shape::List;
use utoipa::{IntoParams, ToSchema};

/// Every operation with its description. Another one is an attribute over its handler,
/// `#[utoipa::path(get, path = "/things/{name}", responses((status = 200, body = ThingAnswer)))]`,
/// its handler's name here, and a [`shape`] for what it answers; [`document`] adds to each what
/// all have in common (errors, segments of the path). `UPDATE_GOLDEN=1 cargo test -p sluicegate
/// document` writes the document anew.
fn routes() -> Described {
    flows().merge(administration()).merge(approvals()).merge(directory())
}

pub fn router() -> Router<ApiState> {
    routes().into_router()
}

/// Flows and runs.
fn flows() -> Described {
    Described::new()
        .with(operations!(info))
        .with(operations!(document::show))
        .with(operations!(flow::validate))
        .with(operations!(flow::list, flow::create))
        .with(operations!(flow::show, flow::update, flow::delete))
        .with(operations!(flow::restore))
        .with(operations!(flow::enable))
        .with(operations!(flow::disable))
        .with(operations!(flow::suspend))
        .with(operations!(notification::show, notification::set))
        .with(operations!(owner::list, owner::change))
        .with(operations!(transfer::copy))
        .with(operations!(transfer::relocate))
        .with(operations!(version::versions))
        .with(operations!(version::version))
        .with(operations!(version::differences))
        .with(operations!(version::restore))
        .with(operations!(flow::callback_url))
        .with(operations!(flow::rotate_key))
        .with(operations!(flow::run))
        .with(operations!(invoker::needed))
        .with(operations!(package::export))
        .with(operations!(package::inspect))
        .with(operations!(package::import))
        .with(operations!(run::list))
        .with(operations!(run::show))
        .with(operations!(run::actions))
        .with(operations!(run::action))
        .with(operations!(run::repetitions))
        .with(operations!(run::repetition))
        .with(operations!(run::events))
        .with(operations!(cancellation::cancel))
        .with(operations!(cancellation::cancel_many))
        .with(operations!(again::resubmit))
        .with(operations!(again::resume))
        .with(operations!(again::resubmit_many))
        .with(operations!(run::release))
}

/// The server, environments, and the audit.
fn administration() -> Described {
    Described::new()
        .with(operations!(server::show))
        .with(operations!(server::resume))
        .with(operations!(sealing_key::list))
        .with(operations!(sealing_key::rotate))
        .with(operations!(sealing_key::rotation))
        .with(operations!(signing_key::list))
        .with(operations!(signing_key::rotate))
        .with(operations!(retention::list))
        .with(operations!(environment::list, environment::create))
        .with(operations!(environment::show, environment::update, environment::delete))
        .with(operations!(connector::list, connector::create))
        .with(operations!(connector::show, connector::update, connector::delete))
        .with(operations!(connector::file))
        .with(operations!(connector_operation::list))
        .with(operations!(connector_operation::resolve))
        .with(operations!(connector::client, connector::set_client, connector::remove_client))
        .with(operations!(connection::list))
        .with(operations!(connection::create))
        .with(operations!(connection::delete))
        .with(operations!(backend::show, backend::set))
        .with(operations!(consent::begin))
        .with(operations!(consent::show))
        .with(operations!(consent::test))
        .with(operations!(recording::list, recording::create))
        .with(operations!(recording::show, recording::delete))
        .with(operations!(recording::file))
        .with(operations!(power_app::list, power_app::create))
        .with(operations!(power_app::show, power_app::update, power_app::delete))
        .with(operations!(power_app::connections))
        .with(operations!(power_app::permissions, power_app::share))
        .with(operations!(power_app::set_owner))
        .with(operations!(variable::list, variable::create))
        .with(operations!(variable::show, variable::update, variable::delete))
        .with(operations!(vault::list, vault::create))
        .with(operations!(vault::show, vault::delete))
        .with(operations!(vault::set_readers))
        .with(operations!(vault::secrets))
        .with(operations!(
            vault::secret,
            vault::set_secret,
            vault::update_secret,
            vault::delete_secret
        ))
        .with(operations!(data_policy::list))
        .with(operations!(data_policy::violations))
        .with(operations!(data_policy::show, data_policy::set, data_policy::delete))
        .with(operations!(audit::list))
        .with(operations!(audit::export))
        .with(operations!(audit::verify))
        .with(operations!(
            retention::show_environment,
            retention::set_environment,
            retention::clear_environment
        ))
        .with(operations!(retention::show_flow, retention::set_flow, retention::clear_flow))
}

/// Approvals, and what they go by.
fn approvals() -> Described {
    Described::new()
        .with(operations!(approval::list))
        .with(operations!(approval::list_all, approval::create))
        .with(operations!(approval::show))
        .with(operations!(approval::attachment))
        .with(operations!(approval::respond))
        .with(operations!(approval::reassign))
        .with(operations!(approval::cancel))
        .with(operations!(approval::evidence))
        .with(operations!(approval::erase))
        .with(operations!(deputy::show, deputy::set, deputy::clear))
        .with(operations!(deputy::deputized))
        .with(operations!(calendar::list))
        .with(operations!(calendar::set, calendar::delete))
}

/// Who there is, and what they may do.
fn directory() -> Described {
    Described::new()
        .with(operations!(user::list, user::create))
        .with(operations!(user::show, user::delete))
        .with(operations!(user::set_roles))
        .with(operations!(user::set_password))
        .with(operations!(user::enable))
        .with(operations!(user::disable))
        .with(operations!(user::revoke))
        .with(operations!(user::remove_second_factor))
        .with(operations!(passkey::list))
        .with(operations!(passkey::delete))
        .with(operations!(passkey::mine))
        .with(operations!(session::list))
        .with(operations!(session::end))
        .with(operations!(me::show))
        .with(operations!(me::sessions))
        .with(operations!(me::end_session))
        .with(operations!(mine::environments))
        .with(operations!(mine::flows))
        .with(operations!(group::list, group::create))
        .with(operations!(group::show, group::delete))
        .with(operations!(group::change_members))
        .with(operations!(group::set_roles))
        .with(operations!(application::list, application::create))
        .with(operations!(application::show, application::update, application::delete))
        .with(operations!(application::set_roles))
        .with(operations!(application::revoke))
        .with(operations!(application::secrets, application::add_secret))
        .with(operations!(application::remove_secret))
        .with(operations!(application::add_certificate))
        .with(operations!(application::remove_certificate))
        .with(operations!(lookup::list))
        .with(operations!(role::show))
        .with(operations!(role::grant))
        .with(operations!(role::revoke))
        .with(operations!(key::list, key::create))
        .with(operations!(key::show, key::delete))
}

shape! {
    /// What this server is.
    InfoAnswer { product: String, version: String, public_url: String, }
}

/// What this server is.
#[utoipa::path(get, path = "/info", responses((status = 200, body = InfoAnswer)))]
async fn info(State(state): State<ApiState>, _caller: Authenticated) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "product": "sluicegate",
        "version": env!("CARGO_PKG_VERSION"),
        "publicUrl": state.app.engine.catalog.public_url(),
    }))
}

/// A request of somebody who is known: by a token, or by being signed in in the console.
pub struct Authenticated(pub Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if let Some(caller) = console::caller(state, parts).await? {
            return Ok(Authenticated(caller));
        }
        let token = bearer(&parts.headers);
        Ok(Authenticated(state.app.caller_of(token, Surface::Native).await?))
    }
}

/// The address under which this caller reached the server, when a trusted proxy says so
/// and no public URL is set.
pub struct ForwardedBase(pub Option<String>);

impl FromRequestParts<ApiState> for ForwardedBase {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        Ok(ForwardedBase(forwarded(parts, &state.settings)))
    }
}

/// What a trusted proxy says of the address that the caller used, unless a public URL is
/// set.
pub fn forwarded(parts: &Parts, settings: &ApiSettings) -> Option<String> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let is_trusted = peer.is_some_and(|peer| settings.trusted_proxies.contains(&peer));
    if settings.has_public_url || !is_trusted {
        return None;
    }
    let first = |name: &str| {
        let text = parts.headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
        (!text.is_empty() && !text.contains(['/', '?', '#', ' '])).then(|| text.to_owned())
    };
    let scheme = first("x-forwarded-proto").filter(|it| it == "http" || it == "https");
    let host = first("x-forwarded-host");
    scheme.zip(host).map(|(scheme, host)| format!("{scheme}://{host}"))
}

/// A JSON body; what is wrong with it is said in the envelope.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = body::read(body, &parts.headers, API_BODY_BYTES_MAX).await?;
        read_json(&bytes).map(Body)
    }
}

/// A JSON body that may be missing.
pub struct MaybeBody<T>(pub Option<T>);

impl<T: DeserializeOwned> FromRequest<ApiState> for MaybeBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = body::read(body, &parts.headers, API_BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            Ok(MaybeBody(None))
        } else {
            read_json(&bytes).map(Some).map(MaybeBody)
        }
    }
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("The body is not the JSON that was expected: {error}.");
        ApiError(AppError::invalid("InvalidRequestContent", message))
    })
}

/// Query parameters; unknown ones are errors where the type says so.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let result: Result<Query<T>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        match result {
            Ok(Query(params)) => Ok(Params(params)),
            Err(error) => {
                let text = error.body_text();
                // the part before says what was being done, not what is wrong
                let fault = text.split_once("query string: ").map_or(&*text, |(_, fault)| fault);
                let message = format!("The query parameters cannot be read: {fault}.");
                Err(ApiError(AppError::invalid("InvalidQuery", message)))
            }
        }
    }
}

/// Segments of the path, decoded.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let result: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        match result {
            Ok(axum::extract::Path(segments)) => Ok(Path(segments)),
            Err(_) => {
                let message = format!("'{}' is not UTF-8 text when decoded.", parts.uri.path());
                Err(ApiError(AppError::invalid("InvalidPath", message)))
            }
        }
    }
}

/// Which environment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InEnvironment {
    #[serde(default = "default_environment")]
    pub environment: String,
}

pub fn default_environment() -> String {
    "default".to_owned()
}

/// A flow as this API names it: in the caller's own right or in an administrator's.
pub fn at<'a>(environment: &'a str, name: &'a str) -> FlowAt<'a> {
    FlowAt { environment, name, scope: Scope::Any }
}

/// Rows of a page.
pub fn page_rows(top: Option<usize>) -> Result<usize, ApiError> {
    match top {
        None => Ok(PAGE_ROWS_DEFAULT),
        Some(rows) if (1..=PAGE_ROWS_MAX).contains(&rows) => Ok(rows),
        Some(rows) => {
            let message = format!("'top' is {rows}, expected 1 to {PAGE_ROWS_MAX}.");
            Err(ApiError(AppError::invalid("InvalidQuery", message)))
        }
    }
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Paging {
    top: Option<usize>,
    skip_token: Option<String>,
}

impl Paging {
    fn read(&self) -> Result<(Option<Cursor>, usize), ApiError> {
        let after = self.skip_token.as_deref().map(Cursor::decode).transpose()?;
        Ok((after, page_rows(self.top)?))
    }
}

/// A page of records below `/api/v1`.
fn list_page<T>(
    under: &str,
    rows: usize,
    listed: &Listed<T>,
    render: impl Fn(&T) -> serde_json::Value,
) -> Json<serde_json::Value> {
    let next = listed.next.as_ref().map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        link(&[under], &[("top", top.as_str()), ("skipToken", token.as_str())])
    });
    page(listed.rows.iter().map(|row| render(&row.value)).collect(), next)
}

/// Roles on the wire.
fn render_roles(roles: &[Role]) -> serde_json::Value {
    let render = |role: &Role| serde_json::to_value(role).unwrap_or_default();
    roles.iter().map(render).collect()
}

/// How long something is to be good for: for ever when nothing is said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    days: Option<i64>,
    seconds: Option<i64>,
}

impl Lifetime {
    fn seconds(&self) -> Result<Option<i64>, ApiError> {
        match (self.days, self.seconds) {
            (Some(days), None) => Ok(Some(days.saturating_mul(86_400))),
            (None, seconds) => Ok(seconds),
            (Some(_), Some(_)) => {
                let message = "Expected 'days' or 'seconds', and not both.";
                Err(ApiError(AppError::invalid("InvalidLifetime", message)))
            }
        }
    }
}

/// `{"value": [...], "nextLink"?}`.
pub fn page(value: Vec<serde_json::Value>, next: Option<String>) -> Json<serde_json::Value> {
    let mut body = serde_json::Map::new();
    body.insert("value".to_owned(), value.into());
    if let Some(next) = next {
        body.insert("nextLink".to_owned(), next.into());
    }
    Json(body.into())
}

/// A path below `/api/v1` with query parameters, encoded.
pub fn link(segments: &[&str], queries: &[(&str, &str)]) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let mut result = "/api/v1".to_owned();
    for segment in segments {
        result.push('/');
        result.extend(utf8_percent_encode(segment, SET));
    }
    for (at, (name, value)) in queries.iter().enumerate() {
        result.push(if at == 0 { '?' } else { '&' });
        result.push_str(name);
        result.push('=');
        result.extend(utf8_percent_encode(value, SET));
    }
    result
}
