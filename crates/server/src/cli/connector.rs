//! `sluicegate connector`: connectors of an environment's own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment, visible};

const EXAMPLES: &str = "\
DIR holds apiDefinition.swagger.json and apiProperties.json, and maybe icon.png: what
'paconn download' and 'm365 pa connector export' write.

Examples:
  sluicegate connector import connectors/contoso
  sluicegate connector import connectors/contoso --update shared_contoso-5f0123456789abcdef
  sluicegate connector export shared_contoso-5f0123456789abcdef -o contoso
  sluicegate connector list --environment test";

const DEFINITION: &str = "apiDefinition.swagger.json";
const PROPERTIES: &str = "apiProperties.json";
const ICON: &str = "icon.png";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ConnectorCommand {
    /// Make a connector from its files, or give one other files
    Import(ImportArgs),
    /// List the connectors of the environment
    List,
    /// Show a connector
    Show {
        /// Name of the connector
        name: String,
    },
    /// Write the files of a connector, as they were imported
    Export {
        /// Name of the connector
        name: String,
        /// Folder to write to; made when it is not there
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Delete a connector that no connection is of
    Delete {
        /// Name of the connector
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Folder of the files
    dir: PathBuf,
    /// Name of the new connector [default: made from its title]
    #[arg(long, value_name = "N", conflicts_with = "update")]
    name: Option<String>,
    /// Give this connector the files
    #[arg(long, value_name = "CONNECTOR")]
    update: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConnectorRecord {
    name: String,
    display_name: String,
    description: String,
    is_custom: bool,
    service: Option<String>,
    operations: usize,
    parameter_sets: Vec<String>,
    created_time: Option<String>,
    changed_time: Option<String>,
    remarks: Vec<String>,
}

fn connectors(client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
    let mut segments = vec!["environments", client.environment(), "connectors"];
    segments.extend(rest);
    Resource::new(&segments)
}

pub async fn execute(
    command: ConnectorCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        ConnectorCommand::Import(args) => import(args, client, out).await?,
        ConnectorCommand::List => list(client, out).await?,
        ConnectorCommand::Show { name } => {
            show(&client.get(&connectors(client, &[&name])?).await?, client, out)?;
        }
        ConnectorCommand::Export { name, output } => export(&name, &output, client, out).await?,
        ConnectorCommand::Delete { name } => {
            client.delete(&connectors(client, &[&name])?).await?;
            out.done(format_args!("Deleted connector '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(args: ImportArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = |name: &str| {
        let path = args.dir.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))
    };
    let icon = match std::fs::read(args.dir.join(ICON)) {
        Ok(bytes) => Some(STANDARD.encode(bytes)),
        Err(_) => None,
    };
    let mut body =
        json!({"definition": text(DEFINITION)?, "properties": text(PROPERTIES)?, "icon": icon});
    let done = match &args.update {
        Some(name) => client.put(&connectors(client, &[name])?, body.to_string()).await?,
        None => {
            body["name"] = json!(args.name);
            client.post(&connectors(client, &[])?, Some(body.to_string())).await?
        }
    };
    if out.is_json() {
        return out.document(&done);
    }
    let found: ConnectorRecord = client.read(&done)?;
    let what = if args.update.is_some() { "Updated" } else { "Created" };
    out.line(format_args!("{what} connector '{}'.", visible(&found.name)))?;
    for remark in &found.remarks {
        out.line(format_args!("{}", visible(remark)))?;
    }
    Ok(())
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&connectors(client, &[])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<ConnectorRecord>,
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "OWN"]);
    for it in client.read::<Listing>(&text)?.value {
        table.row([it.name, it.display_name, if it.is_custom { "yes" } else { "" }.to_owned()]);
    }
    out.table(&table)
}

fn show(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let found: ConnectorRecord = client.read(text)?;
    let mut fields = vec![
        ("Name", visible(&found.name)),
        ("Display name", found.display_name),
        ("Description", found.description),
        ("Authentication", found.parameter_sets.join(", ")),
    ];
    if found.is_custom {
        fields.push(("Service", found.service.unwrap_or_default()));
        fields.push(("Operations", found.operations.to_string()));
        fields.push(("Created", moment(found.created_time.as_deref())));
        fields.push(("Changed", moment(found.changed_time.as_deref())));
    }
    fields.extend(found.remarks.into_iter().map(|remark| ("Remark", remark)));
    out.fields(&fields)
}

async fn export(
    name: &str,
    folder: &Path,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("{} cannot be written: {error}", folder.display()))
    };
    let mut files = Vec::new();
    for file in [DEFINITION, PROPERTIES, ICON] {
        match client.get_bytes(&connectors(client, &[name, "files", file])?).await {
            Ok(bytes) => files.push((file, bytes)),
            // not every connector has one
            Err(failure) if file == ICON && failure.code() == Some("ConnectorFileNotFound") => {}
            Err(failure) => return Err(failure),
        }
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (file, bytes) in files {
        std::fs::write(folder.join(file), bytes).map_err(failed)?;
    }
    out.done(format_args!("Wrote '{}'.", folder.display()))
}
