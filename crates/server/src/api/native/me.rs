//! What somebody sees of themselves, on the native API.

use super::session::{SessionAnswer, sessions_page};
use super::user::MembershipAnswer;
use super::{ApiError, ApiState, Authenticated, List, Paging, Params, Path, render_roles};
use crate::app::signin::account::Me;
use crate::auth::caller::Role;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

shape! {
    /// Who calls: a user, an application, or the root with the name of the key. Roles are
    /// those of groups as well.
    MeAnswer {
        kind: String,
        name: Option<String>,
        id: Option<String>,
        user_principal_name: Option<String>,
        client_id: Option<String>,
        display_name: Option<String>,
        mail: Option<String>,
        groups: Option<Vec<MembershipAnswer>>,
        roles: Vec<Role>,
    }
}

/// Who the caller is.
#[utoipa::path(get, path = "/me", responses((status = 200, body = MeAnswer)))]
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

/// Where the caller is signed in.
#[utoipa::path(
    get, path = "/me/sessions",
    params(Paging),
    responses((status = 200, body = List<SessionAnswer>)),
)]
pub async fn sessions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let (views, next) = state.app.list_my_sessions(&caller, after, rows).await?;
    Ok(sessions_page(&["me", "sessions"], rows, &views, next))
}

/// Signs the caller out somewhere.
#[utoipa::path(delete, path = "/me/sessions/{id}", responses((status = 204)))]
pub async fn end_session(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.end_my_session(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
