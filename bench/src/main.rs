//! Measures the real server: workloads W1 to W11, a bare handler beside them, and
//! the bars the figures must clear.
//!
//! `run` prints the figures, `bars` holds them against the bars, `bare` is the
//! handler the server is compared with (started by the other two).

mod api;
mod bare;
mod bars;
mod client;
mod load;
mod process;
mod report;
mod verify;
mod workload;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sluicegate_bench::order::Filler;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use workload::{Settings, Workload};

// The server uses the same: the comparison is about what is done, not about malloc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "sluicegate-bench", about, version)]
struct Cli {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Runs workloads and prints their figures.
    Run(RunArgs),
    /// Runs all workloads and compares the figures with the bars.
    Bars(BarsArgs),
    /// Serves the bare handler.
    Bare {
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Args)]
struct Common {
    /// The server to measure [default: `sluicegate` beside this program, built first
    /// when this program was started by cargo].
    #[arg(long)]
    server_binary: Option<PathBuf>,
    /// Where data directories are made [default: beside this program, so that it is a
    /// disk and not memory].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What the bodies of W1 and W2 are filled up with.
    #[arg(long, value_enum, default_value = "phrase")]
    filler: Filler,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    common: Common,
    /// Only these workloads.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Length of one W1 measurement.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Load before the first measurement of W1.
    #[arg(long, default_value_t = 8)]
    warmup: u64,
    /// Measurements whose median is printed.
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Connections of W1.
    #[arg(long, value_delimiter = ',', default_value = "1,32,128")]
    connections: Vec<usize>,
    /// Posts of one W2 measurement.
    #[arg(long, default_value_t = 20_000)]
    w2_posts: u64,
    /// Finished runs in the store for W4.
    #[arg(long, default_value_t = 1_000_000)]
    w4_runs: u64,
    /// Runs that wait in W7.
    #[arg(long, default_value_t = 1_000_000)]
    w7_runs: u64,
    /// Seconds over which the runs of W7 become due.
    #[arg(long, default_value_t = 600)]
    w7_spread: u64,
    /// Runs that become due at once in W8.
    #[arg(long, default_value_t = 1_000_000)]
    w8_runs: u64,
    /// Flows whose pages W10 reads.
    #[arg(long, default_value_t = 100_000)]
    w10_flows: u64,
    /// Runs whose pages W10 reads.
    #[arg(long, default_value_t = 1_000_000)]
    w10_runs: u64,
    /// Approvals that wait in W11.
    #[arg(long, default_value_t = 100_000)]
    w11_approvals: u64,
}

#[derive(Args)]
struct BarsArgs {
    #[command(flatten)]
    common: Common,
    /// Small counts, under three minutes; CPU bars with an allowance, times only printed.
    #[arg(long)]
    short: bool,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let (common, settings, bars) = match cli.command {
        Action::Bare { listen } => {
            bare::serve(listen)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Run(args) => {
            let settings = run_settings(&args)?;
            (args.common, settings, None)
        }
        Action::Bars(args) => {
            let settings = bars_settings(&args.common, args.short)?;
            (args.common, settings, Some(args.short))
        }
    };
    if cfg!(debug_assertions) && common.server_binary.is_none() {
        eprintln!("the load generator is not optimised: build it with --release");
    }
    // One thread: the load generator leaves the other cores to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(workload::run_all(&settings));
    let passed = match bars {
        None => {
            if common.json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                println!("{}", report.table());
            }
            true
        }
        Some(short) => print_bars(&report, short, common.json)?,
    };
    let success = passed && report.faults.is_empty();
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_bars(report: &report::Report, short: bool, json: bool) -> Result<bool> {
    let judged = bars::judge(report, short);
    if json {
        let all = serde_json::json!({"short": short, "bars": &judged, "report": report});
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        println!("{}", report.table());
        println!("{}", bars::table(&judged, report.faults.len()));
        if short {
            println!(
                "Short run: CPU bars are held at {} times their value, sizes and correctness as \
                 they are, times are only printed.",
                bars::SHORT_CPU_ALLOWANCE
            );
        }
    }
    Ok(judged.iter().all(|row| row.passed))
}

fn run_settings(args: &RunArgs) -> Result<Settings> {
    let mut settings = full_settings(&args.common)?;
    if !args.only.is_empty() {
        settings.workloads.clone_from(&args.only);
    }
    if args.repeats == 0 || args.seconds == 0 || args.connections.contains(&0) {
        bail!("--repeats, --seconds and --connections must be at least 1");
    }
    settings.seconds = args.seconds;
    settings.warmup = args.warmup;
    settings.repeats = args.repeats;
    settings.connections.clone_from(&args.connections);
    settings.w2_posts = args.w2_posts;
    settings.w4_runs = args.w4_runs;
    settings.w7_runs = args.w7_runs;
    settings.w7_spread = Duration::from_secs(args.w7_spread);
    settings.w8_runs = args.w8_runs;
    settings.w10_flows = args.w10_flows;
    settings.w10_runs = args.w10_runs;
    settings.w11_approvals = args.w11_approvals;
    Ok(settings)
}

fn full_settings(common: &Common) -> Result<Settings> {
    Ok(Settings {
        server: server_binary(common)?,
        dir: data_parent(common)?,
        workloads: Workload::value_variants().to_vec(),
        seconds: 15,
        warmup: 8,
        repeats: 3,
        connections: vec![1, 32, 128],
        filler: common.filler,
        w2_posts: 20_000,
        w3_runs: 50,
        w3_long: [10_000, 100_000],
        w4_runs: 1_000_000,
        w4_idle: Duration::from_secs(10),
        w5_connections: 1_000,
        w7_runs: 1_000_000,
        w7_spread: Duration::from_secs(600),
        w8_runs: 1_000_000,
        w8_window: Duration::from_secs(10),
        w10_flows: 100_000,
        w10_runs: 1_000_000,
        w11_approvals: 100_000,
    })
}

fn bars_settings(common: &Common, short: bool) -> Result<Settings> {
    let full = full_settings(common)?;
    if !short {
        return Ok(full);
    }
    Ok(Settings {
        seconds: 5,
        warmup: 2,
        repeats: 1,
        connections: vec![128],
        w2_posts: 5_000,
        w4_runs: 20_000,
        w4_idle: Duration::from_secs(3),
        w7_runs: 20_000,
        w7_spread: Duration::from_secs(20),
        w8_runs: 20_000,
        w8_window: Duration::from_secs(2),
        w10_flows: 2_000,
        w10_runs: 20_000,
        w11_approvals: 5_000,
        ..full
    })
}

/// The server given, or the one of this build; cargo brings that up to date.
fn server_binary(common: &Common) -> Result<PathBuf> {
    if let Some(path) = &common.server_binary {
        return path.canonicalize().with_context(|| format!("no server at {}", path.display()));
    }
    let target = target_dir()?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "-p", "sluicegate", "--bin", "sluicegate"]);
        command.arg("--target-dir");
        command.arg(&target);
        if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(package);
        }
        if !command.status()?.success() {
            bail!("the server does not build");
        }
    }
    let path = target.join("release").join("sluicegate");
    if !path.is_file() {
        bail!("there is no server at {}: build it or give --server-binary", path.display());
    }
    Ok(path)
}

fn data_parent(common: &Common) -> Result<PathBuf> {
    match &common.dir {
        Some(dir) => Ok(dir.clone()),
        None => Ok(target_dir()?.join("bench-data")),
    }
}

/// The target directory this program was built into: `TARGET/PROFILE/program`.
fn target_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let target = exe.parent().and_then(Path::parent);
    Ok(target.context("this program is not in a target directory")?.to_owned())
}
