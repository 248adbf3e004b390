//! The one thread that writes: it waits for a job, takes what else is queued, does
//! all of it in one transaction, and answers when that is durable.
//!
//! Invariant: no job is answered with success before its transaction is committed
//! with full sync, and a job that is refused leaves nothing behind.
//! Invariant: one job's fault does not fail another's, unless the transaction itself
//! is lost (disk full, input and output).

use super::connection::Place;
use super::fault::Fault;
use crate::{StoreError, limits};
use rusqlite::Connection;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a job guards what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// A fault undoes the whole transaction: fast, and right while there is none.
    Plain,
    /// A fault undoes only what belongs together.
    Savepoints,
}

/// Something to do in a transaction. It may be done again after a rollback.
pub(super) trait Job: Send {
    /// Bytes of rows it carries.
    fn bytes(&self) -> usize;

    /// An error undoes the transaction; a refusal of this job alone is part of its
    /// answer.
    fn run(&mut self, db: &Connection, care: Care) -> Result<(), Fault>;

    /// Says what became of it.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

enum Request {
    Job(Box<dyn Job>),
    Close,
}

/// What callers and the thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Set by the caller that closes the store.
    closed: AtomicBool,
    /// Set by the thread when it ends, for whatever reason.
    ended: AtomicBool,
    /// Set by the thread when a transaction fails; cleared when a ping has written.
    failed: AtomicBool,
    bytes_queued: AtomicUsize,
}

/// The callers' end of the queue.
pub(super) struct Writer {
    requests: SyncSender<Request>,
    shared: Arc<Shared>,
    /// `None` after it was joined.
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

impl Writer {
    /// `db` is the connection that writes; the lock is released after it is closed.
    pub(super) fn start(
        db: Connection,
        place: Place,
        lock: File,
        queue_jobs_max: usize,
    ) -> Result<Self, StoreError> {
        let (requests, queue) = sync_channel(queue_jobs_max);
        let shared = Arc::new(Shared::default());
        let failures = Failures::default();
        let work =
            Work { queue, shared: shared.clone(), place, db: Some(db), failures, _lock: lock };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work.run())
            .map_err(|error| StoreError::Unavailable(format!("no thread to write: {error}")))?;
        Ok(Writer { requests, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a job, or says why not.
    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let Shared { closed, ended, .. } = &*self.shared;
        if closed.load(Ordering::Acquire) || ended.load(Ordering::Acquire) {
            return Err(self.gone());
        }
        let bytes = job.bytes();
        let queued = self.shared.bytes_queued.fetch_add(bytes, Ordering::AcqRel);
        let sent = if queued > 0 && queued.saturating_add(bytes) > limits::QUEUE_BYTES_MAX {
            Err(StoreError::Busy)
        } else {
            self.requests.try_send(Request::Job(job)).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => self.gone(),
            })
        };
        if sent.is_err() {
            self.shared.bytes_queued.fetch_sub(bytes, Ordering::AcqRel);
        }
        sent
    }

    /// Why no answer came.
    pub(super) fn gone(&self) -> StoreError {
        if self.shared.closed.load(Ordering::Acquire) {
            StoreError::Closed
        } else {
            StoreError::Unavailable("the thread that writes has stopped".to_owned())
        }
    }

    /// Whether a transaction has failed since `works` was said.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Something was written after a failure.
    pub(super) fn works(&self) {
        self.shared.failed.store(false, Ordering::Release);
    }

    /// Accepts nothing from now on.
    pub(super) fn refuse(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    /// Waits until what was accepted is done and the database is closed. Whoever asks
    /// again waits as well.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.refuse();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = thread.take() else { return Ok(()) };
        // Fails only when the thread has ended.
        let _ = self.requests.send(Request::Close);
        running.join().unwrap_or_else(|_| {
            Err(StoreError::Unavailable("the thread that writes has panicked".to_owned()))
        })
    }
}

/// The thread's side.
struct Work {
    queue: Receiver<Request>,
    shared: Arc<Shared>,
    place: Place,
    /// `None` after it broke: the next transaction opens another.
    db: Option<Connection>,
    failures: Failures,
    /// Released last.
    _lock: File,
}

/// Transactions that failed and are not in the log yet.
#[derive(Default)]
struct Failures {
    transactions: u64,
    jobs: usize,
    logged: Option<(Instant, StoreError)>,
}

impl Failures {
    /// Logs a failure, unless it is the same as a moment ago.
    fn note(&mut self, jobs: usize, error: &StoreError) {
        self.transactions += 1;
        self.jobs += jobs;
        let every = Duration::from_secs(limits::FAILURE_LOGGED_SECONDS);
        let is_known = |(at, last): &(Instant, StoreError)| at.elapsed() < every && last == error;
        if !self.logged.as_ref().is_some_and(is_known) {
            let Failures { transactions, jobs, .. } = *self;
            tracing::error!(transactions, jobs, %error, "transactions failed");
            *self = Failures { logged: Some((Instant::now(), error.clone())), ..Self::default() };
        }
    }
}

impl Work {
    fn run(mut self) -> Result<(), StoreError> {
        let mut open = true;
        while open {
            let Ok(first) = self.queue.recv() else { break };
            let mut jobs = Vec::new();
            open = self.drain(first, &mut jobs);
            if !jobs.is_empty() {
                self.transact(jobs);
            }
        }
        self.close()
    }

    /// Takes what is queued, up to the limits of a transaction. False at the end.
    fn drain(&self, first: Request, jobs: &mut Vec<Box<dyn Job>>) -> bool {
        let (mut next, mut bytes_taken) = (Some(first), 0_usize);
        while let Some(request) = next {
            let Request::Job(job) = request else { return false };
            let bytes = job.bytes();
            self.shared.bytes_queued.fetch_sub(bytes, Ordering::AcqRel);
            bytes_taken = bytes_taken.saturating_add(bytes);
            jobs.push(job);
            if jobs.len() >= limits::TRANSACTION_JOBS_MAX
                || bytes_taken >= limits::TRANSACTION_BYTES_MAX
            {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        true
    }

    fn transact(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let outcome = self.attempt(&mut jobs).map_err(StoreError::from);
        if let Err(error) = &outcome {
            self.shared.failed.store(true, Ordering::Release);
            self.failures.note(jobs.len(), error);
        }
        for job in jobs {
            job.answer(outcome.clone());
        }
    }

    /// Plainly at first; with savepoints when a fault is one job's own.
    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        match self.transaction(jobs, Care::Plain) {
            Err(fault) if !fault.concerns_all() => self.transaction(jobs, Care::Savepoints),
            outcome => outcome,
        }
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job>], care: Care) -> Result<(), Fault> {
        let db = match &self.db {
            Some(db) => db,
            None => self.db.insert(self.place.open_writer()?),
        };
        let outcome = transaction(db, jobs, care);
        if outcome.is_err() && !db.is_autocommit() {
            let rolled_back = db.execute_batch("ROLLBACK");
            if rolled_back.is_err() || !db.is_autocommit() {
                tracing::error!("the connection that writes is broken and is opened again");
                self.db = None;
            }
        }
        outcome
    }

    /// Copies the log to the database, so that the files say all by themselves.
    fn close(mut self) -> Result<(), StoreError> {
        let Some(db) = self.db.take() else { return Ok(()) };
        let copied = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let closed = db.close().map_err(|(_, error)| error);
        copied.and(closed).map_err(|error| StoreError::from(Fault::Sql(error)))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if std::thread::panicking() {
            tracing::error!("the thread that writes has panicked: the store accepts nothing");
        }
    }
}

fn transaction(db: &Connection, jobs: &mut [Box<dyn Job>], care: Care) -> Result<(), Fault> {
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for job in jobs {
        job.run(db, care)?;
    }
    db.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// Does something of which nothing stays when it fails.
pub(super) fn savepoint<T>(
    db: &Connection,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.prepare_cached("SAVEPOINT part")?.execute([])?;
    let done = work();
    if db.is_autocommit() {
        let error = done.err().map_or_else(
            || StoreError::Unavailable("the transaction has ended".to_owned()),
            StoreError::from,
        );
        return Err(Fault::Lost(error));
    }
    if done.is_err() {
        db.prepare_cached("ROLLBACK TO part")?.execute([]).map_err(lost)?;
    }
    db.prepare_cached("RELEASE part")?.execute([]).map_err(lost)?;
    done
}

fn lost(error: rusqlite::Error) -> Fault {
    Fault::Lost(Fault::Sql(error).into())
}
