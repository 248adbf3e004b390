//! The pages that links in letters lead to: what is asked, and a form that answers.
//!
//! Programs open links before people do. Nothing that only opens one, or sends something to
//! it without having read the form, changes anything. Nobody signs in here: the link was sent
//! to who it is for, and lets nothing be done but the one answer.

mod page;
mod text;

use super::ApiState;
use super::attachment::to_keep;
use super::error::status_of;
use super::login::form::Fields;
use super::login::never_kept;
use crate::app::AppError;
use crate::app::approval::{Invitation, LinkAnswer, LinkFault};
use crate::app::signin::SignInError;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use page::{Filled, message};
use text::Texts;

pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/approvals/respond/{token}", get(show).post(send))
        .route("/approvals/respond/{token}/attachments/{number}", get(attachment))
        .layer(map_response(never_kept))
}

/// `?response=Approve` chooses an option, and no more than that.
async fn show(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    extensions: Extensions,
    headers: HeaderMap,
) -> Response {
    let (texts, origin) = (text::of(&headers), state.address_of(&extensions, &headers));
    let fields = Fields::of_query(query.as_deref()).unwrap_or_default();
    let filled = Filled { option: fields.owned("response"), ..Filled::default() };
    match state.app.approval_by_link(&token, origin.as_deref()).await {
        Ok(Ok(invitation)) => page::ask(texts, &invitation, StatusCode::OK, &filled),
        Ok(Err(fault)) => faulty(texts, &fault),
        Err(error) => failed(texts, &error),
    }
}

/// A file, to keep: the link lets its owner see what they are asked about.
async fn attachment(
    State(state): State<ApiState>,
    Path((token, number)): Path<(String, String)>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Response {
    let (texts, origin) = (text::of(&headers), state.address_of(&extensions, &headers));
    // what is no number is none that an approval has
    let number = number.parse().unwrap_or(usize::MAX);
    let found = state.app.approval_attachment_by_link(&token, origin.as_deref(), number).await;
    let file = match found {
        Ok(Ok((name, bytes))) => to_keep(&name, bytes),
        Ok(Err(fault)) => return faulty(texts, &fault),
        Err(error) => Err(error),
    };
    file.unwrap_or_else(|error| failed(texts, &error))
}

async fn send(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    request: Request<Body>,
) -> Response {
    let texts = text::of(request.headers());
    let origin = state.address_of(request.extensions(), request.headers());
    let origin = origin.as_deref();
    if is_from_elsewhere(request.headers()) {
        return message(texts, StatusCode::FORBIDDEN, texts.failed, texts.elsewhere);
    }
    let fields = match Fields::of_body(request).await {
        Ok((_, fields)) => fields,
        Err(SignInError::Refused(_)) => {
            return message(texts, StatusCode::BAD_REQUEST, texts.failed, texts.unreadable);
        }
        Err(SignInError::Failed(error)) => return failed(texts, &error),
    };
    // browsers end the lines of forms as mail does
    let comments = fields.get("comments").map(|it| it.replace("\r\n", "\n"));
    let option = fields.get("response").and_then(|it| it.parse::<usize>().ok());
    let given = LinkAnswer {
        mark: fields.get("mark").unwrap_or_default(),
        // no option has this number
        option: option.unwrap_or(usize::MAX),
        comments: comments.as_deref(),
    };
    let done = state.app.answer_by_link(&token, origin, given).await;
    let (status, fault) = match done {
        Ok(Ok(answered)) => return page::answered(texts, &answered),
        Ok(Err(LinkFault::NoForm)) => (StatusCode::BAD_REQUEST, texts.no_form.to_owned()),
        Ok(Err(fault)) => return faulty(texts, &fault),
        Err(error) => (status_of(error.kind), error.message),
    };
    // what they wrote is not lost
    match state.app.approval_by_link(&token, origin).await {
        Ok(Ok(invitation)) => {
            let option = option_of(&invitation, option);
            let filled = Filled { option, comments, fault: Some(fault) };
            page::ask(texts, &invitation, status, &filled)
        }
        Ok(Err(fault)) => faulty(texts, &fault),
        Err(error) => failed(texts, &error),
    }
}

fn option_of(invitation: &Invitation, number: Option<usize>) -> Option<String> {
    invitation.record.state.plan().options.get(number?).cloned()
}

/// Whether a browser says that a page of another site sends this. Others do not say.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").into_iter();
    sites.any(|site| site != "same-origin" && site != "none")
}

fn faulty(texts: &'static Texts, fault: &LinkFault) -> Response {
    let status = match fault {
        LinkFault::TooMany { retry_after_seconds } => {
            return too_many(texts, *retry_after_seconds);
        }
        LinkFault::Forged => StatusCode::NOT_FOUND,
        LinkFault::Expired | LinkFault::Gone | LinkFault::Over { .. } => StatusCode::GONE,
        LinkFault::NotAllowed => StatusCode::FORBIDDEN,
        LinkFault::NoForm => StatusCode::BAD_REQUEST,
    };
    let (title, text) = match fault {
        LinkFault::TooMany { .. } | LinkFault::Forged => (texts.no_link, texts.forged.to_owned()),
        LinkFault::Expired => (texts.no_use, texts.expired.to_owned()),
        LinkFault::Gone => (texts.no_use, texts.gone.to_owned()),
        LinkFault::NotAllowed => (texts.no_use, texts.not_allowed.to_owned()),
        LinkFault::NoForm => (texts.failed, texts.no_form.to_owned()),
        LinkFault::Over { title, end } => return page::over(texts, status, title, end),
    };
    message(texts, status, title, &text)
}

fn too_many(texts: &'static Texts, seconds: u32) -> Response {
    let text = texts.too_many.replace("{}", &seconds.to_string());
    let mut response = message(texts, StatusCode::TOO_MANY_REQUESTS, texts.failed, &text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn failed(texts: &'static Texts, error: &AppError) -> Response {
    message(texts, status_of(error.kind), texts.failed, &error.message)
}
