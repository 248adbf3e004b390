//! The bars: what the product is held to, measured by the bench crate, the simulator, the
//! crash tests and the fuzzer.

use crate::{command, fuzz};
use std::path::Path;

/// How often the full bars kill the server; the crash tests alone do it ten times.
const CRASHES_FULL: &str = "100";

/// How long the full bars keep a cluster under load while its nodes come and go.
const CLUSTER_SECONDS_FULL: &str = "600";

/// Seeds of the simulator; the tests try fewer.
const SEEDS_FULL: &str = "10000";

/// Calls that are generated over every surface; the tests make 2,000.
const CONTRACT_CALLS_FULL: &str = "20000";

/// Milliseconds within which the console shows the failed iteration of a long loop; the tests
/// allow for a machine that does other things as well.
const INTERACTIVE_MS_FULL: &str = "1000";

/// How long each target of the fuzzer is searched.
const FUZZ_SECONDS_FULL: &str = "720";

/// The tests that break things under load, each with its package: the server as it is, on a
/// disk that loses what was not synced, on PostgreSQL, several of it on one database, and with
/// calls that nobody would make, and in a browser.
const HARD_TESTS: [(&str, &str); 6] = [
    ("sluicegate", "crash"),
    ("sluicegate-faultfs", "crash"),
    ("sluicegate", "crash_postgres"),
    ("sluicegate", "cluster"),
    ("sluicegate", "contract"),
    ("sluicegate", "console"),
];

/// The workloads in full, then everything that searches for faults, the longest last.
pub fn full(root: &Path) -> anyhow::Result<()> {
    bench(root, &["bars"])?;
    let words = "cargo run --release -p sluicegate-sim -- --seeds";
    command::run(root, &words.split(' ').chain([SEEDS_FULL]).collect::<Vec<_>>())?;
    for (package, test) in HARD_TESTS {
        hard(root, package, test)?;
    }
    fuzz::run(root, &["--seconds", FUZZ_SECONDS_FULL])
}

fn hard(root: &Path, package: &str, test: &str) -> anyhow::Result<()> {
    let words: &[&str] = if command::has_subcommand(root, "nextest") {
        &["cargo", "nextest", "run", "--release", "--profile", "bars"]
    } else {
        &["cargo", "test", "--release"]
    };
    let words = [words, &["-p", package, "--test", test]].concat();
    let variables = [
        ("SLUICEGATE_CRASHES", CRASHES_FULL),
        ("SLUICEGATE_CLUSTER_SECONDS", CLUSTER_SECONDS_FULL),
        ("SLUICEGATE_CONTRACT_CALLS", CONTRACT_CALLS_FULL),
        ("SLUICEGATE_INTERACTIVE_MS", INTERACTIVE_MS_FULL),
    ];
    command::run_with(root, &words, &variables)
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
