//! Callers that start flows of several kinds, and note what the server tells them. Test
//! files that put a server under load include it by its path, as `load`.
#![allow(dead_code, reason = "no test file uses all of it")]

pub mod audit;
pub mod flows;

use crate::support::api::Api;
use crate::support::random::Random;
use flows::Kind;
use reqwest::Response;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CONNECTIONS: u64 = 16;

/// Each connection rests up to this long between two requests, so that the audit need
/// not read millions of runs, unless it is pressed.
const REST_MS_MAX: u64 = 40;

/// Requests that must be acknowledged at the end.
const LAST_ACKNOWLEDGED_MIN: usize = 50;

const LAST_ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// A start that was acknowledged: its run must be there.
#[derive(Clone)]
pub struct Acknowledged {
    pub kind: Kind,
    pub request: String,
    pub run: String,
}

/// What the callers know.
#[derive(Default)]
pub struct Book {
    pub acknowledged: Mutex<Vec<Acknowledged>>,
    /// Requests whose answer never came.
    pub unanswered: Mutex<HashMap<String, Kind>>,
    pub problems: Mutex<Vec<String>>,
    /// Requests turned away with 429 or 503.
    pub turned_away: AtomicU64,
    /// Requests refused since the disk is full.
    pub full: AtomicU64,
    /// No rest between requests.
    pub is_pressed: AtomicBool,
    /// Several servers share the work: one that stood still may repeat a call late, when
    /// another has gone on already.
    pub is_cluster: AtomicBool,
    over: AtomicBool,
}

impl Book {
    pub fn problem(&self, text: String) {
        eprintln!("PROBLEM: {text}");
        self.problems.lock().expect("the problems").push(text);
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().expect("the book").len()
    }
}

/// One life of the server, as the callers see it.
#[derive(Clone)]
pub struct Life {
    pub number: u64,
    pub api: Api,
    /// Set before the server is killed: a connection that breaks off earlier is a fault.
    pub is_over: Arc<AtomicBool>,
    /// Counts freezes and thaws. A server that was frozen for longer than it waits for a
    /// request's head drops what it had not read: who sent that was not served, and knows.
    pub freezes: Arc<AtomicU32>,
}

pub async fn create_flows(api: &Api, stub: SocketAddr) -> HashMap<Kind, String> {
    let mut paths = HashMap::new();
    for kind in Kind::ALL {
        let path = api.create_flow(kind.flow(), &kind.definition(stub)).await;
        paths.insert(kind, path);
    }
    paths
}

/// Callers that go on over all lives of the server, until `finish`.
pub fn start(
    seed: u64,
    paths: &HashMap<Kind, String>,
    book: &Arc<Book>,
) -> (watch::Sender<Option<Life>>, Vec<JoinHandle<()>>) {
    start_some(0..CONNECTIONS, REST_MS_MAX, seed, paths, book)
}

/// The same with callers of these numbers, which no others have, and their longest rest.
pub fn start_some(
    numbers: Range<u64>,
    rest_ms_max: u64,
    seed: u64,
    paths: &HashMap<Kind, String>,
    book: &Arc<Book>,
) -> (watch::Sender<Option<Life>>, Vec<JoinHandle<()>>) {
    let (sender, receiver) = watch::channel(None);
    let callers = numbers
        .map(|number| {
            let caller = Caller {
                number,
                rest_ms_max,
                random: Random::new(seed ^ (number + 1).wrapping_mul(0x5851_f42d_4c95_7f2d)),
                paths: paths.clone(),
                book: book.clone(),
                lives: receiver.clone(),
            };
            tokio::spawn(caller.run())
        })
        .collect();
    (sender, callers)
}

/// Lets the load go on a little, then ends it.
/// `lives` is what keeps the callers waiting for a next life.
pub async fn finish<L>(book: &Book, callers: Vec<JoinHandle<()>>, lives: L) {
    let (before, since) = (book.acknowledged(), Instant::now());
    while book.acknowledged() < before + LAST_ACKNOWLEDGED_MIN {
        assert!(since.elapsed() < LAST_ACKNOWLEDGED_WITHIN, "no load is taken at the end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    book.over.store(true, Ordering::SeqCst);
    // No life comes after this one: who waits for one ends.
    drop(lives);
    for caller in callers {
        caller.await.expect("a caller ended");
    }
}

/// Waits until all runs are final, and notes those that are not.
pub async fn settle(book: &Book, api: &Api) {
    settle_within(book, api, SETTLE_WITHIN).await;
}

pub async fn settle_within(book: &Book, api: &Api, within: Duration) {
    for run in api.settled(&Kind::ALL.map(Kind::flow), within).await {
        let path = format!("/api/v1/runs/{}/actions", run["id"].as_str().unwrap_or_default());
        let actions = api.list(&path).await;
        book.problem(format!("not final after {within:?}: {run} with {actions:?}"));
    }
}

/// One connection that sends request after request, over all lives of the server.
struct Caller {
    number: u64,
    rest_ms_max: u64,
    random: Random,
    paths: HashMap<Kind, String>,
    book: Arc<Book>,
    lives: watch::Receiver<Option<Life>>,
}

impl Caller {
    async fn run(mut self) {
        let mut count = 0_u64;
        while !self.book.over.load(Ordering::SeqCst) {
            let Some(life) = self.next_life(None).await else { return };
            let kind = Kind::choose(&mut self.random);
            let request = format!("{}-{count}", self.number);
            count += 1;
            let amount = 1 + self.random.below(200);
            let body = json!({"id": request, "amount": amount});
            let sent = Instant::now();
            let freezes = life.freezes.load(Ordering::SeqCst);
            let answer = life.api.trigger(&self.paths[&kind], &body).await;
            let broken = match answer {
                Ok(answer) => self.take(kind, &request, amount, answer).await.err(),
                Err(error) => {
                    let mut unanswered = self.book.unanswered.lock().expect("the book");
                    unanswered.insert(request.clone(), kind);
                    Some(error)
                }
            };
            if let Some(error) = broken {
                let is_frozen = freezes % 2 == 1 || life.freezes.load(Ordering::SeqCst) != freezes;
                if is_frozen && !life.is_over.load(Ordering::SeqCst) {
                    continue;
                }
                if !life.is_over.load(Ordering::SeqCst) {
                    let after = sent.elapsed();
                    self.book.problem(format!(
                        "{request}: broken off by a living server after {after:?}: {error:?}"
                    ));
                }
                if self.next_life(Some(life.number)).await.is_none() {
                    return;
                }
            }
            let rest = Duration::from_millis(self.random.below(self.rest_ms_max));
            if !self.book.is_pressed.load(Ordering::SeqCst) {
                tokio::time::sleep(rest).await;
            }
        }
    }

    /// The server's present life, or the first after `than`; `None` when all is over.
    async fn next_life(&mut self, than: Option<u64>) -> Option<Life> {
        loop {
            let present = self.lives.borrow_and_update().clone();
            if let Some(life) = present
                && than.is_none_or(|than| life.number > than)
            {
                return Some(life);
            }
            self.lives.changed().await.ok()?;
        }
    }

    /// Notes what an answer acknowledges. An error: its body broke off.
    async fn take(
        &self,
        kind: Kind,
        request: &str,
        amount: u64,
        answer: Response,
    ) -> Result<(), reqwest::Error> {
        let status = answer.status().as_u16();
        if matches!(status, 429 | 503) {
            let text = answer.text().await?;
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            if body["error"]["code"] == "OutcomeUnknown" {
                // as if no answer had come: the run may be there or not
                let mut unanswered = self.book.unanswered.lock().expect("the book");
                unanswered.insert(request.to_owned(), kind);
            } else {
                self.book.turned_away.fetch_add(1, Ordering::SeqCst);
            }
            return Ok(());
        }
        let run = answer.headers().get("x-ms-workflow-run-id").cloned();
        if status == kind.status() {
            match run.as_ref().and_then(|run| run.to_str().ok()) {
                Some(run) => self.book.acknowledged.lock().expect("the book").push(Acknowledged {
                    kind,
                    request: request.to_owned(),
                    run: run.to_owned(),
                }),
                None => self.book.problem(format!("{request}: {status} without a run's name")),
            }
        }
        let text = answer.text().await?;
        if status == 507 {
            self.book.full.fetch_add(1, Ordering::SeqCst);
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            if body["error"]["code"] != "InsufficientStorage" {
                self.book.problem(format!("{request}: 507 with {text}"));
            }
        } else if status != kind.status() {
            self.book.problem(format!("{request} ({kind:?}): {status}: {text}"));
        } else if kind == Kind::Answered {
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            let tier = if amount * 3 > 100 { "gold" } else { "basic" };
            if body != json!({"id": request, "total": amount * 3, "tier": tier}) {
                self.book.problem(format!("{request}: a wrong answer: {text}"));
            }
        }
        Ok(())
    }
}
