//! Device codes: the endpoint that gives them, and the page on which a person enters one.

use super::authorize::{failed, whom};
use super::browser::{Browser, Sent};
use super::entry::{enter, sign_in_page};
use super::form::Fields;
use super::page::{self, Page, Question};
use super::text::filled;
use super::{ApiState, check_tenant, error};
use crate::app::directory::User;
use crate::app::signin::SignInError;
use crate::app::signin::device::DeviceDecision;
use crate::limits::{DEVICE_CODE_SECONDS, DEVICE_LOOK_SECONDS};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub async fn begin_newer(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    request: Request<Body>,
) -> Response {
    respond(&state, &tenant, request, "verification_uri").await
}

pub async fn begin_older(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    request: Request<Body>,
) -> Response {
    respond(&state, &tenant, request, "verification_url").await
}

async fn respond(state: &ApiState, tenant: &str, request: Request<Body>, name: &str) -> Response {
    let headers = request.headers().clone();
    match begin(state, tenant, request, name).await {
        Ok(body) => Json(body).into_response(),
        Err(failure) => error::answer(failure, &headers, state.app.engine.clock.now()),
    }
}

async fn begin(
    state: &ApiState,
    tenant: &str,
    request: Request<Body>,
    name: &str,
) -> Result<Value, SignInError> {
    check_tenant(state, tenant)?;
    let (_, fields) = Fields::of_body(request).await?;
    let asked = fields.asked()?.unwrap_or_default();
    let answer = state.app.begin_device(fields.need("client_id")?, asked).await?;
    // a person's browser goes there: by the server's own name
    let base = state.app.engine.catalog.public_url();
    let page = format!("{}/devicelogin", base.trim_end_matches('/'));
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {} to authenticate.",
        answer.user_code
    );
    Ok(json!({
        "user_code": answer.user_code,
        "device_code": answer.device_code,
        name: page,
        "expires_in": DEVICE_CODE_SECONDS,
        "interval": DEVICE_LOOK_SECONDS,
        "message": message,
    }))
}

pub async fn show(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let fields = match Fields::of_query(query.as_deref()) {
        Ok(fields) => fields,
        Err(error) => return failed(browser.texts, error),
    };
    let code = fields.get("user_code").or_else(|| fields.get("otc"));
    let done = match browser.user.clone() {
        Some(user) => ask(&state, &browser, &user, code).await,
        None => ask_who(&state, &browser, code).await,
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
) -> Result<Response, SignInError> {
    let code = fields.get("user_code");
    match (fields.need("step")?, browser.user.clone()) {
        ("code", Some(user)) => ask(state, browser, &user, code).await,
        ("consent", Some(user)) => decide(state, browser, &user, fields).await,
        ("code" | "consent", None) => ask_who(state, browser, code).await,
        _ => match enter(state, browser, fields, "").await? {
            Ok(user) => ask(state, browser, &user, code).await,
            Err(page) => Ok(page.into_response()),
        },
    }
}

/// Asks for a code, or, with the code of a device that waits, for consent.
async fn ask(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    code: Option<&str>,
) -> Result<Response, SignInError> {
    let mark = state.app.form_mark(&browser.id, &browser.cookie).await?;
    let texts = browser.texts;
    let Some(code) = code else {
        return Ok(page::enter_code(texts, &mark, None).into_response());
    };
    let application = match state.app.device_of(code).await {
        Ok(application) => application,
        Err(SignInError::Refused(_)) => {
            let page = page::enter_code(texts, &mark, Some(texts.no_device));
            return Ok(Page { status: StatusCode::BAD_REQUEST, ..page }.into_response());
        }
        Err(failure) => return Err(failure),
    };
    let question = Question {
        mark: &mark,
        application: &application,
        user,
        is_administrator: state.app.may_consent_for_all(user).await?,
        code: Some(code),
    };
    Ok(page::consent(texts, &question).into_response())
}

async fn decide(
    state: &ApiState,
    browser: &Browser,
    user: &User,
    fields: &Fields,
) -> Result<Response, SignInError> {
    let code = fields.need("user_code")?;
    let decision = match fields.get("answer") {
        Some("accept") => DeviceDecision::Approve(whom(fields)),
        _ => DeviceDecision::Deny,
    };
    let application = state.app.decide_device(user, code, decision).await?;
    let texts = browser.texts;
    let text = match decision {
        DeviceDecision::Approve(_) => filled(texts.device_signed_in, &[&application.display_name]),
        DeviceDecision::Deny => texts.nothing_allowed.to_owned(),
    };
    Ok(Page::message(texts, StatusCode::OK, texts.done, &text).into_response())
}

async fn ask_who(
    state: &ApiState,
    browser: &Browser,
    code: Option<&str>,
) -> Result<Response, SignInError> {
    Ok(sign_in_page(state, browser, "", code, None).await?.into_response())
}
