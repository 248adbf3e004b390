//! Runs, their actions and repetitions, triggers and their histories.

use super::content::{Content, Part, link};
use super::{Answered, Asked, done, flow as flows, ok, to_json};
use crate::app::access::{FlowAt, RunAt, Scope, id_to_guid};
use crate::app::cancellation::CancelQuery;
use crate::app::catalog::{FlowEntry, FlowState};
use crate::app::environment::DEFAULT;
use crate::app::run::{RepetitionQuery, RunQuery};
use crate::app::trigger::ManualInput;
use crate::app::{AppError, ErrorKind};
use crate::limits::BULK_RUNS_MAX;
use ::flow::run::{Status, format_time};
use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use durable::{ProcessId, Ticks};
use serde_json::{Map, Value, json};
use store::RunRow;

const KIND: &str = "Microsoft.ProcessSimple/environments/flows";

/// A flow's path, as ids begin with it.
fn flow_id(asked: &Asked, entry: &FlowEntry) -> String {
    let environment = if entry.row.environment == DEFAULT {
        format!("Default-{}", asked.app.tenant)
    } else {
        // as the caller named it, who has just been let in by that name
        asked.environment_segment().to_owned()
    };
    format!("{}/flows/{}", super::environment::id(&environment), id_to_guid(&entry.row.id))
}

pub async fn runs(asked: &Asked, at: FlowAt<'_>, path: &[&str]) -> Answered {
    let last = |from_end: usize| asked.last_segment(from_end);
    match path {
        [] => {
            asked.expect(&Method::GET)?;
            list(asked, at).await
        }
        ["abort"] if at.scope == Scope::Mine => abort(asked, at).await,
        [_] => {
            asked.expect(&Method::GET)?;
            show(asked, RunAt { flow: Some(at), name: last(0) }).await
        }
        [_, "cancel"] if at.scope == Scope::Mine => {
            asked.expect(&Method::POST)?;
            let run = RunAt { flow: Some(at), name: last(1) };
            asked.app.cancel_run(&asked.caller, run).await.map_err(of_run(at))?;
            done()
        }
        [_, "actions"] => {
            asked.expect(&Method::GET)?;
            actions(asked, RunAt { flow: Some(at), name: last(1) }).await
        }
        [_, "actions", _] => {
            asked.expect(&Method::GET)?;
            action(asked, RunAt { flow: Some(at), name: last(2) }, last(0)).await
        }
        [_, "actions", _, "repetitions" | "scoperepetitions"] => {
            asked.expect(&Method::GET)?;
            repetitions(asked, RunAt { flow: Some(at), name: last(3) }, last(1)).await
        }
        [_, "actions", _, "repetitions" | "scoperepetitions", _] => {
            asked.expect(&Method::GET)?;
            let run = RunAt { flow: Some(at), name: last(4) };
            repetition(asked, run, last(2), last(0)).await
        }
        _ => Err(asked.no_such_path()),
    }
}

/// A run that is not there, said as this service says it.
fn of_run(at: FlowAt<'_>) -> impl Fn(AppError) -> AppError + '_ {
    move |error| match error.code {
        "RunNotFound" => AppError::not_found(
            "WorkflowRunNotFound",
            format!("The workflow '{}': {}", at.name, error.message),
        ),
        _ => error,
    }
}

fn flow_at<'a>(run: &RunAt<'a>) -> FlowAt<'a> {
    run.flow.unwrap_or(FlowAt { environment: "", name: "", scope: Scope::Mine })
}

/// Status, and the start at or after one moment and before another.
type Filter = (Option<Status>, Option<Ticks>, Option<Ticks>);

/// What `$filter` says: `status eq 'Failed' and startTime ge 2024-01-01T00:00:00Z`.
fn filter(text: &str) -> Result<Filter, AppError> {
    let (mut status, mut from, mut to) = (None, None, None);
    let invalid = |part: &str| {
        let message = format!(
            "'{part}' in '$filter' is not understood: expected \"status eq 'NAME'\", 'startTime ge TIME' or 'startTime lt TIME', joined by 'and'."
        );
        AppError::invalid("InvalidFilter", message)
    };
    let lower = text.to_lowercase();
    let mut rest = 0;
    for part in lower.split(" and ") {
        let given = text.get(rest..rest + part.len()).unwrap_or(part).trim();
        rest += part.len() + " and ".len();
        if given.is_empty() {
            continue;
        }
        let mut words = given.split_whitespace();
        let (name, operator, value) = (words.next(), words.next(), words.next());
        let (Some(name), Some(operator), Some(value), None) = (name, operator, value, words.next())
        else {
            return Err(invalid(given));
        };
        let value = value.trim_matches('\'');
        let moment = || expr::format::date::parse_ticks(value).map_err(|_| invalid(given));
        match (name.to_lowercase().as_str(), operator.to_lowercase().as_str()) {
            ("status", "eq") => {
                status = Some(Status::from_name(value).ok_or_else(|| invalid(given))?);
            }
            ("starttime", "ge") => from = Some(moment()?),
            ("starttime", "gt") => from = Some(moment()? + 1),
            ("starttime", "lt") => to = Some(moment()?),
            ("starttime", "le") => to = Some(moment()? + 1),
            _ => return Err(invalid(given)),
        }
    }
    Ok((status, from, to))
}

async fn list(asked: &Asked, at: FlowAt<'_>) -> Answered {
    let rows = asked.page_rows()?;
    let (status, from, to) = filter(asked.query("$filter").unwrap_or_default())?;
    let before = asked.query("$skiptoken").map(|token| {
        ProcessId::from_run_name(token).ok_or_else(|| {
            AppError::invalid(
                "InvalidSkipToken",
                "The skip token is not one that this server gave.",
            )
        })
    });
    let query = RunQuery { status, from, to, before: before.transpose()?, rows_max: rows + 1 };
    let (entry, mut found) = asked.app.list_runs(&asked.caller, at, query).await?;
    let is_more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| is_more).map(|last| last.id.run_name());
    let value = found.iter().map(|row| render(asked, &entry, row, None)).collect();
    Ok(asked.page(value, next.as_deref()))
}

async fn show(asked: &Asked, run: RunAt<'_>) -> Answered {
    let at = flow_at(&run);
    let (view, more) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(at))?;
    let more = to_json(&more.into())?;
    let mut value = render(asked, &view.flow, &view.row, Some(&more));
    if asked.query("$expand").is_some_and(|it| it.to_lowercase().contains("actions")) {
        let mut object = Map::new();
        for record in asked.app.list_actions(&asked.caller, run).await? {
            let record = to_json(&record)?;
            let name = record["name"].as_str().unwrap_or_default().to_owned();
            let properties = action_properties(asked, &view.flow, &view.row, &record);
            object.insert(name, properties);
        }
        value["properties"]["actions"] = object.into();
    }
    ok(value)
}

/// A run. `more` is what its history says; without it, what its row says.
fn render(asked: &Asked, entry: &FlowEntry, row: &RunRow, more: Option<&Value>) -> Value {
    let name = row.id.run_name();
    let status = Status::from_number(row.status).unwrap_or(Status::Failed);
    let start = format_time(row.id.start());
    let tracking = row.client_tracking_id.clone().unwrap_or_else(|| name.clone());
    let correlation = json!({"clientTrackingId": tracking});
    let content = |part: Part, value: Option<&Value>| {
        let content = Content { run: &name, action: None, repetition: None, part };
        link(asked, entry, &content, value)
    };
    let trigger = more.and_then(|more| more.get("trigger"));
    let first = entry.version.flow.triggers.first();
    let trigger_name = trigger.and_then(|it| it.get("name")).cloned();
    let trigger_name = trigger_name.or_else(|| first.map(|it| json!(it.name.as_str())));
    let mut shown = json!({
        "name": trigger_name,
        "outputsLink": content(Part::TriggerOutputs, trigger.and_then(|it| it.get("outputs"))),
        "startTime": start,
        "endTime": start,
        "originHistoryName": name,
        "correlation": correlation,
        "status": "Succeeded",
    });
    for copied in ["startTime", "endTime", "scheduledTime", "originHistoryName", "code", "status"] {
        if let Some(found) = trigger.and_then(|it| it.get(copied)).filter(|it| !it.is_null()) {
            shown[copied] = found.clone();
        }
    }
    if let Some(inputs) = trigger.and_then(|it| it.get("inputs")).filter(|it| !it.is_null()) {
        shown["inputsLink"] = content(Part::TriggerInputs, Some(inputs));
    }
    let mut properties = json!({
        "startTime": start,
        "status": status.name(),
        "correlation": correlation,
        "trigger": shown,
        "isAborted": status == Status::Aborted,
    });
    if let Some(end) = row.end {
        properties["endTime"] = json!(format_time(end));
    }
    if let Some(code) = &row.code {
        properties["code"] = json!(code);
    }
    if let Some(message) = &row.error {
        let code = row.code.as_deref().unwrap_or_else(|| status.name());
        let masked = entry.version.masks.text(message);
        let message = masked.as_deref().unwrap_or(message);
        properties["error"] = json!({"code": code, "message": message});
    }
    if let Some(response) = more.and_then(|more| more.get("response")).filter(|it| !it.is_null()) {
        properties["response"] = json!({
            "outputsLink": content(Part::ResponseOutputs, Some(response)),
            "correlation": correlation,
            "status": "Succeeded",
        });
    }
    json!({
        "name": name,
        "id": format!("{}/runs/{name}", flow_id(asked, entry)),
        "type": format!("{KIND}/runs"),
        "properties": properties,
        "isMigrationSource": false,
    })
}

/// Cancels every run of a flow that is under way.
async fn abort(asked: &Asked, at: FlowAt<'_>) -> Answered {
    asked.expect(&Method::POST)?;
    let (status, from, to, is_dry) = (None, None, None, false);
    let mut query = CancelQuery { status, from, to, before: None, runs_max: BULK_RUNS_MAX, is_dry };
    loop {
        query.before = asked.app.cancel_runs(&asked.caller, at, &query).await?.next;
        if query.before.is_none() {
            return done();
        }
    }
}

fn action_properties(asked: &Asked, entry: &FlowEntry, row: &RunRow, record: &Value) -> Value {
    let run = row.id.run_name();
    let name = record["name"].as_str().unwrap_or_default();
    let repetition = record["repetition"].as_str();
    let mut properties = json!({
        "startTime": record["startTime"],
        "status": record["status"],
        "correlation": {
            "actionTrackingId": record["trackingId"],
            "clientTrackingId": record["clientTrackingId"],
        },
    });
    let copied = [
        "endTime",
        "code",
        "error",
        "trackedProperties",
        "retryHistory",
        "repetitionCount",
        "iterationCount",
        "repetitionIndexes",
    ];
    for copied in copied {
        if let Some(found) = record.get(copied).filter(|it| !it.is_null()) {
            properties[copied] = found.clone();
        }
    }
    // in a loop the values are those of the repetitions
    let is_counted = record.get("repetitionCount").is_some_and(|it| !it.is_null());
    let parts = [
        ("inputs", "inputsLink", Part::ActionInputs),
        ("outputs", "outputsLink", Part::ActionOutputs),
    ];
    for (value, place, part) in parts {
        let found = record.get(value).filter(|it| !it.is_null() && !is_counted);
        // secured content has no link
        if let Some(found) = found.filter(|it| it.get("$secured").is_none()) {
            let content = Content { run: &run, action: Some(name), repetition, part };
            properties[place] = link(asked, entry, &content, Some(found));
        }
    }
    properties
}

fn render_action(asked: &Asked, entry: &FlowEntry, row: &RunRow, record: &Value) -> Value {
    let run = row.id.run_name();
    let name = &record["name"];
    let id = format!("{}/runs/{run}/actions/{}", flow_id(asked, entry), text(name));
    json!({
        "runName": run,
        "name": name,
        "id": id,
        "type": format!("{KIND}/runs/actions"),
        "properties": action_properties(asked, entry, row, record),
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn actions(asked: &Asked, run: RunAt<'_>) -> Answered {
    let (view, _) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(flow_at(&run)))?;
    let mut value = Vec::new();
    for record in asked.app.list_actions(&asked.caller, run).await? {
        value.push(render_action(asked, &view.flow, &view.row, &to_json(&record)?));
    }
    Ok(asked.page(value, None))
}

async fn action(asked: &Asked, run: RunAt<'_>, name: &str) -> Answered {
    let (view, _) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(flow_at(&run)))?;
    let record = asked.app.get_action(&asked.caller, run, name).await?;
    ok(render_action(asked, &view.flow, &view.row, &to_json(&record)?))
}

fn render_repetition(asked: &Asked, entry: &FlowEntry, row: &RunRow, record: &Value) -> Value {
    let action = render_action(asked, entry, row, record);
    let name = &record["repetition"];
    json!({
        "name": name,
        "id": format!("{}/repetitions/{}", text(&action["id"]), text(name)),
        "type": format!("{KIND}/runs/actions/repetitions"),
        "properties": action["properties"],
    })
}

async fn repetitions(asked: &Asked, run: RunAt<'_>, action: &str) -> Answered {
    let (view, _) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(flow_at(&run)))?;
    let rows_max = asked.page_rows()?;
    let skip = asked.query("$skiptoken").map_or(Ok(0), str::parse).map_err(|_| {
        AppError::invalid("InvalidSkipToken", "The skip token is not one that this server gave.")
    })?;
    let query = RepetitionQuery { status: None, skip, rows_max };
    let (records, is_more) = asked.app.list_repetitions(&asked.caller, run, action, query).await?;
    let mut value = Vec::with_capacity(records.len());
    for record in &records {
        value.push(render_repetition(asked, &view.flow, &view.row, &to_json(record)?));
    }
    let next = is_more.then(|| skip.saturating_add(rows_max).to_string());
    Ok(asked.page(value, next.as_deref()))
}

async fn repetition(asked: &Asked, run: RunAt<'_>, action: &str, name: &str) -> Answered {
    let (view, _) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(flow_at(&run)))?;
    let record = asked.app.get_repetition(&asked.caller, run, action, name).await?;
    ok(render_repetition(asked, &view.flow, &view.row, &to_json(&record)?))
}

/// What is below `triggers`.
pub async fn triggers(asked: &Asked, at: FlowAt<'_>, path: &[&str]) -> Answered {
    match path {
        [] => {
            asked.expect(&Method::GET)?;
            list_triggers(asked, at).await
        }
        [_, "listcallbackurl"] if at.scope == Scope::Mine => {
            flows::callback_url(asked, at, Some(asked.last_segment(1))).await
        }
        [_, "run"] if at.scope == Scope::Mine => fire(asked, at, asked.last_segment(1)).await,
        [_, "histories"] => {
            asked.expect(&Method::GET)?;
            histories(asked, at).await
        }
        [_, "histories", _] => {
            asked.expect(&Method::GET)?;
            history(asked, RunAt { flow: Some(at), name: asked.last_segment(0) }).await
        }
        [_, "histories", _, "resubmit"] if at.scope == Scope::Mine => {
            asked.expect(&Method::POST)?;
            let run = RunAt { flow: Some(at), name: asked.last_segment(1) };
            check_trigger(asked, at, asked.last_segment(3)).await?;
            let resubmitted = asked.app.resubmit_run(&asked.caller, run).await;
            let (_, id, _) = resubmitted.map_err(of_run(at))?;
            let mut response = StatusCode::ACCEPTED.into_response();
            if let Ok(name) = id.run_name().parse() {
                response.headers_mut().insert("x-ms-workflow-run-id", name);
            }
            Ok(response)
        }
        _ => Err(asked.no_such_path()),
    }
}

async fn check_trigger(asked: &Asked, at: FlowAt<'_>, name: &str) -> Result<(), AppError> {
    let (view, _) = asked.app.get_flow(&asked.caller, at).await?;
    asked.app.pick_trigger(&view.entry, Some(name)).map(|_| ())
}

async fn list_triggers(asked: &Asked, at: FlowAt<'_>) -> Answered {
    let (view, _) = asked.app.get_flow(&asked.caller, at).await?;
    let entry = &view.entry;
    let flow = flow_id(asked, entry);
    let state = match entry.state {
        FlowState::Started => "Enabled",
        FlowState::Suspended => "Suspended",
        FlowState::Stopped | FlowState::Deleted => "Disabled",
    };
    let value = entry.version.flow.triggers.iter().map(|trigger| {
        json!({
            "name": trigger.name.as_str(),
            "id": format!("{flow}/triggers/{}", trigger.name),
            "type": format!("{KIND}/triggers"),
            "properties": {
                "provisioningState": "Succeeded",
                "createdTime": format_time(entry.row.created),
                "changedTime": format_time(entry.row.changed),
                "state": state,
            },
        })
    });
    Ok(asked.page(value.collect(), None))
}

/// A trigger's history: the runs that it started.
async fn histories(asked: &Asked, at: FlowAt<'_>) -> Answered {
    let rows = asked.page_rows()?;
    let before = asked.query("$skiptoken").and_then(ProcessId::from_run_name);
    let query = RunQuery { before, rows_max: rows + 1, ..RunQuery::default() };
    let (entry, mut found) = asked.app.list_runs(&asked.caller, at, query).await?;
    let is_more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| is_more).map(|last| last.id.run_name());
    let value = found.iter().map(|row| render_history(asked, &entry, row)).collect();
    Ok(asked.page(value, next.as_deref()))
}

async fn history(asked: &Asked, run: RunAt<'_>) -> Answered {
    let (view, _) = asked.app.get_run(&asked.caller, run).await.map_err(of_run(flow_at(&run)))?;
    ok(render_history(asked, &view.flow, &view.row))
}

fn render_history(asked: &Asked, entry: &FlowEntry, row: &RunRow) -> Value {
    let run = render(asked, entry, row, None);
    let (name, trigger) = (row.id.run_name(), &run["properties"]["trigger"]);
    let flow = flow_id(asked, entry);
    let mut properties = trigger.clone();
    if let Some(object) = properties.as_object_mut() {
        object.remove("name");
        object.remove("originHistoryName");
    }
    properties["fired"] = json!(true);
    properties["run"] = json!({"name": name, "id": run["id"], "type": format!("{KIND}/runs")});
    json!({
        "name": name,
        "id": format!("{flow}/triggers/{}/histories/{name}", text(&trigger["name"])),
        "type": format!("{KIND}/triggers/histories"),
        "properties": properties,
    })
}

/// Runs a flow now, in the name of who asks: the body is what its trigger gets.
async fn fire(asked: &Asked, at: FlowAt<'_>, trigger: &str) -> Answered {
    asked.expect(&Method::POST)?;
    let body = asked.json_or_nothing::<Option<expr::Value>>()?;
    let input = ManualInput { body, ..ManualInput::default() };
    let FlowAt { environment, name, .. } = at;
    let fired = asked.app.run_flow(&asked.caller, environment, name, Some(trigger), input).await;
    let (id, _) = fired.map_err(|error| match error.kind {
        // as the service answers for a flow that is off
        ErrorKind::Conflict => AppError::invalid(error.code, error.message),
        _ => error,
    })?;
    let name = id.map(|id| id.run_name());
    Ok((StatusCode::ACCEPTED, Json(json!({"name": name}))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        assert_eq!(filter("").unwrap(), (None, None, None));
        let (status, from, to) = filter(
            "status eq 'failed' and startTime ge 2024-01-01T00:00:00Z AND startTime lt 2024-01-02T00:00:00Z",
        )
        .unwrap();
        assert_eq!(status, Some(Status::Failed));
        assert_eq!(to.unwrap() - from.unwrap(), 864_000_000_000);
        for wrong in
            ["status", "status eq 'Odd'", "name eq 'x'", "startTime ge x", "status ne 'Failed'"]
        {
            assert_eq!(filter(wrong).unwrap_err().code, "InvalidFilter", "{wrong}");
        }
    }
}
