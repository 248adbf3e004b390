//! `sluicegate user`: who can sign in.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment, visible};
use super::role::{RoleName, RoleRecord, roles_text};
use super::{input, run};

const EXAMPLES: &str = "\
Examples:
  sluicegate user create ada@example.org --password-file ada.txt
  sluicegate user create bob@example.org --role environment-maker --environment test
  sluicegate user disable bob@example.org
  pwgen 20 1 | sluicegate user set-password ada@example.org --password-stdin";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum UserCommand {
    /// Create a user
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// List users
    List {
        /// Show at most N users
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// Show a user
    Show {
        /// Name to sign in with, or object id
        name: String,
    },
    /// Delete a user, with their keys; flows they made stay
    Delete {
        /// Name to sign in with, or object id
        name: String,
    },
    /// Give a user another password, which ends their sessions and keys
    SetPassword {
        /// Name to sign in with, or object id
        name: String,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Let a user in again
    Enable {
        /// Name to sign in with, or object id
        name: String,
    },
    /// Keep a user out
    Disable {
        /// Name to sign in with, or object id
        name: String,
    },
    /// Take a user's second factor away, passkeys too: all of it is gone
    RemoveSecondFactor {
        /// Name to sign in with, or object id
        name: String,
    },
    /// A user's passkeys; or take one away
    Passkeys {
        /// Name to sign in with, or object id
        name: String,
        /// Take this passkey away: its owner has lost it
        #[arg(long, value_name = "ID")]
        remove: Option<String>,
    },
    /// Where a user is signed in; or end one of these sessions
    Sessions {
        /// Name to sign in with, or object id
        name: String,
        /// End this session, with its tokens
        #[arg(long, value_name = "ID")]
        end: Option<String>,
    },
    /// End every session, token and key of a user
    Revoke {
        /// Name to sign in with, or object id
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name to sign in with: somebody@domain
    name: String,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Address of mail
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    #[command(flatten)]
    password: Password,
    /// A role to begin with; those of environments are for the one of --environment
    #[arg(long = "role", value_enum, value_name = "ROLE")]
    roles: Vec<RoleName>,
}

/// Where a password comes from. It is never an argument: those are seen by others.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Password {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// The same where there has to be one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct NewPassword {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UserRecord {
    id: String,
    user_principal_name: String,
    display_name: String,
    mail: Option<String>,
    is_enabled: bool,
    has_password: bool,
    has_second_factor: bool,
    roles: Vec<RoleRecord>,
    groups: Vec<GroupName>,
    created_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupName {
    display_name: String,
}

pub async fn execute(
    command: UserCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        UserCommand::Create(args) => create(args, client, out).await?,
        UserCommand::List { top } => list(top, client, out).await?,
        UserCommand::Show { name } => show(&name, client, out).await?,
        UserCommand::Delete { name } => {
            client.delete(&Resource::new(&["users", &name])?).await?;
            out.done(format_args!("Deleted user '{name}'."))?;
        }
        UserCommand::SetPassword { name, password } => {
            let NewPassword { password_stdin, password_file } = password;
            let password = input::read_secret(password_stdin, password_file)?;
            let body = json!({"password": password}).to_string();
            client.put(&Resource::new(&["users", &name, "password"])?, body).await?;
            out.done(format_args!("User '{name}' has a new password."))?;
        }
        UserCommand::Enable { name } => set_state(&name, "enable", client, out).await?,
        UserCommand::Disable { name } => set_state(&name, "disable", client, out).await?,
        UserCommand::RemoveSecondFactor { name } => {
            client.delete(&Resource::new(&["users", &name, "second-factor"])?).await?;
            out.done(format_args!("User '{name}' has no second factor any more."))?;
        }
        UserCommand::Passkeys { name, remove: None } => passkeys(&name, client, out).await?,
        UserCommand::Passkeys { name, remove: Some(id) } => {
            client.delete(&Resource::new(&["users", &name, "passkeys", &id])?).await?;
            out.done(format_args!("The passkey '{id}' of '{name}' is gone."))?;
        }
        UserCommand::Sessions { name, end: None } => sessions(&name, client, out).await?,
        UserCommand::Sessions { name, end: Some(id) } => {
            client.delete(&Resource::new(&["users", &name, "sessions", &id])?).await?;
            out.done(format_args!("The session '{id}' of '{name}' has ended."))?;
        }
        UserCommand::Revoke { name } => {
            client.post(&Resource::new(&["users", &name, "revoke"])?, None).await?;
            out.done(format_args!("Every session, token and key of '{name}' has ended."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(args: CreateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let Password { password_stdin, password_file } = args.password;
    let password = input::read_secret(password_stdin, password_file)?;
    let roles: Vec<Value> = args.roles.iter().map(|it| it.json(client.environment())).collect();
    let body = json!({
        "userPrincipalName": args.name,
        "displayName": args.display_name,
        "mail": args.mail,
        "password": password,
        "roles": roles,
    });
    let text = client.post(&Resource::new(&["users"])?, Some(body.to_string())).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let user: UserRecord = client.read(&text)?;
    let name = visible(&user.user_principal_name);
    out.line(format_args!("Created user '{name}': {}.", user.id))?;
    if !user.has_password {
        out.note("There is no password yet; 'sluicegate user set-password' gives one.")?;
    }
    Ok(())
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<UserRecord>(Resource::new(&["users"])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no users; 'sluicegate user create NAME' makes one.");
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "STATE", "ROLES", "ID"]);
    for user in &listing.records {
        table.row([
            user.user_principal_name.clone(),
            user.display_name.clone(),
            state(user).to_owned(),
            roles_text(&user.roles),
            user.id.clone(),
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

async fn show(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&Resource::new(&["users", name])?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let user: UserRecord = client.read(&text)?;
    let groups: Vec<&str> = user.groups.iter().map(|it| it.display_name.as_str()).collect();
    out.fields(&[
        ("Name", user.user_principal_name.clone()),
        ("Display name", user.display_name.clone()),
        ("Id", user.id.clone()),
        ("Mail", user.mail.clone().unwrap_or_default()),
        ("State", state(&user).to_owned()),
        ("Password", if user.has_password { "set" } else { "none" }.to_owned()),
        ("Second factor", if user.has_second_factor { "set" } else { "none" }.to_owned()),
        ("Roles", roles_text(&user.roles)),
        ("Groups", groups.join(", ")),
        ("Created", moment(user.created_time.as_deref())),
    ])
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SessionRecord {
    id: String,
    signed_in_with: String,
    application: Option<GroupName>,
    address: String,
    created_time: Option<String>,
    last_used_time: Option<String>,
}

async fn sessions(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let top = 1_000;
    let resource = Resource::new(&["users", name, "sessions"])?;
    let listing = client.list::<SessionRecord>(resource, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note(format_args!("'{name}' is signed in nowhere."));
    }
    let mut table =
        Table::new(&["APPLICATION", "SIGNED IN WITH", "ADDRESS", "CREATED", "LAST USED", "ID"]);
    for session in listing.records {
        let application = session.application.map(|it| it.display_name);
        table.row([
            application.unwrap_or_else(|| "(browser)".to_owned()),
            session.signed_in_with,
            session.address,
            moment(session.created_time.as_deref()),
            moment(session.last_used_time.as_deref()),
            session.id,
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PasskeyRecord {
    id: String,
    name: String,
    algorithm: String,
    created_time: Option<String>,
    last_used_time: Option<String>,
}

async fn passkeys(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let top = 1_000;
    let resource = Resource::new(&["users", name, "passkeys"])?;
    let listing = client.list::<PasskeyRecord>(resource, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note(format_args!("'{name}' has no passkeys."));
    }
    let mut table = Table::new(&["NAME", "ALGORITHM", "CREATED", "LAST USED", "ID"]);
    for passkey in listing.records {
        table.row([
            passkey.name,
            passkey.algorithm,
            moment(passkey.created_time.as_deref()),
            moment(passkey.last_used_time.as_deref()),
            passkey.id,
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

fn state(user: &UserRecord) -> &'static str {
    if user.is_enabled { "Enabled" } else { "Disabled" }
}

async fn set_state(
    name: &str,
    verb: &str,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = client.post(&Resource::new(&["users", name, verb])?, None).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let user: UserRecord = client.read(&text)?;
    let told = state(&user).to_lowercase();
    out.line(format_args!("User '{}' is {told}.", visible(&user.user_principal_name)))
}
