//! What runs flows: the partition driver, dispatch of calls, timers, retention.
//!
//! Invariants: a process is stepped by one task at a time; nothing leaves before the
//! batch that says it will is durable; state in memory is dropped when a commit fails
//! and read again from the store; a node steps what lies in partitions that it holds.

mod address;
mod cluster;
mod commit;
pub mod dispatch;
mod gate;
pub mod header;
mod key;
pub mod known_secret;
mod load;
mod outside;
mod ownership;
mod partition;
mod pause;
mod poll;
pub mod recover;
mod resume;
pub mod retention;
mod sealed;
mod start;
mod subscription;
pub mod timer;
pub mod trigger_state;
mod variable;
pub mod watch;

pub use address::{Asker, Judged};
pub use outside::{Answering, Connectors, HttpOutside, Later, Outside, failure, failure_code};
pub use partition::PartitionState;
pub use start::{Start, Started};
pub use subscription::{Callback, Said};

use crate::app::catalog::Catalog;
use crate::app::error::{AppError, ErrorKind};
use crate::clock::{Clock, SECOND};
use durable::{NodeId, ProcessId};
use flow::run::Reply;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use store::Store;
use tokio::sync::{Notify, Semaphore, oneshot};

/// The engine: one for a server.
pub struct Engine {
    /// This server among those that share the store.
    pub node: NodeId,
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub catalog: Catalog,
    pub settings: EngineSettings,
    pub ownership: ownership::Ownership,
    outside: Arc<dyn Outside>,
    connectors: OnceLock<Arc<dyn Connectors>>,
    calls: Arc<Semaphore>,
    calls_waiting: Arc<AtomicUsize>,
    /// Attempts of effects that this node is making.
    calls_under_way: Mutex<HashMap<ProcessId, Vec<(u64, u32)>>>,
    partition: Mutex<PartitionState>,
    /// Who waits for the answer of a run.
    waiters: Mutex<HashMap<ProcessId, oneshot::Sender<Reply>>>,
    gates: gate::Gates,
    watched: trigger_state::Watched,
    timers: timer::Timers,
    pub watchers: watch::Watchers,
    pub counters: Counters,
    /// Set when the server goes down: nothing new is begun.
    pub closing: AtomicBool,
    /// Nothing moves by itself, and nothing new is begun.
    paused: AtomicBool,
    /// Runs that go on although the server is paused.
    released: Mutex<HashSet<ProcessId>>,
    /// Nodes that lived at the last beat.
    living: Mutex<Vec<NodeId>>,
    /// The revision of the keys that this node has said it knows.
    keys_noted: AtomicI64,
    known_secrets: known_secret::Cache,
    /// Told when the keys are to be changed.
    pub rotation: Notify,
}

/// What an engine is made of.
pub struct EngineParts {
    pub node: NodeId,
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub catalog: Catalog,
    pub settings: EngineSettings,
    pub outside: Arc<dyn Outside>,
    pub paused: bool,
}

/// Settings the engine needs.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How long a request waits for a Response action.
    pub response_timeout: std::time::Duration,
    /// How long the history of final runs is kept.
    pub retention: std::time::Duration,
    /// How long deleted flows can be restored.
    pub recycle: std::time::Duration,
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
    pub fn new(parts: EngineParts) -> Arc<Engine> {
        Arc::new(Engine {
            node: parts.node,
            store: parts.store,
            clock: parts.clock,
            catalog: parts.catalog,
            settings: parts.settings,
            ownership: ownership::Ownership::default(),
            outside: parts.outside,
            connectors: OnceLock::new(),
            calls: Arc::new(Semaphore::new(crate::limits::CALLS_MAX)),
            calls_waiting: Arc::default(),
            calls_under_way: Mutex::default(),
            partition: Mutex::default(),
            waiters: Mutex::default(),
            gates: gate::Gates::default(),
            watched: trigger_state::Watched::default(),
            timers: timer::Timers::default(),
            watchers: watch::Watchers::default(),
            counters: Counters::default(),
            closing: AtomicBool::new(false),
            paused: AtomicBool::new(parts.paused),
            released: Mutex::default(),
            living: Mutex::default(),
            keys_noted: AtomicI64::new(0),
            known_secrets: known_secret::Cache::default(),
            rotation: Notify::new(),
        })
    }

    /// Says who makes calls of connectors: once, before anything runs.
    pub fn set_connectors(&self, connectors: Arc<dyn Connectors>) {
        let _ = self.connectors.set(connectors);
    }

    /// The id of a process that begins now and here.
    pub fn new_id(&self) -> Result<ProcessId, AppError> {
        let partition = self.ownership.pick(self.clock.now() / SECOND);
        partition.map(|partition| self.clock.process_id(partition)).ok_or_else(not_ready)
    }

    /// Refuses what comes from outside while there is too much to do, or nothing may begin.
    /// Nothing has been accepted then.
    pub fn check_room(&self) -> Result<(), AppError> {
        if self.is_paused() {
            let message = "The server is paused: nothing is begun until it is resumed.";
            return Err(AppError::new(ErrorKind::Unavailable, "ServerPaused", message));
        }
        if self.calls_waiting.load(Ordering::Relaxed) >= crate::limits::CALLS_WAITING_MAX {
            return Err(store::StoreError::Busy.into());
        }
        Ok(())
    }

    /// True when the server goes down.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Processes in memory, and those being stepped now.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.partition.lock().sizes()
    }
}

/// A node that holds no partition takes nothing on: it has just begun, or has lost touch
/// with the store.
pub(crate) fn not_ready() -> AppError {
    let message = "This server is not ready to take on anything. Try again shortly.";
    AppError::new(ErrorKind::Unavailable, "ServerNotReady", message)
}
