//! Connections: accepting, TLS, time limits, and the graceful end.

use crate::api::Entrance;
use crate::config::Config;
use crate::limits::{LISTEN_BACKLOG, REQUEST_HEAD_SECONDS, SHUTDOWN_SECONDS};
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
}

impl Listener {
    pub async fn bind(config: &Config) -> Result<Listener, String> {
        let socket = listen(config.listen)
            .map_err(|error| format!("{} cannot be listened on: {error}", config.listen))?;
        let address = socket.local_addr().map_err(|error| error.to_string())?;
        let tls = match &config.tls {
            Some((certificate, key)) => Some(acceptor(certificate, key)?),
            None => None,
        };
        let connections = Arc::new(Semaphore::new(config.connections_max.max(1)));
        Ok(Listener { socket, address, tls, connections })
    }

    /// The address that it listens on, as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` ends, then lets the requests under way finish.
    pub async fn serve(self, entrance: Entrance, stop: impl Future<Output = ()>) {
        let builder = builder(Duration::from_secs(REQUEST_HEAD_SECONDS));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&self.connections).acquire_owned() => permit,
                () = &mut stop => break,
            };
            let (stream, peer) = tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        // out of file descriptors, perhaps: others have to end first
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            let connection = Connection {
                builder: builder.clone(),
                entrance: entrance.for_peer(peer.ip()),
                tls: self.tls.clone(),
            };
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                connection.run(stream, watcher).await;
                drop(permit);
            });
        }
        drop(self.socket);
        let limit = Duration::from_secs(SHUTDOWN_SECONDS);
        if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
    }
}

struct Connection {
    builder: Builder<TokioExecutor>,
    entrance: Entrance,
    tls: Option<TlsAcceptor>,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        // answers are small and wanted at once
        let _ = stream.set_nodelay(true);
        let time = Duration::from_secs(REQUEST_HEAD_SECONDS);
        let Connection { builder, entrance, tls } = self;
        match tls {
            None => speak(&builder, stream, entrance, time, watcher).await,
            Some(acceptor) => match tokio::time::timeout(time, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => speak(&builder, stream, entrance, time, watcher).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
    }
}

/// What speaks HTTP/1.1 and HTTP/2, with a limit of time for the head of a request.
fn builder(head: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(head));
    builder
}

/// Speaks until the other side ends, or has not asked for anything in twice the time for a
/// head: until it is clear which protocol it speaks, the builder waits without a limit.
async fn speak<S, E>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    entrance: E,
    head: Duration,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    E::Future: Send,
{
    let begun = Arc::new(AtomicBool::new(false));
    let service = Begun { entrance, begun: Arc::clone(&begun) };
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let connection = watcher.watch(connection.into_owned());
    let silence = async {
        tokio::time::sleep(head * 2).await;
        if begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = silence => tracing::debug!("a connection asked for nothing"),
    }
}

/// An entrance that notes whether anything was asked for.
struct Begun<E> {
    entrance: E,
    begun: Arc<AtomicBool>,
}

impl<E: Service<Request<Incoming>>> Service<Request<Incoming>> for Begun<E> {
    type Response = E::Response;
    type Error = E::Error;
    type Future = E::Future;

    fn call(&self, request: Request<Incoming>) -> E::Future {
        self.begun.store(true, Ordering::Relaxed);
        self.entrance.call(request)
    }
}

/// A listening socket with room for a crowd that connects at once: whoever finds no room
/// tries again a second later.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // a server that was just stopped leaves its address behind for a while
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        format!("{} cannot be used for TLS: {error}", path.display())
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|error| failed(certificate, &error))?
        .collect();
    let chain = chain.map_err(|error| failed(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| failed(certificate, &error))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn spoken(said: &str) -> String {
        let (mut client, server) = tokio::io::duplex(4_096);
        client.write_all(said.as_bytes()).await.unwrap();
        let head = Duration::from_millis(20);
        let answer = hyper::service::service_fn(|_: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(axum::body::Body::from("here")))
        });
        let graceful = GracefulShutdown::new();
        let builder = builder(head);
        let speaking = speak(&builder, server, answer, head, graceful.watcher());
        tokio::time::timeout(Duration::from_secs(20), speaking).await.expect("an end");
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        String::from_utf8_lossy(&told).into_owned()
    }

    #[tokio::test]
    async fn who_asks_for_nothing_is_not_waited_for() {
        for said in ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nhost: "] {
            assert!(!spoken(said).await.contains("here"), "{said:?}");
        }
    }

    #[tokio::test]
    async fn who_asks_is_answered() {
        let told = spoken("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("here"), "{told}");
    }
}
