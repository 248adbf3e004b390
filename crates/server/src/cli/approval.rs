//! `sluicegate approval`: what people are asked, and what they answer.

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::failure::Failure;
use super::input;
use super::output::{Output, Table, moment};
use super::run::count;

const EXAMPLES: &str = "\
Examples:
  sluicegate approval list
  sluicegate approval decide ID --response Approve --comments \"Go ahead\"
  sluicegate approval decide ID --response Reject --for ada@example.org
  sluicegate approval create --title \"Buy a press\" --to \"ada@example.org;buyers\"
  sluicegate approval evidence ID --json > evidence.json";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum ApprovalCommand {
    /// List what you are asked, newest first
    List(ListArgs),
    /// Show an approval with what happened to it
    Show {
        /// The approval
        id: String,
    },
    /// Answer one
    #[command(visible_alias = "respond")]
    Decide(DecideArgs),
    /// Have somebody else answer
    Reassign {
        /// The approval
        id: String,
        /// Who is to answer
        #[arg(long, value_name = "WHO")]
        to: String,
        /// Instead of whom; else of you
        #[arg(long, value_name = "WHO")]
        from: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        comments: Option<String>,
    },
    /// Take back what you asked for
    Cancel {
        /// The approval
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        comments: Option<String>,
    },
    /// Ask for an approval
    Create(CreateArgs),
    /// Check the history of an approval, and print it; exit code 1 when it was changed
    Evidence {
        /// The approval
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// What you asked for, instead of what you are asked
    #[arg(long)]
    sent: bool,
    /// What is over, instead of what is open
    #[arg(long)]
    closed: bool,
    /// What somebody is asked whose deputy you are
    #[arg(long = "for", value_name = "WHO", conflicts_with = "sent")]
    person: Option<String>,
    /// All of the environment, for its administrators
    #[arg(long, conflicts_with_all = ["sent", "person"])]
    all: bool,
    /// Show at most N
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    top: usize,
}

#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The approval
    id: String,
    /// One of its options
    #[arg(long, value_name = "OPTION")]
    response: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comments: Option<String>,
    /// For somebody whose deputy you are
    #[arg(long = "for", value_name = "WHO")]
    person: Option<String>,
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// A JSON file with everything that the API takes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["title", "to", "details", "link", "options", "quorum", "attach"])]
    file: Option<PathBuf>,
    /// What is asked
    #[arg(long, value_name = "TEXT", required_unless_present = "file")]
    title: Option<String>,
    /// Users, groups and addresses of mail, separated by ';'
    #[arg(long, value_name = "WHO", required_unless_present = "file")]
    to: Option<String>,
    /// What decides
    #[arg(long = "type", value_name = "TYPE", default_value = "Basic",
        value_parser = ["Basic", "BasicAwaitAll", "CustomResponse", "CustomResponseAwaitAll",
            "Sequential", "Quorum"])]
    approval_type: String,
    /// More about it, in Markdown
    #[arg(long, value_name = "TEXT")]
    details: Option<String>,
    /// Where to read about it
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// An option of a custom response
    #[arg(long = "option", value_name = "OPTION")]
    options: Vec<String>,
    /// How many must approve
    #[arg(long, value_name = "N")]
    quorum: Option<u32>,
    /// A file that comes with it
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PartyRecord {
    id: String,
    display_name: String,
    mail: Option<String>,
}

impl PartyRecord {
    fn text(&self) -> String {
        let name = [Some(&self.display_name), self.mail.as_ref(), Some(&self.id)];
        name.into_iter().flatten().find(|it| !it.is_empty()).cloned().unwrap_or_default()
    }
}

fn names(people: &[PartyRecord]) -> String {
    people.iter().map(PartyRecord::text).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ApprovalRecord {
    id: String,
    environment: String,
    approval_type: String,
    title: String,
    state: String,
    outcome: Option<String>,
    requestor: Option<PartyRecord>,
    created_time: Option<String>,
    completed_time: Option<String>,
    deadline: Option<String>,
    waiting_for: Vec<PartyRecord>,
    details: Option<String>,
    item_link: Option<String>,
    attachments: Vec<AttachmentRecord>,
    options: Vec<String>,
    answers_for: Vec<PartyRecord>,
    history: Vec<HistoryRecord>,
}

#[derive(Debug, Deserialize)]
struct AttachmentRecord {
    name: String,
}

#[derive(Debug, Deserialize)]
struct HistoryRecord {
    time: Option<String>,
    text: String,
    comments: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceRecord {
    is_sound: bool,
    fault: Option<String>,
    entries: Vec<EntryRecord>,
}

#[derive(Debug, Deserialize)]
struct EntryRecord {
    time: Option<String>,
    what: String,
    hash: String,
}

pub async fn execute(
    command: ApprovalCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        ApprovalCommand::List(args) => list(args, client, out).await?,
        ApprovalCommand::Show { id } => show(&client.get(&at(&id, &[])?).await?, client, out)?,
        ApprovalCommand::Decide(args) => {
            let DecideArgs { id, response, comments, person } = args;
            let body = json!({"response": response, "comments": comments, "assignee": person});
            let answer = client.post(&at(&id, &["responses"])?, Some(body.to_string())).await?;
            told(&answer, client, out)?;
        }
        ApprovalCommand::Reassign { id, to, from, comments } => {
            let body = json!({"from": from, "to": to, "comments": comments});
            let answer = client.post(&at(&id, &["reassign"])?, Some(body.to_string())).await?;
            told(&answer, client, out)?;
        }
        ApprovalCommand::Cancel { id, comments } => {
            let body = json!({"comments": comments}).to_string();
            told(&client.post(&at(&id, &["cancel"])?, Some(body)).await?, client, out)?;
        }
        ApprovalCommand::Create(args) => create(args, client, out).await?,
        ApprovalCommand::Evidence { id } => return evidence(&id, client, out).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn at(id: &str, rest: &[&str]) -> Result<Resource, Failure> {
    Resource::new(&[&["approvals", id], rest].concat())
}

async fn list(args: ListArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let state = Some(if args.closed { "closed" } else { "open" });
    let resource = if args.all {
        Resource::new(&["environments", client.environment(), "approvals"])?
    } else {
        let side = Some(if args.sent { "sent" } else { "received" });
        Resource::new(&["approvals"])?.query("side", side).query("for", args.person.as_deref())
    };
    let found = client.list::<ApprovalRecord>(resource.query("state", state), args.top).await?;
    if out.is_json() {
        return out.document(&found.json());
    }
    let mut table =
        Table::new(&["ID", "TITLE", "STATE", "OUTCOME", "REQUESTED BY", "WAITS FOR", "REQUESTED"]);
    for it in found.records {
        let by = it.requestor.unwrap_or_default().text();
        let (waits, asked) = (names(&it.waiting_for), moment(it.created_time.as_deref()));
        let outcome = it.outcome.unwrap_or_default();
        table.row([it.id, it.title, it.state, outcome, by, waits, asked]);
    }
    out.table(&table)?;
    if found.more {
        out.note("There are more: --top N shows them.")?;
    }
    Ok(())
}

fn show(answer: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(answer);
    }
    let it: ApprovalRecord = client.read(answer)?;
    let files: Vec<String> = it.attachments.into_iter().map(|file| file.name).collect();
    out.fields(&[
        ("Approval", it.id),
        ("Environment", it.environment),
        ("Type", it.approval_type),
        ("Title", it.title),
        ("Requested by", it.requestor.unwrap_or_default().text()),
        ("Requested", moment(it.created_time.as_deref())),
        ("State", it.state),
        ("Outcome", it.outcome.unwrap_or_default()),
        ("Completed", moment(it.completed_time.as_deref())),
        ("Waits for", names(&it.waiting_for)),
        ("Deadline", moment(it.deadline.as_deref())),
        ("Options", it.options.join(", ")),
        ("You answer for", names(&it.answers_for)),
        ("Link", it.item_link.unwrap_or_default()),
        ("Files", files.join(", ")),
        ("Details", it.details.unwrap_or_default()),
    ])?;
    let mut table = Table::new(&["TIME", "WHAT HAPPENED", "COMMENTS"]);
    for entry in it.history {
        let comments = entry.comments.unwrap_or_default();
        table.row([moment(entry.time.as_deref()), entry.text, comments]);
    }
    out.line("")?;
    out.table(&table)
}

/// How it stands after something was done.
fn told(answer: &str, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    if out.is_json() {
        return out.document(answer);
    }
    let it: ApprovalRecord = client.read(answer)?;
    match it.outcome {
        Some(outcome) => out.line(format_args!("{}: the outcome is '{outcome}'.", it.state)),
        None => out.line(format_args!("{}: it waits for {}.", it.state, names(&it.waiting_for))),
    }
}

async fn create(args: CreateArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let body = match args.file {
        Some(file) => input::read_json_object(&file)?,
        None => {
            let files = args.attach.iter().map(|path| {
                let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
                let content = STANDARD.encode(input::read(path)?);
                Ok(json!({"name": name.unwrap_or_default(), "content": content}))
            });
            let files: Vec<Value> = files.collect::<Result<_, Failure>>()?;
            json!({
                "approvalType": args.approval_type,
                "title": args.title,
                "assignedTo": args.to,
                "details": args.details,
                "itemLink": args.link,
                "responseOptions": args.options,
                "quorum": args.quorum,
                "attachments": files,
            })
            .to_string()
        }
    };
    let resource = Resource::new(&["environments", client.environment(), "approvals"])?;
    let answer = client.post(&resource, Some(body)).await?;
    if out.is_json() {
        return out.document(&answer);
    }
    let it: ApprovalRecord = client.read(&answer)?;
    let waits = names(&it.waiting_for);
    out.line(format_args!("Created approval '{}': it waits for {waits}.", it.id))
}

async fn evidence(id: &str, client: &Client, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let answer = client.get(&at(id, &["evidence"])?).await?;
    let it: EvidenceRecord = client.read(&answer)?;
    if out.is_json() {
        out.document(&answer)?;
    } else {
        let mut table = Table::new(&["TIME", "WHAT", "HASH"]);
        for entry in it.entries {
            let hash = entry.hash.chars().take(16).collect();
            table.row([moment(entry.time.as_deref()), entry.what, hash]);
        }
        out.table(&table)?;
        let fault = it.fault.unwrap_or_else(|| "The history is what was written.".to_owned());
        out.line(fault)?;
    }
    Ok(if it.is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
