//! Signing in to the console, and out of it: the pages of signing in with a way back.

use super::ApiState;
use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use crate::api::{ApiError, console};
use crate::app::signin::SignInError;
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
        None => ask(&state, &browser).await,
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
        Ok(Err(page)) => Ok(page.into_response()),
        Err(error) => Err(error),
    };
    browser.answer(done)
}

async fn ask(state: &ApiState, browser: &Browser) -> Result<Response, SignInError> {
    Ok(sign_in_page(state, browser, "", None, None).await?.into_response())
}

fn go_on(query: Option<&str>) -> Result<Response, SignInError> {
    let fields = Fields::of_query(query)?;
    let place = fields.get("to").and_then(place).unwrap_or_else(|| console::HOME.to_owned());
    Ok(Redirect::to(&place).into_response())
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
