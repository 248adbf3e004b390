//! `sluicegate retention`: how long the history of finished runs is kept.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table};

const EXAMPLES: &str = "\
Examples:
  sluicegate retention list
  sluicegate retention set --days 90                      the environment 'default'
  sluicegate retention set --flow order --days 365        one flow
  sluicegate retention clear --flow order                 as its environment again";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum RetentionCommand {
    /// List what was set, and the server's own setting
    List,
    /// Set how long runs of an environment, or of one flow, are kept
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
    /// Take back what was set
    Clear {
        /// Name of the flow; else the environment's
        #[arg(long, value_name = "NAME")]
        flow: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct SetArgs {
    /// Name of the flow; else the environment's flows that have nothing of their own
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// How many days
    #[arg(long, value_name = "N", conflicts_with = "seconds", required_unless_present = "seconds")]
    days: Option<u32>,
    /// How many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RetentionRecord {
    environment: String,
    flow: Option<String>,
    seconds: u64,
    days: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Listing {
    value: Vec<RetentionRecord>,
    server: RetentionRecord,
}

pub async fn execute(
    command: RetentionCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        RetentionCommand::List => list(client, out).await?,
        RetentionCommand::Set(args) => {
            let body = match args.days {
                Some(days) => json!({"days": days}),
                None => json!({"seconds": args.seconds}),
            };
            let resource = resource(client, args.flow.as_deref())?;
            let text = client.put(&resource, body.to_string()).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                let record: RetentionRecord = client.read(&text)?;
                out.line(format_args!(
                    "Runs of {} are kept for {}.",
                    whose(&record),
                    age(&record)
                ))?;
            }
        }
        RetentionCommand::Clear { flow } => {
            client.delete(&resource(client, flow.as_deref())?).await?;
            if !out.is_json() {
                out.line("Taken back.")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn resource(client: &Client, flow: Option<&str>) -> Result<Resource, Failure> {
    match flow {
        Some(flow) => client.flows(&[flow, "retention"]),
        None => Resource::new(&["environments", client.environment(), "retention"]),
    }
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&Resource::new(&["retention"])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let listing: Listing = client.read(&text)?;
    let mut table = Table::new(&["ENVIRONMENT", "FLOW", "KEPT"]);
    for record in &listing.value {
        let flow = record.flow.clone().unwrap_or_default();
        table.row([record.environment.clone(), flow, age(record)]);
    }
    table.row(["(all others)".to_owned(), String::new(), age(&listing.server)]);
    out.table(&table)
}

fn whose(record: &RetentionRecord) -> String {
    match &record.flow {
        Some(flow) => format!("flow '{flow}'"),
        None => format!("environment '{}'", record.environment),
    }
}

fn age(record: &RetentionRecord) -> String {
    const DAY: u64 = 86_400;
    match record.days.or_else(|| record.seconds.is_multiple_of(DAY).then_some(record.seconds / DAY))
    {
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => format!("{} seconds", record.seconds),
    }
}
