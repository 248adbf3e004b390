//! A proxy that answers CONNECT: whatever host a client asks for, it leads to one port of
//! this machine.
//!
//! Invariant: no other machine is ever spoken to, and every host that was asked for is known.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of what a client says before the tunnel is there.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A proxy. It ends when this is dropped.
pub struct Tunnel {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    /// `host:port`, as it was asked for.
    asked: Mutex<BTreeSet<String>>,
}

impl Tunnel {
    /// Starts a proxy to a server on a port of this machine.
    pub async fn start(port: u16) -> std::io::Result<Tunnel> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let shared = Arc::new(Shared { server, asked: Mutex::default() });
        let port = listener.local_addr()?.port();
        let listening = tokio::spawn(listen(listener, shared.clone()));
        Ok(Tunnel { port, shared, listening })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every `host:port` that was asked for, and anything that was no such question.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            // an error is somebody who went away
            let _ = carry(client, &shared).await;
        });
    }
}

async fn carry(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut input = Vec::new();
    let end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut input).await? == 0 || input.len() > HEAD_BYTES_MAX {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&input[..end]);
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let host = match (words.next(), words.next()) {
        (Some("CONNECT"), Some(host)) => host,
        _ => line.as_str(),
    };
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
    if host == line {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
    }
    let mut server = TcpStream::connect(shared.server).await?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    server.write_all(&input[end..]).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes back for a head and what follows it.
    async fn told(tunnel: &Tunnel, text: &str) -> String {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, tunnel.port())).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn every_host_leads_here_and_is_known() {
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let tunnel = Tunnel::start(echo.local_addr().unwrap().port()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = echo.accept().await {
                let (mut from, mut to) = socket.split();
                tokio::io::copy(&mut from, &mut to).await.unwrap();
            }
        });
        let answer = told(&tunnel, "CONNECT far.example:443 HTTP/1.1\r\n\r\nhello").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello"));
        let answer = told(&tunnel, "GET http://near.example/ HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        let asked: Vec<String> = tunnel.asked().into_iter().collect();
        assert_eq!(asked, ["GET http://near.example/ HTTP/1.1", "far.example:443"]);
    }
}
