//! `sluicegate run`: runs, their actions, and what becomes of them.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::again;
use super::cancellation;
use super::client::{Client, Resource};
use super::events::Event;
use super::failure::{Failure, Fault};
use super::json_text::{self, Members};
use super::output::{Output, Table, duration, moment, time_of_day, visible};

/// Times a broken stream of events is taken up again without hearing anything.
const RECONNECTS_MAX: u32 = 15;
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Digits of a repetition's index on the wire.
const REPETITION_DIGITS: usize = 6;

const EXAMPLES: &str = "\
Examples:
  sluicegate run list order --status failed --top 20
  sluicegate run show ID
  sluicegate run show ID --action Send_mail --repetition 2
  sluicegate run watch ID
  sluicegate run resume ID --version latest";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum RunCommand {
    /// List the runs of a flow, newest first
    List(ListArgs),
    /// Show a run and its actions, or one action's inputs and outputs
    #[command(after_help = "\
Examples:
  sluicegate run show ID
  sluicegate run show ID --action Total
  sluicegate run show ID --action Send_mail --repetition 2
  sluicegate run show ID --action Send_mail --repetition 000000-000002")]
    Show(ShowArgs),
    /// Print what happens in a run until it ends; exit code 1 unless it succeeds
    Watch {
        /// The run
        id: String,
    },
    /// Stop runs: one, or those that a query finds
    Cancel(cancellation::CancelArgs),
    /// Let one run go on although the server is paused
    Release {
        /// The run
        id: String,
    },
    /// Start runs again with what their trigger received: one, or those that a query finds
    Resubmit(again::ResubmitArgs),
    /// Go on where a run ended, in a new run: what was finished is not done again
    Resume(again::ResumeArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Name of the flow
    flow: String,
    /// Only runs in this state
    #[arg(long, value_name = "S", ignore_case = true,
        value_parser = ["Running", "Waiting", "Succeeded", "Failed", "Cancelled", "TimedOut"])]
    status: Option<String>,
    /// Only runs started from this time on, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "T")]
    from: Option<String>,
    /// Only runs started up to this time
    #[arg(long, value_name = "T")]
    to: Option<String>,
    /// Only runs with this text in what they took, gave or failed with; letter case is ignored
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Show at most N runs
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    top: usize,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run
    id: String,
    /// Print the inputs and outputs of this action
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// The pass through its loops: 2, or 000000-000002 in nested ones, outermost first
    #[arg(long, value_name = "N", requires = "action", value_parser = repetition)]
    repetition: Option<String>,
}

/// The answer to the start of a run.
#[derive(Debug, Deserialize)]
pub struct Started {
    pub run: String,
    pub flow: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RunRecord {
    id: String,
    flow: Option<String>,
    version: Option<u64>,
    status: String,
    code: Option<String>,
    error: Option<Fault>,
    start_time: Option<String>,
    end_time: Option<String>,
    correlation: Option<Correlation>,
    trigger: Option<TriggerRecord>,
    response: Option<Response>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Correlation {
    client_tracking_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TriggerRecord {
    name: String,
    status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Response {
    status_code: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ActionRecord {
    name: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    status: String,
    code: Option<String>,
    error: Option<Fault>,
    start_time: Option<String>,
    end_time: Option<String>,
    repetition: Option<String>,
    repetition_count: Option<u64>,
    iteration_count: Option<u64>,
}

pub async fn execute(
    command: RunCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        RunCommand::List(args) => list(&args, client, out).await?,
        RunCommand::Show(ShowArgs { id, action: None, .. }) => show(&id, client, out).await?,
        RunCommand::Show(ShowArgs { id, action: Some(action), repetition }) => {
            show_action(&id, &action, repetition.as_deref(), client, out).await?;
        }
        RunCommand::Watch { id } => {
            let mut printer = Printer { out, seen: HashSet::new() };
            return Ok(exit_code(follow(&id, client, Some(&mut printer)).await?));
        }
        RunCommand::Cancel(args) => cancellation::cancel(&args, client, out).await?,
        RunCommand::Release { id } => {
            let text = client.post(&Resource::new(&["runs", &id, "release"])?, None).await?;
            tell_state(&id, &text, client, out)?;
        }
        RunCommand::Resubmit(args) => return again::resubmit(&args, client, out).await,
        RunCommand::Resume(args) => return again::resume(&args, client, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the state in which an answer shows a run.
pub fn tell_state(
    id: &str,
    text: &str,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(text);
    }
    let run: RunRecord = client.read(text)?;
    out.line(format_args!("Run {id} is {}.", run.status))
}

async fn list(args: &ListArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let resource = client
        .flows(&[&args.flow, "runs"])?
        .query("status", args.status.as_deref())
        .query("from", args.from.as_deref())
        .query("to", args.to.as_deref())
        .query("search", args.search.as_deref());
    let listing = client.list::<RunRecord>(resource, args.top).await?;
    if out.is_json() {
        return out.document(&listing.json());
    }
    if listing.records.is_empty() {
        return out.note("There are no such runs.");
    }
    let mut table =
        Table::new(&["RUN", "STATUS", "CODE", "STARTED", "DURATION", "TRIGGER", "ERROR"]);
    for run in &listing.records {
        table.row([
            run.id.clone(),
            run.status.clone(),
            run.code.clone().unwrap_or_default(),
            moment(run.start_time.as_deref()),
            duration(run.start_time.as_deref(), run.end_time.as_deref()),
            run.trigger.as_ref().map(|trigger| trigger.name.clone()).unwrap_or_default(),
            error_text(run.error.as_ref(), run.code.as_deref()),
        ]);
    }
    out.table(&table)?;
    tell_more(listing.more, args.top, out)
}

/// Prints a run and all its actions.
pub async fn show(id: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let text = client.get(&Resource::new(&["runs", id])?).await?;
    let actions = Resource::new(&["runs", id, "actions"])?;
    let actions = client.list::<ActionRecord>(actions, usize::MAX).await?;
    if out.is_json() {
        return out.document(&Members::of(&text).raw("actions", &actions.array()).build());
    }
    let run: RunRecord = client.read(&text)?;
    let version = run.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let trigger = run.trigger.unwrap_or_default();
    out.fields(&[
        ("Run", run.id),
        ("Flow", run.flow.map(|flow| format!("{flow}{version}")).unwrap_or_default()),
        ("Status", run.status),
        ("Error", error_text(run.error.as_ref(), None)),
        ("Code", run.code.filter(|_| run.error.is_none()).unwrap_or_default()),
        ("Started", moment(run.start_time.as_deref())),
        ("Duration", duration(run.start_time.as_deref(), run.end_time.as_deref())),
        ("Trigger", format!("{} {}", trigger.name, trigger.status.unwrap_or_default())),
        ("Tracking id", run.correlation.unwrap_or_default().client_tracking_id.unwrap_or_default()),
        (
            "Response",
            run.response
                .and_then(|response| response.status_code)
                .map(|code| code.to_string())
                .unwrap_or_default(),
        ),
    ])?;
    if !actions.records.is_empty() {
        out.line("")?;
        out.table(&action_table(&actions.records))?;
    }
    Ok(())
}

fn action_table(actions: &[ActionRecord]) -> Table {
    let mut table =
        Table::new(&["ACTION", "TYPE", "STATUS", "CODE", "DURATION", "REPETITIONS", "ERROR"]);
    for action in actions {
        let count = action.repetition_count.or(action.iteration_count);
        table.row([
            action.name.clone(),
            action.type_name.clone().unwrap_or_default(),
            action.status.clone(),
            action.code.clone().unwrap_or_default(),
            duration(action.start_time.as_deref(), action.end_time.as_deref()),
            count.map(|count| count.to_string()).unwrap_or_default(),
            error_text(action.error.as_ref(), action.code.as_deref()),
        ]);
    }
    table
}

async fn show_action(
    id: &str,
    action: &str,
    repetition: Option<&str>,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut segments = vec!["runs", id, "actions", action];
    if let Some(repetition) = repetition {
        segments.extend(["repetitions", repetition]);
    }
    let text = client.get(&Resource::new(&segments)?).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let record: ActionRecord = client.read(&text)?;
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    out.fields(&[
        ("Action", record.name),
        ("Type", record.type_name.unwrap_or_default()),
        ("Status", record.status),
        ("Error", error_text(record.error.as_ref(), None)),
        ("Code", record.code.filter(|_| record.error.is_none()).unwrap_or_default()),
        ("Started", moment(record.start_time.as_deref())),
        ("Duration", duration(record.start_time.as_deref(), record.end_time.as_deref())),
        ("Repetition", record.repetition.unwrap_or_default()),
        ("Repetitions", number(record.repetition_count)),
        ("Iterations", number(record.iteration_count)),
    ])?;
    for (heading, name) in [
        ("Inputs", "inputs"),
        ("Outputs", "outputs"),
        ("Tracked properties", "trackedProperties"),
        ("Retries", "retryHistory"),
    ] {
        if let Some(payload) = json_text::member(&text, name) {
            out.line(format_args!("\n{heading}:"))?;
            out.document(payload)?;
        }
    }
    Ok(())
}

/// Waits for a run to end; whether it succeeded.
pub async fn wait(id: &str, client: &Client) -> Result<bool, Failure> {
    follow(id, client, None).await
}

/// Follows the events of a run to its end, over broken connections and restarts
/// of the server, and tells `printer` of them; whether the run succeeded.
async fn follow(
    id: &str,
    client: &Client,
    mut printer: Option<&mut Printer<'_, '_>>,
) -> Result<bool, Failure> {
    let mut attempts = 0;
    loop {
        match client.events(id).await {
            Ok(mut events) => {
                while let Some(event) = events.next().await {
                    attempts = 0;
                    if let Some(printer) = printer.as_deref_mut() {
                        printer.print(&event, client)?;
                    }
                    if let Some(succeeded) = ended(&event) {
                        return Ok(succeeded);
                    }
                }
            }
            // The first answer must be a good one; later the server may be restarting.
            Err(failure) if attempts == 0 || attempts == RECONNECTS_MAX => return Err(failure),
            Err(_) => {}
        }
        attempts += 1;
        if attempts > RECONNECTS_MAX {
            return Err(Failure::new(format!("The events of run {id} end before the run does.")));
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

/// Whether the run succeeded, when this event says how it ended.
fn ended(event: &Event) -> Option<bool> {
    if event.name != "run" {
        return None;
    }
    let run: RunRecord = serde_json::from_str(&event.data).ok()?;
    match run.status.as_str() {
        "Succeeded" => Some(true),
        "Failed" | "Cancelled" | "TimedOut" => Some(false),
        _ => None,
    }
}

/// Prints each event once, although a new connection may bring old ones again.
struct Printer<'p, 'o> {
    out: &'p mut Output<'o>,
    seen: HashSet<String>,
}

impl Printer<'_, '_> {
    fn print(&mut self, event: &Event, client: &Client) -> Result<(), Failure> {
        let (key, mut line) = match event.name.as_str() {
            "run" => run_line(&client.read(&event.data)?),
            "action" => action_line(&client.read(&event.data)?),
            _ => return Ok(()),
        };
        if !self.seen.insert(key) {
            return Ok(());
        }
        if self.out.is_json() {
            line = Members::default().text("event", &event.name).raw("data", &event.data).build();
        }
        self.out.line(line)?;
        self.out.flush()
    }
}

/// What tells an event from others, and the line for it.
fn run_line(run: &RunRecord) -> (String, String) {
    let time = run.end_time.as_deref().or(run.start_time.as_deref());
    let took = duration(run.start_time.as_deref(), run.end_time.as_deref());
    let error = error_text(run.error.as_ref(), None);
    let line = words(&[&time_of_day(time), "run", &run.status, &took, &error]);
    (format!("\n{}", run.status), line)
}

fn action_line(action: &ActionRecord) -> (String, String) {
    let time = action.end_time.as_deref().or(action.start_time.as_deref());
    let repetition = action.repetition.as_deref().unwrap_or_default();
    let place = match repetition {
        "" => action.name.clone(),
        repetition => format!("{}[{}]", action.name, plain_repetition(repetition)),
    };
    let took = duration(action.start_time.as_deref(), action.end_time.as_deref());
    let error = match action.error {
        Some(_) => error_text(action.error.as_ref(), None),
        None => action.code.clone().filter(|code| code != "OK").unwrap_or_default(),
    };
    let line = words(&[&time_of_day(time), &place, &action.status, &took, &error]);
    (format!("{}\n{repetition}\n{}", action.name, action.status), line)
}

fn words(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    visible(&words.join("  "))
}

/// An error in one line; its code is left out when it stands beside it already.
fn error_text(error: Option<&Fault>, code_shown: Option<&str>) -> String {
    let Some(error) = error else { return String::new() };
    match error.code.as_deref().filter(|code| Some(*code) != code_shown) {
        Some(code) if error.message.is_empty() => code.to_owned(),
        Some(code) => format!("{code}: {}", error.message),
        None => error.message.clone(),
    }
}

/// Says that a list is cut, without getting into the way of the list.
pub fn tell_more(more: bool, top: usize, out: &mut Output<'_>) -> Result<(), Failure> {
    if more {
        out.note(format_args!("There are more than these {top}; see --top."))
    } else {
        Ok(())
    }
}

#[must_use]
pub fn exit_code(succeeded: bool) -> ExitCode {
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A number of records to show: one at least.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number, 1 or more".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// A repetition as the wire names it: each index in six digits.
fn repetition(text: &str) -> Result<String, String> {
    let index = |index: &str| match index.parse::<u32>() {
        Ok(number) => Ok(format!("{number:0REPETITION_DIGITS$}")),
        Err(_) => Err("expected an index such as 2, or 000000-000002 in nested loops".to_owned()),
    };
    Ok(text.split('-').map(index).collect::<Result<Vec<_>, _>>()?.join("-"))
}

/// A repetition as people write it: `0-2` for `000000-000002`.
fn plain_repetition(text: &str) -> String {
    let index =
        |index: &str| index.parse::<u64>().map_or(index.to_owned(), |index| index.to_string());
    text.split('-').map(index).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_six_digits_an_index() {
        assert_eq!(repetition("2").unwrap(), "000002");
        assert_eq!(repetition("000000-000002").unwrap(), "000000-000002");
        assert_eq!(repetition("0-12").unwrap(), "000000-000012");
        for text in ["", "-1", "a", "1-", "1.5"] {
            assert!(repetition(text).is_err(), "{text}");
        }
        assert_eq!(plain_repetition("000000-000012"), "0-12");
    }

    #[test]
    fn actions_are_a_table() {
        let actions = r#"[
            {"name":"Each","type":"Foreach","status":"Failed","code":"ActionFailed","iterationCount":3,
             "error":{"code":"ActionFailed","message":"An action failed."},
             "startTime":"2026-11-22T12:00:00.0000000Z","endTime":"2026-11-22T12:00:01.2500000Z"},
            {"name":"Total","type":"Compose","status":"Skipped","code":null}]"#;
        let actions: Vec<ActionRecord> = serde_json::from_str(actions).unwrap();
        assert_eq!(
            action_table(&actions).render(),
            "ACTION  TYPE     STATUS   CODE          DURATION  REPETITIONS  ERROR\n\
             Each    Foreach  Failed   ActionFailed  1.25 s    3            An action failed.\n\
             Total   Compose  Skipped\n"
        );
    }

    #[test]
    fn only_the_final_state_of_the_run_ends_it() {
        let event = |name: &str, status: &str| Event {
            name: name.into(),
            data: format!(r#"{{"id":"1","status":"{status}"}}"#),
        };
        assert_eq!(ended(&event("run", "Succeeded")), Some(true));
        assert_eq!(ended(&event("run", "TimedOut")), Some(false));
        assert_eq!(ended(&event("run", "Waiting")), None);
        assert_eq!(ended(&event("action", "Succeeded")), None);
        assert_eq!(ended(&Event { name: "run".into(), data: "{".into() }), None);
    }

    #[test]
    fn events_are_lines() {
        let action = r#"{"name":"Mail","status":"Failed","repetition":"000000-000002",
            "error":{"code":"BadRequest","message":"No\naddress."},
            "startTime":"2026-11-22T12:00:00.0000000Z","endTime":"2026-11-22T12:00:00.0120000Z"}"#;
        let (_, line) = action_line(&serde_json::from_str(action).unwrap());
        assert_eq!(line, "12:00:00.012  Mail[0-2]  Failed  12 ms  BadRequest: No address.");
        let run = r#"{"id":"1","status":"Running","startTime":"2026-11-22T12:00:00Z"}"#;
        let (_, line) = run_line(&serde_json::from_str(run).unwrap());
        assert_eq!(line, "12:00:00.000  run  Running");
    }
}
