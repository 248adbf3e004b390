//! Deputies on the native API: who answers for somebody who is away.

use super::approval_view::{PartyAnswer, render_party};
use super::run::time;
use super::{ApiError, ApiState, Authenticated, Body, List, page};
use crate::app::AppError;
use crate::app::approval::DeputyView;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Who answers for the caller, and when; always where nothing is said of that.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeputyBody {
    deputy: String,
    from: Option<String>,
    until: Option<String>,
}

shape! {
    /// Who answers for somebody, and when; whether that is now.
    DeputyAnswer {
        user: PartyAnswer,
        deputy: PartyAnswer,
        from: Option<String>,
        until: Option<String>,
        is_active: bool,
    }
}

fn render(view: &DeputyView) -> Value {
    let DeputyView { deputy, people, is_active } = view;
    let mut value = json!({
        "user": render_party(people, deputy.user()),
        "deputy": render_party(people, &deputy.deputy),
        "isActive": is_active,
    });
    for (member, moment) in [("from", deputy.from), ("until", deputy.until)] {
        if let Some(moment) = moment {
            value[member] = format_time(moment).into();
        }
    }
    value
}

/// Who answers for the caller.
#[utoipa::path(get, path = "/me/deputy", responses((status = 200, body = DeputyAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_deputy(&caller).await?;
    let found = found
        .ok_or_else(|| AppError::not_found("DeputyNotFound", "Nobody answers for the caller."))?;
    Ok(Json(render(&found)))
}

/// Says who answers for the caller.
#[utoipa::path(
    put, path = "/me/deputy",
    request_body = DeputyBody,
    responses((status = 200, body = DeputyAnswer)),
)]
pub async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<DeputyBody>,
) -> Result<Json<Value>, ApiError> {
    let from = time("from", body.from.as_deref())?;
    let until = time("until", body.until.as_deref())?;
    Ok(Json(render(&state.app.set_deputy(&caller, &body.deputy, (from, until)).await?)))
}

/// The caller answers for themselves again.
#[utoipa::path(delete, path = "/me/deputy", responses((status = 204)))]
pub async fn clear(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<StatusCode, ApiError> {
    state.app.remove_deputy(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is away and has named the caller.
#[utoipa::path(
    get, path = "/me/deputized",
    responses((status = 200, body = List<DeputyAnswer>)),
)]
pub async fn deputized(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_deputized(&caller).await?;
    Ok(page(found.iter().map(render).collect(), None))
}
