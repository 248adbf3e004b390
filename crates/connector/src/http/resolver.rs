//! Name resolution that gives the client only addresses the egress guard allows.
//!
//! The client connects to exactly the addresses handed out here, so a name that
//! resolves differently the next time gains nothing. Does not cache: the system's
//! resolver and the connection pool do.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::egress::EgressPolicy;

/// Where addresses of names come from: the system, or a test's table.
pub(crate) trait Lookup: Send + Sync {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;

    /// A test's network may have an authority of its own.
    #[cfg(test)]
    fn trusting(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder
    }
}

/// The operating system's resolver.
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

pub(crate) struct GuardedResolver {
    policy: Arc<EgressPolicy>,
    lookup: Arc<dyn Lookup>,
}

impl GuardedResolver {
    pub(crate) fn new(policy: Arc<EgressPolicy>, lookup: Arc<dyn Lookup>) -> Self {
        GuardedResolver { policy, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let name = name.as_str().to_owned();
        let found = self.lookup.lookup(name.clone());
        Box::pin(async move {
            let mut allowed = Vec::new();
            let mut refusal = None;
            for address in found.await? {
                match policy.check_address(&name, address) {
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(denied) => refusal = refusal.or(Some(denied)),
                }
            }
            match (allowed.is_empty(), refusal) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(denied)) => Err(denied.into()),
                (true, None) => {
                    Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into())
                }
            }
        })
    }
}
