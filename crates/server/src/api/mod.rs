//! The wire: HTTP in, use cases, HTTP out. No decisions about the domain here.

mod approval_page;
mod attachment;
mod body;
mod console;
mod error;
mod graph;
mod health;
mod language;
mod login;
mod native;
mod provider;
pub mod trigger;

pub use error::ApiError;
pub use provider::apim::Provider;

use crate::app::{App, AppError};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// What the handlers share.
#[derive(Clone)]
pub struct ApiState {
    pub app: App,
    pub settings: Arc<ApiSettings>,
}

/// Settings of the wire.
#[derive(Debug)]
pub struct ApiSettings {
    /// Bytes of a trigger request's body.
    pub trigger_body_bytes_max: usize,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// A public URL is set: forwarding headers do not matter.
    pub has_public_url: bool,
    /// Connections are encrypted.
    pub is_tls: bool,
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

impl ApiState {
    /// `scheme://host` as the caller named this server: what a trusted proxy says, else the
    /// `Host` header, else the server's own address.
    fn base_of(&self, parts: &Parts) -> String {
        if let Some(base) = native::forwarded(parts, &self.settings) {
            return base;
        }
        let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = named.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let is_plain = |host: &&str| {
            host.len() <= 255
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        };
        match named.filter(is_plain) {
            Some(host) if self.settings.is_tls => format!("https://{host}"),
            Some(host) => format!("http://{host}"),
            None => self.app.engine.catalog.public_url(),
        }
    }
}

impl ApiState {
    /// Where a request comes from.
    fn address_of(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<String> {
        let peer = extensions.get::<Peer>()?.0;
        Some(origin(peer, headers, &self.settings.trusted_proxies).to_string())
    }
}

/// What trusted proxies say of who spoke to them, else who is at the other end.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").into_iter().filter_map(|it| it.to_str().ok());
    let listed: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    // from the end: what is before the first that is not trusted, it may have made up
    let listed = listed.iter().rev().map_while(|text| text.trim().parse::<IpAddr>().ok());
    listed.into_iter().find(|address| !trusted.contains(address)).unwrap_or(peer)
}

/// All surfaces but trigger addresses.
fn router(state: ApiState) -> Router {
    Router::new()
        .nest("/api/v1", native::router())
        .route("/providers/{*path}", any(provider::handle))
        .route("/apim/{*path}", any(provider::apim::handle))
        .route("/subscriptions/{*path}", any(provider::azure::handle))
        .route("/connectors/{id}/{file}", get(provider::connector::file))
        .route("/storage/{upload}/{file}", any(provider::storage::put))
        .route("/v1.0/users", get(graph::users))
        .route("/v1.0/groups", get(graph::groups))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(console::router())
        .merge(login::router())
        .merge(approval_page::router())
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .with_state(state)
}

/// The bearer token of a request. Of two headers none counts: what stands before this
/// server could have looked at the other.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What a connection talks to. Trigger addresses are the hot path and are taken before
/// the router; everything else goes through it.
#[derive(Clone)]
pub struct Entrance {
    state: Arc<ApiState>,
    router: Router,
    peer: Option<IpAddr>,
}

/// Who is at the other end of a connection: an extension of requests to the router.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl Entrance {
    #[must_use]
    pub fn new(state: ApiState) -> Entrance {
        Entrance { router: router(state.clone()), state: Arc::new(state), peer: None }
    }

    /// The entrance for one connection.
    #[must_use]
    pub fn for_peer(&self, peer: IpAddr) -> Entrance {
        Entrance { peer: Some(peer), ..self.clone() }
    }
}

impl Service<Request<Incoming>> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if trigger::is_address(request.uri().path()) {
            let state = Arc::clone(&self.state);
            return Box::pin(async move { Ok(trigger::invoke(&state, request).await) });
        }
        let mut router = self.router.clone();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(Peer(peer));
        }
        // goes on when the caller has gone: a change of management data is not left half done
        let task = tokio::spawn(async move {
            tower_service::Service::call(&mut router, request.map(Body::new)).await
        });
        Box::pin(async move {
            match task.await {
                Ok(response) => response,
                Err(error) => Ok(ApiError(AppError::internal(error)).into_response()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_where_a_request_comes_from() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [address("10.0.0.1"), address("10.0.0.2")];
        let from = |peer: &str, listed: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in listed {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            origin(address(peer), &headers, &trusted).to_string()
        };
        assert_eq!(from("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(from("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9", "2001:db8::1"]), "2001:db8::1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9, <b>"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }
}
