//! `sluicegate deputy`: who answers approvals for you.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};

const EXAMPLES: &str = "\
Examples:
  sluicegate deputy set bob@example.org --from 2026-12-21 --until 2027-01-04
  sluicegate deputy show
  sluicegate deputy clear";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum DeputyCommand {
    /// Show who answers for you, and for whom you answer
    Show,
    /// Say who answers for you
    Set {
        /// Who
        deputy: String,
        /// From when on; else from now on
        #[arg(long, value_name = "T")]
        from: Option<String>,
        /// Until when; else until you say otherwise
        #[arg(long, value_name = "T")]
        until: Option<String>,
    },
    /// Answer for yourself again
    Clear,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeputyRecord {
    user: PartyRecord,
    deputy: PartyRecord,
    from: Option<String>,
    until: Option<String>,
    is_active: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartyRecord {
    display_name: String,
    mail: Option<String>,
}

pub async fn execute(
    command: DeputyCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let own = Resource::new(&["me", "deputy"])?;
    match command {
        DeputyCommand::Show => show(&own, client, out).await?,
        DeputyCommand::Set { deputy, from, until } => {
            let body = json!({"deputy": deputy, "from": from, "until": until}).to_string();
            let answer = client.put(&own, body).await?;
            if out.is_json() {
                out.document(&answer)?;
            } else {
                let record: DeputyRecord = client.read(&answer)?;
                out.line(format_args!("{} answers for you.", name(&record.deputy)))?;
            }
        }
        DeputyCommand::Clear => {
            client.delete(&own).await?;
            out.done("Nobody answers for you.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(own: &Resource, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let deputy = match client.get(own).await {
        Err(failure) if failure.code() == Some("DeputyNotFound") => None,
        found => Some(found?),
    };
    let deputized = client.get(&Resource::new(&["me", "deputized"])?).await?;
    if out.is_json() {
        let deputy = deputy.unwrap_or_else(|| "null".to_owned());
        let members = super::json_text::Members::default();
        let others = super::json_text::member(&deputized, "value").unwrap_or("[]");
        return out.document(&members.raw("deputy", &deputy).raw("deputized", others).build());
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<DeputyRecord>,
    }
    let mut records = client.read::<Listing>(&deputized)?.value;
    if let Some(deputy) = deputy {
        records.insert(0, client.read(&deputy)?);
    }
    if records.is_empty() {
        return out.line("Nobody answers for you, and you answer for nobody.");
    }
    let mut table = Table::new(&["WHO IS AWAY", "WHO ANSWERS", "FROM", "UNTIL", "NOW"]);
    for it in records {
        let (from, until) = (moment(it.from.as_deref()), moment(it.until.as_deref()));
        let now = if it.is_active { "yes" } else { "no" };
        table.row([name(&it.user), name(&it.deputy), from, until, now.to_owned()]);
    }
    out.table(&table)
}

fn name(party: &PartyRecord) -> String {
    match party.display_name.as_str() {
        "" => party.mail.clone().unwrap_or_default(),
        name => name.to_owned(),
    }
}
