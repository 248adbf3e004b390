//! What the writer is asked to do: groups of commits, and edits of management data.

use super::address::Db;
use super::fault::Fault;
use super::round::Item;
use crate::{Commit, Committed, StoreError, check, limits};
use durable::Message;
use std::pin::Pin;
use tokio::sync::oneshot;

/// Work in a transaction, or on a connection that reads.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

pub(super) type Reply<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Something to do, with who waits for it.
pub(super) enum Job {
    Group(Group),
    Edit(Box<dyn Edit>),
}

impl Job {
    /// Bytes of rows it carries.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Job::Group(group) => group.bytes,
            Job::Edit(edit) => edit.bytes(),
        }
    }
}

/// Items that become durable together.
pub(super) struct Group {
    pub(super) items: Vec<Item>,
    bytes: usize,
    waiting: Waiting,
}

enum Waiting {
    Commits(oneshot::Sender<Result<Vec<Committed>, StoreError>>),
    Send(oneshot::Sender<Result<bool, StoreError>>),
}

impl Group {
    pub(super) fn commits(commits: Vec<Commit>) -> (Job, Reply<Vec<Committed>>) {
        let (sender, receiver) = oneshot::channel();
        let bytes = commits.iter().map(check::bytes).fold(0, usize::saturating_add);
        let items = commits.into_iter().map(Item::Commit).collect();
        (Job::Group(Group { items, bytes, waiting: Waiting::Commits(sender) }), receiver)
    }

    pub(super) fn send(message: Message) -> (Job, Reply<bool>) {
        let (sender, receiver) = oneshot::channel();
        let bytes = message.body.len().saturating_add(limits::JOB_BYTES);
        let items = vec![Item::Send(message)];
        (Job::Group(Group { items, bytes, waiting: Waiting::Send(sender) }), receiver)
    }

    /// Says what became of it. A caller that no longer waits is no fault.
    pub(super) fn answer(self, outcome: Result<Vec<Committed>, StoreError>) {
        match self.waiting {
            Waiting::Commits(sender) => {
                let _ = sender.send(outcome);
            }
            Waiting::Send(sender) => {
                let has_row = |verdicts: Vec<Committed>| {
                    verdicts.iter().any(|verdict| {
                        matches!(verdict, Committed::Done { inbox } if inbox.iter().any(Option::is_some))
                    })
                };
                let _ = sender.send(outcome.map(has_row));
            }
        }
    }
}

/// A change of management data: a transaction of its own, which may be done again after it
/// was undone.
pub(super) trait Edit: Send {
    fn bytes(&self) -> usize;

    fn run<'a>(&'a mut self, db: &'a Db) -> Work<'a, ()>;

    /// Says what became of it.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Change<F, T> {
    work: F,
    bytes: usize,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// A change as a job.
pub(super) fn edit<T: Send + 'static>(
    bytes: usize,
    work: impl for<'a> Fn(&'a Db) -> Work<'a, T> + Send + 'static,
) -> (Job, Reply<T>) {
    let (reply, receiver) = oneshot::channel();
    let bytes = bytes.saturating_add(limits::JOB_BYTES);
    (Job::Edit(Box::new(Change { work, bytes, done: None, reply })), receiver)
}

impl<F, T> Edit for Change<F, T>
where
    F: for<'a> Fn(&'a Db) -> Work<'a, T> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run<'a>(&'a mut self, db: &'a Db) -> Work<'a, ()> {
        let working = (self.work)(db);
        let done = &mut self.done;
        Box::pin(async move {
            *done = Some(working.await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Change { done, reply, .. } = *self;
        let never = || StoreError::Unavailable("the change was not tried".to_owned());
        // A caller that no longer waits is no fault.
        let _ = reply.send(outcome.and_then(|()| done.ok_or_else(never)));
    }
}
