//! `sluicegate run resubmit` and `run resume`: runs that are done again.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::bulk::{ManyArgs, Walk};
use super::client::{Client, Resource};
use super::failure::{Failure, Fault};
use super::json_text::Members;
use super::output::{Output, Table};
use super::run::{self, Started};

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
    #[command(flatten)]
    many: ManyArgs,
    /// Those in this state
    #[arg(long, value_name = "S", ignore_case = true, requires = "flow", default_value = "Failed",
        value_parser = ["Succeeded", "Failed", "Cancelled", "TimedOut"])]
    status: String,
    /// Only those that ended with this code
    #[arg(long, value_name = "C", requires = "flow")]
    code: Option<String>,
    /// Go on where each ended instead of starting from the beginning
    #[arg(long, requires = "flow")]
    resume: bool,
    /// The version to go on with: a number, or 'latest' [default: each run's own]
    #[arg(long, value_name = "N", requires = "resume", value_parser = version)]
    version: Option<String>,
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkRun {
    run: String,
    new_run: Option<String>,
    error: Option<Fault>,
}

pub async fn resubmit(
    args: &ResubmitArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match (&args.id, &args.many.flow) {
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

async fn resubmit_many(
    flow: &str,
    args: &ResubmitArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let mut walk = Walk::new(&args.many, client.flows(&[flow, "runs", "resubmit"])?);
    let mut refused = 0;
    let mut table = Table::new(&["RUN", "NEW RUN", "ERROR"]);
    while let Some(runs) = walk.next::<BulkRun>(client, asked(args)).await? {
        for run in runs {
            refused += usize::from(run.error.is_some());
            let error = run.error.map(|error| error.message).unwrap_or_default();
            table.row([run.run, run.new_run.unwrap_or_default(), error]);
        }
        if walk.goes_on() {
            let doing = if args.many.dry_run { "found" } else { "done" };
            out.note(format_args!("{} runs {doing}, {refused} refused.", walk.found))?;
        }
    }
    let what = if args.many.dry_run { " Nothing was started." } else { "" };
    walk.tell(&table, &format!(", {refused} refused.{what}"), out)?;
    Ok(run::exit_code(refused == 0))
}

/// What is asked of the runs, and what is to be done.
fn asked(args: &ResubmitArgs) -> (Members, Members) {
    let filter =
        Members::default().text("status", &args.status).text_if("code", args.code.as_deref());
    let body = Members::default().raw("resume", if args.resume { "true" } else { "false" });
    match &args.version {
        Some(version) => (filter, with_version(body, version)),
        None => (filter, body),
    }
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
