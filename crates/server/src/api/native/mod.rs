//! The native API, `/api/v1`: `docs/reference/native-api.md`.

mod again;
mod application;
mod audit;
mod connector;
mod environment;
mod flow;
mod group;
mod key;
mod me;
mod notification;
mod package;
mod retention;
mod role;
mod run;
mod server;
mod session;
mod signing_key;
mod transfer;
mod user;
mod variable;
mod version;

use super::{ApiError, ApiSettings, ApiState, Peer, bearer, body};
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
use axum::routing::{delete, get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub fn router() -> Router<ApiState> {
    flows().merge(administration()).merge(directory())
}

/// Flows and runs.
fn flows() -> Router<ApiState> {
    Router::new()
        .route("/info", get(info))
        .route("/validate", post(flow::validate))
        .route("/flows", get(flow::list).post(flow::create))
        .route("/flows/{name}", get(flow::show).put(flow::update).delete(flow::delete))
        .route("/flows/{name}/restore", post(flow::restore))
        .route("/flows/{name}/enable", post(flow::enable))
        .route("/flows/{name}/disable", post(flow::disable))
        .route("/flows/{name}/suspend", post(flow::suspend))
        .route("/flows/{name}/notifications", get(notification::show).put(notification::set))
        .route("/flows/{name}/copy", post(transfer::copy))
        .route("/flows/{name}/move", post(transfer::relocate))
        .route("/flows/{name}/versions", get(version::versions))
        .route("/flows/{name}/versions/{number}", get(version::version))
        .route("/flows/{name}/versions/{number}/diff/{other}", get(version::differences))
        .route("/flows/{name}/versions/{number}/restore", post(version::restore))
        .route("/flows/{name}/callback-url", post(flow::callback_url))
        .route("/flows/{name}/keys/{which}/rotate", post(flow::rotate_key))
        .route("/flows/{name}/run", post(flow::run))
        .route("/flows/{name}/package", get(package::export))
        .route("/packages/inspect", post(package::inspect))
        .route("/packages/import", post(package::import))
        .route("/flows/{name}/runs", get(run::list))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/actions", get(run::actions))
        .route("/runs/{id}/actions/{action}", get(run::action))
        .route("/runs/{id}/actions/{action}/repetitions", get(run::repetitions))
        .route("/runs/{id}/actions/{action}/repetitions/{repetition}", get(run::repetition))
        .route("/runs/{id}/events", get(run::events))
        .route("/runs/{id}/cancel", post(run::cancel))
        .route("/runs/{id}/resubmit", post(again::resubmit))
        .route("/runs/{id}/resume", post(again::resume))
        .route("/flows/{name}/runs/resubmit", post(again::resubmit_many))
        .route("/runs/{id}/release", post(run::release))
}

/// The server, environments, and the audit.
fn administration() -> Router<ApiState> {
    Router::new()
        .route("/server", get(server::show))
        .route("/server/resume", post(server::resume))
        .route("/signing-keys", get(signing_key::list))
        .route("/signing-keys/rotate", post(signing_key::rotate))
        .route("/retention", get(retention::list))
        .route("/environments", get(environment::list).post(environment::create))
        .route(
            "/environments/{environment}",
            get(environment::show).patch(environment::update).delete(environment::delete),
        )
        .route(
            "/environments/{environment}/connectors",
            get(connector::list).post(connector::create),
        )
        .route(
            "/environments/{environment}/connectors/{name}",
            get(connector::show).put(connector::update).delete(connector::delete),
        )
        .route("/environments/{environment}/connectors/{name}/files/{file}", get(connector::file))
        .route("/environments/{environment}/variables", get(variable::list).post(variable::create))
        .route(
            "/environments/{environment}/variables/{name}",
            get(variable::show).patch(variable::update).delete(variable::delete),
        )
        .route("/audit", get(audit::list))
        .route("/audit/export", get(audit::export))
        .route("/audit/verify", post(audit::verify))
        .route(
            "/environments/{environment}/retention",
            get(retention::show_environment)
                .put(retention::set_environment)
                .delete(retention::clear_environment),
        )
        .route(
            "/flows/{name}/retention",
            get(retention::show_flow).put(retention::set_flow).delete(retention::clear_flow),
        )
}

/// Who there is, and what they may do.
fn directory() -> Router<ApiState> {
    Router::new()
        .route("/users", get(user::list).post(user::create))
        .route("/users/{name}", get(user::show).delete(user::delete))
        .route("/users/{name}/roles", put(user::set_roles))
        .route("/users/{name}/password", put(user::set_password))
        .route("/users/{name}/enable", post(user::enable))
        .route("/users/{name}/disable", post(user::disable))
        .route("/users/{name}/revoke", post(user::revoke))
        .route("/users/{name}/second-factor", delete(user::remove_second_factor))
        .route("/users/{name}/sessions", get(session::list))
        .route("/users/{name}/sessions/{id}", delete(session::end))
        .route("/me", get(me::show))
        .route("/me/sessions", get(me::sessions))
        .route("/me/sessions/{id}", delete(me::end_session))
        .route("/groups", get(group::list).post(group::create))
        .route("/groups/{name}", get(group::show).delete(group::delete))
        .route("/groups/{name}/members", post(group::change_members))
        .route("/groups/{name}/roles", put(group::set_roles))
        .route("/applications", get(application::list).post(application::create))
        .route(
            "/applications/{name}",
            get(application::show).patch(application::update).delete(application::delete),
        )
        .route("/applications/{name}/roles", put(application::set_roles))
        .route("/applications/{name}/revoke", post(application::revoke))
        .route(
            "/applications/{name}/secrets",
            get(application::secrets).post(application::add_secret),
        )
        .route("/applications/{name}/secrets/{id}", delete(application::remove_secret))
        .route("/applications/{name}/certificates", post(application::add_certificate))
        .route(
            "/applications/{name}/certificates/{thumbprint}",
            delete(application::remove_certificate),
        )
        .route("/principals/{name}", get(role::show))
        .route("/principals/{name}/roles/grant", post(role::grant))
        .route("/principals/{name}/roles/revoke", post(role::revoke))
        .route("/keys", get(key::list).post(key::create))
        .route("/keys/{name}", get(key::show).delete(key::delete))
}

async fn info(State(state): State<ApiState>, _caller: Authenticated) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "product": "sluicegate",
        "version": env!("CARGO_PKG_VERSION"),
        "publicUrl": state.app.engine.catalog.public_url(),
    }))
}

/// A request of somebody who is known.
pub struct Authenticated(pub Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
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
#[derive(Debug, Deserialize)]
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
#[derive(Deserialize)]
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
#[derive(Default, Deserialize)]
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
