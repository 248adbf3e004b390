//! Connections on the native API: those that somebody may use. They are changed and shared on
//! the paths of the original.

use super::consent::{Place, at};
use super::run::FailureAnswer;
use super::{ApiError, ApiState, Authenticated, Body, List, Paging, Params, Path, link, page};
use crate::app::App;
use crate::app::access::Scope;
use crate::app::connector::connection::{Connection, ConnectionInput};
use crate::auth::caller::Caller;
use crate::auth::policy::Hold;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A connection to make.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionBody {
    display_name: Option<String>,
    /// The way to authenticate; nothing when the connector has but one without a name.
    parameter_set: Option<String>,
    /// By the names of parameters.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    parameters: Map<String, Value>,
}

shape! {
    /// A connection. Its status is Connected or Error; somebody has to sign in again when it
    /// ends. Who may change it may do that.
    ConnectionAnswer {
        name: String,
        display_name: String,
        connector: String,
        status: String,
        error: Option<FailureAnswer>,
        is_own: bool,
        may_change: bool,
        created_time: String,
        changed_time: String,
        ends_time: Option<String>,
    }
}

fn render(app: &App, caller: &Caller, connection: &Connection) -> Value {
    let hold = connection.hold_of(caller);
    let fault = app.fault_of(connection);
    let mut value = json!({
        "name": connection.name,
        "displayName": connection.display_name,
        "connector": connection.connector,
        "status": if fault.is_none() { "Connected" } else { "Error" },
        "isOwn": hold == Some(Hold::Owner),
        "mayChange": hold >= Some(Hold::CanEdit),
        "createdTime": format_time(connection.created),
        "changedTime": format_time(connection.changed),
    });
    if let Some(fault) = fault {
        value["error"] = json!({"code": fault.code, "message": fault.message});
    }
    if let Some(ends) = connection.ends {
        value["endsTime"] = format_time(ends).into();
    }
    value
}

/// The connections that the caller may use.
#[utoipa::path(
    get, path = "/environments/{environment}/connections",
    params(Paging),
    responses((status = 200, body = List<ConnectionAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let (_, listed) = state.app.list_connections(&caller, &environment, after, rows).await?;
    let shown = listed.rows.iter().map(|it| render(&state.app, &caller, it)).collect();
    let next = listed.next.map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let queries = [("top", top.as_str()), ("skipToken", token.as_str())];
        link(&["environments", &environment, "connections"], &queries)
    });
    Ok(page(shown, next))
}

/// Makes a connection, under a name of its own.
#[utoipa::path(
    post, path = "/environments/{environment}/connectors/{connector}/connections",
    request_body = ConnectionBody,
    responses((status = 201, body = ConnectionAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, connector)): Path<(String, String)>,
    Body(body): Body<ConnectionBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let ConnectionBody { display_name, parameter_set: set, parameters } = body;
    let set = set.filter(|name| !name.is_empty());
    let input = ConnectionInput { display_name, set, parameters };
    let place = (environment.as_str(), connector.as_str());
    let (made, _) = state.app.create_connection(&caller, place, None, input).await?;
    let shown = render(&state.app, &caller, &made.connection);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Deletes a connection.
#[utoipa::path(
    delete, path = "/environments/{environment}/connectors/{connector}/connections/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_connection(&caller, at(&place, Scope::Any)).await?;
    Ok(StatusCode::NO_CONTENT)
}
