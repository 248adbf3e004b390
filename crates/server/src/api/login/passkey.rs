//! The page on which somebody sees, adds, names and removes their passkeys, and the script of
//! pages with passkeys.

use super::ApiState;
use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page, with_status};
use super::form::Fields;
use super::page::{self, Page};
use crate::app::directory::User;
use crate::app::signin::SignInError;
use crate::app::signin::passkey::GivenRegistration;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

const SCRIPT: &str = include_str!("passkey.js");

/// The one script of ours that is a file.
pub async fn script() -> Response {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], SCRIPT).into_response()
}

pub async fn show(State(state): State<ApiState>, browser: Browser) -> Response {
    let done = match browser.user.clone() {
        Some(user) => overview(&state, &browser, &user, None).await,
        None => sign_in_page(&state, &browser, "", None, None).await,
    };
    browser.answer(done)
}

pub async fn send(State(state): State<ApiState>, sent: Sent) -> Response {
    let Sent { mut browser, fields } = sent;
    let done = answer(&state, &mut browser, &fields).await;
    browser.answer(done)
}

async fn answer(
    state: &ApiState,
    browser: &mut Browser,
    fields: &Fields,
) -> Result<Page, SignInError> {
    let step = fields.need("step")?;
    match (step, browser.user.clone()) {
        ("add" | "rename" | "remove", Some(user)) => {
            change(state, browser, &user, step, fields).await
        }
        ("again", Some(user)) => {
            sign_in_page(state, browser, &user.user_principal_name, None, None).await
        }
        ("add" | "rename" | "remove" | "again", None) => {
            sign_in_page(state, browser, "", None, None).await
        }
        _ => match enter(state, browser, fields, "").await? {
            Ok(user) => overview(state, browser, &user, None).await,
            Err(page) => Ok(page),
        },
    }
}

async fn change(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    step: &str,
    fields: &Fields,
) -> Result<Page, SignInError> {
    let own = browser.own(user);
    let app = &state.app;
    let done = match step {
        "add" => {
            let given = GivenRegistration {
                challenge: fields.need("challenge")?,
                name: fields.get("name").unwrap_or_default(),
                client_data: fields.need("clientData")?,
                attestation: fields.need("attestation")?,
            };
            app.add_passkey(&own, &given).await
        }
        "rename" => {
            let name = fields.get("name").unwrap_or_default();
            app.rename_passkey(&own, fields.need("passkey")?, name).await
        }
        _ => app.remove_own_passkey(&own, fields.need("passkey")?).await,
    };
    match done {
        Ok(()) => overview(state, browser, user, None).await,
        Err(SignInError::Refused(refusal)) => {
            overview(state, browser, user, Some(&refusal.message)).await
        }
        Err(failure) => Err(failure),
    }
}

async fn overview(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    wrong: Option<&str>,
) -> Result<Page, SignInError> {
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let own = state.app.own_passkeys(&browser.own(user)).await?;
    let page = page::passkey::passkeys(browser.texts, &mark, user, &own, wrong);
    Ok(with_status(page, wrong.is_some()))
}
