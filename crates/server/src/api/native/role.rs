//! Roles of users, groups and applications on the native API.

use super::{ApiError, ApiState, Authenticated, Body, Path, render_roles};
use crate::app::directory::role::{Holder, RoleChange};
use crate::app::facts::PrincipalKind;
use crate::auth::caller::Role;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// What kind of principal something is, in the words of this API.
pub fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Group => "group",
        PrincipalKind::ServicePrincipal => "application",
    }
}

shape! {
    /// A user, group or application.
    PrincipalAnswer {
        id: String,
        kind: String,
        display_name: String,
        roles: Vec<Role>,
    }
}

fn render(holder: &Holder) -> Json<Value> {
    Json(json!({
        "id": holder.id(),
        "kind": kind_name(holder.kind()),
        "displayName": holder.display_name(),
        "roles": render_roles(holder.roles()),
    }))
}

/// A user, group or application and its roles.
#[utoipa::path(get, path = "/principals/{name}", responses((status = 200, body = PrincipalAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(render(&state.app.get_holder(&caller, &name).await?))
}

/// Gives a role.
#[utoipa::path(
    post, path = "/principals/{name}/roles/grant",
    request_body = Role,
    responses((status = 200, body = PrincipalAnswer)),
)]
pub async fn grant(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(role): Body<Role>,
) -> Result<Json<Value>, ApiError> {
    let holder = state.app.get_holder(&caller, &name).await?;
    Ok(render(&state.app.change_roles(&caller, holder, RoleChange::Grant(role)).await?))
}

/// Takes a role.
#[utoipa::path(
    post, path = "/principals/{name}/roles/revoke",
    request_body = Role,
    responses((status = 200, body = PrincipalAnswer)),
)]
pub async fn revoke(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(role): Body<Role>,
) -> Result<Json<Value>, ApiError> {
    let holder = state.app.get_holder(&caller, &name).await?;
    Ok(render(&state.app.change_roles(&caller, holder, RoleChange::Revoke(role)).await?))
}
