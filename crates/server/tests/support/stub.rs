//! An HTTP server in the test that flows call: it counts, and remembers each call.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The path at which a call is not remembered.
const PROBE: &str = "/probe";

/// Answers take up to this long, so that crashes fall between a call and its answer.
const DELAY_MS_MAX: u64 = 30;

const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// The stub's own number of the call; the answer's body carries it.
    pub sequence: u64,
    /// How many crashes there were before it.
    pub life: u64,
    pub path: String,
    /// The `Idempotency-Key` header.
    pub key: Option<String>,
    pub body: Value,
}

/// The counting server.
#[derive(Clone)]
pub struct Stub {
    pub addr: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: Mutex<Vec<Call>>,
    sequence: AtomicU64,
    life: AtomicU64,
    open: AtomicUsize,
}

impl Stub {
    pub async fn start() -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let inner = Arc::new(Inner::default());
        let shared = inner.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                shared.open.fetch_add(1, Ordering::SeqCst);
                let shared = shared.clone();
                tokio::spawn(async move {
                    // An error is a caller that went away: nothing more to answer.
                    let _ = serve(socket, &shared).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Stub { addr, inner }
    }

    /// All calls so far, in the order of their arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.calls.lock().expect("the calls").clone()
    }

    /// After the caller was killed: waits until all it had sent is read, and counts
    /// what comes from now on to the next life.
    pub async fn next_life(&self) {
        // Connections are accepted in order: when the probe is answered, all earlier
        // ones are counted as open.
        let mut probe = TcpStream::connect(self.addr).await.expect("a connection");
        let request = format!("GET {PROBE} HTTP/1.1\r\nconnection: close\r\n\r\n");
        probe.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = [0; 64];
        assert!(probe.read(&mut answer).await.expect("an answer") > 0);
        drop(probe);
        let since = Instant::now();
        while self.inner.open.load(Ordering::SeqCst) > 0 {
            assert!(since.elapsed() < DRAIN_WITHIN, "connections of a killed server stay open");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.inner.life.fetch_add(1, Ordering::SeqCst);
    }
}

async fn serve(mut socket: TcpStream, inner: &Inner) -> std::io::Result<()> {
    let mut input = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut input).await? {
        let body = if request.path == PROBE {
            json!({})
        } else {
            let sequence = inner.sequence.fetch_add(1, Ordering::SeqCst) + 1;
            let life = inner.life.load(Ordering::SeqCst);
            let Request { path, key, body } = request;
            let call = Call { sequence, life, path, key, body };
            inner.calls.lock().expect("the calls").push(call);
            // Varied, and not the same for neighbours.
            tokio::time::sleep(Duration::from_millis(sequence * 7 % DELAY_MS_MAX)).await;
            json!({"sequence": sequence})
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(format!("{head}{body}").as_bytes()).await?;
    }
    Ok(())
}

struct Request {
    path: String,
    key: Option<String>,
    body: Value,
}

/// The next request with a body of known length; `None` when the caller is done.
async fn read_request(
    socket: &mut TcpStream,
    input: &mut Vec<u8>,
) -> std::io::Result<Option<Request>> {
    let head_end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(input).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&input[..head_end]).into_owned();
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let end = head_end + 4 + length;
    while input.len() < end {
        if socket.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
    let body = serde_json::from_slice(&input[head_end + 4..end]).unwrap_or_default();
    input.drain(..end);
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    Ok(Some(Request { path, key: header("idempotency-key"), body }))
}
