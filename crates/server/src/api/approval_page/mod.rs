//! The pages that links in letters lead to: what is asked, and a form that answers.
//!
//! Programs open links before people do. Nothing that only opens one, or sends something to
//! it without having read the form, changes anything. Nobody signs in here: the link was sent
//! to who it is for, and lets nothing be done but the one answer.

mod page;
mod text;

use super::ApiState;
use super::error::status_of;
use super::login::form::Fields;
use super::login::never_kept;
use crate::app::AppError;
use crate::app::approval::{Invitation, LinkAnswer, LinkFault};
use crate::app::signin::SignInError;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use page::{Filled, message};
use text::Texts;

pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/approvals/respond/{token}", get(show).post(send))
        .layer(map_response(never_kept))
}

/// `?response=Approve` chooses an option, and no more than that.
async fn show(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let texts = text::of(&headers);
    let fields = Fields::of_query(query.as_deref()).unwrap_or_default();
    let filled = Filled { option: fields.owned("response"), ..Filled::default() };
    match state.app.approval_by_link(&token).await {
        Ok(Ok(invitation)) => page::ask(texts, &invitation, StatusCode::OK, &filled),
        Ok(Err(fault)) => faulty(texts, &fault),
        Err(error) => failed(texts, &error),
    }
}

async fn send(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    request: Request<Body>,
) -> Response {
    let texts = text::of(request.headers());
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
    let done = state.app.answer_by_link(&token, given).await;
    let (status, fault) = match done {
        Ok(Ok(answered)) => return page::answered(texts, &answered),
        Ok(Err(LinkFault::NoForm)) => (StatusCode::BAD_REQUEST, texts.no_form.to_owned()),
        Ok(Err(fault)) => return faulty(texts, &fault),
        Err(error) => (status_of(error.kind), error.message),
    };
    // what they wrote is not lost
    match state.app.approval_by_link(&token).await {
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
        LinkFault::Forged => StatusCode::NOT_FOUND,
        LinkFault::Expired | LinkFault::Gone | LinkFault::Over { .. } => StatusCode::GONE,
        LinkFault::NotAllowed => StatusCode::FORBIDDEN,
        LinkFault::NoForm => StatusCode::BAD_REQUEST,
    };
    let (title, text) = match fault {
        LinkFault::Forged => (texts.no_link, texts.forged.to_owned()),
        LinkFault::Expired => (texts.no_use, texts.expired.to_owned()),
        LinkFault::Gone => (texts.no_use, texts.gone.to_owned()),
        LinkFault::NotAllowed => (texts.no_use, texts.not_allowed.to_owned()),
        LinkFault::NoForm => (texts.failed, texts.no_form.to_owned()),
        LinkFault::Over { title, end } => return page::over(texts, status, title, end),
    };
    message(texts, status, title, &text)
}

fn failed(texts: &'static Texts, error: &AppError) -> Response {
    message(texts, status_of(error.kind), texts.failed, &error.message)
}
