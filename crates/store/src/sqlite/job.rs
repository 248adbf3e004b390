//! What the writer is asked to do: groups of commits, and edits of management data.

use super::commit;
use super::fault::Fault;
use super::writer::{Care, Job, savepoint};
use crate::{Commit, Committed, StoreError, check, limits};
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Commits that become durable together.
pub(super) struct Group {
    commits: Vec<Commit>,
    bytes: usize,
    done: Result<Vec<Committed>, StoreError>,
    reply: oneshot::Sender<Result<Vec<Committed>, StoreError>>,
}

pub(super) type Reply<T> = oneshot::Receiver<Result<T, StoreError>>;

impl Group {
    pub(super) fn new(commits: Vec<Commit>) -> (Box<Self>, Reply<Vec<Committed>>) {
        let (reply, receiver) = oneshot::channel();
        let bytes = commits.iter().map(check::bytes).fold(0, usize::saturating_add);
        (Box::new(Group { commits, bytes, done: Ok(Vec::new()), reply }), receiver)
    }

    fn apply(&self, db: &Connection, care: Care) -> Result<Vec<Committed>, Fault> {
        let each = |commit: &Commit| match care {
            Care::Plain => commit::apply(db, commit),
            Care::Savepoints => match savepoint(db, || commit::apply(db, commit)) {
                Err(fault) if fault.is_constraint() => Ok(Committed::Stale),
                outcome => outcome,
            },
        };
        self.commits.iter().map(each).collect()
    }
}

impl Job for Group {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, db: &Connection, care: Care) -> Result<(), Fault> {
        let done = match care {
            Care::Plain => Ok(self.apply(db, care)?),
            Care::Savepoints => alone(savepoint(db, || self.apply(db, care)))?,
        };
        self.done = done;
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        // A caller that no longer waits is no fault.
        let Group { done, reply, .. } = *self;
        let _ = reply.send(outcome.and(done));
    }
}

/// A change of management data. It may be done again after a rollback.
pub(super) struct Edit<F, T> {
    work: F,
    bytes: usize,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Edit<F, T>
where
    F: FnMut(&Connection) -> Result<T, Fault> + Send,
{
    pub(super) fn new(bytes: usize, work: F) -> (Box<Self>, Reply<T>) {
        let (reply, receiver) = oneshot::channel();
        let bytes = bytes.saturating_add(limits::JOB_BYTES);
        (Box::new(Edit { work, bytes, done: None, reply }), receiver)
    }
}

impl<F, T> Job for Edit<F, T>
where
    F: FnMut(&Connection) -> Result<T, Fault> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, db: &Connection, _care: Care) -> Result<(), Fault> {
        let Edit { work, done, .. } = self;
        *done = Some(alone(savepoint(db, || work(db)))?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Edit { done, reply, .. } = *self;
        let never = || Err(StoreError::Unavailable("the change was not tried".to_owned()));
        let done = outcome.and_then(|()| done.unwrap_or_else(never));
        // A caller that no longer waits is no fault.
        let _ = reply.send(done);
    }
}

/// A fault of one job is its answer; a fault of what all share is not.
fn alone<T>(done: Result<T, Fault>) -> Result<Result<T, StoreError>, Fault> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(fault) if fault.concerns_all() => Err(fault),
        Err(fault) => Ok(Err(fault.into())),
    }
}
