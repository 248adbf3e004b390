//! HTTP/1.1 by hand: exact heads, and requests that no client would send.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// One connection.
pub struct Wire {
    socket: TcpStream,
}

/// Status and body of an answer.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl RawAnswer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Wire {
    pub async fn open(addr: SocketAddr) -> Wire {
        Wire { socket: TcpStream::connect(addr).await.expect("a connection") }
    }

    /// Sends what it can: a server that answers early need not read all of it.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sending = tokio::time::timeout(ANSWER_WITHIN, self.socket.write_all(bytes));
        let _ = sending.await.expect("a server that reads or closes");
    }

    /// The answer; `None` when the server closed without one.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        let reading = tokio::time::timeout(ANSWER_WITHIN, read(&mut self.socket));
        reading.await.expect("an answer in time")
    }
}

/// One request on a connection of its own.
pub async fn exchange(addr: SocketAddr, request: &[u8]) -> Option<RawAnswer> {
    let mut wire = Wire::open(addr).await;
    wire.send(request).await;
    wire.answer().await
}

async fn read(socket: &mut TcpStream) -> Option<RawAnswer> {
    let mut input = Vec::new();
    let head_end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(&mut input).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&input[..head_end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let end = head_end + 4 + length.unwrap_or(0);
    while input.len() < end {
        if socket.read_buf(&mut input).await.ok()? == 0 {
            break;
        }
    }
    Some(RawAnswer { status, head, body: input.split_off(head_end + 4) })
}
