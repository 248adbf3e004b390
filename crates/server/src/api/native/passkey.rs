//! Passkeys of people, on the native API. They are made in a browser only.

use super::{ApiError, ApiState, Authenticated, List, Path, page};
use crate::app::data::Known;
use crate::app::signin::passkey::Passkey;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

shape! {
    /// A passkey, by what its owner calls it; the last use is missing when there was none.
    PasskeyAnswer {
        id: String,
        name: String,
        algorithm: String,
        created_time: String,
        last_used_time: Option<String>,
    }
}

fn render(passkey: &Known<Passkey>) -> Value {
    let mut value = json!({
        "id": passkey.passkey_id(),
        "name": passkey.name,
        "algorithm": passkey.algorithm.name(),
        "createdTime": format_time(passkey.created),
    });
    if let Some(used) = passkey.used {
        value["lastUsedTime"] = format_time(used).into();
    }
    value
}

/// The passkeys of a user.
#[utoipa::path(
    get, path = "/users/{name}/passkeys",
    responses((status = 200, body = List<PasskeyAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let passkeys = state.app.list_passkeys(&caller, &name).await?;
    Ok(page(passkeys.iter().map(render).collect(), None))
}

/// The passkeys of the caller.
#[utoipa::path(
    get, path = "/me/passkeys",
    responses((status = 200, body = List<PasskeyAnswer>)),
)]
pub async fn mine(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let passkeys = state.app.list_my_passkeys(&caller).await?;
    Ok(page(passkeys.iter().map(render).collect(), None))
}

/// Takes a passkey from a user.
#[utoipa::path(delete, path = "/users/{name}/passkeys/{id}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_passkey(&caller, &name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
