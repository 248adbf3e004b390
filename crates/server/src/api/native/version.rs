//! Versions of flows on the native API.

use super::flow::{render_view, with_definition};
use super::{ApiError, ApiState, Authenticated, InEnvironment, Params, Path, at, page};
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

fn render_version(row: &VersionRow) -> Value {
    json!({"number": row.number, "createdTime": format_time(row.created)})
}

pub async fn versions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let rows = state.app.list_versions(&caller, at(&within.environment, &name)).await?;
    Ok(page(rows.iter().map(render_version).collect(), None))
}

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
