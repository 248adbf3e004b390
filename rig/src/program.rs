//! Where PostgreSQL's programs are, and as whom they run.

use anyhow::{Context, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's package puts each version, which is not on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs the server when we are root, which PostgreSQL refuses to run as.
const USER: &str = "postgres";

/// PostgreSQL's programs of one version.
#[derive(Clone, Debug)]
pub struct Programs {
    directory: PathBuf,
    /// `None`: as we are.
    pub owner: Option<Owner>,
}

/// A user who is not root.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

impl Programs {
    /// The server on the path, or else the newest of Debian's.
    pub fn find() -> anyhow::Result<Programs> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).collect();
        let found = has_server(on_path).or_else(|| has_server(versions(Path::new(DEBIAN))));
        let Some(directory) = found else {
            bail!(
                "there is no PostgreSQL on the path or below {DEBIAN}; expected the Debian \
                 package 'postgresql' ('scripts/setup' installs it)"
            );
        };
        let owner = rustix::process::geteuid().is_root().then(|| owner(USER)).transpose()?;
        Ok(Programs { directory, owner })
    }

    /// A command that runs one of the programs and dies with the thread that starts it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = bound_to_us(self.owner, self.directory.join(program).as_os_str());
        // The directory that we are in may be closed to the user.
        command.current_dir("/");
        command
    }
}

/// A command that runs a program, as somebody else perhaps, and dies with the thread that
/// starts it.
pub fn bound_to_us(owner: Option<Owner>, program: &OsStr) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(Owner { user, group }) = owner {
        command.args([format!("--reuid={user}"), format!("--regid={group}")]);
        command.arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

fn has_server(directories: Vec<PathBuf>) -> Option<PathBuf> {
    let has =
        |directory: &PathBuf| ["postgres", "initdb"].iter().all(|p| directory.join(p).is_file());
    directories.into_iter().find(has)
}

/// The program directories of every version, the newest first.
fn versions(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((number, entry.path().join("bin")))
    });
    let mut found: Vec<_> = numbered.collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

/// A user of this machine.
pub fn owner(name: &str) -> anyhow::Result<Owner> {
    let users = std::fs::read_to_string("/etc/passwd").context("the list of users")?;
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name));
    let Some([_, _, user, group, ..]) = fields.as_deref() else {
        bail!("there is no user '{name}'; expected the one that the system's packages make");
    };
    Ok(Owner { user: user.parse().context("a user")?, group: group.parse().context("a group")? })
}

/// The name of a user or a group of this machine, by its number.
pub fn name_of(list: &str, number: u32) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(list).with_context(|| list.to_owned())?;
    let number = number.to_string();
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&number));
    let name = line.and_then(|line| line.split(':').next());
    name.map(str::to_owned).with_context(|| format!("{list} has no number {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let place = tempfile::tempdir().unwrap();
        for name in ["9", "15", "17", "common"] {
            std::fs::create_dir_all(place.path().join(name).join("bin")).unwrap();
        }
        let expected: Vec<_> =
            ["17", "15", "9"].map(|name| place.path().join(name).join("bin")).to_vec();
        assert_eq!(versions(place.path()), expected);
    }
}
