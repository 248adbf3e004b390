//! A service that flows call: it remembers each request, and answers as the test says.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(20);

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// With its query, as it was sent.
    pub path: String,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Asked {
    /// The body; null when it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Method and path.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer: status, headers, body. With a `content-type` of its own, a text is sent as it is.
pub type Told = (u16, Vec<(&'static str, String)>, Value);

/// The service.
#[derive(Clone)]
pub struct Backend {
    pub addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Backend {
    /// One that answers by a rule: the request, and how many came before it.
    pub async fn start(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> Backend {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (known, rule) = (Arc::clone(&asked), Arc::new(rule));
        let service = axum::Router::new().fallback(move |request: Request| {
            let (known, rule) = (Arc::clone(&known), Arc::clone(&rule));
            async move {
                let (parts, body) = request.into_parts();
                let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
                let path = parts.uri.path_and_query().map(ToString::to_string);
                let (method, headers) = (parts.method, parts.headers);
                let asked = Asked { method, path: path.unwrap_or_default(), headers, bytes };
                let before = {
                    let mut known = known.lock().expect("the requests");
                    known.push(asked.clone());
                    known.len() - 1
                };
                render(rule(&asked, before))
            }
        });
        tokio::spawn(async move { axum::serve(listener, service).await });
        Backend { addr, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the requests").clone()
    }

    /// Waits until there is a request like this; the last of them.
    pub async fn wait_for(&self, is_it: impl Fn(&Asked) -> bool) -> Asked {
        let since = Instant::now();
        loop {
            if let Some(found) = self.asked().into_iter().rev().find(&is_it) {
                return found;
            }
            assert!(since.elapsed() < WITHIN, "not asked: {:?}", self.asked());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn render((status, headers, body): Told) -> Response<axum::body::Body> {
    let mut response = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    let is_typed = headers.iter().any(|(name, _)| *name == "content-type");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    if body.is_null() {
        return response.body(axum::body::Body::empty()).expect("an answer");
    }
    if let (true, Value::String(text)) = (is_typed, &body) {
        return response.body(axum::body::Body::from(text.clone())).expect("an answer");
    }
    let response = response.header("content-type", "application/json");
    response.body(axum::body::Body::from(body.to_string())).expect("an answer")
}
