//! `sluicegate group`: users that are named together.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment, visible};
use super::role::{RoleName, RoleRecord, roles_text};
use super::run;

const EXAMPLES: &str = "\
Examples:
  sluicegate group create makers --role environment-maker --environment test
  sluicegate group add makers ada@example.org bob@example.org
  sluicegate group remove makers bob@example.org";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum GroupCommand {
    /// Create a group
    Create {
        /// Name shown to people
        name: String,
        /// A role of all members; those of environments are for the one of --environment
        #[arg(long = "role", value_enum, value_name = "ROLE")]
        roles: Vec<RoleName>,
    },
    /// List groups
    List {
        /// Show at most N groups
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// Show a group and the object ids of its members
    Show {
        /// Name or object id
        name: String,
    },
    /// Delete a group; its members stay
    Delete {
        /// Name or object id
        name: String,
    },
    /// Add users to a group
    Add {
        /// Name or object id of the group
        name: String,
        /// Names or object ids of users
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Take users out of a group
    Remove {
        /// Name or object id of the group
        name: String,
        /// Names or object ids of users
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupRecord {
    id: String,
    display_name: String,
    member_count: u64,
    members: Vec<Member>,
    roles: Vec<RoleRecord>,
    created_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    id: String,
}

pub async fn execute(
    command: GroupCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        GroupCommand::Create { name, roles } => {
            let roles: Vec<Value> = roles.iter().map(|it| it.json(client.environment())).collect();
            let body = json!({"displayName": name, "roles": roles}).to_string();
            let text = client.post(&Resource::new(&["groups"])?, Some(body)).await?;
            tell("Created", &text, client, out)?;
        }
        GroupCommand::List { top } => list(top, client, out).await?,
        GroupCommand::Show { name } => show(&name, client, out).await?,
        GroupCommand::Delete { name } => {
            client.delete(&Resource::new(&["groups", &name])?).await?;
            out.done(format_args!("Deleted group '{name}'."))?;
        }
        GroupCommand::Add { name, users } => {
            members(&name, &json!({"add": users}), client, out).await?;
        }
        GroupCommand::Remove { name, users } => {
            members(&name, &json!({"remove": users}), client, out).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn members(
    name: &str,
    body: &Value,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let resource = Resource::new(&["groups", name, "members"])?;
    let text = client.post(&resource, Some(body.to_string())).await?;
    tell("Changed", &text, client, out)
}

fn tell(verb: &str, text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let group: GroupRecord = client.read(text)?;
    let (name, count) = (visible(&group.display_name), group.member_count);
    let members = if count == 1 { "member" } else { "members" };
    out.line(format_args!("{verb} group '{name}': {}, {count} {members}.", group.id))
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<GroupRecord>(Resource::new(&["groups"])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no groups; 'sluicegate group create NAME' makes one.");
    }
    let mut table = Table::new(&["NAME", "MEMBERS", "ROLES", "ID"]);
    for group in &listing.records {
        let (name, id) = (group.display_name.clone(), group.id.clone());
        table.row([name, group.member_count.to_string(), roles_text(&group.roles), id]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

async fn show(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&Resource::new(&["groups", name])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let group: GroupRecord = client.read(&text)?;
    out.fields(&[
        ("Name", group.display_name),
        ("Id", group.id),
        ("Roles", roles_text(&group.roles)),
        ("Created", moment(group.created_time.as_deref())),
        ("Members", group.member_count.to_string()),
    ])?;
    for member in &group.members {
        out.line(format_args!("  {}", visible(&member.id)))?;
    }
    Ok(())
}
