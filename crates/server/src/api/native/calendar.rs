//! Calendars on the native API: which days are days of work.

use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::approval::BusinessCalendar;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use governance::calendar::Calendar;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Which days are days of work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarBody {
    /// A name of the IANA database; UTC when it is not said.
    zone: Option<String>,
    /// From Monday, 1, to Sunday, 7; Monday to Friday when it is not said.
    workdays: Option<Vec<i8>>,
    /// Dates like `2026-12-25`.
    #[serde(default)]
    holidays: Vec<String>,
}

shape! {
    /// Which days are days of work.
    CalendarAnswer {
        name: String,
        zone: String,
        workdays: Vec<i8>,
        holidays: Vec<String>,
    }
}

fn render(known: &BusinessCalendar) -> Value {
    let Calendar { zone, workdays, holidays } = &known.calendar;
    json!({"name": known.name, "zone": zone, "workdays": workdays, "holidays": holidays})
}

/// The calendars of an environment. `default` counts where none is named.
#[utoipa::path(
    get, path = "/environments/{environment}/calendars",
    responses((status = 200, body = List<CalendarAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_calendars(&caller, &environment).await?;
    Ok(page(found.iter().map(|it| render(it)).collect(), None))
}

/// Makes a calendar, or another of one that is there.
#[utoipa::path(
    put, path = "/environments/{environment}/calendars/{name}",
    request_body = CalendarBody,
    responses((status = 200, body = CalendarAnswer)),
)]
pub async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<CalendarBody>,
) -> Result<Json<Value>, ApiError> {
    let usual = Calendar::default();
    let calendar = Calendar {
        zone: body.zone.unwrap_or(usual.zone),
        workdays: body.workdays.map_or(usual.workdays, |days| days.into_iter().collect()),
        holidays: body.holidays.into_iter().collect(),
    };
    let set = state.app.set_calendar(&caller, &environment, &name, calendar).await?;
    Ok(Json(render(&set)))
}

/// Deletes a calendar. What counts by it already goes on as it was.
#[utoipa::path(
    delete, path = "/environments/{environment}/calendars/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_calendar(&caller, &environment, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
