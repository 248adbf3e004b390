//! What answers about approvals look like: people by their names, and the history in sentences
//! ([`super::approval_sentence`]).

use super::approval_sentence::sentence;
use crate::api::language::Language;
use crate::app::approval::{ApprovalRecord, ApprovalType, ApprovalView, Party};
use flow::run::format_time;
use governance::approval::{Entry, Rule, Stage, Standing, Task, TaskState};
use serde_json::{Value, json};
use std::collections::BTreeMap;

shape! {
    /// Somebody in an approval. Ids of people from outside mean something in that approval only;
    /// who was erased has no name any more.
    PartyAnswer { id: String, display_name: String, mail: Option<String>, }

    /// An approval.
    ApprovalAnswer {
        id: String,
        environment: String,
        approval_type: ApprovalType,
        title: String,
        state: String,
        outcome: Option<String>,
        requestor: Option<PartyAnswer>,
        created_time: String,
        changed_time: String,
        completed_time: Option<String>,
        deadline: Option<String>,
        stage: u64,
        stage_count: u64,
        waiting_for: Vec<PartyAnswer>,
        flow: Option<String>,
    }

    /// An approval with all that is known of it.
    ApprovalDetailAnswer {
        id: String,
        environment: String,
        approval_type: ApprovalType,
        title: String,
        state: String,
        outcome: Option<String>,
        requestor: Option<PartyAnswer>,
        created_time: String,
        changed_time: String,
        completed_time: Option<String>,
        deadline: Option<String>,
        stage: u64,
        stage_count: u64,
        waiting_for: Vec<PartyAnswer>,
        flow: Option<String>,
        details: Option<String>,
        item_link: Option<String>,
        item_link_description: Option<String>,
        creator: Option<PartyAnswer>,
        attachments: Vec<AttachmentAnswer>,
        options: Vec<String>,
        stages: Vec<StageAnswer>,
        history: Vec<HistoryAnswer>,
        answers_for: Vec<PartyAnswer>,
        is_cancellable: bool,
        is_reassignable: bool,
    }

    /// A file that came with what is asked.
    AttachmentAnswer { number: u64, name: String, bytes: u64, }

    /// People who are asked together: those of the plan, and, once it has begun, what became of
    /// each.
    StageAnswer {
        name: Option<String>,
        rule: String,
        quorum: Option<u32>,
        state: String,
        assignees: Vec<PartyAnswer>,
        tasks: Vec<TaskAnswer>,
        deadline: Option<Value>,
        reminder: Option<Value>,
        escalation: Option<Value>,
    }

    /// Somebody who is, or was, asked.
    TaskAnswer {
        assignee: PartyAnswer,
        state: String,
        asked_time: String,
        response: Option<String>,
        responder: Option<PartyAnswer>,
        response_time: Option<String>,
        comments: Option<String>,
        reassigned_to: Option<PartyAnswer>,
    }

    /// Something that happened.
    HistoryAnswer { time: String, event: String, text: String, comments: Option<String>, }
}

/// Somebody, as far as they are known.
pub fn render_party(people: &BTreeMap<String, Party>, id: &str) -> Value {
    let mut value = json!({"id": id, "displayName": ""});
    if let Some(party) = people.get(id) {
        value["displayName"] = party.display_name.as_str().into();
        let mail = party.mail.as_deref().or(party.user_principal_name.as_deref());
        if let Some(mail) = mail.filter(|it| !it.is_empty()) {
            value["mail"] = mail.into();
        }
    }
    value
}

fn set(value: &mut Value, member: &str, given: Option<impl Into<Value>>) {
    if let Some(given) = given {
        value[member] = given.into();
    }
}

/// An approval in a list.
pub fn render(record: &ApprovalRecord) -> Value {
    let party = |id: &String| render_party(&record.people, id);
    let state = &record.state;
    let standing = match state.standing() {
        Standing::Open => "Open",
        Standing::Decided { .. } => "Completed",
        Standing::Cancelled { .. } => "Cancelled",
    };
    let open = state.open_tasks().filter(|_| state.is_open());
    let mut value = json!({
        "id": record.id,
        "environment": record.environment,
        "approvalType": record.approval_type,
        "title": record.title,
        "state": standing,
        "createdTime": format_time(record.created),
        "changedTime": format_time(record.changed),
        "stage": state.stage() + 1,
        "stageCount": state.plan().stages.len(),
        "waitingFor": open.map(|task| party(&task.assignee)).collect::<Vec<_>>(),
    });
    set(&mut value, "outcome", record.outcome());
    set(&mut value, "requestor", record.requestor.as_ref().map(party));
    set(&mut value, "completedTime", record.completed().map(format_time));
    let deadline = state.deadline().filter(|_| state.is_open());
    set(&mut value, "deadline", deadline.map(format_time));
    set(&mut value, "flow", record.flow.as_deref());
    value
}

/// An approval with all that is known of it.
pub fn render_detail(view: &ApprovalView, language: Language) -> Value {
    let record = &view.record;
    let party = |id: &String| render_party(&record.people, id);
    let mut value = render(record);
    set(&mut value, "details", record.details.as_deref());
    set(&mut value, "itemLink", record.item_link.as_deref());
    set(&mut value, "itemLinkDescription", record.item_link_description.as_deref());
    set(&mut value, "creator", record.creator.as_ref().map(party));
    let files = record.attachments.iter().enumerate();
    value["attachments"] = files
        .map(|(number, it)| json!({"number": number, "name": it.name, "bytes": it.bytes}))
        .collect();
    let plan = record.state.plan();
    value["options"] = plan.options.as_slice().into();
    let stages = plan.stages.iter().enumerate();
    value["stages"] = stages.map(|(number, stage)| render_stage(record, number, stage)).collect();
    let history = record.state.history().iter();
    value["history"] = history.map(|it| render_entry(record, it, language)).collect();
    value["answersFor"] = view.answers_for.iter().map(party).collect();
    let is_open = record.state.is_open();
    let reassigns = plan.is_reassignable && !view.answers_for.is_empty();
    value["isCancellable"] = (is_open && view.is_cancellable).into();
    value["isReassignable"] = (is_open && (view.is_led || reassigns)).into();
    value
}

fn render_stage(record: &ApprovalRecord, number: usize, stage: &Stage) -> Value {
    let party = |id: &String| render_party(&record.people, id);
    let state = &record.state;
    let (rule, quorum) = match stage.rule {
        Rule::First => ("First", None),
        Rule::All => ("All", None),
        Rule::Quorum(number) => ("Quorum", Some(number)),
        Rule::EveryAnswer => ("EveryAnswer", None),
    };
    let standing = match number.cmp(&state.stage()) {
        std::cmp::Ordering::Less => "Passed",
        std::cmp::Ordering::Equal if state.is_open() => "Open",
        std::cmp::Ordering::Equal => "Ended",
        std::cmp::Ordering::Greater => "NotBegun",
    };
    let tasks = state.tasks().iter().filter(|task| task.stage == number);
    let mut value = json!({
        "rule": rule,
        "state": standing,
        "assignees": stage.assignees.iter().map(party).collect::<Vec<_>>(),
        "tasks": tasks.map(|task| render_task(record, task)).collect::<Vec<_>>(),
    });
    set(&mut value, "name", stage.name.as_deref());
    set(&mut value, "quorum", quorum);
    let deadline = stage.deadline.as_ref();
    let deadline = deadline.map(|it| json!({"after": it.after, "outcome": it.outcome}));
    set(&mut value, "deadline", deadline);
    set(&mut value, "reminder", stage.reminder.map(|it| json!(it)));
    let escalation = stage.escalation.as_ref().map(|it| {
        let to: Vec<Value> = it.to.iter().map(party).collect();
        json!({"after": it.after, "to": to, "how": it.how})
    });
    set(&mut value, "escalation", escalation);
    value
}

fn render_task(record: &ApprovalRecord, task: &Task) -> Value {
    let party = |id: &String| render_party(&record.people, id);
    let mut value =
        json!({"assignee": party(&task.assignee), "askedTime": format_time(task.asked)});
    value["state"] = match &task.state {
        TaskState::Open => "Open",
        TaskState::Answered { .. } => "Answered",
        TaskState::Reassigned { .. } => "Reassigned",
        TaskState::Withdrawn => "Withdrawn",
    }
    .into();
    match &task.state {
        TaskState::Answered { option, by, time, comment, .. } => {
            value["response"] = option.as_str().into();
            value["responder"] = party(by);
            value["responseTime"] = format_time(*time).into();
            let comment = comment.as_ref().and_then(|it| record.state.comment(it));
            set(&mut value, "comments", comment);
        }
        TaskState::Reassigned { to } => value["reassignedTo"] = party(to),
        TaskState::Open | TaskState::Withdrawn => {}
    }
    value
}

fn render_entry(record: &ApprovalRecord, entry: &Entry, language: Language) -> Value {
    let name = serde_json::to_value(&entry.what).unwrap_or_default();
    let mut value = json!({
        "time": format_time(entry.time),
        "event": name["event"],
        "text": sentence(record, &entry.what, language),
    });
    let comment = entry.what.comment().and_then(|it| record.state.comment(it));
    set(&mut value, "comments", comment);
    value
}
