//! The command line: a home of its own for each who signs in, and what its commands say.

use serde_json::Value;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Where `scripts/setup` installs it.
const PACKAGE: &str = "../../rig/m365/node_modules/@pnp/cli-microsoft365";

/// Longer than a command takes on a machine that has much to do.
const ENDS_WITHIN: Duration = Duration::from_secs(90);

const POLL_EVERY: Duration = Duration::from_millis(10);

/// Prints JSON, and tells nobody that it is used.
const SETTINGS: &str = r#"{"disableTelemetry":true,"output":"json"}"#;

/// Somebody who uses the command line.
pub struct Cli {
    home: PathBuf,
    proxy: String,
    authority: PathBuf,
    commands: AtomicUsize,
}

/// A command that runs. Dropping it kills it.
pub struct Running {
    line: String,
    child: Child,
    started: Instant,
    output: PathBuf,
    errors: PathBuf,
}

/// What a command said.
pub struct Told {
    line: String,
    pub is_success: bool,
    pub output: String,
    pub errors: String,
}

impl Cli {
    /// Whose home is a new folder, and who gets everywhere by a proxy.
    pub fn new(home: PathBuf, proxy: u16, authority: &Path) -> Cli {
        let settings = home.join(".config/configstore");
        fs::create_dir_all(&settings).expect("a folder");
        fs::write(settings.join("cli-m365-config.json"), SETTINGS).expect("a file");
        let proxy = format!("http://127.0.0.1:{proxy}");
        Cli { home, proxy, authority: authority.to_owned(), commands: AtomicUsize::new(0) }
    }

    /// A path in the home.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Begins a command: words between spaces, and then arguments as they are.
    pub fn begin(&self, line: &str, more: &[&str]) -> Running {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let [output, errors] = ["out", "err"].map(|kind| self.file(&format!("{number}.{kind}")));
        let file = |path: &Path| File::create(path).expect("a file");
        let child = Command::new("node")
            .arg(program())
            .args(line.split_whitespace())
            .args(more)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a path"))
            .env("HOME", &self.home)
            .env("HTTPS_PROXY", &self.proxy)
            .env("NODE_EXTRA_CA_CERTS", &self.authority)
            .env("CLIMICROSOFT365_NOUPDATE", "1")
            .env("CI", "1")
            .stdin(Stdio::null())
            .stdout(file(&output))
            .stderr(file(&errors))
            .spawn()
            .expect("node ('scripts/setup' says what is missing)");
        let line = format!("m365 {line} {}", more.join(" "));
        Running { line, child, started: Instant::now(), output, errors }
    }

    pub async fn run(&self, line: &str) -> Told {
        self.begin(line, &[]).end().await
    }

    /// A command that must succeed and print JSON.
    pub async fn json(&self, line: &str) -> Value {
        self.run(line).await.json()
    }

    /// Two that have nothing to do with each other, at the same time.
    pub async fn both(&self, first: &str, second: &str) -> (Value, Value) {
        let (first, second) = tokio::join!(self.run(first), self.run(second));
        (first.json(), second.json())
    }

    /// A command that must succeed and has nothing to say.
    pub async fn done(&self, line: &str) {
        self.run(line).await.silent();
    }

    /// A command that must be refused; why.
    pub async fn refused(&self, line: &str) -> String {
        self.run(line).await.refusal()
    }

    /// Several that must be refused, two at a time, each for one of these reasons.
    pub async fn all_refused(&self, lines: &[String], reasons: &[&str]) {
        for pair in lines.chunks(2) {
            let second = async {
                match pair.get(1) {
                    Some(line) => Some(self.run(line).await),
                    None => None,
                }
            };
            let (first, second) = tokio::join!(self.run(&pair[0]), second);
            for told in [Some(first), second].into_iter().flatten() {
                let line = told.line.clone();
                let reason = told.refusal();
                let is_known = reasons.iter().any(|known| reason.contains(known));
                assert!(is_known, "{line}: {reason}");
            }
        }
    }

    /// A POST of JSON by the command for any request.
    pub async fn post(&self, url: &str, body: &Value) -> Told {
        let body = body.to_string();
        let more = ["--url", url, "--body", &body, "--content-type", "application/json"];
        self.begin("request --method post", &more).end().await
    }
}

impl Running {
    /// Waits until there is something between two texts on the standard error.
    pub async fn says(&mut self, before: &str, after: &str) -> String {
        while self.started.elapsed() < ENDS_WITHIN {
            // it may be in the middle of a letter
            let errors = fs::read(&self.errors).expect("its output");
            let errors = String::from_utf8_lossy(&errors);
            let found = errors.split_once(before).and_then(|(_, rest)| rest.split_once(after));
            if let Some((found, _)) = found {
                return found.to_owned();
            }
            let status = self.child.try_wait().expect("the child's status");
            assert!(status.is_none(), "{} ended with {status:?}: {errors}", self.line);
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("{} does not say '{before}' within {ENDS_WITHIN:?}", self.line);
    }

    pub async fn end(mut self) -> Told {
        while self.started.elapsed() < ENDS_WITHIN {
            if let Some(status) = self.child.try_wait().expect("the child's status") {
                let read = |path: &Path| fs::read_to_string(path).expect("its output");
                return Told {
                    line: self.line.clone(),
                    is_success: status.success(),
                    output: read(&self.output),
                    errors: read(&self.errors),
                };
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        panic!("{} does not end within {ENDS_WITHIN:?}", self.line);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Told {
    pub fn json(self) -> Value {
        assert!(self.is_success, "{self}");
        serde_json::from_str(&self.output).unwrap_or_else(|_| panic!("no JSON: {self}"))
    }

    pub fn silent(self) {
        assert!(self.is_success && self.output.trim().is_empty(), "{self}");
    }

    /// Why it was refused, which is all that it says.
    pub fn refusal(self) -> String {
        let reason = self.errors.trim().strip_prefix("Error: ").map(str::to_owned);
        assert!(!self.is_success && self.output.trim().is_empty(), "{self}");
        reason.unwrap_or_else(|| panic!("no reason: {self}"))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_success { "succeeded" } else { "failed" };
        write!(f, "'{}' {end}: {}{}", self.line, self.output, self.errors)
    }
}

/// The program that the package names.
fn program() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(PACKAGE);
    let described = fs::read_to_string(package.join("package.json"));
    let described = described.expect("the command line m365 ('scripts/setup' installs it)");
    let described: Value = serde_json::from_str(&described).expect("JSON");
    package.join(described["bin"]["m365"].as_str().expect("a program"))
}
