//! Mail servers of one's own: one that takes mail by SMTP, and Dovecot, which gives the same
//! mailbox by IMAP.
//!
//! They listen on free ports of this machine only. `localhost` is the name that their
//! certificate must have.
//!
//! Invariant: the servers do not outlive their maker, however that ends.

use crate::postgres::{free_port, open_to_all};
use crate::process;
use crate::program::{self, Owner};
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::authority::Certificate;

/// Both take a second, more when other tests keep the machine busy.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);

/// Another may take a port before the server does.
const PORTS_TRIED: usize = 5;

/// Who owns the mailbox when we are root, whom Dovecot gives no mail.
const USER: &str = "nobody";

/// Who may sign in at both servers.
pub const MAIL_USER: &str = "maria@example.org";
pub const MAIL_PASSWORD: &str = "correct horse \"battery\" stäple";

/// The servers, which share one mailbox.
pub struct Mail {
    /// SMTP, encrypted from the first byte.
    pub smtp_tls: u16,
    /// SMTP that wants STARTTLS.
    pub smtp_starttls: u16,
    /// SMTP without encryption and without names.
    pub smtp_plain: u16,
    pub imap_tls: u16,
    pub imap_starttls: u16,
    _smtp: Running,
    _imap: Running,
}

/// A program that is ended when this is dropped.
struct Running {
    pid: Pid,
    ended: Receiver<()>,
}

impl Mail {
    /// Starts both in a directory, which must exist.
    pub fn start(directory: &Path, certificate: &Certificate) -> anyhow::Result<Mail> {
        let root = rustix::process::geteuid().is_root();
        let owner = if root {
            open_to_all(directory)?;
            program::owner(USER)?
        } else {
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            Owner { user: user.as_raw(), group: group.as_raw() }
        };
        let (smtp, ports) = start_smtp(directory, certificate, owner)?;
        let port = |name: &str| {
            let from = ports.split_once(&format!("\"{name}\": ")).map(|it| it.1);
            let digits = from.and_then(|it| it.split(|c: char| !c.is_ascii_digit()).next());
            digits.and_then(|it| it.parse().ok()).with_context(|| format!("no port in {ports}"))
        };
        let (imap, imap_starttls, imap_tls) = start_imap(directory, certificate, owner)?;
        Ok(Mail {
            smtp_tls: port("tls")?,
            smtp_starttls: port("starttls")?,
            smtp_plain: port("plain")?,
            imap_tls,
            imap_starttls,
            _smtp: smtp,
            _imap: imap,
        })
    }
}

fn start_smtp(
    directory: &Path,
    certificate: &Certificate,
    owner: Owner,
) -> anyhow::Result<(Running, String)> {
    let home = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/mail"));
    let python = home.join("venv/bin/python");
    ensure!(python.exists(), "the mail server is not installed: 'scripts/setup' does that");
    let mut command = program::bound_to_us(None, python.as_os_str());
    command.arg(home.join("server.py")).arg("--certificate").arg(&certificate.certificate);
    command.arg("--key").arg(&certificate.key).arg("--box").arg(directory.join("mail"));
    command.args(["--user", MAIL_USER, "--password", MAIL_PASSWORD]);
    command.args(["--owner", &owner.user.to_string(), &owner.group.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log(directory, "smtp.log")?);
    let (running, output) = run(command)?;
    let mut ports = String::new();
    let output = output.context("the mail server has no output")?;
    BufReader::new(output).read_line(&mut ports)?;
    if ports.is_empty() {
        let log = std::fs::read_to_string(directory.join("smtp.log")).unwrap_or_default();
        bail!("the mail server did not start: {log}");
    }
    Ok((running, ports))
}

fn start_imap(
    directory: &Path,
    certificate: &Certificate,
    owner: Owner,
) -> anyhow::Result<(Running, u16, u16)> {
    for _ in 0..PORTS_TRIED {
        let (plain, tls) = (free_port()?, free_port()?);
        let settings = directory.join("dovecot.conf");
        std::fs::write(&settings, settings_text(directory, certificate, owner, plain, tls)?)?;
        std::fs::write(
            directory.join("users"),
            format!("{MAIL_USER}:{{PLAIN}}{MAIL_PASSWORD}::::::\n"),
        )?;
        let mut command = program::bound_to_us(None, dovecot()?.as_os_str());
        command.arg("-F").arg("-c").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log(directory, "dovecot.err")?);
        let (running, _) = run(command)?;
        let end = Instant::now() + START;
        while Instant::now() < end {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, tls)).is_ok() {
                return Ok((running, plain, tls));
            }
            if running.ended.recv_timeout(Duration::from_millis(20))
                != Err(RecvTimeoutError::Timeout)
            {
                break;
            }
        }
    }
    let log = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    bail!("Dovecot did not start: {}{}", log("dovecot.err"), log("dovecot.log"))
}

/// Debian puts it where only root looks.
fn dovecot() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join("dovecot")).find(|program| program.is_file()).context(
        "there is no Dovecot; expected the Debian package 'dovecot-imapd' ('scripts/setup' \
         installs it)",
    )
}

fn settings_text(
    directory: &Path,
    certificate: &Certificate,
    owner: Owner,
    plain: u16,
    tls: u16,
) -> anyhow::Result<String> {
    let directory = directory.display();
    let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
    let Owner { user, group } = owner;
    let mut text = format!(
        "base_dir = {directory}/run\nlog_path = {directory}/dovecot.log\nprotocols = imap\n\
         listen = 127.0.0.1\nssl = required\nssl_cert = <{certificate}\nssl_key = <{key}\n\
         mail_location = maildir:{directory}/mail\ndisable_plaintext_auth = yes\n\
         auth_mechanisms = plain login\nfirst_valid_uid = 1\nmail_fsync = never\n\
         passdb {{\n driver = passwd-file\n args = {directory}/users\n}}\n\
         userdb {{\n driver = static\n args = uid={user} gid={group} home={directory}\n}}\n"
    );
    let mut chroot = "";
    if !rustix::process::geteuid().is_root() {
        // Without root everything is done by us.
        let name = program::name_of("/etc/passwd", user)?;
        let group = program::name_of("/etc/group", group)?;
        write!(text, "default_internal_user = {name}\ndefault_login_user = {name}\n")?;
        write!(text, "default_internal_group = {group}\nservice anvil {{\n chroot =\n}}\n")?;
        chroot = " chroot =\n";
    }
    write!(
        text,
        "service imap-login {{\n{chroot} inet_listener imap {{\n port = {plain}\n }}\n \
         inet_listener imaps {{\n port = {tls}\n ssl = yes\n }}\n}}\n"
    )?;
    Ok(text)
}

fn log(directory: &Path, name: &str) -> anyhow::Result<File> {
    Ok(File::options().append(true).create(true).open(directory.join(name))?)
}

/// Starts a program that dies with the thread that starts it: a thread that does nothing
/// else.
fn run(mut command: Command) -> anyhow::Result<(Running, Option<std::process::ChildStdout>)> {
    let (started, start) = channel();
    let (finished, ended) = channel();
    std::thread::Builder::new().name("mail".to_owned()).spawn(move || {
        let mut child = command.spawn();
        let answer = child.as_mut().map(|child| (child.id(), child.stdout.take()));
        let answer = answer.map_err(|error| {
            anyhow::anyhow!("cannot run setpriv (package 'util-linux') and a mail server: {error}")
        });
        let _ = started.send(answer);
        if let Ok(child) = &mut child {
            let _ = child.wait();
        }
        let _ = finished.send(());
    })?;
    let (pid, output) = start.recv().context("the thread that starts a server has ended")??;
    let pid = Pid::from_raw(i32::try_from(pid)?).context("a process")?;
    Ok((Running { pid, ended }, output))
}

impl Drop for Running {
    fn drop(&mut self) {
        let family = process::family(self.pid);
        process::signal(self.pid, Signal::TERM);
        if self.ended.recv_timeout(STOP) == Err(RecvTimeoutError::Timeout) {
            for pid in family {
                process::signal(pid, Signal::KILL);
            }
            let _ = self.ended.recv_timeout(STOP);
        }
    }
}
