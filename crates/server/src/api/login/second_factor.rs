//! The page on which somebody sets up an app that shows codes, or gives it up.

use super::ApiState;
use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page, with_status};
use super::form::Fields;
use super::page::{self, Page};
use crate::app::directory::User;
use crate::app::signin::SignInError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

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
    match (fields.need("step")?, browser.user.clone()) {
        ("begin", Some(user)) => begin(state, browser, &user, fields).await,
        ("confirm", Some(user)) => confirm(state, browser, &user, fields).await,
        ("remove", Some(user)) => remove(state, browser, &user, fields).await,
        ("begin" | "confirm" | "remove", None) => {
            sign_in_page(state, browser, "", None, None).await
        }
        _ => match enter(state, browser, fields, "").await? {
            Ok(user) => overview(state, browser, &user, None).await,
            Err(page) => Ok(page),
        },
    }
}

/// What somebody has, and what they may do about it.
async fn overview(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    wrong: Option<&str>,
) -> Result<Page, SignInError> {
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let texts = browser.texts;
    let page = match state.app.second_factor(&user.id).await? {
        Some(factor) => page::has_factor(texts, &mark, factor.recovery_left(), wrong),
        None => page::no_factor(texts, &mark, wrong),
    };
    Ok(with_status(page, wrong.is_some()))
}

async fn begin(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    fields: &Fields,
) -> Result<Page, SignInError> {
    match state.app.begin_second_factor(&browser.own(user), fields.need("password")?).await {
        Ok(new) => {
            let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
            let new = Some((new.secret.as_str(), new.uri.as_str()));
            Ok(page::confirm_factor(browser.texts, &mark, new, None))
        }
        Err(SignInError::Refused(refusal)) if refusal.is_too_old() => {
            let name = &user.user_principal_name;
            sign_in_page(state, browser, name, None, Some(&refusal)).await
        }
        Err(SignInError::Refused(refusal)) => {
            overview(state, browser, user, Some(&refusal.message)).await
        }
        Err(failure) => Err(failure),
    }
}

async fn confirm(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    fields: &Fields,
) -> Result<Page, SignInError> {
    match state.app.confirm_second_factor(user, fields.need("code")?).await {
        Ok(codes) => Ok(page::recovery(browser.texts, &codes)),
        Err(SignInError::Refused(refusal)) if refusal.is_wrong_code() => {
            let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
            let page = page::confirm_factor(browser.texts, &mark, None, Some(&refusal.message));
            Ok(with_status(page, true))
        }
        Err(SignInError::Refused(refusal)) => {
            overview(state, browser, user, Some(&refusal.message)).await
        }
        Err(failure) => Err(failure),
    }
}

async fn remove(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    fields: &Fields,
) -> Result<Page, SignInError> {
    match state.app.remove_my_second_factor(user, fields.need("code")?).await {
        Ok(()) => {
            let texts = browser.texts;
            let text = match state.app.has_second_factor(&user.id).await? {
                true => texts.app_removed,
                false => texts.factor_removed,
            };
            Ok(Page::message(texts, StatusCode::OK, texts.second_factor, text))
        }
        Err(SignInError::Refused(refusal)) => {
            overview(state, browser, user, Some(&refusal.message)).await
        }
        Err(failure) => Err(failure),
    }
}
