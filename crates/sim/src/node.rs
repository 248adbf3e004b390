//! A server without its wire: the real engine and the real use cases.

use crate::hook::Service;
use crate::ledger::Ledger;
use crate::link::{Link, Troubles};
use crate::outside::{Asked, SimConnectors, SimOutside};
use crate::queue::Queue;
use crate::random::Random;
use crate::store::SimStore;
use crate::truth::Truth;
use durable::{NodeId, Ticks};
use parking_lot::Mutex;
use server::app::App;
use server::app::catalog::Catalog;
use server::auth::seal::Sealer;
use server::clock::{Clock, SECOND};
use server::limits::APPROVALS_EVERY;
use server::worker::{Engine, EngineParts, EngineSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use store::Hint;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// The first moment of a simulation: in 2026.
pub const BEGINNING: Ticks = 639_000_000_000_000_000;

/// The key that seals in simulations.
pub const KEY: [u8; 32] = [7; 32];

/// Where callers reach all of them.
pub const PUBLIC_URL: &str = "https://here.example";

/// What all nodes share.
#[derive(Clone)]
pub struct Shared {
    pub truth: Arc<Mutex<Truth>>,
    pub hints: broadcast::Sender<Hint>,
    pub asked: Arc<Mutex<Asked>>,
    pub service: Arc<Mutex<Service>>,
    /// What is read at an address, and what a connector tells.
    pub queue: Arc<Mutex<Queue>>,
    pub watched: Arc<Mutex<Queue>>,
    pub ledger: Arc<Mutex<Ledger>>,
    /// The nodes, as somebody outside reaches them; some are dead.
    pub doors: Arc<Mutex<Vec<App>>>,
    pub began: Instant,
    /// Seconds by which clocks were put forward or back, all together: two of them are never
    /// further apart.
    pub jumped: Arc<AtomicU64>,
}

impl Shared {
    #[must_use]
    pub fn new(truth: Truth) -> Shared {
        Shared {
            truth: Arc::new(Mutex::new(truth)),
            hints: broadcast::channel(1_024).0,
            asked: Arc::new(Mutex::new(Asked { is_troubled: true, ..Asked::default() })),
            service: Arc::default(),
            queue: Arc::default(),
            watched: Arc::default(),
            jumped: Arc::default(),
            ledger: Arc::default(),
            doors: Arc::default(),
            began: Instant::now(),
        }
    }

    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.asked.lock().is_troubled
    }

    /// How far apart the clocks of two nodes may be.
    #[must_use]
    pub fn clocks_apart(&self) -> Duration {
        Duration::from_secs(self.jumped.load(Ordering::Relaxed))
    }

    /// A node that somebody happens to reach.
    #[must_use]
    pub fn door(&self, random: &mut Random) -> App {
        let doors = self.doors.lock();
        doors[random.below(doors.len() as u64) as usize].clone()
    }
}

/// One life of a node.
pub struct Node {
    pub link: Link,
    pub app: App,
    skew: Arc<AtomicI64>,
    jumped: Arc<AtomicU64>,
}

impl Node {
    /// Starts a life; it goes on by itself.
    pub fn start(id: u64, shared: &Shared, troubles: Troubles, random: &mut Random) -> Node {
        let link = Link::new(random.fork(), troubles);
        let store = SimStore::new(Arc::clone(&shared.truth), link.clone(), shared.hints.clone());
        let store: Arc<dyn store::Store> = Arc::new(store);
        let skew = Arc::new(AtomicI64::new(0));
        let (began, skewed) = (shared.began, Arc::clone(&skew));
        let now = move || {
            let since = began.elapsed().as_nanos() / 100;
            BEGINNING + Ticks::try_from(since).unwrap_or(0) + skewed.load(Ordering::Relaxed)
        };
        let outside = Arc::new(SimOutside {
            shared: shared.clone(),
            node: id,
            link: link.clone(),
            random: Mutex::new(random.fork()),
        });
        let engine = Engine::new(EngineParts {
            node: NodeId(id),
            catalog: Catalog::new(Arc::clone(&store), Arc::new(Sealer::with_key(&KEY))),
            store,
            clock: Clock::given(Arc::new(now), random.number()),
            settings: EngineSettings {
                response_timeout: Duration::from_secs(40),
                retention: Duration::from_secs(86_400),
                recycle: Duration::from_secs(21 * 86_400),
            },
            outside: Arc::clone(&outside) as _,
            paused: false,
        });
        engine.catalog.set_public_url(PUBLIC_URL);
        engine.set_connectors(Arc::new(SimConnectors(outside)));
        let app = App::new(engine, Arc::default(), "simulation");
        let at = id as usize - 1;
        let mut doors = shared.doors.lock();
        match doors.get_mut(at) {
            Some(door) => *door = app.clone(),
            None => doors.push(app.clone()),
        }
        drop(doors);
        tokio::spawn(live(app.clone()));
        Node { link, app, skew, jumped: Arc::clone(&shared.jumped) }
    }

    /// Ends without a word.
    pub fn die(&self) {
        self.link.die();
        // its loops end; nothing of it reaches anything
        self.app.engine.stop_timers();
    }

    /// Ends as a server does that is told to stop.
    pub async fn stop(&self) {
        let engine = Arc::clone(&self.app.engine);
        engine.stop_timers();
        let settled = tokio::time::timeout(Duration::from_secs(5), engine.settle()).await;
        if settled.is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(5), engine.leave()).await;
        }
        self.die();
    }

    /// The node's clock is put forward or back.
    pub fn jump(&self, seconds: i64) {
        self.skew.fetch_add(seconds * SECOND, Ordering::Relaxed);
        self.jumped.fetch_add(seconds.unsigned_abs(), Ordering::Relaxed);
    }
}

/// What `serve` does, without the wire.
async fn live(app: App) {
    let engine = Arc::clone(&app.engine);
    let hints = tokio::spawn(Arc::clone(&engine).run_hints());
    while engine.join().await.is_err() || app.align_triggers().await.is_err() {
        if engine.is_closing() {
            hints.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    tokio::spawn(Arc::clone(&engine).run_timers());
    tokio::spawn(Arc::clone(&engine).run_cluster());
    tokio::spawn(Arc::clone(&engine).run_inbox());
    while !engine.is_closing() {
        tokio::time::sleep(APPROVALS_EVERY).await;
        // what fails is done by the next round
        let _ = app.see_to_approvals().await;
    }
}
