//! `sluicegate role`: what users, groups and applications may do besides what they own.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, visible};

const EXAMPLES: &str = "\
Examples:
  sluicegate role list ada@example.org
  sluicegate role grant ada@example.org tenant-administrator
  sluicegate role grant makers environment-maker --environment test
  sluicegate role revoke makers environment-maker --environment test";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum RoleCommand {
    /// List the roles of a user, group or application
    List {
        /// Name or object id
        principal: String,
    },
    /// Give a role; one of an environment is for the one of --environment
    #[command(after_help = EXAMPLES)]
    Grant {
        /// Name or object id
        principal: String,
        /// The role
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Take a role back
    Revoke {
        /// Name or object id
        principal: String,
        /// The role
        #[arg(value_enum)]
        role: RoleName,
    },
}

/// A role as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    TenantAdministrator,
    GovernanceAdministrator,
    EnvironmentAdministrator,
    EnvironmentMaker,
}

impl RoleName {
    /// As the API takes it.
    #[must_use]
    pub fn json(self, environment: &str) -> Value {
        match self {
            RoleName::TenantAdministrator => json!({"role": "tenantAdministrator"}),
            RoleName::GovernanceAdministrator => json!({"role": "governanceAdministrator"}),
            RoleName::EnvironmentAdministrator => {
                json!({"role": "environmentAdministrator", "environment": environment})
            }
            RoleName::EnvironmentMaker => {
                json!({"role": "environmentMaker", "environment": environment})
            }
        }
    }
}

/// A role as the API gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RoleRecord {
    role: String,
    environment: Option<String>,
}

impl RoleRecord {
    /// As it is typed, with its environment.
    fn text(&self) -> String {
        let mut name = String::new();
        for char in self.role.chars() {
            if char.is_ascii_uppercase() {
                name.push('-');
            }
            name.push(char.to_ascii_lowercase());
        }
        match &self.environment {
            Some(environment) => format!("{name} ({environment})"),
            None => name,
        }
    }
}

/// Roles on one line.
#[must_use]
pub fn roles_text(roles: &[RoleRecord]) -> String {
    roles.iter().map(RoleRecord::text).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HolderRecord {
    kind: String,
    display_name: String,
    roles: Vec<RoleRecord>,
}

pub async fn execute(
    command: RoleCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let text = match command {
        RoleCommand::List { principal } => {
            client.get(&Resource::new(&["principals", &principal])?).await?
        }
        RoleCommand::Grant { principal, role } => change(&principal, "grant", role, client).await?,
        RoleCommand::Revoke { principal, role } => {
            change(&principal, "revoke", role, client).await?
        }
    };
    if out.is_json() {
        out.document(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let holder: HolderRecord = client.read(&text)?;
    let who = format!("The {} '{}'", holder.kind, visible(&holder.display_name));
    if holder.roles.is_empty() {
        out.line(format_args!("{who} has no role."))?;
    } else {
        out.line(format_args!("{who} has: {}.", visible(&roles_text(&holder.roles))))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(
    principal: &str,
    verb: &str,
    role: RoleName,
    client: &Client,
) -> Result<String, Failure> {
    let resource = Resource::new(&["principals", principal, "roles", verb])?;
    client.post(&resource, Some(role.json(client.environment()).to_string())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_shown_as_they_are_typed() {
        for name in RoleName::value_variants() {
            let record: RoleRecord = serde_json::from_value(name.json("test")).unwrap();
            let typed = name.to_possible_value().unwrap();
            let shown = record.text();
            assert_eq!(shown.split(" (").next(), Some(typed.get_name()));
            assert_eq!(shown.ends_with(" (test)"), record.environment.is_some());
        }
    }
}
