//! What happens to flows besides requests: they are turned on and off, get other versions,
//! find new items in queues, and their failed runs are resumed.

use crate::node::{PUBLIC_URL, Shared};
use crate::random::Random;
use crate::workload::Kind;
use crate::world::{is_final, key_of};
use durable::ProcessId;
use flow::definition::Dialect;
use flow::run::Status;
use server::api::trigger::{Address, Queries};
use server::app::App;
use server::app::access::{FlowAt, RunAt, Scope};
use server::app::catalog::{FlowEntry, FlowState};
use server::app::error::{AppError, ErrorKind};
use server::app::flow::{FlowInput, FlowPatch};
use server::app::resume::{VersionWanted, can_resume};
use server::app::trigger::Signed;
use server::auth::caller::Caller;
use std::sync::Arc;
use std::time::Duration;

/// How long somebody waits for an answer before asking another node.
const PATIENCE: Duration = Duration::from_secs(20);

/// The flow behind an address that the service was given.
pub async fn flow_behind(app: &App, url: &str) -> Result<Arc<FlowEntry>, AppError> {
    let url = url.strip_prefix(PUBLIC_URL).unwrap_or(url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let missing = || AppError::not_found("ResourceNotFound", "no address");
    let address = Address::parse(path).ok_or_else(missing)?;
    let queries = Queries::read(query);
    let signed = Signed {
        flow_id: &address.flow,
        trigger: &address.trigger,
        permission: &queries.permission,
        version: &queries.version,
        signature: &queries.signature,
    };
    app.signed_flow(&signed).await
}

/// A new item that a polling trigger is to find.
pub fn append(shared: &Shared, kind: Kind) {
    let (queue, letter) = match kind {
        Kind::Watched => (&shared.watched, "w"),
        _ => (&shared.queue, "q"),
    };
    let mut queue = queue.lock();
    let id = format!("{letter}{}", queue.items.len() + 1);
    shared.ledger.lock().sent.insert(id.clone(), (kind, 1));
    queue.items.push(id);
}

/// Gives a flow another version, until that was done.
pub async fn update(shared: Shared, mut random: Random, kind: Kind, marker: u64) {
    let caller = Caller::root("simulation");
    let name = kind.name();
    loop {
        let app = shared.door(&mut random);
        let at = FlowAt { environment: "default", name: &name, scope: Scope::Any };
        let document = serde_json::to_vec(&kind.definition(marker)).unwrap_or_default();
        let dialect = Some(Dialect::LogicApps);
        let input = FlowInput { document, dialect, ..FlowInput::default() };
        let patch = FlowPatch { document: Some(input), ..FlowPatch::default() };
        match tokio::time::timeout(PATIENCE, app.update_flow(&caller, at, patch)).await {
            Ok(Ok(_)) => {
                shared.ledger.lock().updated.insert((kind, marker));
                return;
            }
            Ok(Err(error)) if !is_passing(&error) => {
                let text = format!("the flow {name} could not be updated: {}", error.message);
                shared.truth.lock().watch.violation(text);
                return;
            }
            _ => tokio::time::sleep(Duration::from_millis(500 + random.below(2_000))).await,
        }
    }
}

/// Turns the flow of a webhook trigger on or off, until it was done or somebody else wants
/// otherwise.
pub async fn turn(shared: Shared, mut random: Random, state: FlowState) {
    let turn = {
        let mut ledger = shared.ledger.lock();
        ledger.turns += 1;
        ledger.turns
    };
    let caller = Caller::root("simulation");
    let name = Kind::Notified.name();
    while shared.ledger.lock().turns == turn {
        let app = shared.door(&mut random);
        let at = FlowAt { environment: "default", name: &name, scope: Scope::Any };
        let asking = tokio::time::timeout(PATIENCE, app.enable_flow(&caller, at, state)).await;
        match asking {
            Ok(Ok(_)) => return,
            Ok(Err(error)) if !is_passing(&error) => {
                let text = format!("the flow could not be turned: {}", error.message);
                shared.truth.lock().watch.violation(text);
                return;
            }
            _ => tokio::time::sleep(Duration::from_millis(500 + random.below(2_000))).await,
        }
    }
}

/// Two that change something at once are told so, and may ask again.
fn is_passing(error: &AppError) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Conflict)
}

/// A run that failed, to be resumed.
#[must_use]
pub fn failed_run(shared: &Shared, random: &mut Random) -> Option<ProcessId> {
    const KINDS: [Kind; 4] = [Kind::Once, Kind::Parked, Kind::Timed, Kind::Silent];
    let truth = shared.truth.lock();
    let is_wanted = |workflow| KINDS.iter().any(|kind| key_of(*kind) == workflow);
    let runs = truth.runs.values().filter(|run| is_wanted(run.workflow));
    let runs = runs.filter(|run| Status::from_number(run.status).is_some_and(can_resume));
    let runs: Vec<ProcessId> = runs.map(|run| run.id).collect();
    (!runs.is_empty()).then(|| runs[random.below(runs.len() as u64) as usize])
}

/// Resumes a run: of several who ask, one is heard.
pub async fn resume(shared: Shared, mut random: Random, run: ProcessId) {
    let app = shared.door(&mut random);
    let caller = Caller::root("simulation");
    let name = run.run_name();
    let resuming = app.resume_run(&caller, RunAt::any(&name), VersionWanted::Pinned);
    match tokio::time::timeout(PATIENCE, resuming).await {
        Ok(Ok((_, id, _))) => {
            if let Some(before) = shared.ledger.lock().resumed.insert(run, id) {
                let text = format!("{run} was resumed as {before} and as {id}");
                shared.truth.lock().watch.violation(text);
            }
        }
        Ok(Err(error)) if !is_passing(&error) => {
            let text = format!("{run} was not resumed: {} {}", error.code, error.message);
            shared.truth.lock().watch.violation(text);
        }
        _ => {}
    }
}

/// Runs that go on and that nobody will ever call back.
#[must_use]
pub fn silent_runs(shared: &Shared) -> Vec<ProcessId> {
    let truth = shared.truth.lock();
    let runs = truth.runs.values().filter(|run| run.workflow == key_of(Kind::Silent));
    runs.filter(|run| !is_final(run.status)).map(|run| run.id).collect()
}
