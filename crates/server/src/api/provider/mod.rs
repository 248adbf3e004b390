//! The resource providers that clients of Power Automate call: flows and runs
//! (`Microsoft.ProcessSimple`), connectors and connections (`Microsoft.PowerApps`),
//! environments and packages (`Microsoft.BusinessAppPlatform`), data policies
//! (`PowerPlatform.Governance`).
//!
//! Clients are lenient with these paths: case does not matter, slashes come twice, and
//! there may be a stray quote at the end of a query (reference 1.4). So they are matched
//! here, segment by segment, and not by the router.

pub mod apim;
mod approval;
pub mod azure;
mod connection;
pub mod connector;
pub mod content;
mod environment;
mod field;
mod flow;
mod governance;
mod import;
mod owner;
pub mod package;
mod power_app;
mod power_apps;
mod reference;
mod run;
pub mod storage;
mod user;

use super::{ApiError, ApiState, bearer, body};
use crate::app::access::Scope;
use crate::app::session::Surface;
use crate::app::{App, AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::limits::{API_BODY_BYTES_MAX, PROVIDER_PAGE_ROWS, PROVIDER_PAGE_ROWS_MAX};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request to a provider, taken apart.
pub struct Asked {
    pub app: App,
    pub caller: Caller,
    method: Method,
    /// Segments after the provider's name, decoded, as they were given and in lower case.
    segments: Vec<String>,
    lower: Vec<String>,
    query: Vec<(String, String)>,
    body: Bytes,
    /// `https://host`, as the caller named this server.
    pub base: String,
    path: String,
    /// It is an operation of a connector, as that describes it.
    is_of_connector: bool,
}

/// What a provider answers.
type Answered = Result<Response, AppError>;

pub async fn handle(State(state): State<ApiState>, request: Request) -> Response {
    answered(answer(&state, request).await)
}

/// An answer with what clients expect of every one.
fn answered(answer: Answered) -> Response {
    let id = crate::clock::guid().unwrap_or_default();
    let mut response = answer.unwrap_or_else(|error| ApiError(error).into_response());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-ms-request-id", id.clone());
        headers.insert("x-ms-correlation-request-id", id);
    }
    response
}

async fn answer(state: &ApiState, request: Request) -> Answered {
    let (parts, body) = request.into_parts();
    let caller = state.app.caller_of(bearer(&parts.headers), Surface::Providers).await?;
    let asked = Asked::read(state, caller, parts, body).await?;
    asked.check_version()?;
    let lower: Vec<&str> = asked.lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["microsoft.processsimple", rest @ ..] => process_simple(&asked, rest).await,
        ["microsoft.powerapps", rest @ ..] => power_apps::answer(&asked, rest).await,
        ["microsoft.businessappplatform", rest @ ..] => environment::platform(&asked, rest).await,
        ["powerplatform.governance", rest @ ..] => governance::answer(&asked, rest).await,
        _ => Err(asked.no_such_path()),
    }
}

async fn process_simple(asked: &Asked, path: &[&str]) -> Answered {
    match path {
        ["environments"] => asked.get(environment::list(asked)).await,
        ["environments", _] => asked.get(environment::show(asked)).await,
        ["environments", _, "flows", rest @ ..] => flows(asked, Scope::Mine, rest).await,
        ["scopes", "admin", "environments"] => asked.get(environment::administered(asked)).await,
        ["scopes", "admin", "environments", _, "flows", rest @ ..] => {
            flows(asked, Scope::Admin, rest).await
        }
        ["scopes", "admin", "environments", _, "v2", "flows", rest @ ..] => {
            flows(asked, Scope::Admin, rest).await
        }
        ["environments", _, "approvalrequests"] => approval::requests(asked).await,
        ["environments", _, "approvals"] => approval::approvals(asked).await,
        ["environments", _, "approvals", _, "approvalresponses"] => approval::respond(asked).await,
        ["scopes", "admin", "environments", _, "users", _, "approvals"] => {
            approval::remove(asked).await
        }
        ["scopes", "admin", "users", _] => user::details(asked).await,
        _ => Err(asked.no_such_path()),
    }
}

/// What is below `flows`.
async fn flows(asked: &Asked, scope: Scope, rest: &[&str]) -> Answered {
    let environment = asked.environment_segment();
    let Some((_, rest)) = rest.split_first() else {
        return flow::collection(asked, scope, environment).await;
    };
    let name = asked.last_segment(rest.len());
    let at = crate::app::access::FlowAt { environment, name, scope };
    match rest {
        [] => flow::one(asked, at).await,
        ["start" | "stop" | "restore" | "exporttoarmtemplate" | "checkflowerrors"] => {
            flow::act(asked, at, rest[0]).await
        }
        ["owners" | "permissions" | "users"] => owner::list(asked, at, rest[0]).await,
        ["modifypermissions" | "modifyowners" | "modifyusers"] => {
            owner::modify(asked, at, rest[0]).await
        }
        ["listcallbackurl"] => flow::callback_url(asked, at, None).await,
        ["triggers", rest @ ..] => run::triggers(asked, at, rest).await,
        ["runs", rest @ ..] => run::runs(asked, at, rest).await,
        _ => Err(asked.no_such_path()),
    }
}

/// The parameters of a query, names in lower case. A client ends one of its addresses in a
/// stray quote; the quote that ends a text of a filter is none.
fn parameters(query: &str) -> Vec<(String, String)> {
    let query = url::form_urlencoded::parse(query.as_bytes());
    let mut query: Vec<(String, String)> =
        query.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect();
    if let Some((_, last)) = query.last_mut()
        && last.ends_with('\'')
        && last.matches('\'').count() % 2 == 1
    {
        last.pop();
    }
    query
}

impl Asked {
    async fn read(
        state: &ApiState,
        caller: Caller,
        parts: Parts,
        body: Body,
    ) -> Result<Asked, AppError> {
        let path = parts.uri.path().to_owned();
        let decoded = path.split('/').filter(|segment| !segment.is_empty()).skip(1);
        let segments: Result<Vec<String>, _> = decoded
            .map(|segment| {
                percent_encoding::percent_decode_str(segment).decode_utf8().map(Into::into)
            })
            .collect();
        let segments = segments.map_err(|_| {
            AppError::invalid("InvalidPath", format!("'{path}' is not UTF-8 text when decoded."))
        })?;
        let lower = segments.iter().map(|segment| segment.to_lowercase()).collect();
        let query = parameters(parts.uri.query().unwrap_or_default());
        let base = state.base_of(&parts);
        let body = body::read(body, &parts.headers, API_BODY_BYTES_MAX).await?;
        let (app, method) = (state.app.clone(), parts.method);
        let is_of_connector = false;
        Ok(Asked { app, caller, method, segments, lower, query, body, base, path, is_of_connector })
    }

    /// A segment as it was given, counted after the provider's name.
    pub fn segment(&self, at: usize) -> &str {
        // the first is the provider's name
        self.segments.get(at + 1).map_or("", String::as_str)
    }

    /// The segment after `environments`.
    pub fn environment_segment(&self) -> &str {
        let place = self.lower.iter().position(|segment| segment == "environments");
        place.and_then(|at| self.segments.get(at + 1)).map_or("", String::as_str)
    }

    /// A segment counted from the end, the last one being 0.
    pub fn last_segment(&self, at: usize) -> &str {
        self.segments.iter().rev().nth(at).map_or("", String::as_str)
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A query parameter that turns something on.
    pub fn turns_on(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The answer to a GET; other methods are refused.
    async fn get(&self, answering: impl Future<Output = Answered>) -> Answered {
        self.expect(&Method::GET)?;
        answering.await
    }

    pub fn expect(&self, method: &Method) -> Result<(), AppError> {
        if self.method == *method { Ok(()) } else { Err(self.no_such_method()) }
    }

    pub fn no_such_method(&self) -> AppError {
        let message = format!("'{}' cannot be called with {}.", self.path, self.method);
        AppError::new(ErrorKind::BadMethod, "MethodNotAllowed", message)
    }

    pub fn no_such_path(&self) -> AppError {
        let message = format!("There is nothing at '{}'.", self.path);
        AppError::not_found("ResourceNotFound", message)
    }

    /// The body as JSON; what is wrong with it is said.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, AppError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("The body is not the JSON that was expected: {error}.");
            AppError::invalid("InvalidRequestContent", message)
        })
    }

    /// The same where clients send no body, or an empty object.
    pub fn json_or_nothing<T: DeserializeOwned + Default>(&self) -> Result<T, AppError> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Rows of a page.
    pub fn page_rows(&self) -> Result<usize, AppError> {
        let Some(text) = self.query("$top") else { return Ok(PROVIDER_PAGE_ROWS) };
        match text.parse() {
            Ok(rows) if rows > 0 => Ok(usize::min(rows, PROVIDER_PAGE_ROWS_MAX)),
            _ => {
                let message = format!("'$top' is '{text}', expected a number greater than 0.");
                Err(AppError::invalid("InvalidQuery", message))
            }
        }
    }

    /// A page: where the next begins is an absolute address with everything that was asked.
    pub fn page(&self, value: Vec<Value>, next: Option<&str>) -> Response {
        let mut body = serde_json::Map::new();
        body.insert("value".to_owned(), value.into());
        if let Some(next) = next {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in self.query.iter().filter(|(name, _)| name != "$skiptoken") {
                query.append_pair(name, value);
            }
            query.append_pair("$skiptoken", next);
            let link = format!("{}{}?{}", self.base, self.path, query.finish());
            body.insert("nextLink".to_owned(), link.into());
        }
        Json(Value::Object(body)).into_response()
    }

    /// Every `api-version` that is one is answered in the one form there is; without any, it
    /// is the first of them, as the connector for administrators has it by default.
    fn check_version(&self) -> Result<(), AppError> {
        let mut given = self.query.iter().filter(|(name, _)| name == "api-version");
        given.try_for_each(|(_, value)| check_version(value))
    }
}

fn check_version(given: &str) -> Result<(), AppError> {
    let value = given.trim_matches('\'');
    let is_date = value.len() >= 10
        && value.bytes().take(10).enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
        && matches!(value.get(10..), Some("" | "-preview" | "-beta" | "-alpha"));
    if is_date || matches!(value, "" | "1") {
        return Ok(());
    }
    let shown: String = value.chars().take(32).collect();
    let message = format!("'api-version' is '{shown}', expected a date such as '2016-11-01'.");
    Err(AppError::invalid("InvalidApiVersionParameter", message))
}

/// 200 with JSON.
fn ok(value: Value) -> Answered {
    Ok(Json(value).into_response())
}

/// 200 without anything.
fn done() -> Answered {
    Ok(StatusCode::OK.into_response())
}

/// JSON of one of the language's values.
fn to_json(value: &expr::Value) -> Result<Value, AppError> {
    serde_json::to_value(value).map_err(AppError::internal)
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn only_a_quote_that_ends_nothing_is_stray() {
        let last = |query: &str| parameters(query).pop().map(|(_, value)| value);
        let cases = [
            ("api-version=2016-11-01'", "2016-11-01"),
            ("api-version=1'&", "1"),
            ("$filter=environment%20eq%20'one'", "environment eq 'one'"),
            ("$filter=environment%20eq%20%27one%27", "environment eq 'one'"),
            ("$filter=environment%20eq%20'one''", "environment eq 'one'"),
        ];
        for (query, value) in cases {
            assert_eq!(last(query).as_deref(), Some(value), "{query}");
        }
        assert_eq!(last(""), None);
    }
}
