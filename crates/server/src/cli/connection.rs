//! `sluicegate connection`: signing in for connections, whether they work, and what stands
//! behind them.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::backend::{self, BackendCommand};
use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, visible};

const EXAMPLES: &str = "\
Connections are made, shared and deleted by 'm365 pa' and by other clients of the original.

Examples:
  sluicegate connection consent my-mail --connector shared_contoso-5f0123456789abcdef
  sluicegate connection consent my-mail --connector shared_contoso-5f0123456789abcdef --no-wait
  sluicegate connection test my-mail --connector shared_contoso-5f0123456789abcdef";

/// How often the server is asked whether the person has signed in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ConnectionCommand {
    /// Print a link at which you sign in for a connection, and wait until you have
    #[command(after_help = EXAMPLES)]
    Consent {
        #[command(flatten)]
        at: At,
        /// Print the link only
        #[arg(long)]
        no_wait: bool,
    },
    /// Find out whether a connection works: call what its connector names for that
    Test {
        #[command(flatten)]
        at: At,
    },
    /// What stands behind a connection: its service, another, a flow, a recording
    #[command(subcommand)]
    Backend(BackendCommand),
}

/// Which connection.
#[derive(Debug, Args)]
pub struct At {
    /// Name of the connection
    name: String,
    /// Name of its connector
    #[arg(long, value_name = "CONNECTOR")]
    connector: String,
}

impl At {
    pub fn resource(&self, client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
        let environment = client.environment();
        let mut segments =
            vec!["environments", environment, "connectors", &self.connector, "connections"];
        segments.push(&self.name);
        segments.extend(rest);
        Resource::new(&segments)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LinkRecord {
    id: String,
    link: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsentRecord {
    status: String,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TestRecord {
    status: String,
    tried: bool,
    operation: Option<String>,
    status_code: Option<i64>,
    message: Option<String>,
}

pub async fn execute(
    command: ConnectionCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        ConnectionCommand::Consent { at, no_wait } => consent(&at, no_wait, client, out).await?,
        ConnectionCommand::Backend(command) => backend::execute(command, client, out).await?,
        ConnectionCommand::Test { at } => return test(&at, client, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(at: &At, client: &Client, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let text = client.post(&at.resource(client, &["test"])?, None).await?;
    let found: TestRecord = client.read(&text)?;
    let code = match found.status.as_str() {
        "Connected" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    };
    if out.is_json() {
        out.document(&text)?;
        return Ok(code);
    }
    let name = &at.name;
    let answered = found.status_code.map(|it| format!(" and was answered {it}"));
    let answered = answered.unwrap_or_default();
    match found.operation {
        Some(operation) => out.line(format_args!(
            "{}: a test of connection '{name}' called '{}'{answered}.",
            visible(&found.status),
            visible(&operation),
        ))?,
        None if found.tried => out.line(format_args!("A token was had for connection '{name}'."))?,
        None => out.line(format_args!(
            "Connection '{name}' takes no token, and its connector names nothing to call: nothing was tried."
        ))?,
    }
    if let Some(message) = &found.message {
        out.line(visible(message))?;
    }
    Ok(code)
}

async fn consent(
    at: &At,
    no_wait: bool,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = client.post(&at.resource(client, &["consents"])?, None).await?;
    let begun: LinkRecord = client.read(&text)?;
    if no_wait && out.is_json() {
        return out.document(&text);
    }
    if no_wait {
        return out.line(visible(&begun.link));
    }
    if out.is_json() {
        // on standard error, so that what is printed is one document
        out.note(format_args!("Sign in at {}", visible(&begun.link)))?;
    } else {
        out.line(format_args!("Sign in at {}", visible(&begun.link)))?;
    }
    out.flush()?;
    let resource = at.resource(client, &["consents", &begun.id])?;
    loop {
        let text = client.get(&resource).await?;
        let found: ConsentRecord = client.read(&text)?;
        match found.status.as_str() {
            "Connected" if out.is_json() => return out.document(&text),
            "Connected" => return out.done(format_args!("Connection '{}' is signed in.", at.name)),
            "Failed" => return Err(Failure::new(visible(&found.message))),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
