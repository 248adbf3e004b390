//! `sluicegate audit`: who did what, and whether nobody has changed the record of it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text;
use super::output::{Output, Table, moment};
use super::run;

const EXAMPLES: &str = "\
Examples:
  sluicegate audit list --operation DeleteFlow --top 20
  sluicegate audit list --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z
  sluicegate audit verify
  sluicegate audit export > audit.ndjson";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum AuditCommand {
    /// List entries, newest first
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
    /// Check that no entry was changed or removed; exit code 1 when one was
    Verify,
    /// Print every entry in order, one JSON object on a line
    Export,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only what this one did: an object id, or the name of a root key
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only this operation, such as CreateUser
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only what was done to this: an id
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only entries from this time on, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "T")]
    from: Option<String>,
    /// Only entries before this time
    #[arg(long, value_name = "T")]
    to: Option<String>,
    /// Show at most N entries
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = run::count)]
    top: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    number: i64,
    time: Option<String>,
    actor: String,
    operation: String,
    target: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Report {
    entries: u64,
    whole: bool,
    first_fault: Option<FaultRecord>,
    last: Option<Last>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FaultRecord {
    number: i64,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Last {
    number: i64,
    hash: String,
}

pub async fn execute(
    command: AuditCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::List(args) => list(&args, client, out).await?,
        AuditCommand::Verify => return verify(client, out).await,
        AuditCommand::Export => client.copy(&Resource::new(&["audit", "export"])?, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &ListArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let resource = Resource::new(&["audit"])?
        .query("actor", args.actor.as_deref())
        .query("operation", args.operation.as_deref())
        .query("target", args.target.as_deref())
        .query("from", args.from.as_deref())
        .query("to", args.to.as_deref());
    let listing = client.list::<Entry>(resource, args.top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["NUMBER", "TIME", "ACTOR", "OPERATION", "TARGET", "DETAIL"]);
    let array = listing.array();
    let details = json_text::items(&array).unwrap_or_default();
    for (entry, text) in listing.records.iter().zip(details) {
        table.row([
            entry.number.to_string(),
            moment(entry.time.as_deref()),
            entry.actor.clone(),
            entry.operation.clone(),
            entry.target.clone(),
            json_text::member(text, "detail").filter(|it| *it != "{}").unwrap_or("").to_owned(),
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, args.top, out)
}

async fn verify(client: &Client, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let text = client.post(&Resource::new(&["audit", "verify"])?, None).await?;
    let report: Report = client.read(&text)?;
    if out.is_json() {
        out.document(&text)?;
    } else if let Some(fault) = &report.first_fault {
        out.line(format_args!(
            "The audit is not whole. Entry {}: {}",
            fault.number, fault.message
        ))?;
    } else {
        out.line(format_args!("The audit is whole: {} entries.", report.entries))?;
        if let Some(last) = &report.last {
            out.line(format_args!("The last has number {} and hash {}.", last.number, last.hash))?;
        }
    }
    Ok(run::exit_code(report.whole))
}
