//! The keys that secrets are sealed with, on the native API.

use super::{ApiError, ApiState, Authenticated, List, page};
use crate::app::sealing_key::{Rotation, SealingKeyView};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

shape! {
    /// A key that secrets are sealed with, or were.
    SealingKeyAnswer {
        id: String,
        is_sealing: bool,
        created_time: String,
        retired_time: Option<String>,
    }
}

shape! {
    /// How far a rotation of the sealing keys is.
    RotationAnswer {
        key: String,
        state: String,
        stage: String,
        started_time: String,
        ended_time: Option<String>,
        secrets_sealed: u64,
        secrets_damaged: u64,
    }
}

fn render(key: &SealingKeyView) -> Value {
    let created = format_time(key.created);
    let mut value = json!({"id": key.id, "isSealing": key.is_sealing, "createdTime": created});
    if let Some(retired) = key.retired {
        value["retiredTime"] = format_time(retired).into();
    }
    value
}

fn render_rotation(rotation: &Rotation) -> Value {
    let state = if rotation.ended.is_some() { "Ended" } else { "Running" };
    let mut value = json!({
        "key": rotation.key,
        "state": state,
        "stage": rotation.stage.name(),
        "startedTime": format_time(rotation.started),
        "secretsSealed": rotation.sealed,
        "secretsDamaged": rotation.damaged,
    });
    if let Some(ended) = rotation.ended {
        value["endedTime"] = format_time(ended).into();
    }
    value
}

/// The keys that secrets are sealed with, the newest first.
#[utoipa::path(
    get, path = "/sealing-keys",
    responses((status = 200, body = List<SealingKeyAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let keys = state.app.list_sealing_keys(&caller).await?;
    Ok(page(keys.iter().map(render).collect(), None))
}

/// Makes a new key, and seals everything with it in the background.
#[utoipa::path(
    post, path = "/sealing-keys/rotate",
    responses((status = 202, body = RotationAnswer)),
)]
pub async fn rotate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let rotation = state.app.rotate_sealing_key(&caller).await?;
    Ok((StatusCode::ACCEPTED, Json(render_rotation(&rotation))))
}

/// How far the last rotation is.
#[utoipa::path(
    get, path = "/sealing-keys/rotation",
    responses((status = 200, body = RotationAnswer)),
)]
pub async fn rotation(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render_rotation(&state.app.get_rotation(&caller).await?)))
}
