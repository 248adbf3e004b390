//! `sluicegate run cancel`: runs that are stopped.

use clap::Args;
use serde::Deserialize;

use super::bulk::{ManyArgs, Walk};
use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text::Members;
use super::output::{Output, Table};
use super::run::tell_state;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicegate run cancel ID
  sluicegate run cancel --flow order --to 2026-11-22T08:00:00Z --dry-run
  sluicegate run cancel --flow order --status Waiting --all")]
pub struct CancelArgs {
    /// The run
    #[arg(required_unless_present = "flow", conflicts_with = "flow")]
    id: Option<String>,
    #[command(flatten)]
    many: ManyArgs,
    /// Only those in this state [default: both]
    #[arg(long, value_name = "S", ignore_case = true, requires = "flow",
        value_parser = ["Running", "Waiting"])]
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CancelledRun {
    run: String,
}

pub async fn cancel(
    args: &CancelArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    match (&args.id, &args.many.flow) {
        (Some(id), _) => {
            let text = client.post(&Resource::new(&["runs", id, "cancel"])?, None).await?;
            tell_state(id, &text, client, out)
        }
        (None, Some(flow)) => cancel_many(flow, args, client, out).await,
        (None, None) => Err(Failure::Usage("A run is needed, or '--flow'.".to_owned())),
    }
}

async fn cancel_many(
    flow: &str,
    args: &CancelArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut walk = Walk::new(&args.many, client.flows(&[flow, "runs", "cancel"])?);
    let mut table = Table::new(&["RUN"]);
    let asked = || {
        let filter = Members::default().text_if("status", args.status.as_deref());
        (filter, Members::default())
    };
    while let Some(runs) = walk.next::<CancelledRun>(client, asked()).await? {
        runs.into_iter().for_each(|run| table.row([run.run]));
    }
    let what = if args.many.dry_run { "Nothing was cancelled." } else { "They end shortly." };
    walk.tell(&table, &format!(". {what}"), out)
}
