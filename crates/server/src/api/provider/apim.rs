//! The connector surface: what is called over a connection, at the connector's
//! `primaryRuntimeUrl`. Connectors that come with the server do what the resource provider
//! does (reference 5.9); their answers have what their documentation pages name.

use super::{Answered, Asked, power_apps, process_simple};
use crate::api::error::ApiError;
use crate::api::trigger::respond;
use crate::api::{ApiSettings, ApiState, bearer};
use crate::app::connector::management::{Managed, operations};
use crate::app::connector::runtime::{Backend, Management, ManagementAnswer};
use crate::app::connector::{Connector, builtin};
use crate::app::session::Surface;
use crate::app::{App, AppError, ErrorKind};
use crate::auth::caller::Caller;
use ::connector::call::{Body as RelativeBody, RelativeRequest};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
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
    let (uri, headers) = (parts.uri.clone(), given_headers(&parts.headers));
    let mut asked = Asked::read(state, caller, parts, body).await?;
    let [connector, _, rest @ ..] = asked.lower.as_slice() else {
        return Err(asked.no_such_path());
    };
    let connector = Connector::whole_name(connector);
    let target = (connector.as_str(), asked.segments[1].as_str());
    match rest {
        [] => return Err(asked.no_such_path()),
        [last] if last == "testconnection" => {
            // the link of a connection's `testLinks`
            asked.expect(&Method::GET)?;
            asked.app.test_at_address(&asked.caller, target).await?.passed()?;
            return super::done();
        }
        _ => {}
    }
    let is_get = *asked.method() == Method::GET;
    let call = asked.app.begin_call(&asked.caller, target, is_get).await?;
    match call.acting.clone() {
        Some(acting) if call.connection.backend == Backend::Service => {
            asked.segments.drain(..2);
            asked.lower.drain(..2);
            asked.caller = acting;
            let operation = operation_of(&asked, &call.connector.name)?;
            asked.app.judge_operation(&call, operation).await?;
            managed(&mut asked, &call.connector.name, operation).await
        }
        _ => {
            let path = behind(uri.path(), BEFORE_OPERATION);
            let request = request_of(&asked, path.to_owned(), uri.query(), &headers)?;
            respond_to(asked.app.call_from_outside(call, request, &headers).await?)
        }
    }
}

/// Segments before an operation's: the surface, the connector and the connection.
const BEFORE_OPERATION: usize = 3;

/// What is behind so many segments of a path, as it was given.
pub fn behind(path: &str, segments: usize) -> &str {
    (0..segments).fold(path, |rest, _| {
        let rest = rest.trim_start_matches('/');
        rest.find('/').map_or("", |at| &rest[at..])
    })
}

/// What a caller's headers say, where that is text.
pub fn given_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

/// What is asked for, as a request of the service.
pub fn request_of(
    asked: &Asked,
    path: String,
    query: Option<&str>,
    headers: &[(String, String)],
) -> Result<RelativeRequest, AppError> {
    let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let content_type = headers.iter().find(|(name, _)| name == header::CONTENT_TYPE.as_str());
    let content_type = content_type.map(|(_, value)| value.as_str());
    let body = RelativeBody::read(content_type, &asked.body);
    let body =
        body.map_err(|error| AppError::invalid("InvalidRequestContent", error.to_string()))?;
    Ok(RelativeRequest {
        method: asked.method().as_str().to_owned(),
        path,
        query: query.into_owned().collect(),
        headers: Vec::new(),
        content_type: content_type.filter(|_| body.is_some()).map(str::to_owned),
        body,
    })
}

/// The end of a call as the answer to who asked for it.
pub fn respond_to(result: CallResult) -> Answered {
    match result {
        CallResult::Answer(answer) | CallResult::Page { answer, .. } => Ok(respond(&answer)),
        CallResult::Failure { code, message, .. } => {
            let error = json!({"error": {"code": code.as_str(), "message": message.as_str()}});
            Ok((StatusCode::BAD_GATEWAY, Json(error)).into_response())
        }
        CallResult::Unknown => Err(AppError::internal("the end of a call is not known")),
    }
}

/// An operation of one of the administrators' connectors, by whom the connection acts as.
async fn managed(asked: &mut Asked, connector: &str, operation: &str) -> Answered {
    asked.check_version()?;
    asked.is_of_connector = true;
    if connector == builtin::ADMINS {
        // what follows is the path of the resource provider
        asked.segments.drain(..2);
        asked.lower.drain(..2);
    }
    if operation == "AdminGetFlow" && asked.query("includeflowdefinition").is_none() {
        // the definition is there when it is asked for (documentation page, AdminGetFlow)
        asked.query.push(("includeflowdefinition".to_owned(), "false".to_owned()));
    }
    if matches!(operation, "ListMyFlows" | "ListFlowsInEnvironment") {
        // of the fields that these list
        asked.query.push(("expandsuspensioninfo".to_owned(), "true".to_owned()));
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
        at: (&'static str, String),
        request: RelativeRequest,
    ) -> Pin<Box<dyn Future<Output = ManagementAnswer> + Send>> {
        let state = ApiState { app, settings: Arc::clone(&self.settings) };
        Box::pin(async move {
            let response = match by_flow(&state, acting, (at.0, &at.1), &request).await {
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
    (connector, connection): (&'static str, &str),
    request: &RelativeRequest,
) -> Answered {
    let mut made = Request::builder().method(request.method.as_str());
    // as if it came from outside, so that links lead there
    let short = connector.trim_start_matches("shared_");
    made = made.uri(format!("/apim/{short}/{connection}{}", request.target()));
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
    asked.segments.drain(..2);
    asked.lower.drain(..2);
    let operation = operation_of(&asked, connector)?;
    managed(&mut asked, connector, operation).await
}

fn operation_of(asked: &Asked, connector: &str) -> Result<&'static str, AppError> {
    let at = |it: &&Managed| it.is_at(&asked.lower);
    let mut at_path = operations(connector).iter().filter(at).peekable();
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
