//! What only the SQLite store promises: its files, its lock, its size.

use durable::{Batch, Partition, ProcessId, ProcessKind};
use std::path::Path;
use store::portable::{Page, TABLES};
use store::sqlite::{SqliteOptions, SqliteReader, SqliteStore};
use store::{Commit, RunChange, RunRow, Source, Store, StoreError};

/// A run as the first benchmark makes them: it ends in its first commit. Starts are
/// milliseconds apart, content does not compress.
fn whole_run(number: u32, chunk_bytes: usize) -> Commit {
    let start = 638_723_709_343_421_507 + i64::from(number) * 9_973;
    let id = ProcessId::new(start, Partition((number % 256) as u16), number);
    let mut batch = Batch::new(id, ProcessKind::Run, 0);
    batch.events = 9;
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    batch.chunk = Some((0..chunk_bytes).map(|_| byte()).collect());
    let run = RunRow {
        id,
        workflow: 1 + i64::from(number % 8),
        version: 1,
        status: 4,
        end: Some(start + 12_345),
        code: None,
        error: None,
        client_tracking_id: None,
        parent: None,
    };
    Commit { batch, run: RunChange::Insert(run), epoch: None, workflow: 1, asked_by: None }
}

fn open(directory: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(directory, SqliteOptions::default())
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

async fn fill(store: &SqliteStore, numbers: std::ops::Range<u32>, chunk_bytes: usize) {
    let runs: Vec<u32> = numbers.collect();
    for group in runs.chunks(64) {
        let group = group.iter().map(|number| whole_run(*number, chunk_bytes)).collect();
        store.commit(group).await.expect("it is committed");
    }
}

fn file_bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("the directory");
    files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum()
}

#[tokio::test]
async fn a_finished_run_takes_at_most_800_bytes() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..20_000, 500).await;
    store.close().await.expect("it closes");
    let bytes = file_bytes(directory.path()) / 20_000;
    println!("{bytes} bytes for each run");
    assert!(bytes <= 800, "{bytes} bytes for each run");
}

#[tokio::test]
async fn space_of_removed_runs_goes_back_to_the_file_system() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..1_000, 4_000).await;
    let before = i64::MAX;
    let mut removed = 0;
    for workflow in 1..=8 {
        removed += store.delete_runs_before(workflow, before, 10_000).await.expect("an answer");
    }
    assert_eq!(removed, 1_000);
    let mut given_back = 0;
    loop {
        let some = store.reclaim(1_000_000).await.expect("an answer");
        assert!(some <= 1_000_000 + 8_192, "{some} bytes at once");
        if some == 0 {
            break;
        }
        given_back += some;
    }
    assert!(given_back > 4_000_000, "{given_back}");
    store.close().await.expect("it closes");
    let left = file_bytes(directory.path());
    assert!(left < 500_000, "{left} bytes are left");
}

#[tokio::test]
async fn one_server_at_a_time_has_a_data_directory() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    let Err(error) = open(directory.path()) else { panic!("two servers have the same data") };
    assert!(error.to_string().contains("in use by another server"), "{error}");
    store.close().await.expect("it closes");
    // Closed, even if something still holds it.
    open(directory.path()).expect("it opens again");
}

/// The files as they are while the server runs are what a crash would leave.
#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let (alive, crashed) = (directory(), directory());
    let store = open(alive.path()).expect("it opens");
    fill(&store, 0..100, 500).await;
    for file in ["sluicegate.db", "sluicegate.db-wal"] {
        std::fs::copy(alive.path().join(file), crashed.path().join(file)).expect("a copy");
    }
    let restarted = open(crashed.path()).expect("it opens");
    for number in 0..100 {
        let commit = whole_run(number, 500);
        let chunks = restarted.history(commit.batch.process, 0, 9).await.expect("a history");
        assert_eq!(Some(&chunks[0].content), commit.batch.chunk.as_ref());
        let RunChange::Insert(run) = commit.run else { panic!("a run") };
        assert_eq!(restarted.run(run.id).await, Ok(Some(run)));
    }
}

#[tokio::test]
async fn a_clean_close_leaves_one_database_file() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..100, 500).await;
    store.close().await.expect("it closes");
    let files = std::fs::read_dir(directory.path()).expect("the directory");
    let mut names: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
    names.sort();
    assert_eq!(names, ["sluicegate.db", "sluicegate.lock"]);
}

/// There may be no room for anything.
#[tokio::test]
async fn opening_a_store_that_is_there_writes_nothing() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..100, 500).await;
    store.close().await.expect("it closes");
    let before = file_bytes(directory.path());
    let store = open(directory.path()).expect("it opens again");
    let log = std::fs::metadata(directory.path().join("sluicegate.db-wal"));
    assert_eq!(log.map_or(0, |found| found.len()), 0);
    store.close().await.expect("it closes");
    assert_eq!(file_bytes(directory.path()), before);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let inner = directory.path().join("data");
    let store = open(&inner).expect("it opens");
    fill(&store, 0..1, 500).await;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode();
    assert_eq!(mode(&inner) & 0o777, 0o700);
    for file in std::fs::read_dir(&inner).expect("the directory") {
        let path = file.expect("a file").path();
        assert_eq!(mode(&path) & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn what_is_no_database_is_not_opened() {
    let directory = directory();
    std::fs::write(directory.path().join("sluicegate.db"), [b'x'; 20_000]).expect("a file");
    let Err(error) = open(directory.path()) else { panic!("it opened") };
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}

#[test]
fn a_data_directory_that_cannot_be_created_is_named() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let Err(error) = open(&file.join("data")) else { panic!("it opened") };
    assert!(error.to_string().contains("data"), "{error}");
}

#[test]
fn an_unknown_file_layer_is_an_error() {
    let directory = directory();
    let options = SqliteOptions { vfs: Some("faulty".to_owned()), ..SqliteOptions::default() };
    let Err(error) = SqliteStore::open(directory.path(), options) else { panic!("it opened") };
    assert!(error.to_string().contains("faulty"), "{error}");
}

/// Rows of the tables of runs and chunks, and the pages that chunks came in.
async fn exported(source: &dyn Source) -> (usize, usize, usize) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Page>(2);
    let counting = async {
        let (mut runs, mut chunks, mut pages) = (0, 0, 0);
        while let Some(page) = receiver.recv().await {
            match TABLES[page.table].name {
                "run" => runs += page.rows.len(),
                "chunk" => {
                    chunks += page.rows.len();
                    pages += 1;
                }
                _ => {}
            }
        }
        (runs, chunks, pages)
    };
    let (done, counts) = tokio::join!(source.everything(sender), counting);
    done.expect("everything is exported");
    counts
}

#[tokio::test]
async fn a_reader_sees_what_a_server_has_stored_so_far() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..10, 500).await;
    let reader = SqliteReader::open(directory.path()).expect("it opens beside the server");
    assert_eq!(exported(&reader).await, (10, 10, 1));
    fill(&store, 10..20, 500).await;
    assert_eq!(exported(&reader).await, (20, 20, 1));
    assert_eq!(reader.content([0; 32]).await, Ok(None));
    store.close().await.expect("it closes");
    assert_eq!(exported(&reader).await, (20, 20, 1));
}

#[tokio::test]
async fn pages_of_large_rows_are_short() {
    let directory = directory();
    let store = open(directory.path()).expect("it opens");
    fill(&store, 0..6, store::limits::PAGE_ROW_BYTES / 2).await;
    assert_eq!(exported(&store).await, (6, 6, 3));
}

#[test]
fn a_reader_makes_no_store() {
    let directory = directory();
    assert!(!SqliteStore::is_in(directory.path()));
    let refused = SqliteReader::open(directory.path()).map(|_| ());
    let Err(StoreError::Unavailable(text)) = refused else { panic!("{refused:?}") };
    assert!(text.contains("there is no store in"), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("a list").count(), 0);
}
