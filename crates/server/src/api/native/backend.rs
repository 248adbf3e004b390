//! What stands behind a connection, on the native API.

use super::{ApiError, ApiState, Authenticated, Body, Path};
use crate::app::access::Scope;
use crate::app::connector::connection::{ConnectionAct, ConnectionAt};
use crate::app::connector::runtime::Backend;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

shape! {
    /// `Service`: the one that the connector's document names, or what comes with the server.
    /// `Host`: the same operations at `url`. `Flow`: the flow `flow` answers. `Recording`:
    /// with `mode` `Record`, `recording` is filled with what the service (or the one at
    /// `url`) answers; with `Replay` it answers.
    BackendAnswer {
        kind: String,
        url: Option<String>,
        flow: Option<String>,
        recording: Option<String>,
        mode: Option<String>,
    }
}

/// Where a connection is.
type Place = (String, String, String);

fn at(place: &Place) -> ConnectionAt<'_> {
    let (environment, connector, name) = place;
    ConnectionAt { environment, connector, name, scope: Scope::Any }
}

/// What stands behind a connection.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{connector}/connections/{name}/backend",
    responses((status = 200, body = BackendAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.connection_for(&caller, ConnectionAct::GET, at(&place)).await?;
    Ok(Json(json!(found.connection.backend)))
}

/// Says what stands behind a connection.
#[utoipa::path(
    put, path = "/environments/{environment}/connectors/{connector}/connections/{name}/backend",
    request_body = BackendAnswer,
    responses((status = 200, body = BackendAnswer)),
)]
pub async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
    Body(backend): Body<Backend>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.put_backend(&caller, at(&place), backend).await?;
    Ok(Json(json!(found.connection.backend)))
}
