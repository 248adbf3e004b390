//! The server itself on the native API.

use super::{ApiError, ApiState, Authenticated};
use crate::app::server::ServerView;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

shape! {
    /// The state of this node.
    ServerAnswer {
        state: String,
        version: String,
        node: String,
        partitions: u32,
        runs_in_memory: u64,
        runs_stepping: u64,
    }
}

fn render(view: &ServerView) -> Json<Value> {
    Json(json!({
        "state": if view.is_paused { "paused" } else { "running" },
        "version": env!("CARGO_PKG_VERSION"),
        "node": format!("{:016x}", view.node),
        "partitions": view.partitions,
        "runsInMemory": view.runs_in_memory,
        "runsStepping": view.runs_stepping,
    }))
}

/// The state of this node.
#[utoipa::path(get, path = "/server", responses((status = 200, body = ServerAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    Ok(render(&state.app.get_server(&caller).await?))
}

/// Lets a paused server go on.
#[utoipa::path(post, path = "/server/resume", responses((status = 200, body = ServerAnswer)))]
pub async fn resume(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    Ok(render(&state.app.resume_server(&caller).await?))
}
