//! Refusals as identity clients read them.

use crate::api::error::status_of;
use crate::app::signin::{Refusal, SignInError};
use crate::clock;
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flow::run::format_time;
use serde_json::json;

/// `{"error", "error_description", "error_codes", ...}`.
pub fn answer(error: SignInError, headers: &HeaderMap, now: i64) -> Response {
    let refusal = match error {
        SignInError::Refused(refusal) => refusal,
        SignInError::Failed(error) => {
            let name = match status_of(error.kind).is_server_error() {
                true => "temporarily_unavailable",
                false => "invalid_request",
            };
            let refusal = Refusal::new(name, 90_033, error.message.clone());
            return (status_of(error.kind), Json(body(&refusal, headers, now))).into_response();
        }
    };
    (status(&refusal), Json(body(&refusal, headers, now))).into_response()
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal.error {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn body(refusal: &Refusal, headers: &HeaderMap, now: i64) -> serde_json::Value {
    let trace = clock::guid().unwrap_or_default();
    let given = headers.get("client-request-id").and_then(|id| id.to_str().ok());
    let correlation = given.filter(|id| id.len() <= 64).unwrap_or(&trace);
    let time = format_time(now);
    // 2026-01-02T03:04:05.0000000Z as 2026-01-02 03:04:05Z
    let time = format!("{}Z", time.get(..19).unwrap_or_default().replace('T', " "));
    let description = format!(
        "{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
        refusal.description()
    );
    let mut body = json!({
        "error": refusal.error,
        "error_description": description,
        "error_codes": [refusal.number],
        "timestamp": time,
        "trace_id": trace,
        "correlation_id": correlation,
    });
    match refusal.number {
        65_001 => body["suberror"] = json!("consent_required"),
        50_076 => body["suberror"] = json!("basic_action"),
        _ => {}
    }
    body
}
