//! `sluicegate vault`: where secrets are, and who reads them.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};

const EXAMPLES: &str = "\
Flows read a vault over a connection of 'shared_keyvault' that names it. Who made the
vault and its readers can make such a connection.

Examples:
  sluicegate vault create payments
  sluicegate secret set api-key --vault payments --value-file key.txt
  sluicegate vault readers payments ada@example.org billing-team";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum VaultCommand {
    /// Make a vault
    Create {
        /// Its name
        name: String,
    },
    /// List the vaults that you may read
    List,
    /// Show a vault
    Show {
        /// Its name
        name: String,
    },
    /// Say who may read a vault, instead of those who may now
    Readers {
        /// Its name
        name: String,
        /// Users and groups
        #[arg(value_name = "WHO")]
        readers: Vec<String>,
    },
    /// Delete an empty vault
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VaultRecord {
    name: String,
    owner: Option<String>,
    readers: Vec<ReaderRecord>,
    created_time: Option<String>,
    changed_time: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ReaderRecord {
    id: String,
    kind: String,
}

pub async fn execute(
    command: VaultCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        VaultCommand::Create { name } => {
            let body = json!({"name": name}).to_string();
            let text = client.post(&at(client, &[])?, Some(body)).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                out.line(format_args!("Created vault '{name}'."))?;
            }
        }
        VaultCommand::List => list(client, out).await?,
        VaultCommand::Show { name } => {
            show(&client.get(&at(client, &[&name])?).await?, client, out)?;
        }
        VaultCommand::Readers { name, readers } => {
            let body = json!({"readers": readers}).to_string();
            show(&client.put(&at(client, &[&name, "readers"])?, body).await?, client, out)?;
        }
        VaultCommand::Delete { name } => {
            client.delete(&at(client, &[&name])?).await?;
            out.done(format_args!("Deleted vault '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is below the vaults of the environment.
pub fn at(client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
    let before = ["environments", client.environment(), "vaults"];
    Resource::new(&[&before, rest].concat())
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&at(client, &[])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<VaultRecord>,
    }
    let mut table = Table::new(&["NAME", "READERS", "CHANGED"]);
    for it in client.read::<Listing>(&text)?.value {
        let changed = moment(it.changed_time.as_deref());
        table.row([it.name, it.readers.len().to_string(), changed]);
    }
    out.table(&table)
}

fn show(answer: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(answer);
    }
    let found: VaultRecord = client.read(answer)?;
    let readers: Vec<String> =
        found.readers.iter().map(|it| format!("{} {}", it.kind, it.id)).collect();
    out.fields(&[
        ("Name", found.name),
        ("Owner", found.owner.unwrap_or_default()),
        ("Readers", readers.join(", ")),
        ("Created", moment(found.created_time.as_deref())),
        ("Changed", moment(found.changed_time.as_deref())),
    ])
}
