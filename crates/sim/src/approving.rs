//! Approvals that flows ask for: who answers, at whichever node, and what must hold of it.

use crate::absence::{self, was_away};
use crate::audit::Told;
use crate::node::Shared;
use crate::random::Random;
use crate::ruling::{DEADLINE_MINUTES, QUORUM, judge};
use crate::truth::Truth;
use crate::workload::Kind;
use durable::{ProcessId, Ticks};
use expr::{Object, Value};
use flow::run::{CallResult, ConnectorCall, Purpose, Status};
use governance::approval::evidence::verify;
use governance::approval::{Standing, Via, What};
use serde_json::json;
use server::app::App;
use server::app::access::RunAt;
use server::app::approval::{AnswerInput, ApprovalCall, ApprovalRecord};
use server::app::data::{Change, Kind as RecordKind, Known, Stored};
use server::app::directory::User;
use server::app::error::ErrorKind;
use server::auth::caller::Caller;
use server::clock::SECOND;
use std::collections::BTreeMap;
use std::time::Duration;

pub const OPERATION: &str = "StartAndWaitForAnApproval";

const INPUT: &str = "WebhookApprovalCreationInput";

/// Who is asked.
const PEOPLE: [&str; 4] = ["ada", "bob", "carol", "dan"];

/// How long somebody waits for an answer of a node.
const PATIENCE: Duration = Duration::from_secs(20);

/// How near its deadline an approval is answered by many.
const NEAR: Ticks = 2 * SECOND;

/// What somebody was told had counted.
#[derive(Clone, Debug)]
pub struct Counted {
    pub approval: String,
    pub assignee: String,
    pub by: String,
    pub option: String,
    /// When they sent it, and when they heard, by the clock on the wall.
    pub from: Ticks,
    pub to: Ticks,
}

/// Puts the people there.
pub fn place_people(truth: &mut Truth) {
    for name in PEOPLE {
        let user = Known::new(User::new(name.to_owned(), format!("{name}@example.org"), 0));
        let change = Change::default().put(&user).expect("a record");
        truth.managed.change(&change.into_edits()).expect("a place");
    }
}

/// Two stages: everybody, and if that takes long somebody else; then two of three.
#[must_use]
pub fn action() -> serde_json::Value {
    let minutes = |amount: u32| json!({"amount": amount, "unit": "Minutes"});
    let deadline = json!({"after": minutes(DEADLINE_MINUTES), "outcome": "Reject"});
    let first = json!({"assignedTo": "ada;bob", "approvalType": "BasicAwaitAll",
        "deadline": deadline, "reminder": {"after": minutes(1), "every": minutes(1)},
        "escalation": {"after": minutes(2), "to": "carol", "how": "ReassignTo"}});
    let second = json!({"assignedTo": "ada;carol;dan@example.org", "approvalType": "Quorum",
        "quorum": QUORUM, "deadline": deadline});
    json!({"type": "OpenApiConnectionWebhook", "runAfter": {}, "inputs": {
        "host": {"operationId": OPERATION, "connectionName": "approvals", "apiId": "/apis/approvals"},
        "parameters": {"approvalType": "Staged",
            INPUT: {"title": "@triggerBody()['id']", "stages": [first, second]}},
        "retryPolicy": {"type": "fixed", "interval": "PT5S", "count": 40}}})
}

/// Does what a flow's call of the connector asks for.
pub async fn serve(app: App, call: ConnectorCall) -> CallResult {
    let done = match &call.purpose {
        Purpose::Unsubscribe { location } => app.end_approval_wait(location, None).await,
        Purpose::Subscribe { callback } => {
            let parameters = call.inputs.get("parameters").and_then(Value::as_object);
            let mut parameters = parameters.map(|it| Object::clone(it)).unwrap_or_default();
            let input = parameters.get(INPUT).and_then(Value::as_object);
            let mut input = input.map(|it| Object::clone(it)).unwrap_or_default();
            input.insert("notificationUrl", callback.clone());
            parameters.insert(INPUT, input);
            let asked = ApprovalCall {
                environment: "default",
                flow: None,
                operation: OPERATION,
                parameters: &parameters,
                key: &call.idempotency_key,
            };
            app.call_approvals(&Caller::root("simulation"), asked).await
        }
        _ => return failed("BadRequest", "no such call", false),
    };
    done.unwrap_or_else(|error| {
        let passes = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Throttled { .. });
        failed(error.code, &error.message, passes)
    })
}

fn failed(code: &str, message: &str, is_retryable: bool) -> CallResult {
    CallResult::Failure { code: code.into(), message: message.into(), is_retryable }
}

/// Every approval there is.
#[must_use]
pub fn approvals(shared: &Shared) -> Vec<ApprovalRecord> {
    let truth = shared.truth.lock();
    let found = truth.managed.of_kind(RecordKind::Approval as u8);
    found.iter().filter_map(|record| serde_json::from_slice(&record.body).ok()).collect()
}

/// True while somebody is asked, or waits to be told.
#[must_use]
pub fn is_something_open(shared: &Shared) -> bool {
    approvals(shared).iter().any(|it| it.state.is_open() || it.is_awaited())
}

/// Somebody does something about an approval, at whichever node, and at times another at the
/// same moment.
pub fn act(shared: &Shared, random: &mut Random) {
    let open: Vec<ApprovalRecord> =
        approvals(shared).into_iter().filter(|it| it.state.is_open()).collect();
    if open.is_empty() {
        return;
    }
    let record = &open[random.below(open.len() as u64) as usize];
    for _ in 0..1 + random.below(3) {
        let id = record.id().to_owned();
        tokio::spawn(act_on(shared.clone(), random.fork(), id));
    }
    if random.in_thousand(700) {
        let (user, deputy) = (somebody(random), somebody(random));
        tokio::spawn(absence::act(shared.clone(), random.fork(), user, deputy));
    }
    if random.in_thousand(60) {
        tokio::spawn(excuse(shared.clone(), random.fork()));
    }
}

/// People answer what is about to be over, and at times something else.
pub fn race(shared: &Shared, random: &mut Random) {
    let now = absence::now(shared);
    for record in approvals(shared).iter().filter(|it| it.state.is_open()) {
        let is_near = record.state.deadline().is_some_and(|it| (it - now).abs() < NEAR);
        if is_near || random.in_thousand(10) {
            tokio::spawn(act_on(shared.clone(), random.fork(), record.id().to_owned()));
        }
    }
}

fn somebody(random: &mut Random) -> &'static str {
    PEOPLE[random.below(PEOPLE.len() as u64) as usize]
}

#[must_use]
pub fn caller(name: &str) -> Caller {
    Caller::person(name, Vec::new(), Vec::new())
}

/// Somebody is not to be asked any more, by nothing that is open.
async fn excuse(shared: Shared, mut random: Random) {
    let app = shared.door(&mut random);
    let (server, person) = (Caller::root("simulation"), somebody(&mut random));
    let excusing = app.remove_user_approvals(&server, "default", person);
    let _ = tokio::time::timeout(PATIENCE, excusing).await;
}

async fn act_on(shared: Shared, mut random: Random, id: String) {
    let app = shared.door(&mut random);
    let name = somebody(&mut random);
    let who = caller(name);
    match random.below(20) {
        0 => {
            let server = Caller::root("simulation");
            let _ = tokio::time::timeout(PATIENCE, app.cancel_approval(&server, &id, None)).await;
        }
        1..4 => {
            let to = somebody(&mut random);
            let moving = app.reassign_approval(&who, &id, (None, to), None);
            let _ = tokio::time::timeout(PATIENCE, moving).await;
        }
        number => {
            let option = if number < 18 { "Approve" } else { "Reject" }.to_owned();
            // for themselves, or for somebody who may be away
            let assignee = if random.in_thousand(400) { name } else { somebody(&mut random) };
            let input = AnswerInput {
                assignee: Some(assignee.to_owned()),
                option: option.clone(),
                comments: None,
                via: Via::Api,
            };
            let from = absence::now(&shared);
            let answering = app.answer_approval(&who, &id, input);
            if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, answering).await {
                let (assignee, by) = (assignee.to_owned(), name.to_owned());
                let to = absence::now(&shared);
                let counted = Counted { approval: id, assignee, by, option, from, to };
                shared.ledger.lock().answered.push(counted);
            }
        }
    }
}

/// Each approval has one outcome, which its flow has; what counted is in its history; what a
/// run asked for was asked once, and is over when the run is.
pub async fn audit(
    shared: &Shared,
    app: &App,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    let records = approvals(shared);
    let mut by_request: BTreeMap<&str, &ApprovalRecord> = BTreeMap::new();
    for record in &records {
        if by_request.insert(&record.title, record).is_some() {
            problems.push(format!("{} asked for two approvals", record.title));
        }
        check_record(shared, record, problems);
    }
    let answered = shared.ledger.lock().answered.clone();
    for counted in &answered {
        let (people, span) = ((&*counted.assignee, &*counted.by), (counted.from, counted.to));
        if counted.assignee != counted.by && !was_away(shared, people, span) {
            problems.push(format!("{counted:?} was for somebody who was not away"));
        }
        let record = records.iter().find(|it| it.id() == counted.approval);
        let is_it = |what: &What| {
            matches!(what, What::Answered { assignee, by, option, .. }
                if *assignee == counted.assignee && *by == counted.by && *option == counted.option)
        };
        let entries = record.map(|it| it.state.history()).unwrap_or_default();
        if !entries.iter().any(|entry| is_it(&entry.what)) {
            problems.push(format!("{counted:?} was acknowledged and is in no history"));
        }
    }
    for (id, run) in told.iter().filter(|(_, run)| run.kind == Kind::Approved) {
        let record = by_request.get(run.request.as_str());
        check_run(app, (*id, run), record.copied(), problems).await;
    }
}

fn check_record(shared: &Shared, record: &ApprovalRecord, problems: &mut Vec<String>) {
    let id = record.id();
    if record.state.is_open() || record.is_awaited() {
        problems.push(format!("the approval {id} is not over: {record:?}"));
    }
    if let Err(forged) = verify(record.state.history(), record.state.comments()) {
        problems.push(format!("the history of {id} does not hold: {forged:?}"));
    }
    let apart = Ticks::try_from(shared.clocks_apart().as_secs()).unwrap_or(0) * SECOND;
    if let Err(problem) = judge(record.state.history(), apart) {
        problems.push(format!("the approval {id}: {problem}: {:?}", record.state.history()));
    }
    let decided = |what: &What| matches!(what, What::Decided { .. } | What::Cancelled { .. });
    let outcomes = record.state.history().iter().filter(|entry| decided(&entry.what));
    let count = outcomes.count();
    if count != 1 {
        problems.push(format!("the approval {id} came to {count} outcomes"));
    }
}

async fn check_run(
    app: &App,
    (id, run): (ProcessId, &Told),
    record: Option<&ApprovalRecord>,
    problems: &mut Vec<String>,
) {
    let status = Status::from_number(run.status).unwrap_or(Status::Running);
    if status == Status::Cancelled {
        return;
    }
    if status != Status::Succeeded {
        problems.push(format!("{id} asked for an approval and is {}", status.name()));
        return;
    }
    let caller = Caller::root("audit");
    let action = app.get_action(&caller, RunAt::any(&id.run_name()), "After").await;
    let outputs = action.ok().and_then(|action| action.get("outputs").cloned());
    let outcome = outputs.as_ref().and_then(Value::as_str).unwrap_or_default();
    let expected = record.and_then(ApprovalRecord::outcome).unwrap_or("no approval");
    if outcome != expected {
        problems.push(format!("{id} has the outcome {outcome:?}, its approval {expected:?}"));
    }
    if record.is_some_and(|it| *it.state.standing() == Standing::Open) {
        problems.push(format!("{id} has ended, and its approval is open"));
    }
}
