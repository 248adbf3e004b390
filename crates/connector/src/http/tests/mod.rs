//! Tests of the client against a small server of their own on this machine.
//!
//! Names come from a table, so no test asks a real resolver for more than `localhost`
//! and none leaves the machine.

mod authentication;
mod client;
mod egress;
mod failure;
mod headers;
mod identity;
mod policy;
mod redirect;
mod token;
mod transfer;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::resolver::Lookup;
use super::{Authentication, EgressPolicy, HttpCall, HttpClient, HttpLimits, Redirects, Transfer};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What the server does with a request.
enum Reply {
    Bytes(Vec<u8>),
    /// Keeps the connection open and says nothing.
    Hang,
    /// Closes the connection without a word.
    Close,
}

/// Answers every connection with one reply and notes what it was asked.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(reply);
        let notes = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&reply), Arc::clone(&notes)));
            }
        });
        Server { address, seen, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same server under a name of the table.
    fn url_of(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    reply: Arc<impl Fn(&Seen) -> Reply + Send + Sync>,
    notes: Arc<Mutex<Vec<Seen>>>,
) {
    let Some(request) = read_request(&mut stream).await else { return };
    notes.lock().unwrap().push(request.clone());
    match reply(&request) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hang => std::future::pending().await,
        Reply::Close => {}
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut seen = Seen { method, target, headers, body: String::new() };
    let length: usize = seen.header("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8(body).unwrap();
    Some(seen)
}

/// A whole answer with its length.
fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} Word\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    bytes.extend(body);
    Reply::Bytes(bytes)
}

fn redirect_to(status: u16, location: &str) -> Reply {
    answer(status, &[("Location", location)], "")
}

/// Addresses of names, a list of them for each time a name is asked; the last stays.
#[derive(Default)]
struct Table(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Table {
    fn with(self, name: &str, answers: &[&[IpAddr]]) -> Table {
        let answers = answers.iter().rev().map(|it| it.to_vec()).collect();
        self.0.lock().unwrap().insert(name.to_owned(), answers);
        self
    }
}

impl Lookup for Table {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut table = self.0.lock().unwrap();
        let found = match table.get_mut(&name) {
            None => Err(io::Error::other("no such name")),
            Some(answers) if answers.len() > 1 => Ok(answers.pop().unwrap()),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(async move { found })
    }
}

/// A client that may reach 127.0.0.1, and the names `one.test` and `two.test` for it.
fn client() -> HttpClient {
    client_with(HttpLimits::default(), names())
}

fn names() -> Table {
    Table::default().with("one.test", &[&[LOOPBACK]]).with("two.test", &[&[LOOPBACK]])
}

fn client_with(limits: HttpLimits, lookup: impl Lookup + 'static) -> HttpClient {
    let policy = EgressPolicy::from_toml("allow = ['127.0.0.1']").unwrap();
    HttpClient::with_lookup(Arc::new(policy), limits, Arc::new(lookup)).unwrap()
}

fn get(uri: impl Into<String>) -> HttpCall {
    HttpCall {
        method: "GET".to_owned(),
        uri: uri.into(),
        headers: Vec::new(),
        body: None,
        authentication: Authentication::None,
        timeout: Duration::from_secs(10),
        redirects: Redirects::Follow,
        transfer: Transfer::Whole,
    }
}

fn post(uri: impl Into<String>, body: &str) -> HttpCall {
    let body = Some(body.to_owned().into());
    let headers = vec![("Content-Type".to_owned(), "text/plain".to_owned())];
    HttpCall { method: "POST".to_owned(), body, headers, ..get(uri) }
}

fn with_header(mut call: HttpCall, name: &str, value: &str) -> HttpCall {
    call.headers.push((name.to_owned(), value.to_owned()));
    call
}
