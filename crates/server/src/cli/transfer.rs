//! `sluicegate flow copy|move`: a flow for another environment.

use clap::Args;
use serde_json::{Map, Value};

use super::client::Client;
use super::failure::Failure;
use super::json_text::Members;

#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Name of the flow
    name: String,
    /// The environment of the copy [default: the flow's own]
    #[arg(long, value_name = "ENVIRONMENT")]
    to: Option<String>,
    /// Name of the copy [default: the flow's, in another environment]
    #[arg(long, value_name = "N")]
    name_of_copy: Option<String>,
    /// Name of the copy shown to people [default: the flow's]
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// The connection for a connection reference; can be given several times
    #[arg(long, value_name = "REFERENCE=CONNECTION", value_parser = pair)]
    connection: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Name of the flow
    name: String,
    /// The environment that it moves to
    #[arg(long, value_name = "ENVIRONMENT")]
    to: String,
    /// Its name there [default: the one that it has]
    #[arg(long, value_name = "N")]
    new_name: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let found = text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty());
    let found = found.map(|(key, value)| (key.to_owned(), value.to_owned()));
    found.ok_or_else(|| "expected REFERENCE=CONNECTION".to_owned())
}

/// Makes a copy; the flow as the API shows it.
pub async fn copy(args: &CopyArgs, client: &Client) -> Result<String, Failure> {
    let to = args.to.as_deref().unwrap_or_else(|| client.environment());
    let connections: Map<String, Value> =
        args.connection.iter().map(|(key, name)| (key.clone(), name.as_str().into())).collect();
    let body = Members::default()
        .text("environment", to)
        .text_if("name", args.name_of_copy.as_deref())
        .text_if("displayName", args.display_name.as_deref())
        .raw("connections", &Value::from(connections).to_string());
    client.post(&client.flows(&[&args.name, "copy"])?, Some(body.build())).await
}

/// Moves a flow; the flow as the API shows it.
pub async fn relocate(args: &MoveArgs, client: &Client) -> Result<String, Failure> {
    let body =
        Members::default().text("environment", &args.to).text_if("name", args.new_name.as_deref());
    client.post(&client.flows(&[&args.name, "move"])?, Some(body.build())).await
}
