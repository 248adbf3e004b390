//! `sluicegate server`: how the server is, and going on after a pause.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::Output;

const EXAMPLES: &str = "\
Examples:
  sluicegate server status
  sluicegate server resume        let runs go on after 'db restore' or 'serve --paused'";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ServerCommand {
    /// Show whether the server is running or paused, and what it holds
    Status,
    /// Let everything go on, on every node of the store
    Resume,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServerRecord {
    state: String,
    version: String,
    node: String,
    partitions: u64,
    runs_in_memory: u64,
}

pub async fn execute(
    command: ServerCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let text = match command {
        ServerCommand::Status => client.get(&Resource::new(&["server"])?).await?,
        ServerCommand::Resume => client.post(&Resource::new(&["server", "resume"])?, None).await?,
    };
    if out.is_json() {
        out.document(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let server: ServerRecord = client.read(&text)?;
    out.fields(&[
        ("State", server.state),
        ("Version", server.version),
        ("Node", server.node),
        ("Partitions held", server.partitions.to_string()),
        ("Runs in memory", server.runs_in_memory.to_string()),
    ])?;
    Ok(ExitCode::SUCCESS)
}
