//! Runs that are done again, on the native API: resubmitted and resumed, one or many.

use super::cancellation::{before, runs_max};
use super::flow::StartedAnswer;
use super::run::{invalid, status, time};
use super::shape::ErrorInfoAnswer;
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, MaybeBody, Params, Path, at};
use crate::api::error::envelope;
use crate::app::AppError;
use crate::app::access::RunAt;
use crate::app::resubmit::{Again, BulkMode, BulkQuery, BulkRun};
use crate::app::resume::VersionWanted;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::Status;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Runs the flow again with what the run was started with.
#[utoipa::path(post, path = "/runs/{id}/resubmit", responses((status = 202, body = StartedAnswer)))]
pub async fn resubmit(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (view, id, status) = state.app.resubmit_run(&caller, RunAt::any(&id)).await?;
    let body = json!({"run": id.run_name(), "flow": view.flow.row.name, "status": status.name()});
    Ok((StatusCode::ACCEPTED, Json(body)))
}

shape! {
    /// A run that goes on where another one failed.
    ResumedAnswer { run: String, flow: String, status: String, resumed_from: String, }

    /// What was done with runs; where to go on when there are more of them.
    BulkAnswer {
        dry_run: bool,
        found: u64,
        started: u64,
        refused: u64,
        runs: Vec<BulkRunAnswer>,
        skip_token: Option<String>,
    }

    /// A run that was found, and what came of it.
    BulkRunAnswer { run: String, new_run: Option<String>, error: Option<ErrorInfoAnswer>, }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResumeBody {
    version: Option<VersionGiven>,
}

/// A number, or `latest`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum VersionGiven {
    Number(u32),
    Name(String),
}

fn wanted(given: Option<&VersionGiven>) -> Result<VersionWanted, ApiError> {
    match given {
        None => Ok(VersionWanted::Pinned),
        Some(VersionGiven::Number(number)) => Ok(VersionWanted::Number(*number)),
        Some(VersionGiven::Name(name)) if name == "latest" => Ok(VersionWanted::Latest),
        Some(VersionGiven::Name(name)) => {
            let message = format!("'version' is '{name}', expected a number or 'latest'.");
            Err(ApiError(AppError::invalid("InvalidRequestContent", message)))
        }
    }
}

/// Goes on in a new run where this one failed.
#[utoipa::path(
    post, path = "/runs/{id}/resume",
    request_body = Option<ResumeBody>,
    responses((status = 202, body = ResumedAnswer)),
)]
pub async fn resume(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    MaybeBody(body): MaybeBody<ResumeBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let version = wanted(body.unwrap_or_default().version.as_ref())?;
    let (view, id, status) = state.app.resume_run(&caller, RunAt::any(&id), version).await?;
    let body = json!({
        "run": id.run_name(), "flow": view.flow.row.name, "status": status.name(),
        "resumedFrom": view.row.id.run_name(),
    });
    Ok((StatusCode::ACCEPTED, Json(body)))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkBody {
    #[serde(default)]
    filter: BulkFilter,
    limit: Option<usize>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    resume: bool,
    version: Option<VersionGiven>,
    skip_token: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BulkFilter {
    status: Option<String>,
    from: Option<String>,
    to: Option<String>,
    code: Option<String>,
}

impl BulkBody {
    fn query(&self) -> Result<BulkQuery, ApiError> {
        let again = match (self.resume, &self.version) {
            (true, version) => Again::Resume(wanted(version.as_ref())?),
            (false, None) => Again::Resubmit,
            (false, Some(_)) => {
                let message = "'version' is of use with 'resume' only: else the latest is taken.";
                return Err(invalid(message.to_owned()));
            }
        };
        Ok(BulkQuery {
            status: status(self.filter.status.as_deref())?.unwrap_or(Status::Failed),
            code: self.filter.code.clone(),
            from: time("from", self.filter.from.as_deref())?,
            to: time("to", self.filter.to.as_deref())?,
            before: before(self.skip_token.as_deref())?,
            runs_max: runs_max(self.limit)?,
            mode: if self.dry_run { BulkMode::Dry(again) } else { BulkMode::Do(again) },
        })
    }
}

/// Resubmits or resumes many runs of a flow.
#[utoipa::path(
    post, path = "/flows/{name}/runs/resubmit",
    params(InEnvironment),
    request_body = BulkBody,
    responses((status = 200, body = BulkAnswer)),
)]
pub async fn resubmit_many(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<BulkBody>,
) -> Result<Json<Value>, ApiError> {
    let at = at(&query.environment, &name);
    let done = state.app.resubmit_runs(&caller, at, body.query()?).await?;
    let is_new = |run: &&BulkRun| matches!(run.outcome, Some(Ok(_)));
    let is_refused = |run: &&BulkRun| matches!(run.outcome, Some(Err(_)));
    let mut answer = json!({
        "dryRun": body.dry_run,
        "found": done.runs.len(),
        "started": done.runs.iter().filter(is_new).count(),
        "refused": done.runs.iter().filter(is_refused).count(),
        "runs": done.runs.iter().map(render).collect::<Vec<Value>>(),
    });
    if let Some(next) = done.next {
        answer["skipToken"] = next.run_name().into();
    }
    Ok(Json(answer))
}

fn render(run: &BulkRun) -> Value {
    let name = run.id.run_name();
    match &run.outcome {
        None => json!({"run": name}),
        Some(Ok(new)) => json!({"run": name, "newRun": new.run_name()}),
        Some(Err(error)) => json!({"run": name, "error": envelope(error)["error"].clone()}),
    }
}
