//! Environments on the native API.

use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::environment::Environment;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentBody {
    name: String,
    display_name: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EnvironmentPatchBody)]
pub struct PatchBody {
    display_name: Option<String>,
    description: Option<String>,
}

shape! {
    /// An environment; `id` is what the wire of the original calls it.
    EnvironmentAnswer {
        name: String,
        id: String,
        display_name: String,
        description: Option<String>,
        sku: String,
        is_default: bool,
        created_time: Option<String>,
        changed_time: Option<String>,
    }
}

pub fn render(environment: &Environment, tenant: &str) -> Value {
    let mut value = json!({
        "name": environment.id,
        "id": environment.wire_name(tenant),
        "displayName": environment.display_name,
        "sku": environment.sku,
        "isDefault": environment.is_default(),
    });
    if let Some(description) = &environment.description {
        value["description"] = description.as_str().into();
    }
    // the default one is there before anybody makes or changes it
    for (member, ticks) in
        [("createdTime", environment.created), ("changedTime", environment.changed)]
    {
        if ticks > 0 {
            value[member] = format_time(ticks).into();
        }
    }
    value
}

/// The environments that the caller administers.
#[utoipa::path(
    get, path = "/environments",
    responses((status = 200, body = List<EnvironmentAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_administered_environments(&caller).await?;
    Ok(page(found.iter().map(|it| render(it, &state.app.tenant)).collect(), None))
}

/// Makes an environment.
#[utoipa::path(
    post, path = "/environments",
    request_body = EnvironmentBody,
    responses((status = 201, body = EnvironmentAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<EnvironmentBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let EnvironmentBody { name, display_name, description } = body;
    let app = &state.app;
    let made = app.create_environment(&caller, &name, display_name, description).await?;
    Ok((StatusCode::CREATED, Json(render(&made, &app.tenant))))
}

/// An environment.
#[utoipa::path(
    get, path = "/environments/{environment}",
    responses((status = 200, body = EnvironmentAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_environment(&caller, &name).await?;
    Ok(Json(render(&found, &state.app.tenant)))
}

/// Changes what is said of an environment.
#[utoipa::path(
    patch, path = "/environments/{environment}",
    request_body = PatchBody,
    responses((status = 200, body = EnvironmentAnswer)),
)]
pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<PatchBody>,
) -> Result<Json<Value>, ApiError> {
    let PatchBody { display_name, description } = body;
    let app = &state.app;
    let changed = app.update_environment(&caller, &name, display_name, description).await?;
    Ok(Json(render(&changed, &app.tenant)))
}

/// Deletes an environment that is empty.
#[utoipa::path(delete, path = "/environments/{environment}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_environment(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
