//! What must hold when all has come to rest: the audit of the design, read through the
//! real use cases and from the store.

use crate::approving;
use crate::ledger::Ledger;
use crate::node::Shared;
use crate::outside::effect_of;
use crate::owed;
use crate::pages;
use crate::truth::Truth;
use crate::version;
use crate::workload::Kind;
use crate::world::{is_final, key_of};
use durable::{ProcessId, ProcessKind};
use expr::Value;
use flow::run::Status;
use parking_lot::Mutex;
use server::app::App;
use server::app::access::RunAt;
use server::auth::caller::Caller;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run as its history tells it.
pub struct Told {
    pub kind: Kind,
    pub status: u8,
    pub request: String,
    pub item: Option<i64>,
    pub parent: Option<ProcessId>,
    pub resumed_from: Option<ProcessId>,
}

/// Runs that should have ended and have not.
#[must_use]
pub fn unfinished(truth: &Truth) -> Vec<ProcessId> {
    let waits = |workflow: i64| Kind::ALL.iter().any(|it| it.may_wait() && key_of(*it) == workflow);
    let runs = truth.runs.values().filter(|run| !is_final(run.status) && !waits(run.workflow));
    // a sleeper sleeps on, unless it was never begun
    runs.map(|run| run.id).collect()
}

pub async fn audit(shared: &Shared, ledger: &Arc<Mutex<Ledger>>, app: &App) {
    let mut problems = Vec::new();
    check_rest(&shared.truth.lock(), &mut problems);
    let told = read_runs(shared, app, &mut problems).await;
    check_starts(&ledger.lock(), &told, &mut problems);
    check_cancelled(&ledger.lock(), &told, &mut problems);
    check_calls(shared, &told, &mut problems);
    check_answers(ledger, app, &told, &mut problems).await;
    owed::audit(shared, app, &told, &mut problems).await;
    approving::audit(shared, app, &told, &mut problems).await;
    version::audit(shared, app, &told, &mut problems).await;
    let mut truth = shared.truth.lock();
    for problem in problems {
        truth.watch.violation(problem);
    }
}

/// Gapless events; nothing left of what has ended; nothing waits for what is not there.
fn check_rest(truth: &Truth, problems: &mut Vec<String>) {
    for run in unfinished(truth) {
        let effects = truth.effects.keys().filter(|(owner, _)| *owner == run).count();
        let live = truth.live(run);
        let lease = truth.leases[usize::from(run.partition().0)];
        let inbox = truth.inbox.values().filter(|message| message.to == run).count();
        problems.push(format!(
            "{run} has not ended: {effects} effects, {inbox} messages, held by {lease:?}, {live:?}"
        ));
    }
    for (id, process) in &truth.processes {
        let chunks = truth.chunks.range((*id, 0)..=(*id, u64::MAX));
        let last = chunks.map(|(_, chunk)| chunk.first_seq + u64::from(chunk.events) - 1).max();
        let held = truth.snapshots.get(id).map(|(seq, _)| *seq);
        if last.max(held) != Some(process.seq) {
            problems.push(format!("{id} is at event {} and has {last:?}", process.seq));
        }
        if process.kind == ProcessKind::Run && !truth.runs.contains_key(id) {
            problems.push(format!("{id} lives and is no run"));
        }
    }
    let mut next = BTreeMap::new();
    for ((id, first), chunk) in &truth.chunks {
        let expected = next.insert(*id, first + u64::from(chunk.events)).unwrap_or(1);
        if *first != expected {
            problems.push(format!("{id} has a chunk from {first}, expected {expected}"));
        }
    }
    for run in truth.runs.values() {
        if is_final(run.status) && truth.processes.contains_key(&run.id) {
            problems.push(format!("{} has ended and lives", run.id));
        }
    }
    for (key, process) in &truth.start_keys {
        if !truth.runs.contains_key(process) {
            problems
                .push(format!("the start key {key:?} belongs to {process}, which is not there"));
        }
    }
}

async fn read_runs(
    shared: &Shared,
    app: &App,
    problems: &mut Vec<String>,
) -> BTreeMap<ProcessId, Told> {
    let rows: Vec<store::RunRow> = shared.truth.lock().runs.values().cloned().collect();
    let caller = Caller::root("audit");
    let mut told = BTreeMap::new();
    for row in rows {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| key_of(*kind) == row.workflow) else {
            problems.push(format!("{} is of no flow", row.id));
            continue;
        };
        let record = match app.get_run(&caller, RunAt::any(&row.id.run_name())).await {
            Ok((_, record)) => Value::from(record),
            Err(error) => {
                problems.push(format!("{} cannot be read: {}", row.id, error.message));
                continue;
            }
        };
        let outputs = record.get("trigger").and_then(|trigger| trigger.get("outputs"));
        let body = outputs.and_then(|outputs| outputs.get("body"));
        let text = |name| body.and_then(|body| body.get(name));
        let request = text("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let item = text("item").and_then(Value::as_int);
        let resumed_from = record.get("resumedFrom").and_then(Value::as_str);
        let resumed_from = resumed_from.and_then(ProcessId::from_run_name);
        let (status, parent) = (row.status, row.parent);
        told.insert(row.id, Told { kind, status, request, item, parent, resumed_from });
    }
    told
}

/// Every acknowledged event has its runs, and no request has more than it asked for.
fn check_starts(ledger: &Ledger, told: &BTreeMap<ProcessId, Told>, problems: &mut Vec<String>) {
    let mut runs: BTreeMap<(&str, Kind), Vec<Option<i64>>> = BTreeMap::new();
    let started = told.iter().filter(|(_, run)| run.resumed_from.is_none());
    for (id, run) in started.filter(|(_, run)| run.kind != Kind::Ticker) {
        runs.entry((&run.request, run.kind)).or_default().push(run.item);
        if !ledger.sent.contains_key(&run.request) {
            problems.push(format!("{id} was not asked for"));
        }
    }
    for ((request, kind), mut items) in runs {
        items.sort_unstable();
        let has_twice = items.windows(2).any(|pair| pair[0] == pair[1]);
        if has_twice {
            problems.push(format!("{request} started {} runs of {kind:?}", items.len()));
        }
        let (_, expected) = ledger.sent.get(request).copied().unwrap_or((kind, 0));
        let is_acknowledged = ledger.acknowledged.contains_key(request);
        if kind == Kind::Split && is_acknowledged && items.len() as u64 != expected {
            problems.push(format!("{request} started {} of {expected} runs", items.len()));
        }
    }
    for (request, (kind, run)) in &ledger.acknowledged {
        let found = run.and_then(|run| told.get(&run));
        if found.is_none_or(|found| found.request != *request) {
            problems.push(format!("{request} ({kind:?}) was acknowledged, {run:?} is not its run"));
        }
    }
}

/// What was cancelled has ended so, with its children.
fn check_cancelled(ledger: &Ledger, told: &BTreeMap<ProcessId, Told>, problems: &mut Vec<String>) {
    let cancelled = Status::Cancelled as u8;
    for run in &ledger.cancelled {
        let Some(found) = told.get(run) else { continue };
        // it may have ended by itself while the request to cancel was on its way
        let is_stopped = found.status == cancelled;
        if found.kind == Kind::Cancelled && !is_stopped && found.status != Status::Failed as u8 {
            problems.push(format!("{run} was cancelled and is {}", found.status));
        }
        let children = told.iter().filter(|(_, child)| child.parent == Some(*run));
        for (child, at) in children.filter(|(_, child)| is_stopped && child.status != cancelled) {
            problems.push(format!("{child} is {} although {run} was cancelled", at.status));
        }
    }
}

/// Calls belong to runs; those that must not be repeated were not.
fn check_calls(shared: &Shared, told: &BTreeMap<ProcessId, Told>, problems: &mut Vec<String>) {
    let asked = shared.asked.lock();
    for (key, times) in &asked.calls {
        let Some((run, _)) = effect_of(key) else {
            problems.push(format!("the call {key} is of no run"));
            continue;
        };
        match told.get(&run) {
            None => problems.push(format!("the call {key} is of no run that is stored")),
            Some(found) if found.kind == Kind::Once && *times > 1 => {
                problems
                    .push(format!("the call {key} must not be repeated and came {times} times"));
            }
            Some(_) => {}
        }
    }
    for (id, run) in told.iter().filter(|(_, run)| run.status == Status::Succeeded as u8) {
        let calls = asked.calls.keys().filter(|key| effect_of(key).is_some_and(|it| it.0 == *id));
        let expected = match run.kind {
            Kind::Calls => 2,
            // each page has a key of its own
            Kind::Paged => pages::COUNT as usize,
            Kind::Once | Kind::Parked | Kind::Early => 1,
            _ => 0,
        };
        let calls = calls.count();
        if calls != expected {
            problems.push(format!("{id} ({:?}) succeeded with {calls} calls", run.kind));
        }
    }
}

/// Parents have what their children said; those answered early have that.
async fn check_answers(
    ledger: &Arc<Mutex<Ledger>>,
    app: &App,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    let caller = Caller::root("audit");
    let early = ledger.lock().answered_early.clone();
    for (id, run) in told {
        let expected = match run.kind {
            Kind::Parent => run.request.clone(),
            Kind::Paged => pages::JOINED.to_owned(),
            Kind::Early if early.contains(id) => format!("early {}", run.request),
            _ => continue,
        };
        if run.status != Status::Succeeded as u8 {
            if run.kind == Kind::Early {
                let mut records = Vec::new();
                for name in ["First", "Ask"] {
                    let record = app.get_action(&caller, RunAt::any(&id.run_name()), name).await;
                    records.push(record.ok().and_then(|it| it.get("error").cloned()));
                }
                problems.push(format!("{id} was answered and is {}: {records:?}", run.status));
            }
            continue;
        }
        let action = app.get_action(&caller, RunAt::any(&id.run_name()), "After").await;
        let outputs = action.ok().and_then(|action| action.get("outputs").cloned());
        if outputs.as_ref().and_then(Value::as_str) != Some(&expected) {
            problems.push(format!("{id} has {outputs:?}, expected {expected}"));
        }
    }
}
