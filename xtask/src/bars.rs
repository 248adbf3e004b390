//! The bars: what the product is held to, measured by the bench crate and the crash tests.

use crate::command;
use std::path::Path;

/// How often the full bars kill the server; the crash tests alone do it ten times.
const CRASHES_FULL: &str = "100";

/// How long the full bars harm three servers that share a database; the test alone does it
/// for a minute and a half.
const CLUSTER_SECONDS_FULL: &str = "600";

/// The crash tests, as crate and test: the server as it is, on a disk that loses what was
/// not synced, and with its store in a database, alone and as one of three.
const CRASH_TESTS: [(&str, &str); 4] = [
    ("sluicegate", "crash"),
    ("sluicegate-faultfs", "crash"),
    ("sluicegate", "crash_postgres"),
    ("sluicegate", "cluster"),
];

/// The workloads in full, then the crash tests in full.
pub fn full(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars"])?;
    let words: &[&str] = if command::has_subcommand(root, "nextest") {
        &["cargo", "nextest", "run", "--release", "--profile", "bars"]
    } else {
        &["cargo", "test", "--release"]
    };
    let settings = [
        ("SLUICEGATE_CRASHES", CRASHES_FULL),
        ("SLUICEGATE_CLUSTER_SECONDS", CLUSTER_SECONDS_FULL),
    ];
    for (package, test) in CRASH_TESTS {
        let words = [words, &["-p", package, "--test", test]].concat();
        command::run_with(root, &words, &settings)?;
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
