//! The yardstick: an axum handler that does the five steps of W1 in memory and
//! keeps nothing.

use anyhow::Result;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[derive(Deserialize)]
struct Order {
    id: u64,
    name: String,
    email: String,
    amount: u64,
    qty: u64,
}

#[derive(Serialize)]
struct Answer {
    id: u64,
    tier: &'static str,
    slug: String,
    total: u64,
}

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

async fn order(Json(order): Json<Order>) -> Json<Answer> {
    let total = order.amount.saturating_mul(order.qty);
    let full = format!("{} <{}>", order.name, order.email);
    let tier = if total > 100 { "gold" } else { "basic" };
    let slug = full.to_lowercase().replace(' ', "-");
    Json(Answer { id: order.id, tier, slug, total })
}
