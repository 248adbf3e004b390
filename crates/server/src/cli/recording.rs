//! `sluicegate recording`: answers of services that are played back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::input;
use super::output::{Output, Table, moment, visible};

const EXAMPLES: &str = "\
A recording is filled while a connection records into it, and answers while one replays it.

Examples:
  sluicegate recording create orders
  sluicegate recording record orders shared_contoso my-connection
  sluicegate recording replay orders shared_contoso my-connection
  sluicegate recording export orders -o orders.json
  sluicegate recording import orders.json --environment test";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum RecordingCommand {
    /// Make an empty recording
    Create {
        /// Its name
        name: String,
        /// What it is of
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List the recordings that you may see
    List,
    /// Show a recording
    Show {
        /// Its name
        name: String,
    },
    /// Have the calls of a connection made and recorded
    Record {
        /// Name of the recording
        name: String,
        /// Name of the connector
        connector: String,
        /// Name of the connection
        connection: String,
        /// Call this service instead of the connector's own
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Have a recording answer the calls of a connection, from its beginning
    Replay {
        /// Name of the recording
        name: String,
        /// Name of the connector
        connector: String,
        /// Name of the connection
        connection: String,
    },
    /// Write a recording to a file
    Export {
        /// Its name
        name: String,
        /// File to write to
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Make a recording from a file
    Import {
        /// File of a recording
        file: PathBuf,
        /// Its name here [default: as in the file]
        #[arg(long, value_name = "N")]
        name: Option<String>,
    },
    /// Delete a recording
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordingRecord {
    name: String,
    description: String,
    exchanges: usize,
    bytes: usize,
    created_time: Option<String>,
    changed_time: Option<String>,
}

fn recordings(client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
    let mut segments = vec!["environments", client.environment(), "recordings"];
    segments.extend(rest);
    Resource::new(&segments)
}

pub async fn execute(
    command: RecordingCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        RecordingCommand::Create { name, description } => {
            create(&json!({"name": name, "description": description}), client, out).await?;
        }
        RecordingCommand::List => list(client, out).await?,
        RecordingCommand::Show { name } => show(&name, client, out).await?,
        RecordingCommand::Record { name, connector, connection, url } => {
            let backend =
                json!({"kind": "Recording", "recording": name, "mode": "Record", "url": url});
            stand(&backend, (&connector, &connection), client, out).await?;
        }
        RecordingCommand::Replay { name, connector, connection } => {
            let backend = json!({"kind": "Recording", "recording": name, "mode": "Replay"});
            stand(&backend, (&connector, &connection), client, out).await?;
        }
        RecordingCommand::Export { name, output } => {
            let text = client.get(&recordings(client, &[&name, "file"])?).await?;
            std::fs::write(&output, text).map_err(|error| {
                Failure::new(format!("{} cannot be written: {error}", output.display()))
            })?;
            out.done(format_args!("Wrote '{}'.", output.display()))?;
        }
        RecordingCommand::Import { file, name } => {
            let text = input::read_json(&file)?;
            let mut body: Value = serde_json::from_str(&text).map_err(|error| {
                Failure::new(format!("{} is not JSON: {error}.", file.display()))
            })?;
            if let (Some(name), Some(members)) = (name, body.as_object_mut()) {
                members.insert("name".to_owned(), name.into());
            }
            create(&body, client, out).await?;
        }
        RecordingCommand::Delete { name } => {
            client.delete(&recordings(client, &[&name])?).await?;
            out.done(format_args!("Deleted recording '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(body: &Value, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let made = client.post(&recordings(client, &[])?, Some(body.to_string())).await?;
    if out.is_json() {
        return out.document(&made);
    }
    let made: RecordingRecord = client.read(&made)?;
    let name = visible(&made.name);
    out.line(format_args!("Created recording '{name}' with {} exchanges.", made.exchanges))
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&recordings(client, &[])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<RecordingRecord>,
    }
    let mut table = Table::new(&["NAME", "EXCHANGES", "CHANGED", "DESCRIPTION"]);
    for it in client.read::<Listing>(&text)?.value {
        let changed = moment(it.changed_time.as_deref());
        table.row([it.name, it.exchanges.to_string(), changed, it.description]);
    }
    out.table(&table)
}

async fn show(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&recordings(client, &[name])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let found: RecordingRecord = client.read(&text)?;
    out.fields(&[
        ("Name", found.name),
        ("Description", found.description),
        ("Exchanges", found.exchanges.to_string()),
        ("Bytes", found.bytes.to_string()),
        ("Created", moment(found.created_time.as_deref())),
        ("Changed", moment(found.changed_time.as_deref())),
    ])
}

/// Says what stands behind a connection.
async fn stand(
    backend: &Value,
    (connector, connection): (&str, &str),
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let environment = client.environment();
    let path = [
        "environments",
        environment,
        "connectors",
        connector,
        "connections",
        connection,
        "backend",
    ];
    let text = client.put(&Resource::new(&path)?, backend.to_string()).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let what = if backend["mode"] == "Record" { "records into" } else { "is answered by" };
    let name = backend["recording"].as_str().unwrap_or_default();
    out.line(format_args!("Connection '{connection}' {what} '{name}'."))
}
