//! Users on the native API.

use super::{
    ApiError, ApiState, Authenticated, Body, List, Paging, Params, Path, list_page, render_roles,
};
use crate::app::data::Known;
use crate::app::directory::user::UserInput;
use crate::app::directory::{Group, User};
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
pub struct UserBody {
    user_principal_name: String,
    display_name: Option<String>,
    mail: Option<String>,
    password: Option<String>,
    #[serde(default)]
    roles: Vec<Role>,
}

shape! {
    /// A user. Groups and whether there is a second factor are there when the user is asked
    /// for by name, issuer and the roles it gives when they came from one.
    UserAnswer {
        id: String,
        user_principal_name: String,
        display_name: String,
        mail: Option<String>,
        is_enabled: bool,
        has_password: bool,
        roles: Vec<Role>,
        created_time: String,
        issuer: Option<String>,
        roles_of_issuer: Option<Vec<Role>>,
        groups: Option<Vec<MembershipAnswer>>,
        has_second_factor: Option<bool>,
    }

    /// A group that a user is in.
    MembershipAnswer { id: String, display_name: String, }
}

fn render(user: &User) -> Value {
    let mut value = json!({
        "id": user.id,
        "userPrincipalName": user.user_principal_name,
        "displayName": user.display_name,
        "isEnabled": user.is_enabled,
        "hasPassword": user.has_password(),
        "roles": render_roles(&user.roles),
        "createdTime": format_time(user.created),
    });
    if let Some(mail) = &user.mail {
        value["mail"] = mail.as_str().into();
    }
    if let Some(outside) = &user.outside {
        value["issuer"] = outside.issuer.as_str().into();
        value["rolesOfIssuer"] = render_roles(&outside.roles);
    }
    value
}

/// Puts a user into the directory.
#[utoipa::path(
    post, path = "/users",
    request_body = UserBody,
    responses((status = 201, body = UserAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<UserBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = UserInput {
        user_principal_name: body.user_principal_name,
        display_name: body.display_name,
        mail: body.mail,
        password: body.password,
        roles: body.roles,
    };
    let user = state.app.create_user(&caller, input).await?;
    Ok((StatusCode::CREATED, Json(render(&user))))
}

/// Users, by name.
#[utoipa::path(
    get, path = "/users",
    params(Paging),
    responses((status = 200, body = List<UserAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_users_as_admin(&caller, after, rows).await?;
    Ok(list_page("users", rows, &listed, render))
}

/// A user with their groups.
#[utoipa::path(get, path = "/users/{name}", responses((status = 200, body = UserAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (user, groups) = state.app.get_user_as_admin(&caller, &name).await?;
    let group = |it: &Known<Group>| json!({"id": it.id, "displayName": it.display_name});
    let mut value = render(&user);
    value["groups"] = groups.iter().map(group).collect();
    value["hasSecondFactor"] = state.app.has_second_factor(&user.id).await?.into();
    Ok(Json(value))
}

/// Takes their second factor from a user, passkeys too.
#[utoipa::path(delete, path = "/users/{name}/second-factor", responses((status = 204)))]
pub async fn remove_second_factor(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_second_factor(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a user; their flows stay.
#[utoipa::path(delete, path = "/users/{name}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_user(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    pub roles: Vec<Role>,
}

/// Gives a user these roles and no others.
#[utoipa::path(
    put, path = "/users/{name}/roles",
    request_body = RolesBody,
    responses((status = 200, body = UserAnswer)),
)]
pub async fn set_roles(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<RolesBody>,
) -> Result<Json<Value>, ApiError> {
    let user = state.app.set_user_roles(&caller, &name, body.roles).await?;
    Ok(Json(render(&user)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    password: String,
}

/// Gives a user another password.
#[utoipa::path(
    put, path = "/users/{name}/password",
    request_body = PasswordBody,
    responses((status = 204)),
)]
pub async fn set_password(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, ApiError> {
    state.app.set_password(&caller, &name, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a user in again.
#[utoipa::path(post, path = "/users/{name}/enable", responses((status = 200, body = UserAnswer)))]
pub async fn enable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.enable_user(&caller, &name, true).await?)))
}

/// Lets a user in no more.
#[utoipa::path(post, path = "/users/{name}/disable", responses((status = 200, body = UserAnswer)))]
pub async fn disable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.enable_user(&caller, &name, false).await?)))
}

/// Ends every session, token and key of a user.
#[utoipa::path(post, path = "/users/{name}/revoke", responses((status = 204)))]
pub async fn revoke(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.revoke_user(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
