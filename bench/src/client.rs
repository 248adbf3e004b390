//! A small HTTP/1.1 client for one kept-alive connection.
//!
//! It exists to cost little: on two cores everything the load generator spends is
//! taken from the server under test. One buffer each way, no header map, bodies by
//! `content-length` or chunks.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::net::SocketAddr;
use std::ops::Range;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes asked of the socket at a time.
const READ_BYTES: usize = 16 * 1024;

/// Answers larger than this are a fault of the server under test.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Where requests of one kind go, with the part of their head that never changes.
#[derive(Clone)]
pub struct Target {
    pub addr: SocketAddr,
    head: Vec<u8>,
}

impl Target {
    pub fn new(addr: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\n").into_bytes();
        if let Some(token) = token {
            head.extend_from_slice(format!("authorization: Bearer {token}\r\n").as_bytes());
        }
        Target { addr, head }
    }

    /// Replaces `out` by a whole request with this JSON body.
    pub fn write_request(&self, body: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        out.extend_from_slice(&self.head);
        if body.is_empty() {
            out.extend_from_slice(b"content-length: 0\r\n\r\n");
            return Ok(());
        }
        write!(out, "content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())?;
        out.extend_from_slice(body);
        Ok(())
    }
}

/// One answer, valid until the connection is used again.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    head: &'a [u8],
}

impl Answer<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(self.head, name)
    }
}

/// One connection, used for one request after another.
pub struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    plain: Vec<u8>,
}

impl Connection {
    pub async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.context("connect")?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, input: Vec::with_capacity(READ_BYTES), plain: Vec::new() })
    }

    /// Sends a request made by [`Target::write_request`] and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await.context("send")?;
        self.input.clear();
        let head_end = loop {
            let from = self.input.len().saturating_sub(3);
            self.fill().await?;
            if let Some(at) = find(&self.input[from..], b"\r\n\r\n") {
                break from + at;
            }
        };
        let head = 0..head_end + 2;
        let body_start = head_end + 4;
        let status = parse_status(&self.input)?;
        let head_bytes = &self.input[head.clone()];
        if let Some(length) = find_header(head_bytes, "content-length") {
            let end = body_start + length.trim().parse::<usize>().context("content-length")?;
            while self.input.len() < end {
                self.fill().await?;
            }
            return Ok(self.answer(status, head, body_start..end));
        }
        if find_header(head_bytes, "transfer-encoding").is_some() {
            self.read_chunks(body_start).await?;
            return Ok(Answer { status, head: &self.input[head], body: &self.plain });
        }
        Ok(self.answer(status, head, body_start..body_start))
    }

    fn answer(&self, status: u16, head: Range<usize>, body: Range<usize>) -> Answer<'_> {
        Answer { status, head: &self.input[head], body: &self.input[body] }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.input.len() > ANSWER_BYTES_MAX {
            bail!("the answer is larger than {ANSWER_BYTES_MAX} bytes");
        }
        self.input.reserve(READ_BYTES);
        let count = self.stream.read_buf(&mut self.input).await.context("receive")?;
        if count == 0 {
            bail!("the server closed the connection before its answer was whole");
        }
        Ok(())
    }

    /// Reads a chunked body into `plain`; `at` is where the first chunk starts.
    async fn read_chunks(&mut self, mut at: usize) -> Result<()> {
        self.plain.clear();
        loop {
            let line_end = self.line_end(at).await?;
            let line = std::str::from_utf8(&self.input[at..line_end])?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16).context("chunk length")?;
            let start = line_end + 2;
            while self.input.len() < start + length + 2 {
                self.fill().await?;
            }
            if length == 0 {
                return Ok(());
            }
            self.plain.extend_from_slice(&self.input[start..start + length]);
            at = start + length + 2;
        }
    }

    async fn line_end(&mut self, from: usize) -> Result<usize> {
        loop {
            if let Some(at) = self.input.get(from..).and_then(|rest| find(rest, b"\r\n")) {
                return Ok(from + at);
            }
            self.fill().await?;
        }
    }
}

fn parse_status(input: &[u8]) -> Result<u16> {
    let code = input.get(9..12).context("no status line")?;
    std::str::from_utf8(code)?.parse().context("status code")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn find_header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = name.len();
        let matches = line.len() > colon
            && line[colon] == b':'
            && line[..colon].eq_ignore_ascii_case(name.as_bytes());
        matches.then(|| std::str::from_utf8(&line[colon + 1..]).ok().map(str::trim)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_whole_name_and_without_case() {
        let head = b"HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nContent-Length: 12\r\n";
        assert_eq!(find_header(head, "content-length"), Some("12"));
        assert_eq!(find_header(head, "content"), None);
        assert_eq!(parse_status(head).expect("status"), 200);
    }

    #[tokio::test]
    async fn chunked_and_counted_answers_are_read_one_after_another() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let addr = listener.local_addr().expect("address");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("accept");
            let mut buffer = vec![0; 1024];
            let answers: [&[u8]; 3] = [
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
                b"HTTP/1.1 204 No Content\r\n\r\n",
            ];
            for answer in answers {
                let _ = socket.read(&mut buffer).await.expect("read");
                for byte in answer {
                    socket.write_all(&[*byte]).await.expect("write");
                }
            }
        });
        let target = Target::new(addr, "GET", "/", None);
        let mut request = Vec::new();
        target.write_request(b"", &mut request).expect("request");
        let mut connection = Connection::open(addr).await.expect("open");
        for (status, body) in [(200, "abcde"), (404, "no"), (204, "")] {
            let answer = connection.exchange(&request).await.expect("answer");
            assert_eq!((answer.status, answer.body), (status, body.as_bytes()));
        }
    }
}
