//! `sluicegate db`: everything that is stored, in a file and back, and whether it is whole.
//!
//! These commands work on a store themselves, without a server.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::json;
use store::portable::TABLES;

use super::failure::Failure;
use super::output::Output;
use super::serve::ServeArgs;
use crate::backup::{self, Kind, Mark, Progress, Summary};
use crate::clock::Clock;
use crate::config::Config;
use crate::open;
use crate::verify::{Report, Versions, verify};

const EXAMPLES: &str = "\
What is secret stays sealed in a file, and the master key is NOT in it: keep the file
master.key of the data folder apart. No server starts without it on what was restored.

Examples:
  sluicegate db backup monday.slb --data /var/lib/sluicegate     while the server runs
  sluicegate db restore monday.slb --data /var/lib/restored      the next start is paused
  sluicegate db export all.slb                                   while no server runs
  sluicegate db import all.slb --data /var/lib/other
  sluicegate db verify --data /var/lib/sluicegate";

const KEY_NOTE: &str = "The master key is not in the file: keep the file master.key of the data \
                        folder apart. No server starts without it on what was restored.";
const KEY_BRING: &str = "Bring the file master.key that belongs to the store into the data folder \
                         before the server starts.";

/// Between two words about progress, on a terminal and elsewhere.
const TELL_EVERY: Duration = Duration::from_secs(1);
const LOG_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum DbCommand {
    /// Write everything to a file, to move it; no server may run on the store
    #[command(after_help = "\
The master key is not in the file: move the file master.key of the data folder as well.

Examples:
  sluicegate db export all.slb
  sluicegate db export all.slb --data /var/lib/sluicegate")]
    Export(FileArgs),
    /// Take everything from a file into an empty store; no server may run on it
    #[command(after_help = "\
All of the file is taken, or nothing. Bring the file master.key of the data folder that
the file comes from before the server starts.

Examples:
  sluicegate db import all.slb --data /var/lib/other")]
    Import(FileArgs),
    /// Write everything to a file as of one moment; servers may run meanwhile
    #[command(after_help = "\
The master key is not in the file: keep the file master.key of the data folder apart.

Examples:
  sluicegate db backup monday.slb --data /var/lib/sluicegate")]
    Backup(FileArgs),
    /// Take everything from a file into an empty store; the next start is paused
    ///
    /// What runs did after the backup's moment may be done already. So the next start of the
    /// server comes up paused: look, cancel runs or release single ones, then
    /// 'sluicegate server resume'.
    #[command(after_help = "\
Examples:
  sluicegate db restore monday.slb --data /var/lib/restored
  sluicegate db restore monday.slb --data /var/lib/restored --run")]
    Restore {
        #[command(flatten)]
        file: FileArgs,
        /// Do not pause: runs go on at the next start
        #[arg(long)]
        run: bool,
    },
    /// Check that everything stored fits together; exit code 1 when something does not
    #[command(after_help = "\
Servers may run meanwhile; nothing is changed.

Examples:
  sluicegate db verify
  sluicegate db verify --data /var/lib/sluicegate --json")]
    Verify(StoreArgs),
}

/// Which store. What is left out comes from the environment, then from the settings file,
/// as for the server.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Settings file (TOML) of the server
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded store [default: ./sluicegate-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Store to use instead of the embedded one
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Debug, Args)]
pub struct FileArgs {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

impl StoreArgs {
    fn config(&self) -> Result<Config, Failure> {
        let args = ServeArgs {
            config: self.config.clone(),
            data: self.data.clone(),
            database_url: self.database_url.clone(),
            ..ServeArgs::default()
        };
        Config::load(args, std::env::vars()).map_err(sentence)
    }
}

/// What inner parts say without an end.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn sentence(message: String) -> Failure {
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with('.') { "" } else { "." };
    Failure::new(format!("{first}{}{end}", chars.as_str()))
}

pub fn execute(command: DbCommand, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| sentence(format!("threads cannot start: {error}")))?;
    match command {
        DbCommand::Export(args) => runtime.block_on(export(&args, out)),
        DbCommand::Backup(args) => runtime.block_on(back_up(&args, out)),
        DbCommand::Import(args) => runtime.block_on(import(&args, Mark::AsInFile, out)),
        DbCommand::Restore { file, run } => {
            let mark = if run { Mark::NotPaused } else { Mark::Paused };
            runtime.block_on(import(&file, mark, out))
        }
        DbCommand::Verify(args) => runtime.block_on(check(&args, out)),
    }
}

async fn export(args: &FileArgs, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let config = args.store.config()?;
    open::check_there(&config).map_err(sentence)?;
    // it holds the lock meanwhile: nothing goes on that the file would not have
    let store = open::open_store(&config).await.map_err(sentence)?;
    let written = write(args, &config, Kind::Export, out).await;
    store
        .close()
        .await
        .map_err(|error| sentence(format!("the store cannot be closed: {error}")))?;
    written
}

async fn back_up(args: &FileArgs, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let config = args.store.config()?;
    write(args, &config, Kind::Backup, out).await
}

async fn write(
    args: &FileArgs,
    config: &Config,
    kind: Kind,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let source = open::open_source(config).await.map_err(sentence)?;
    let clock = Clock::new().map_err(|error| sentence(format!("no random numbers: {error}")))?;
    let began = Instant::now();
    let telling = tell("written");
    let summary = backup::write(&*source, &args.file, kind, clock.now(), telling).await;
    let summary = summary.map_err(sentence)?;
    tell_summary("Wrote", args, &summary, began, out)?;
    if !out.is_json() {
        out.note(KEY_NOTE)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(args: &FileArgs, mark: Mark, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let config = args.store.config()?;
    let store = open::open_store(&config).await.map_err(sentence)?;
    let began = Instant::now();
    let read = backup::read(&*store, &args.file, mark, tell("taken")).await;
    let closed = store.close().await;
    let summary = read.map_err(sentence)?;
    closed.map_err(|error| sentence(format!("the store cannot be closed: {error}")))?;
    tell_summary("Took", args, &summary, began, out)?;
    if !out.is_json() {
        out.note(KEY_BRING)?;
        if mark == Mark::Paused {
            out.note("The next start of the server comes up paused: 'sluicegate server resume' lets runs go on.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_summary(
    verb: &str,
    args: &FileArgs,
    summary: &Summary,
    began: Instant,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let (rows, runs) = (summary.total(), summary.count("run"));
    let seconds = began.elapsed().as_secs_f64();
    if out.is_json() {
        let tables: serde_json::Map<String, serde_json::Value> = TABLES
            .iter()
            .zip(&summary.rows)
            .map(|(table, count)| (table.name.to_owned(), (*count).into()))
            .collect();
        let document = json!({"file": args.file, "kind": summary.kind.name(),
            "createdTime": flow::run::format_time(summary.created), "rows": rows, "runs": runs,
            "bytes": summary.bytes, "seconds": seconds, "tables": tables});
        return out.document(&document.to_string());
    }
    out.line(format_args!(
        "{verb} {rows} rows with {runs} runs and {} flows, {} bytes, in {seconds:.1} s: {}",
        summary.count("workflow"),
        summary.bytes,
        args.file.display()
    ))
}

async fn check(args: &StoreArgs, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let config = args.config()?;
    let source = open::open_source(&config).await.map_err(sentence)?;
    let mut telling = tell("checked");
    let mut progress = |report: &Report| telling(&report.rows);
    let master = open::find_master_key(&config).await.map_err(sentence)?;
    let mut versions = Versions::opening(master);
    let report = verify(&*source, &mut versions, &mut progress).await;
    let report = report.map_err(|error| sentence(error.to_string()))?;
    let is_whole = report.is_whole();
    if out.is_json() {
        out.document(&report_json(&report).to_string())?;
    } else {
        for problem in &report.problems {
            out.line(super::output::visible(&problem.to_string()))?;
        }
        if report.sealed > 0 {
            out.line(format_args!(
                "{} definitions and parts of histories are sealed, and were not looked into: the master key is not there.",
                report.sealed
            ))?;
        }
        let more = report.problem_count - report.problems.len() as u64;
        if more > 0 {
            out.line(format_args!("... and {more} more."))?;
        }
        out.line(format_args!(
            "{} flows, {} runs of which {} are under way, {} events, {} rows: {}",
            report.count("workflow"),
            report.count("run"),
            report.live_runs,
            report.events,
            report.rows.iter().sum::<u64>(),
            match report.problem_count {
                0 => "no problem.".to_owned(),
                1 => "1 problem.".to_owned(),
                count => format!("{count} problems."),
            }
        ))?;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report_json(report: &Report) -> serde_json::Value {
    let tables: serde_json::Map<String, serde_json::Value> = TABLES
        .iter()
        .zip(&report.rows)
        .map(|(table, count)| (table.name.to_owned(), (*count).into()))
        .collect();
    let problems: Vec<serde_json::Value> = report
        .problems
        .iter()
        .map(|problem| json!({"place": problem.place, "message": problem.message}))
        .collect();
    json!({"whole": report.is_whole(), "problemCount": report.problem_count,
        "problems": problems, "runs": report.count("run"), "liveRuns": report.live_runs,
        "events": report.events, "sealed": report.sealed, "tables": tables})
}

/// Says on standard error how far long work is.
fn tell(verb: &'static str) -> Progress {
    let every = if std::io::stderr().is_terminal() { TELL_EVERY } else { LOG_EVERY };
    let place = TABLES.iter().position(|table| table.name == "run").unwrap_or(0);
    let mut last = Instant::now();
    Box::new(move |rows| {
        if last.elapsed() < every {
            return;
        }
        last = Instant::now();
        let (rows, runs) = (rows.iter().sum::<u64>(), rows.get(place).copied().unwrap_or(0));
        // standard error may be closed; the work goes on
        let _ = writeln!(std::io::stderr(), "{rows} rows with {runs} runs {verb}");
    })
}
