//! `sluicegate calendar`: which days are days of work, for deadlines of approvals.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table};

const EXAMPLES: &str = "\
The calendar 'default' counts for approvals that name none.

Examples:
  sluicegate calendar set default --zone Europe/Berlin --holiday 2026-12-25 --holiday 2026-12-26
  sluicegate calendar set shift --workday 1 --workday 2 --workday 6
  sluicegate calendar list";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum CalendarCommand {
    /// List the calendars of the environment
    List,
    /// Make a calendar, or another of one that is there
    Set(SetArgs),
    /// Delete a calendar
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct SetArgs {
    /// Its name
    name: String,
    /// Where its days begin and end, such as Europe/Berlin; else UTC
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// A day of work, from Monday, 1, to Sunday, 7; else Monday to Friday
    #[arg(long = "workday", value_name = "N", value_parser = clap::value_parser!(i8).range(1..=7))]
    workdays: Vec<i8>,
    /// A day on which nobody works, such as 2026-12-25
    #[arg(long = "holiday", value_name = "DATE")]
    holidays: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct CalendarRecord {
    name: String,
    zone: String,
    workdays: Vec<i8>,
    holidays: Vec<String>,
}

pub async fn execute(
    command: CalendarCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        CalendarCommand::List => list(client, out).await?,
        CalendarCommand::Set(SetArgs { name, zone, workdays, holidays }) => {
            let workdays = Some(workdays).filter(|days| !days.is_empty());
            let body = json!({"zone": zone, "workdays": workdays, "holidays": holidays});
            let answer = client.put(&at(client, &[&name])?, body.to_string()).await?;
            if out.is_json() {
                out.document(&answer)?;
            } else {
                out.line(format_args!("Set calendar '{name}'."))?;
            }
        }
        CalendarCommand::Delete { name } => {
            client.delete(&at(client, &[&name])?).await?;
            out.done(format_args!("Deleted calendar '{name}'."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn at(client: &Client, rest: &[&str]) -> Result<Resource, Failure> {
    let before = ["environments", client.environment(), "calendars"];
    Resource::new(&[&before, rest].concat())
}

async fn list(client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let answer = client.get(&at(client, &[])?).await?;
    if out.is_json() {
        return out.document(&answer);
    }
    #[derive(Deserialize)]
    struct Listing {
        value: Vec<CalendarRecord>,
    }
    let mut table = Table::new(&["NAME", "ZONE", "DAYS OF WORK", "HOLIDAYS"]);
    for it in client.read::<Listing>(&answer)?.value {
        table.row([it.name, it.zone, days(&it.workdays), it.holidays.len().to_string()]);
    }
    out.table(&table)
}

fn days(workdays: &[i8]) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let name = |day: &i8| usize::try_from(*day - 1).ok().and_then(|day| NAMES.get(day));
    workdays.iter().filter_map(name).copied().collect::<Vec<_>>().join(" ")
}
