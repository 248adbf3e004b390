//! A simulation from its beginning to its audit.

use crate::Outcome;
use crate::approving;
use crate::audit;
use crate::bug::Bug;
use crate::calendar;
use crate::ledger::Ledger;
use crate::link::Troubles;
use crate::node::{KEY, Node, Shared};
use crate::owed;
use crate::random::Random;
use crate::traffic;
use crate::truth::Truth;
use crate::workload::{Kind, LIMIT};
use durable::{Message, MessageKind, ProcessId};
use expr::{Object, Value};
use flow::definition::{Dialect, LoadOptions};
use flow::run::Status;
use parking_lot::Mutex;
use server::app::App;
use server::app::access::RunAt;
use server::app::catalog::{FlowState, dialect_number};
use server::app::document::Document;
use server::app::trigger::{Answer, TriggerCall};
use server::auth::caller::Caller;
use server::auth::seal::Sealer;
use std::sync::Arc;
use std::time::Duration;
use store::{VersionRow, WorkflowRow};

const NODES: usize = 3;

/// Things that happen before all is calm.
const EVENTS: u64 = 110;

/// Seconds after the last fault within which every run must reach its end.
const CALM_SECONDS: u64 = 1_500;

/// Seconds in which nothing is unfinished, after which nothing is on its way any more: the
/// clocks of two nodes may be some minutes apart, and so may what one sets and the other
/// waits for.
const CALM_FOR_SECONDS: u64 = 240;

/// A simulation under way.
pub struct World {
    pub shared: Shared,
    pub ledger: Arc<Mutex<Ledger>>,
    nodes: Vec<Node>,
    random: Random,
    requests: u64,
}

pub async fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    let mut world = World::new(seed, bug);
    world.trouble().await;
    world.calm().await;
    audit::audit(&world.shared, &world.ledger, &world.nodes[0].app).await;
    calendar::audit(&world.shared, &world.nodes[0], &mut world.random).await;
    let mut truth = world.shared.truth.lock();
    let ledger = world.ledger.lock();
    Outcome {
        seed,
        violations: std::mem::take(&mut truth.watch.violations),
        hash: truth.watch.hash,
        commits: truth.watch.commits,
        acknowledged: ledger.acknowledged.len(),
        deaths: ledger.deaths,
    }
}

impl World {
    fn new(seed: u64, bug: Option<Bug>) -> World {
        let mut truth = Truth::new(bug);
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            add_flow(&mut truth, kind, at as i64 + 1);
        }
        approving::place_people(&mut truth);
        let shared = Shared::new(truth);
        let mut random = Random::new(seed);
        let nodes = (0..NODES as u64)
            .map(|id| Node::start(id + 1, &shared, troubles(&mut random), &mut random))
            .collect();
        let ledger = Arc::clone(&shared.ledger);
        World { shared, ledger, nodes, random, requests: 0 }
    }

    /// Load and faults.
    async fn trouble(&mut self) {
        for _ in 0..EVENTS {
            let pause = self.random.below(1_200);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.bury_the_dead();
            let at = self.random.below(NODES as u64) as usize;
            let lasts = Duration::from_millis(500 + self.random.below(15_000));
            approving::act(&self.shared, &mut self.random);
            match self.random.below(100) {
                0..4 => self.nodes[at].die(),
                4..9 => self.nodes[at].link.freeze(lasts),
                9..13 => self.nodes[at].link.cut(lasts),
                13..16 => {
                    let seconds = self.random.below(60) as i64 - 30;
                    self.nodes[at].jump(seconds);
                }
                16..18 => self.nodes[at].stop().await,
                18..26 => self.cancel_something(at),
                26..29 => self.turn_something(),
                29..36 => self.deliver_something(at),
                36..39 => traffic::append(&self.shared, Kind::Polled),
                39..42 => traffic::append(&self.shared, Kind::Watched),
                42..46 => self.resume_something(),
                46..51 => self.update_something(),
                _ => self.request_something(at),
            }
        }
    }

    /// A node that has died comes up again, at times only after others have taken over.
    fn bury_the_dead(&mut self) {
        for at in 0..NODES {
            if self.nodes[at].link.is_dead() && self.random.in_thousand(400) {
                self.ledger.lock().deaths += 1;
                self.nodes[at].die();
                self.begin_life(at);
            }
        }
    }

    fn begin_life(&mut self, at: usize) {
        let troubles = troubles(&mut self.random);
        self.nodes[at] = Node::start(at as u64 + 1, &self.shared, troubles, &mut self.random);
    }

    fn request_something(&mut self, at: usize) {
        let kind = Kind::choose(&mut self.random);
        self.request(at, kind, None);
    }

    /// Something happens of which the service tells whoever has asked to be told.
    fn deliver_something(&mut self, at: usize) {
        let address = self.shared.service.lock().trigger();
        if let Some(address) = address {
            self.request(at, Kind::Notified, Some(&address));
        }
    }

    fn turn_something(&mut self) {
        let is_on = self.random.in_thousand(600);
        let state = if is_on { FlowState::Started } else { FlowState::Stopped };
        tokio::spawn(traffic::turn(self.shared.clone(), self.random.fork(), state));
    }

    /// A flow gets another version while its runs and what acts in it are under way.
    fn update_something(&mut self) {
        self.requests += 1;
        let kind = Kind::UPDATED[self.random.below(Kind::UPDATED.len() as u64) as usize];
        let random = self.random.fork();
        tokio::spawn(traffic::update(self.shared.clone(), random, kind, self.requests));
    }

    fn resume_something(&mut self) {
        let Some(run) = traffic::failed_run(&self.shared, &mut self.random) else { return };
        for _ in 0..1 + self.random.below(2) {
            tokio::spawn(traffic::resume(self.shared.clone(), self.random.fork(), run));
        }
    }

    fn request(&mut self, at: usize, kind: Kind, address: Option<&str>) {
        self.requests += 1;
        let request = format!("r{}", self.requests);
        let items = 1 + self.random.below(6);
        self.ledger.lock().sent.insert(request.clone(), (kind, items));
        let is_repeated = matches!(kind, Kind::Keyed | Kind::Notified);
        let copies = if is_repeated { 1 + self.random.below(3) } else { 1 };
        for copy in 0..copies {
            let at = (at + copy as usize) % NODES;
            let caller = Requester {
                app: self.nodes[at].app.clone(),
                shared: self.shared.clone(),
                ledger: Arc::clone(&self.ledger),
                kind,
                address: address.map(str::to_owned),
                request: request.clone(),
                items,
            };
            tokio::spawn(caller.request());
        }
    }

    fn cancel_something(&mut self, at: usize) {
        let run = {
            let ledger = self.ledger.lock();
            let is_long = |kind: Kind| {
                matches!(
                    kind,
                    Kind::Cancelled
                        | Kind::Parked
                        | Kind::Large
                        | Kind::Silent
                        | Kind::Timed
                        | Kind::Approved
                )
            };
            let acknowledged = ledger.acknowledged.values();
            let runs: Vec<ProcessId> = acknowledged
                .filter_map(|(kind, run)| is_long(*kind).then_some(*run)?)
                .filter(|run| !ledger.cancelled.contains(run))
                .collect();
            if runs.is_empty() {
                return;
            }
            runs[self.random.below(runs.len() as u64) as usize]
        };
        tokio::spawn(cancel(self.nodes[at].app.clone(), Arc::clone(&self.ledger), run));
    }

    /// No more faults: everything must come to its end.
    async fn calm(&mut self) {
        self.shared.asked.lock().is_troubled = false;
        for at in 0..NODES {
            self.nodes[at].link.calm();
            if self.nodes[at].link.is_dead() {
                self.begin_life(at);
                self.nodes[at].link.calm();
            }
        }
        let runs: Vec<ProcessId> = {
            let ledger = self.ledger.lock();
            let asked = ledger.acknowledged.values();
            asked.filter_map(|(kind, run)| (*kind == Kind::Cancelled).then_some(*run)?).collect()
        };
        for run in runs {
            cancel(self.nodes[0].app.clone(), Arc::clone(&self.ledger), run).await;
        }
        // who was told of an error asks again, when what is on its way has come
        tokio::time::sleep(Duration::from_secs(60)).await;
        let state =
            if self.random.in_thousand(500) { FlowState::Started } else { FlowState::Stopped };
        traffic::turn(self.shared.clone(), self.random.fork(), state).await;
        // what is on its way still arrives, and may begin something
        let mut calm_for = 0;
        for _ in 0..CALM_SECONDS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // people go on answering, also at the moment at which a deadline passes
            approving::race(&self.shared, &mut self.random);
            for run in traffic::silent_runs(&self.shared) {
                cancel(self.nodes[0].app.clone(), Arc::clone(&self.ledger), run).await;
            }
            let is_calm = audit::unfinished(&self.shared.truth.lock()).is_empty()
                && !owed::is_something_owed(&self.shared);
            calm_for = if is_calm { calm_for + 1 } else { 0 };
            if calm_for >= CALM_FOR_SECONDS {
                return;
            }
        }
    }
}

fn troubles(random: &mut Random) -> Troubles {
    // some lives are quiet, some are not
    let harshness = random.below(4);
    Troubles {
        refused: random.below(20) * harshness,
        reply_lost: random.below(15) * harshness,
        stalled: random.below(6) * harshness,
        death_before: random.below(3) * harshness,
        death_after: random.below(3) * harshness,
    }
}

fn add_flow(truth: &mut Truth, kind: Kind, key: i64) {
    let sealer = Sealer::with_key(&KEY);
    let id = id_of(key);
    let text = serde_json::to_vec(&kind.definition(0)).expect("a definition");
    let report = flow::definition::load(&text, &LoadOptions::default());
    assert!(report.loaded.is_some(), "{kind:?}: {:?}", report.problems);
    let document = Document { text, parameters: None, dialect: Dialect::LogicApps };
    let document = document.seal(&sealer, (&id, 1)).expect("a sealed document");
    let secret = || sealer.seal(&id, &KEY).expect("a sealed key");
    let row = WorkflowRow {
        key,
        environment: if kind == Kind::Large { "other" } else { "default" }.to_owned(),
        name: kind.name(),
        display_name: kind.name(),
        state: FlowState::Started as u8,
        dialect: dialect_number(Dialect::LogicApps),
        version: 1,
        created: 0,
        changed: 0,
        primary_key: secret(),
        secondary_key: secret(),
        trigger_process: None,
        revision: 0,
        id,
    };
    truth.managed.place(row, VersionRow { workflow: key, number: 1, created: 0, document });
    if kind == Kind::Limited {
        truth.watch.limits.insert(key, LIMIT);
    }
}

/// The id of a flow, by its key.
#[must_use]
pub fn id_of(key: i64) -> String {
    format!("flow{key}")
}

/// The key of a kind's flow.
#[must_use]
pub fn key_of(kind: Kind) -> i64 {
    Kind::ALL.iter().position(|it| *it == kind).map_or(0, |at| at as i64 + 1)
}

/// Who sends one request.
struct Requester {
    app: App,
    shared: Shared,
    ledger: Arc<Mutex<Ledger>>,
    kind: Kind,
    /// Where the service calls; none: the flow's own trigger.
    address: Option<String>,
    request: String,
    items: u64,
}

impl Requester {
    async fn request(self) {
        let found = match &self.address {
            Some(address) => traffic::flow_behind(&self.app, address).await.map(Some),
            None => self.app.engine.catalog.by_id(&id_of(key_of(self.kind))).await,
        };
        let Ok(Some(entry)) = found else { return };
        let body = self.body();
        let headers: Value = Object::new().into();
        let call = TriggerCall {
            trigger: "manual",
            method: "POST",
            relative_path: "",
            queries: Object::new(),
            headers,
            content_type: Some("application/json"),
            body: body.as_bytes(),
            tracking: None,
            idempotency_key: matches!(self.kind, Kind::Keyed | Kind::Notified)
                .then(|| self.request.as_str().into()),
        };
        match self.app.call_trigger(entry, call).await {
            Ok(answered) => self.acknowledged(answered.run, &answered.answer).await,
            Err(error) => self.refused(error.code),
        }
    }

    fn body(&self) -> String {
        let Requester { request, items, .. } = self;
        let item = |at| format!(r#"{{"id":"{request}","item":{at}}}"#);
        let all: Vec<String> = (0..*items).map(item).collect();
        format!(r#"{{"id":"{request}","n":{items},"items":[{}]}}"#, all.join(","))
    }

    async fn acknowledged(&self, run: Option<ProcessId>, answer: &Answer) {
        {
            let mut truth = self.shared.truth.lock();
            if run.is_none_or(|run| !truth.runs.contains_key(&run)) {
                let text = format!("{} was acknowledged and is not stored", self.request);
                truth.watch.violation(text);
            }
            if let Answer::Response(response) = answer {
                let body = response.get("body");
                let id = body.and_then(|body| body.get("id")).and_then(Value::as_str);
                let n = body.and_then(|body| body.get("n")).and_then(Value::as_int);
                if (id, n) != (Some(self.request.as_str()), Some(self.items as i64 + 1)) {
                    truth
                        .watch
                        .violation(format!("{} got a wrong answer: {response:?}", self.request));
                }
            }
            self.ledger.lock().acknowledged.insert(self.request.clone(), (self.kind, run));
        }
        if let (Kind::Early, Some(run)) = (self.kind, run) {
            self.answer_early(run).await;
        }
    }

    /// Answers the second question of a run, which asks the first one still.
    async fn answer_early(&self, run: ProcessId) {
        let mut body = Object::new();
        body.insert("v", format!("early {}", self.request));
        let outputs = flow::run::answer(200, Object::new().into(), body.into());
        let mut bytes = Vec::new();
        expr::codec::put(&outputs, &mut bytes);
        let kind = MessageKind::Reply;
        let message = Message { to: run, from: None, effect: 2, kind, body: bytes };
        let store = &self.app.engine.store;
        while store.send(message.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.ledger.lock().answered_early.insert(run);
        store.hint(store::Hint::Inbox(run));
    }

    fn refused(&self, code: &str) {
        const EXPECTED: [&str; 5] = [
            "ServerBusy",
            "StoreUnavailable",
            "OutcomeUnknown",
            "ServerNotReady",
            "WorkflowRunsWaitingLimitExceeded",
        ];
        let is_off = self.kind == Kind::Notified && code == "WorkflowTriggerIsNotEnabled";
        if !EXPECTED.contains(&code) && !is_off {
            let text = format!("{} was refused with {code}", self.request);
            self.shared.truth.lock().watch.violation(text);
        }
    }
}

async fn cancel(app: App, ledger: Arc<Mutex<Ledger>>, run: ProcessId) {
    let caller = Caller::root("simulation");
    for _ in 0..50 {
        match app.cancel_run(&caller, RunAt::any(&run.run_name())).await {
            Ok((_, was_live)) => {
                if was_live {
                    ledger.lock().cancelled.insert(run);
                }
                return;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// True for runs that have come to an end.
#[must_use]
pub fn is_final(status: u8) -> bool {
    Status::from_number(status).is_some_and(Status::is_final)
}
