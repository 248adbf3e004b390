//! Is it up, is it ready, how is it doing.

use super::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::atomic::Ordering;
use store::StoreError;

pub async fn live() -> &'static str {
    "live\n"
}

/// Ready when the store can write, the server is not going down, and runs can begin here.
pub async fn ready(State(state): State<ApiState>) -> Response {
    let engine = &state.app.engine;
    if engine.closing.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is going down\n").into_response();
    }
    match engine.store.ping().await {
        // who looks after it can reach it; triggers say themselves that it is paused
        Ok(()) if engine.is_paused() => "ready, paused\n".into_response(),
        // it has just come, or has lost touch: others take what is to be begun
        Ok(()) if engine.new_id().is_err() => {
            (StatusCode::SERVICE_UNAVAILABLE, "no partition is held yet\n").into_response()
        }
        Ok(()) => "ready\n".into_response(),
        Err(StoreError::Full(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the disk is full\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

/// Prometheus text. Counts are taken over when they are asked for.
pub async fn metrics(State(state): State<ApiState>) -> String {
    let engine = &state.app.engine;
    let counters = &engine.counters;
    for (name, counter) in [
        ("sluicegate_runs_started_total", &counters.runs_started),
        ("sluicegate_runs_finished_total", &counters.runs_finished),
        ("sluicegate_runs_not_succeeded_total", &counters.runs_failed),
        ("sluicegate_steps_total", &counters.steps),
        ("sluicegate_calls_total", &counters.calls),
        ("sluicegate_commits_refused_total", &counters.commits_refused),
    ] {
        metrics::counter!(name).absolute(counter.load(Ordering::Relaxed));
    }
    let (in_memory, stepping) = engine.load();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    for (name, value) in
        [("sluicegate_processes_in_memory", in_memory), ("sluicegate_processes_stepping", stepping)]
    {
        metrics::gauge!(name).set(value as f64);
    }
    state.settings.metrics.render()
}
