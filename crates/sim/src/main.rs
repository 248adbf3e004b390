//! `sluicegate-sim`: runs seeds and says which break an invariant.

use clap::Parser;
use sim::bug::Bug;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Simulates several nodes on a store that fails, seed by seed.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// How many seeds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed, with everything it broke.
    #[arg(long)]
    seed: Option<u64>,
    /// A deliberate bug: stops at the first seed that catches it.
    #[arg(long)]
    bug: Option<Bug>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if std::env::var_os("TRACE").is_some() {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr)
            .init();
    }
    let (from, seeds) = cli.seed.map_or((cli.from, cli.seeds), |seed| (seed, 1));
    let (next, broken, commits) = (AtomicU64::new(from), AtomicU64::new(0), AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cli.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_caught = cli.bug.is_some() && broken.load(Ordering::Relaxed) > 0;
                    if seed >= from + seeds || is_caught {
                        return;
                    }
                    let outcome = sim::run(seed, cli.bug);
                    commits.fetch_add(outcome.commits, Ordering::Relaxed);
                    if !outcome.violations.is_empty() {
                        broken.fetch_add(1, Ordering::Relaxed);
                        println!("seed {seed}: {:#?}", outcome.violations);
                    } else if cli.seed.is_some() {
                        println!("{outcome:?}");
                    }
                }
            });
        }
    });
    let (broken, commits) = (broken.into_inner(), commits.into_inner());
    println!("{broken} of {seeds} seeds broken, {commits} commits, {:.1?}", began.elapsed());
    if (broken > 0) == cli.bug.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
