//! What somebody sees of themselves, on the native API.

use super::session::sessions_page;
use super::{ApiError, ApiState, Authenticated, Paging, Params, Path, render_roles};
use crate::app::signin::account::Me;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let mut value = match state.app.get_me(&caller).await? {
        Me::Root(name) => json!({"kind": "root", "name": name}),
        Me::User(user, groups) => json!({
            "kind": "user",
            "id": user.id,
            "userPrincipalName": user.user_principal_name,
            "displayName": user.display_name,
            "mail": user.mail,
            "groups": groups.iter()
                .map(|it| json!({"id": it.id, "displayName": it.display_name}))
                .collect::<Value>(),
        }),
        Me::Application(application) => json!({
            "kind": "application",
            "id": application.id,
            "clientId": application.client_id,
            "displayName": application.display_name,
        }),
    };
    value["roles"] = render_roles(caller.roles());
    Ok(Json(value))
}

pub async fn sessions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let (views, next) = state.app.list_my_sessions(&caller, after, rows).await?;
    Ok(sessions_page(&["me", "sessions"], rows, &views, next))
}

pub async fn end_session(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.end_my_session(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
