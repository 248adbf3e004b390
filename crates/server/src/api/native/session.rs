//! Where people are signed in, on the native API.

use super::{ApiError, ApiState, Authenticated, List, Paging, Params, Path, link, page};
use crate::app::data::Cursor;
use crate::app::signin::account::SessionView;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

shape! {
    /// Where somebody is signed in; the application is missing when it is only a browser.
    SessionAnswer {
        id: String,
        signed_in_with: String,
        created_time: String,
        last_used_time: String,
        ends_time: String,
        application: Option<SessionApplicationAnswer>,
        address: Option<String>,
    }

    /// The application of a session.
    SessionApplicationAnswer { id: String, display_name: String, }
}

fn render(view: &SessionView) -> Value {
    let session = &view.session;
    let mut value = json!({
        "id": session.session_id(),
        "signedInWith": session.grant.as_deref().unwrap_or("unknown"),
        "createdTime": format_time(session.created),
        "lastUsedTime": format_time(session.used),
        "endsTime": format_time(session.ends()),
    });
    if let Some(application) = &view.application {
        value["application"] =
            json!({"id": application.id, "displayName": application.display_name});
    }
    if let Some(address) = &session.address {
        value["address"] = address.as_str().into();
    }
    value
}

/// A page of sessions of somebody, below `/api/v1`.
pub fn sessions_page(
    under: &[&str],
    rows: usize,
    views: &[SessionView],
    next: Option<Cursor>,
) -> Json<Value> {
    let next = next.map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        link(under, &[("top", top.as_str()), ("skipToken", token.as_str())])
    });
    page(views.iter().map(render).collect(), next)
}

/// Where a user is signed in.
#[utoipa::path(
    get, path = "/users/{name}/sessions",
    params(Paging),
    responses((status = 200, body = List<SessionAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let (views, next) = state.app.list_sessions(&caller, &name, after, rows).await?;
    Ok(sessions_page(&["users", &name, "sessions"], rows, &views, next))
}

/// Signs a user out somewhere.
#[utoipa::path(delete, path = "/users/{name}/sessions/{id}", responses((status = 204)))]
pub async fn end(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.end_session_of_user(&caller, &name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
