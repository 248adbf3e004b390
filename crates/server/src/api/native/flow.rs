//! Flows on the native API.

use super::data_policy::{ViolationAnswer, render_violations};
use super::shape::ProblemAnswer;
use super::{
    ApiError, ApiState, Authenticated, Body, ForwardedBase, InEnvironment, List, MaybeBody, Params,
    Path, at, default_environment, link, page, page_rows,
};
use crate::api::error::problem;
use crate::app::AppError;
use crate::app::callback::CallbackUrl;
use crate::app::catalog::{FlowEntry, FlowState, dialect_of};
use crate::app::facts::{TriggerFacts, triggers_of};
use crate::app::flow::{FlowInput, FlowPatch, FlowView};
use crate::app::suspension::SuspensionReason;
use crate::app::trigger::ManualInput;
use crate::limits::PAGE_ROWS_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use flow::definition::{Dialect, LoadOptions, Loaded, Severity};
use flow::run::format_time;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::WorkflowRow;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowBody {
    name: Option<String>,
    display_name: Option<String>,
    dialect: Option<String>,
    #[schema(value_type = Option<Object>)]
    parameters: Option<expr::Value>,
    state: Option<String>,
    #[schema(value_type = Value)]
    document: Box<RawValue>,
}

impl FlowBody {
    fn into_input(self) -> Result<FlowInput, ApiError> {
        let state = match self.state.as_deref() {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("Started") => Some(FlowState::Started),
            Some(text) if text.eq_ignore_ascii_case("Stopped") => Some(FlowState::Stopped),
            Some(text) => {
                let message = format!("'state' is '{text}', expected 'Started' or 'Stopped'.");
                return Err(ApiError(AppError::invalid("InvalidRequestContent", message)));
            }
        };
        if !matches!(self.parameters, None | Some(expr::Value::Null | expr::Value::Object(_))) {
            let message = "'parameters' is not an object of values by name.";
            return Err(ApiError(AppError::invalid("InvalidRequestContent", message)));
        }
        Ok(FlowInput {
            name: self.name,
            display_name: self.display_name,
            dialect: dialect(self.dialect.as_deref())?,
            parameters: self.parameters,
            state,
            template_name: None,
            copied_from: None,
            document: self.document.get().as_bytes().to_vec(),
        })
    }
}

fn dialect(name: Option<&str>) -> Result<Option<Dialect>, ApiError> {
    let Some(name) = name else { return Ok(None) };
    let found = Dialect::from_name(name);
    found.map(Some).ok_or_else(|| {
        let message = format!("'dialect' is '{name}', expected 'power-automate' or 'logic-apps'.");
        ApiError(AppError::invalid("InvalidRequestContent", message))
    })
}

shape! {
    /// A flow. Its definition and connection references are there when it is asked for by
    /// name, problems when there are warnings.
    FlowAnswer {
        name: String,
        id: String,
        environment: String,
        display_name: String,
        state: String,
        dialect: String,
        version: u32,
        created_time: String,
        changed_time: String,
        triggers: Vec<TriggerAnswer>,
        suspension: Option<SuspensionAnswer>,
        problems: Option<Vec<ProblemAnswer>>,
        definition: Option<Value>,
        connection_references: Option<Value>,
    }

    /// A trigger of a flow.
    TriggerAnswer { name: String, r#type: String, kind: Option<String>, }

    /// Why a flow is turned off, and since when.
    SuspensionAnswer {
        reason: String,
        message: Option<String>,
        time: String,
        violations: Option<Vec<ViolationAnswer>>,
    }

    /// A signed address, whole and in its parts.
    CallbackAnswer {
        value: String,
        method: String,
        base_path: String,
        queries: BTreeMap<String, String>,
    }

    /// A run that has begun; null when nothing of it is kept.
    StartedAnswer { run: Option<String>, flow: String, status: String, }

    /// What is wrong with a definition.
    ValidationAnswer { valid: bool, problems: Vec<ProblemAnswer>, }
}

fn render(entry: &FlowEntry) -> Value {
    render_item(&entry.row, &triggers_of(&entry.version.flow))
}

pub fn render_item(row: &WorkflowRow, triggers: &[TriggerFacts]) -> Value {
    let render_trigger = |trigger: &TriggerFacts| {
        let mut value = json!({"name": trigger.name, "type": trigger.type_name});
        if let Some(kind) = &trigger.kind {
            value["kind"] = kind.as_str().into();
        }
        value
    };
    let triggers: Vec<Value> = triggers.iter().map(render_trigger).collect();
    json!({
        "name": row.name,
        "id": row.id,
        "environment": row.environment,
        "displayName": row.display_name,
        "state": FlowState::from_number(row.state).name(),
        "dialect": dialect_of(row.dialect).name(),
        "version": row.version,
        "createdTime": format_time(row.created),
        "changedTime": format_time(row.changed),
        "triggers": triggers,
    })
}

pub fn render_view(view: &FlowView) -> Value {
    let mut value = render(&view.entry);
    if let Some(it) = &view.facts.suspension {
        value["suspension"] = json!({
            "reason": it.reason.name(),
            "message": it.message,
            "time": format_time(it.time),
        });
        if !it.violations.is_empty() {
            value["suspension"]["violations"] = render_violations(&it.violations);
        }
    }
    if !view.problems.is_empty() {
        value["problems"] = view.problems.iter().map(problem).collect();
    }
    value
}

pub fn with_definition(mut value: Value, loaded: &Loaded) -> Result<Value, ApiError> {
    let to_json = |value: &expr::Value| serde_json::to_value(value).map_err(AppError::internal);
    value["definition"] = to_json(&loaded.definition)?;
    if let Some(references) = &loaded.connection_references {
        value["connectionReferences"] = to_json(references)?;
    }
    Ok(value)
}

/// Makes a flow.
#[utoipa::path(
    post, path = "/flows",
    params(InEnvironment),
    request_body = FlowBody,
    responses((status = 201, body = FlowAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Body(body): Body<FlowBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = body.into_input()?;
    if input.name.is_none() {
        let message = "'name' is missing: the flow needs one.";
        return Err(ApiError(AppError::invalid("InvalidName", message)));
    }
    let view = state.app.create_flow(&caller, &within.environment, input).await?;
    Ok((StatusCode::CREATED, Json(render_view(&view))))
}

/// Gives a flow a new version.
#[utoipa::path(
    put, path = "/flows/{name}",
    params(InEnvironment),
    request_body = FlowBody,
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<FlowBody>,
) -> Result<Json<Value>, ApiError> {
    let mut input = body.into_input()?;
    let (display_name, to) = (input.display_name.take(), input.state.take());
    let patch = FlowPatch { display_name, state: to, document: Some(input) };
    let view = state.app.update_flow(&caller, at(&within.environment, &name), patch).await?;
    Ok(Json(render_view(&view)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    #[serde(default = "default_environment")]
    environment: String,
    top: Option<usize>,
    skip_token: Option<String>,
    /// Those that were deleted as well.
    #[serde(default)]
    deleted: bool,
    /// Those with this text in a name.
    search: Option<String>,
}

/// The flows of an environment. With a search a page may be empty although there is a next one.
#[utoipa::path(
    get, path = "/flows",
    params(ListQuery),
    responses((status = 200, body = List<FlowAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    let environment = &query.environment;
    let after = query.skip_token.as_deref();
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    let looked_at = if search.is_some() { PAGE_ROWS_MAX } else { rows };
    let page_of = (after, looked_at + 1);
    let mut found = state.app.list_flows(&caller, environment, query.deleted, page_of).await?;
    let is_more = found.len() > looked_at;
    found.truncate(looked_at);
    let next = found.last().filter(|_| is_more).map(|last| {
        let top = rows.to_string();
        let mut queries = vec![("environment", environment.as_str()), ("top", &top)];
        if query.deleted {
            queries.push(("deleted", "true"));
        }
        queries.extend(search.map(|text| ("search", text)));
        queries.push(("skipToken", &last.row.name));
        link(&["flows"], &queries)
    });
    found.retain(|item| search.is_none_or(|text| item.is_named(text)));
    Ok(page(found.iter().map(|it| render_item(&it.row, &it.triggers)).collect(), next))
}

/// A flow with its definition.
#[utoipa::path(
    get, path = "/flows/{name}",
    params(InEnvironment),
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (view, loaded) = state.app.get_flow(&caller, at(&within.environment, &name)).await?;
    Ok(Json(with_definition(render_view(&view), &loaded)?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    #[serde(default = "default_environment")]
    environment: String,
    /// For good, with everything that is known of it.
    #[serde(default)]
    purge: bool,
}

/// Deletes a flow, so that it can be restored or for good.
#[utoipa::path(delete, path = "/flows/{name}", params(DeleteQuery), responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<DeleteQuery>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let flow = at(&query.environment, &name);
    if query.purge {
        state.app.purge_flow(&caller, flow).await?;
    } else {
        state.app.delete_flow(&caller, flow).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Brings back a flow that was deleted.
#[utoipa::path(
    post, path = "/flows/{name}/restore",
    params(InEnvironment),
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn restore(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let view = state.app.restore_flow(&caller, at(&within.environment, &name)).await?;
    Ok(Json(render_view(&view)))
}

/// Starts a flow.
#[utoipa::path(
    post, path = "/flows/{name}/enable",
    params(InEnvironment),
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn enable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let started = FlowState::Started;
    let entry = state.app.enable_flow(&caller, at(&within.environment, &name), started).await?;
    Ok(Json(render(&entry)))
}

/// Stops a flow.
#[utoipa::path(
    post, path = "/flows/{name}/disable",
    params(InEnvironment),
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn disable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let stopped = FlowState::Stopped;
    let entry = state.app.enable_flow(&caller, at(&within.environment, &name), stopped).await?;
    Ok(Json(render(&entry)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendBody {
    reason: String,
    message: Option<String>,
}

/// Turns a flow off for a reason.
#[utoipa::path(
    post, path = "/flows/{name}/suspend",
    params(InEnvironment),
    request_body = SuspendBody,
    responses((status = 200, body = FlowAnswer)),
)]
pub async fn suspend(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<SuspendBody>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let reason = SuspensionReason::parse(&body.reason)?;
    let view = state.app.suspend_flow(&caller, flow, reason, body.message).await?;
    Ok(Json(render_view(&view)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TriggerQuery {
    #[serde(default = "default_environment")]
    environment: String,
    trigger: Option<String>,
}

fn render_url(url: &CallbackUrl) -> Value {
    let queries: serde_json::Map<String, Value> = url
        .queries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    json!({"value": url.value, "method": url.method, "basePath": url.base_path, "queries": queries})
}

/// The signed address of a trigger.
#[utoipa::path(
    post, path = "/flows/{name}/callback-url",
    params(TriggerQuery),
    responses((status = 200, body = CallbackAnswer)),
)]
pub async fn callback_url(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<TriggerQuery>,
    ForwardedBase(base): ForwardedBase,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let trigger = query.trigger.as_deref();
    let mut url = state.app.callback_url(&caller, at(&query.environment, &name), trigger).await?;
    if let Some(base) = base {
        url.rebase(&state.app.engine.catalog.public_url(), &base);
    }
    Ok(Json(render_url(&url)))
}

/// Replaces a key with which addresses of a trigger are signed.
#[utoipa::path(
    post, path = "/flows/{name}/keys/{which}/rotate",
    params(TriggerQuery),
    responses((status = 200, body = CallbackAnswer)),
)]
pub async fn rotate_key(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<TriggerQuery>,
    Path((name, which)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let which = match which.as_str() {
        "primary" => 0,
        "secondary" => 1,
        other => {
            let message = format!("There is no key '{other}', expected 'primary' or 'secondary'.");
            return Err(ApiError(AppError::not_found("KeyNotFound", message)));
        }
    };
    let trigger = query.trigger.as_deref();
    let url = state.app.rotate_key(&caller, at(&query.environment, &name), which, trigger).await?;
    Ok(Json(render_url(&url)))
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    body: Option<expr::Value>,
    #[schema(value_type = Option<Value>)]
    headers: Option<expr::Value>,
    /// Connections that the caller brings, by the keys of the flow's references; what is not
    /// chosen is one of theirs.
    #[serde(default)]
    connections: BTreeMap<String, String>,
}

/// Tells `"body": null` from no body.
fn present<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<expr::Value>, D::Error> {
    expr::Value::deserialize(input).map(Some)
}

/// Runs a flow.
#[utoipa::path(
    post, path = "/flows/{name}/run",
    params(TriggerQuery),
    request_body = Option<RunBody>,
    responses((status = 202, body = StartedAnswer)),
)]
pub async fn run(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<TriggerQuery>,
    Path(name): Path<String>,
    headers: HeaderMap,
    MaybeBody(body): MaybeBody<RunBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = body.unwrap_or_default();
    let tracking = headers.get("x-ms-client-tracking-id").and_then(|value| value.to_str().ok());
    let input = ManualInput {
        body: body.body,
        headers: body.headers,
        tracking: tracking.map(expr::Str::from),
        connections: body.connections,
    };
    let trigger = query.trigger.as_deref();
    let environment = &query.environment;
    let (id, status) = state.app.run_flow(&caller, environment, &name, trigger, input).await?;
    let run = id.map(|id| id.run_name());
    let body = json!({"run": run, "flow": name, "status": status.name()});
    Ok((StatusCode::ACCEPTED, Json(body)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateBody {
    #[schema(value_type = Value)]
    document: Box<RawValue>,
    dialect: Option<String>,
}

/// What is wrong with a definition.
#[utoipa::path(
    post, path = "/validate",
    request_body = ValidateBody,
    responses((status = 200, body = ValidationAnswer)),
)]
pub async fn validate(
    _caller: Authenticated,
    Body(body): Body<ValidateBody>,
) -> Result<Json<Value>, ApiError> {
    let options = LoadOptions { dialect: dialect(body.dialect.as_deref())?, parameters: None };
    let report = flow::definition::load(body.document.get().as_bytes(), &options);
    let is_valid = !report.problems.iter().any(|found| found.severity == Severity::Error);
    let problems: Vec<Value> = report.problems.iter().map(problem).collect();
    Ok(Json(json!({"valid": is_valid, "problems": problems})))
}
