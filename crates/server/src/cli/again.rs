//! `sluicegate run resubmit` and `run resume`: runs that are done again.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::{Failure, Fault};
use super::json_text::{self, Members};
use super::output::{Output, Table};
use super::run::{self, Started, count};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicegate run resubmit ID
  sluicegate run resubmit --flow order --status Failed --from 2026-11-22T08:00:00Z --dry-run
  sluicegate run resubmit --flow order --code BadGateway --all
  sluicegate run resubmit --flow order --status TimedOut --resume --version latest --all")]
pub struct ResubmitArgs {
    /// The run
    #[arg(required_unless_present = "flow", conflicts_with = "flow")]
    id: Option<String>,
    /// Runs of this flow instead of one run, newest first
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// Those in this state
    #[arg(long, value_name = "S", ignore_case = true, requires = "flow", default_value = "Failed",
        value_parser = ["Succeeded", "Failed", "Cancelled", "TimedOut"])]
    status: String,
    /// Only those that ended with this code
    #[arg(long, value_name = "C", requires = "flow")]
    code: Option<String>,
    /// Only those started from this time on, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "T", requires = "flow")]
    from: Option<String>,
    /// Only those started before this time
    #[arg(long, value_name = "T", requires = "flow")]
    to: Option<String>,
    /// Go on where each ended instead of starting from the beginning
    #[arg(long, requires = "flow")]
    resume: bool,
    /// The version to go on with: a number, or 'latest' [default: each run's own]
    #[arg(long, value_name = "N", requires = "resume", value_parser = version)]
    version: Option<String>,
    /// Only show which they are
    #[arg(long, requires = "flow")]
    dry_run: bool,
    /// At most N of them
    #[arg(long, value_name = "N", requires = "flow", conflicts_with = "all",
        default_value_t = 100, value_parser = count)]
    top: usize,
    /// All of them
    #[arg(long, requires = "flow")]
    all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicegate run resume ID
  sluicegate run resume ID --version latest --wait")]
pub struct ResumeArgs {
    /// The run
    id: String,
    /// The version of the flow to go on with: a number, or 'latest' [default: the run's own]
    #[arg(long, value_name = "N", value_parser = version)]
    version: Option<String>,
    /// Wait for the new run to end; exit code 1 unless it succeeds
    #[arg(long)]
    wait: bool,
}

/// The answer to a request for many.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bulk {
    runs: Vec<BulkRun>,
    skip_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkRun {
    run: String,
    new_run: Option<String>,
    error: Option<Fault>,
}

/// Runs that one request is asked for.
const RUNS_PER_REQUEST: usize = 100;

pub async fn resubmit(
    args: &ResubmitArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match (&args.id, &args.flow) {
        (Some(id), _) => {
            let text = client.post(&Resource::new(&["runs", id, "resubmit"])?, None).await?;
            tell_started(&text, client, out)?;
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(flow)) => resubmit_many(flow, args, client, out).await,
        (None, None) => Err(Failure::Usage("A run is needed, or '--flow'.".to_owned())),
    }
}

pub async fn resume(
    args: &ResumeArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let body = args.version.as_deref();
    let body = body.map(|version| with_version(Members::default(), version).build());
    let text = client.post(&Resource::new(&["runs", &args.id, "resume"])?, body).await?;
    tell_started(&text, client, out)?;
    if !args.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let started: Started = client.read(&text)?;
    Ok(run::exit_code(run::wait(&started.run, client).await?))
}

fn tell_started(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let started: Started = client.read(text)?;
    let flow = started.flow.map(|flow| format!(" of flow '{flow}'")).unwrap_or_default();
    out.line(format_args!("Started run {}{flow}.", started.run))
}

/// Asks again and again until there are no more, or enough were found.
async fn resubmit_many(
    flow: &str,
    args: &ResubmitArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let resource = client.flows(&[flow, "runs", "resubmit"])?;
    let mut left = if args.all { usize::MAX } else { args.top };
    let (mut found, mut refused, mut token) = (0, 0, None);
    let mut table = Table::new(&["RUN", "NEW RUN", "ERROR"]);
    let mut texts = Vec::new();
    loop {
        let body = body_of(args, left.min(RUNS_PER_REQUEST), token.as_deref());
        let text = client.post(&resource, Some(body)).await?;
        let page: Bulk = client.read(&text)?;
        found += page.runs.len();
        left = left.saturating_sub(page.runs.len());
        for run in page.runs {
            refused += usize::from(run.error.is_some());
            let error = run.error.map(|error| error.message).unwrap_or_default();
            table.row([run.run, run.new_run.unwrap_or_default(), error]);
        }
        let runs = json_text::member(&text, "runs").and_then(json_text::items);
        texts.extend(runs.into_iter().flatten().map(str::to_owned));
        token = page.skip_token.filter(|next| token.as_ref() != Some(next));
        if token.is_none() || left == 0 {
            break;
        }
        let doing = if args.dry_run { "found" } else { "done" };
        out.note(format_args!("{found} runs {doing}, {refused} refused."))?;
    }
    if out.is_json() {
        out.document(&format!("{{\"value\":[{}]}}", texts.join(",")))?;
    } else if found == 0 {
        out.note("There are no such runs.")?;
    } else {
        out.table(&table)?;
        let more = if token.is_some() { " There may be more; see --all." } else { "" };
        let what = if args.dry_run { "Nothing was started." } else { "" };
        out.note(format_args!("{found} runs, {refused} refused. {what}{more}"))?;
    }
    Ok(run::exit_code(refused == 0))
}

fn body_of(args: &ResubmitArgs, limit: usize, token: Option<&str>) -> String {
    let mut filter = Members::default().text("status", &args.status);
    for (name, value) in [("code", &args.code), ("from", &args.from), ("to", &args.to)] {
        if let Some(value) = value {
            filter = filter.text(name, value);
        }
    }
    let mut body = Members::default()
        .raw("filter", &filter.build())
        .raw("limit", &limit.to_string())
        .raw("dryRun", if args.dry_run { "true" } else { "false" })
        .raw("resume", if args.resume { "true" } else { "false" });
    if let Some(version) = &args.version {
        body = with_version(body, version);
    }
    if let Some(token) = token {
        body = body.text("skipToken", token);
    }
    body.build()
}

fn with_version(body: Members, version: &str) -> Members {
    match version.parse::<u32>() {
        Ok(_) => body.raw("version", version),
        Err(_) => body.text("version", version),
    }
}

/// A version of a flow.
fn version(text: &str) -> Result<String, String> {
    match text.parse::<u32>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) if text.eq_ignore_ascii_case("latest") => Ok("latest".to_owned()),
        Err(_) => Err("expected a number, or 'latest'".to_owned()),
    }
}
