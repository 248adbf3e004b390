//! The wire: HTTP in, use cases, HTTP out. No decisions about the domain here.

mod error;
mod health;
mod native;
mod trigger;

pub use error::ApiError;

use crate::app::App;
use crate::limits::API_BODY_BYTES_MAX;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get};

/// What the handlers share.
#[derive(Clone)]
pub struct ApiState {
    pub app: App,
    pub settings: std::sync::Arc<ApiSettings>,
}

/// Settings of the wire.
#[derive(Debug)]
pub struct ApiSettings {
    /// Bytes of a trigger request's body.
    pub trigger_body_bytes_max: usize,
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

/// All surfaces.
pub fn router(state: ApiState) -> Router {
    let native = native::router().layer(DefaultBodyLimit::max(API_BODY_BYTES_MAX));
    Router::new()
        .nest("/api/v1", native)
        .route("/workflows/{id}/triggers/{trigger}/paths/invoke", any(trigger::invoke))
        .route("/workflows/{id}/triggers/{trigger}/paths/invoke/", any(trigger::invoke))
        .route("/workflows/{id}/triggers/{trigger}/paths/invoke/{*path}", any(trigger::invoke))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .with_state(state)
}
