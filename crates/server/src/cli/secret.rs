//! `sluicegate secret`: secrets of a vault. Values go in and do not come out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};
use super::{input, vault};

const EXAMPLES: &str = "\
The value is read from a file or from standard input, so that no other program sees it.

Examples:
  sluicegate secret set api-key --vault payments --value-file key.txt
  printenv API_KEY | sluicegate secret set api-key --vault payments --value-stdin
  sluicegate secret list --vault payments
  sluicegate secret disable api-key --vault payments --version 0123456789abcdef0123456789abcdef";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum SecretCommand {
    /// Put a value into a vault, as a new version
    Set {
        #[command(flatten)]
        at: At,
        /// Read the value from a file
        #[arg(long, value_name = "FILE", conflicts_with = "value_stdin")]
        value_file: Option<PathBuf>,
        /// Read the value from standard input
        #[arg(long)]
        value_stdin: bool,
        /// What the value is, for who reads it
        #[arg(long, value_name = "TEXT")]
        content_type: Option<String>,
        /// From when on it is to be used
        #[arg(long, value_name = "TIME")]
        valid_from: Option<String>,
        /// Until when it is to be used
        #[arg(long, value_name = "TIME")]
        valid_until: Option<String>,
        /// Nobody reads it before it is enabled
        #[arg(long)]
        disabled: bool,
    },
    /// List the secrets of a vault
    List {
        #[command(flatten)]
        of: InVault,
    },
    /// Show a secret and its versions, not the values
    Show {
        #[command(flatten)]
        at: At,
    },
    /// Let a version be read again
    Enable {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        which: Which,
    },
    /// Let nobody read a version
    Disable {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        which: Which,
    },
    /// Delete a secret with all of its versions, for good
    Delete {
        #[command(flatten)]
        at: At,
    },
}

#[derive(Debug, Args)]
pub struct InVault {
    /// Name of the vault
    #[arg(long, value_name = "VAULT")]
    vault: String,
}

/// Which secret.
#[derive(Debug, Args)]
pub struct At {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    of: InVault,
}

#[derive(Debug, Args)]
pub struct Which {
    /// The version [default: the newest]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

impl At {
    fn resource(&self, client: &Client) -> Result<Resource, Failure> {
        vault::at(client, &[&self.of.vault, "secrets", &self.name])
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretRecord {
    #[serde(default)]
    name: String,
    version: String,
    content_type: Option<String>,
    is_enabled: bool,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_time: Option<String>,
    #[serde(default)]
    versions: Vec<SecretRecord>,
}

pub async fn execute(
    command: SecretCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        SecretCommand::Set {
            at,
            value_file,
            value_stdin,
            content_type,
            valid_from,
            valid_until,
            disabled,
        } => {
            let value = input::read_secret(value_stdin, value_file)?.ok_or_else(|| {
                let message = "Say where the value is: '--value-file FILE' or '--value-stdin'.";
                Failure::Usage(message.to_owned())
            })?;
            let body = json!({"value": value, "contentType": content_type, "isEnabled": !disabled,
                "validFrom": valid_from, "validUntil": valid_until});
            let text = client.put(&at.resource(client)?, body.to_string()).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                let version = client.read::<SecretRecord>(&text)?.version;
                out.line(format_args!("Set secret '{}': version {version}.", at.name))?;
            }
        }
        SecretCommand::List { of } => list(&of, client, out).await?,
        SecretCommand::Show { at } => {
            show(&client.get(&at.resource(client)?).await?, client, out)?;
        }
        SecretCommand::Enable { at, which } => switch(&at, &which, true, client, out).await?,
        SecretCommand::Disable { at, which } => switch(&at, &which, false, client, out).await?,
        SecretCommand::Delete { at } => {
            client.delete(&at.resource(client)?).await?;
            out.done(format_args!("Deleted secret '{}'.", at.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn switch(
    at: &At,
    which: &Which,
    is_enabled: bool,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let body: Value = json!({"version": which.version, "isEnabled": is_enabled});
    show(&client.patch(&at.resource(client)?, body.to_string()).await?, client, out)
}

async fn list(of: &InVault, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&vault::at(client, &[&of.vault, "secrets"])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<SecretRecord>,
    }
    let mut table = Table::new(&["NAME", "VERSION", "CONTENT TYPE", "STATE", "CREATED"]);
    for it in client.read::<Listing>(&text)?.value {
        table.row([
            it.name.clone(),
            it.version.clone(),
            it.content_type.clone().unwrap_or_default(),
            state(&it).to_owned(),
            moment(it.created_time.as_deref()),
        ]);
    }
    out.table(&table)
}

fn state(it: &SecretRecord) -> &'static str {
    if it.is_enabled { "Enabled" } else { "Disabled" }
}

fn show(answer: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(answer);
    }
    let found: SecretRecord = client.read(answer)?;
    out.fields(&[("Name", found.name.clone())])?;
    let mut table =
        Table::new(&["VERSION", "CONTENT TYPE", "STATE", "CREATED", "VALID FROM", "VALID UNTIL"]);
    for it in &found.versions {
        table.row([
            it.version.clone(),
            it.content_type.clone().unwrap_or_default(),
            state(it).to_owned(),
            moment(it.created_time.as_deref()),
            moment(it.valid_from.as_deref()),
            moment(it.valid_until.as_deref()),
        ]);
    }
    out.table(&table)
}
