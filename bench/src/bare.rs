//! The yardstick: an axum handler that does the five steps of W1 in memory and
//! keeps nothing.

use anyhow::Result;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Serves until the process is ended, on as many threads as the server would take.
pub fn serve(listen: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router =
            Router::new().route("/ready", get(|| async { "ready" })).route("/order", post(order));
        let listener = tokio::net::TcpListener::bind(listen).await?;
        let listener = listener.tap_io(|socket| {
            // A socket that refuses stays as it is: only slower.
            let _ = socket.set_nodelay(true);
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// Any JSON body, as a flow takes it; what is missing reads as null.
async fn order(Json(order): Json<Value>) -> Json<Value> {
    let number = |name: &str| order[name].as_u64().unwrap_or_default();
    let text = |name: &str| order[name].as_str().unwrap_or_default();
    let total = number("amount").saturating_mul(number("qty"));
    let full = format!("{} <{}>", text("name"), text("email"));
    let tier = if total > 100 { "gold" } else { "basic" };
    let slug = full.to_lowercase().replace(' ', "-");
    Json(json!({"id": order["id"], "tier": tier, "slug": slug, "total": total}))
}
