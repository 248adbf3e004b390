//! Versions of flows on the native API.

use super::flow::{FlowAnswer, render_view, with_definition};
use super::{ApiError, ApiState, Authenticated, InEnvironment, List, Params, Path, at, page};
use crate::app::AppError;
use axum::Json;
use axum::extract::State;
use flow::definition::difference::Difference;
use flow::run::format_time;
use serde_json::{Value, json};
use store::VersionRow;

fn parse(number: &str) -> Result<u32, ApiError> {
    number.parse().map_err(|_| {
        let message = format!("'{number}' is not a version's number.");
        ApiError(AppError::invalid("InvalidVersion", message))
    })
}

shape! {
    /// A version of a flow; its definition is there when it is asked for by number.
    VersionAnswer {
        number: u32,
        created_time: String,
        definition: Option<Value>,
        connection_references: Option<Value>,
    }

    /// What is different between two versions; cut where there is too much of it.
    DifferencesAnswer { before: u32, after: u32, is_cut: bool, value: Vec<DifferenceAnswer>, }

    /// Something that is different; values that are there before or after.
    DifferenceAnswer {
        part: String,
        name: String,
        change: String,
        path: String,
        before: Option<Value>,
        after: Option<Value>,
    }
}

fn render_version(row: &VersionRow) -> Value {
    json!({"number": row.number, "createdTime": format_time(row.created)})
}

/// The versions of a flow.
#[utoipa::path(
    get, path = "/flows/{name}/versions",
    params(InEnvironment),
    responses((status = 200, body = List<VersionAnswer>)),
)]
pub async fn versions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let rows = state.app.list_versions(&caller, at(&within.environment, &name)).await?;
    Ok(page(rows.iter().map(render_version).collect(), None))
}

/// A version with its definition.
#[utoipa::path(
    get, path = "/flows/{name}/versions/{number}",
    params(InEnvironment),
    responses((status = 200, body = VersionAnswer)),
)]
pub async fn version(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path((name, number)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let number = parse(&number)?;
    let (row, loaded) =
        state.app.get_version(&caller, at(&within.environment, &name), number).await?;
    Ok(Json(with_definition(render_version(&row), &loaded)?))
}

fn render_difference(it: &Difference) -> Result<Value, ApiError> {
    let mut value = json!({
        "part": it.part.name(),
        "name": it.name.as_str(),
        "change": it.kind.name(),
        "path": it.path,
    });
    for (member, found) in [("before", &it.before), ("after", &it.after)] {
        if let Some(found) = found {
            value[member] = serde_json::to_value(found).map_err(AppError::internal)?;
        }
    }
    Ok(value)
}

/// What is different between two versions.
#[utoipa::path(
    get, path = "/flows/{name}/versions/{number}/diff/{other}",
    params(InEnvironment),
    responses((status = 200, body = DifferencesAnswer)),
)]
pub async fn differences(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path((name, before, after)): Path<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let versions = (parse(&before)?, parse(&after)?);
    let (found, is_cut) = state.app.version_differences(&caller, flow, versions).await?;
    let value = found.iter().map(render_difference).collect::<Result<Vec<_>, _>>()?;
    let (before, after) = versions;
    Ok(Json(json!({"before": before, "after": after, "isCut": is_cut, "value": value})))
}

/// Makes an older version the newest once more.
#[utoipa::path(
    post, path = "/flows/{name}/versions/{number}/restore",
    params(InEnvironment),
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn restore(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path((name, number)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let view = state.app.restore_version(&caller, flow, parse(&number)?).await?;
    Ok(Json(render_view(&view)))
}
