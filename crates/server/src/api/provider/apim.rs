//! The connector surface: what is called over a connection, at the connector's
//! `primaryRuntimeUrl`. Connectors that come with the server do what the resource provider
//! does (reference 5.9); their answers have what their documentation pages name.

use super::{Answered, Asked, power_apps, process_simple};
use crate::api::error::ApiError;
use crate::api::trigger::respond;
use crate::api::{ApiSettings, ApiState, bearer};
use crate::app::connector::builtin;
use crate::app::connector::call::ConnectionCall;
use crate::app::connector::management::{Managed, operations};
use crate::app::connector::runtime::{Management, ManagementAnswer};
use crate::app::session::Surface;
use crate::app::{App, AppError, ErrorKind};
use crate::auth::caller::Caller;
use ::connector::call::{Body as RelativeBody, RelativeRequest};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use flow::run::CallResult;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

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
    let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
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
    let Some(acting) = call.acting.clone() else {
        return over_connection(&asked, call, &uri, &headers).await;
    };
    asked.segments.drain(..2);
    asked.lower.drain(..2);
    asked.caller = acting;
    managed(&mut asked, &call.connector.name).await
}

/// An operation of another connector: what stands behind the connection answers.
async fn over_connection(
    asked: &Asked,
    call: ConnectionCall,
    uri: &Uri,
    headers: &HeaderMap,
) -> Answered {
    // behind the surface, the connector and the connection
    let path = uri.path().splitn(5, '/').nth(4).unwrap_or_default();
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let text = |name: &HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let content_type = text(&header::CONTENT_TYPE);
    let body = RelativeBody::read(content_type, &asked.body);
    let body =
        body.map_err(|error| AppError::invalid("InvalidRequestContent", error.to_string()))?;
    let request = RelativeRequest {
        method: asked.method().as_str().to_owned(),
        path: format!("/{path}"),
        query: query.into_owned().collect(),
        headers: Vec::new(),
        content_type: content_type.filter(|_| body.is_some()).map(str::to_owned),
        body,
    };
    let given: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    match asked.app.call_from_outside(call, request, &given).await? {
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => Ok(respond(&answer)),
        CallResult::Failure { code, message, .. } => {
            let error = json!({"error": {"code": code.as_str(), "message": message.as_str()}});
            Ok((StatusCode::BAD_GATEWAY, Json(error)).into_response())
        }
        CallResult::Unknown => Err(AppError::internal("the end of a call is not known")),
    }
}

/// An operation of one of the administrators' connectors, by whom the connection acts as.
async fn managed(asked: &mut Asked, connector: &str) -> Answered {
    let operation = operation_of(asked, operations(connector))?;
    if connector == builtin::ADMINS {
        // what follows is the path of the resource provider
        asked.segments.drain(..2);
        asked.lower.drain(..2);
    }
    if operation == "AdminGetFlow" && asked.query("includeflowdefinition").is_none() {
        // the definition is there when it is asked for (documentation page, AdminGetFlow)
        asked.query.push(("includeflowdefinition".to_owned(), "false".to_owned()));
    }
    let response = provide(asked).await?;
    match operation {
        "GetFlow" | "AdminGetFlow" => references_listed(response).await,
        _ => Ok(response),
    }
}

/// The same for flows.
pub struct Provider {
    pub settings: Arc<ApiSettings>,
}

impl Management for Provider {
    fn answer(
        &self,
        app: App,
        acting: Caller,
        connector: &'static str,
        request: RelativeRequest,
    ) -> Pin<Box<dyn Future<Output = ManagementAnswer> + Send>> {
        let state = ApiState { app, settings: Arc::clone(&self.settings) };
        Box::pin(async move {
            let response = match by_flow(&state, acting, connector, &request).await {
                Ok(response) => response,
                Err(error) => ApiError(error).into_response(),
            };
            let status = response.status().as_u16();
            let headers = response.headers().iter().filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            });
            let headers = headers.collect();
            // what the provider makes is in memory already
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
            ManagementAnswer { status, headers, body }
        })
    }
}

async fn by_flow(
    state: &ApiState,
    acting: Caller,
    connector: &'static str,
    request: &RelativeRequest,
) -> Answered {
    let mut made = Request::builder().method(request.method.as_str());
    // the first segment is the surface's name
    made = made.uri(format!("/apim{}", request.target()));
    let mut body = Body::empty();
    if let Some(content) = &request.body {
        let (content_type, bytes) = content.write(request.content_type.as_deref());
        made = made.header(header::CONTENT_TYPE, content_type);
        body = Body::from(bytes);
    }
    let made = made.body(body).map_err(|error| {
        AppError::invalid("InvalidPath", format!("The call cannot be made: {error}."))
    })?;
    let (parts, body) = made.into_parts();
    let mut asked = Asked::read(state, acting, parts, body).await?;
    managed(&mut asked, connector).await
}

fn operation_of(asked: &Asked, operations: &[Managed]) -> Result<&'static str, AppError> {
    let mut at_path = operations.iter().filter(|it| it.is_at(&asked.lower)).peekable();
    if at_path.peek().is_none() {
        return Err(asked.no_such_path());
    }
    let method = asked.method().as_str();
    let found = at_path.find(|it| it.method == method);
    found.map(|it| it.id).ok_or_else(|| asked.no_such_method())
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
