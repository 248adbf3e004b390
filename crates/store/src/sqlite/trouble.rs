//! What the writer does when the database fails under it.

use super::connection::Place;
use super::fault::Fault;
use super::job::{Edit, Group, Reply};
use super::migrate::{MIGRATIONS, migrate};
use super::writer::{Job, Writer};
use crate::{Commit, Committed, RunChange, StoreError};
use durable::{Batch, Partition, ProcessId, ProcessKind};
use rusqlite::Connection;
use std::sync::mpsc;

struct Trouble {
    writer: Writer,
    _directory: tempfile::TempDir,
}

impl Trouble {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { directory: directory.path().to_owned(), vfs: None };
        let lock = place.take().unwrap();
        let db = place.open_writer().unwrap();
        migrate(&db, MIGRATIONS).unwrap();
        let writer = Writer::start(db, place, lock, 64).unwrap();
        Trouble { writer, _directory: directory }
    }

    fn submit<T>(&self, (job, reply): (Box<impl Job + 'static>, Reply<T>)) -> Reply<T> {
        self.writer.submit(job).unwrap();
        reply
    }

    fn answer<T>(&self, reply: Reply<T>) -> Result<T, StoreError> {
        reply.blocking_recv().unwrap_or_else(|_| Err(self.writer.gone()))
    }

    fn edit<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reply = self.submit(Edit::new(0, work));
        self.answer(reply)
    }

    /// Holds the writer until told, so that what follows is one transaction.
    fn hold(&self) -> mpsc::Sender<()> {
        let (go, wait) = mpsc::channel();
        let (held, holding) = mpsc::channel();
        self.submit(Edit::new(0, move |_| {
            held.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        }));
        holding.recv().unwrap();
        go
    }

    fn chunks(&self) -> i64 {
        let count =
            |db: &Connection| Ok(db.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0))?);
        self.edit(count).unwrap()
    }
}

fn commit(number: u32, bytes: usize) -> Commit {
    let id = ProcessId::new(638_723_709_343_421_507, Partition(0), number);
    let mut batch = Batch::new(id, ProcessKind::Run, 0);
    batch.events = 1;
    batch.chunk = Some(vec![7; bytes]);
    Commit { batch, run: RunChange::None, epoch: None, workflow: 0, asked_by: None }
}

fn done() -> Vec<Committed> {
    vec![Committed::Done { inbox: vec![] }]
}

/// Lets the database grow by so many pages and no further.
fn room(db: &Connection, pages: i64) -> Result<(), Fault> {
    let now: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let most = format!("PRAGMA max_page_count = {}", now + pages);
    Ok(db.query_row(&most, [], |_| Ok(()))?)
}

#[test]
fn a_full_disk_fails_its_transaction_and_no_other() {
    let trouble = Trouble::new();
    trouble.edit(|db| room(db, 20)).unwrap();
    let go = trouble.hold();
    let small = trouble.submit(Group::new(vec![commit(1, 100)]));
    let large = trouble.submit(Group::new(vec![commit(2, 100), commit(3, 1_000_000)]));
    let setting = trouble.submit(Edit::new(0, |db| super::setting::set(db, "name", b"value")));
    go.send(()).unwrap();
    for outcome in [trouble.answer(small), trouble.answer(large)] {
        assert!(matches!(outcome, Err(StoreError::Full(_))), "{outcome:?}");
    }
    assert!(matches!(trouble.answer(setting), Err(StoreError::Full(_))));

    assert_eq!(trouble.chunks(), 0);
    let small = trouble.submit(Group::new(vec![commit(1, 100)]));
    assert_eq!(trouble.answer(small), Ok(done()));
    trouble.edit(|db| room(db, 1_000)).unwrap();
    let large = trouble.submit(Group::new(vec![commit(3, 1_000_000)]));
    assert_eq!(trouble.answer(large), Ok(done()));
    trouble.writer.close().unwrap();
}

#[test]
fn a_job_with_a_fault_of_its_own_leaves_the_others() {
    let trouble = Trouble::new();
    let go = trouble.hold();
    let first = trouble.submit(Group::new(vec![commit(1, 100)]));
    let known = trouble.submit(Group::new(vec![commit(2, 100), commit(1, 100), commit(3, 100)]));
    let refused = trouble.submit(Edit::new(0, |db| {
        super::setting::set(db, "name", b"value")?;
        Err::<(), _>(Fault::corrupt("a row"))
    }));
    let last = trouble.submit(Group::new(vec![commit(4, 100)]));
    go.send(()).unwrap();
    assert_eq!(trouble.answer(first), Ok(done()));
    let kept = Committed::Done { inbox: vec![] };
    assert_eq!(trouble.answer(known), Ok(vec![kept.clone(), Committed::Stale, kept]));
    assert_eq!(trouble.answer(refused), Err(StoreError::Corrupt("a row".to_owned())));
    assert_eq!(trouble.answer(last), Ok(done()));
    assert_eq!(trouble.chunks(), 4);
    assert_eq!(trouble.edit(|db| super::setting::get(db, "name")), Ok(None));
}

/// An error may end the transaction behind the writer's back.
#[test]
fn a_lost_transaction_fails_whole_and_the_writer_goes_on() {
    let trouble = Trouble::new();
    let go = trouble.hold();
    let before = trouble.submit(Group::new(vec![commit(1, 100)]));
    let losing = trouble.submit(Edit::new(0, |db| Ok(db.execute_batch("ROLLBACK")?)));
    let after = trouble.submit(Group::new(vec![commit(2, 100)]));
    go.send(()).unwrap();
    for outcome in [trouble.answer(before), trouble.answer(after)] {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    assert!(trouble.answer(losing).is_err());
    assert_eq!(trouble.chunks(), 0);
    let again = trouble.submit(Group::new(vec![commit(1, 100)]));
    assert_eq!(trouble.answer(again), Ok(done()));
}

#[test]
fn a_panic_of_the_writer_is_told_to_everyone() {
    let trouble = Trouble::new();
    let go = trouble.hold();
    let panics = trouble.submit(Edit::new(0, |_| -> Result<(), Fault> {
        panic!("a fault in the server (this panic is part of the test)")
    }));
    let with_it = trouble.submit(Group::new(vec![commit(1, 100)]));
    go.send(()).unwrap();
    let stopped = StoreError::Unavailable("the thread that writes has stopped".to_owned());
    assert_eq!(trouble.answer(panics), Err(stopped.clone()));
    assert_eq!(trouble.answer(with_it), Err(stopped.clone()));
    let (later, reply) = Group::new(vec![commit(2, 100)]);
    let accepted = trouble.writer.submit(later);
    assert_eq!(accepted.and_then(|()| trouble.answer(reply)), Err(stopped));

    let error = trouble.writer.close().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    let (later, _reply) = Group::new(vec![commit(3, 100)]);
    assert_eq!(trouble.writer.submit(later), Err(StoreError::Closed));
}
