//! Environment variables on the native API.

use super::{ApiError, ApiState, Authenticated, Body, List, Paging, Params, Path};
use crate::app::AppError;
use crate::app::data::Listed;
use crate::app::variable::{Variable, VariableInput, VariablePatch, VariableType};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VariableBody {
    schema_name: String,
    #[serde(rename = "type")]
    kind: String,
    display_name: Option<String>,
    description: Option<String>,
    #[schema(value_type = Option<Value>)]
    default_value: Option<expr::Value>,
    #[schema(value_type = Option<Value>)]
    value: Option<expr::Value>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = VariablePatchBody)]
pub struct PatchBody {
    display_name: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    default_value: Option<expr::Value>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    value: Option<expr::Value>,
}

/// Tells `null` from what is not there.
fn present<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<expr::Value>, D::Error> {
    expr::Value::deserialize(input).map(Some)
}

shape! {
    /// An environment variable.
    VariableAnswer {
        schema_name: String,
        display_name: String,
        r#type: String,
        created_time: String,
        changed_time: String,
        description: Option<String>,
        default_value: Option<Value>,
        value: Option<Value>,
    }
}

fn render(variable: &Variable) -> Result<Value, ApiError> {
    let mut value = json!({
        "schemaName": variable.schema_name,
        "displayName": variable.display_name,
        "type": variable.kind.name(),
        "createdTime": format_time(variable.created),
        "changedTime": format_time(variable.changed),
    });
    if let Some(description) = &variable.description {
        value["description"] = description.as_str().into();
    }
    for (member, found) in [("defaultValue", &variable.default_value), ("value", &variable.value)] {
        if let Some(found) = found {
            value[member] = serde_json::to_value(found).map_err(AppError::internal)?;
        }
    }
    Ok(value)
}

/// The environment variables of an environment.
#[utoipa::path(
    get, path = "/environments/{environment}/variables",
    params(Paging),
    responses((status = 200, body = List<VariableAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let page = paging.read()?;
    let rows = page.1;
    let Listed { rows: found, next } =
        state.app.list_variables(&caller, &environment, page).await?;
    let mut rendered = Vec::with_capacity(found.len());
    for variable in &found {
        rendered.push(render(variable)?);
    }
    let next = next.map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let queries = [("top", top.as_str()), ("skipToken", token.as_str())];
        super::link(&["environments", &environment, "variables"], &queries)
    });
    Ok(super::page(rendered, next))
}

/// Makes an environment variable.
#[utoipa::path(
    post, path = "/environments/{environment}/variables",
    request_body = VariableBody,
    responses((status = 201, body = VariableAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<VariableBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = VariableInput {
        schema_name: body.schema_name,
        display_name: body.display_name,
        description: body.description,
        kind: VariableType::parse(&body.kind)?,
        default_value: body.default_value,
        value: body.value,
    };
    let made = state.app.create_variable(&caller, &environment, input).await?;
    Ok((StatusCode::CREATED, Json(render(&made)?)))
}

/// An environment variable.
#[utoipa::path(
    get, path = "/environments/{environment}/variables/{name}",
    responses((status = 200, body = VariableAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.get_variable(&caller, &environment, &name).await?)?))
}

/// Changes an environment variable; `null` takes a value away.
#[utoipa::path(
    patch, path = "/environments/{environment}/variables/{name}",
    request_body = PatchBody,
    responses((status = 200, body = VariableAnswer)),
)]
pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<PatchBody>,
) -> Result<Json<Value>, ApiError> {
    let PatchBody { display_name, description, default_value, value } = body;
    let patch = VariablePatch { display_name, description, default_value, value };
    let changed = state.app.update_variable(&caller, &environment, &name, patch).await?;
    Ok(Json(render(&changed)?))
}

/// Deletes an environment variable.
#[utoipa::path(
    delete, path = "/environments/{environment}/variables/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_variable(&caller, &environment, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
