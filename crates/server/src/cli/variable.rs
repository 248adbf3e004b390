//! `sluicegate environment variable`: values that the flows of an environment share.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text::Members;
use super::output::{Output, Table, moment, visible};
use super::run;

const EXAMPLES: &str = "\
A VALUE is text for variables of type String and DataSource, and JSON for the others.

Examples:
  sluicegate environment variable create ours_Site --type String --default https://example.org
  sluicegate environment variable set ours_Site https://test.example.org --environment test
  sluicegate environment variable clear ours_Site --environment test";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum VariableCommand {
    /// Create an environment variable
    Create {
        /// Its schema name, by which definitions name it
        name: String,
        /// String, Number, Boolean, JSON or DataSource
        #[arg(long = "type", value_name = "TYPE", default_value = "String")]
        kind: String,
        /// The value where the environment has none
        #[arg(long, value_name = "VALUE")]
        default: Option<String>,
        /// The environment's value
        #[arg(long, value_name = "VALUE")]
        value: Option<String>,
        /// Name shown to people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List environment variables
    List {
        /// Show at most N variables
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// Show an environment variable
    Show {
        /// Its schema name
        name: String,
    },
    /// Set the value; runs that are under way keep theirs
    Set {
        /// Its schema name
        name: String,
        /// The value
        #[arg(value_name = "VALUE")]
        value: String,
        /// Set the default value instead
        #[arg(long)]
        default: bool,
    },
    /// Take the value away, so that the default one counts
    Clear {
        /// Its schema name
        name: String,
    },
    /// Delete an environment variable
    Delete {
        /// Its schema name
        name: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariableRecord {
    schema_name: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: String,
    description: Option<String>,
    default_value: Option<Value>,
    value: Option<Value>,
    changed_time: Option<String>,
}

pub async fn execute(
    command: VariableCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        VariableCommand::Create { name, kind, default, value, display_name, description } => {
            let mut body = Members::default().text("schemaName", &name).text("type", &kind);
            for (member, given) in [("defaultValue", default), ("value", value)] {
                if let Some(given) = given {
                    body = body.raw(member, &json_of(&kind, &given)?);
                }
            }
            let body = body
                .text_if("displayName", display_name.as_deref())
                .text_if("description", description.as_deref());
            let text = client.post(&at(client, &[])?, Some(body.build())).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                out.line(format_args!("Created environment variable '{name}'."))?;
            }
        }
        VariableCommand::List { top } => list(top, client, out).await?,
        VariableCommand::Show { name } => {
            show(&client.get(&at(client, &[&name])?).await?, client, out)?;
        }
        VariableCommand::Set { name, value, default } => {
            let known = client.get(&at(client, &[&name])?).await?;
            let kind = client.read::<VariableRecord>(&known)?.kind;
            let member = if default { "defaultValue" } else { "value" };
            let body = Members::default().raw(member, &json_of(&kind, &value)?);
            show(&client.patch(&at(client, &[&name])?, body.build()).await?, client, out)?;
        }
        VariableCommand::Clear { name } => {
            let body = Members::default().raw("value", "null").build();
            show(&client.patch(&at(client, &[&name])?, body).await?, client, out)?;
        }
        VariableCommand::Delete { name } => {
            client.delete(&at(client, &[&name])?).await?;
            out.done(format_args!("Deleted environment variable '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn at(client: &Client, name: &[&str]) -> Result<Resource, Failure> {
    let before = ["environments", client.environment(), "variables"];
    Resource::new(&[&before, name].concat())
}

/// The JSON of a value that somebody typed.
fn json_of(kind: &str, text: &str) -> Result<String, Failure> {
    let is_text = ["String", "DataSource"].iter().any(|it| it.eq_ignore_ascii_case(kind));
    if is_text {
        return Ok(Value::from(text).to_string());
    }
    let parsed: Result<Value, _> = serde_json::from_str(text);
    match parsed {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Failure::Usage(format!(
            "The value of a variable of type '{kind}' is JSON, and this is not: {error}."
        ))),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => visible(text),
        Some(other) => visible(&other.to_string()),
    }
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<VariableRecord>(at(client, &[])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "TYPE", "VALUE", "DEFAULT"]);
    for it in &listing.records {
        table.row([
            it.schema_name.clone(),
            it.display_name.clone(),
            it.kind.clone(),
            text(it.value.as_ref()),
            text(it.default_value.as_ref()),
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

fn show(answer: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(answer);
    }
    let found: VariableRecord = client.read(answer)?;
    out.fields(&[
        ("Name", found.schema_name),
        ("Display name", found.display_name),
        ("Description", found.description.unwrap_or_default()),
        ("Type", found.kind),
        ("Value", text(found.value.as_ref())),
        ("Default", text(found.default_value.as_ref())),
        ("Changed", moment(found.changed_time.as_deref())),
    ])
}
