//! Signing in to the console, and out of it: the pages of signing in with a way back.

use super::ApiState;
use super::browser::{Arrived, Browser, Sent};
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use super::page::{Page, outside_link};
use super::text::Texts;
use crate::api::{ApiError, console};
use crate::app::signin::browser::{At, Entered};
use crate::app::signin::outside::Returned;
use crate::app::signin::{Refusal, SignInError};
use axum::extract::{FromRequestParts, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

/// `/console/sign-in?to=/console/...`.
pub async fn show(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let done = match &browser.user {
        Some(_) => go_on(query.as_deref()),
        None => ask(&state, &browser, query.as_deref()).await,
    };
    browser.answer(done)
}

pub async fn send(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    sent: Sent,
) -> Response {
    let Sent { mut browser, fields } = sent;
    let done = match enter(&state, &mut browser, &fields, "").await {
        Ok(Ok(_)) => go_on(query.as_deref()),
        Ok(Err(page)) => with_outside(&state, browser.texts, page, query.as_deref()),
        Err(error) => Err(error),
    };
    browser.answer(done)
}

async fn ask(
    state: &ApiState,
    browser: &Browser,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let page = sign_in_page(state, browser, "", None, None).await?;
    with_outside(state, browser.texts, page, query)
}

/// The same page with the issuers from outside at which people may sign in.
fn with_outside(
    state: &ApiState,
    texts: &Texts,
    mut page: Page,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let to = destination(query)?;
    for (number, label) in state.app.outside_offers() {
        page.content.push_str(&outside_link(texts, number, &label, &to));
    }
    Ok(page.into_response())
}

fn go_on(query: Option<&str>) -> Result<Response, SignInError> {
    Ok(Redirect::to(&destination(query)?).into_response())
}

fn destination(query: Option<&str>) -> Result<String, SignInError> {
    let fields = Fields::of_query(query)?;
    Ok(fields.get("to").and_then(place).unwrap_or_else(|| console::HOME.to_owned()))
}

/// `/console/sign-in/outside?issuer=0&to=/console/...`: away to an issuer.
pub async fn outside(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let done = go_outside(&state, &browser, query.as_deref()).await;
    browser.answer(done)
}

async fn go_outside(
    state: &ApiState,
    browser: &Browser,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let fields = Fields::of_query(query)?;
    let number = fields.need("issuer")?.parse().map_err(|_| Refusal::stale_form())?;
    let to = destination(query)?;
    let address = state.app.begin_outside(&browser.id, number, &to).await?;
    Ok(Redirect::to(&address).into_response())
}

/// `/console/sign-in/back?state=STATE&code=CODE`, or with an error: back from an issuer.
pub async fn back(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    Arrived(mut browser): Arrived,
) -> Response {
    let done = come_back(&state, &mut browser, query.as_deref()).await;
    browser.answer(done)
}

async fn come_back(
    state: &ApiState,
    browser: &mut Browser,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let fields = Fields::of_query(query)?;
    let code = match (fields.get("error"), fields.get("code")) {
        (None, Some(code)) => Ok(code),
        (None, None) => Err("it sent neither a code nor an error".to_owned()),
        (Some(error), _) => Err(error.to_owned()),
    };
    let returned = Returned { state: fields.need("state")?, code };
    let id = browser.id.clone();
    let address = browser.address.clone();
    let at = At { browser: &id, address: address.as_deref(), client_id: "" };
    let (entered, to) = state.app.finish_outside(&at, returned).await?;
    if let Entered::Done(user, cookie) = entered {
        browser.sign_in(*user, cookie);
    }
    Ok(Redirect::to(&to).into_response())
}

/// A place of the console. What leads elsewhere, as a browser reads it, is none.
fn place(given: &str) -> Option<String> {
    let here = Url::parse("https://console.invalid/").ok()?;
    let there = here.join(given).ok()?;
    let is_here = there.origin() == here.origin() && there.path().starts_with(console::HOME);
    is_here.then(|| there[url::Position::BeforePath..].to_owned())
}

/// The session of the console's browser ends.
pub async fn sign_out(State(state): State<ApiState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if let Err(error) = console::check_own(&state, &parts) {
        return ApiError(error).into_response();
    }
    let mut browser = match Browser::from_request_parts(&mut parts, &state).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    if let Err(error) = state.app.sign_out_browser(&browser.cookie).await {
        return ApiError(error).into_response();
    }
    browser.sign_out();
    browser.answer(Ok(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_within_the_console() {
        for (given, read) in [
            ("/console/", "/console/"),
            ("/console/runs/1?a=b%20c#d", "/console/runs/1?a=b%20c#d"),
            ("https://console.invalid/console/x", "/console/x"),
        ] {
            assert_eq!(place(given).as_deref(), Some(read), "{given}");
        }
        for given in [
            "/",
            "/account/passkeys",
            "/console",
            "//evil.example/console/",
            "/\\evil.example/console/",
            "https://evil.example/console/",
            "https:evil.example/console/",
            "javascript:alert(1)//console/",
            "/console/../account/passkeys",
            "/console/%2e%2e/account/passkeys",
            "/console/\\..\\..\\account",
            "\t//evil.example/console/",
            "data:text/html,/console/",
        ] {
            assert_eq!(place(given), None, "{given}");
        }
    }
}
