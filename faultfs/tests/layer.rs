//! What the layer does under plain SQLite. What a crash would leave is what the files
//! hold beside the layer: they are copied and opened without it.

use faultfs::{Options, Rank, Sync};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory of its own, on a layer of its own.
struct World {
    directory: tempfile::TempDir,
    layer: String,
}

impl World {
    fn new(options: Options) -> World {
        static LAYERS: AtomicUsize = AtomicUsize::new(0);
        let layer = format!("layer-{}", LAYERS.fetch_add(1, Ordering::SeqCst));
        faultfs::register(&layer, options, Rank::ByName).expect("the layer is registered");
        World { directory: tempfile::tempdir().expect("a directory"), layer }
    }

    /// A layer whose files may have as many bytes as the file given with it says.
    fn bounded() -> (World, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let room = directory.path().join("room");
        let options = Options { room: Some(room.clone()), ..Options::default() };
        (World { directory, ..World::new(options) }, room)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("test.db")
    }

    fn open(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Connection::open_with_flags_and_vfs(self.path(), flags, self.layer.as_str())
            .expect("it opens")
    }

    /// Opens it with a write-ahead log and full sync.
    fn open_durable(&self) -> Connection {
        let db = self.open();
        set(&db, "journal_mode", "WAL");
        set(&db, "synchronous", "FULL");
        db
    }

    /// What a crash now would leave, on the system's own layer.
    fn crashed(&self) -> Crashed {
        let directory = tempfile::tempdir().expect("a directory");
        for file in ["test.db", "test.db-wal", "test.db-journal"] {
            let (from, to) = (self.directory.path().join(file), directory.path().join(file));
            if from.exists() {
                std::fs::copy(from, to).expect("a copy");
            }
        }
        let db = Connection::open(directory.path().join("test.db")).expect("it opens");
        Crashed { db, _directory: directory }
    }
}

struct Crashed {
    db: Connection,
    _directory: tempfile::TempDir,
}

fn set(db: &Connection, name: &str, value: &str) {
    db.pragma_update_and_check(None, name, value, |_| Ok(()))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })
        .expect("the setting");
}

fn create(db: &Connection) {
    db.execute_batch("CREATE TABLE entry (number INTEGER PRIMARY KEY, text TEXT) STRICT")
        .expect("the table");
}

fn insert(db: &Connection, number: i64, bytes: usize) -> rusqlite::Result<()> {
    let text = "x".repeat(bytes);
    db.execute("INSERT INTO entry VALUES (?1, ?2)", (number, text)).map(|_| ())
}

fn numbers(db: &Connection) -> Vec<i64> {
    let mut statement = db.prepare("SELECT number FROM entry ORDER BY number").expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("numbers")
}

fn check(db: &Connection) {
    let answer: String =
        db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(answer, "ok");
}

fn bytes_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

#[test]
fn what_was_synced_survives_and_nothing_else_is_written() {
    let world = World::new(Options::default());
    let db = world.open_durable();
    create(&db);
    insert(&db, 1, 100).expect("an entry");
    insert(&db, 2, 20_000).expect("an entry");
    let log = world.directory.path().join("test.db-wal");
    let before = bytes_of(&log);
    // with no sync at its end, a commit is in the memory of the process only
    set(&db, "synchronous", "OFF");
    insert(&db, 3, 100_000).expect("an entry");
    assert_eq!(bytes_of(&log), before);
    assert_eq!(numbers(&db), [1, 2, 3]);
    let crashed = world.crashed();
    assert_eq!(numbers(&crashed.db), [1, 2]);
    check(&crashed.db);
}

/// The layer would show a store that forgets to sync.
#[test]
fn a_commit_without_sync_is_lost() {
    for mode in ["WAL", "DELETE"] {
        let world = World::new(Options::default());
        let db = world.open();
        set(&db, "journal_mode", mode);
        set(&db, "synchronous", "FULL");
        create(&db);
        insert(&db, 1, 100).expect("an entry");
        set(&db, "synchronous", "OFF");
        insert(&db, 2, 100).expect("an entry");
        assert_eq!(numbers(&db), [1, 2]);
        assert_eq!(numbers(&world.crashed().db), [1], "{mode}");
    }
}

#[test]
fn a_disk_that_ignores_syncs_keeps_nothing() {
    let world = World::new(Options { sync: Sync::Ignored, ..Options::default() });
    let db = world.open_durable();
    create(&db);
    insert(&db, 1, 100).expect("an entry");
    assert_eq!(numbers(&db), [1]);
    assert_eq!(bytes_of(&world.path()), 0);
}

#[test]
fn what_was_not_synced_outlives_its_connection() {
    let world = World::new(Options::default());
    let db = world.open();
    set(&db, "synchronous", "OFF");
    create(&db);
    insert(&db, 1, 100).expect("an entry");
    drop(db);
    assert_eq!(bytes_of(&world.path()), 0);
    assert_eq!(numbers(&world.open()), [1]);
}

#[test]
fn connections_see_each_others_commits_in_a_write_ahead_log() {
    let world = World::new(Options::default());
    let writer = world.open_durable();
    set(&writer, "wal_autocheckpoint", "20");
    create(&writer);
    let reader = world.open();
    for number in 0..200 {
        insert(&writer, number, 3_000).expect("an entry");
        let seen: i64 =
            reader.query_row("SELECT max(number) FROM entry", [], |row| row.get(0)).expect("one");
        assert_eq!(seen, number);
    }
    let snapshot = reader.unchecked_transaction().expect("a transaction");
    assert_eq!(numbers(&snapshot).len(), 200);
    insert(&writer, 200, 3_000).expect("an entry");
    assert_eq!(numbers(&snapshot).len(), 200);
    drop(snapshot);
    assert_eq!(numbers(&reader).len(), 201);
    let crashed = world.crashed();
    assert_eq!(numbers(&crashed.db).len(), 201);
    check(&crashed.db);
    drop((reader, writer));
    // closed cleanly: the database alone has it all
    assert!(!world.directory.path().join("test.db-wal").exists());
    assert_eq!(numbers(&world.crashed().db).len(), 201);
}

#[test]
fn a_rollback_journal_undoes_on_the_layer() {
    let world = World::new(Options::default());
    let db = world.open();
    set(&db, "journal_mode", "TRUNCATE");
    create(&db);
    for number in 0..50 {
        insert(&db, number, 4_000).expect("an entry");
    }
    db.execute_batch("BEGIN; DELETE FROM entry WHERE number < 40; VACUUM;").expect_err("no vacuum");
    db.execute_batch("ROLLBACK").expect("undone");
    db.execute_batch("DELETE FROM entry WHERE number >= 10; VACUUM").expect("a smaller file");
    assert_eq!(numbers(&db).len(), 10);
    let crashed = world.crashed();
    assert_eq!(numbers(&crashed.db).len(), 10);
    check(&crashed.db);
    // SQLite cuts the file after the commit, so the next sync is the one that shows it
    insert(&db, 10, 100).expect("an entry");
    assert_eq!(bytes_of(&world.path()), counted_bytes(&db));
}

/// Length of the database as SQLite counts it.
fn counted_bytes(db: &Connection) -> u64 {
    let count = |name: &str| -> i64 {
        db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).expect("a number")
    };
    u64::try_from(count("page_count") * count("page_size")).expect("a length")
}

/// Whatever part of the unsynced sectors reaches the medium, all commits are there.
#[test]
fn torn_writes_lose_no_commit() {
    for seed in 0..20 {
        let world = World::new(Options { torn: 300, seed, ..Options::default() });
        let db = world.open_durable();
        set(&db, "wal_autocheckpoint", "8");
        create(&db);
        for number in 0..12 {
            insert(&db, number, 5_000).expect("an entry");
        }
        db.execute_batch("BEGIN").expect("a transaction");
        set(&db, "cache_size", "2");
        for number in 12..30 {
            insert(&db, number, 5_000).expect("an entry");
        }
        // in the middle of a transaction that has spilled
        let crashed = world.crashed();
        assert_eq!(numbers(&crashed.db), (0..12).collect::<Vec<_>>(), "seed {seed}");
        check(&crashed.db);
        db.execute_batch("COMMIT").expect("the commit");
        let crashed = world.crashed();
        assert_eq!(numbers(&crashed.db).len(), 30, "seed {seed}");
        check(&crashed.db);
    }
}

/// A part of what was not synced does reach the medium.
#[test]
fn torn_writes_reach_the_medium() {
    let world = World::new(Options { torn: 300, seed: 1, ..Options::default() });
    let db = world.open();
    set(&db, "synchronous", "OFF");
    create(&db);
    insert(&db, 1, 500_000).expect("an entry");
    let bytes = std::fs::read(world.path()).expect("the file");
    let full = bytes.chunks(512).filter(|sector| sector.iter().all(|byte| *byte == b'x')).count();
    assert!((20..900).contains(&full), "{full} sectors");
}

#[test]
fn a_full_disk_refuses_what_is_too_much_and_takes_more_when_there_is_room() {
    let (world, room) = World::bounded();
    let db = world.open_durable();
    create(&db);
    insert(&db, 1, 1_000).expect("an entry");
    std::fs::write(&room, "200000").expect("the bound");
    let refused = (2..).map(|number| insert(&db, number, 10_000)).find_map(Result::err);
    let Some(rusqlite::Error::SqliteFailure(error, _)) = refused else { panic!("no refusal") };
    assert_eq!(error.code, ErrorCode::DiskFull);
    let before = numbers(&db);
    assert!(before.len() > 3, "{before:?}");
    let next = before.len() as i64 + 1;
    let again = insert(&db, next, 10_000).expect_err("still full");
    assert_eq!(again.sqlite_error_code(), Some(ErrorCode::DiskFull));
    let total: u64 = ["test.db", "test.db-wal"]
        .map(|file| bytes_of(&world.directory.path().join(file)))
        .iter()
        .sum();
    assert!(total <= 200_000, "{total}");

    std::fs::write(&room, "400000").expect("the bound");
    insert(&db, next, 10_000).expect("an entry");
    assert_eq!(numbers(&db).len(), before.len() + 1);
    let crashed = world.crashed();
    assert_eq!(numbers(&crashed.db), numbers(&db));
    check(&crashed.db);
}

#[test]
fn room_is_given_back_by_files_that_shrink_or_go() {
    let (world, room) = World::bounded();
    std::fs::write(&room, "400000").expect("the bound");
    for round in 0..10 {
        let db = world.open_durable();
        if round == 0 {
            create(&db);
        }
        insert(&db, round, 150_000).unwrap_or_else(|error| panic!("round {round}: {error}"));
        db.execute_batch("DELETE FROM entry; VACUUM").expect("a smaller file");
    }
}
