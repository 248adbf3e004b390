//! `sluicegate power-app`: apps that use connections here, and with whom they are shared.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment, visible};
use super::run;

const EXAMPLES: &str = "\
A REFERENCE is KEY=CONNECTOR/CONNECTION, or KEY=CONNECTOR where everybody brings their own.

Examples:
  sluicegate power-app create Orders --reference shop=shared_shop/main
  sluicegate power-app share Orders --user ben@example.org
  sluicegate power-app share Orders --everyone
  sluicegate power-app connections Orders";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum PowerAppCommand {
    /// Register an app
    Create {
        /// What it is shown as
        display_name: String,
        /// The GUID that it has elsewhere [default: made]
        #[arg(long, value_name = "GUID")]
        name: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// A connector that it uses, and its connection
        #[arg(long, value_name = "REFERENCE", value_parser = reference)]
        reference: Vec<Reference>,
    },
    /// List the apps that you have, or all when you administer the environment
    List {
        /// Show at most N apps
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// Show an app
    Show {
        /// Its id, or what it is shown as
        name: String,
    },
    /// Change what is known of an app
    Update(UpdateArgs),
    /// The connections with which you use an app, and what you have to bring
    Connections {
        /// Its id, or what it is shown as
        name: String,
    },
    /// Share an app, and with it the connections that can be shared
    Share {
        /// Its id, or what it is shown as
        name: String,
        #[command(flatten)]
        whom: Whom,
        /// What they may do with it
        #[arg(long, value_name = "ROLE", default_value = "can-view")]
        role: Role,
    },
    /// Take an app from somebody
    Unshare {
        /// Its id, or what it is shown as
        name: String,
        /// Object id, as 'power-app permissions' shows it
        principal: String,
    },
    /// Who has an app
    Permissions {
        /// Its id, or what it is shown as
        name: String,
    },
    /// Give an app to somebody else, as an administrator
    Owner {
        /// Its id, or what it is shown as
        name: String,
        /// The user whose it is to be
        user: String,
        /// What who had it keeps
        #[arg(long, value_name = "ROLE")]
        keep: Option<Role>,
    },
    /// Forget an app; what it shared ends with it
    Delete {
        /// Its id, or what it is shown as
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Its id, or what it is shown as
    name: String,
    /// What it is to be shown as
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// All connectors that it uses, and its connections
    #[arg(long, value_name = "REFERENCE", value_parser = reference)]
    reference: Vec<Reference>,
}

/// With whom an app is shared.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whom {
    /// A user, by name or object id
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// A group, by object id
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Everybody in the directory
    #[arg(long)]
    everyone: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Role {
    CanView,
    CanEdit,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::CanView => "CanView",
            Role::CanEdit => "CanEdit",
        }
    }
}

/// `KEY=CONNECTOR/CONNECTION`.
#[derive(Clone, Debug)]
pub struct Reference {
    key: String,
    connector: String,
    connection: Option<String>,
}

fn reference(text: &str) -> Result<Reference, String> {
    let expected = "expected KEY=CONNECTOR or KEY=CONNECTOR/CONNECTION";
    let (key, rest) = text.split_once('=').ok_or(expected)?;
    let (connector, connection) = match rest.split_once('/') {
        Some((connector, connection)) => (connector, Some(connection.to_owned())),
        None => (rest, None),
    };
    let is_empty = |text: &str| text.trim().is_empty();
    if is_empty(key) || is_empty(connector) || connection.as_deref().is_some_and(is_empty) {
        return Err(expected.to_owned());
    }
    Ok(Reference { key: key.to_owned(), connector: connector.to_owned(), connection })
}

fn references(given: &[Reference]) -> Value {
    let one = |it: &Reference| {
        (it.key.clone(), json!({"connector": it.connector, "connection": it.connection}))
    };
    Value::Object(given.iter().map(one).collect::<Map<_, _>>())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppRecord {
    name: String,
    display_name: String,
    description: String,
    owner: Option<String>,
    connection_references: Value,
    created_time: Option<String>,
    changed_time: Option<String>,
}

fn apps(client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
    let mut segments = vec!["environments", client.environment(), "apps"];
    segments.extend(rest);
    Resource::new(&segments)
}

pub async fn execute(
    command: PowerAppCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        PowerAppCommand::Create { display_name, name, description, reference } => {
            let body = json!({"name": name, "displayName": display_name,
                "description": description, "connectionReferences": references(&reference)});
            let text = client.post(&apps(client, &[])?, Some(body.to_string())).await?;
            tell("Registered", &text, client, out)?;
        }
        PowerAppCommand::List { top } => list(top, client, out).await?,
        PowerAppCommand::Show { name } => show(&name, client, out).await?,
        PowerAppCommand::Update(args) => update(&args, client, out).await?,
        PowerAppCommand::Connections { name } => connections(&name, client, out).await?,
        PowerAppCommand::Share { name, whom, role } => {
            let put = json!([permission(&whom, role)]);
            permissions(&name, Some(&json!({ "put": put })), client, out).await?;
        }
        PowerAppCommand::Unshare { name, principal } => {
            let body = json!({"delete": [principal]});
            permissions(&name, Some(&body), client, out).await?;
        }
        PowerAppCommand::Permissions { name } => permissions(&name, None, client, out).await?,
        PowerAppCommand::Owner { name, user, keep } => {
            let body = json!({"owner": user, "roleForOldOwner": keep.map(Role::name)});
            let text = client.put(&apps(client, &[&name, "owner"])?, body.to_string()).await?;
            tell("Gave away", &text, client, out)?;
        }
        PowerAppCommand::Delete { name } => {
            client.delete(&apps(client, &[&name])?).await?;
            out.done(format_args!("Deleted app '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn permission(whom: &Whom, role: Role) -> Value {
    let (principal, kind) = match (&whom.user, &whom.group) {
        (Some(user), _) => (user.as_str(), "User"),
        (None, Some(group)) => (group.as_str(), "Group"),
        (None, None) => ("", "Tenant"),
    };
    json!({"principal": principal, "kind": kind, "role": role.name()})
}

fn tell(verb: &str, text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let app: AppRecord = client.read(text)?;
    out.line(format_args!("{verb} app '{}': {}.", visible(&app.display_name), app.name))
}

async fn update(args: &UpdateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut body = json!({"displayName": args.display_name, "description": args.description});
    if !args.reference.is_empty() {
        body["connectionReferences"] = references(&args.reference);
    }
    let text = client.patch(&apps(client, &[&args.name])?, body.to_string()).await?;
    tell("Changed", &text, client, out)
}

#[derive(Deserialize)]
struct Listing<T> {
    value: Vec<T>,
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<AppRecord>(apps(client, &[])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["NAME", "CHANGED", "OWNER", "ID"]);
    for it in listing.records {
        let changed = moment(it.changed_time.as_deref());
        table.row([it.display_name, changed, it.owner.unwrap_or_default(), it.name]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

async fn show(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&apps(client, &[name])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let found: AppRecord = client.read(&text)?;
    out.fields(&[
        ("Name", found.display_name),
        ("Id", found.name),
        ("Description", found.description),
        ("Owner", found.owner.unwrap_or_default()),
        ("Created", moment(found.created_time.as_deref())),
        ("Changed", moment(found.changed_time.as_deref())),
    ])?;
    for (key, it) in found.connection_references.as_object().into_iter().flatten() {
        let text = |name: &str| it[name].as_str().unwrap_or("each user's own").to_owned();
        let (connector, connection) = (text("connector"), text("connection"));
        out.line(format_args!("  {}: {connector}, {}", visible(key), visible(&connection)))?;
    }
    Ok(())
}

async fn connections(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Used {
        key: String,
        connector: String,
        status: String,
        connection: Option<String>,
    }
    let text = client.get(&apps(client, &[name, "connections"])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let mut table = Table::new(&["REFERENCE", "CONNECTOR", "STATUS", "CONNECTION"]);
    for it in client.read::<Listing<Used>>(&text)?.value {
        table.row([it.key, it.connector, it.status, it.connection.unwrap_or_default()]);
    }
    out.table(&table)
}

/// Shows who has an app, after a change if there is to be one.
async fn permissions(
    name: &str,
    change: Option<&Value>,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Permission {
        principal: String,
        kind: String,
        role: String,
        display_name: Option<String>,
    }
    let resource = apps(client, &[name, "permissions"])?;
    let text = match change {
        Some(body) => client.post(&resource, Some(body.to_string())).await?,
        None => client.get(&resource).await?,
    };
    if out.is_json() {
        return out.document(&text);
    }
    let mut table = Table::new(&["NAME", "KIND", "ROLE", "ID"]);
    for it in client.read::<Listing<Permission>>(&text)?.value {
        table.row([it.display_name.unwrap_or_default(), it.kind, it.role, it.principal]);
    }
    out.table(&table)
}
