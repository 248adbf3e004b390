//! How long histories are kept, on the native API.

use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path};
use crate::app::AppError;
use crate::app::retention::RetentionView;
use crate::worker::retention::Said;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

const DAY: i64 = 86_400;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionBody {
    days: Option<i64>,
    seconds: Option<i64>,
}

impl RetentionBody {
    fn seconds(&self) -> Result<i64, ApiError> {
        match (self.days, self.seconds) {
            (Some(days), None) => Ok(days.saturating_mul(DAY)),
            (None, Some(seconds)) => Ok(seconds),
            _ => {
                let message = "Expected 'days' or 'seconds', and not both.";
                Err(ApiError(AppError::invalid("InvalidRetention", message)))
            }
        }
    }
}

shape! {
    /// How long histories are kept, and where that was said.
    RetentionAnswer {
        environment: String,
        flow: Option<String>,
        seconds: i64,
        days: Option<i64>,
        source: String,
    }

    /// What was said, and the server's setting.
    RetentionsAnswer { value: Vec<RetentionAnswer>, server: RetentionSettingAnswer, }

    /// The server's setting.
    RetentionSettingAnswer { seconds: i64, }
}

fn render(view: &RetentionView) -> Value {
    let said = match view.said {
        Said::Flow => "flow",
        Said::Environment => "environment",
        Said::Server => "server",
    };
    let mut value =
        json!({"environment": view.environment, "seconds": view.seconds, "source": said});
    if let Some(flow) = &view.flow {
        value["flow"] = flow.as_str().into();
    }
    if view.seconds % DAY == 0 {
        value["days"] = (view.seconds / DAY).into();
    }
    value
}

/// How long histories are kept: what was said, and the setting.
#[utoipa::path(get, path = "/retention", responses((status = 200, body = RetentionsAnswer)))]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let (views, server) = state.app.list_retentions(&caller).await?;
    let rendered: Vec<Value> = views.iter().map(render).collect();
    Ok(Json(json!({"value": rendered, "server": {"seconds": server}})))
}

/// How long histories of an environment are kept.
#[utoipa::path(
    get, path = "/environments/{environment}/retention",
    responses((status = 200, body = RetentionAnswer)),
)]
pub async fn show_environment(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.get_retention(&caller, &environment, None).await?)))
}

/// Says how long histories of an environment are kept.
#[utoipa::path(
    put, path = "/environments/{environment}/retention",
    request_body = RetentionBody,
    responses((status = 200, body = RetentionAnswer)),
)]
pub async fn set_environment(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<RetentionBody>,
) -> Result<Json<Value>, ApiError> {
    let seconds = Some(body.seconds()?);
    Ok(Json(render(&state.app.set_retention(&caller, &environment, None, seconds).await?)))
}

/// Takes back what was said for an environment.
#[utoipa::path(delete, path = "/environments/{environment}/retention", responses((status = 204)))]
pub async fn clear_environment(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.set_retention(&caller, &environment, None, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long histories of a flow are kept.
#[utoipa::path(
    get, path = "/flows/{name}/retention",
    params(InEnvironment),
    responses((status = 200, body = RetentionAnswer)),
)]
pub async fn show_flow(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let view = state.app.get_retention(&caller, &within.environment, Some(&name)).await?;
    Ok(Json(render(&view)))
}

/// Says how long histories of a flow are kept.
#[utoipa::path(
    put, path = "/flows/{name}/retention",
    params(InEnvironment),
    request_body = RetentionBody,
    responses((status = 200, body = RetentionAnswer)),
)]
pub async fn set_flow(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<RetentionBody>,
) -> Result<Json<Value>, ApiError> {
    let (environment, seconds) = (&within.environment, Some(body.seconds()?));
    let view = state.app.set_retention(&caller, environment, Some(&name), seconds).await?;
    Ok(Json(render(&view)))
}

/// Takes back what was said for a flow.
#[utoipa::path(
    delete, path = "/flows/{name}/retention",
    params(InEnvironment),
    responses((status = 204)),
)]
pub async fn clear_flow(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.set_retention(&caller, &within.environment, Some(&name), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
