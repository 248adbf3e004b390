//! Who is told of failures of a flow, on the native API.

use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::app::AppError;
use crate::app::notification::Channel;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationsBody {
    on_failure: String,
    url: Option<String>,
}

impl NotificationsBody {
    fn read(self) -> Result<Option<Channel>, ApiError> {
        match (self.on_failure.as_str(), self.url) {
            ("none", None) => Ok(None),
            ("mail", None) => Ok(Some(Channel::Mail)),
            ("webhook", Some(url)) => Ok(Some(Channel::Webhook { url })),
            _ => {
                let message = "Expected 'onFailure' to be 'none', 'mail', or 'webhook' with 'url'.";
                Err(ApiError(AppError::invalid("InvalidNotifications", message)))
            }
        }
    }
}

shape! {
    /// How failures of a flow are told: `none`, `mail`, or `webhook` with its address.
    NotificationsAnswer { on_failure: String, url: Option<String>, }
}

fn render(channel: Option<&Channel>) -> Value {
    match channel {
        None => json!({"onFailure": "none"}),
        Some(Channel::Mail) => json!({"onFailure": "mail"}),
        Some(Channel::Webhook { url }) => json!({"onFailure": "webhook", "url": url}),
    }
}

/// Who is told of failures of a flow.
#[utoipa::path(
    get, path = "/flows/{name}/notifications",
    params(InEnvironment),
    responses((status = 200, body = NotificationsAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_notifications(&caller, at(&within.environment, &name)).await?;
    Ok(Json(render(found.as_ref())))
}

/// Says who is told of failures of a flow.
#[utoipa::path(
    put, path = "/flows/{name}/notifications",
    params(InEnvironment),
    request_body = NotificationsBody,
    responses((status = 200, body = NotificationsAnswer)),
)]
pub async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<NotificationsBody>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let set = state.app.set_notifications(&caller, flow, body.read()?).await?;
    Ok(Json(render(set.as_ref())))
}
