//! Keys for scripts on the native API.

use super::role::kind_name;
use super::{
    ApiError, ApiState, Authenticated, Body, Lifetime, List, Paging, Params, Path, list_page,
};
use crate::app::directory::ApiKey;
use crate::app::directory::key::ApiKeyInput;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyBody {
    name: String,
    principal: String,
    days: Option<i64>,
    seconds: Option<i64>,
}

shape! {
    /// A key; what is sent as the token is there when it is made.
    KeyAnswer {
        id: String,
        name: String,
        principal: KeyPrincipalAnswer,
        created_by: String,
        created_time: String,
        expires_time: Option<String>,
        key: Option<String>,
    }

    /// As whom a key acts.
    KeyPrincipalAnswer { id: String, kind: String, }
}

fn render(key: &ApiKey) -> Value {
    let mut value = json!({
        "id": key.id,
        "name": key.name,
        "principal": {"id": key.principal, "kind": kind_name(key.principal_kind)},
        "createdBy": key.created_by,
        "createdTime": format_time(key.created),
    });
    if let Some(expires) = key.expires {
        value["expiresTime"] = format_time(expires).into();
    }
    value
}

/// Makes a key, which is shown only now.
#[utoipa::path(
    post, path = "/keys",
    request_body = KeyBody,
    responses((status = 201, body = KeyAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<KeyBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let KeyBody { name, principal, days, seconds } = body;
    let lasts_seconds = Lifetime { days, seconds }.seconds()?;
    let input = ApiKeyInput { name, principal, lasts_seconds };
    let (key, secret) = state.app.create_key(&caller, input).await?;
    let mut value = render(&key);
    value["key"] = secret.into();
    Ok((StatusCode::CREATED, Json(value)))
}

/// Keys, by name.
#[utoipa::path(
    get, path = "/keys",
    params(Paging),
    responses((status = 200, body = List<KeyAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_keys(&caller, after, rows).await?;
    Ok(list_page("keys", rows, &listed, render))
}

/// A key.
#[utoipa::path(get, path = "/keys/{name}", responses((status = 200, body = KeyAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&*state.app.get_key(&caller, &name).await?)))
}

/// Ends a key.
#[utoipa::path(delete, path = "/keys/{name}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_key(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
