//! Signing in at the service of a connection: the page that a link leads to, and the one that
//! services send browsers back to.

use super::ApiState;
use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use super::page::{self, Page};
use super::text::{Texts, filled};
use crate::app::connector::oauth::consent::{Arrival, ConsentStep, ConsentVisitor};
use crate::app::signin::SignInError;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// `/oauth/consent?request=STATE`.
pub async fn show(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let done = follow(&state, &browser, query.as_deref(), Arrival::ByLink).await;
    browser.answer(done)
}

pub async fn send(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    sent: Sent,
) -> Response {
    let Sent { mut browser, fields } = sent;
    let done = answer(&state, &mut browser, query.as_deref(), &fields).await;
    browser.answer(done)
}

async fn answer(
    state: &ApiState,
    browser: &mut Browser,
    query: Option<&str>,
    fields: &Fields,
) -> Result<Response, SignInError> {
    if fields.need("step")? == "go" {
        return follow(state, browser, query, Arrival::Decided).await;
    }
    match enter(state, browser, fields, "").await? {
        Ok(_) => follow(state, browser, query, Arrival::SignedIn).await,
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
            let page = page::go_to_service(browser.texts, &mark, &by, &name, &connector);
            Page { leads_to: Some(leads_to), ..page }.into_response()
        }
        ConsentStep::Go(address) => go(browser.texts, &address),
    })
}

fn go(texts: &Texts, address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => {
            let text = texts.no_service_address;
            Page::message(texts, StatusCode::BAD_REQUEST, texts.failed, text).into_response()
        }
    }
}

/// `/oauth/redirect?state=STATE&code=CODE`, or with an error.
pub async fn back(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let done = returned(&state, &browser, query.as_deref()).await;
    browser.answer(done)
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
    let texts = browser.texts;
    let text = filled(texts.connection_signed_in, &[name]);
    Ok(Page::message(texts, StatusCode::OK, texts.connected, &text).into_response())
}
