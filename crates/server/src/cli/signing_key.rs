//! `sluicegate signing-key`: the keys that sign the server's tokens.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};

#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// List the keys that are believed, the one that signs first
    List,
    /// Let a new key sign; the one before is believed until its last token has ended
    Rotate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KeyRecord {
    id: String,
    is_signing: bool,
    created_time: Option<String>,
    ends_time: Option<String>,
}

pub async fn execute(
    command: SigningKeyCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        SigningKeyCommand::List => list(client, out).await?,
        SigningKeyCommand::Rotate => {
            let text = client.post(&Resource::new(&["signing-keys", "rotate"])?, None).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                let key: KeyRecord = client.read(&text)?;
                out.line(format_args!("The key '{}' signs from now on.", key.id))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<KeyRecord>(Resource::new(&["signing-keys"])?, 1_000).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["ID", "STATE", "CREATED", "BELIEVED UNTIL"]);
    for key in listing.records {
        table.row([
            key.id,
            if key.is_signing { "signs" } else { "believed" }.to_owned(),
            moment(key.created_time.as_deref()),
            moment(key.ends_time.as_deref()),
        ]);
    }
    out.table(&table)
}
