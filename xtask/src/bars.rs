//! The bars: what the product is held to, measured by the bench crate and the crash test.

use crate::command;
use std::path::Path;

/// How often the full bars kill the server; the crash test alone does it ten times.
const CRASHES_FULL: &str = "100";

/// The workloads in full, then the crash test in full.
pub fn full(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars"])?;
    let words: &[&str] = if command::has_subcommand(root, "nextest") {
        &[
            "cargo",
            "nextest",
            "run",
            "--release",
            "--profile",
            "bars",
            "-p",
            "sluicegate",
            "--test",
            "crash",
        ]
    } else {
        &["cargo", "test", "--release", "-p", "sluicegate", "--test", "crash"]
    };
    command::run_with(root, words, &[("SLUICEGATE_CRASHES", CRASHES_FULL)])
}

/// The workloads alone, smaller. The short crash test is one of the tests.
pub fn short(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars", "--short"])
}

/// The measuring program with these arguments.
pub fn bench(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut words = vec!["cargo", "run", "--release", "-p", "sluicegate-bench", "--"];
    words.extend_from_slice(arguments);
    command::run(root, &words)
}
