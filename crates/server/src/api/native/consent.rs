//! Signing in for connections on the native API. The rest of connections is on the paths of
//! the original.

use super::{ApiError, ApiState, Authenticated, Path};
use crate::app::access::Scope;
use crate::app::connector::connection::ConnectionAt;
use crate::app::connector::oauth::consent::Standing;
use crate::app::connector::runtime::{Tried, Verdict};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde_json::{Value, json};

shape! {
    /// A link at which a person signs in.
    ConsentLinkAnswer { id: String, link: String, expires_time: String, }

    /// How far a sign-in has come: Waiting, Connected or Failed.
    ConsentAnswer { status: String, message: Option<String>, }

    /// What a test of a connection found: Connected; Error, when its service refuses it; or
    /// Unknown, when the service gave no answer that says so. What was called is named, with
    /// what was answered. A connection without anything to call is as good as it was.
    ConnectionTestAnswer {
        status: String,
        tried: bool,
        operation: Option<String>,
        status_code: Option<i64>,
        message: Option<String>,
    }
}

/// Where a connection is: its environment, its connector and its name.
pub type Place = (String, String, String);

pub fn at(place: &Place, scope: Scope) -> ConnectionAt<'_> {
    let (environment, connector, name) = place;
    ConnectionAt { environment, connector, name, scope }
}

/// Makes a link at which a person signs in for a connection.
#[utoipa::path(
    post, path = "/environments/{environment}/connectors/{connector}/connections/{name}/consents",
    responses((status = 201, body = ConsentLinkAnswer)),
)]
pub async fn begin(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let begun = state.app.begin_consent(&caller, at(&place, Scope::Mine)).await?;
    let value = json!({
        "id": begun.id,
        "link": begun.link,
        "expiresTime": format_time(begun.expires),
    });
    Ok((StatusCode::CREATED, Json(value)))
}

/// How far a sign-in has come, for who asked for it.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{connector}/connections/{name}/consents/{id}",
    responses((status = 200, body = ConsentAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, connector, name, id)): Path<(String, String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let place = (environment, connector, name);
    Ok(Json(match state.app.consent_standing(&caller, at(&place, Scope::Mine), &id).await? {
        Standing::Waiting | Standing::Returned => json!({"status": "Waiting"}),
        Standing::Done => json!({"status": "Connected"}),
        Standing::Failed(message) => json!({"status": "Failed", "message": message}),
    }))
}

/// Finds out whether a connection works: calls what its connector names for that.
#[utoipa::path(
    post, path = "/environments/{environment}/connectors/{connector}/connections/{name}/test",
    responses((status = 200, body = ConnectionTestAnswer)),
)]
pub async fn test(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<Json<Value>, ApiError> {
    let trial = state.app.test_connection(&caller, at(&place, Scope::Mine)).await?;
    let status = match trial.verdict {
        Verdict::Connected => "Connected",
        Verdict::Refused => "Error",
        Verdict::Unknown => "Unknown",
    };
    let mut value = json!({"status": status, "tried": trial.tried != Tried::Nothing});
    if let Tried::Operation(id) = trial.tried {
        value["operation"] = json!(id);
    }
    if let Some(status) = trial.status {
        value["statusCode"] = json!(status);
    }
    if let Some(message) = trial.message.filter(|it| !it.is_empty()) {
        value["message"] = json!(message);
    }
    Ok(Json(value))
}
