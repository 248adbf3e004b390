//! The master key: where it comes from, and what it does, which is to seal the sealing keys.
//!
//! A file, a variable of the environment, or a program that prints it: whatever keeps keys,
//! a service or a device, is asked by that program. It is never logged.

use super::{KEY_BYTES, KeyId, SealError, SealingKey, open_with, random};
use crate::limits::{KEY_COMMAND_SECONDS, KEY_TEXT_BYTES_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The file in the data folder, where nothing else is said.
pub const FILE: &str = "master.key";

/// How often a program is looked after that has printed everything and goes on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Where a master key comes from.
#[derive(Clone)]
pub enum KeySource {
    File(PathBuf),
    /// A variable's name and its value.
    Variable(&'static str, Zeroizing<String>),
    /// A program and its arguments.
    Command(Vec<String>),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // neither the value, nor arguments, are for logs
        f.write_str(&self.name())
    }
}

/// A master key.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    key: SealingKey,
}

impl MasterKey {
    #[must_use]
    pub fn of(bytes: [u8; KEY_BYTES]) -> MasterKey {
        MasterKey { key: SealingKey::of(&bytes), bytes: Zeroizing::new(bytes) }
    }

    /// A new one.
    pub fn generate() -> Result<MasterKey, SealError> {
        Ok(MasterKey::of(random::<KEY_BYTES>()?))
    }

    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Opens what it sealed itself, before there were other keys or since.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open_with(std::slice::from_ref(&self.key), owner, sealed)
    }

    /// As secrets were sealed before keys had ids.
    #[cfg(test)]
    pub(crate) fn seal_bare(&self, owner: &[u8], secret: &[u8]) -> Vec<u8> {
        self.key.seal(owner, secret).unwrap()[super::HEAD..].to_vec()
    }

    pub(super) fn seal(&self, owner: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.seal(owner, secret)
    }

    /// Writes it to a new file that only its owner may read.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&*self.bytes)?;
        file.sync_all()
    }
}

impl KeySource {
    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            KeySource::File(path) => path.display().to_string(),
            KeySource::Variable(name, _) => format!("the variable SLUICEGATE_{name}"),
            KeySource::Command(command) => {
                format!("the command '{}'", command.first().map_or("", String::as_str))
            }
        }
    }

    /// The key. `None`: there is no such file.
    pub async fn read(&self) -> Result<Option<MasterKey>, String> {
        let source = self.clone();
        let read = tokio::task::spawn_blocking(move || source.read_now());
        read.await.map_err(|error| error.to_string())?
    }

    fn read_now(&self) -> Result<Option<MasterKey>, String> {
        let failed = |reason: String| {
            format!("the master key cannot be taken from {}: {reason}", self.name())
        };
        let bytes = match self {
            KeySource::File(path) => match read_file(path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                read => read.map_err(|error| failed(error.to_string()))?,
            },
            KeySource::Variable(_, text) => Zeroizing::new(text.as_bytes().to_vec()),
            KeySource::Command(command) => {
                let wait = Duration::from_secs(KEY_COMMAND_SECONDS);
                print_of(command, wait).map_err(&failed)?
            }
        };
        let key = parse(&bytes);
        let expected = "expected 32 bytes, as 64 hexadecimal digits or base64";
        key.map(Some).ok_or_else(|| match self {
            KeySource::File(_) => failed(format!("{expected}, or as they are")),
            _ => failed(expected.to_owned()),
        })
    }
}

/// 32 bytes as they are, or as text.
fn parse(bytes: &[u8]) -> Option<MasterKey> {
    if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes) {
        return Some(MasterKey::of(key));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let read = match text.len() {
        64 => {
            let pairs =
                (0..KEY_BYTES).map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok());
            Zeroizing::new(pairs.collect::<Option<Vec<u8>>>()?)
        }
        _ => Zeroizing::new(STANDARD.decode(text).ok()?),
    };
    <[u8; KEY_BYTES]>::try_from(read.as_slice()).ok().map(MasterKey::of)
}

fn read_file(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_TEXT_BYTES_MAX));
    let mut file = std::fs::File::open(path)?.take(KEY_TEXT_BYTES_MAX as u64);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a program prints, once it has ended well. It has no input; what it says on standard
/// error goes where the server's goes.
fn print_of(command: &[String], wait: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let (program, arguments) = command.split_first().ok_or("it names no program")?;
    let deadline = Instant::now() + wait;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let (sender, receiver) = mpsc::channel();
    let out = child.stdout.take();
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_TEXT_BYTES_MAX + 1));
        let read = out.map(|out| out.take(KEY_TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
        // who waits may have gone
        let _ = sender.send((bytes, read));
    });
    let ended = ending(&mut child, &receiver, deadline);
    if ended.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let late = || format!("it took more than {} s", wait.as_secs());
    let bytes = ended.map_err(|error| error.unwrap_or_else(late))?;
    if bytes.len() > KEY_TEXT_BYTES_MAX {
        return Err(format!("it printed more than {KEY_TEXT_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

type Printed = (Zeroizing<Vec<u8>>, Option<std::io::Result<usize>>);

/// Waits until a program has printed everything and has ended. `Err(None)`: not in time.
fn ending(
    child: &mut std::process::Child,
    printed: &mpsc::Receiver<Printed>,
    deadline: Instant,
) -> Result<Zeroizing<Vec<u8>>, Option<String>> {
    let left = deadline.saturating_duration_since(Instant::now());
    let (bytes, read) = printed.recv_timeout(left).map_err(|_| None)?;
    if let Some(Err(error)) = read {
        return Err(Some(format!("what it printed cannot be read: {error}")));
    }
    if bytes.len() > KEY_TEXT_BYTES_MAX {
        return Err(Some(format!("it printed more than {KEY_TEXT_BYTES_MAX} bytes")));
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(bytes),
            Ok(Some(status)) => return Err(Some(format!("it ended with {status}"))),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            Ok(None) => return Err(None),
            Err(error) => return Err(Some(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_key_is_taken_from_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::of(*b"0123456789abcdefghijklmnopqrstuv");
        let path = folder.path().join("k");
        assert!(KeySource::File(path.clone()).read().await.unwrap().is_none());
        key.write(&path).unwrap();
        let hex = super::super::hex(key.bytes());
        let text = format!(" {hex}\n");
        for source in [
            KeySource::File(path),
            KeySource::Variable("MASTER_KEY", Zeroizing::new(hex.clone())),
            KeySource::Variable("MASTER_KEY", Zeroizing::new(STANDARD.encode(key.bytes()))),
            KeySource::Command(shell(&format!("echo '{text}'"))),
        ] {
            let read = source.read().await.unwrap().expect("a key");
            assert_eq!(read.id(), key.id(), "{source:?}");
            assert!(!format!("{source:?}").contains(&hex));
        }
    }

    #[test]
    fn what_is_no_key_says_why() {
        let wait = Duration::from_millis(200);
        let text = |script: &str| print_of(&shell(script), wait).map(|_| ()).unwrap_err();
        assert!(text("exit 3").contains("exit status: 3"), "{}", text("exit 3"));
        assert!(text("exec sleep 20").contains("took more than"), "{}", text("exec sleep 20"));
        assert!(text("exec yes").contains("printed more than"), "{}", text("exec yes"));
        let error = print_of(&["/nowhere/at/all".to_owned()], wait).unwrap_err();
        assert!(error.contains("cannot be started"), "{error}");
        for text in ["", "short", "zz", &"g".repeat(64), &"é".repeat(32)] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
