//! Signing in at the service of a connection: the page that a link leads to, and the one that
//! services send browsers back to.

use super::ApiState;
use super::authorize::failed;
use super::browser::Browser;
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use super::page::{self, Page};
use crate::app::connector::oauth::consent::{Arrival, ConsentStep, ConsentVisitor};
use crate::app::signin::SignInError;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// `/oauth/consent?request=STATE`.
pub async fn show(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let browser = match Browser::of(&state, &headers).await {
        Ok(browser) => browser,
        Err(error) => return failed(error.into()),
    };
    let done = follow(&state, &browser, query.as_deref(), Arrival::ByLink).await;
    browser.dress(done.unwrap_or_else(failed))
}

pub async fn send(State(state): State<ApiState>, request: Request<Body>) -> Response {
    let mut browser = match Browser::of(&state, request.headers()).await {
        Ok(browser) => browser,
        Err(error) => return failed(error.into()),
    };
    browser.address = state.address_of(request.extensions(), request.headers());
    let done = answer(&state, &mut browser, request).await;
    browser.dress(done.unwrap_or_else(failed))
}

async fn answer(
    state: &ApiState,
    browser: &mut Browser,
    request: Request<Body>,
) -> Result<Response, SignInError> {
    let query = request.uri().query().map(str::to_owned);
    let (_, fields) = Fields::of_body(request).await?;
    let mark = fields.get("mark").unwrap_or_default();
    state.app.check_form(&browser.id, &browser.cookie, mark).await?;
    if fields.need("step")? == "go" {
        return follow(state, browser, query.as_deref(), Arrival::Decided).await;
    }
    match enter(state, browser, &fields, "").await? {
        Ok(_) => follow(state, browser, query.as_deref(), Arrival::SignedIn).await,
        Err(page) => Ok(page.into_response()),
    }
}

async fn follow(
    state: &ApiState,
    browser: &Browser,
    query: Option<&str>,
    arrival: Arrival,
) -> Result<Response, SignInError> {
    let fields = Fields::of_query(query)?;
    let asked = fields.need("request")?;
    let visitor = ConsentVisitor { browser: &browser.id, user: browser.user.as_ref() };
    Ok(match state.app.follow_consent(asked, &visitor, arrival).await? {
        ConsentStep::SignIn => sign_in_page(state, browser, "", None, None).await?.into_response(),
        ConsentStep::Ask { by, name, connector, leads_to } => {
            let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
            let page = page::go_to_service(&mark, &by, &name, &connector);
            Page { leads_to: Some(leads_to), ..page }.into_response()
        }
        ConsentStep::Go(address) => go(&address),
    })
}

fn go(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => {
            let text = "The address of the service cannot be followed.";
            Page::message(StatusCode::BAD_REQUEST, "This did not work", text).into_response()
        }
    }
}

/// `/oauth/redirect?state=STATE&code=CODE`, or with an error.
pub async fn back(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let browser = match Browser::of(&state, &headers).await {
        Ok(browser) => browser,
        Err(error) => return failed(error.into()),
    };
    let done = returned(&state, &browser, query.as_deref()).await;
    browser.dress(done.unwrap_or_else(failed))
}

async fn returned(
    state: &ApiState,
    browser: &Browser,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let fields = Fields::of_query(query)?;
    let given = fields.need("state")?;
    let visitor = ConsentVisitor { browser: &browser.id, user: browser.user.as_ref() };
    let brought = match (fields.get("error"), fields.get("code")) {
        (None, Some(code)) => Ok(code),
        (None, None) => Err("it sent neither a code nor an error".to_owned()),
        (Some(error), _) => Err(match fields.get("error_description") {
            Some(text) => format!("{error}: {}", text.trim_end_matches('.')),
            None => error.to_owned(),
        }),
    };
    let name = state.app.finish_consent(given, &visitor, brought).await?;
    let text = format!("The connection '{name}' is signed in. You may close this page.");
    Ok(Page::message(StatusCode::OK, "Connected", &text).into_response())
}
