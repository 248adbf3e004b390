//! `sluicegate flow versions|diff`: versions of a flow and what is different between them.

use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::failure::Failure;
use super::flow::{definition_of, number};
use super::output::{Output, Table, moment, visible};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VersionRecord {
    #[serde(alias = "number")]
    version: Option<u64>,
    #[serde(alias = "changedTime")]
    created_time: Option<String>,
    dialect: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Differences {
    value: Vec<Difference>,
    is_cut: bool,
}

#[derive(Debug, Deserialize)]
struct Difference {
    part: String,
    name: String,
    change: String,
    path: String,
    #[serde(default, deserialize_with = "present")]
    before: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    after: Option<Value>,
}

/// Tells `null` from nothing.
fn present<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

/// Prints the versions of a flow.
pub async fn list(name: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let resource = client.flows(&[name, "versions"])?;
    let listing = client.list::<VersionRecord>(resource, usize::MAX).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    let mut table = Table::new(&["VERSION", "DIALECT", "CREATED"]);
    for version in listing.records {
        table.row([
            number(version.version),
            version.dialect.unwrap_or_default(),
            moment(version.created_time.as_deref()),
        ]);
    }
    out.table(&table)
}

/// Prints the definition of a version.
pub async fn show(
    name: &str,
    version: u64,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = client.get(&client.flows(&[name, "versions", &version.to_string()])?).await?;
    out.document(if out.is_json() { &text } else { definition_of(&text) })
}

/// Prints what is different between two versions, a block for each thing that differs.
pub async fn differences(
    name: &str,
    (before, after): (u32, u32),
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let numbers = [before.to_string(), after.to_string()];
    let resource = client.flows(&[name, "versions", &numbers[0], "diff", &numbers[1]])?;
    let text = client.get(&resource).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let found: Differences = client.read(&text)?;
    if found.value.is_empty() {
        let message = format!("Versions {before} and {after} of flow '{name}' are the same.");
        return out.line(message);
    }
    for it in &found.value {
        let (part, name, path) = (&it.part, visible(&it.name), visible(&it.path));
        let (before, after) = (shown(it.before.as_ref()), shown(it.after.as_ref()));
        match it.change.as_str() {
            "added" => out.line(format_args!("+ {part} {name} at {path}: {after}"))?,
            "removed" => out.line(format_args!("- {part} {name} at {path}: {before}"))?,
            "moved" => out.line(format_args!("> {part} {name}: from {before} to {after}"))?,
            _ => out.line(format_args!("~ {part} {name} at {path}: {before} => {after}"))?,
        }
    }
    if found.is_cut {
        out.note("There are more differences than are told.")?;
    }
    Ok(())
}

/// Characters of a value that are shown on a line.
const SHOWN_CHARACTERS_MAX: usize = 200;

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = visible(&value.to_string());
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
