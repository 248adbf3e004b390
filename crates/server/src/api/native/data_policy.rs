//! Data policies on the native API.

use super::{
    ApiError, ApiState, Authenticated, Body, List, Params, Path, default_environment, link, page,
    page_rows,
};
use crate::app::catalog::FlowState;
use crate::app::data::Cursor;
use crate::app::data_policy::rule::{ConnectorRule, Group, Violation};
use crate::app::data_policy::{DataPolicy, PolicyInput, PolicyScope};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataPolicyBody {
    display_name: Option<String>,
    scope: PolicyScope,
    default_group: Group,
    #[serde(default)]
    connectors: Vec<ConnectorRule>,
}

shape! {
    /// A data policy.
    DataPolicyAnswer {
        name: String,
        display_name: Option<String>,
        scope: PolicyScope,
        default_group: Group,
        connectors: Vec<ConnectorRule>,
        created_time: String,
        changed_time: String,
    }

    /// A flow that is suspended because it breaks data policies, and how it does.
    PolicyViolationsAnswer {
        flow: String,
        id: String,
        display_name: String,
        environment: String,
        state: String,
        suspended_time: String,
        violations: Vec<ViolationAnswer>,
    }

    /// A way in which a flow breaks a data policy.
    ViolationAnswer {
        policy: String,
        kind: String,
        connector: String,
        what: Option<String>,
        path: String,
        message: String,
    }
}

fn render(policy: &DataPolicy) -> Value {
    let mut value = json!({
        "name": policy.name,
        "scope": policy.scope,
        "defaultGroup": policy.default_group,
        "connectors": policy.connectors,
        "createdTime": format_time(policy.created),
        "changedTime": format_time(policy.changed),
    });
    if let Some(display_name) = &policy.display_name {
        value["displayName"] = display_name.as_str().into();
    }
    value
}

pub fn render_violations(violations: &[Violation]) -> Value {
    let render = |it: &Violation| {
        let mut value = json!({
            "policy": it.policy,
            "kind": it.kind.name(),
            "connector": it.connector,
            "path": it.path,
            "message": it.text(),
        });
        if let Some(what) = &it.what {
            value["what"] = what.as_str().into();
        }
        value
    };
    violations.iter().map(render).collect()
}

/// The data policies of the environments that the caller administers.
#[utoipa::path(
    get, path = "/data-policies",
    responses((status = 200, body = List<DataPolicyAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_data_policies(&caller).await?;
    Ok(page(found.iter().map(render).collect(), None))
}

/// A data policy.
#[utoipa::path(
    get, path = "/data-policies/{name}",
    responses((status = 200, body = DataPolicyAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.get_data_policy(&caller, &name).await?)))
}

/// Makes a data policy, or puts another in its place. Flows are looked through afterwards.
#[utoipa::path(
    put, path = "/data-policies/{name}",
    request_body = DataPolicyBody,
    responses((status = 200, body = DataPolicyAnswer), (status = 201, body = DataPolicyAnswer)),
)]
pub async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<DataPolicyBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let DataPolicyBody { display_name, scope, default_group, connectors } = body;
    let input = PolicyInput { display_name, scope, default_group, connectors };
    let (policy, is_new) = state.app.put_data_policy(&caller, &name, input).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(render(&policy))))
}

/// Deletes a data policy. Flows that it held are turned on again.
#[utoipa::path(delete, path = "/data-policies/{name}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_data_policy(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViolationsQuery {
    #[serde(default = "default_environment")]
    environment: String,
    top: Option<usize>,
    skip_token: Option<String>,
}

/// The flows of an environment that data policies hold.
#[utoipa::path(
    get, path = "/data-policies/violations",
    params(ViolationsQuery),
    responses((status = 200, body = List<PolicyViolationsAnswer>)),
)]
pub async fn violations(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<ViolationsQuery>,
) -> Result<Json<Value>, ApiError> {
    let after = query.skip_token.as_deref().map(Cursor::decode).transpose()?;
    let rows = page_rows(query.top)?;
    let environment = &query.environment;
    let listed = state.app.list_policy_violations(&caller, environment, (after, rows)).await?;
    let next = listed.next.as_ref().map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let queries = [("environment", environment.as_str()), ("top", &top), ("skipToken", &token)];
        link(&["data-policies", "violations"], &queries)
    });
    let render = |(row, held): &(store::WorkflowRow, crate::app::suspension::Suspension)| {
        json!({
            "flow": row.name,
            "id": row.id,
            "displayName": row.display_name,
            "environment": row.environment,
            "state": FlowState::from_number(row.state).name(),
            "suspendedTime": format_time(held.time),
            "violations": render_violations(&held.violations),
        })
    };
    Ok(page(listed.rows.iter().map(|it| render(&it.value)).collect(), next))
}
