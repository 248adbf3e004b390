//! Servers that share one database, each with its own data folder and its own way to the
//! database, which can be harmed. Test files that run several include it by its path.

use crate::load::{Book, Life};
use crate::support::random::Random;
use crate::support::{Server, Setup};
use rig::{Cut, Postgres, Proxy};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const DATABASE: &str = "cluster";

/// Between two faults, at most.
const CALM_MS_MAX: u64 = 3_000;

/// Up to so long before a fault no connection rests.
const PRESSED_MS_MAX: u64 = 200;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who is frozen or away at a time, at most: somebody goes on.
const ABSENT_MAX: usize = 2;

/// What was done to a cluster.
#[derive(Debug, Default)]
pub struct Harm {
    pub kills: u64,
    pub freezes: u64,
    pub cuts: u64,
    pub commits_cut: u64,
    pub separations: u64,
    pub database_restarts: u64,
}

/// One server of several.
pub struct Node {
    pub setup: Setup,
    pub proxy: Proxy,
    pub server: Option<Server>,
    number: u64,
    is_over: Arc<AtomicBool>,
    freezes: Arc<AtomicU32>,
    /// Where callers learn of its lives.
    pub lives: Option<watch::Sender<Option<Life>>>,
    started_at: Option<Instant>,
    thawed_at: Option<Instant>,
    healed_at: Option<Instant>,
}

/// Three servers of one database.
pub struct Cluster {
    pub postgres: Arc<Postgres>,
    pub nodes: Vec<Node>,
    pub harm: Harm,
    book: Arc<Book>,
}

impl Cluster {
    /// Starts the servers below a directory; the first makes the master key of all.
    pub async fn start(dir: &Path, count: usize, book: &Arc<Book>) -> Cluster {
        // Not the one that tests share: it is stopped and killed here.
        let postgres = Arc::new(Postgres::start(dir).expect("a PostgreSQL server"));
        postgres.create_database(DATABASE).await.expect("a database");
        let mut nodes: Vec<Node> = Vec::new();
        for number in 0..count {
            let below = dir.join(format!("node{number}"));
            std::fs::create_dir_all(below.join("data")).expect("a folder");
            let proxy = Proxy::start(postgres.port()).await.expect("a proxy");
            let url = postgres.url_at(proxy.port(), DATABASE);
            let setup = Setup::new(&below).allow_loopback(&below).arg("--database-url").arg(url);
            if let Some(first) = nodes.first() {
                let key = first.setup.data.join("master.key");
                std::fs::copy(key, setup.data.join("master.key")).expect("the key is copied");
            }
            let server = Some(setup.start().await);
            nodes.push(Node {
                setup,
                proxy,
                server,
                number: 0,
                is_over: Arc::default(),
                freezes: Arc::default(),
                lives: None,
                started_at: None,
                thawed_at: None,
                healed_at: None,
            });
        }
        Cluster { postgres, nodes, harm: Harm::default(), book: Arc::clone(book) }
    }

    /// The address of the database itself.
    pub fn database(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// Does harm for so long, then undoes it: all servers run and reach the database.
    pub async fn harm(&mut self, lasts: Duration, random: &mut Random) {
        let end = Instant::now() + lasts;
        let mut next = Instant::now();
        while Instant::now() < end {
            tokio::time::sleep(LOOK_EVERY).await;
            self.undo(false).await;
            if Instant::now() >= next {
                // many requests are under way when it happens
                self.book.is_pressed.store(true, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(random.below(PRESSED_MS_MAX))).await;
                self.harm_once(random).await;
                self.book.is_pressed.store(false, Ordering::SeqCst);
                next = Instant::now() + Duration::from_millis(random.below(CALM_MS_MAX));
            }
        }
        self.undo(true).await;
    }

    async fn harm_once(&mut self, random: &mut Random) {
        let at = usize::try_from(random.below(self.nodes.len() as u64)).expect("a node");
        let what = random.below(20);
        let seconds = Duration::from_millis(random.below(12_000));
        let absent = self.nodes.iter().filter(|node| node.is_absent()).count();
        let is_free = !self.nodes[at].is_absent() && absent < ABSENT_MAX;
        let node = &mut self.nodes[at];
        match what {
            0..4 if node.server.is_some() => {
                node.kill();
                // sometimes at once, sometimes so late that others have its work
                let away = if what < 2 { Duration::ZERO } else { seconds };
                node.started_at = Some(Instant::now() + away);
                self.harm.kills += 1;
            }
            4..8 if is_free => {
                node.freezes.fetch_add(1, Ordering::SeqCst);
                node.server.as_ref().expect("a server").freeze();
                node.thawed_at = Some(Instant::now() + Duration::from_secs(3) + seconds);
                self.harm.freezes += 1;
            }
            8..11 => {
                node.proxy.cut();
                self.harm.cuts += 1;
            }
            11..16 => {
                let how = [Cut::Before, Cut::After, Cut::After, Cut::HalfOpen];
                let how = how[usize::try_from(random.below(4)).expect("a way")];
                node.proxy.cut_next_commit(how);
                self.harm.commits_cut += 1;
            }
            16..19 if is_free => {
                if what == 16 {
                    node.proxy.stall();
                } else {
                    node.proxy.refuse();
                    node.proxy.cut();
                }
                node.healed_at = Some(Instant::now() + seconds);
                self.harm.separations += 1;
            }
            19 => self.restart_database(random).await,
            _ => {}
        }
    }

    async fn restart_database(&mut self, random: &mut Random) {
        self.harm.database_restarts += 1;
        let is_crash = random.below(2) == 0;
        let postgres = Arc::clone(&self.postgres);
        tokio::task::block_in_place(|| {
            let ended = if is_crash { postgres.kill() } else { postgres.stop() };
            ended.expect("the database ends");
        });
        tokio::time::sleep(Duration::from_millis(random.below(3_000))).await;
        tokio::task::block_in_place(|| postgres.start_again().expect("the database starts"));
    }

    /// Undoes what has lasted long enough, or everything.
    async fn undo(&mut self, everything: bool) {
        for (at, node) in self.nodes.iter_mut().enumerate() {
            let is_due = |moment: Option<Instant>| {
                moment.is_some_and(|moment| everything || moment <= Instant::now())
            };
            if is_due(node.thawed_at) {
                node.thaw();
            }
            if is_due(node.healed_at) || everything {
                node.heal();
            }
            if let Some(server) = &mut node.server
                && !server.is_alive()
            {
                let log = server.log_tail();
                self.book.problem(format!("server {at} ended by itself; {log}"));
                node.kill();
                node.started_at = Some(Instant::now());
            }
            if is_due(node.started_at) {
                node.start().await;
            }
        }
    }
}

impl Node {
    /// Whether others have to do its work.
    fn is_absent(&self) -> bool {
        self.server.is_none() || self.thawed_at.is_some() || self.healed_at.is_some()
    }

    /// `kill -9`, frozen or not.
    pub fn kill(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(lives) = &self.lives {
            lives.send_replace(None);
        }
        if let Some(server) = self.server.take() {
            server.kill();
        }
        self.thawed_at = None;
    }

    /// Starts the server again, its way to the database being whole.
    async fn start(&mut self) {
        self.heal();
        self.started_at = None;
        self.number += 1;
        self.is_over = Arc::default();
        self.freezes = Arc::default();
        self.server = Some(self.setup.start().await);
        self.tell();
    }

    /// Tells the callers of the present life.
    pub fn tell(&self) {
        let (Some(lives), Some(server)) = (&self.lives, &self.server) else { return };
        let (is_over, freezes) = (Arc::clone(&self.is_over), Arc::clone(&self.freezes));
        let life = Life { number: self.number, api: server.api(), is_over, freezes };
        lives.send_replace(Some(life));
    }

    fn thaw(&mut self) {
        self.thawed_at = None;
        if let Some(server) = &self.server {
            server.thaw();
            self.freezes.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn heal(&mut self) {
        self.healed_at = None;
        self.proxy.spare_commits();
        self.proxy.accept();
        self.proxy.carry_on();
    }
}
