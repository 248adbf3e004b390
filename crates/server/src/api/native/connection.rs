//! Connections on the native API: those that somebody may use. They are made and shared on the
//! paths of the original.

use super::run::FailureAnswer;
use super::{ApiError, ApiState, Authenticated, List, Paging, Params, Path, link, page};
use crate::app::App;
use crate::app::connector::connection::Connection;
use crate::auth::caller::Caller;
use crate::auth::policy::Hold;
use axum::Json;
use axum::extract::State;
use flow::run::format_time;
use serde_json::{Value, json};

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
