//! `sluicegate key`: keys for scripts, each with the rights of a user or an application.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::output::{Output, Table, moment};
use super::run;

const EXAMPLES: &str = "\
Examples:
  sluicegate key create --as ada@example.org
  sluicegate key create nightly --as 'Build server' --expires 90d
  SLUICEGATE_TOKEN=$(sluicegate key create ci --as 'Build server' --expires 12h)
  sluicegate key revoke nightly";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum KeyCommand {
    /// Make a key and print it; it is shown only now
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// List keys
    List {
        /// Show at most N keys
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
    },
    /// End a key
    Revoke {
        /// Name or id
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the key [default: that of the user or application, and the time]
    name: Option<String>,
    /// User or application that it acts as: name or object id
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: String,
    /// When it ends, from now on: such as 90d, 12h, 30m or 60s [default: never]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KeyRecord {
    id: String,
    name: String,
    principal: Principal,
    key: String,
    created_time: Option<String>,
    expires_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Principal {
    id: String,
    kind: String,
}

pub async fn execute(
    command: KeyCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        KeyCommand::Create(args) => create(args, client, out).await?,
        KeyCommand::List { top } => list(top, client, out).await?,
        KeyCommand::Revoke { name } => {
            client.delete(&Resource::new(&["keys", &name])?).await?;
            out.done(format_args!("Key '{name}' has ended."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(args: CreateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let name = args.name.unwrap_or_else(|| default_name(&args.principal));
    let mut body = json!({"name": name, "principal": args.principal});
    if let Some(seconds) = args.expires {
        body["seconds"] = seconds.into();
    }
    let text = client.post(&Resource::new(&["keys"])?, Some(body.to_string())).await?;
    if out.is_json() {
        return out.document(&text);
    }
    // alone on its line, fit for $(...)
    let key: KeyRecord = client.read(&text)?;
    out.line(&key.key)?;
    out.note(format_args!("Key '{}' acts as '{}'; it is shown only now.", key.name, args.principal))
}

/// A name that nobody thought of: whom it acts as, and a part that differs each time.
fn default_name(principal: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let kept = |char: &char| !matches!(char, '/' | '\\' | '?' | '#' | '%');
    let principal: String = principal.chars().filter(kept).take(64).collect();
    format!("{principal} {:x}", since.unwrap_or_default().as_micros())
}

async fn list(top: usize, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let listing = client.list::<KeyRecord>(Resource::new(&["keys"])?, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no keys; 'sluicegate key create --as USER' makes one.");
    }
    let mut table = Table::new(&["NAME", "ACTS AS", "CREATED", "EXPIRES", "ID"]);
    for key in listing.records {
        table.row([
            key.name,
            format!("{} {}", key.principal.kind, key.principal.id),
            moment(key.created_time.as_deref()),
            moment(key.expires_time.as_deref()),
            key.id,
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

/// Seconds of a time such as `90d`.
pub fn lifetime(text: &str) -> Result<u64, String> {
    let expected = "expected a number with d, h, m or s, such as 90d";
    let unit = text.chars().last().ok_or(expected)?;
    let seconds: u64 = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(expected.to_owned()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| expected.to_owned())?;
    count.checked_mul(seconds).filter(|it| *it > 0).ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_unit() {
        let cases = [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("60s", 60)];
        for (text, seconds) in cases {
            assert_eq!(lifetime(text), Ok(seconds));
        }
        for text in ["", "d", "0d", "90", "-1d", "9ü", "99999999999999999999d"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
