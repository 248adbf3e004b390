//! A PostgreSQL server of one's own.
//!
//! It listens on a free port of this machine only and trusts everybody there. Commits are
//! as durable as anywhere (`fsync` is on): that is what is tested.
//!
//! Invariant: the server does not outlive its maker, however that ends.

use crate::process;
use crate::program::Programs;
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A server takes a second to start, more when other tests keep the machine busy.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
const QUIT: Duration = Duration::from_secs(6);

/// Ports to try: another may take one before the server does.
const PORTS_TRIED: usize = 5;

const FIRST_PORT: u32 = 20_000;
const PORTS: u32 = 12_000;

const SETTINGS: [(&str, &str); 4] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("shared_buffers", "64MB"),
    ("max_connections", "100"),
];

/// A server. It is killed when this is dropped.
pub struct Postgres {
    programs: Programs,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    running: Mutex<Option<Running>>,
    /// Removed last, when it is ours.
    _directory: Option<TempDir>,
}

struct Running {
    postmaster: Pid,
    exited: Receiver<()>,
}

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Postgres {
    /// Makes a server below a directory, which must exist, and starts it.
    pub fn start(directory: &Path) -> anyhow::Result<Postgres> {
        Postgres::start_with(directory, &[])
    }

    /// The same with settings of `postgresql.conf`.
    pub fn start_with(directory: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Postgres> {
        let programs = Programs::find()?;
        let data = directory.join("data");
        std::fs::create_dir(&data).with_context(|| format!("cannot create {}", data.display()))?;
        if let Some(owner) = programs.owner {
            std::os::unix::fs::chown(&data, Some(owner.user), Some(owner.group))?;
            open_to_all(directory)?;
        }
        let mut command = programs.command("initdb");
        command.arg("-D").arg(&data);
        command.args(["-U", "postgres", "--locale=C", "--encoding=UTF8", "--auth=trust"]);
        // What is written before the start is worth nothing.
        let made = command.arg("--no-sync").output().context("cannot run setpriv and initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut server = Postgres {
            programs,
            data,
            log: directory.join("postgres.log"),
            port: 0,
            settings: SETTINGS.iter().chain(settings).map(owned).collect(),
            running: Mutex::new(None),
            _directory: None,
        };
        for _ in 1..PORTS_TRIED {
            server.port = free_port()?;
            if server.start_again().is_ok() {
                return Ok(server);
            }
        }
        server.start_again()?;
        Ok(server)
    }

    /// The one server of this test process: started for the first who asks, and gone with
    /// the last who holds it. Each test makes a database of its own in it.
    pub fn shared() -> anyhow::Result<Arc<Postgres>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let directory = tempfile::Builder::new().prefix("sluicegate-rig-").tempdir()?;
        let mut server = Postgres::start(directory.path())?;
        server._directory = Some(directory);
        let server = Arc::new(server);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// Where the server listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database, for a client.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.port, database)
    }

    /// The same through another port of this machine, such as a proxy's.
    #[must_use]
    pub fn url_at(&self, port: u16, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{database}")
    }

    /// Makes an empty database and answers its address.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<String> {
        self.execute("postgres", &format!("CREATE DATABASE \"{name}\"")).await?;
        Ok(self.url(name))
    }

    /// Does something in a database as its master.
    pub async fn execute(&self, database: &str, sql: &str) -> anyhow::Result<()> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        let connection = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        let _ = connection.await;
        Ok(done?)
    }

    /// Offers encryption from now on, with a certificate and its key.
    pub async fn encrypt(&self, certificate: &Path, key: &Path) -> anyhow::Result<()> {
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data.join(name);
            std::fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600))?;
            if let Some(owner) = self.programs.owner {
                std::os::unix::fs::chown(&to, Some(owner.user), Some(owner.group))?;
            }
        }
        self.execute("postgres", "ALTER SYSTEM SET ssl = on").await?;
        self.stop()?;
        self.start_again()
    }

    /// Starts the server after it was stopped or killed, on the same port.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let mut running = self.running();
        ensure!(running.is_none(), "the server runs already");
        let _ = std::fs::remove_file(self.data.join("postmaster.pid"));
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let log = File::options().append(true).create(true).open(&self.log)?;
        command.stdout(log.try_clone()?).stderr(log).stdin(std::process::Stdio::null());
        let (started, pid) = channel();
        let (ended, exited) = channel();
        // The server dies with the thread that started it: this one does nothing else, so
        // that it lives as long as the server or the whole process.
        std::thread::Builder::new().name("postgres".to_owned()).spawn(move || {
            let mut child = command.spawn();
            let _ = started.send(child.as_ref().map(std::process::Child::id).map_err(|error| {
                anyhow::anyhow!("cannot run setpriv (package 'util-linux') and postgres: {error}")
            }));
            if let Ok(child) = &mut child {
                let _ = child.wait();
            }
            let _ = ended.send(());
        })?;
        let pid = pid.recv().context("the thread that starts the server has ended")??;
        let postmaster = Pid::from_raw(i32::try_from(pid)?).context("a process")?;
        let server = running.insert(Running { postmaster, exited });
        let ready = wait_ready(&self.data.join("postmaster.pid"), server);
        if let Err(error) = ready {
            end(server);
            *running = None;
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            return Err(error.context(format!("the server did not start: {log}")));
        }
        Ok(())
    }

    /// Stops the server as an operator does; who is connected loses the connection.
    pub fn stop(&self) -> anyhow::Result<()> {
        let Some(server) = self.running().take() else { return Ok(()) };
        process::signal(server.postmaster, Signal::INT);
        if server.exited.recv_timeout(STOP) == Err(RecvTimeoutError::Timeout) {
            end(&server);
            bail!("the server did not stop");
        }
        Ok(())
    }

    /// Kills all processes of the server at once, as a crash does.
    pub fn kill(&self) -> anyhow::Result<()> {
        let Some(server) = self.running().take() else { return Ok(()) };
        let family = end(&server);
        process::wait_gone(&family, STOP)
    }

    /// Freezes all processes of the server: connections stay, nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// The processes of the server, the postmaster first.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let running = self.running();
        let family = running.as_ref().map(|server| process::family(server.postmaster));
        let number = |pid: &Pid| pid.as_raw_nonzero().get().unsigned_abs();
        family.unwrap_or_default().iter().map(number).collect()
    }

    /// Processor time of all processes of the server since it was started.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let running = self.running();
        running.as_ref().map_or(Duration::ZERO, |server| process::processor_time(server.postmaster))
    }

    fn signal(&self, signal: Signal) {
        if let Some(server) = &*self.running() {
            for pid in process::family(server.postmaster) {
                process::signal(pid, signal);
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = self.running().take() {
            // At once, but by itself: killed, it would leave its shared memory to the machine.
            for pid in process::family(server.postmaster) {
                process::signal(pid, Signal::CONT);
            }
            process::signal(server.postmaster, Signal::QUIT);
            if server.exited.recv_timeout(QUIT) == Err(RecvTimeoutError::Timeout) {
                end(&server);
            }
        }
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// Kills a server. Its processes are held first, so that none is made meanwhile.
fn end(server: &Running) -> Vec<Pid> {
    process::signal(server.postmaster, Signal::STOP);
    let family = process::family(server.postmaster);
    for pid in &family {
        process::signal(*pid, Signal::KILL);
    }
    let _ = server.exited.recv_timeout(STOP);
    family
}

/// Waits until the server says in its file that it takes connections.
fn wait_ready(file: &Path, server: &Running) -> anyhow::Result<()> {
    let end = Instant::now() + START;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        if server.exited.recv_timeout(Duration::from_millis(5)) != Err(RecvTimeoutError::Timeout) {
            bail!("it has ended");
        }
        ensure!(Instant::now() < end, "it takes more than {} s", START.as_secs());
    }
}

/// Lets the server's user through to what is its own.
pub(crate) fn open_to_all(directory: &Path) -> anyhow::Result<()> {
    let mut permissions = std::fs::metadata(directory)?.permissions();
    if permissions.mode() & 0o001 == 0 {
        permissions.set_mode(permissions.mode() | 0o001);
        std::fs::set_permissions(directory, permissions)?;
    }
    Ok(())
}

/// A port that no connection gets by chance while the server is away: it is below those
/// that the system gives to clients.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(31).wrapping_add(next) % PORTS;
        let port = u16::try_from(FIRST_PORT + offset)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free from {FIRST_PORT} on")
}
