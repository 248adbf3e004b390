//! The keys that sign tokens, on the native API.

use super::{ApiError, ApiState, Authenticated, page};
use crate::app::signin::keyring::SigningKeyView;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

fn render(key: &SigningKeyView) -> Value {
    let mut value = json!({"id": key.id, "isSigning": key.is_signing});
    if let Some(created) = key.created {
        value["createdTime"] = format_time(created).into();
    }
    if let Some(ends) = key.ends {
        value["endsTime"] = format_time(ends).into();
    }
    value
}

pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let keys = state.app.list_signing_keys(&caller).await?;
    Ok(page(keys.iter().map(render).collect(), None))
}

pub async fn rotate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let key = state.app.rotate_signing_key(&caller).await?;
    Ok((StatusCode::CREATED, Json(render(&key))))
}
