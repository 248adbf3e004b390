//! The one place where kinds of errors become HTTP statuses.

use crate::app::{AppError, ErrorKind};
use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error on its way to a caller.
#[derive(Debug)]
pub struct ApiError(pub AppError);

impl<E: Into<AppError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        ApiError(error.into())
    }
}

/// The HTTP status of a kind of error.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::BadMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem of a definition for the wire.
pub fn problem(problem: &flow::definition::Problem) -> Value {
    let mut value = json!({
        "severity": match problem.severity {
            flow::definition::Severity::Error => "error",
            flow::definition::Severity::Warning => "warning",
        },
        "code": problem.code,
        "path": problem.path,
        "message": problem.message,
    });
    if let Some(offset) = problem.offset {
        value["offset"] = json!(offset);
    }
    if let Some(expected) = &problem.expected {
        value["expected"] = json!(expected);
    }
    value
}

/// `{"error": {"code", "message", "details"?}}`.
pub fn envelope(error: &AppError) -> Value {
    let mut inner = json!({"code": error.code, "message": error.message});
    if !error.details.is_empty() {
        inner["details"] = error.details.iter().map(problem).collect();
    }
    json!({ "error": inner })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (status_of(self.0.kind), Json(envelope(&self.0))).into_response();
        let headers = response.headers_mut();
        match self.0.kind {
            ErrorKind::Throttled { retry_after_seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
            }
            ErrorKind::Unavailable | ErrorKind::Full => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(5));
            }
            ErrorKind::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

pub async fn no_such_path(uri: Uri) -> ApiError {
    let message = format!("There is nothing at '{}'.", uri.path());
    ApiError(AppError::not_found("ResourceNotFound", message))
}

pub async fn no_such_method(method: Method, uri: Uri) -> Response {
    let message = format!("'{}' cannot be called with {method}.", uri.path());
    let error = AppError::invalid("MethodNotAllowed", message);
    (StatusCode::METHOD_NOT_ALLOWED, Json(envelope(&error))).into_response()
}
