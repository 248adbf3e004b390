//! The connector surface: what is called over a connection, at the connector's
//! `primaryRuntimeUrl`. Connectors that come with the server do what the resource provider
//! does (reference 5.9); their answers have what their documentation pages name.

use super::{Answered, Asked, power_apps, process_simple};
use crate::api::error::ApiError;
use crate::api::{ApiState, bearer};
use crate::app::connector::builtin;
use crate::app::session::Surface;
use crate::app::{AppError, ErrorKind};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The operations of Power Automate Management: method, path, and id. A `*` stands for any
/// segment.
const MANAGEMENT: [(&str, &str, &str); 24] = [
    ("GET", "environments", "ListUserEnvironments"),
    ("GET", "apis", "ListApis"),
    ("GET", "apis/*", "GetApi"),
    ("GET", "connections", "ListConnections"),
    ("POST", "apis/*/connections", "CreateConnection"),
    ("GET", "environments/*/flows", "ListMyFlows"),
    ("POST", "environments/*/flows", "CreateFlow"),
    ("GET", "environments/*/flows/*", "GetFlow"),
    ("PATCH", "environments/*/flows/*", "UpdateFlow"),
    ("DELETE", "environments/*/flows/*", "DeleteFlow"),
    ("POST", "environments/*/flows/*/start", "StartFlow"),
    ("POST", "environments/*/flows/*/stop", "StopFlow"),
    ("GET", "environments/*/flows/*/owners", "ListFlowOwners"),
    ("POST", "environments/*/flows/*/modifyowners", "ModifyFlowOwners"),
    ("GET", "environments/*/flows/*/users", "ListFlowUsers"),
    ("POST", "environments/*/flows/*/modifyusers", "ModifyRunOnlyUsers"),
    ("POST", "environments/*/flows/*/runs/*/cancel", "CancelFlowRun"),
    ("POST", "environments/*/flows/*/triggers/*/histories/*/resubmit", "ResubmitFlow"),
    ("POST", "environments/*/flows/*/listcallbackurl", "ListCallbackUrl"),
    ("GET", "scopes/admin/environments/*/flows", "ListFlowsInEnvironment"),
    ("GET", "scopes/admin/environments/*/v2/flows", "ListFlowsInEnvironment_V2"),
    ("GET", "scopes/admin/environments/*/flows/*", "AdminGetFlow"),
    ("POST", "scopes/admin/environments/*/flows/*/modifyowners", "AdminModifyFlowOwners"),
    ("POST", "scopes/admin/environments/*/flows/*/restore", "AdminRestoreFlow"),
];

/// The operations of Power Automate for Admins, below `providers/Microsoft.ProcessSimple`.
const ADMINS: [(&str, &str, &str); 7] = [
    ("POST", "scopes/admin/environments/*/flows/*/start", "Enable-AdminFlow"),
    ("POST", "scopes/admin/environments/*/flows/*/stop", "Disable-AdminFlow"),
    ("GET", "scopes/admin/environments/*/flows/*/permissions", "Get-AdminFlowOwnerRole"),
    ("POST", "scopes/admin/environments/*/flows/*/modifypermissions", "Edit-AdminFlowOwnerRole"),
    ("DELETE", "scopes/admin/environments/*/flows/*", "Remove-AdminFlow"),
    ("GET", "scopes/admin/users/*", "Get-AdminFlowUserDetails"),
    ("DELETE", "scopes/admin/users/*", "Remove-AdminFlowUserDetails"),
];

/// `/apim/{connector}/{connection}/...`.
pub async fn handle(State(state): State<ApiState>, request: Request) -> Response {
    match answer(&state, request).await {
        Ok(response) => response,
        // the gateway of connectors has an envelope of its own for this one
        Err(error) => match error.kind {
            ErrorKind::Throttled { retry_after_seconds } => {
                let body = json!({"statusCode": 429, "message": error.message});
                let after = HeaderValue::from(retry_after_seconds);
                let status = StatusCode::TOO_MANY_REQUESTS;
                (status, [(header::RETRY_AFTER, after)], Json(body)).into_response()
            }
            _ => ApiError(error).into_response(),
        },
    }
}

async fn answer(state: &ApiState, request: Request) -> Answered {
    let (parts, body) = request.into_parts();
    let caller = state.app.caller_of(bearer(&parts.headers), Surface::Connectors).await?;
    let is_get = parts.method == Method::GET;
    let mut asked = Asked::read(state, caller, parts, body).await?;
    if asked.segments.len() < 3 {
        return Err(asked.no_such_path());
    }
    let target = (asked.lower[0].clone(), asked.segments[1].clone());
    if asked.lower.len() == 3 && asked.lower[2] == "testconnection" {
        // the link of a connection's `testLinks`
        asked.expect(&Method::GET)?;
        let at = (&*format!("shared_{}", target.0), target.1.as_str());
        asked.app.test_at_address(&asked.caller, at).await?;
        return super::done();
    }
    let call = asked.app.begin_call(&asked.caller, (&target.0, &target.1), is_get).await?;
    asked.segments.drain(..2);
    asked.lower.drain(..2);
    asked.caller = call.acting;
    let operations = match call.connector.name.as_str() {
        builtin::MANAGEMENT => MANAGEMENT.as_slice(),
        builtin::ADMINS => {
            let begins = ["providers", "microsoft.processsimple"];
            if asked.lower.len() <= begins.len() || asked.lower[..begins.len()] != begins {
                return Err(asked.no_such_path());
            }
            asked.segments.drain(..begins.len());
            asked.lower.drain(..begins.len());
            ADMINS.as_slice()
        }
        _ => return Err(asked.no_such_path()),
    };
    let operation = operation_of(&asked, operations)?;
    if operation == "AdminGetFlow" && asked.query("includeflowdefinition").is_none() {
        // the definition is there when it is asked for (documentation page, AdminGetFlow)
        asked.query.push(("includeflowdefinition".to_owned(), "false".to_owned()));
    }
    let response = provide(&mut asked).await?;
    match operation {
        "GetFlow" | "AdminGetFlow" => references_listed(response).await,
        _ => Ok(response),
    }
}

fn operation_of(
    asked: &Asked,
    operations: &[(&'static str, &'static str, &'static str)],
) -> Result<&'static str, AppError> {
    let is_path = |pattern: &str| {
        let mut segments = pattern.split('/');
        let mut given = asked.lower.iter();
        loop {
            match (segments.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given)) if wanted == "*" || wanted == given => {}
                _ => return false,
            }
        }
    };
    let mut at_path = operations.iter().filter(|(_, path, _)| is_path(path)).peekable();
    if at_path.peek().is_none() {
        return Err(asked.no_such_path());
    }
    let method = asked.method().as_str();
    let found = at_path.find(|(known, ..)| *known == method);
    found.map(|(.., id)| *id).ok_or_else(|| asked.no_such_method())
}

/// What the resource provider answers.
async fn provide(asked: &mut Asked) -> Answered {
    let is_power_apps = matches!(asked.lower[0].as_str(), "apis" | "connections");
    let provider = if is_power_apps { "Microsoft.PowerApps" } else { "Microsoft.ProcessSimple" };
    // the first segment is the provider's name
    asked.segments.insert(0, provider.to_owned());
    asked.lower.insert(0, provider.to_lowercase());
    let lower: Vec<String> = asked.lower.clone();
    let path: Vec<&str> = lower.iter().skip(1).map(String::as_str).collect();
    if is_power_apps {
        power_apps::answer(asked, &path).await
    } else {
        process_simple(asked, &path).await
    }
}

/// Connection references as the list that this surface has them in.
async fn references_listed(response: Response) -> Answered {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(AppError::internal)?;
    let mut flow: Value = serde_json::from_slice(&bytes).map_err(AppError::internal)?;
    if let Some(references) = flow.pointer_mut("/properties/connectionReferences")
        && let Value::Object(entries) = references.take()
    {
        *references = entries.into_iter().map(|(_, value)| value).collect();
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(flow.to_string())))
}
