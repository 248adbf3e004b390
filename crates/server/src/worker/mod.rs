//! What runs flows: the partition driver, dispatch of calls, timers, retention.
//!
//! Invariants: a process is stepped by one task at a time; nothing leaves before the
//! batch that says it will is durable; state in memory is dropped when a commit fails
//! and read again from the store.

mod commit;
pub mod dispatch;
mod gate;
pub mod header;
mod load;
mod partition;
pub mod recover;
pub mod retention;
mod start;
pub mod timer;
pub mod trigger_state;
pub mod watch;

pub use partition::PartitionState;
pub use start::{Start, Started};

use crate::app::catalog::Catalog;
use crate::clock::Clock;
use connector::http::{EgressPolicy, HttpClient, HttpLimits};
use durable::ProcessId;
use flow::run::Reply;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use store::Store;
use tokio::sync::{Semaphore, oneshot};

/// The engine: one for a server, holding all partitions.
pub struct Engine {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub catalog: Catalog,
    pub settings: EngineSettings,
    egress: Arc<EgressPolicy>,
    /// Made for the first call: a server whose flows call nobody needs none.
    http: OnceLock<Result<HttpClient, String>>,
    calls: Arc<Semaphore>,
    partition: Mutex<PartitionState>,
    /// Who waits for the answer of a run.
    waiters: Mutex<HashMap<ProcessId, oneshot::Sender<Reply>>>,
    gates: gate::Gates,
    timers: timer::Timers,
    pub watchers: watch::Watchers,
    pub counters: Counters,
    /// Set when the server goes down: nothing new is begun.
    pub closing: AtomicBool,
}

/// Settings the engine needs.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How long a request waits for a Response action.
    pub response_timeout: std::time::Duration,
    /// How long the history of final runs is kept.
    pub retention: std::time::Duration,
}

/// Counts for metrics, cheap enough for every run.
#[derive(Debug, Default)]
pub struct Counters {
    pub runs_started: AtomicU64,
    pub runs_finished: AtomicU64,
    pub runs_failed: AtomicU64,
    pub steps: AtomicU64,
    pub calls: AtomicU64,
    pub commits_refused: AtomicU64,
}

impl Engine {
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        catalog: Catalog,
        settings: EngineSettings,
        egress: EgressPolicy,
    ) -> Arc<Engine> {
        Arc::new(Engine {
            store,
            clock,
            catalog,
            settings,
            egress: Arc::new(egress),
            http: OnceLock::new(),
            calls: Arc::new(Semaphore::new(crate::limits::CALLS_MAX)),
            partition: Mutex::default(),
            waiters: Mutex::default(),
            gates: gate::Gates::default(),
            timers: timer::Timers::default(),
            watchers: watch::Watchers::default(),
            counters: Counters::default(),
            closing: AtomicBool::new(false),
        })
    }

    /// The client that calls go out by.
    fn http(&self) -> Result<&HttpClient, String> {
        let limits = HttpLimits {
            response_bytes_max: crate::limits::CALL_ANSWER_BYTES_MAX,
            ..HttpLimits::default()
        };
        let make =
            || HttpClient::new(Arc::clone(&self.egress), limits).map_err(|error| error.to_string());
        self.http.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// Processes in memory, and those being stepped now.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.partition.lock().sizes()
    }
}
