//! Connections that are lost, servers that are killed, databases that are silent.

use super::sample::{behind_proxy, commit, done, id, seq, step, store, whole_run};
use durable::{InboxId, Message, MessageKind, ProcessId};
use rig::{Counts, Cut, Postgres};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use store::{Committed, Store, StoreError};
use tokio::task::JoinSet;

const CALLERS: u32 = 8;

/// What a caller was told.
struct Told {
    process: ProcessId,
    /// Steps of the process that are done.
    at: u64,
    /// Rows of its inbox.
    rows: Vec<InboxId>,
    /// Runs, and whether they are done.
    runs: Vec<(ProcessId, bool)>,
}

/// Steps and whole runs of many callers, so many rounds at least, and until enough has
/// happened. Nobody is refused, as if he met himself.
async fn work(
    store: Arc<dyn Store>,
    rounds: u32,
    enough: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Vec<Told> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (store, enough) = (store.clone(), enough.clone());
        callers.spawn(
            async move { work_of(&*store, caller, |round| round > rounds && enough()).await },
        );
    }
    callers.join_all().await
}

async fn work_of(store: &dyn Store, caller: u32, is_over: impl Fn(u32) -> bool) -> Told {
    let process = id(10_000 * (caller + 1));
    let mut told = Told { process, at: 0, rows: Vec::new(), runs: Vec::new() };
    for round in (1..10_000).take_while(|round| !is_over(*round)) {
        let run = id(10_000 * (caller + 1) + round);
        let mut both = vec![step(process, told.at, 1), whole_run(run, 1)];
        if round % 3 == 0 {
            both[0].batch.messages = vec![note(process, round)];
        }
        match store.commit(both).await {
            Ok(verdicts) => {
                let [Committed::Done { inbox }, Committed::Done { .. }] = &verdicts[..] else {
                    panic!("round {round} of {caller}: {verdicts:?}")
                };
                told.rows.extend(inbox.iter().map(|row| row.expect("the message is new")));
                told.at += 1;
                told.runs.push((run, true));
            }
            Err(StoreError::Unavailable(_)) => told.runs.push((run, false)),
            Err(error) => panic!("{error}"),
        }
    }
    told
}

/// Compares what callers were told with what is stored: success is there, failure is not.
/// Answers how many were done, of how many.
async fn check(store: &dyn Store, all: &[Told]) -> (usize, usize) {
    readable(store).await;
    let (mut done, mut asked) = (0, 0);
    for told in all {
        assert_eq!(seq(store, told.process).await.unwrap_or(0), told.at);
        let inbox = store.inbox(told.process).await.expect("it is read");
        assert_eq!(inbox.iter().map(|row| row.id).collect::<Vec<_>>(), told.rows);
        for (run, is_done) in &told.runs {
            assert_eq!(store.run(*run).await.expect("it is read").is_some(), *is_done, "{run}");
            let chunks = store.history(*run, 0, 9).await.expect("it is read");
            assert_eq!(!chunks.is_empty(), *is_done);
            done += usize::from(*is_done);
            asked += 1;
        }
    }
    (done, asked)
}

/// A process's message to itself.
fn note(to: ProcessId, number: u32) -> Message {
    let (from, effect) = (Some(to), u64::from(number));
    Message { to, from, effect, kind: MessageKind::Reply, body: vec![7; 20] }
}

/// Waits until the database answers again.
async fn readable(store: &dyn Store) {
    let begun = Instant::now();
    while store.setting("name").await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the database stays away");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything is done, although the connection is lost at commits.
async fn lost_at_commit(how: Cut, rounds: u32) -> Counts {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, &format!("{how:?}").to_lowercase()).await;
    proxy.cut_commits(how, 200_000, 20);
    let told = work(store.clone(), rounds, || true).await;
    proxy.spare_commits();
    let (done, asked) = check(&*store, &told).await;
    assert_eq!(done, asked);
    println!("{how:?}: {asked}, {:?}", proxy.counts());
    proxy.counts()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_not_arrive_is_made_again() {
    assert!(lost_at_commit(Cut::Before, 60).await.cut_before > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found() {
    assert!(lost_at_commit(Cut::After, 60).await.cut_after > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_hangs_at_the_server_is_ended() {
    assert!(lost_at_commit(Cut::HalfOpen, 12).await.half_open > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_anywhere_lose_nothing() {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, "anywhere").await;
    let proxy = Arc::new(proxy);
    let counting = proxy.clone();
    let working = tokio::spawn(work(store.clone(), 100, move || counting.counts().cut > 30));
    let mut pause = 1;
    while !working.is_finished() {
        proxy.cut();
        pause = pause * 7 % 61;
        tokio::time::sleep(Duration::from_millis(pause + 5)).await;
    }
    let (done, asked) = check(&*store, &working.await.expect("nobody is refused")).await;
    println!("{done} of {asked}, {:?}", proxy.counts());
    assert!(done > asked / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_killed_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(Postgres::start(directory.path()).expect("a server"));
    let store = store(&server, "killed").await;
    let kills = Arc::new(AtomicU32::new(0));
    let killed = kills.clone();
    let enough = move || killed.load(Ordering::Acquire) == 3;
    let working = tokio::spawn(work(store.clone(), 50, enough));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let server = server.clone();
        let killed = tokio::task::spawn_blocking(move || {
            server.kill().expect("it is killed");
            server.start_again().expect("it starts again");
        });
        killed.await.expect("it is there again");
        kills.fetch_add(1, Ordering::AcqRel);
    }
    let (done, asked) = check(&*store, &working.await.expect("nobody is refused")).await;
    println!("{done} of {asked}");
    assert!(done > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_holds_nobody() {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, "away").await;
    assert_eq!(commit(&*store, whole_run(id(1), 1)).await, done());
    proxy.refuse();
    proxy.cut();
    let begun = Instant::now();
    let first = commit(&*store, whole_run(id(2), 1)).await;
    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    // It is known now: who asks does not wait.
    let begun = Instant::now();
    let later = commit(&*store, whole_run(id(2), 1)).await;
    assert!(matches!(later, Err(StoreError::Unavailable(_))), "{later:?}");
    let read = store.run(id(1)).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    proxy.accept();
    let begun = Instant::now();
    while commit(&*store, whole_run(id(3), 1)).await != done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it stays away");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.run(id(2)).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_holds_nobody_for_ever() {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, "silent").await;
    assert_eq!(commit(&*store, whole_run(id(1), 1)).await, done());
    assert!(store.run(id(1)).await.is_ok());
    proxy.stall();
    let begun = Instant::now();
    let (read, beaten, committed) = tokio::join!(
        store.run(id(1)),
        store.beat(super::sample::NODE, super::sample::LIVES),
        commit(&*store, whole_run(id(2), 1))
    );
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(beaten, Err(StoreError::Unavailable(_))), "{beaten:?}");
    assert!(matches!(committed, Err(StoreError::Unavailable(_))), "{committed:?}");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    println!("{:?}", begun.elapsed());
    proxy.carry_on();
    readable(&*store).await;
    println!("{:?}", begun.elapsed());
    while commit(&*store, whole_run(id(3), 1)).await != done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it stays silent");
    }
    println!("{:?}", begun.elapsed());
    assert_eq!(store.run(id(2)).await, Ok(None));
}

/// What the database says, as a trigger that stands in for the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_database_are_told_by_what_can_be_done() {
    let server = Postgres::shared().expect("a server");
    let store = store(&server, "errors").await;
    let fail = |code: &str, times: u32| {
        format!(
            "CREATE SEQUENCE IF NOT EXISTS failures; ALTER SEQUENCE failures RESTART;
            CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('failures') <= {times} THEN
                    RAISE EXCEPTION 'it fails' USING ERRCODE = '{code}';
                END IF;
                RETURN NEW;
            END $$;
            CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON chunk
            FOR EACH STATEMENT EXECUTE FUNCTION fail()"
        )
    };
    let arm = async |code, times| {
        server.execute("errors", &fail(code, times)).await.expect("a trigger");
    };
    arm("53100", 100).await;
    let full = commit(&*store, whole_run(id(1), 1)).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    // Others were in the way, a few times.
    for code in ["40001", "40P01"] {
        arm(code, 3).await;
        assert_eq!(commit(&*store, whole_run(id(2), 1)).await, done());
        arm(code, 100).await;
        let met = commit(&*store, whole_run(id(3), 1)).await;
        assert!(matches!(met, Err(StoreError::Unavailable(_))), "{met:?}");
        arm(code, 0).await;
        assert_eq!(store.delete_runs_before(1, i64::MAX, 10).await, Ok(1));
    }
    arm("58030", 100).await;
    let broken = commit(&*store, whole_run(id(4), 1)).await;
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "{broken:?}");
    // A value that no column takes is the affair of its group.
    arm("22001", 2).await;
    let (bad, good) = tokio::join!(
        store.commit(vec![whole_run(id(5), 1), step(id(6), 0, 1)]),
        commit(&*store, whole_run(id(7), 1))
    );
    assert!(bad.is_err() || good.is_err());
    arm("22001", 0).await;
    assert_eq!(commit(&*store, whole_run(id(8), 1)).await, done());
    for number in [1, 3, 4] {
        assert_eq!(store.run(id(number)).await, Ok(None));
    }
}
