//! `sluicegate flow`: flows, their versions and addresses.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use super::client::Client;
use super::failure::{Detail, Failure};
use super::json_text::{self, Members};
use super::output::{Output, Table, moment, visible};
use super::{Dialect, input, run, start, transfer, version};

const LIST_EXAMPLES: &str = "\
Examples:
  sluicegate flow create order.json
  sluicegate flow create exported/definition.json --name nightly --stopped
  sluicegate flow show order --definition > order.json
  sluicegate flow update order order.json
  curl -X POST \"$(sluicegate flow callback-url order)\" -d @order-1.json
  sluicegate flow run nightly --body b.json --wait";

const CREATE_EXAMPLES: &str = "\
FILE holds a bare definition, {definition, connectionReferences}, the workflow.json of a
Logic Apps project, or an ARM resource or template; '-' is standard input.

Examples:
  sluicegate flow create order.json
  sluicegate flow create workflow.json --name order --dialect logic-apps
  sluicegate flow create nightly.json --parameters production.json --stopped";

#[derive(Debug, Subcommand)]
#[command(after_help = LIST_EXAMPLES)]
pub enum FlowCommand {
    /// Create a flow from a definition
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// List flows
    List {
        /// Show at most N flows
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = run::count)]
        top: usize,
        /// Those that were deleted and can be restored as well
        #[arg(long)]
        deleted: bool,
    },
    /// Show a flow
    Show {
        /// Name of the flow
        name: String,
        /// Print the definition only
        #[arg(long)]
        definition: bool,
    },
    /// Give a flow a new version of its definition
    Update(UpdateArgs),
    /// Let a flow's triggers fire
    Enable {
        /// Name of the flow
        name: String,
    },
    /// Stop a flow's triggers; runs that are under way go on
    Disable {
        /// Name of the flow
        name: String,
    },
    /// Turn a flow off for a reason, as an administrator; runs that are under way go on
    Suspend {
        /// Name of the flow
        name: String,
        /// CompanyDlpViolation (only an administrator turns it on again),
        /// AlwaysFailingDetected or NeverTriggeringDetected
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// What people are told
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Delete a flow: its runs are cancelled, and it can be restored
    Delete {
        /// Name of the flow
        name: String,
        /// For good, with its runs and their history
        #[arg(long)]
        purge: bool,
    },
    /// Bring a deleted flow back; it is stopped until it is enabled
    Restore {
        /// What it was called, or its id
        name: String,
    },
    /// Show or say who is told when runs of a flow fail
    Notify {
        /// Name of the flow
        name: String,
        /// none, mail (to the owners) or webhook; without it, what counts is shown
        #[arg(long, value_name = "HOW")]
        on_failure: Option<String>,
        /// The address that is called, for a webhook
        #[arg(long, value_name = "URL", requires = "on_failure")]
        url: Option<String>,
    },
    /// Make a copy of a flow, here or in another environment; the copy is stopped
    Copy(transfer::CopyArgs),
    /// Move a flow to another environment, with its versions, history and owners
    Move(transfer::MoveArgs),
    /// Print the signed address of a flow's HTTP trigger
    CallbackUrl {
        /// Name of the flow
        name: String,
        /// The trigger, where the flow has several
        #[arg(long, value_name = "T")]
        trigger: Option<String>,
    },
    /// List the versions of a flow, or print the definition of one
    Versions {
        /// Name of the flow
        name: String,
        /// The version whose definition to print
        number: Option<u64>,
    },
    /// Show what is different between two versions of a flow
    Diff {
        /// Name of the flow
        name: String,
        /// The earlier version
        before: u32,
        /// The later version
        after: u32,
    },
    /// Go back to an earlier version: a new one is made that has what it has
    Rollback {
        /// Name of the flow
        name: String,
        /// The version to go back to
        version: u32,
    },
    /// Make a new key for a flow's address; addresses with the old one end at once
    RotateKey {
        /// Name of the flow
        name: String,
        /// The key to replace
        key: Key,
    },
    /// Fire a flow's trigger by hand
    #[command(after_help = "\
Examples:
  sluicegate flow run nightly
  sluicegate flow run nightly --body b.json --wait
  echo '{\"name\": \"Ada\"}' | sluicegate flow run hello --body -")]
    Run(start::RunArgs),
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The definition, plain or wrapped; '-' reads standard input
    file: PathBuf,
    /// Name of the flow [default: the file's name without its extension]
    #[arg(long, value_name = "N")]
    name: Option<String>,
    #[command(flatten)]
    options: DocumentOptions,
    /// Create it stopped: its triggers do not fire until it is enabled
    #[arg(long)]
    stopped: bool,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Name of the flow
    name: String,
    /// The definition, plain or wrapped; '-' reads standard input
    file: PathBuf,
    #[command(flatten)]
    options: DocumentOptions,
}

#[derive(Debug, Args)]
struct DocumentOptions {
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Whose defaults the flow follows, where the document does not show it [default: logic-apps]
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<Dialect>,
    /// Values of the definition's parameters: a JSON object
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
}

/// The two keys that sign a flow's address.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Key {
    Primary,
    Secondary,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FlowRecord {
    name: String,
    id: Option<String>,
    environment: Option<String>,
    display_name: Option<String>,
    state: Option<String>,
    dialect: Option<String>,
    version: Option<u64>,
    created_time: Option<String>,
    changed_time: Option<String>,
    suspension: Option<SuspensionRecord>,
    triggers: Vec<TriggerRecord>,
    problems: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SuspensionRecord {
    reason: String,
    message: Option<String>,
    time: String,
}

impl SuspensionRecord {
    fn text(self) -> String {
        let message = self.message.map(|it| format!(": {it}")).unwrap_or_default();
        format!("{}, since {}{message}", self.reason, moment(Some(&self.time)))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TriggerRecord {
    name: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Address {
    value: String,
}

pub async fn execute(
    command: FlowCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        FlowCommand::Create(args) => create(&args, client, out).await?,
        FlowCommand::List { top, deleted } => list(top, deleted, client, out).await?,
        FlowCommand::Show { name, definition } => show(&name, definition, client, out).await?,
        FlowCommand::Update(args) => update(&args, client, out).await?,
        FlowCommand::Enable { name } => set_state(&name, "enable", client, out).await?,
        FlowCommand::Disable { name } => set_state(&name, "disable", client, out).await?,
        FlowCommand::Suspend { name, reason, message } => {
            let body = Members::default().text("reason", &reason);
            let body = body.text_if("message", message.as_deref()).build();
            let text = client.post(&client.flows(&[&name, "suspend"])?, Some(body)).await?;
            state_of(&text, client, out)?;
        }
        FlowCommand::Delete { name, purge } => {
            let resource = client.flows(&[&name])?.query("purge", purge.then_some("true"));
            client.delete(&resource).await?;
            let more = if purge { " for good, with its runs" } else { "" };
            out.done(format_args!("Deleted flow '{name}'{more}."))?;
        }
        FlowCommand::Restore { name } => {
            let text = client.post(&client.flows(&[&name, "restore"])?, None).await?;
            saved("Restored", &text, client, out)?;
        }
        FlowCommand::Notify { name, on_failure, url } => {
            notify(&name, on_failure.as_deref(), url.as_deref(), client, out).await?;
        }
        FlowCommand::Copy(args) => {
            saved("Made", &transfer::copy(&args, client).await?, client, out)?;
        }
        FlowCommand::Move(args) => {
            saved("Moved", &transfer::relocate(&args, client).await?, client, out)?;
        }
        FlowCommand::CallbackUrl { name, trigger } => {
            let resource = client.flows(&[&name, "callback-url"])?;
            address(
                &client.post(&resource.query("trigger", trigger.as_deref()), None).await?,
                client,
                out,
            )?;
        }
        FlowCommand::Versions { name, number: None } => version::list(&name, client, out).await?,
        FlowCommand::Versions { name, number: Some(number) } => {
            version::show(&name, number, client, out).await?;
        }
        FlowCommand::Diff { name, before, after } => {
            version::differences(&name, (before, after), client, out).await?;
        }
        FlowCommand::Rollback { name, version } => {
            let number = version.to_string();
            let resource = client.flows(&[&name, "versions", &number, "restore"])?;
            saved("Rolled back", &client.post(&resource, None).await?, client, out)?;
        }
        FlowCommand::RotateKey { name, key } => {
            let key = match key {
                Key::Primary => "primary",
                Key::Secondary => "secondary",
            };
            let resource = client.flows(&[&name, "keys", key, "rotate"])?;
            address(&client.post(&resource, None).await?, client, out)?;
        }
        FlowCommand::Run(args) => return start::execute(&args, client, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says who is told of failures, or shows it.
async fn notify(
    name: &str,
    on_failure: Option<&str>,
    url: Option<&str>,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let resource = client.flows(&[name, "notifications"])?;
    let text = match on_failure {
        Some(how) => {
            let body = Members::default().text("onFailure", how).text_if("url", url);
            client.put(&resource, body.build()).await?
        }
        None => client.get(&resource).await?,
    };
    out.document(&text)
}

async fn create(args: &CreateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&args.file)?,
    };
    let body = Members::default().text("name", &name);
    let mut body = add_document(body, &args.file, &args.options)?;
    if args.stopped {
        body = body.text("state", "Stopped");
    }
    let text = client.post(&client.flows(&[])?, Some(body.build())).await.map_err(|failure| {
        if failure.code().is_some_and(|code| code.contains("Exists")) {
            failure.or_hint(format!(
                "To give it a new version: sluicegate flow update {name} {}",
                args.file.display()
            ))
        } else {
            failure
        }
    })?;
    saved("Created", &text, client, out)
}

async fn update(args: &UpdateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let body = add_document(Members::default(), &args.file, &args.options)?;
    let text = client.put(&client.flows(&[&args.name])?, body.build()).await?;
    saved("Updated", &text, client, out)
}

fn add_document(body: Members, file: &Path, options: &DocumentOptions) -> Result<Members, Failure> {
    let mut body = body
        .raw("document", &input::read_json(file)?)
        .text_if("displayName", options.display_name.as_deref())
        .text_if("dialect", options.dialect.map(Dialect::name));
    if let Some(parameters) = &options.parameters {
        body = body.raw("parameters", &input::read_json_object(parameters)?);
    }
    Ok(body)
}

/// The name of a flow that is read from this file.
fn name_of(file: &Path) -> Result<String, Failure> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|_| !input::is_stdin(file));
    match stem {
        Some(stem) => Ok(stem.to_owned()),
        None => Err(Failure::Usage(format!(
            "{} gives the flow no name; say --name NAME.",
            input::name(file)
        ))),
    }
}

/// Tells what was saved, and what the server warns of.
fn saved(verb: &str, text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let flow: FlowRecord = client.read(text)?;
    let version = flow.version.map(|version| format!("version {version}"));
    let facts: Vec<String> = [version, flow.dialect, flow.state].into_iter().flatten().collect();
    out.line(format_args!("{verb} flow '{}': {}.", visible(&flow.name), facts.join(", ")))?;
    for problem in &flow.problems {
        out.line(format_args!("  warning: {}", problem.line()))?;
    }
    Ok(())
}

async fn list(
    top: usize,
    deleted: bool,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let resource = client.flows(&[])?.query("deleted", deleted.then_some("true"));
    let listing = client.list::<FlowRecord>(resource, top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no flows; 'sluicegate flow create FILE' makes one.");
    }
    let mut table =
        Table::new(&["NAME", "DISPLAY NAME", "STATE", "DIALECT", "VERSION", "TRIGGER", "CHANGED"]);
    for flow in &listing.records {
        // the name of a deleted flow is its id: what it is called tells more
        let called = flow.display_name.clone().filter(|_| deleted);
        table.row([
            flow.name.clone(),
            called.unwrap_or_default(),
            flow.state.clone().unwrap_or_default(),
            flow.dialect.clone().unwrap_or_default(),
            number(flow.version),
            triggers(&flow.triggers),
            moment(flow.changed_time.as_deref()),
        ]);
    }
    out.table(&table)?;
    run::tell_more(listing.more, top, out)
}

async fn show(
    name: &str,
    definition_only: bool,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = client.get(&client.flows(&[name])?).await?;
    if definition_only {
        return out.document(definition_of(&text));
    }
    if out.is_json() {
        return out.document(&text);
    }
    let flow: FlowRecord = client.read(&text)?;
    out.fields(&[
        ("Name", flow.name),
        ("Display name", flow.display_name.unwrap_or_default()),
        ("Id", flow.id.unwrap_or_default()),
        ("Environment", flow.environment.unwrap_or_default()),
        ("State", flow.state.unwrap_or_default()),
        ("Suspended for", flow.suspension.map(SuspensionRecord::text).unwrap_or_default()),
        ("Dialect", flow.dialect.unwrap_or_default()),
        ("Version", number(flow.version)),
        ("Created", moment(flow.created_time.as_deref())),
        ("Changed", moment(flow.changed_time.as_deref())),
        ("Triggers", triggers(&flow.triggers)),
    ])?;
    for problem in &flow.problems {
        out.line(format_args!("warning: {}", problem.line()))?;
    }
    Ok(())
}

async fn set_state(
    name: &str,
    verb: &str,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = client.post(&client.flows(&[name, verb])?, None).await?;
    state_of(&text, client, out)
}

fn state_of(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let flow: FlowRecord = client.read(text)?;
    let state = flow.state.unwrap_or_default();
    out.line(format_args!("Flow '{}' is {state}.", visible(&flow.name)))
}

/// Prints an address alone on its line, fit for `$(...)`.
fn address(text: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    out.line(client.read::<Address>(text)?.value)
}

/// The definition in a flow or version, else all of it.
pub fn definition_of(text: &str) -> &str {
    json_text::member(text, "definition").unwrap_or(text)
}

fn triggers(triggers: &[TriggerRecord]) -> String {
    let text = |trigger: &TriggerRecord| {
        let words = [trigger.type_name.as_deref(), trigger.kind.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        if words.is_empty() {
            trigger.name.clone()
        } else {
            format!("{} ({})", trigger.name, words.join(" "))
        }
    };
    triggers.iter().map(text).collect::<Vec<_>>().join(", ")
}

pub fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_named_after_its_file() {
        assert_eq!(name_of(Path::new("flows/my order.v2.json")).unwrap(), "my order.v2");
        assert!(matches!(name_of(Path::new("-")), Err(Failure::Usage(_))));
    }

    #[test]
    fn documents_go_to_the_server_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.json");
        std::fs::write(&file, "{\"n\": 1.10}\n").unwrap();
        let mut options = DocumentOptions {
            display_name: Some("Order \"A\"".into()),
            dialect: Some(Dialect::LogicApps),
            parameters: Some(file.clone()),
        };
        let body = add_document(Members::default(), &file, &options).unwrap().build();
        assert_eq!(
            body,
            "{\"document\":{\"n\": 1.10},\"displayName\":\"Order \\\"A\\\"\",\
             \"dialect\":\"logic-apps\",\"parameters\":{\"n\": 1.10}}"
        );
        std::fs::write(&file, "[]").unwrap();
        assert!(add_document(Members::default(), &file, &options).is_err());
        options.parameters = None;
        assert!(add_document(Members::default(), &file, &options).is_ok());
    }

    #[test]
    fn triggers_are_told_with_type_and_kind() {
        let flow = r#"{"name":"f","displayName":null,"triggers":[
            {"name":"manual","type":"Request","kind":"Http"},{"name":"x"}],"new":{}}"#;
        let flow: FlowRecord = serde_json::from_str(flow).unwrap();
        assert_eq!(triggers(&flow.triggers), "manual (Request Http), x");
    }

    #[test]
    fn the_definition_is_cut_out_as_text() {
        assert_eq!(definition_of(r#"{"name":"f","definition":{"n": 1.0}}"#), r#"{"n": 1.0}"#);
        assert_eq!(definition_of(r#"{"triggers":{}}"#), r#"{"triggers":{}}"#);
    }
}
