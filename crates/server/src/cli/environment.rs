//! `sluicegate environment`: where flows are.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text::Members;
use super::output::{Output, Table, moment, visible};
use super::variable::{self, VariableCommand};

const EXAMPLES: &str = "\
Examples:
  sluicegate environment create test --display-name 'For trying things'
  sluicegate flow create order.json --environment test
  sluicegate environment delete test";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum EnvironmentCommand {
    /// Create an environment
    Create {
        /// Name that commands use
        name: String,
        /// Name shown to people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List environments
    List,
    /// Show an environment
    Show {
        /// Name of the environment
        name: String,
    },
    /// Change what is shown of an environment
    Update {
        /// Name of the environment
        name: String,
        /// Name shown to people
        #[arg(long, value_name = "TEXT", required_unless_present = "description")]
        display_name: Option<String>,
        /// What it is for; an empty text takes it away
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Create, change and look at environment variables
    #[command(subcommand)]
    Variable(VariableCommand),
    /// Delete an environment in which no flow is, with the roles that are for it
    Delete {
        /// Name of the environment
        name: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EnvironmentRecord {
    name: String,
    id: String,
    display_name: String,
    description: Option<String>,
    sku: String,
    created_time: Option<String>,
}

pub async fn execute(
    command: EnvironmentCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        EnvironmentCommand::Create { name, display_name, description } => {
            let body =
                json!({"name": name, "displayName": display_name, "description": description});
            let resource = Resource::new(&["environments"])?;
            let text = client.post(&resource, Some(body.to_string())).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                out.line(format_args!("Created environment '{name}'."))?;
            }
        }
        EnvironmentCommand::List => list(client, out).await?,
        EnvironmentCommand::Show { name } => {
            let text = client.get(&Resource::new(&["environments", &name])?).await?;
            show(&text, client, out)?;
        }
        EnvironmentCommand::Update { name, display_name, description } => {
            let body = Members::default()
                .text_if("displayName", display_name.as_deref())
                .text_if("description", description.as_deref());
            let resource = Resource::new(&["environments", &name])?;
            show(&client.patch(&resource, body.build()).await?, client, out)?;
        }
        EnvironmentCommand::Variable(command) => {
            return variable::execute(command, client, out).await;
        }
        EnvironmentCommand::Delete { name } => {
            client.delete(&Resource::new(&["environments", &name])?).await?;
            out.done(format_args!("Deleted environment '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&Resource::new(&["environments"])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<EnvironmentRecord>,
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "DESCRIPTION"]);
    for it in client.read::<Listing>(&text)?.value {
        table.row([it.name, it.display_name, it.description.unwrap_or_default()]);
    }
    out.table(&table)
}

fn show(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let found: EnvironmentRecord = client.read(text)?;
    out.fields(&[
        ("Name", visible(&found.name)),
        ("Display name", found.display_name),
        ("Description", found.description.unwrap_or_default()),
        ("Id", found.id),
        ("Kind", found.sku),
        ("Created", moment(found.created_time.as_deref())),
    ])
}
