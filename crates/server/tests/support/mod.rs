//! Starts the real binary for tests, and speaks to it.
//!
//! Each test file that says `mod support;` compiles this anew and uses a part of it.
#![allow(dead_code, reason = "no test file uses all of it")]

pub mod api;
pub mod random;
pub mod stub;

use api::Api;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The first token of every server started here.
pub const TOKEN: &str = "test-token-3f9a";

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// How to start a server: the same again after a crash.
pub struct Setup {
    /// The data directory; the log lies beside it.
    pub data: PathBuf,
    binary: Option<PathBuf>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Setup {
    /// A server whose data lies in `data` below `dir`.
    pub fn new(dir: &Path) -> Setup {
        let binary = option_env!("CARGO_BIN_EXE_sluicegate").map(PathBuf::from);
        Setup { data: dir.join("data"), binary, args: Vec::new(), env: Vec::new() }
    }

    /// Starts this program instead of the server that belongs to the tests' own crate.
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Setup {
        self.binary = Some(path.into());
        self
    }

    /// Adds an argument of `serve`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Setup {
        self.args.push(arg.into());
        self
    }

    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Setup {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Lets flows call this machine: by default they may not.
    pub fn allow_loopback(self, dir: &Path) -> Setup {
        let policy = dir.join("egress.toml");
        fs::write(&policy, "allow = [\"127.0.0.1/32\"]\n").expect("the policy can be written");
        self.arg("--egress-policy").arg(policy)
    }

    /// Starts the server on a free port; it need not be ready yet.
    pub fn spawn(&self) -> Server {
        self.spawn_on(free_address())
    }

    fn spawn_on(&self, addr: SocketAddr) -> Server {
        let log = self.log();
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let binary = self.binary.as_ref().expect("tests of another crate name their server");
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .arg("--listen")
            .arg(addr.to_string())
            .args(&self.args)
            .env("SLUICEGATE_TOKEN", TOKEN)
            // settings of the test are not settings of the server
            .env_remove("SLUICEGATE_SEED")
            .env_remove("SLUICEGATE_CRASHES")
            .env_remove("SLUICEGATE_CLUSTER_SECONDS")
            .env_remove("SLUICEGATE_CONTRACT_CALLS")
            .env_remove("SLUICEGATE_ISOLATION_STEPS")
            .env_remove("SLUICEGATE_INTERACTIVE_MS")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the server can be started");
        Server { addr, child, log, started: Instant::now() }
    }

    /// Starts the server and waits until it is ready. It chooses the port itself, so
    /// that nobody takes it in between.
    pub async fn start(&self) -> Server {
        let mut server = self.spawn_announced().await;
        server.ready().await;
        server
    }

    /// Starts the server and waits until it says where it listens.
    pub async fn spawn_announced(&self) -> Server {
        let earlier = fs::read(self.log()).map_or(0, |text| text.len());
        let mut server = self.spawn_on(SocketAddr::from(([127, 0, 0, 1], 0)));
        server.announced(earlier).await;
        server
    }

    /// What servers started here wrote to their output, oldest first.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    pub addr: SocketAddr,
    child: Child,
    log: PathBuf,
    started: Instant,
}

impl Server {
    /// A caller with the first token.
    pub fn api(&self) -> Api {
        Api::new(self.addr)
    }

    /// Waits until the output after `earlier` bytes names the address.
    async fn announced(&mut self, earlier: usize) {
        while self.started.elapsed() < READY_WITHIN {
            let output = fs::read(&self.log).unwrap_or_default();
            let output = String::from_utf8_lossy(&output[earlier.min(output.len())..]).into_owned();
            let address = output.lines().find_map(|line| {
                let port = line.split_once("listens on ")?.1.rsplit_once(':')?.1;
                port.trim().parse().ok()
            });
            if let Some(port) = address {
                self.addr.set_port(port);
                return;
            }
            if let Some(status) = self.child.try_wait().expect("the child's status") {
                panic!("the server ended with {status}; {}", self.log_tail());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("no address after {READY_WITHIN:?}; {}", self.log_tail());
    }

    /// Waits until the server says it is ready; panics with its output when it does not.
    pub async fn ready(&mut self) {
        let api = self.api();
        while self.started.elapsed() < READY_WITHIN {
            if api.is_ready().await {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("the child's status") {
                panic!("the server ended with {status}; {}", self.log_tail());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("the server is not ready after {READY_WITHIN:?}; {}", self.log_tail());
    }

    /// `kill -9`; returns when the process is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL can be sent");
        self.child.wait().expect("the child's end");
    }

    /// Whether the process has not ended by itself.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the child's status").is_none()
    }

    /// Asks the server to end (SIGTERM) and waits until it did.
    pub async fn stop(mut self) -> ExitStatus {
        self.terminate();
        let since = Instant::now();
        while since.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait().expect("the child's status") {
                return status;
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("still running {STOP_WITHIN:?} after SIGTERM; {}", self.log_tail());
    }

    /// Asks the server to end and does not wait for it.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Holds the process where it is (SIGSTOP); its connections stay.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -\"$1\" \"$0\"", &pid, name]).status();
        assert!(sent.expect("sh can be run").success(), "SIG{name} could not be sent");
    }

    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("the end of its output:\n{tail}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already after `kill` and `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}
