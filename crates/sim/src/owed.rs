//! The audit of webhooks, of triggers that ask, and of runs that were resumed.

use crate::approving;
use crate::audit::Told;
use crate::hook::{self, Held};
use crate::node::Shared;
use crate::queue::Queue;
use crate::workload::Kind;
use crate::world::key_of;
use durable::{ProcessId, ProcessKind};
use expr::Value;
use flow::run::Status;
use parking_lot::Mutex;
use server::app::App;
use server::app::access::RunAt;
use server::app::catalog::FlowState;
use server::auth::caller::Caller;
use std::collections::{BTreeMap, BTreeSet};

/// True while something is still to be done: an item to be found, a subscription to be ended.
#[must_use]
pub fn is_something_owed(shared: &Shared) -> bool {
    shared.service.lock().lapse();
    let is_unread = queues(shared).into_iter().any(|(kind, items)| {
        let truth = shared.truth.lock();
        truth.runs.values().filter(|run| run.workflow == key_of(kind)).count() < items.len()
    });
    is_unread
        || approving::is_something_open(shared)
        || !left_over(shared).is_empty()
        || !subscriptions(shared).is_empty()
}

/// What is to be found, by the flow that asks for it.
fn queues(shared: &Shared) -> [(Kind, Vec<String>); 2] {
    let items = |queue: &Mutex<Queue>| queue.lock().items.clone();
    [(Kind::Polled, items(&shared.queue)), (Kind::Watched, items(&shared.watched))]
}

/// The process that the flow of the webhook trigger names, if it is on.
#[must_use]
pub fn trigger_process(shared: &Shared) -> Option<ProcessId> {
    let truth = shared.truth.lock();
    let row = truth.managed.workflows.get(&key_of(Kind::Notified))?;
    let is_on = FlowState::from_number(row.state) == FlowState::Started;
    row.trigger_process.filter(|_| is_on)
}

/// Subscriptions that nobody waits for any more; all runs have ended.
fn left_over(shared: &Shared) -> Vec<Held> {
    let wanted = trigger_process(shared);
    let service = shared.service.lock();
    let is_owed = |it: &&Held| Some(it.process) != wanted && !it.is_late && !it.is_replaced;
    service.held.values().filter(is_owed).cloned().collect()
}

/// Processes of triggers and subscriptions that no flow names.
fn subscriptions(shared: &Shared) -> Vec<ProcessId> {
    let truth = shared.truth.lock();
    let named: BTreeSet<ProcessId> =
        truth.managed.workflows.values().filter_map(|row| row.trigger_process).collect();
    let live = truth.processes.iter().filter(|(_, it)| it.kind == ProcessKind::Trigger);
    live.map(|(id, _)| *id).filter(|id| !named.contains(id)).collect()
}

pub async fn audit(
    shared: &Shared,
    app: &App,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    shared.service.lock().lapse();
    for held in left_over(shared) {
        problems.push(format!("a subscription was not ended: {held:?}"));
    }
    for process in subscriptions(shared) {
        let live = shared.truth.lock().live(process);
        problems.push(format!("{process} lives and nobody waits for it: {live:?}"));
    }
    check_late(shared, app, problems).await;
    check_trigger(shared, problems);
    check_items(shared, told, problems);
    check_resumed(told, problems);
    check_webhooks(shared, app, told, problems).await;
}

/// What nobody can know of ends by itself: the service hears that nobody waits.
async fn check_late(shared: &Shared, app: &App, problems: &mut Vec<String>) {
    let late: Vec<Held> = {
        let service = shared.service.lock();
        service.held.values().filter(|it| it.is_late && !it.is_of_trigger()).cloned().collect()
    };
    for held in late {
        if hook::is_waited_for(app, &held).await {
            problems.push(format!("somebody waits for a late subscription: {held:?}"));
        }
    }
}

/// A flow that is on has a subscription; one that is off has none, and no process.
fn check_trigger(shared: &Shared, problems: &mut Vec<String>) {
    let wanted = trigger_process(shared);
    let state = {
        let truth = shared.truth.lock();
        let row = truth.managed.workflows.get(&key_of(Kind::Notified));
        row.map(|row| (FlowState::from_number(row.state), row.trigger_process))
    };
    match state {
        Some((FlowState::Started, Some(process))) => {
            let service = shared.service.lock();
            if wanted.and_then(|it| service.newest(it)).is_none() {
                let live = shared.truth.lock().live(process);
                problems.push(format!("the flow is on and has no subscription: {live:?}"));
            }
        }
        Some((FlowState::Started, None)) => problems.push("the flow is on and does nothing".into()),
        Some((_, Some(process))) => {
            problems.push(format!("the flow is off and names {process}"));
        }
        _ => {}
    }
}

/// Each item of the queue is one run.
fn check_items(shared: &Shared, told: &BTreeMap<ProcessId, Told>, problems: &mut Vec<String>) {
    for (kind, items) in queues(shared) {
        let runs = told.values().filter(|run| run.kind == kind);
        let found: BTreeSet<&str> = runs.map(|run| run.request.as_str()).collect();
        for id in items.iter().filter(|id| !found.contains(id.as_str())) {
            problems.push(format!("the item {id} started no run"));
        }
    }
}

/// A run is resumed once.
fn check_resumed(told: &BTreeMap<ProcessId, Told>, problems: &mut Vec<String>) {
    let mut origins = BTreeSet::new();
    for (id, run) in told {
        let Some(from) = run.resumed_from else { continue };
        if !origins.insert(from) {
            problems.push(format!("{from} was resumed twice, as {id} too"));
        }
        if told.get(&from).is_none_or(|origin| origin.request != run.request) {
            problems.push(format!("{id} goes on where no run of {} ended", run.request));
        }
    }
}

/// Runs with a webhook ended as it did: called back, out of time, or cancelled.
async fn check_webhooks(
    shared: &Shared,
    app: &App,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    let caller = Caller::root("audit");
    let ledger = shared.ledger.lock().clone();
    let mut answered: BTreeMap<String, ProcessId> = BTreeMap::new();
    for (id, run) in told {
        let is_fine = |status: Status| match run.kind {
            Kind::Hooked => status == Status::Succeeded,
            Kind::Timed => status.is_final(),
            Kind::Silent => status == Status::Cancelled,
            _ => true,
        };
        if !matches!(run.kind, Kind::Hooked | Kind::Timed | Kind::Silent) {
            continue;
        }
        let status = Status::from_number(run.status).unwrap_or(Status::Running);
        if !is_fine(status) {
            let code = shared.truth.lock().runs.get(id).and_then(|row| row.error.clone());
            problems.push(format!("{id} ({:?}) is {}: {code:?}", run.kind, status.name()));
        }
        if status != Status::Succeeded {
            continue;
        }
        let action = app.get_action(&caller, RunAt::any(&id.run_name()), "After").await;
        let outputs = action.ok().and_then(|action| action.get("outputs").cloned());
        let value = outputs.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_its_own = value.split_once(' ').is_some_and(|(request, _)| request == run.request);
        if !is_its_own || !ledger.told.contains(&value) {
            problems.push(format!("{id} has {value:?}, which nobody told it"));
        }
        if let Some(other) = answered.insert(value.clone(), *id) {
            problems.push(format!("{value:?} answered {id} and {other}"));
        }
    }
    for (value, request) in &ledger.called_back {
        let runs = || told.values().filter(|run| run.request == *request);
        // one that came when the time was over, or the run was being cancelled, is too late
        let is_late = runs().any(|run| run.kind == Kind::Timed && !answered.contains_key(value));
        if !answered.contains_key(value) && !is_late && !was_another(&answered, request) {
            problems.push(format!("{value:?} was acknowledged and answered nobody"));
        }
    }
}

/// Somebody answered the request before: of two subscriptions of one process both call.
fn was_another(answered: &BTreeMap<String, ProcessId>, request: &str) -> bool {
    answered.keys().any(|value| value.split_once(' ').is_some_and(|(it, _)| it == request))
}
