//! The processes that are measured: started, watched through `/proc`, stopped.

use crate::client::{Connection, Target};
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux, whatever the
/// kernel's own rate.
const TICKS_PER_SECOND: u64 = 100;

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(120);
const POLL_EVERY: Duration = Duration::from_millis(1);

/// The first token of every server the bench starts.
pub const TOKEN: &str = "bench-token-5d8f1c";

/// A running child that listens on `addr`.
pub struct Process {
    pub addr: SocketAddr,
    pub started: Instant,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the server on `data`, its output going to `log`.
    pub fn server(binary: &Path, data: &Path, log: &Path) -> Result<Process> {
        Process::server_on(binary, data, None, log)
    }

    /// The same, its store at the address of a database when there is one.
    pub fn server_on(
        binary: &Path,
        data: &Path,
        database: Option<&str>,
        log: &Path,
    ) -> Result<Process> {
        let addr = free_address()?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(data).arg("--listen").arg(addr.to_string());
        if let Some(url) = database {
            command.args(["--database-url", url]);
        }
        command.env("SLUICEGATE_TOKEN", TOKEN);
        Process::start(command, addr, log)
    }

    /// Starts the bare handler: this program's own `bare` command.
    pub fn bare(log: &Path) -> Result<Process> {
        let addr = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare").arg("--listen").arg(addr.to_string());
        Process::start(command, addr, log)
    }

    fn start(mut command: Command, addr: SocketAddr, log: &Path) -> Result<Process> {
        let file = fs::File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Process { addr, started, child, log: log.to_owned() })
    }

    /// Waits until `path` answers 200.
    pub async fn ready(&mut self, path: &str) -> Result<()> {
        let target = Target::new(self.addr, "GET", path, None);
        let mut request = Vec::new();
        target.write_request(b"", &mut request)?;
        while self.started.elapsed() < READY_WITHIN {
            if let Ok(mut connection) = Connection::open(self.addr).await
                && let Ok(answer) = connection.exchange(&request).await
                && answer.status == 200
            {
                return Ok(());
            }
            self.check_alive()?;
            tokio::time::sleep(POLL_EVERY).await;
        }
        bail!("not ready after {READY_WITHIN:?}; {}", self.log_tail())
    }

    /// An error with the end of the log when the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the process ended ({status}); {}", self.log_tail()),
        }
    }

    /// User and system time of the process and its descendants so far.
    pub fn cpu(&self) -> Result<Duration> {
        let ticks = tree_ticks(self.child.id())?;
        Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
    }

    /// Resident memory now, in bytes.
    pub fn resident(&self) -> Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// The most resident memory since the start, in bytes.
    pub fn resident_peak(&self) -> Result<u64> {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kib.with_context(|| format!("no {name}"))?.parse::<u64>()? * 1024)
    }

    /// Asks the process to end (SIGTERM) and waits until it did.
    pub async fn stop(mut self) -> Result<()> {
        let sent = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()])
            .status()?;
        if !sent.success() {
            bail!("SIGTERM could not be sent");
        }
        let since = Instant::now();
        while since.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                if status.success() || status.code().is_none() {
                    return Ok(());
                }
                bail!("stopped with {status}; {}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("still running {STOP_WITHIN:?} after SIGTERM; {}", self.log_tail())
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("the end of its output:\n{tail}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already after `stop`; otherwise nothing it holds is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Ticks of a process, its ended children and its living descendants.
fn tree_ticks(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; the fields follow the last ')'.
    let (_, rest) = stat.rsplit_once(')').context("stat without a name")?;
    // utime, stime, cutime, cstime: fields 14 to 17 of the line.
    let own: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let below: u64 = children
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .map(|child| tree_ticks(child).unwrap_or_default())
        .sum();
    Ok(own + below)
}

/// Bytes of all files below a directory.
pub fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_this_process_can_be_read() {
        let ticks = || tree_ticks(std::process::id()).expect("ticks");
        let start = ticks();
        while ticks() == start {
            std::hint::black_box((0..100_000).map(std::hint::black_box).sum::<u64>());
        }
    }
}
