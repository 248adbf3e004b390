//! `sluicegate app`: programs that sign in, by themselves or for somebody.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment, visible};
use super::role::{RoleName, RoleRecord, roles_text};
use super::{input, key, run};

const EXAMPLES: &str = "\
Examples:
  sluicegate app create 'Build server' --role environment-maker --environment test
  sluicegate app add-secret 'Build server' --expires 90d
  sluicegate app add-certificate 'Build server' build.pem
  sluicegate app create Portal --public --redirect http://localhost/ --consented";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ApplicationCommand {
    /// Register an application
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// List applications
    List {
        /// Show at most N applications
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// Show an application
    Show {
        /// Name, client id or object id
        name: String,
    },
    /// Change what is known of an application
    Update(UpdateArgs),
    /// Delete an application, with its keys
    Delete {
        /// Name, client id or object id
        name: String,
    },
    /// Give an application a secret and print it; it is shown only now
    AddSecret {
        /// Name, client id or object id
        name: String,
        /// When it ends, from now on: such as 90d, 12h, 30m or 60s [default: never]
        #[arg(long, value_name = "TIME", value_parser = key::lifetime)]
        expires: Option<u64>,
    },
    /// Take a secret from an application
    RemoveSecret {
        /// Name, client id or object id
        name: String,
        /// Id of the secret
        secret: String,
    },
    /// Let an application sign in with a certificate
    AddCertificate {
        /// Name, client id or object id
        name: String,
        /// The certificate, PEM or DER in base64; '-' reads standard input
        file: PathBuf,
    },
    /// Take a certificate from an application
    RemoveCertificate {
        /// Name, client id or object id
        name: String,
        /// Thumbprint of the certificate
        thumbprint: String,
    },
    /// End every token and key of an application
    Revoke {
        /// Name, client id or object id
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name shown to people
    name: String,
    /// It runs where a secret cannot be kept: people sign in with it, it never does alone
    #[arg(long)]
    public: bool,
    /// Where people may be sent back to when they have signed in
    #[arg(long = "redirect", value_name = "URI")]
    redirects: Vec<String>,
    /// Consent for everybody
    #[arg(long)]
    consented: bool,
    /// A role to begin with; those of environments are for the one of --environment
    #[arg(long = "role", value_enum, value_name = "ROLE")]
    roles: Vec<RoleName>,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Name, client id or object id
    name: String,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Where people may be sent back to, instead of what was said before
    #[arg(long = "redirect", value_name = "URI")]
    redirects: Option<Vec<String>>,
    /// Consent for everybody, or take that back
    #[arg(long, value_name = "BOOL")]
    consented: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ApplicationRecord {
    id: String,
    client_id: String,
    display_name: String,
    is_public: bool,
    is_consented: bool,
    redirect_uris: Vec<String>,
    secrets: Vec<CredentialRecord>,
    certificates: Vec<CredentialRecord>,
    roles: Vec<RoleRecord>,
    created_time: Option<String>,
}

/// A secret or a certificate.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CredentialRecord {
    #[serde(alias = "thumbprint")]
    id: String,
    secret: String,
    expires_time: Option<String>,
}

pub async fn execute(
    command: ApplicationCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        ApplicationCommand::Create(args) => create(&args, client, out).await?,
        ApplicationCommand::List { top } => list(top, client, out).await?,
        ApplicationCommand::Show { name } => {
            let text = client.get(&resource(&[&name])?).await?;
            describe(&text, client, out)?;
        }
        ApplicationCommand::Update(args) => update(&args, client, out).await?,
        ApplicationCommand::Delete { name } => {
            client.delete(&resource(&[&name])?).await?;
            out.done(format_args!("Deleted application '{name}'."))?;
        }
        ApplicationCommand::AddSecret { name, expires } => {
            add_secret(&name, expires, client, out).await?;
        }
        ApplicationCommand::RemoveSecret { name, secret } => {
            client.delete(&resource(&[&name, "secrets", &secret])?).await?;
            out.done(format_args!("Application '{name}' has lost the secret."))?;
        }
        ApplicationCommand::AddCertificate { name, file } => {
            add_certificate(&name, &file, client, out).await?;
        }
        ApplicationCommand::RemoveCertificate { name, thumbprint } => {
            client.delete(&resource(&[&name, "certificates", &thumbprint])?).await?;
            out.done(format_args!("Application '{name}' has lost the certificate."))?;
        }
        ApplicationCommand::Revoke { name } => {
            client.post(&resource(&[&name, "revoke"])?, None).await?;
            out.done(format_args!("Every token and key of '{name}' has ended."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn resource(segments: &[&str]) -> Result<Resource, Failure> {
    Resource::new(&[&["applications"], segments].concat())
}

async fn create(args: &CreateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let roles: Vec<Value> = args.roles.iter().map(|it| it.json(client.environment())).collect();
    let body = json!({
        "displayName": args.name,
        "isPublic": args.public,
        "redirectUris": args.redirects,
        "isConsented": args.consented,
        "roles": roles,
    });
    let text = client.post(&resource(&[])?, Some(body.to_string())).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let made: ApplicationRecord = client.read(&text)?;
    let name = visible(&made.display_name);
    out.line(format_args!("Created application '{name}'; its client id is {}.", made.client_id))
}

async fn update(args: &UpdateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut body = json!({});
    if let Some(name) = &args.display_name {
        body["displayName"] = name.as_str().into();
    }
    if let Some(redirects) = &args.redirects {
        body["redirectUris"] = json!(redirects);
    }
    if let Some(consented) = args.consented {
        body["isConsented"] = consented.into();
    }
    let text = client.patch(&resource(&[&args.name])?, body.to_string()).await?;
    describe(&text, client, out)
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<ApplicationRecord>(resource(&[])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no applications; 'sluicegate app create NAME' makes one.");
    }
    let mut table = Table::new(&["NAME", "CLIENT ID", "KIND", "CONSENTED", "ROLES"]);
    for found in &listing.records {
        table.row([
            found.display_name.clone(),
            found.client_id.clone(),
            if found.is_public { "public" } else { "confidential" }.to_owned(),
            if found.is_consented { "yes" } else { "" }.to_owned(),
            roles_text(&found.roles),
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

fn describe(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let found: ApplicationRecord = client.read(text)?;
    out.fields(&[
        ("Name", found.display_name),
        ("Client id", found.client_id),
        ("Id", found.id),
        ("Kind", if found.is_public { "public" } else { "confidential" }.to_owned()),
        ("Consented", if found.is_consented { "yes" } else { "no" }.to_owned()),
        ("Redirects", found.redirect_uris.join(", ")),
        ("Roles", roles_text(&found.roles)),
        ("Created", moment(found.created_time.as_deref())),
    ])?;
    for (what, credentials) in [("Secret", found.secrets), ("Certificate", found.certificates)] {
        for it in credentials {
            let until = moment(it.expires_time.as_deref());
            let until = if until.is_empty() { until } else { format!(", until {until}") };
            out.line(visible(&format!("{what} {}{until}", it.id)))?;
        }
    }
    Ok(())
}

async fn add_secret(
    name: &str,
    expires: Option<u64>,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let body = expires.map(|seconds| json!({"seconds": seconds}).to_string());
    let text = client.post(&resource(&[name, "secrets"])?, body).await?;
    if out.is_json() {
        return out.document(&text);
    }
    // alone on its line, fit for $(...)
    let made: CredentialRecord = client.read(&text)?;
    out.line(&made.secret)?;
    out.note(format_args!("The secret has the id {}; it is shown only now.", made.id))
}

async fn add_certificate(
    name: &str,
    file: &std::path::Path,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = String::from_utf8(input::read(file)?);
    let text = text.map_err(|_| {
        let file_name = input::name(file);
        Failure::new(format!("{file_name} is not text; expected PEM, or DER in base64."))
    })?;
    let body = json!({"certificate": text}).to_string();
    let text = client.post(&resource(&[name, "certificates"])?, Some(body)).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let made: CredentialRecord = client.read(&text)?;
    let until = moment(made.expires_time.as_deref());
    out.line(format_args!("Application '{name}' has the certificate {}, until {until}.", made.id))
}
