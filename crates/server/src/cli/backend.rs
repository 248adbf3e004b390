//! `sluicegate connection backend`: what stands behind a connection.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::connection::At;
use super::failure::Failure;
use super::output::Output;

const EXAMPLES: &str = "\
Examples:
  sluicegate connection backend show orders --connector shared_contoso
  sluicegate connection backend set orders --connector shared_contoso --flow answer-orders
  sluicegate connection backend set orders --connector shared_contoso --host https://test.example.org/v1
  sluicegate connection backend set orders --connector shared_contoso --replay yesterday";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum BackendCommand {
    /// Show what stands behind a connection
    Show {
        #[command(flatten)]
        at: At,
    },
    /// Say what stands behind a connection
    #[command(after_help = EXAMPLES)]
    Set {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        what: What,
        /// With --record: call this service instead of the connector's own
        #[arg(long, value_name = "URL",
            conflicts_with_all = ["service", "host", "flow", "mock", "replay"])]
        url: Option<String>,
    },
}

/// What is to stand behind it: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// The service that the connector's document names, or what comes with the server
    #[arg(long)]
    service: bool,
    /// The same operations at another address
    #[arg(long, value_name = "URL")]
    host: Option<String>,
    /// A flow with a Request trigger and a Response
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    /// Answers made from the connector's document
    #[arg(long)]
    mock: bool,
    /// A recording that is filled with what the service answers
    #[arg(long, value_name = "RECORDING")]
    record: Option<String>,
    /// A recording that answers
    #[arg(long, value_name = "RECORDING")]
    replay: Option<String>,
}

impl What {
    fn body(&self, url: Option<&str>) -> String {
        let body = if let Some(url) = &self.host {
            json!({"kind": "Host", "url": url})
        } else if let Some(flow) = &self.flow {
            json!({"kind": "Flow", "flow": flow})
        } else if self.mock {
            json!({"kind": "Mock"})
        } else if let Some(recording) = &self.record {
            json!({"kind": "Recording", "recording": recording, "mode": "Record", "url": url})
        } else if let Some(recording) = &self.replay {
            json!({"kind": "Recording", "recording": recording, "mode": "Replay"})
        } else {
            json!({"kind": "Service"})
        };
        body.to_string()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BackendRecord {
    kind: String,
    url: Option<String>,
    flow: Option<String>,
    recording: Option<String>,
    mode: Option<String>,
}

pub async fn execute(
    command: BackendCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = match command {
        BackendCommand::Show { at } => client.get(&at.resource(client, &["backend"])?).await?,
        BackendCommand::Set { at, what, url } => {
            let resource = at.resource(client, &["backend"])?;
            client.put(&resource, what.body(url.as_deref())).await?
        }
    };
    if out.is_json() {
        return out.document(&text);
    }
    let found: BackendRecord = client.read(&text)?;
    out.fields(&[
        ("Behind it", found.kind),
        ("Address", found.url.unwrap_or_default()),
        ("Flow", found.flow.unwrap_or_default()),
        ("Recording", found.recording.unwrap_or_default()),
        ("Mode", found.mode.unwrap_or_default()),
    ])
}
