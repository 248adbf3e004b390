//! Stored bytes that no run wrote: loading them is an error, and nothing else.

mod world;

use expr::Value;
use flow::definition::{ActionId, Flow};
use flow::run::event::{Detail, EventWriter, Finished, Payloads, ReadError, SkipReason};
use flow::run::state::Path;
use flow::run::status::Outputs;
use flow::run::{Run, Status, Stored};
use std::sync::Arc;
use world::{BEGIN, flow_of_actions, info, json};

const ACTIONS: &str = r#"{
    "Compose": {"type": "Compose", "inputs": 1},
    "If": {"type": "If", "expression": "@true", "actions": {
        "Yes": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}}}},
    "Loop": {"type": "Foreach", "foreach": [1, 2], "actions": {
        "Inner": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}},
        "Done": {"type": "Compose", "inputs": 2}}},
    "Until": {"type": "Until", "expression": "@false", "actions": {
        "Turn": {"type": "Compose", "inputs": 3}}}
    }"#;

struct Forger {
    flow: Arc<Flow>,
    events: EventWriter,
}

impl Forger {
    fn new() -> Self {
        Forger { flow: flow_of_actions(ACTIONS), events: EventWriter::new(BEGIN) }
    }

    fn id(&self, name: &str) -> ActionId {
        self.flow.find_action(name).expect("an action of the flow")
    }

    fn started(mut self, name: &str, path: &[u32], detail: &Detail) -> Self {
        let path = Path::from_outermost(path);
        self.events.started(self.id(name), &path, &Value::Null, detail);
        self
    }

    fn finished(mut self, name: &str, path: &[u32], status: Status) -> Self {
        self.events.finished(&Finished {
            action: self.id(name),
            path: Path::from_outermost(path),
            status,
            code: "OK".into(),
            inputs: None,
            outputs: Outputs::None,
            error: None,
            tracked: None,
            ended: None,
        });
        self
    }

    fn skipped(mut self, name: &str, reason: &SkipReason) -> Self {
        self.events.skipped(self.id(name), &Path::default(), reason);
        self
    }

    fn run_finished(mut self, status: Status) -> Self {
        self.events.run_finished(status, "", None, &Value::Null);
        self
    }

    /// What loading says.
    fn load(self) -> Result<Run, ReadError> {
        let stored = Stored { snapshot: None, chunks: vec![self.events.bytes] };
        let id = durable::ProcessId::new(BEGIN, durable::Partition(7), 1);
        Run::load(self.flow, info(), id, &stored, &Payloads::new())
    }

    fn must_be_refused(self, reason: &'static str) {
        let error = self.load().map(|run| run.status()).expect_err("damage is an error");
        assert_eq!(error, ReadError::Corrupt(reason));
    }
}

fn items() -> Detail {
    Detail::Foreach { items: json("[1, 2]") }
}

fn timer() -> Detail {
    Detail::Timer { due: BEGIN + 1, timeout: None }
}

#[test]
fn what_a_run_may_write_is_loaded() {
    let run = Forger::new()
        .started("If", &[], &Detail::Branch(0))
        .started("Yes", &[], &timer())
        .finished("Yes", &[], Status::Succeeded)
        .finished("If", &[], Status::Succeeded)
        .started("Loop", &[], &items())
        .started("Inner", &[0], &timer())
        .finished("Done", &[0], Status::Succeeded)
        .load();
    assert_eq!(run.expect("a sound history").due(), Some(BEGIN + 1));
}

/// An action that runs and is neither a container nor waits once made loading endless.
#[test]
fn a_beginning_fits_its_action() {
    let reason = "a beginning does not fit its action";
    Forger::new().started("Compose", &[], &Detail::Branch(0)).must_be_refused(reason);
    Forger::new().started("If", &[], &timer()).must_be_refused(reason);
    Forger::new().started("Loop", &[], &Detail::Branch(0)).must_be_refused(reason);
    let until = Detail::Until { count_max: 1, deadline: BEGIN };
    Forger::new().started("Loop", &[], &until).must_be_refused(reason);
}

#[test]
fn an_action_begins_and_ends_once() {
    let branch = Detail::Branch(0);
    let twice = Forger::new().started("If", &[], &branch).started("If", &[], &branch);
    twice.must_be_refused("an action begins twice");
    let skipped = Forger::new().started("If", &[], &branch).skipped("If", &SkipReason::Branch);
    skipped.must_be_refused("an action begins twice");
    let ends = "an action ends twice, or with no final status";
    let done = |forger: Forger| forger.finished("Compose", &[], Status::Succeeded);
    done(done(Forger::new())).must_be_refused(ends);
    Forger::new().finished("Compose", &[], Status::Running).must_be_refused(ends);
}

#[test]
fn a_container_outlives_what_it_holds() {
    let inside = "an action begins in a block that was not entered";
    Forger::new().started("Yes", &[], &timer()).must_be_refused(inside);
    let other = Forger::new().started("If", &[], &Detail::Branch(1)).started("Yes", &[], &timer());
    other.must_be_refused(inside);
    let before = "a container ends before what it holds";
    let open = Forger::new().started("If", &[], &Detail::Branch(0));
    open.finished("If", &[], Status::Succeeded).must_be_refused(before);
    let open = Forger::new().started("Loop", &[], &items()).started("Inner", &[0], &timer());
    open.finished("Loop", &[], Status::Succeeded).must_be_refused(before);
}

/// The number of an iteration was once counted on without a look at its size.
#[test]
fn iterations_come_in_order_within_their_loop() {
    let reason = "an iteration is not the next of its loop";
    let open = || Forger::new().started("Loop", &[], &items());
    open().finished("Done", &[u32::MAX], Status::Succeeded).must_be_refused(reason);
    open().finished("Done", &[2], Status::Succeeded).must_be_refused(reason);
    let done = |forger: Forger, index: u32| {
        let forger = forger.finished("Inner", &[index], Status::Succeeded);
        forger.finished("Done", &[index], Status::Succeeded)
    };
    done(done(open(), 0), 0).must_be_refused(reason);
    let until = Detail::Until { count_max: u32::MAX, deadline: BEGIN };
    let turned = Forger::new().started("Until", &[], &until);
    turned.finished("Turn", &[u32::MAX], Status::Succeeded).must_be_refused(reason);
}

#[test]
fn a_run_ends_once() {
    let ended = Forger::new().run_finished(Status::Succeeded);
    let after = ended.finished("Compose", &[], Status::Succeeded);
    after.must_be_refused("an event comes after the end");
    Forger::new().run_finished(Status::Running).must_be_refused("a run ends with no final status");
}

#[test]
fn reasons_name_actions_that_are_there() {
    let on = SkipReason::Condition { on: ActionId(99), was: Status::Failed };
    let reason = "a reason names an action that the version does not have";
    Forger::new().skipped("Compose", &on).must_be_refused(reason);
}

/// Every byte of a snapshot, changed in some ways: loading comes to an end, and what it gives
/// can be looked at.
#[test]
fn a_damaged_snapshot_is_loaded_or_refused() {
    let run = Forger::new()
        .started("If", &[], &Detail::Branch(0))
        .started("Yes", &[], &timer())
        .started("Loop", &[], &items())
        .started("Inner", &[0], &timer())
        .finished("Compose", &[], Status::Succeeded)
        .load()
        .expect("a sound history");
    let written = run.write_snapshot(BEGIN).bytes;
    let mut refused = 0;
    for at in 0..written.len() {
        for change in [1, 2, 7, 0x80, 0xff] {
            let mut bytes = written.clone();
            bytes[at] ^= change;
            let stored = Stored { snapshot: Some((5, bytes)), chunks: Vec::new() };
            let flow = Arc::clone(run.flow());
            match Run::load(flow, info(), run.id, &stored, &Payloads::new()) {
                Ok(run) => drop((run.due(), run.calls_under_way())),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > written.len(), "{refused} changes of {} bytes", written.len());
}
