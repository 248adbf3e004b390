//! The one thread that commits: it waits for a job, takes what else is queued, does all of
//! it in one transaction, and answers when that is durable.
//!
//! The thread has a runtime of its own, so that a commit does not wait for a turn among the
//! server's other work, and so that closing works from anywhere.
//!
//! Invariant: one job's fault does not fail another's, unless the transaction itself is
//! lost.

use super::job::{Group, Job};
use super::link::Link;
use super::transaction::{Task, transact};
use crate::{StoreError, limits};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

enum Request {
    Job(Job),
    Close,
}

/// What callers and the thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Set by the caller that closes the store.
    closed: AtomicBool,
    /// Set by the thread when it ends, for whatever reason.
    ended: AtomicBool,
    bytes_queued: AtomicUsize,
}

/// The callers' end of the queue.
pub(super) struct Writer {
    requests: Sender<Request>,
    shared: Arc<Shared>,
    /// `None` after it was joined.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(link: Link, queue_jobs_max: usize) -> Result<Self, StoreError> {
        let no_thread = |error| StoreError::Unavailable(format!("no thread to write: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(no_thread)?;
        let (requests, queue) = channel(queue_jobs_max.max(1));
        let shared = Arc::new(Shared::default());
        let work = Work { queue, shared: shared.clone(), link, logged: None };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || runtime.block_on(work.run()))
            .map_err(no_thread)?;
        Ok(Writer { requests, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a job, or says why not.
    pub(super) fn submit(&self, job: Job) -> Result<(), StoreError> {
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
                TrySendError::Closed(_) => self.gone(),
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

    /// Accepts nothing from now on.
    pub(super) fn refuse(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    /// Waits until what was accepted is done. Blocks the calling thread; whoever asks again
    /// waits as well.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.refuse();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = thread.take() else { return Ok(()) };
        // The queue may be full: it is emptied by the thread.
        let mut request = Request::Close;
        while let Err(TrySendError::Full(again)) = self.requests.try_send(request) {
            request = again;
            std::thread::sleep(Duration::from_millis(1));
        }
        running
            .join()
            .map_err(|_| StoreError::Unavailable("the thread that writes has panicked".to_owned()))
    }
}

/// The thread's side.
struct Work {
    queue: Receiver<Request>,
    shared: Arc<Shared>,
    link: Link,
    /// The last failure that is in the log.
    logged: Option<(Instant, StoreError)>,
}

impl Work {
    async fn run(mut self) {
        let _ended = Ended(self.shared.clone());
        let mut open = true;
        while open {
            let Some(first) = self.queue.recv().await else { break };
            let mut jobs = Vec::new();
            open = self.drain(first, &mut jobs);
            self.work(jobs).await;
        }
        self.link.close().await;
    }

    /// Takes what is queued, up to the limits of a transaction. False at the end.
    fn drain(&mut self, first: Request, jobs: &mut Vec<Job>) -> bool {
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

    /// Groups that follow each other are done together, an edit alone.
    async fn work(&mut self, jobs: Vec<Job>) {
        let mut groups = Vec::new();
        for job in jobs {
            match job {
                Job::Group(group) => groups.push(group),
                Job::Edit(mut edit) => {
                    self.commit(std::mem::take(&mut groups)).await;
                    let done = transact(&mut self.link, Task::Edit(&mut *edit)).await;
                    edit.answer(done.map(|_| ()));
                }
            }
        }
        self.commit(groups).await;
    }

    async fn commit(&mut self, groups: Vec<Group>) {
        if groups.is_empty() {
            return;
        }
        match transact(&mut self.link, Task::Groups(&groups)).await {
            Ok(answers) => {
                for (group, answer) in groups.into_iter().zip(answers) {
                    group.answer(answer);
                }
            }
            Err(error) => {
                self.log(&error);
                for group in groups {
                    group.answer(Err(error.clone()));
                }
            }
        }
    }
}

impl Work {
    /// Logs a failure, unless it is the same as a moment ago: a database that is away fails
    /// hundreds each second.
    fn log(&mut self, error: &StoreError) {
        let every = Duration::from_secs(limits::FAILURE_LOGGED_SECONDS);
        let is_known = |(at, last): &(Instant, StoreError)| at.elapsed() < every && last == error;
        if !self.logged.as_ref().is_some_and(is_known) {
            tracing::error!(%error, "transactions fail");
            self.logged = Some((Instant::now(), error.clone()));
        }
    }
}

/// Says that the thread has ended, however it did.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
        if std::thread::panicking() {
            tracing::error!("the thread that writes has panicked: the store accepts nothing");
        }
    }
}
