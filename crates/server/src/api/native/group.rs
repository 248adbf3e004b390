//! Groups on the native API.

use super::user::RolesBody;
use super::{
    ApiError, ApiState, Authenticated, Body, List, Paging, Params, Path, list_page, render_roles,
};
use crate::app::directory::Group;
use crate::app::directory::role::{Holder, RoleChange};
use crate::auth::caller::Role;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupBody {
    display_name: String,
    #[serde(default)]
    roles: Vec<Role>,
}

shape! {
    /// A group; members are there when it is not in a list.
    GroupAnswer {
        id: String,
        display_name: String,
        member_count: u64,
        roles: Vec<Role>,
        created_time: String,
        members: Option<Vec<MemberAnswer>>,
    }

    /// A user who is in a group.
    MemberAnswer { id: String, }
}

/// A group in a list.
fn render(group: &Group) -> Value {
    json!({
        "id": group.id,
        "displayName": group.display_name,
        "memberCount": group.members.len(),
        "roles": render_roles(&group.roles),
        "createdTime": format_time(group.created),
    })
}

fn with_members(group: &Group) -> Value {
    let mut value = render(group);
    value["members"] = group.members.iter().map(|member| json!({"id": member})).collect();
    value
}

/// Makes a group.
#[utoipa::path(
    post, path = "/groups",
    request_body = GroupBody,
    responses((status = 201, body = GroupAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<GroupBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let group = state.app.create_group(&caller, &body.display_name, body.roles).await?;
    Ok((StatusCode::CREATED, Json(with_members(&group))))
}

/// Groups, by name.
#[utoipa::path(
    get, path = "/groups",
    params(Paging),
    responses((status = 200, body = List<GroupAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_groups_as_admin(&caller, after, rows).await?;
    Ok(list_page("groups", rows, &listed, render))
}

/// A group with its members.
#[utoipa::path(get, path = "/groups/{name}", responses((status = 200, body = GroupAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(with_members(&*state.app.get_group_as_admin(&caller, &name).await?)))
}

/// Deletes a group.
#[utoipa::path(delete, path = "/groups/{name}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_group(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MembersBody {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Adds and removes members.
#[utoipa::path(
    post, path = "/groups/{name}/members",
    request_body = MembersBody,
    responses((status = 200, body = GroupAnswer)),
)]
pub async fn change_members(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<MembersBody>,
) -> Result<Json<Value>, ApiError> {
    let group = state.app.change_members(&caller, &name, &body.add, &body.remove).await?;
    Ok(Json(with_members(&group)))
}

/// Gives a group these roles and no others.
#[utoipa::path(
    put, path = "/groups/{name}/roles",
    request_body = RolesBody,
    responses((status = 200, body = GroupAnswer)),
)]
pub async fn set_roles(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<RolesBody>,
) -> Result<Json<Value>, ApiError> {
    let group = Holder::Group(state.app.get_group_as_admin(&caller, &name).await?);
    state.app.change_roles(&caller, group, RoleChange::Set(body.roles)).await?;
    Ok(Json(with_members(&*state.app.get_group_as_admin(&caller, &name).await?)))
}
