//! A service that keeps each request as it came over the wire, byte by byte, and numbers them:
//! its answer says the number. It speaks HTTP and TLS at one port.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const WITHIN: Duration = Duration::from_secs(20);

/// The header of an answer with the number of its request.
pub const NUMBER: &str = "x-number";

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// A request as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Raw {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
pub struct Service {
    pub addr: SocketAddr,
    asked: Arc<Mutex<Vec<Raw>>>,
}

impl Service {
    pub async fn start(authority: &rig::Authority) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let asked: Arc<Mutex<Vec<Raw>>> = Arc::default();
        let (known, acceptor) = (Arc::clone(&asked), acceptor(authority));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (known, acceptor) = (Arc::clone(&known), acceptor.clone());
                tokio::spawn(async move {
                    let mut first = [0];
                    match stream.peek(&mut first).await {
                        Ok(1) if first[0] == HANDSHAKE => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &known).await;
                            }
                        }
                        Ok(1) => serve(stream, &known).await,
                        _ => {}
                    }
                });
            }
        });
        Service { addr, asked }
    }

    pub fn count(&self) -> usize {
        self.asked.lock().expect("the requests").len()
    }

    pub fn get(&self, number: usize) -> Option<Raw> {
        self.asked.lock().expect("the requests").get(number).cloned()
    }

    /// Waits for the request of a number.
    pub async fn wait_for(&self, number: usize) -> Option<Raw> {
        let since = Instant::now();
        while since.elapsed() < WITHIN {
            if let Some(found) = self.get(number) {
                return Some(found);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }
}

fn acceptor(authority: &rig::Authority) -> TlsAcceptor {
    let own = authority.issue("service", &["localhost"]).expect("a certificate");
    let chain = CertificateDer::pem_file_iter(&own.certificate).expect("certificates");
    let chain = chain.map(|it| it.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(&own.key).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

/// Requests of one connection, one after the other.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, known: &Mutex<Vec<Raw>>) {
    let mut buffer = Vec::new();
    while let Some(raw) = next(&mut stream, &mut buffer).await {
        let is_head = raw.method == "HEAD";
        let number = {
            let mut known = known.lock().expect("the requests");
            known.push(raw);
            known.len() - 1
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n{NUMBER}: {number}\r\n\r\n"
        );
        let body = if is_head { "" } else { "{}" };
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn next(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Raw> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        fill(stream, buffer).await?;
    };
    let head: Vec<u8> = buffer.drain(..end + 4).collect();
    let mut raw = read_head(&String::from_utf8_lossy(&head[..end]))?;
    if raw.header("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
        raw.body = chunks(stream, buffer).await?;
        return Some(raw);
    }
    let length = raw.header("content-length").map_or(Some(0), |it| it.parse().ok())?;
    raw.body = take(stream, buffer, length).await?;
    Some(raw)
}

fn read_head(head: &str) -> Option<Raw> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<_>>()?;
    Some(Raw { method, target, headers, body: Vec::new() })
}

async fn chunks(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(2).position(|it| it == b"\r\n") {
                break at;
            }
            fill(stream, buffer).await?;
        };
        let size = usize::from_str_radix(std::str::from_utf8(&buffer[..end]).ok()?, 16).ok()?;
        buffer.drain(..end + 2);
        body.extend(take(stream, buffer, size).await?);
        take(stream, buffer, 2).await?;
        if size == 0 {
            return Some(body);
        }
    }
}

async fn take(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    length: usize,
) -> Option<Vec<u8>> {
    while buffer.len() < length {
        fill(stream, buffer).await?;
    }
    Some(buffer.drain(..length).collect())
}

async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    stream.read_buf(buffer).await.ok().filter(|read| *read > 0).map(|_| ())
}
