//! What whoever runs a flow has to bring, on the native API.

use super::power_app::{UsedConnectionList, used};
use super::{ApiError, ApiState, Authenticated, InEnvironment, Params, Path};
use crate::app::connector::choice::Theirs;
use crate::app::invoker::Needed;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

fn render(it: &Needed, flow: &str) -> Value {
    let (status, connection) = match &it.theirs {
        Theirs::Connected(connection) => ("Own", Some(&connection.name)),
        Theirs::Faulted(connection) => ("Faulted", Some(&connection.name)),
        Theirs::Nothing => ("Required", None),
    };
    let connector = (it.connector.name.as_str(), it.connector.display_name.as_str());
    used(&it.key, connector, (status, connection), &format!("The flow '{flow}'"))
}

/// The connections that the caller brings when they run a flow, and what they are asked for.
#[utoipa::path(
    get, path = "/flows/{name}/connections",
    params(InEnvironment),
    responses((status = 200, body = UsedConnectionList)),
)]
pub async fn needed(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_needed_connections(&caller, &query.environment, &name).await?;
    let value: Vec<Value> = found.iter().map(|it| render(it, &name)).collect();
    Ok(Json(json!({ "value": value })))
}
