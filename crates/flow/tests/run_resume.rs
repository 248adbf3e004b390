//! Runs that go on where another ended: what was finished is not done again.

mod world;

use durable::{Partition, ProcessId};
use expr::Value;
use flow::definition::Flow;
use flow::run::event::{EventWriter, Payloads, ReadError};
use flow::run::{Input, Moment, Past, ResumeError, Run, StartRequest, Status, Stored};
use std::fmt::Write;
use std::sync::Arc;
use world::script::Script;
use world::{BEGIN, Mode, Played, flow_of, flow_of_actions, json, play_all, resume_all};

fn http(address: &str, after: &str) -> String {
    format!(
        r#"{{"type": "Http", "runAfter": {{{after}}}, "inputs": {{"method": "GET",
            "uri": "https://x/{address}", "retryPolicy": {{"type": "none"}}}}}}"#
    )
}

fn after(name: &str) -> String {
    format!(r#""{name}": ["Succeeded"]"#)
}

/// Calls that fail in the first run.
fn failing(addresses: &[&str]) -> Script {
    let calls: Vec<String> = addresses
        .iter()
        .map(|it| format!(r#""https://x/{it}": [{{"status": 404, "after": 1}}]"#))
        .collect();
    Script::of(&json(&format!(r#"{{"calls": {{{}}}}}"#, calls.join(","))))
}

/// A failed run and the one that goes on from it.
fn repaired(flow: &Arc<Flow>, addresses: &[&str]) -> (Played, Played) {
    let failed = play_all(flow, &failing(addresses));
    assert_eq!(failed.status, Status::Failed, "{}", failed.log);
    let resumed = resume_all(flow, (flow, &failed), &Script::default());
    (failed, resumed)
}

fn called(played: &Played) -> Vec<&str> {
    played.calls.iter().map(|uri| uri.trim_start_matches("https://x/")).collect()
}

fn record(played: &Played, name: &str) -> Value {
    let mut found = played.records.iter().map(|text| json(text));
    found
        .find(|record| record.get("name").is_some_and(|it| it.text() == name))
        .unwrap_or_else(|| panic!("no record of {name}\n{}", played.log))
}

fn status(played: &Played, name: &str) -> String {
    record(played, name).get("status").map(Value::text).unwrap_or_default().to_string()
}

#[test]
fn a_sequence_goes_on_with_what_failed() {
    let actions = format!(
        r#"{{"A": {}, "B": {}, "C": {}, "D": {{"type": "Compose", "inputs": "@outputs('A')", "runAfter": {{{}}}}}}}"#,
        http("a", ""),
        http("b", &after("A")),
        http("c", &after("B")),
        after("C")
    );
    let flow = flow_of_actions(&actions);
    let (failed, resumed) = repaired(&flow, &["b"]);
    assert_eq!(called(&failed), ["a", "b"]);
    assert_eq!(called(&resumed), ["b", "c"]);
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
    let (before, carried) = (record(&failed, "A"), record(&resumed, "A"));
    for part in ["inputs", "outputs", "startTime", "endTime", "status", "code"] {
        assert_eq!(before.get(part), carried.get(part), "{part}");
    }
    assert_eq!(carried.get("carried"), Some(&Value::Bool(true)));
    assert_eq!(record(&resumed, "B").get("carried"), None);
    assert_eq!(record(&resumed, "D").get("outputs"), carried.get("outputs"));
}

#[test]
fn parallel_branches_keep_what_they_finished() {
    let actions = format!(
        r#"{{"A": {}, "B": {}, "C": {}, "D": {}, "Join": {}}}"#,
        http("a", ""),
        http("b", ""),
        http("c", &after("A")),
        http("d", &after("B")),
        http("join", &format!("{}, {}", after("C"), after("D"))),
    );
    let (_, resumed) = repaired(&flow_of_actions(&actions), &["c"]);
    assert_eq!(called(&resumed), ["c", "join"]);
    assert_eq!(resumed.status, Status::Succeeded);
}

#[test]
fn what_ran_because_of_the_failure_is_not_carried() {
    let actions = format!(
        r#"{{"A": {}, "Handler": {}, "Always": {}, "B": {}}}"#,
        http("a", ""),
        http("handler", r#""A": ["Failed"]"#),
        http("always", r#""A": ["Succeeded", "Failed"]"#),
        http("b", &format!("{}, \"Always\": [\"Succeeded\"]", after("A"))),
    );
    let flow = flow_of_actions(&actions);
    let (failed, resumed) = repaired(&flow, &["a", "always"]);
    assert_eq!(called(&failed), ["a", "handler", "always"]);
    assert_eq!(called(&resumed), ["a", "always", "b"]);
    assert_eq!(status(&resumed, "Handler"), "Skipped");
    assert_eq!(resumed.status, Status::Succeeded);
    // and when it fails again, it is handled again
    let again = resume_all(&flow, (&flow, &failed), &failing(&["a"]));
    assert_eq!(called(&again), ["a", "handler", "always"]);
}

#[test]
fn a_scope_that_failed_goes_on_and_one_that_succeeded_stays_whole() {
    let actions = format!(
        r#"{{"Try": {{"type": "Scope", "actions": {{"T1": {}, "T2": {}}}}},
            "Good": {{"type": "Scope", "actions": {{"G1": {}, "G2": {}}}}},
            "Last": {}}}"#,
        http("t1", ""),
        http("t2", &after("T1")),
        http("g1", ""),
        http("g2", r#""G1": ["Failed"]"#),
        http("last", &format!("{}, {}", after("Try"), after("Good"))),
    );
    let (_, resumed) = repaired(&flow_of_actions(&actions), &["t2", "g1"]);
    assert_eq!(called(&resumed), ["t2", "last"]);
    assert_eq!(status(&resumed, "G1"), "Failed");
    assert_eq!(status(&resumed, "Good"), "Succeeded");
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
}

#[test]
fn a_branch_that_was_taken_stays_taken() {
    let actions = format!(
        r#"{{"Init": {{"type": "InitializeVariable", "inputs": {{"variables": [{{"name": "n", "type": "integer"}}]}}}},
            "If": {{"type": "If", "expression": "@equals(variables('n'),0)", "runAfter": {{{}}},
                "actions": {{"Add": {{"type": "IncrementVariable", "inputs": {{"name": "n"}}}}, "Y": {}}},
                "else": {{"actions": {{"N": {}}}}}}},
            "Switch": {{"type": "Switch", "expression": "@variables('n')", "runAfter": {{{}}}, "cases": {{
                "One": {{"case": 1, "actions": {{"S": {}}}}}}}, "default": {{"actions": {{}}}}}}}}"#,
        after("Init"),
        http("y", &after("Add")),
        http("n", ""),
        after("If"),
        http("s", ""),
    );
    let flow = flow_of_actions(&actions);
    let (_, resumed) = repaired(&flow, &["y"]);
    assert_eq!(called(&resumed), ["y", "s"]);
    assert_eq!(status(&resumed, "N"), "Skipped");
    let (_, resumed) = repaired(&flow, &["s"]);
    assert_eq!(called(&resumed), ["s"]);
}

fn foreach(concurrency: u32) -> String {
    format!(
        r#"{{"Init": {{"type": "InitializeVariable", "inputs": {{"variables": [{{"name": "n", "type": "integer"}}]}}}},
        "Loop": {{"type": "Foreach", "foreach": "@range(0,5)", "runAfter": {{{}}},
            "runtimeConfiguration": {{"concurrency": {{"repetitions": {concurrency}}}}}, "actions": {{
            "A": {}, "Add": {{"type": "IncrementVariable", "inputs": {{"name": "n"}}, "runAfter": {{{}}}}}, "B": {}}}}},
        "Sum": {{"type": "Compose", "inputs": "@variables('n')", "runAfter": {{{}}}}},
        "Of": {{"type": "Compose", "inputs": "@length(result('Loop'))", "runAfter": {{{}}}}}}}"#,
        after("Init"),
        http("a@{item()}", ""),
        after("A"),
        http("b@{item()}", &after("Add")),
        after("Loop"),
        after("Loop"),
    )
}

#[test]
fn iterations_that_failed_go_on_and_the_others_stay() {
    for concurrency in [1, 2, 20] {
        let flow = flow_of_actions(&foreach(concurrency));
        let (failed, resumed) = repaired(&flow, &["b1", "a3", "b4"]);
        assert_eq!(called(&failed).len(), 9);
        let mut calls = called(&resumed);
        if concurrency == 1 {
            assert_eq!(calls, ["b1", "a3", "b3", "b4"], "one at a time, in order");
        }
        calls.sort_unstable();
        assert_eq!(calls, ["a3", "b1", "b3", "b4"], "{concurrency}");
        assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
        assert_eq!(record(&resumed, "Sum").get("outputs"), Some(&Value::Int(5)));
        assert_eq!(record(&resumed, "Of").get("outputs"), Some(&Value::Int(15)));
    }
}

#[test]
fn a_cancelled_loop_goes_on_with_the_iterations_that_had_not_begun() {
    let flow = flow_of_actions(&foreach(2));
    let mut script = Script::of(&json(
        r#"{"cancel": 7, "calls": {"*": [{"status": 200, "after": 2}], "https://x/a1": [{"status": 404}]}}"#,
    ));
    script.caller = "nobody".to_owned();
    let cancelled = play_all(&flow, &script);
    assert_eq!(cancelled.status, Status::Cancelled, "{}", cancelled.log);
    let resumed = resume_all(&flow, (&flow, &cancelled), &Script::default());
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
    assert_eq!(record(&resumed, "Sum").get("outputs"), Some(&Value::Int(5)));
    let ended = |uri: &str| cancelled.log.contains(uri);
    assert!(ended("https://x/a0") && !called(&resumed).contains(&"a0"), "{:?}", resumed.calls);
}

#[test]
fn an_until_goes_on_in_the_iteration_that_failed() {
    let actions = format!(
        r#"{{"Init": {{"type": "InitializeVariable", "inputs": {{"variables": [{{"name": "n", "type": "integer"}}]}}}},
        "Loop": {{"type": "Until", "expression": "@or(equals(variables('n'),3),equals(actions('B')?['status'],'Failed'))",
            "limit": {{"count": 3, "timeout": "PT1M"}}, "runAfter": {{{}}}, "actions": {{
            "A": {}, "Add": {{"type": "IncrementVariable", "inputs": {{"name": "n"}}, "runAfter": {{{}}}}}, "B": {}}}}},
        "Sum": {{"type": "Compose", "inputs": "@variables('n')", "runAfter": {{{}}}}}}}"#,
        after("Init"),
        http("a@{iterationIndexes('Loop')}", ""),
        after("A"),
        http("b@{iterationIndexes('Loop')}", &after("Add")),
        after("Loop"),
    );
    let flow = flow_of_actions(&actions);
    let (failed, resumed) = repaired(&flow, &["b1"]);
    assert_eq!(called(&failed), ["a0", "b0", "a1", "b1"]);
    assert_eq!(called(&resumed), ["b1", "a2", "b2"]);
    assert_eq!(record(&resumed, "Sum").get("outputs"), Some(&Value::Int(3)));
}

#[test]
fn an_until_that_used_up_its_limit_gets_it_anew() {
    let actions = format!(
        r#"{{"Loop": {{"type": "Until", "expression": "@equals(outputs('A')?['statusCode'],201)",
            "operationOptions": "FailWhenLimitsReached", "limit": {{"count": 2, "timeout": "PT1M"}},
            "actions": {{"A": {}}}}}}}"#,
        http("a", "")
    );
    let flow = flow_of_actions(&actions);
    let failed = play_all(&flow, &Script::default());
    assert_eq!((failed.status, failed.calls.len()), (Status::Failed, 2), "{}", failed.log);
    let script =
        Script::of(&json(r#"{"calls": {"https://x/a": [{"status": 200}, {"status": 201}]}}"#));
    let resumed = resume_all(&flow, (&flow, &failed), &script);
    assert_eq!((resumed.status, resumed.calls.len()), (Status::Succeeded, 2), "{}", resumed.log);
}

#[test]
fn loops_in_loops_go_on_inside() {
    let actions = format!(
        r#"{{"Outer": {{"type": "Foreach", "foreach": "@range(0,3)",
            "runtimeConfiguration": {{"concurrency": {{"repetitions": 1}}}}, "actions": {{
            "Pre": {}, "Inner": {{"type": "Foreach", "foreach": "@range(0,3)", "runAfter": {{{}}},
                "runtimeConfiguration": {{"concurrency": {{"repetitions": 2}}}}, "actions": {{
                "Scope": {{"type": "Scope", "actions": {{"X": {}, "Y": {}}}}}}}}}}}}}}}"#,
        http("pre@{items('Outer')}", ""),
        after("Pre"),
        http("x@{items('Outer')}@{items('Inner')}", ""),
        http("y@{items('Outer')}@{items('Inner')}", &after("X")),
    );
    let (_, resumed) = repaired(&flow_of_actions(&actions), &["y01", "x02", "pre1", "y22"]);
    let mut calls = called(&resumed);
    calls.sort_unstable();
    let expected = ["pre1", "x02", "x10", "x11", "x12", "y01", "y02", "y10", "y11", "y12", "y22"];
    assert_eq!(calls, expected);
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
}

#[test]
fn variables_are_as_carried_actions_left_them() {
    let set = |value: &str, after: &str| {
        format!(
            r#"{{"type": "AppendToStringVariable", "inputs": {{"name": "s", "value": "{value}"}}, "runAfter": {{{after}}}}}"#
        )
    };
    let actions = format!(
        r#"{{"Init": {{"type": "InitializeVariable", "inputs": {{"variables": [{{"name": "s", "type": "string"}}]}}}},
        "Slow": {}, "First": {}, "Quick": {}, "Second": {}, "Fails": {}, "Handler": {},
        "End": {{"type": "Compose", "inputs": "@variables('s')", "runAfter": {{{}}}}}}}"#,
        http("slow", &after("Init")),
        set("1", &after("Slow")),
        http("quick", &after("Init")),
        set("2", &after("Quick")),
        http("fails", &format!("{}, {}", after("First"), after("Second"))),
        set("!", r#""Fails": ["Failed"]"#),
        after("Fails"),
    );
    let flow = flow_of_actions(&actions);
    let script = Script::of(&json(
        r#"{"calls": {"https://x/slow": [{"status": 200, "after": 9}], "https://x/fails": [{"status": 500}]}}"#,
    ));
    let failed = play_all(&flow, &script);
    assert_eq!(failed.status, Status::Failed, "{}", failed.log);
    let resumed = resume_all(&flow, (&flow, &failed), &script);
    assert_eq!(called(&resumed), ["fails"]);
    assert_eq!(resumed.status, Status::Failed);
    let third = resume_all(&flow, (&flow, &resumed), &Script::default());
    assert_eq!(called(&third), ["fails"]);
    // in the order of the first run, and without what ran because of the failures
    assert_eq!(record(&third, "End").get("outputs"), Some(&"21".into()), "{}", third.log);
}

#[test]
fn a_corrected_version_is_matched_by_name() {
    let before = format!(
        r#"{{"A": {}, "Gone": {}, "Other": {}, "B": {}, "C": {}}}"#,
        http("a", ""),
        http("gone", &after("A")),
        http("other", &after("A")),
        http("b", &after("Other")),
        http("c", &after("B")),
    );
    let corrected = format!(
        r#"{{"A": {}, "Other": {{"type": "Compose", "inputs": "new", "runAfter": {{{}}}}},
            "New": {}, "B": {}, "C": {}}}"#,
        http("changed", ""),
        after("A"),
        http("new", &after("A")),
        http("fixed", &after("Other")),
        http("c", &after("B")),
    );
    let (old, new) = (flow_of_actions(&before), flow_of_actions(&corrected));
    let failed = play_all(&old, &failing(&["b"]));
    let resumed = resume_all(&new, (&old, &failed), &Script::default());
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
    let mut calls = called(&resumed);
    calls.sort_unstable();
    assert_eq!(calls, ["c", "fixed", "new"]);
    assert_eq!(record(&resumed, "A").get("carried"), Some(&Value::Bool(true)));
    // another type: it runs
    assert_eq!(record(&resumed, "Other").get("outputs"), Some(&"new".into()));
}

#[test]
fn an_action_at_another_place_runs_and_a_dropped_failure_is_gone() {
    let before = format!(
        r#"{{"S": {{"type": "Scope", "actions": {{"A": {}, "Bad": {}}}}}, "T": {{"type": "Scope", "actions": {{"M": {}}}}},
            "End": {}}}"#,
        http("a", ""),
        http("bad", ""),
        http("m", ""),
        http("end", &format!("{}, {}", after("S"), after("T"))),
    );
    let corrected = format!(
        r#"{{"S": {{"type": "Scope", "actions": {{"A": {}}}}}, "T": {{"type": "Scope", "actions": {{"Late": {}}}}},
            "M": {}, "End": {}}}"#,
        http("a", ""),
        http("late", ""),
        http("m", ""),
        http("end", &format!("{}, {}", after("S"), after("T"))),
    );
    let (old, new) = (flow_of_actions(&before), flow_of_actions(&corrected));
    let failed = play_all(&old, &failing(&["bad"]));
    let resumed = resume_all(&new, (&old, &failed), &Script::default());
    let mut calls = called(&resumed);
    calls.sort_unstable();
    assert_eq!(calls, ["end", "m"], "{}", resumed.log);
    assert_eq!(status(&resumed, "S"), "Succeeded");
    // its scope was over
    assert_eq!(status(&resumed, "Late"), "Skipped");
    assert_eq!(resumed.status, Status::Succeeded);
}

#[test]
fn with_nothing_left_to_do_the_run_ends_at_once() {
    let text = |value: &str| {
        format!(
            r#"{{"triggers": {{"t": {{"type": "Request"}}}}, "outputs": {{"o": {{"type": "string", "value": "{value}"}}}},
                "actions": {{"A": {}}}}}"#,
            http("a", "")
        )
    };
    let (old, new) = (flow_of(text("@int('x')").as_bytes()), flow_of(text("fine").as_bytes()));
    let failed = play_all(&old, &Script::default());
    assert_eq!(failed.status, Status::Failed);
    let resumed = resume_all(&new, (&old, &failed), &Script::default());
    assert_eq!((resumed.status, resumed.calls.len()), (Status::Succeeded, 0), "{}", resumed.log);
}

#[test]
fn what_ended_the_run_is_decided_anew_and_nobody_waits_for_a_response() {
    let actions = format!(
        r#"{{"Answer": {{"type": "Response", "kind": "Http", "inputs": {{"statusCode": 200}}}},
            "A": {}, "Stop": {{"type": "Terminate", "runAfter": {{"A": ["Failed"]}},
                "inputs": {{"runStatus": "Failed", "runError": {{"code": "X"}}}}}},
            "Late": {{"type": "Response", "kind": "Http", "runAfter": {{{}}}, "inputs": {{"statusCode": 200}}}}}}"#,
        http("a", &after("Answer")),
        after("A"),
    );
    let flow = flow_of_actions(&actions);
    let mut script = failing(&["a"]);
    script.caller = "request".to_owned();
    let failed = play_all(&flow, &script);
    assert_eq!(failed.status, Status::Failed);
    let resumed = resume_all(&flow, (&flow, &failed), &Script::default());
    assert_eq!(status(&resumed, "Answer"), "Succeeded");
    assert_eq!(status(&resumed, "Stop"), "Skipped");
    assert_eq!(status(&resumed, "Late"), "Skipped");
    assert_eq!(resumed.reply, None);
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
}

#[test]
fn a_held_run_has_everything_when_its_turn_comes() {
    let flow = flow_of_actions(&foreach(1));
    let failed = play_all(&flow, &failing(&["b1", "a3"]));
    let script = Script::of(&json(r#"{"release": 5}"#));
    let resumed = resume_all(&flow, (&flow, &failed), &script);
    assert_eq!(called(&resumed), ["b1", "a3", "b3"]);
    assert_eq!(resumed.status, Status::Succeeded, "{}", resumed.log);
}

#[test]
fn large_values_are_carried_and_too_much_is_refused() {
    let big = "x".repeat(100_000);
    let actions = format!(
        r#"{{"Big": {{"type": "Compose", "inputs": "{big}"}}, "A": {}}}"#,
        http("a", &after("Big"))
    );
    let (_, resumed) = repaired(&flow_of_actions(&actions), &["a"]);
    assert_eq!(record(&resumed, "Big").get("outputs").map(Value::text).unwrap().len(), 100_000);
    assert_eq!(resumed.payloads.len(), 1, "it is stored with the new run");

    let many = format!(
        r#"{{"Loop": {{"type": "Foreach", "foreach": "@range(0,500)", "actions": {{
            "Much": {{"type": "Compose", "inputs": "{}"}}}}}}, "A": {}}}"#,
        "y".repeat(10_000),
        http("a", &after("Loop"))
    );
    let flow = flow_of_actions(&many);
    let failed = world::play(&flow, &failing(&["a"]), Mode::Live);
    let resumed = world::resume(&flow, (&flow, &failed), &Script::default(), Mode::Reload);
    assert_eq!((called(&resumed), resumed.status), (vec!["a"], Status::Succeeded));
    assert_eq!(resumed.records.len(), failed.records.len());
    let chunks = resumed.chunks.iter().map(Vec::len);
    assert!(chunks.clone().sum::<usize>() > 5_000_000 && chunks.max() < Some(3_000_000));
}

#[test]
fn too_many_iterations_that_go_on_are_refused() {
    let mut body = r#""First": {"type": "Compose", "inputs": "@int('x')"}"#.to_owned();
    for at in 0..2_500 {
        let _ = write!(
            body,
            r#", "C{at}": {{"type": "Compose", "inputs": 1, "runAfter": {{{}}}}}"#,
            after("First")
        );
    }
    let flow = flow_of_actions(&format!(
        r#"{{"Loop": {{"type": "Foreach", "foreach": "@range(0,101)", "actions": {{{body}}}}}}}"#
    ));
    // without the world, which reads a run back after every step
    let request = start_of(&flow);
    let mut past = Past::new(Arc::clone(&flow), request.id);
    let moment = Moment { now: BEGIN, seed: 1 };
    let (mut run, mut step) = Run::start(request, moment).expect("a trigger");
    loop {
        if let Some(chunk) = &step.batch.chunk {
            let bytes = durable::codec::decompress(chunk).expect("a chunk");
            past.read(&bytes, &Payloads::new()).expect("events");
        }
        if !step.more {
            break;
        }
        step = run.handle(Input::Continue, moment);
    }
    assert_eq!(run.status(), Status::Failed);
    let request = StartRequest { id: ProcessId::new(BEGIN, Partition(1), 2), ..start_of(&flow) };
    let refused = Run::resume(request, &past, Moment { now: BEGIN, seed: 1 });
    assert_eq!(refused.map(|_| ()), Err(ResumeError::TooLarge));
}

#[test]
fn a_resumed_run_that_is_cancelled_goes_on_once_more() {
    let flow = flow_of_actions(&foreach(1));
    let failed = play_all(&flow, &failing(&["b1", "a3", "b4"]));
    let script =
        Script::of(&json(r#"{"cancel": 3, "calls": {"*": [{"status": 200, "after": 2}]}}"#));
    let cancelled = resume_all(&flow, (&flow, &failed), &script);
    assert_eq!(cancelled.status, Status::Cancelled, "{}", cancelled.log);
    assert_eq!(called(&cancelled), ["b1", "a3"]);
    let resumed = resume_all(&flow, (&flow, &cancelled), &Script::default());
    assert_eq!(called(&resumed), ["a3", "b3", "b4"], "{}", resumed.log);
    assert_eq!(record(&resumed, "Sum").get("outputs"), Some(&Value::Int(5)));
    assert_eq!(resumed.status, Status::Succeeded);
}

#[test]
fn what_is_stored_of_a_run_that_was_resumed_halfway_is_damage() {
    let flow = flow_of_actions(&foreach(1));
    let request = StartRequest { is_held: true, ..start_of(&flow) };
    let (id, info) = (request.id, Arc::clone(&request.info));
    let (_, step) = Run::start(request, Moment { now: BEGIN, seed: 1 }).expect("a trigger");
    let begun = durable::codec::decompress(&step.batch.chunk.expect("a chunk")).expect("a chunk");
    let from = ProcessId::new(BEGIN, Partition(7), 42);
    let chunk = |write: &dyn Fn(&mut EventWriter)| {
        let mut events = EventWriter::new(BEGIN);
        write(&mut events);
        events.bytes
    };
    let load = |chunks: Vec<Vec<u8>>| {
        let stored = Stored { snapshot: None, chunks };
        let loaded = Run::load(Arc::clone(&flow), Arc::clone(&info), id, &stored, &Payloads::new());
        loaded.map(|run| run.status())
    };
    let halfway = chunk(&|events| events.resumed(from));
    let all = chunk(&|events| events.carried_all(&[None]));
    let none = chunk(&|events| events.carried_all(&[]));
    let corrupt = |text| Err(ReadError::Corrupt(text));
    assert_eq!(load(vec![begun.clone(), halfway.clone(), all.clone()]), Ok(Status::Waiting));
    assert_eq!(load(vec![begun.clone(), halfway.clone()]), corrupt("a run was resumed halfway"));
    let wrong = corrupt("a run is resumed when it has begun");
    assert_eq!(load(vec![halfway.clone()]), wrong);
    assert_eq!(load(vec![begun.clone(), all.clone()]), wrong);
    assert_eq!(load(vec![begun.clone(), halfway.clone(), all, halfway.clone()]), wrong);
    let unknown = corrupt("a variable is not in the definition");
    assert_eq!(load(vec![begun, halfway, none]), unknown);
}

fn start_of(flow: &Arc<Flow>) -> StartRequest<'static> {
    StartRequest {
        id: ProcessId::new(BEGIN, Partition(1), 1),
        flow: Arc::clone(flow),
        info: world::info(),
        trigger: "t",
        outputs: Value::Null,
        raw_body: None,
        scheduled: None,
        client_tracking_id: None,
        origin: None,
        caller: flow::run::state::Caller::Nobody,
        start_key: None,
        parameters: expr::Object::new(),
        invoker: expr::Value::Null,
        is_held: false,
    }
}
