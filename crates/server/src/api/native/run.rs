//! Runs on the native API.

use super::{
    ApiError, ApiState, Authenticated, List, Params, Path, at, default_environment, link, page,
    page_rows,
};
use crate::app::AppError;
use crate::app::access::RunAt;
use crate::app::run::{RepetitionQuery, RunQuery, RunView, render_run};
use crate::app::search::SearchFrom;
use crate::auth::caller::Caller;
use crate::limits::SEARCH_CHARACTERS_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use durable::{ProcessId, Ticks};
use flow::run::Status;
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    #[serde(default = "default_environment")]
    environment: String,
    status: Option<String>,
    from: Option<String>,
    to: Option<String>,
    top: Option<usize>,
    skip_token: Option<String>,
    /// Runs that hold this text in what came in or went out, or in a name or an error.
    search: Option<String>,
}

pub(super) fn invalid(message: String) -> ApiError {
    ApiError(AppError::invalid("InvalidQuery", message))
}

pub(super) fn status(name: Option<&str>) -> Result<Option<Status>, ApiError> {
    let Some(name) = name else { return Ok(None) };
    let found = Status::from_name(name);
    found.map(Some).ok_or_else(|| {
        invalid(format!(
            "'status' is '{name}', expected Running, Waiting, Succeeded, Failed, Cancelled, TimedOut, Skipped or Aborted."
        ))
    })
}

/// A moment that a query parameter names.
pub fn time(name: &str, text: Option<&str>) -> Result<Option<Ticks>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = expr::format::date::parse_ticks(text);
    parsed.map(Some).map_err(|_| invalid(format!("'{name}' is '{text}', expected a timestamp.")))
}

pub(super) fn to_json(value: &expr::Value) -> Result<Value, ApiError> {
    Ok(serde_json::to_value(value).map_err(AppError::internal)?)
}

shape! {
    /// A run. What its trigger had, what it answered and its outputs are there when it is
    /// asked for by name.
    RunAnswer {
        id: String,
        flow: String,
        flow_id: String,
        environment: String,
        version: u32,
        status: String,
        code: Option<String>,
        error: Option<FailureAnswer>,
        start_time: String,
        end_time: Option<String>,
        correlation: CorrelationAnswer,
        parent: Option<String>,
        trigger: Option<Value>,
        response: Option<Value>,
        invoker: Option<InvokerAnswer>,
        resumed_from: Option<String>,
        resumed_as: Option<String>,
        outputs: Option<Value>,
    }

    /// Who started a run, and the connections that they brought, by the keys of references.
    InvokerAnswer { id: String, display_name: Option<String>, connections: Value, }

    /// Why something failed.
    FailureAnswer { code: String, message: String, }

    /// What the caller calls the run.
    CorrelationAnswer { client_tracking_id: String, }

    /// What an action did.
    ActionAnswer {
        name: String,
        r#type: String,
        status: String,
        code: Option<String>,
        error: Option<Value>,
        start_time: String,
        end_time: Option<String>,
        inputs: Option<Value>,
        outputs: Option<Value>,
        tracked_properties: Option<Value>,
        tracking_id: String,
        client_tracking_id: Option<String>,
        repetition: Option<String>,
        repetition_indexes: Option<Vec<RepetitionIndexAnswer>>,
        repetition_count: Option<u64>,
        iteration_count: Option<u64>,
        retry_history: Option<Vec<Value>>,
        carried: Option<bool>,
    }

    /// An event of a run as it goes on: `action` or `run`, and the record as JSON.
    EventAnswer { event: String, data: String, }

    /// Where in a loop something was done.
    RepetitionIndexAnswer { scope_name: String, item_index: u64, }
}

pub(super) fn render(view: &RunView) -> Result<Value, ApiError> {
    to_json(&render_run(&view.row, &view.flow).into())
}

/// The runs of a flow, newest first.
#[utoipa::path(
    get, path = "/flows/{name}/runs",
    params(ListQuery),
    responses((status = 200, body = List<RunAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<ListQuery>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    if let Some(text) = &query.search {
        return search(&state, &caller, &query, (&name, text), rows).await;
    }
    let before = match &query.skip_token {
        None => None,
        Some(token) => Some(
            ProcessId::from_run_name(token)
                .ok_or_else(|| invalid("'skipToken' is not one that a page gave.".to_owned()))?,
        ),
    };
    let filter = query.filter(before, rows + 1)?;
    let (entry, mut found) =
        state.app.list_runs(&caller, at(&query.environment, &name), filter).await?;
    let is_more = found.len() > rows;
    found.truncate(rows);
    let last = found.last().filter(|_| is_more);
    let next = last.map(|last| query.next(&entry.row.name, rows, &last.id.run_name()));
    let rendered: Result<Vec<Value>, ApiError> =
        found.iter().map(|row| to_json(&render_run(row, &entry).into())).collect();
    Ok(page(rendered?, next))
}

/// Runs by what they hold. A page may be empty although there is a next one.
async fn search(
    state: &ApiState,
    caller: &Caller,
    query: &ListQuery,
    (name, text): (&str, &str),
    rows: usize,
) -> Result<Json<Value>, ApiError> {
    if text.is_empty() || text.chars().count() > SEARCH_CHARACTERS_MAX {
        return Err(invalid(format!(
            "'search' has {} characters, expected 1 to {SEARCH_CHARACTERS_MAX}.",
            text.chars().count()
        )));
    }
    let from = match &query.skip_token {
        None => None,
        Some(token) => Some(
            SearchFrom::decode(token)
                .ok_or_else(|| invalid("'skipToken' is not one that a page gave.".to_owned()))?,
        ),
    };
    let filter = query.filter(None, rows)?;
    let at = at(&query.environment, name);
    let found = state.app.search_runs(caller, at, &filter, text, from).await?;
    let entry = &found.entry;
    let next = found.next.map(|next| query.next(&entry.row.name, rows, &next.encode()));
    let rendered: Result<Vec<Value>, ApiError> =
        found.rows.iter().map(|row| to_json(&render_run(row, entry).into())).collect();
    Ok(page(rendered?, next))
}

impl ListQuery {
    fn filter(&self, before: Option<ProcessId>, rows_max: usize) -> Result<RunQuery, ApiError> {
        Ok(RunQuery {
            status: status(self.status.as_deref())?,
            from: time("from", self.from.as_deref())?,
            to: time("to", self.to.as_deref())?,
            before,
            rows_max,
        })
    }

    /// The next page.
    fn next(&self, flow: &str, rows: usize, token: &str) -> String {
        let top = rows.to_string();
        let mut queries = vec![("environment", self.environment.as_str()), ("top", &top)];
        let given = [
            ("status", &self.status),
            ("from", &self.from),
            ("to", &self.to),
            ("search", &self.search),
        ];
        queries.extend(given.into_iter().filter_map(|(name, it)| Some((name, it.as_deref()?))));
        queries.push(("skipToken", token));
        link(&["flows", flow, "runs"], &queries)
    }
}

/// A run with what came in and went out.
#[utoipa::path(get, path = "/runs/{id}", responses((status = 200, body = RunAnswer)))]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (view, more) = state.app.get_run(&caller, RunAt::any(&id)).await?;
    let mut value = render(&view)?;
    for (name, part) in more.iter() {
        value[name.as_str()] = to_json(part)?;
    }
    Ok(Json(value))
}

/// The actions of a run, in the order of the definition.
#[utoipa::path(
    get, path = "/runs/{id}/actions",
    responses((status = 200, body = List<ActionAnswer>)),
)]
pub async fn actions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let records = state.app.list_actions(&caller, RunAt::any(&id)).await?;
    let rendered: Result<Vec<Value>, ApiError> = records.iter().map(to_json).collect();
    Ok(page(rendered?, None))
}

/// An action with its inputs and outputs.
#[utoipa::path(
    get, path = "/runs/{id}/actions/{action}",
    responses((status = 200, body = ActionAnswer)),
)]
pub async fn action(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((id, action)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(to_json(&state.app.get_action(&caller, RunAt::any(&id), &action).await?)?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct RepetitionsQuery {
    status: Option<String>,
    top: Option<usize>,
    skip_token: Option<usize>,
}

/// What an action did in each repetition of a loop.
#[utoipa::path(
    get, path = "/runs/{id}/actions/{action}/repetitions",
    params(RepetitionsQuery),
    responses((status = 200, body = List<ActionAnswer>)),
)]
pub async fn repetitions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<RepetitionsQuery>,
    Path((id, action)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    let skip = query.skip_token.unwrap_or(0);
    let filter = RepetitionQuery { status: status(query.status.as_deref())?, skip, rows_max: rows };
    let (records, is_more) =
        state.app.list_repetitions(&caller, RunAt::any(&id), &action, filter).await?;
    let next = is_more.then(|| {
        let (top, token) = (rows.to_string(), skip.saturating_add(rows).to_string());
        let mut queries = vec![("top", top.as_str()), ("skipToken", token.as_str())];
        queries.extend(query.status.as_deref().map(|status| ("status", status)));
        link(&["runs", &id, "actions", &action, "repetitions"], &queries)
    });
    let rendered: Result<Vec<Value>, ApiError> = records.iter().map(to_json).collect();
    Ok(page(rendered?, next))
}

/// What an action did in one repetition.
#[utoipa::path(
    get, path = "/runs/{id}/actions/{action}/repetitions/{repetition}",
    responses((status = 200, body = ActionAnswer)),
)]
pub async fn repetition(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((id, action, repetition)): Path<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let record = state.app.get_repetition(&caller, RunAt::any(&id), &action, &repetition).await?;
    Ok(Json(to_json(&record)?))
}

/// Lets a run go on although the server is paused; 200 when it was final already.
#[utoipa::path(
    post, path = "/runs/{id}/release",
    responses((status = 200, body = RunAnswer), (status = 202, body = RunAnswer)),
)]
pub async fn release(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (view, is_live) = state.app.release_run(&caller, &id).await?;
    let status = if is_live { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(render(&view)?)))
}

/// What a watcher has seen so far.
struct Watch {
    state: ApiState,
    caller: Caller,
    id: String,
    receiver: tokio::sync::broadcast::Receiver<()>,
    /// Status and repetitions of each action as they were told last.
    told: HashMap<String, String>,
    is_first: bool,
    is_over: bool,
}

/// The run as it goes on: `action` events as actions change, a `run` event at the end.
#[utoipa::path(
    get, path = "/runs/{id}/events",
    responses((status = 200, body = EventAnswer, content_type = "text/event-stream")),
)]
pub async fn events(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let (view, _) = state.app.get_run(&caller, RunAt::any(&id)).await?;
    let receiver = state.app.engine.watchers.watch(view.row.id);
    let watch =
        Watch { state, caller, id, receiver, told: HashMap::new(), is_first: true, is_over: false };
    let batches = stream::unfold(watch, |mut watch| async move {
        if watch.is_over {
            return None;
        }
        if !std::mem::replace(&mut watch.is_first, false) {
            match watch.receiver.recv().await {
                // behind by several: what is there now is told once
                Ok(()) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
        let news = watch.news().await;
        Some((stream::iter(news.into_iter().map(Ok)), watch))
    });
    Ok(Sse::new(batches.flatten()).keep_alive(KeepAlive::default()))
}

impl Watch {
    async fn news(&mut self) -> Vec<Event> {
        match self.read().await {
            Ok(events) => events,
            Err(error) => {
                self.is_over = true;
                let body = crate::api::error::envelope(&error.0).to_string();
                vec![Event::default().event("error").data(body)]
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<Event>, ApiError> {
        let app = &self.state.app;
        let (view, _) = app.get_run(&self.caller, RunAt::any(&self.id)).await?;
        let mut events = Vec::new();
        for record in app.list_actions(&self.caller, RunAt::any(&self.id)).await? {
            let record = to_json(&record)?;
            let name = record["name"].as_str().unwrap_or_default().to_owned();
            let mark = format!(
                "{} {} {}",
                record["status"], record["repetition"], record["repetitionCount"]
            );
            if self.told.insert(name, mark.clone()).as_deref() != Some(mark.as_str()) {
                events.push(Event::default().event("action").data(record.to_string()));
            }
        }
        let run = render(&view)?;
        let status = Status::from_number(view.row.status);
        self.is_over = status.is_some_and(Status::is_final);
        if self.is_over || self.told.insert(String::new(), String::new()).is_none() {
            events.push(Event::default().event("run").data(run.to_string()));
        }
        Ok(events)
    }
}
