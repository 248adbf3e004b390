//! A run that is lost between two parts of a large step: what it had opened is opened again.

mod world;

use durable::{Partition, ProcessId};
use flow::run::event::Payloads;
use flow::run::history::HistoryReader;
use flow::run::state::Caller;
use flow::run::{Input, Moment, Run, StartRequest};
use std::collections::BTreeSet;
use world::store::Store;
use world::{BEGIN, SECOND, flow_of_actions, info};

/// `fill` iterations before a loop whose first iteration waits; those after it take many steps.
fn actions(fill: usize) -> String {
    format!(
        r#"{{
        "Even": {{"type": "Compose", "inputs": 0}},
        "Fill": {{"type": "Foreach", "foreach": "@range(0,{fill})", "operationOptions": "Sequential",
            "runAfter": {{"Even": ["Succeeded"]}},
            "actions": {{"One": {{"type": "Compose", "inputs": 1}}}}}},
        "Loop": {{"type": "Foreach", "foreach": "@range(0,4)", "runAfter": {{"Fill": ["Succeeded"]}},
            "runtimeConfiguration": {{"concurrency": {{"repetitions": 2}}}}, "actions": {{
            "If": {{"type": "If", "expression": "@equals(item(),0)",
                "actions": {{"Wait": {{"type": "Wait", "inputs": {{"interval": {{"count": 1, "unit": "Second"}}}}}}}},
                "else": {{"actions": {{
                    "Many": {{"type": "Foreach", "foreach": "@range(0,3000)", "operationOptions": "Sequential",
                        "actions": {{"Two": {{"type": "Compose", "inputs": 2}}}}}}}}}}}}}}}}
        }}"#
    )
}

/// The iterations of the loop that came to their end, and the steps it took.
fn iterations_after_a_crash(fill: usize) -> BTreeSet<u32> {
    let flow = flow_of_actions(&actions(fill));
    let id = ProcessId::new(BEGIN, Partition(7), 1);
    let mut now = BEGIN;
    let request = StartRequest {
        id,
        flow: flow.clone(),
        info: info(),
        trigger: "t",
        outputs: expr::Value::Null,
        raw_body: None,
        scheduled: None,
        client_tracking_id: None,
        origin: None,
        caller: Caller::Nobody,
        start_key: None,
        parameters: expr::Object::new(),
        invoker: expr::Value::Null,
        is_held: false,
    };
    let (mut run, step) = Run::start(request, Moment { now, seed: 1 }).expect("a trigger");
    let mut store = Store::default();
    store.commit(&step.batch);
    // the timer of the first iteration comes between the parts, before the crash
    now += 2 * SECOND;
    let step = run.handle(Input::Due, Moment { now, seed: 1 });
    store.commit(&step.batch);
    let mut run = store.load(&flow, &info(), id);
    while !run.status().is_final() {
        now += SECOND;
        let step = run.handle(Input::Due, Moment { now, seed: 1 });
        store.commit(&step.batch);
    }
    let mut reader = HistoryReader::new(&flow, id);
    let ends = flow.find_action("If").expect("an action");
    let mut found = BTreeSet::new();
    for chunk in &store.chunks {
        let read = reader.read(chunk, &Payloads::new(), true, &mut |entry| {
            if entry.action == ends {
                found.extend(entry.path.iter().next());
            }
        });
        read.expect("a chunk");
    }
    found
}

/// A step may stop after an iteration was opened and before its first event; an input may
/// then let the iteration after it write first.
#[test]
fn an_iteration_without_events_is_not_forgotten() {
    for fill in 2_036..2_056 {
        let found = iterations_after_a_crash(fill);
        assert_eq!(found, BTreeSet::from([0, 1, 2, 3]), "with {fill} iterations before");
    }
}

/// Who invoked a run is in its history, and in a snapshot of it, with parameters and without;
/// its calls are given it.
#[test]
fn a_run_keeps_who_invoked_it() {
    let flow = flow_of_actions(
        r#"{"Rest": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Second"}}},
        "Call": {"type": "OpenApiConnection", "inputs": {"host": {"connectionName": "x",
            "operationId": "Get"}, "parameters": {}}, "runAfter": {"Rest": ["Succeeded"]}}}"#,
    );
    let id = ProcessId::new(BEGIN, Partition(7), 1);
    let somebody = expr::json::parse(br#"{"id": "somebody"}"#).expect("JSON");
    for own in [Vec::new(), vec![("own".into(), "mine".into())]] {
        let request = StartRequest {
            id,
            flow: flow.clone(),
            info: info(),
            trigger: "t",
            outputs: expr::Value::Null,
            raw_body: None,
            scheduled: None,
            client_tracking_id: None,
            origin: None,
            caller: Caller::Nobody,
            start_key: None,
            parameters: expr::Object::from_pairs(own),
            invoker: somebody.clone(),
            is_held: false,
        };
        let (run, step) = Run::start(request, Moment { now: BEGIN, seed: 1 }).expect("a trigger");
        let mut store = Store::default();
        store.commit(&step.batch);
        let restored = store.load_snapshot(&run, BEGIN, &flow, &info());
        for mut run in [store.load(&flow, &info(), id), restored] {
            let step = run.handle(Input::Due, Moment { now: BEGIN + 2 * SECOND, seed: 1 });
            let [effect] = &step.effects[..] else { panic!("{:?}", step.effects) };
            let flow::run::Request::Connector(call) = &effect.request else { panic!("{effect:?}") };
            assert_eq!(call.invoker, somebody);
        }
        let chunk = step.batch.chunk.expect("events");
        let chunk = durable::codec::decompress(&chunk).expect("a chunk");
        let mut reader = HistoryReader::new(&flow, id);
        reader.read(&chunk, &Payloads::new(), true, &mut |_| {}).expect("a chunk");
        assert_eq!(reader.invoker, somebody);
    }
}

/// Values that a run was begun with are its own: in its history, and in a snapshot of it.
#[test]
fn a_run_keeps_its_own_parameters() {
    let text = r#"{"triggers": {"t": {"type": "Request"}}, "actions": {
        "Rest": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Second"}}},
        "Say": {"type": "Compose", "inputs": "@concat(parameters('own'), parameters('other'))",
            "runAfter": {"Rest": ["Succeeded"]}}},
        "outputs": {"said": {"type": "String", "value": "@outputs('Say')"}},
        "parameters": {"own": {"type": "string", "defaultValue": "a"},
            "other": {"type": "string", "defaultValue": "b"}}}"#;
    let report = flow::definition::load(text.as_bytes(), &flow::definition::LoadOptions::default());
    let flow = std::sync::Arc::new(report.loaded.expect("a flow").flow);
    let id = ProcessId::new(BEGIN, Partition(7), 1);
    let own = expr::Object::from_pairs(vec![("own".into(), "mine".into())]);
    let request = StartRequest {
        id,
        flow: flow.clone(),
        info: info(),
        trigger: "t",
        outputs: expr::Value::Null,
        raw_body: None,
        scheduled: None,
        client_tracking_id: None,
        origin: None,
        caller: Caller::Nobody,
        start_key: None,
        parameters: own,
        invoker: expr::Value::Null,
        is_held: false,
    };
    let (run, step) = Run::start(request, Moment { now: BEGIN, seed: 1 }).expect("a trigger");
    let mut store = Store::default();
    store.commit(&step.batch);
    let restored = store.load_snapshot(&run, BEGIN, &flow, &info());
    for mut run in [store.load(&flow, &info(), id), restored] {
        let step = run.handle(Input::Due, Moment { now: BEGIN + 2 * SECOND, seed: 1 });
        let chunk = step.batch.chunk.expect("events");
        let chunk = durable::codec::decompress(&chunk).expect("a chunk");
        let mut reader = HistoryReader::new(&flow, id);
        reader.read(&chunk, &Payloads::new(), true, &mut |_| {}).expect("a chunk");
        let (_, _, _, outputs, _) = reader.end.expect("the end of the run");
        let outputs = expr::json::to_string(&outputs);
        assert!(outputs.contains("mineb"), "{outputs}");
    }
}
