//! The part of the native API the bench needs.

use crate::client::{Connection, Target};
use crate::process::TOKEN;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Runs of a page when all are listed.
const PAGE: usize = 1_000;

/// A connection that rests longer may have been closed by the server.
const REUSE_WITHIN: Duration = Duration::from_secs(1);

/// A caller over one connection, with the first token or another.
pub struct Api {
    addr: SocketAddr,
    token: String,
    /// Open, and when it was last used.
    connection: Option<(Connection, Instant)>,
}

impl Api {
    pub fn new(addr: SocketAddr) -> Self {
        Api::with_token(addr, TOKEN)
    }

    pub fn with_token(addr: SocketAddr, token: &str) -> Self {
        Api { addr, token: token.to_owned(), connection: None }
    }

    pub async fn post(&mut self, path: &str, body: &Value, expect: u16) -> Result<Value> {
        self.call("POST", path, &serde_json::to_vec(body)?, expect).await
    }

    pub async fn put(&mut self, path: &str, body: &Value, expect: u16) -> Result<Value> {
        self.call("PUT", path, &serde_json::to_vec(body)?, expect).await
    }

    /// The same over this connection for another caller.
    pub async fn exchange(&mut self, target: &Target, body: &Value, expect: u16) -> Result<Value> {
        self.send(target, &serde_json::to_vec(body)?, expect).await
    }

    /// Creates a flow and gives the address of its trigger.
    pub async fn create_flow(&mut self, name: &str, document: &Value) -> Result<Target> {
        let body = json!({"name": name, "document": document});
        self.post("/api/v1/flows", &body, 201).await?;
        self.trigger(name).await
    }

    /// The address of a flow's trigger.
    pub async fn trigger(&mut self, name: &str) -> Result<Target> {
        let path = format!("/api/v1/flows/{name}/callback-url");
        let answer = self.call("POST", &path, b"", 200).await?;
        let url = answer["value"].as_str().context("a callback URL without value")?;
        Ok(Target::new(self.addr, "POST", path_of(url)?, None))
    }

    pub async fn run(&mut self, id: &str) -> Result<Value> {
        self.get(&format!("/api/v1/runs/{id}")).await
    }

    /// The records of a run's actions.
    pub async fn actions(&mut self, id: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut path = format!("/api/v1/runs/{id}/actions?top={PAGE}");
        loop {
            match self.page(&path, &mut all).await? {
                Some(next) => path = next,
                None => return Ok(all),
            }
        }
    }

    pub async fn action(&mut self, id: &str, action: &str) -> Result<Value> {
        self.get(&format!("/api/v1/runs/{id}/actions/{action}")).await
    }

    pub async fn repetition(&mut self, id: &str, action: &str, index: u64) -> Result<Value> {
        let path = format!("/api/v1/runs/{id}/actions/{action}/repetitions/{index:06}");
        self.get(&path).await
    }

    /// Waits until no run of the flow is under way.
    pub async fn settled(&mut self, flow: &str, within: Duration) -> Result<()> {
        let since = Instant::now();
        'statuses: for status in ["Running", "Waiting"] {
            let path = format!("/api/v1/flows/{flow}/runs?status={status}&top=1");
            while since.elapsed() < within {
                let page = self.get(&path).await?;
                if page["value"].as_array().is_some_and(Vec::is_empty) {
                    continue 'statuses;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            bail!("runs of '{flow}' are still {status} after {within:?}");
        }
        Ok(())
    }

    /// Whether a run of the flow waits or is being worked on.
    pub async fn under_way(&mut self, flow: &str) -> Result<bool> {
        for status in ["Running", "Waiting"] {
            let path = format!("/api/v1/flows/{flow}/runs?status={status}&top=1");
            let page = self.get(&path).await?;
            if !page["value"].as_array().is_some_and(Vec::is_empty) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many runs of a flow there are, and how many of them succeeded.
    pub async fn count_runs(&mut self, flow: &str) -> Result<(u64, u64)> {
        let (mut all, mut succeeded) = (0, 0);
        let mut path = Some(format!("/api/v1/flows/{flow}/runs?top={PAGE}"));
        while let Some(now) = path {
            let mut runs = Vec::new();
            path = self.page(&now, &mut runs).await?;
            all += runs.len() as u64;
            succeeded += runs.iter().filter(|run| run["status"] == "Succeeded").count() as u64;
        }
        Ok((all, succeeded))
    }

    /// A page of a list: its rows, and the address of the next.
    pub async fn page(&mut self, path: &str, into: &mut Vec<Value>) -> Result<Option<String>> {
        let mut page = self.get(path).await?;
        let Value::Array(items) = page["value"].take() else {
            bail!("{path} is not a list");
        };
        into.extend(items);
        page["nextLink"].as_str().map(|link| path_of(link).map(str::to_owned)).transpose()
    }

    async fn get(&mut self, path: &str) -> Result<Value> {
        self.call("GET", path, b"", 200).await
    }

    async fn call(&mut self, method: &str, path: &str, body: &[u8], expect: u16) -> Result<Value> {
        let target = Target::new(self.addr, method, path, Some(&self.token));
        let sent = self.send(&target, body, expect).await;
        sent.with_context(|| format!("{method} {path}"))
    }

    async fn send(&mut self, target: &Target, body: &[u8], expect: u16) -> Result<Value> {
        let mut request = Vec::new();
        target.write_request(body, &mut request)?;
        let mut connection = match self.connection.take() {
            Some((connection, used)) if used.elapsed() < REUSE_WITHIN => connection,
            _ => Connection::open(self.addr).await?,
        };
        let answer = connection.exchange(&request).await?;
        if answer.status != expect {
            bail!("answered {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        }
        let value = serde_json::from_slice(answer.body)?;
        self.connection = Some((connection, Instant::now()));
        Ok(value)
    }
}

/// Path and query of an absolute address, or of one that has no host.
fn path_of(url: &str) -> Result<&str> {
    let Some((_, rest)) = url.split_once("://") else {
        return Ok(url);
    };
    let slash = rest.find('/').with_context(|| format!("no path in {url}"))?;
    Ok(&rest[slash..])
}
