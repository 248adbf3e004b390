//! Signing in, on the paths that identity clients use: OAuth 2 and OpenID Connect.
//!
//! The pages are small and whole: nothing from elsewhere, never in a frame, and of use
//! without script.

mod authorize;
mod browser;
mod connection;
mod console;
mod device;
mod discovery;
mod entry;
mod error;
pub(super) mod form;
mod page;
mod passkey;
mod second_factor;
mod text;
mod token;

pub use browser::signed_in_cookie;

use super::{ApiState, body};
use crate::app::signin::outside::BACK;
use crate::app::signin::{Refusal, SignInError};
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token::newer))
        .route("/{tenant}/oauth2/token", post(token::older))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::begin_newer))
        .route("/{tenant}/oauth2/devicecode", post(device::begin_older))
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::show).post(authorize::send))
        .route("/{tenant}/oauth2/authorize", get(authorize::show).post(authorize::send))
        .route("/{tenant}/oauth2/v2.0/logout", get(authorize::sign_out))
        .route("/{tenant}/oauth2/logout", get(authorize::sign_out))
        .route("/{tenant}/oauth2/deviceauth", get(device::show).post(device::send))
        .route("/account/second-factor", get(second_factor::show).post(second_factor::send))
        .route("/oauth/consent", get(connection::show).post(connection::send))
        .route("/oauth/redirect", get(connection::back))
        .route("/oauth/redirect/{connector}", get(connection::back))
        .route("/account/passkeys", get(passkey::show).post(passkey::send))
        .route("/account/passkey.js", get(passkey::script))
        .route("/console/sign-in", get(console::show).post(console::send))
        .route("/console/sign-in/outside", get(console::outside))
        .route(BACK, get(console::back))
        .route("/console/sign-out", post(console::sign_out))
        .route("/devicelogin", get(device::show).post(device::send))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::newer))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::older))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/instance", get(discovery::instance))
        .route("/{tenant}/userrealm/{name}", get(discovery::realm))
        .route("/{tenant}/UserRealm/{name}", get(discovery::realm))
        .layer(map_response(never_kept))
}

/// Nothing of this is for a cache.
pub(super) async fn never_kept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Refuses paths of other tenants.
fn check_tenant(state: &ApiState, name: &str) -> Result<(), SignInError> {
    if state.app.is_tenant(name) {
        return Ok(());
    }
    Err(Refusal::unknown_tenant(name).into())
}

/// Names under which clients know where to sign in; they are made to lead to this server.
const LOGIN_HOSTS: [&str; 4] =
    ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"];

/// How a client addresses this server: by one of the names that it knows, or by its own.
fn base_url(state: &ApiState, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    match LOGIN_HOSTS.iter().find(|known| name.eq_ignore_ascii_case(known)) {
        Some(known) => format!("https://{known}"),
        None => state.app.engine.catalog.public_url().trim_end_matches('/').to_owned(),
    }
}
