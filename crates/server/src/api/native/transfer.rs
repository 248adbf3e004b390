//! Copying and moving flows, on the native API.

use super::flow::{FlowAnswer, render_view};
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::app::transfer::CopyInput;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyBody {
    environment: String,
    name: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    connections: BTreeMap<String, String>,
}

/// Copies a flow to an environment.
#[utoipa::path(
    post, path = "/flows/{name}/copy",
    params(InEnvironment),
    request_body = CopyBody,
    responses((status = 201, body = FlowAnswer)),
)]
pub async fn copy(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<CopyBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CopyBody { environment, name: new_name, display_name, connections } = body;
    let input = CopyInput { environment, name: new_name, display_name, connections };
    let view = state.app.copy_flow(&caller, at(&within.environment, &name), input).await?;
    Ok((StatusCode::CREATED, Json(render_view(&view))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    environment: String,
    name: Option<String>,
}

/// Moves a flow to another environment.
#[utoipa::path(
    post, path = "/flows/{name}/move",
    params(InEnvironment),
    request_body = MoveBody,
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn relocate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<MoveBody>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let view = state.app.move_flow(&caller, flow, &body.environment, body.name).await?;
    Ok(Json(render_view(&view)))
}
