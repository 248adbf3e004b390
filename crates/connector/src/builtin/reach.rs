//! The way to servers that are not HTTP: resolved, judged, connected, encrypted.
//!
//! Invariant: a connection is made to an address that the egress policy has judged, and
//! to no other: a name that resolves differently the next time gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::HttpFailure;
use super::limits::DIAL_TIMEOUT;
use crate::http::EgressPolicy;
use crate::http::resolver::{Lookup, SystemLookup};

/// Why the way out could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReachError(String);

/// Who named a server: what the administrator named is not judged, as mail servers are
/// often on this very machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    ByAdministrator,
    ByConnection,
}

/// Connects to servers. Cloning shares everything.
#[derive(Clone)]
pub struct Reach {
    policy: Arc<EgressPolicy>,
    lookup: Arc<dyn Lookup>,
    tls: Arc<ClientConfig>,
    authorities: Arc<Vec<CertificateDer<'static>>>,
}

impl Reach {
    /// Believes the authorities of this machine, and those of a PEM text besides.
    ///
    /// # Errors
    /// There is no authority to believe, or the text is no PEM.
    pub fn new(
        policy: Arc<EgressPolicy>,
        more_authorities: Option<&[u8]>,
    ) -> Result<Reach, ReachError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let unread = |error: &dyn std::fmt::Display| {
            ReachError(format!("An authority's certificate cannot be read: {error}."))
        };
        let mut authorities = Vec::new();
        for read in CertificateDer::pem_slice_iter(more_authorities.unwrap_or_default()) {
            let authority = read.map_err(|error| unread(&error))?;
            roots.add(authority.clone()).map_err(|error| unread(&error))?;
            authorities.push(authority);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ReachError(format!("TLS cannot be set up: {error}.")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Reach {
            policy,
            lookup: Arc::new(SystemLookup),
            tls: Arc::new(tls),
            authorities: Arc::new(authorities),
        })
    }

    /// The authorities besides those of the machine, for a library that encrypts itself.
    pub(super) fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    pub(super) fn tls_config(&self) -> ClientConfig {
        (*self.tls).clone()
    }

    /// Connects to a host, which is a name or an address.
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        named: Named,
    ) -> Result<TcpStream, HttpFailure> {
        match timeout(DIAL_TIMEOUT, self.dial(host, port, named)).await {
            Ok(connected) => connected,
            Err(_) => Err(unreachable("it does not answer in time")),
        }
    }

    async fn dial(&self, host: &str, port: u16, named: Named) -> Result<TcpStream, HttpFailure> {
        let host = read_host(host)?;
        if named == Named::ByConnection {
            self.policy.check_host(&host).map_err(denied)?;
        }
        let found = match &host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => self.resolve(name, named).await?,
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in found {
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => {
                    // Small commands and answers: waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(unreachable(&last.to_string()))
    }

    async fn resolve(&self, name: &str, named: Named) -> Result<Vec<IpAddr>, HttpFailure> {
        let found = self.lookup.lookup(name.to_owned()).await;
        let found = found.map_err(|error| unreachable(&error.to_string()))?;
        if named == Named::ByAdministrator {
            return Ok(found);
        }
        let judged = |address: &IpAddr| self.policy.check_address(name, *address);
        let refused = found.iter().find_map(|address| judged(address).err());
        let allowed: Vec<IpAddr> =
            found.into_iter().filter(|address| judged(address).is_ok()).collect();
        match refused {
            Some(refusal) if allowed.is_empty() => Err(denied(refusal)),
            _ => Ok(allowed),
        }
    }

    /// Encrypts a connection to a host, whose certificate must be its own.
    pub(super) async fn encrypt(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HttpFailure> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|_| HttpFailure::Invalid("the server's name is none".to_owned()))?;
        let connecting = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        match timeout(DIAL_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(unreachable(&format!("TLS: {error}"))),
            Err(_) => Err(unreachable("it does not answer in time")),
        }
    }
}

fn read_host(host: &str) -> Result<Host<String>, HttpFailure> {
    let host = host.trim();
    let bracketed = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Host::parse(&bracketed)
        .map_err(|_| HttpFailure::Invalid(format!("'{host}' is not the name of a server")))
}

fn denied(denied: crate::http::Denied) -> HttpFailure {
    let failure = HttpFailure::from(denied);
    tracing::warn!(reason = %failure, "outbound connection denied");
    failure
}

pub(super) fn unreachable(reason: &str) -> HttpFailure {
    HttpFailure::Unreachable(reason.to_owned())
}
