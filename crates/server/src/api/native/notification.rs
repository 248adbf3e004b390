//! Who is told of failures of a flow, on the native API.

use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::app::AppError;
use crate::app::notification::Channel;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
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

fn render(channel: Option<&Channel>) -> Value {
    match channel {
        None => json!({"onFailure": "none"}),
        Some(Channel::Mail) => json!({"onFailure": "mail"}),
        Some(Channel::Webhook { url }) => json!({"onFailure": "webhook", "url": url}),
    }
}

pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_notifications(&caller, at(&within.environment, &name)).await?;
    Ok(Json(render(found.as_ref())))
}

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
