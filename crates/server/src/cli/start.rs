//! `sluicegate flow run`: a trigger that is fired by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::client::Client;
use super::failure::Failure;
use super::json_text::Members;
use super::output::Output;
use super::{input, run};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Name of the flow
    name: String,
    /// JSON that the trigger hands to the run; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The trigger, where the flow has several
    #[arg(long, value_name = "T")]
    trigger: Option<String>,
    /// A connection that you bring: key of the flow's reference, and name of the connection
    #[arg(long, value_name = "KEY=NAME", value_parser = connection)]
    connection: Vec<(String, String)>,
    /// Wait for the run to end, and show it; exit code 1 unless it succeeded
    #[arg(long)]
    wait: bool,
}

fn connection(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, name)| !key.is_empty() && !name.is_empty());
    let (key, name) = pair.ok_or("expected KEY=NAME")?;
    Ok((key.to_owned(), name.to_owned()))
}

pub async fn execute(
    args: &RunArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let mut body = Members::default();
    if let Some(file) = &args.body {
        body = body.raw("body", &input::read_json(file)?);
    }
    if !args.connection.is_empty() {
        let chosen: BTreeMap<_, _> = args.connection.iter().cloned().collect();
        body = body.raw("connections", &json!(chosen).to_string());
    }
    let resource = client.flows(&[&args.name, "run"])?.query("trigger", args.trigger.as_deref());
    let text = client.post(&resource, Some(body.build())).await?;
    if args.wait {
        let started: run::Started = client.read(&text)?;
        let succeeded = run::wait(&started.run, client).await?;
        run::show(&started.run, client, out).await?;
        return Ok(run::exit_code(succeeded));
    }
    if out.is_json() {
        out.document(&text)?;
    } else {
        let started: run::Started = client.read(&text)?;
        out.line(format_args!("Started run {} of flow '{}'.", started.run, args.name))?;
    }
    Ok(ExitCode::SUCCESS)
}
