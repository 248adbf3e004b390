//! `sluicegate sealing-key`: the keys that secrets are sealed with.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};

const EXAMPLES: &str = "\
The master key, which seals these keys, is not in the store: it is the file master.key of the
data folder, or what the settings say. To change it, start each server with the new one and
with the one before as 'previous_key_file', then rotate: from then on the old one opens nothing.

Examples:
  sluicegate sealing-key rotate
  sluicegate sealing-key status";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum SealingKeyCommand {
    /// List the keys, the one that seals first
    List,
    /// Make a new key, and seal everything anew while the servers run
    Rotate,
    /// Show how far the last rotation is
    Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KeyRecord {
    id: String,
    is_sealing: bool,
    created_time: Option<String>,
    retired_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RotationRecord {
    key: String,
    state: String,
    stage: String,
    started_time: Option<String>,
    ended_time: Option<String>,
    secrets_sealed: u64,
    secrets_damaged: u64,
}

pub async fn execute(
    command: SealingKeyCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let text = match command {
        SealingKeyCommand::List => {
            list(client, out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        SealingKeyCommand::Rotate => {
            client.post(&Resource::new(&["sealing-keys", "rotate"])?, None).await?
        }
        SealingKeyCommand::Status => {
            client.get(&Resource::new(&["sealing-keys", "rotation"])?).await?
        }
    };
    if out.is_json() {
        out.document(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rotation: RotationRecord = client.read(&text)?;
    out.fields(&[
        ("New key", rotation.key),
        ("State", rotation.state),
        ("Stage", rotation.stage),
        ("Started", moment(rotation.started_time.as_deref())),
        ("Ended", moment(rotation.ended_time.as_deref())),
        ("Secrets sealed anew", rotation.secrets_sealed.to_string()),
        ("Secrets that nothing opens", rotation.secrets_damaged.to_string()),
    ])?;
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<KeyRecord>(Resource::new(&["sealing-keys"])?, 1_000).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["ID", "STATE", "CREATED", "RETIRED"]);
    for key in listing.records {
        let state = match (key.is_sealing, &key.retired_time) {
            (true, _) => "seals",
            (false, None) => "opens",
            (false, Some(_)) => "retired",
        };
        let (created, retired) =
            (moment(key.created_time.as_deref()), moment(key.retired_time.as_deref()));
        table.row([key.id, state.to_owned(), created, retired]);
    }
    out.table(&table)
}
