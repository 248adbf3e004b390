//! What CI runs, and what a developer runs before handing in work.

use crate::{bars, command, tidy};
use std::path::Path;
use std::time::{Duration, Instant};

type Step = (&'static str, fn(&Path) -> anyhow::Result<()>);

const STEPS: [Step; 7] = [
    ("format", |root| command::run(root, &["cargo", "fmt", "--all", "--check"])),
    ("tidy", tidy::run),
    ("lints", lints),
    ("tests", tests),
    ("doc tests", |root| {
        command::run(root, &["cargo", "test", "--release", "--doc", "--workspace"])
    }),
    ("dependencies", dependencies),
    ("short bars", bars::short),
];

/// Runs every step in order and stops at the first that fails.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut times = Vec::with_capacity(STEPS.len());
    for (name, step) in STEPS {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step(root);
        let time = start.elapsed();
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        println!("== {name}: {outcome} after {}", seconds(time));
        result.map_err(|error| error.context(format!("the step '{name}' failed")))?;
        times.push((name, time));
    }
    println!("\nAll steps passed in {}:", seconds(start.elapsed()));
    for (name, time) in times {
        println!("  {name:<14}{:>10}", seconds(time));
    }
    Ok(())
}

fn lints(root: &Path) -> anyhow::Result<()> {
    let words = "cargo clippy --release --workspace --all-targets -- -D warnings";
    command::run(root, &words.split(' ').collect::<Vec<_>>())?;
    // clippy has built the console, and installed what is needed for that
    command::run(&root.join("web"), &["npm", "run", "--silent", "check"])
}

fn tests(root: &Path) -> anyhow::Result<()> {
    if command::has_subcommand(root, "nextest") {
        let words = "cargo nextest run --release --workspace --no-fail-fast";
        command::run(root, &words.split(' ').collect::<Vec<_>>())
    } else {
        println!("cargo-nextest is not installed: running the same tests by `cargo test`");
        let targets = "cargo test --release --workspace --lib --bins --tests --no-fail-fast";
        command::run(root, &targets.split(' ').collect::<Vec<_>>())
    }
}

fn dependencies(root: &Path) -> anyhow::Result<()> {
    // the fuzzer is outside of the workspace: its versions are easily forgotten
    let words = "cargo fetch --quiet --locked --manifest-path fuzz/runner/Cargo.toml";
    command::run(root, &words.split(' ').collect::<Vec<_>>())?;
    if command::has_subcommand(root, "deny") {
        command::run(root, &["cargo", "deny", "check", "bans", "licenses", "sources"])
    } else {
        println!(
            "cargo-deny is not installed, so it is not run. Licences, sources and banned crates of \
             deny.toml have been checked by the step 'tidy'."
        );
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
