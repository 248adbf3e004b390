//! `sluicegate policy`: data policies, and the flows that they hold.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::input;
use super::output::{Output, Table, moment, visible};
use super::run;

const EXAMPLES: &str = r#"A policy says which connectors may be used together in a flow. FILE is JSON:

  {"scope": {"kind": "AllEnvironments"},
   "defaultGroup": "NonBusiness",
   "connectors": [
     {"connector": "shared_sql", "group": "Business", "blockedOperations": ["DeleteItem_V2"]},
     {"connector": "Http", "group": "Business", "endpoints": [
       {"pattern": "*.example.org", "access": "Allow"},
       {"pattern": "*", "access": "Deny"}]}]}

Groups are Business, NonBusiness and Blocked. Other scopes are
{"kind": "OnlyEnvironments" or "ExceptEnvironments", "environments": [NAME]}. 'Http', 'HttpWebhook' and
'HttpRequestReceived' are what is built in.

Examples:
  sluicegate policy set sales policy.json
  sluicegate policy violations --environment sales
  sluicegate policy delete sales"#;

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum PolicyCommand {
    /// List the data policies of the environments that you administer
    List,
    /// Show a data policy
    Show {
        /// Its name
        name: String,
    },
    /// Make a data policy, or put another in its place; flows that break it are suspended
    #[command(after_help = EXAMPLES)]
    Set {
        /// Its name
        name: String,
        /// What it says, as JSON; '-' is standard input
        file: PathBuf,
    },
    /// Delete a data policy; flows that it held are turned on again
    Delete {
        /// Its name
        name: String,
    },
    /// List the flows of the environment that data policies hold, and why
    Violations {
        /// Show at most N flows
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRecord {
    name: String,
    scope: ScopeRecord,
    default_group: String,
    connectors: Vec<Value>,
    changed_time: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ScopeRecord {
    kind: String,
    environments: Option<Vec<String>>,
}

impl ScopeRecord {
    fn text(&self) -> String {
        let names = self.environments.as_deref().unwrap_or_default().join(", ");
        if names.is_empty() { self.kind.clone() } else { format!("{}: {names}", self.kind) }
    }
}

#[derive(Debug, Deserialize)]
struct HeldRecord {
    flow: String,
    violations: Vec<ViolationRecord>,
}

#[derive(Debug, Deserialize)]
struct ViolationRecord {
    policy: String,
    kind: String,
    message: String,
}

pub async fn execute(
    command: PolicyCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::List => list(client, out).await?,
        PolicyCommand::Show { name } => {
            out.document(&client.get(&at(&name)?).await?)?;
        }
        PolicyCommand::Set { name, file } => {
            let body = input::read_json_object(&file)?;
            let text = client.put(&at(&name)?, body).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                out.line(format_args!("Set data policy '{name}'. Flows are looked through now."))?;
            }
        }
        PolicyCommand::Delete { name } => {
            client.delete(&at(&name)?).await?;
            out.done(format_args!("Deleted data policy '{name}'."))?;
        }
        PolicyCommand::Violations { top } => violations(top, client, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn at(name: &str) -> Result<Resource, Failure> {
    Resource::new(&["data-policies", name])
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let resource = Resource::new(&["data-policies"])?;
    let listing = client.list::<PolicyRecord>(resource, usize::MAX).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["NAME", "SCOPE", "OTHERS ARE", "CONNECTORS", "CHANGED"]);
    for it in &listing.records {
        table.row([
            visible(&it.name),
            visible(&it.scope.text()),
            it.default_group.clone(),
            it.connectors.len().to_string(),
            moment(it.changed_time.as_deref()),
        ]);
    }
    out.table(&table)
}

async fn violations(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let resource = Resource::new(&["data-policies", "violations"])?;
    let resource = resource.query("environment", Some(client.environment()));
    let listing = client.list::<HeldRecord>(resource, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["FLOW", "POLICY", "KIND", "MESSAGE"]);
    for held in &listing.records {
        for it in &held.violations {
            let (flow, policy) = (visible(&held.flow), visible(&it.policy));
            table.row([flow, policy, it.kind.clone(), visible(&it.message)]);
        }
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}
