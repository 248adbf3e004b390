//! Runs that are stopped, on the native API: one, or many of a flow.

use super::run::{RunAnswer, invalid, render, time};
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::app::access::RunAt;
use crate::app::cancellation::{CancelQuery, LIVE};
use crate::limits::{BULK_RUNS_DEFAULT, BULK_RUNS_MAX};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use durable::ProcessId;
use flow::run::Status;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Cancels a run; 200 when it was final already.
#[utoipa::path(
    post, path = "/runs/{id}/cancel",
    responses((status = 200, body = RunAnswer), (status = 202, body = RunAnswer)),
)]
pub async fn cancel(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (view, is_live) = state.app.cancel_run(&caller, RunAt::any(&id)).await?;
    let status = if is_live { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(render(&view)?)))
}

shape! {
    /// Runs that end shortly; where to go on when there are more of them.
    CancelAnswer {
        dry_run: bool,
        found: u64,
        cancelled: u64,
        runs: Vec<CancelledRunAnswer>,
        skip_token: Option<String>,
    }

    /// A run that was found.
    CancelledRunAnswer { run: String, }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelBody {
    #[serde(default)]
    filter: CancelFilter,
    limit: Option<usize>,
    #[serde(default)]
    dry_run: bool,
    skip_token: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CancelFilter {
    status: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl CancelBody {
    fn query(&self) -> Result<CancelQuery, ApiError> {
        let status = self.filter.status.as_deref();
        let status = status.map(|name| {
            let found = Status::from_name(name).filter(|found| LIVE.contains(found));
            found.ok_or_else(|| {
                invalid(format!("'status' is '{name}', expected Running or Waiting."))
            })
        });
        Ok(CancelQuery {
            status: status.transpose()?,
            from: time("from", self.filter.from.as_deref())?,
            to: time("to", self.filter.to.as_deref())?,
            before: before(self.skip_token.as_deref())?,
            runs_max: runs_max(self.limit)?,
            is_dry: self.dry_run,
        })
    }
}

/// Runs that one request is about.
pub(super) fn runs_max(limit: Option<usize>) -> Result<usize, ApiError> {
    let runs_max = limit.unwrap_or(BULK_RUNS_DEFAULT);
    if (1..=BULK_RUNS_MAX).contains(&runs_max) {
        return Ok(runs_max);
    }
    Err(invalid(format!("'limit' is {runs_max}, expected 1 to {BULK_RUNS_MAX}.")))
}

/// Where the request before this one ended.
pub(super) fn before(token: Option<&str>) -> Result<Option<ProcessId>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let found = ProcessId::from_run_name(token);
    let message = "'skipToken' is not one that an answer gave.";
    found.map(Some).ok_or_else(|| invalid(message.to_owned()))
}

/// Cancels runs of a flow that are under way.
#[utoipa::path(
    post, path = "/flows/{name}/runs/cancel",
    params(InEnvironment),
    request_body = CancelBody,
    responses((status = 200, body = CancelAnswer)),
)]
pub async fn cancel_many(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<CancelBody>,
) -> Result<Json<Value>, ApiError> {
    let at = at(&query.environment, &name);
    let done = state.app.cancel_runs(&caller, at, &body.query()?).await?;
    let found = done.runs.len();
    let run = |run: &ProcessId| json!({"run": run.run_name()});
    let mut answer = json!({
        "dryRun": body.dry_run,
        "found": found,
        "cancelled": if body.dry_run { 0 } else { found },
        "runs": done.runs.iter().map(run).collect::<Vec<Value>>(),
    });
    if let Some(next) = done.next {
        answer["skipToken"] = next.run_name().into();
    }
    Ok(Json(answer))
}
