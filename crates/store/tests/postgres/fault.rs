//! Connections that are lost, servers that are killed, databases that are silent.

use super::sample::{behind_proxy, commit, done, id, seq, step, store, whole_run};
use rig::{Cut, Postgres, Proxy};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Committed, Store, StoreError};
use tokio::task::JoinSet;

const CALLERS: u32 = 8;

/// What callers were told.
#[derive(Default, Debug)]
struct Told {
    done: u32,
    unavailable: u32,
}

/// Steps and whole runs of many callers. Each answer is compared with what is stored once
/// that can be read: success is there, failure is not, and nobody meets himself.
async fn work(store: Arc<dyn Store>, rounds: u32) -> Told {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move { work_of(&*store, caller, rounds).await });
    }
    let mut told = Told::default();
    for one in callers.join_all().await {
        told.done += one.done;
        told.unavailable += one.unavailable;
    }
    told
}

async fn work_of(store: &dyn Store, caller: u32, rounds: u32) -> Told {
    let mut told = Told::default();
    let process = id(10_000 * (caller + 1));
    let (mut at, mut runs) = (0, Vec::new());
    for round in 1..=rounds {
        let run = id(10_000 * (caller + 1) + round);
        let both = vec![step(process, at, 1), whole_run(run, 1)];
        match store.commit(both).await {
            Ok(verdicts) => {
                let accepted = Committed::Done { inbox: vec![] };
                assert_eq!(verdicts, [accepted.clone(), accepted], "round {round} of {caller}");
                told.done += 1;
                at += 1;
                runs.push((run, true));
            }
            Err(StoreError::Unavailable(_)) => {
                told.unavailable += 1;
                runs.push((run, false));
            }
            Err(error) => panic!("{error}"),
        }
    }
    readable(store).await;
    assert_eq!(seq(store, process).await.unwrap_or(0), at);
    for (run, is_done) in runs {
        assert_eq!(store.run(run).await.expect("it is read").is_some(), is_done, "{run}");
        let chunks = store.history(run, 0, 9).await.expect("it is read");
        assert_eq!(!chunks.is_empty(), is_done);
    }
    told
}

/// Waits until the database answers again.
async fn readable(store: &dyn Store) {
    let begun = Instant::now();
    while store.setting("name").await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the database stays away");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn lost_at_commit(how: Cut, of_a_million: u64, rounds: u32) -> (Told, Proxy) {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, &format!("{how:?}").to_lowercase()).await;
    proxy.cut_commits(how, of_a_million, 20);
    let told = work(store.clone(), rounds).await;
    proxy.spare_commits();
    store.close().await.expect("it closes");
    println!("{how:?}: {told:?}, {:?}", proxy.counts());
    (told, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_not_arrive_is_made_again() {
    let (told, proxy) = lost_at_commit(Cut::Before, 200_000, 60).await;
    assert_eq!((told.done, told.unavailable), (CALLERS * 60, 0));
    assert!(proxy.counts().cut_before > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found() {
    let (told, proxy) = lost_at_commit(Cut::After, 200_000, 60).await;
    assert_eq!((told.done, told.unavailable), (CALLERS * 60, 0));
    assert!(proxy.counts().cut_after > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_hangs_at_the_server_is_ended() {
    let (told, proxy) = lost_at_commit(Cut::HalfOpen, 200_000, 12).await;
    assert_eq!((told.done, told.unavailable), (CALLERS * 12, 0));
    assert!(proxy.counts().half_open > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_anywhere_lose_nothing() {
    let server = Postgres::shared().expect("a server");
    let (store, proxy) = behind_proxy(&server, "anywhere").await;
    let working = tokio::spawn(work(store, 150));
    let mut pause = 1;
    while !working.is_finished() {
        proxy.cut();
        pause = pause * 7 % 61;
        tokio::time::sleep(Duration::from_millis(pause + 5)).await;
    }
    let told = working.await.expect("every answer is true");
    assert!(proxy.counts().cut > 20, "{:?}", proxy.counts());
    println!("{told:?}, {:?}", proxy.counts());
    assert!(told.done > CALLERS * 100, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_killed_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Arc::new(Postgres::start(directory.path()).expect("a server"));
    let store = store(&server, "killed").await;
    let working = tokio::spawn(work(store, 400));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let server = server.clone();
        let killed = tokio::task::spawn_blocking(move || {
            server.kill().expect("it is killed");
            server.start_again().expect("it starts again");
        });
        killed.await.expect("it is there again");
    }
    let told = working.await.expect("every answer is true");
    println!("{told:?}");
    assert!(told.done > 0);
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
    proxy.carry_on();
    readable(&*store).await;
    while commit(&*store, whole_run(id(3), 1)).await != done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it stays silent");
    }
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
