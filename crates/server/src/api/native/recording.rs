//! Recordings on the native API.

use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::connector::recording::{Exchange, Recording, RecordingInput};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A recording to make; the file of one has everything that is needed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingBody {
    name: String,
    description: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    exchanges: Vec<Exchange>,
}

shape! {
    /// A recording.
    RecordingAnswer {
        name: String,
        description: String,
        exchanges: u64,
        bytes: u64,
        created_time: String,
        changed_time: String,
    }
}

shape! {
    /// A recording as a file.
    RecordingFile { name: String, description: String, exchanges: Vec<Value>, }
}

fn render(recording: &Recording) -> Value {
    json!({
        "name": recording.name,
        "description": recording.description,
        "exchanges": recording.exchanges,
        "bytes": recording.bytes,
        "createdTime": format_time(recording.created),
        "changedTime": format_time(recording.changed),
    })
}

/// The recordings of an environment: the caller's own, or all for who administers it.
#[utoipa::path(
    get, path = "/environments/{environment}/recordings",
    responses((status = 200, body = List<RecordingAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_recordings(&caller, &environment).await?;
    Ok(page(found.iter().map(render).collect(), None))
}

/// Makes a recording: an empty one to record into, or one from a file.
#[utoipa::path(
    post, path = "/environments/{environment}/recordings",
    request_body = RecordingBody,
    responses((status = 201, body = RecordingAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<RecordingBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let RecordingBody { name, description, exchanges } = body;
    let input = RecordingInput { name, description, exchanges };
    let made = state.app.create_recording(&caller, &environment, input).await?;
    Ok((StatusCode::CREATED, Json(render(&made))))
}

/// A recording.
#[utoipa::path(
    get, path = "/environments/{environment}/recordings/{name}",
    responses((status = 200, body = RecordingAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.recording_for(&caller, &environment, &name).await?;
    Ok(Json(render(&found)))
}

/// A recording as a file, which can be made a recording again.
#[utoipa::path(
    get, path = "/environments/{environment}/recordings/{name}/file",
    responses((status = 200, body = RecordingFile)),
)]
pub async fn file(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (found, exchanges) = state.app.export_recording(&caller, &environment, &name).await?;
    Ok(Json(json!({
        "name": found.name, "description": found.description, "exchanges": exchanges,
    })))
}

/// Deletes a recording with its exchanges.
#[utoipa::path(
    delete, path = "/environments/{environment}/recordings/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_recording(&caller, &environment, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
