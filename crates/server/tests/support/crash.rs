//! `kill -9` of a server under load, again and again on the same data; then an audit of
//! what it kept. Test files that kill a server include it by its path, beside `load`.
//!
//! `SLUICEGATE_CRASHES` sets the number of crashes (10), `SLUICEGATE_SEED` repeats a
//! run's random moments and choices (the seed is printed).

use crate::load::{self, Book, Life};
use crate::support::random::Random;
use crate::support::stub::Stub;
use crate::support::{Server, Setup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Up to so long before a crash no connection rests.
const PRESSED_MS_MAX: u64 = 60;

/// Crashes the server and audits it; panics with what was lost or done twice.
pub async fn check(setup: Setup) {
    let crashes: u64 = std::env::var("SLUICEGATE_CRASHES")
        .map_or(10, |text| text.parse().expect("SLUICEGATE_CRASHES is a number"));
    let seed = Random::seed("SLUICEGATE_SEED");
    println!("SLUICEGATE_SEED={seed} SLUICEGATE_CRASHES={crashes}");

    let stub = Stub::start().await;
    let server = setup.start().await;
    let paths = load::create_flows(&server.api(), stub.addr).await;
    let book = Arc::new(Book::default());
    let (lives, callers) = load::start(seed, &paths, &book);

    let began = Instant::now();
    let mut random = Random::new(seed);
    let world = World { setup, stub, book: book.clone(), lives };
    let server = world.crash_again_and_again(server, crashes, &mut random).await;
    let World { stub, lives, .. } = world;
    load::finish(&book, callers, lives).await;
    let loaded = began.elapsed();
    let api = server.api();
    load::settle(&book, &api).await;
    let settled = began.elapsed();
    let summary = load::audit::audit(&api, &book, &stub).await;
    let status = server.stop().await;
    println!(
        "{crashes} crashes: {} acknowledged, {} unanswered, {} turned away; {summary}; \
         load {loaded:.1?}, settled after {:.1?}, all {:.1?}",
        book.acknowledged(),
        book.unanswered.lock().expect("the book").len(),
        book.turned_away.load(Ordering::SeqCst),
        settled - loaded,
        began.elapsed(),
    );
    assert!(status.success(), "the last server ended with {status}");
    assert_eq!(book.full.load(Ordering::SeqCst), 0, "the disk was full");
    let problems = book.problems.lock().expect("the problems");
    assert!(problems.is_empty(), "{} problems (seed {seed}): {problems:#?}", problems.len());
}

/// What a crash touches.
struct World {
    setup: Setup,
    stub: Stub,
    book: Arc<Book>,
    lives: watch::Sender<Option<Life>>,
}

impl World {
    /// Kills and restarts; gives the last server, which is ready.
    async fn crash_again_and_again(
        &self,
        mut server: Server,
        crashes: u64,
        random: &mut Random,
    ) -> Server {
        for crash in 0..=crashes {
            let is_over = Arc::new(AtomicBool::new(false));
            // Some crashes come while the server is still getting up.
            let early = crash > 0 && crash < crashes && random.below(4) == 0;
            if !early {
                server.ready().await;
                let freezes = Arc::default();
                let is_over = is_over.clone();
                let life = Life { number: crash, api: server.api(), is_over, freezes };
                self.lives.send_replace(Some(life));
            }
            if crash == crashes {
                break;
            }
            let moment = if early { random.below(120) } else { 50 + random.below(1_600) };
            tokio::time::sleep(Duration::from_millis(moment)).await;
            self.book.is_pressed.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(random.below(PRESSED_MS_MAX))).await;
            if !early && !server.is_alive() {
                let log = server.log_tail();
                self.book.problem(format!("the server ended by itself; {log}"));
            }
            is_over.store(true, Ordering::SeqCst);
            self.lives.send_replace(None);
            server.kill();
            self.book.is_pressed.store(false, Ordering::SeqCst);
            self.stub.next_life().await;
            server = self.setup.spawn();
        }
        server
    }
}
