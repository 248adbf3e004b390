//! A proxy between a PostgreSQL client and its server that does harm when it is told to.
//!
//! A commit is recognized by the word in what the client sends: its only client in a test
//! is the store, which says it in no other place.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const WORD: &[u8] = b"COMMIT";

/// Before the word of a simple query: its tag and its length.
const HEADER: usize = 5;

/// How long the server's answer to a commit is waited for after the client was cut off.
const ANSWER: Duration = Duration::from_secs(10);

/// How a connection is cut at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never sees the commit, and sees the connection end.
    Before,
    /// The server carries out the commit; its answer is lost.
    After,
    /// The server never sees the commit, and believes that the client is there still.
    HalfOpen,
}

/// What a proxy has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub refused: u64,
    pub commits: u64,
    /// Connections cut by [`Proxy::cut`].
    pub cut: u64,
    pub cut_before: u64,
    pub cut_after: u64,
    pub half_open: u64,
}

/// A proxy. It ends, with its connections, when this is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    /// Counts how often every connection was cut.
    cuts: watch::Sender<u64>,
    is_stalled: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    refuses: bool,
    next: Option<Cut>,
    /// How, how often in a million, and the state of the random numbers.
    often: Option<(Cut, u64, u64)>,
    counts: Counts,
}

impl Proxy {
    /// Starts a proxy to a server on a port of this machine.
    pub async fn start(port: u16) -> std::io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let shared = Arc::new(Shared {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            state: Mutex::default(),
            cuts: watch::Sender::new(0),
            is_stalled: watch::Sender::new(false),
        });
        let port = listener.local_addr()?.port();
        let listening = tokio::spawn(listen(listener, shared.clone()));
        Ok(Proxy { port, shared, listening })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection now.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Takes no new connection until told otherwise.
    pub fn refuse(&self) {
        self.shared.state().refuses = true;
    }

    /// Takes new connections again.
    pub fn accept(&self) {
        self.shared.state().refuses = false;
    }

    /// Carries nothing more in either direction; connections stay.
    pub fn stall(&self) {
        self.shared.is_stalled.send_replace(true);
    }

    /// Carries on after a stall, with what was sent meanwhile.
    pub fn carry_on(&self) {
        self.shared.is_stalled.send_replace(false);
    }

    /// Cuts the connection of the next commit.
    pub fn cut_next_commit(&self, how: Cut) {
        self.shared.state().next = Some(how);
    }

    /// Cuts connections at commits by chance, so many of a million; the same ones for the
    /// same seed and order of commits.
    pub fn cut_commits(&self, how: Cut, of_a_million: u64, seed: u64) {
        self.shared.state().often = Some((how, of_a_million, seed | 1));
    }

    /// Cuts no commit any more.
    pub fn spare_commits(&self) {
        let mut state = self.shared.state();
        (state.next, state.often) = (None, None);
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state().counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What to do with a commit.
    fn commit(&mut self) -> Option<Cut> {
        self.counts.commits += 1;
        let by_chance = self.often.as_mut().and_then(|(how, of_a_million, random)| {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            (*random % 1_000_000 < *of_a_million).then_some(*how)
        });
        let how = self.next.take().or(by_chance)?;
        match how {
            Cut::Before => self.counts.cut_before += 1,
            Cut::After => self.counts.cut_after += 1,
            Cut::HalfOpen => self.counts.half_open += 1,
        }
        Some(how)
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let refuses = {
            let mut state = shared.state();
            let count = match state.refuses {
                true => &mut state.counts.refused,
                false => &mut state.counts.connections,
            };
            *count += 1;
            state.refuses
        };
        if !refuses {
            tokio::spawn(carry(client, shared.clone()));
        }
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(server) = TcpStream::connect(shared.server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let how = tokio::select! {
        _ = cuts.changed() => {
            shared.state().counts.cut += 1;
            return;
        }
        () = down(&mut from_server, &mut to_client, &shared) => return,
        how = up(&mut from_client, &mut to_server, &shared) => how,
    };
    drop((from_client, to_client));
    let harm = async {
        match how {
            None | Some(Cut::Before) => {}
            Some(Cut::After) => wait_answer(&mut from_server).await,
            Some(Cut::HalfOpen) => {
                let mut bytes = [0; 4_096];
                while from_server.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
            }
        }
    };
    tokio::select! {
        _ = cuts.changed() => {}
        () = harm => {}
    }
}

/// Carries what the client says, up to a commit that is to be cut.
async fn up(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, shared: &Shared) -> Option<Cut> {
    let mut stalled = shared.is_stalled.subscribe();
    let mut bytes = vec![0; 64 * 1024];
    // The end of what came before: a word may be torn.
    let mut before = Vec::new();
    loop {
        let length = from.read(&mut bytes).await.ok().filter(|length| *length > 0)?;
        stalled.wait_for(|stalled| !stalled).await.ok()?;
        let mut seen = before.clone();
        seen.extend_from_slice(&bytes[..length]);
        let commit = seen.windows(WORD.len()).position(|window| window == WORD);
        let how = commit.and_then(|_| shared.state().commit());
        if let (Some(at), Some(how)) = (commit, how) {
            let carried = match how {
                Cut::Before | Cut::HalfOpen => at.saturating_sub(HEADER + before.len()),
                Cut::After => length,
            };
            to.write_all(&bytes[..carried]).await.ok()?;
            return Some(how);
        }
        to.write_all(&bytes[..length]).await.ok()?;
        before = seen.split_off(seen.len().saturating_sub(WORD.len() - 1));
    }
}

async fn down(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, shared: &Shared) {
    let mut stalled = shared.is_stalled.subscribe();
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut bytes).await
        && length > 0
        && stalled.wait_for(|stalled| !stalled).await.is_ok()
        && to.write_all(&bytes[..length]).await.is_ok()
    {}
}

/// Until the server has carried out the commit, or has refused it.
async fn wait_answer(from: &mut OwnedReadHalf) {
    let reading = async {
        let mut answer = Vec::new();
        let done = |answer: &[u8]| {
            let has = |word: &[u8]| answer.windows(word.len()).any(|window| window == word);
            has(WORD) || has(b"ROLLBACK")
        };
        while !done(&answer) && from.read_buf(&mut answer).await.is_ok_and(|length| length > 0) {}
    };
    let _ = tokio::time::timeout(ANSWER, reading).await;
}
