//! The native API and trigger addresses, as tests use them.

use super::TOKEN;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Longer than any answer may take, so that a test does not hang.
const ANSWER_WITHIN: Duration = Duration::from_secs(150);

/// Longer than the runs of tests take.
const RUN_WITHIN: Duration = Duration::from_secs(20);

/// Entries of a page when all are wanted.
const PAGE: usize = 1_000;

/// A caller of one server.
#[derive(Clone)]
pub struct Api {
    /// `scheme://host:port`.
    base: String,
    client: Client,
}

impl Api {
    pub fn new(addr: SocketAddr) -> Api {
        Api::of(format!("http://{addr}"))
    }

    /// A caller of a server that speaks TLS, whoever it says it is.
    pub fn over_tls(addr: SocketAddr) -> Api {
        Api::of(format!("https://{addr}"))
    }

    fn of(base: String) -> Api {
        let client = Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            // Nobody is believed for a certificate: the machine need not have any.
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client");
        Api { base, client }
    }

    pub async fn is_ready(&self) -> bool {
        let request = self.client.get(format!("{}/health/ready", self.base));
        request.send().await.is_ok_and(|answer| answer.status() == 200)
    }

    /// Any call with the token: status and body (null when it is not JSON).
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// A GET that must be answered 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// All entries of a list, over all of its pages. `path` has a query already or none.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut next = Some(format!("{path}{mark}top={PAGE}"));
        let mut all = Vec::new();
        while let Some(path) = next {
            let mut page = self.get(&path).await;
            let Value::Array(entries) = page["value"].take() else {
                panic!("{path} is not a list: {page}");
            };
            all.extend(entries);
            next = page["nextLink"].as_str().map(|link| path_of(link).to_owned());
        }
        all
    }

    /// Creates a flow and gives the path of its trigger's address.
    pub async fn create_flow(&self, name: &str, document: &Value) -> String {
        let body = json!({"name": name, "document": document});
        let (status, answer) = self.call(Method::POST, "/api/v1/flows", Some(&body)).await;
        assert_eq!(status, 201, "flow '{name}': {answer}");
        self.trigger_path(name).await
    }

    /// Path and query of the signed address of a flow's trigger.
    pub async fn trigger_path(&self, flow: &str) -> String {
        let path = format!("/api/v1/flows/{flow}/callback-url");
        let (status, answer) = self.call(Method::POST, &path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        path_of(answer["value"].as_str().expect("a callback URL")).to_owned()
    }

    /// Calls a trigger's address: no token, as anyone would.
    pub async fn trigger(&self, path: &str, body: &Value) -> Result<Response, reqwest::Error> {
        self.client.post(format!("{}{path}", self.base)).json(body).send().await
    }

    /// The address of a path on this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request with any headers and body, without the token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A POST without a body that must be answered with one of these statuses.
    pub async fn post(&self, path: &str, status: u16) -> Value {
        let (given, body) = self.call(Method::POST, path, None).await;
        assert_eq!(given, status, "POST {path}: {body}");
        body
    }

    /// Waits until a run has ended, and gives it.
    pub async fn ended(&self, run: &str) -> Value {
        self.run_when(run, |run| !matches!(run["status"].as_str(), Some("Running" | "Waiting")))
            .await
    }

    /// Waits until a run is as wanted, and gives it.
    pub async fn run_when(&self, run: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let found = self.get(&format!("/api/v1/runs/{run}")).await;
            if wanted(&found) {
                return found;
            }
            assert!(since.elapsed() < RUN_WITHIN, "not as wanted after {RUN_WITHIN:?}: {found}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until no run of these flows is under way; gives those that still are when
    /// the time is over (at most one of each flow and status).
    pub async fn settled(&self, flows: &[&str], within: Duration) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let mut underway = Vec::new();
            for flow in flows {
                for status in ["Running", "Waiting"] {
                    let path = format!("/api/v1/flows/{flow}/runs?status={status}&top=1");
                    let page = self.get(&path).await;
                    let runs = page["value"].as_array().expect("a list");
                    underway.extend(runs.iter().cloned());
                }
            }
            if underway.is_empty() || since.elapsed() >= within {
                return underway;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Path and query of an absolute address, or of one that has no host.
pub fn path_of(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| {
        let slash = rest.find('/').expect("an address with a path");
        &rest[slash..]
    })
}
