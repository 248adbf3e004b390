//! Connections as Azure Resource Manager names them: what Logic Apps and their designer call.
//! The resource group is the environment, and the subscription any: this server has none.
//!
//! An operation is called below `extensions/proxy`, or told to `dynamicInvoke`; both do what a
//! call at the connector's runtime address does.

use super::apim::{behind, given_headers, request_of, respond_to};
use super::connection::status;
use super::connector::{person, runtime_url};
use super::environment::LOCATION;
use super::{Answered, Asked, answered, done, ok};
use crate::api::{ApiState, bearer};
use crate::app::AppError;
use crate::app::access::Scope;
use crate::app::connector::connection::{ConnectionAt, ConnectionFound};
use crate::app::session::Surface;
use ::connector::call::RelativeRequest;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use flow::run::{CallResult, format_time, status_name};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Segments before what is called below `extensions/proxy`.
const BEFORE_PROXIED: usize = 10;

/// What tells whether a connection works, instead of an operation.
const TEST: &str = "testconnection";

/// `/subscriptions/{subscription}/resourceGroups/{environment}/providers/Microsoft.Web/connections/{connection}...`.
pub async fn handle(State(state): State<ApiState>, request: Request) -> Response {
    answered(Box::pin(answer(&state, request)).await)
}

async fn answer(state: &ApiState, request: Request) -> Answered {
    let (parts, body) = request.into_parts();
    let caller = state.app.caller_of(bearer(&parts.headers), Surface::Providers).await?;
    let (uri, headers) = (parts.uri.clone(), given_headers(&parts.headers));
    let asked = Asked::read(state, caller, parts, body).await?;
    asked.check_version()?;
    let lower: Vec<&str> = asked.lower.iter().map(String::as_str).collect();
    let [_, "resourcegroups", _, "providers", "microsoft.web", "connections", _, rest @ ..] =
        lower.as_slice()
    else {
        return Err(asked.no_such_path());
    };
    check_subscription(&asked.segments[0])?;
    match rest {
        [] => {
            asked.expect(&Method::GET)?;
            ok(render(&asked, &found(&asked).await?).await?)
        }
        ["dynamicinvoke"] => invoke(&asked).await,
        ["extensions", "proxy", TEST] => {
            asked.expect(&Method::GET)?;
            test(&asked).await?;
            done()
        }
        ["extensions", "proxy", _, ..] => {
            let path = behind(uri.path(), BEFORE_PROXIED).to_owned();
            let mut request = request_of(&asked, path, uri.query(), &headers)?;
            // it is the version of this path, not of the operation's
            request.query.retain(|(name, _)| !name.eq_ignore_ascii_case("api-version"));
            respond_to(call(&asked, request, &headers).await?)
        }
        _ => Err(asked.no_such_path()),
    }
}

/// Any will do, since there are none here: but it has to be one.
fn check_subscription(given: &str) -> Result<(), AppError> {
    if crate::app::access::guid_to_id(given).is_some() {
        return Ok(());
    }
    let message =
        format!("The provided subscription identifier '{given}' is malformed or invalid.");
    Err(AppError::invalid("InvalidSubscriptionId", message))
}

/// The connection that the path names.
async fn found(asked: &Asked) -> Result<ConnectionFound, AppError> {
    let (environment, name) = (&asked.segments[2], &asked.segments[6]);
    asked.app.connection_named(&asked.caller, environment, name).await
}

async fn test(asked: &Asked) -> Result<(), AppError> {
    let ConnectionFound { environment, connector, connection } = found(asked).await?;
    let (environment, connector) = (environment.id.as_str(), connector.name.as_str());
    let at = ConnectionAt { environment, connector, name: &connection.name, scope: Scope::Mine };
    asked.app.test_connection(&asked.caller, at).await?.passed()
}

async fn call(
    asked: &Asked,
    request: RelativeRequest,
    headers: &[(String, String)],
) -> Result<CallResult, AppError> {
    let found = found(asked).await?;
    let at = (found.connector.name.as_str(), found.connection.name.as_str());
    let call = asked.app.begin_call(&asked.caller, at, request.method == "GET").await?;
    asked.app.call_from_outside(call, request, headers).await
}

#[derive(Deserialize)]
struct Invocation {
    /// As an action `ApiConnection` says it.
    request: expr::Value,
}

/// A call that is told in the body, and its answer in the body of this one.
async fn invoke(asked: &Asked) -> Answered {
    asked.expect(&Method::POST)?;
    let Invocation { request } = asked.json()?;
    let invalid = |message: String| AppError::invalid("InvalidRequestContent", message);
    let given = request.as_object();
    let given = given.ok_or_else(|| invalid("'request' is no object.".to_owned()))?;
    let mut request =
        RelativeRequest::from_action(given).map_err(|fault| invalid(fault.to_string()))?;
    if request.path.trim_matches('/').eq_ignore_ascii_case(TEST) {
        test(asked).await?;
        return ok(json!({"response": {"statusCode": status_name(200).as_str()}}));
    }
    let headers = std::mem::take(&mut request.headers);
    match call(asked, request, &headers).await? {
        CallResult::Answer(answer) => {
            let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
            let status = part("statusCode").as_int().unwrap_or(200);
            let value = |name: &str| serde_json::to_value(part(name)).map_err(AppError::internal);
            ok(json!({"response": {
                "statusCode": status_name(status).as_str(),
                "headers": value("headers")?,
                "body": value("body")?,
            }}))
        }
        failed => respond_to(failed),
    }
}

async fn render(asked: &Asked, found: &ConnectionFound) -> Result<Value, AppError> {
    let ConnectionFound { connector, connection, .. } = found;
    let (subscription, group) = (&asked.segments[0], &asked.segments[2]);
    let subscription = format!("/subscriptions/{subscription}");
    let name = &connection.name;
    let id =
        format!("{subscription}/resourceGroups/{group}/providers/Microsoft.Web/connections/{name}");
    let status = status(asked, connection);
    let tested = |rest: &str| format!("{}{id}/{rest}?api-version=2016-06-01", asked.base);
    let mut properties = json!({
        "displayName": connection.display_name,
        "overallStatus": status["status"],
        "statuses": [status],
        "createdBy": person(asked, connection.owner.as_deref()).await?,
        "createdTime": format_time(connection.created),
        "changedTime": format_time(connection.changed),
        "customParameterValues": {},
        "api": render_api(asked, found, &subscription, group).await,
        "testLinks": [{"requestUri": tested(&format!("extensions/proxy/{TEST}")), "method": "get"}],
        "testRequests": [{
            "body": {"request": {"method": "get", "path": TEST}},
            "requestUri": tested("dynamicInvoke"),
            "method": "POST",
        }],
        "connectionRuntimeUrl": format!("{}/{name}", runtime_url(asked, connector)),
    });
    if connection.set.is_empty() {
        properties["nonSecretParameterValues"] = json!(connection.parameters);
    } else {
        let values = connection.parameters.iter();
        let values: Map<String, Value> =
            values.map(|(name, value)| (name.clone(), json!({"value": value}))).collect();
        properties["parameterValueSet"] = json!({"name": connection.set, "values": values});
    }
    Ok(json!({
        "id": id,
        "name": name,
        "type": "Microsoft.Web/connections",
        "location": LOCATION,
        "kind": "V1",
        "properties": properties,
    }))
}

/// The connector. What it is called is told to who may see it: a connection may be given to
/// others as well.
async fn render_api(
    asked: &Asked,
    found: &ConnectionFound,
    subscription: &str,
    group: &str,
) -> Value {
    let ConnectionFound { environment, connector, .. } = found;
    let name = connector.short_name();
    let provider = "providers/Microsoft.Web";
    let (id, kind) = match connector.is_custom() {
        true => (format!("resourceGroups/{group}/{provider}/customApis/{name}"), "customApis"),
        false => {
            (format!("{provider}/locations/{LOCATION}/managedApis/{name}"), "locations/managedApis")
        }
    };
    let mut api = json!({
        "name": name,
        "id": format!("{subscription}/{id}"),
        "type": format!("Microsoft.Web/{kind}"),
    });
    let scope = Scope::Mine;
    let seen = asked.app.get_connector(&asked.caller, scope, &environment.id, &connector.name);
    if seen.await.is_ok() {
        api["displayName"] = json!(connector.display_name);
        api["description"] = json!(connector.description);
    }
    api
}
