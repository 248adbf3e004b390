//! The audit of flows that got other versions while they were at work.

use crate::audit::Told;
use crate::node::{KEY, Shared};
use crate::owed;
use crate::workload::Kind;
use crate::world::{id_of, key_of};
use durable::ProcessId;
use expr::Value;
use flow::run::Status;
use server::app::App;
use server::app::access::RunAt;
use server::app::catalog::FlowState;
use server::app::document::Document;
use server::auth::caller::Caller;
use server::auth::seal::Sealer;
use std::collections::BTreeMap;
use store::VersionRow;

/// What marks versions, by the keys of their flows and their numbers.
type Markers = BTreeMap<(i64, u32), u64>;

pub async fn audit(
    shared: &Shared,
    app: &App,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    let markers = markers(shared);
    check_updates(shared, &markers, problems);
    check_triggers(shared, &markers, problems);
    check_runs(shared, app, &markers, told, problems).await;
}

fn markers(shared: &Shared) -> Markers {
    let sealer = Sealer::with_key(&KEY);
    let truth = shared.truth.lock();
    let versions = truth.managed.versions.iter();
    versions.filter_map(|(at, version)| Some((*at, marker(version, &sealer)?))).collect()
}

fn marker(version: &VersionRow, sealer: &Sealer) -> Option<u64> {
    let flow = id_of(version.workflow);
    let document = Document::open(&version.document, sealer, (&flow, version.number)).ok()?;
    let text: serde_json::Value = serde_json::from_slice(&document.text).ok()?;
    text.pointer("/actions/Marker/inputs")?.as_u64()
}

/// An update that was acknowledged is a version, and nothing is between two of them.
fn check_updates(shared: &Shared, markers: &Markers, problems: &mut Vec<String>) {
    for (kind, marker) in &shared.ledger.lock().updated {
        let mut of_flow = markers.iter().filter(|((flow, _), _)| *flow == key_of(*kind));
        if !of_flow.any(|(_, it)| it == marker) {
            problems.push(format!("update {marker} of {kind:?} was acknowledged and is lost"));
        }
    }
    for row in shared.truth.lock().managed.workflows.values() {
        let numbers = markers.keys().filter(|(flow, _)| *flow == row.key).map(|(_, it)| *it);
        let numbers: Vec<u32> = numbers.collect();
        if !numbers.is_empty() && numbers != (1..=row.version).collect::<Vec<_>>() {
            problems.push(format!("{} is at version {} of {numbers:?}", row.name, row.version));
        }
    }
}

/// What acts by itself in a flow that is on lives, and what was asked for is what the flow's
/// present version asks for.
fn check_triggers(shared: &Shared, markers: &Markers, problems: &mut Vec<String>) {
    let acts = [Kind::Ticker, Kind::Notified, Kind::Polled, Kind::Watched];
    let wanted = owed::trigger_process(shared);
    let truth = shared.truth.lock();
    for kind in acts {
        let Some(row) = truth.managed.workflows.get(&key_of(kind)) else { continue };
        let is_on = FlowState::from_number(row.state) == FlowState::Started;
        if is_on && !row.trigger_process.is_some_and(|process| truth.is_live(process)) {
            problems.push(format!("{kind:?} is on, and nothing lives that acts in it"));
        }
    }
    let service = shared.service.lock();
    let newest = wanted.and_then(|process| service.newest(process));
    if let (Some((_, held)), Some(row)) =
        (newest, truth.managed.workflows.get(&key_of(Kind::Notified)))
    {
        let expected = markers.get(&(row.key, row.version)).map(u64::to_string);
        if Some(&held.marker) != expected.as_ref() {
            problems.push(format!("{held:?} is of another version than {expected:?}"));
        }
    }
}

/// A run goes by the version that it began with.
async fn check_runs(
    shared: &Shared,
    app: &App,
    markers: &Markers,
    told: &BTreeMap<ProcessId, Told>,
    problems: &mut Vec<String>,
) {
    let caller = Caller::root("audit");
    for (id, run) in told {
        let is_done = run.status == Status::Succeeded as u8;
        if !is_done || !Kind::UPDATED.contains(&run.kind) {
            continue;
        }
        let row = shared.truth.lock().runs.get(id).map(|row| (row.workflow, row.version));
        let expected = row.and_then(|at| markers.get(&at)).copied();
        let action = app.get_action(&caller, RunAt::any(&id.run_name()), "Marker").await;
        let outputs = action.ok().and_then(|action| action.get("outputs").cloned());
        let found = outputs.as_ref().and_then(Value::as_int).and_then(|it| u64::try_from(it).ok());
        if found.is_none() || found != expected {
            problems.push(format!("{id} has {found:?} of version {expected:?} ({row:?})"));
        }
    }
}
