//! Keys for scripts on the native API.

use super::role::kind_name;
use super::{ApiError, ApiState, Authenticated, Body, Lifetime, Paging, Params, Path, list_page};
use crate::app::directory::ApiKey;
use crate::app::directory::key::ApiKeyInput;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyBody {
    name: String,
    principal: String,
    days: Option<i64>,
    seconds: Option<i64>,
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

pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_keys(&caller, after, rows).await?;
    Ok(list_page("keys", rows, &listed, render))
}

pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&*state.app.get_key(&caller, &name).await?)))
}

pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_key(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
