//! The console in a browser: its files, and what lets its script call the native API.
//!
//! Script has no token. It calls with the cookie of the pages of signing in, which it cannot
//! read, and with a header that makes a browser ask before it sends such a call to another
//! site: nobody is ever let do that here.

use super::error::no_such_path;
use super::login::signed_in_cookie;
use super::{ApiError, ApiState};
use crate::app::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::token;
use ::console::File;
use axum::Router;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

/// Where the console is.
pub const HOME: &str = "/console/";

/// What script of this origin sends, and script of others may not.
const MARK: &str = "x-sluicegate-console";

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/", get(entrance))
        .route("/console", get(home))
        .route(HOME, get(index))
        .route("/console/{*path}", get(place))
        .layer(map_response(guarded))
}

/// Browsers are led to the console, programs are told that nothing is here.
async fn entrance(uri: Uri, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match accept.contains("text/html") {
        true => home().await,
        false => no_such_path(uri).await.into_response(),
    }
}

async fn home() -> Response {
    Redirect::to(HOME).into_response()
}

/// A file of the console. Everything else below it is the same page, whose script shows what
/// belongs there.
async fn place(Path(path): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let is_asset = path.starts_with(::console::ASSETS);
    match ::console::file(&path).filter(|_| is_asset) {
        Some(file) => send(file, &headers),
        None if is_asset => no_such_path(uri).await.into_response(),
        None => index().await,
    }
}

/// Files are named after what is in them: a browser may keep them for ever.
fn send(file: &'static File, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if takes(headers, "br") => (bytes, Some("br")),
        (_, Some(bytes)) if takes(headers, "gzip") => (bytes, Some("gzip")),
        _ => (file.bytes, None),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether who asks takes a compressed form.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut named = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    named.any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case(encoding) && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
}

/// The page: what it may load and run is said with it, and its style elements have a number
/// that nobody else knows.
async fn index() -> Response {
    let nonce = match token::generate() {
        Ok(nonce) => nonce,
        Err(error) => return ApiError(AppError::internal(error)).into_response(),
    };
    let Some(page) = ::console::index(&nonce) else {
        return ApiError(AppError::internal("the console's page is missing")).into_response();
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Whether a request is one of the console: a token goes before its mark.
#[must_use]
pub fn is_asking(parts: &Parts) -> bool {
    parts.headers.contains_key(MARK) && !parts.headers.contains_key(header::AUTHORIZATION)
}

/// Who is signed in in the browser whose script makes a request. `None`: it is not a request
/// of the console, and whatever cookies it has are of no use.
pub async fn caller(state: &ApiState, parts: &Parts) -> Result<Option<Caller>, AppError> {
    if !is_asking(parts) {
        return Ok(None);
    }
    check_origin(state, parts)?;
    let cookie = signed_in_cookie(state, &parts.headers).unwrap_or_default();
    state.app.caller_in_browser(&cookie).await.map(Some)
}

/// Refuses what does not come from the console of this server.
pub fn check_own(state: &ApiState, parts: &Parts) -> Result<(), AppError> {
    match parts.headers.contains_key(MARK) {
        true => check_origin(state, parts),
        false => Err(foreign()),
    }
}

/// What browsers say of where a request comes from, if they say it, has to be this server.
fn check_origin(state: &ApiState, parts: &Parts) -> Result<(), AppError> {
    let is = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        parts.headers.get_all(name).into_iter().all(|it| it.to_str().is_ok_and(wanted))
    };
    let public_url = state.app.engine.catalog.public_url();
    let base = state.base_of(parts);
    let is_ours =
        |origin: &str| [&base, &public_url].iter().any(|it| it.trim_end_matches('/') == origin);
    match is(SEC_FETCH_SITE, &|site| site == "same-origin") && is("origin", &is_ours) {
        true => Ok(()),
        false => Err(foreign()),
    }
}

fn foreign() -> AppError {
    let message = "The request does not come from the console of this server. If it does, the server's setting 'public_url' is not the address under which browsers know it.";
    AppError::new(ErrorKind::Forbidden, "ForeignOrigin", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_form_is_for_who_takes_it() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            (takes(&headers, "br"), takes(&headers, "gzip"))
        };
        assert_eq!(of("gzip, deflate, br;q=0.5"), (true, true));
        assert_eq!(of("br;q=0, GZIP"), (false, true));
        assert_eq!(of("brotli"), (false, false));
        assert_eq!((takes(&HeaderMap::new(), "br"), false), (false, false));
    }
}
