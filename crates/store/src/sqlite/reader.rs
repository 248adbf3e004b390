//! Threads that read: few, begun when first needed, each with a connection of its own. Not
//! those of the runtime: they would be many in turn, and each keeps memory of its own.
//!
//! Invariant: what one reading sees belongs to one moment, however many statements
//! it takes.

use super::connection::Place;
use super::fault::Fault;
use crate::StoreError;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot};

/// Something to read, by the connection that a thread has, if it has one. Gives it back while
/// it is of use.
type Job = Box<dyn FnOnce(Option<Connection>, &Place) -> Option<Connection> + Send>;

/// The threads that read.
pub(super) struct Readers {
    place: Place,
    /// One for each thread; closed with the store.
    permits: Arc<Semaphore>,
    readers_max: u32,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: Mutex<Threads>,
}

struct Threads {
    /// `None` after the store was closed.
    jobs: Option<Sender<Job>>,
    begun: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn new(place: Place, readers_max: u32) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(readers_max as usize));
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = Mutex::new(Threads { jobs: Some(jobs), begun: Vec::new() });
        Arc::new(Readers { place, permits, readers_max, queue, threads })
    }

    pub(super) async fn read<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = self.permits.clone();
        let permit = permits.acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(move |db, place| {
            // given back whether anybody waits for the answer or not
            let _permit = permit;
            let (done, db) = match read_by(db, place, work) {
                Ok((done, db)) => (Ok(done), Some(db)),
                Err(fault) => (Err(fault.into()), None),
            };
            let _ = reply.send(done);
            db
        }))?;
        let stopped = |_| Err(StoreError::Unavailable("reading was stopped".to_owned()));
        answer.await.unwrap_or_else(stopped)
    }

    /// Gives a thread something to do, and begins one when all are at work.
    fn submit(&self, job: Job) -> Result<(), StoreError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = self.readers_max as usize - self.permits.available_permits();
        if threads.begun.len() < at_work {
            let (place, queue) = (self.place.clone(), Arc::clone(&self.queue));
            let thread = std::thread::Builder::new().name("store-reader".to_owned());
            match thread.spawn(move || serve(&place, &queue)) {
                Ok(thread) => threads.begun.push(thread),
                // those that there are have more to do
                Err(error) if !threads.begun.is_empty() => {
                    tracing::warn!(%error, "there is no further thread to read");
                }
                Err(error) => {
                    let text = format!("no thread to read: {error}");
                    return Err(StoreError::Unavailable(text));
                }
            }
        }
        let jobs = threads.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)
    }

    /// Waits until no one reads and closes the connections.
    pub(super) async fn close(&self) {
        // Fails when another caller has closed it.
        let all = self.permits.acquire_many(self.readers_max).await;
        self.permits.close();
        drop(all);
        self.end();
    }

    /// Ends the threads once they have done what they were given.
    pub(super) fn end(&self) {
        self.permits.close();
        let begun = {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.jobs = None;
            std::mem::take(&mut threads.begun)
        };
        for thread in begun {
            let _ = thread.join();
        }
    }
}

/// What a thread does: one job after the other, until there will be none.
fn serve(place: &Place, queue: &Mutex<Receiver<Job>>) {
    let mut idle = None;
    loop {
        // who waits for the queue waits for a job as well
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let db = idle.take();
        // a connection that was used when something panicked is not used again
        idle = catch_unwind(AssertUnwindSafe(|| job(db, place))).unwrap_or_default();
    }
}

fn read_by<T>(
    db: Option<Connection>,
    place: &Place,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<(T, Connection), Fault> {
    let db = match db {
        Some(db) => db,
        None => place.open_reader().map_err(Fault::Lost)?,
    };
    let done = at_one_moment(&db, work)?;
    Ok((done, db))
}

fn at_one_moment<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let done = work(db)?;
    db.prepare_cached("COMMIT")?.execute([])?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers() -> (tempfile::TempDir, Arc<Readers>) {
        let directory = tempfile::tempdir().expect("a folder");
        let place = Place { directory: directory.path().to_owned(), vfs: None };
        drop(place.open_writer().expect("a database"));
        (directory, Readers::new(place, 2))
    }

    #[tokio::test]
    async fn a_reading_that_panics_stops_no_other() {
        let (_directory, readers) = readers();
        let mut threads = std::collections::HashSet::new();
        for _ in 0..20 {
            let failed = readers.clone().read(|_| -> Result<(), Fault> { panic!("a bug") }).await;
            assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
            let read = |db: &Connection| {
                let one: i64 = db.query_row("SELECT 1", [], |row| row.get(0))?;
                Ok((one, std::thread::current().id()))
            };
            let (one, thread) = readers.clone().read(read).await.expect("it is read");
            assert_eq!(one, 1);
            threads.insert(thread);
        }
        // the same ones all the time, whatever happened
        assert!(threads.len() <= 2, "{threads:?}");
        readers.close().await;
        let late = readers.clone().read(|_| Ok(())).await;
        assert_eq!(late, Err(StoreError::Closed));
    }
}
