//! The bars: what the product is held to, measured by the bench crate and the crash tests.

use crate::command;
use std::path::Path;

/// How often the full bars kill the server; the crash tests alone do it ten times.
const CRASHES_FULL: &str = "100";

/// The crates with a crash test: the server as it is, and on a disk that loses what was
/// not synced.
const CRASH_TESTS: [&str; 2] = ["sluicegate", "sluicegate-faultfs"];

/// The workloads in full, then the crash tests in full.
pub fn full(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars"])?;
    let words: &[&str] = if command::has_subcommand(root, "nextest") {
        &["cargo", "nextest", "run", "--release", "--profile", "bars", "--test", "crash"]
    } else {
        &["cargo", "test", "--release", "--test", "crash"]
    };
    for package in CRASH_TESTS {
        let words = [words, &["-p", package]].concat();
        command::run_with(root, &words, &[("SLUICEGATE_CRASHES", CRASHES_FULL)])?;
    }
    Ok(())
}

/// The workloads alone, smaller. The short crash tests are among the tests.
pub fn short(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars", "--short"])
}

/// The measuring program with these arguments.
pub fn bench(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut words = vec!["cargo", "run", "--release", "-p", "sluicegate-bench", "--"];
    words.extend_from_slice(arguments);
    command::run(root, &words)
}
