//! Running other programs from the root of the workspace.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables that `cargo run` sets for us. Passed on, they would make build scripts
/// that watch them run again each time a build is started by hand.
const OWN_VARIABLES: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_"];

/// The root of the workspace: the nearest directory upwards that holds `xtask/Cargo.toml`.
pub fn root() -> anyhow::Result<PathBuf> {
    let start = std::env::current_dir().context("the current directory cannot be read")?;
    start
        .ancestors()
        .find(|directory| directory.join("xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .with_context(|| format!("{} is not inside the workspace", start.display()))
}

/// Runs a command, its output shown as it comes, and fails when it fails.
pub fn run(root: &Path, words: &[&str]) -> anyhow::Result<()> {
    run_with(root, words, &[])
}

/// The same with further environment variables.
pub fn run_with(root: &Path, words: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut command = prepare(root, words)?;
    command.envs(variables.iter().copied());
    let status = command.status().with_context(|| format!("'{}' did not start", words[0]))?;
    if !status.success() {
        bail!("'{}' failed ({status})", words.join(" "));
    }
    Ok(())
}

/// What a command prints, or an error with what it complained of.
pub fn output(root: &Path, words: &[&str]) -> anyhow::Result<String> {
    let mut command = prepare(root, words)?;
    let output = command.output().with_context(|| format!("'{}' did not start", words[0]))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("'{}' failed ({}): {}", words.join(" "), output.status, complaint.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("'{}' printed text that is not UTF-8", words.join(" ")))
}

/// The machine at hand as the compiler calls it.
pub fn host(root: &Path) -> anyhow::Result<String> {
    let version = output(root, &["rustc", "-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// Whether a cargo subcommand such as `nextest` or `deny` is installed.
pub fn has_subcommand(root: &Path, name: &str) -> bool {
    prepare(root, &["cargo", name, "--version"]).is_ok_and(|mut command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

fn prepare(root: &Path, words: &[&str]) -> anyhow::Result<Command> {
    let [program, arguments @ ..] = words else { bail!("there is no command to run") };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    for (name, _) in std::env::vars_os() {
        let own = name
            .to_str()
            .is_some_and(|name| OWN_VARIABLES.iter().any(|prefix| name.starts_with(prefix)));
        if own {
            command.env_remove(name);
        }
    }
    Ok(command)
}
