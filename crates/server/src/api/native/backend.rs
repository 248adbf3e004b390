//! What stands behind a connection, on the native API.

use super::consent::{Place, at};
use super::{ApiError, ApiState, Authenticated, Body, Path};
use crate::app::access::Scope;
use crate::app::connector::connection::ConnectionAct;
use crate::app::connector::runtime::Backend;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

shape! {
    /// `Service`: the one that the connector's document names, or what comes with the server.
    /// `Host`: the same operations at `url`. `Flow`: the flow `flow` answers. `Mock`: examples
    /// of the document, or values of its schemas. `Recording`: with `mode` `Record`,
    /// `recording` is filled with what the service (or the one at `url`) answers; with
    /// `Replay` it answers.
    BackendAnswer {
        kind: String,
        url: Option<String>,
        flow: Option<String>,
        recording: Option<String>,
        mode: Option<String>,
    }
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
    let found =
        state.app.connection_for(&caller, ConnectionAct::GET, at(&place, Scope::Any)).await?;
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
    let found = state.app.put_backend(&caller, at(&place, Scope::Any), backend).await?;
    Ok(Json(json!(found.connection.backend)))
}
