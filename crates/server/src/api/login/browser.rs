//! What a browser brings along: cookies, and the mark of its forms.

use super::ApiState;
use super::authorize::failed;
use super::form::Fields;
use super::text::{self, Texts};
use crate::app::AppError;
use crate::app::directory::User;
use crate::app::signin::SignInError;
use crate::app::signin::passkey::Own;
use crate::auth::token;
use crate::limits::BROWSER_SECONDS;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};

/// Tells one browser from another; there before anybody signs in.
const BROWSER: &str = "sluicegate_browser";
const SIGNED_IN: &str = "sluicegate_signin";

/// Before the names of cookies that only this host could have set, and only over TLS.
const HOST_ONLY: &str = "__Host-";

/// Bytes of a cookie of ours that is looked at.
const COOKIE_BYTES_MAX: usize = 512;

/// A browser, and who is signed in in it.
pub struct Browser {
    pub id: String,
    pub cookie: String,
    pub user: Option<User>,
    /// Where it is, if that is known.
    pub address: Option<String>,
    /// What pages say to it.
    pub texts: &'static Texts,
    /// Cookies that it does not have yet.
    new: Vec<String>,
    kind: Kind,
}

/// How this server's cookies are called and kept.
#[derive(Clone, Copy)]
struct Kind {
    before: &'static str,
    attributes: &'static str,
}

impl Kind {
    fn of(state: &ApiState) -> Kind {
        match state.app.engine.catalog.public_url().starts_with("https://") {
            true => {
                Kind { before: HOST_ONLY, attributes: "Path=/; HttpOnly; SameSite=Lax; Secure" }
            }
            false => Kind { before: "", attributes: "Path=/; HttpOnly; SameSite=Lax" },
        }
    }

    fn read(self, headers: &HeaderMap, name: &str) -> Option<String> {
        cookie(headers, &format!("{}{name}", self.before))
    }

    /// One to be kept for some seconds, or as long as the browser is open.
    fn set(self, name: &str, value: &str, seconds: Option<i64>) -> String {
        let age = seconds.map(|seconds| format!("Max-Age={seconds}; ")).unwrap_or_default();
        format!("{}{name}={value}; {age}{}", self.before, self.attributes)
    }
}

/// What says in a request's cookies who is signed in.
pub fn signed_in_cookie(state: &ApiState, headers: &HeaderMap) -> Option<String> {
    Kind::of(state).read(headers, SIGNED_IN)
}

impl Browser {
    /// Reads the cookies of a request. A browser without any gets one.
    async fn of(state: &ApiState, headers: &HeaderMap) -> Result<Browser, AppError> {
        let kind = Kind::of(state);
        let cookie = kind.read(headers, SIGNED_IN).unwrap_or_default();
        let user = state.app.browser_user(&cookie).await?;
        let cookie = if user.is_some() { cookie } else { String::new() };
        let mut browser = Browser {
            id: String::new(),
            cookie,
            user,
            address: None,
            texts: text::of(headers),
            new: Vec::new(),
            kind,
        };
        match kind.read(headers, BROWSER).filter(|id| !id.is_empty()) {
            Some(id) => browser.id = id,
            None => {
                browser.id = token::generate().map_err(AppError::internal)?;
                browser.new.push(kind.set(BROWSER, &browser.id, None));
            }
        }
        Ok(browser)
    }

    /// Somebody has signed in.
    pub fn sign_in(&mut self, user: User, cookie: String) {
        self.new.push(self.kind.set(SIGNED_IN, &cookie, Some(BROWSER_SECONDS)));
        self.cookie = cookie;
        self.user = Some(user);
    }

    /// Somebody at their own pages in it.
    pub fn own<'a>(&'a self, user: &'a User) -> Own<'a> {
        Own { user, browser: &self.id, cookie: &self.cookie }
    }

    pub fn sign_out(&mut self) {
        self.new.push(self.kind.set(SIGNED_IN, "", Some(0)));
        self.cookie.clear();
        self.user = None;
    }

    /// The answer to the browser: what was done, or why it was not, with the cookies that
    /// it does not have.
    pub fn answer(&self, done: Result<impl IntoResponse, SignInError>) -> Response {
        let mut response =
            done.map_or_else(|error| failed(self.texts, error), IntoResponse::into_response);
        for cookie in &self.new {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        response
    }
}

impl FromRequestParts<ApiState> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let browser = Browser::of(state, &parts.headers).await;
        browser.map_err(|error| failed(text::of(&parts.headers), error.into()))
    }
}

/// A browser that comes back from elsewhere, and where it is.
pub struct Arrived(pub Browser);

impl FromRequestParts<ApiState> for Arrived {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let mut browser = Browser::from_request_parts(parts, state).await?;
        browser.address = state.address_of(&parts.extensions, &parts.headers);
        Ok(Arrived(browser))
    }
}

/// A form of ours that a browser sends: one that another site made it send is refused.
pub struct Sent {
    pub browser: Browser,
    pub fields: Fields,
}

impl FromRequest<ApiState> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, state: &ApiState) -> Result<Self, Response> {
        let browser = Browser::of(state, request.headers()).await;
        let texts = text::of(request.headers());
        let mut browser = browser.map_err(|error| failed(texts, error.into()))?;
        browser.address = state.address_of(request.extensions(), request.headers());
        match fields_of(state, &browser, request).await {
            Ok(fields) => Ok(Sent { browser, fields }),
            Err(error) => Err(browser.answer(Err::<Response, _>(error))),
        }
    }
}

async fn fields_of(
    state: &ApiState,
    browser: &Browser,
    request: Request<Body>,
) -> Result<Fields, SignInError> {
    let (_, fields) = Fields::of_body(request).await?;
    let mark = fields.get("mark").unwrap_or_default();
    state.app.check_form(&browser.id, &browser.cookie, mark).await?;
    Ok(fields)
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    let value = value.trim();
    (value.len() <= COOKIE_BYTES_MAX).then(|| value.to_owned())
}
