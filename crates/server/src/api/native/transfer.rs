//! Copying and moving flows, on the native API.

use super::flow::render_view;
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::app::transfer::CopyInput;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyBody {
    environment: String,
    name: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    connections: BTreeMap<String, String>,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    environment: String,
    name: Option<String>,
}

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
