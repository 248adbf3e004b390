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
use super::infer;
use super::input;
use super::output::{Output, Table, moment, visible};

const EXAMPLES: &str = "\
DIR holds apiDefinition.swagger.json and apiProperties.json, and maybe icon.png and script.csx:
what 'paconn download' and 'm365 pa connector export' write.

Examples:
  sluicegate connector import connectors/contoso
  sluicegate connector import connectors/contoso --update shared_contoso-5f0123456789abcdef
  sluicegate connector export shared_contoso-5f0123456789abcdef -o contoso
  sluicegate connector import connectors/contoso --client-id 12ab --client-secret-file secret.txt
  sluicegate connector import connectors/contoso --host test.contoso.com --base-path /v2
  sluicegate connector list --environment test
  sluicegate connector operations shared_contoso-5f0123456789abcdef";

const CLIENT_EXAMPLES: &str = "\
Examples:
  sluicegate connector client shared_contoso-5f0123456789abcdef
  sluicegate connector client shared_contoso-5f0123456789abcdef --id 12ab --secret-file secret.txt
  sluicegate connector client shared_contoso-5f0123456789abcdef --id 12ab --pfx app.pfx";

pub(super) const DEFINITION: &str = "apiDefinition.swagger.json";
pub(super) const PROPERTIES: &str = "apiProperties.json";
const ICON: &str = "icon.png";
const SCRIPT: &str = "script.csx";

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
    /// List what a connector offers: its actions and triggers
    Operations {
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
    /// What the connector's service knows this server as: say, show or forget it
    #[command(after_help = CLIENT_EXAMPLES)]
    Client(ClientArgs),
    /// Declare connectors from what flows use of them
    #[command(after_help = infer::EXAMPLES)]
    Infer(infer::InferArgs),
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
    /// Id that its service has for this server as an OAuth client
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the client's secret from a file
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Where the service is, in the place of what the definition says.
#[derive(Debug, Args)]
struct ServiceArgs {
    /// Host of its service, instead of the definition's
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// What stands before every path, instead of the definition's
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// https or http, instead of the definition's
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
}

impl ServiceArgs {
    /// As the server takes it; none when nothing is said.
    fn settings(&self) -> Option<serde_json::Value> {
        let ServiceArgs { host, base_path, scheme } = self;
        let is_said = host.is_some() || base_path.is_some() || scheme.is_some();
        is_said.then(|| json!({"host": host, "basePath": base_path, "scheme": scheme}))
    }
}

#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Name of the connector
    name: String,
    /// Id that its service has for this server
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    credential: Credential,
    /// Read the password of the PFX file from a file
    #[arg(long, value_name = "FILE", requires = "pfx")]
    pfx_password_file: Option<PathBuf>,
    /// Forget what it was
    #[arg(long, conflicts_with = "id")]
    remove: bool,
}

/// Where a credential comes from. It is never an argument: those are seen by others.
#[derive(Debug, Args)]
#[group(multiple = false, requires = "id")]
struct Credential {
    /// Read the secret from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Read the secret from a file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Certificate and key, instead of a secret
    #[arg(long, value_name = "FILE")]
    pfx: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClientRecord {
    client_id: String,
    has_secret: bool,
    certificate: String,
    redirect_addresses: Vec<String>,
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
        ConnectorCommand::Operations { name } => operations(&name, client, out).await?,
        ConnectorCommand::Export { name, output } => export(&name, &output, client, out).await?,
        ConnectorCommand::Client(args) => set_client(args, client, out).await?,
        ConnectorCommand::Infer(args) => infer::execute(args, client, out).await?,
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
    let script = args.dir.join(SCRIPT).exists().then(|| text(SCRIPT)).transpose()?;
    let mut body = json!({"definition": text(DEFINITION)?, "properties": text(PROPERTIES)?,
        "icon": icon, "script": script, "settings": args.service.settings()});
    if let Some(id) = args.client_id {
        let secret = input::read_secret(false, args.client_secret_file)?;
        body["client"] = json!({"clientId": id, "secret": secret});
    }
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

async fn set_client(
    args: ClientArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let resource = connectors(client, &[&args.name, "client"])?;
    if args.remove {
        client.delete(&resource).await?;
        return out.done(format_args!("Connector '{}' has no OAuth client any more.", args.name));
    }
    let text = match args.id {
        None => client.get(&resource).await?,
        Some(id) => {
            let Credential { secret_stdin, secret_file, pfx } = args.credential;
            let secret = input::read_secret(secret_stdin, secret_file)?;
            let mut body = json!({"clientId": id, "secret": secret});
            if let Some(pfx) = pfx {
                let password = input::read_secret(false, args.pfx_password_file)?;
                let pfx = STANDARD.encode(input::read(&pfx)?);
                body["certificate"] = json!({"pfx": pfx, "password": password.unwrap_or_default()});
            }
            client.put(&resource, body.to_string()).await?
        }
    };
    if out.is_json() {
        return out.document(&text);
    }
    let found: ClientRecord = client.read(&text)?;
    let mut fields = vec![
        ("Client", visible(&found.client_id)),
        (
            "Credential",
            match (found.has_secret, found.certificate) {
                (true, certificate) if !certificate.is_empty() => {
                    format!("certificate {certificate}")
                }
                (true, _) => "secret".to_owned(),
                _ => "none".to_owned(),
            },
        ),
    ];
    let addresses = found.redirect_addresses.iter();
    fields.extend(addresses.map(|it| ("Redirect address", visible(it))));
    out.fields(&fields)
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

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OperationRecord {
    id: String,
    summary: String,
    trigger: Option<String>,
    is_deprecated: bool,
    parameters: Vec<ParameterRecord>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ParameterRecord {
    key: String,
    is_required: bool,
}

async fn operations(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&connectors(client, &[name, "operations"])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<OperationRecord>,
    }
    let mut table = Table::new(&["ID", "KIND", "NEEDS", "SUMMARY"]);
    for it in client.read::<Listing>(&text)?.value {
        let mut kind = if it.trigger.is_some() { "trigger" } else { "action" }.to_owned();
        if it.is_deprecated {
            kind.push_str(", deprecated");
        }
        let needed = it.parameters.iter().filter(|it| it.is_required);
        let needed: Vec<&str> = needed.map(|it| it.key.as_str()).collect();
        table.row([it.id, kind, needed.join(", "), it.summary]);
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
    for file in [DEFINITION, PROPERTIES, ICON, SCRIPT] {
        match client.get_bytes(&connectors(client, &[name, "files", file])?).await {
            Ok(bytes) => files.push((file, bytes)),
            // not every connector has one
            Err(failure)
                if matches!(file, ICON | SCRIPT)
                    && failure.code() == Some("ConnectorFileNotFound") => {}
            Err(failure) => return Err(failure),
        }
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (file, bytes) in files {
        std::fs::write(folder.join(file), bytes).map_err(failed)?;
    }
    out.done(format_args!("Wrote '{}'.", folder.display()))
}
