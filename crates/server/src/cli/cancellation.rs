//! `sluicegate run cancel`: runs that are stopped.

use clap::Args;
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text::{self, Members};
use super::output::{Output, Table};
use super::run::{count, tell_state};

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
    /// Runs of this flow instead of one run, newest first
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// Only those in this state [default: both]
    #[arg(long, value_name = "S", ignore_case = true, requires = "flow",
        value_parser = ["Running", "Waiting"])]
    status: Option<String>,
    /// Only those started from this time on, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "T", requires = "flow")]
    from: Option<String>,
    /// Only those started before this time
    #[arg(long, value_name = "T", requires = "flow")]
    to: Option<String>,
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

/// The answer to a request for many.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    runs: Vec<CancelledRun>,
    skip_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CancelledRun {
    run: String,
}

/// Runs that one request is asked for.
const RUNS_PER_REQUEST: usize = 100;

pub async fn cancel(
    args: &CancelArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    match (&args.id, &args.flow) {
        (Some(id), _) => {
            let text = client.post(&Resource::new(&["runs", id, "cancel"])?, None).await?;
            tell_state(id, &text, client, out)
        }
        (None, Some(flow)) => cancel_many(flow, args, client, out).await,
        (None, None) => Err(Failure::Usage("A run is needed, or '--flow'.".to_owned())),
    }
}

/// Asks again and again until there are no more, or enough were found.
async fn cancel_many(
    flow: &str,
    args: &CancelArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let resource = client.flows(&[flow, "runs", "cancel"])?;
    let mut left = if args.all { usize::MAX } else { args.top };
    let (mut found, mut token) = (0, None);
    let mut table = Table::new(&["RUN"]);
    let mut texts = Vec::new();
    loop {
        let body = body_of(args, left.min(RUNS_PER_REQUEST), token.as_deref());
        let text = client.post(&resource, Some(body)).await?;
        let page: Cancelled = client.read(&text)?;
        found += page.runs.len();
        left = left.saturating_sub(page.runs.len());
        page.runs.into_iter().for_each(|run| table.row([run.run]));
        let runs = json_text::member(&text, "runs").and_then(json_text::items);
        texts.extend(runs.into_iter().flatten().map(str::to_owned));
        token = page.skip_token.filter(|next| token.as_ref() != Some(next));
        if token.is_none() || left == 0 {
            break;
        }
    }
    if out.is_json() {
        return out.document(&format!("{{\"value\":[{}]}}", texts.join(",")));
    }
    if found == 0 {
        return out.note("There are no such runs.");
    }
    out.table(&table)?;
    let more = if token.is_some() { " There may be more; see --all." } else { "" };
    let what = if args.dry_run { "Nothing was cancelled." } else { "They end shortly." };
    out.note(format_args!("{found} runs. {what}{more}"))
}

fn body_of(args: &CancelArgs, limit: usize, token: Option<&str>) -> String {
    let mut filter = Members::default();
    for (name, value) in [("status", &args.status), ("from", &args.from), ("to", &args.to)] {
        if let Some(value) = value {
            filter = filter.text(name, value);
        }
    }
    let mut body = Members::default()
        .raw("filter", &filter.build())
        .raw("limit", &limit.to_string())
        .raw("dryRun", if args.dry_run { "true" } else { "false" });
    if let Some(token) = token {
        body = body.text("skipToken", token);
    }
    body.build()
}
