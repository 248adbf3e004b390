//! The keys that sign tokens, on the native API.

use super::{ApiError, ApiState, Authenticated, List, page};
use crate::app::signin::keyring::SigningKeyView;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

shape! {
    /// A key that signs tokens, or whose tokens are still believed.
    SigningKeyAnswer {
        id: String,
        is_signing: bool,
        created_time: Option<String>,
        ends_time: Option<String>,
    }
}

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

/// The keys that sign tokens, the newest first.
#[utoipa::path(
    get, path = "/signing-keys",
    responses((status = 200, body = List<SigningKeyAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let keys = state.app.list_signing_keys(&caller).await?;
    Ok(page(keys.iter().map(render).collect(), None))
}

/// Makes a new key, which signs from now on.
#[utoipa::path(
    post, path = "/signing-keys/rotate",
    responses((status = 201, body = SigningKeyAnswer)),
)]
pub async fn rotate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let key = state.app.rotate_signing_key(&caller).await?;
    Ok((StatusCode::CREATED, Json(render(&key))))
}
