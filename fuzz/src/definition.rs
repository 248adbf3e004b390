//! Target `definition`: a document is loaded, its triggers fire, and a run goes some steps.

use crate::world::{self, BEGIN, Beginning};
use expr::{Value, json};
use flow::definition::{Flow, LoadOptions, Severity, Trigger, TriggerBehavior, load};
use flow::trigger::fire::{Fired, Occurrence, fire};
use std::sync::{Arc, LazyLock};

/// Occurrences of a recurrence that are asked for.
const OCCURRENCES_MAX: usize = 8;

/// Runs of a trigger that splits an array.
const RUNS_MAX: usize = 2;

static OUTPUTS: LazyLock<Value> = LazyLock::new(|| {
    let text = r#"{"headers": {"Content-Type": "application/json", "X": "1"}, "queries": {"q": "2"},
        "body": {"n": 5, "s": "text", "list": [{"id": 1}, {"id": 2, "name": "b"}, 3], "b": true}}"#;
    json::parse(text.as_bytes()).expect("the outputs are JSON")
});

/// Loads a document, and runs the flow when there is one.
pub fn definition(data: &[u8]) {
    let report = load(data, &LoadOptions::default());
    for problem in &report.problems {
        assert!(problem.path.starts_with('$'), "{problem:?}");
        assert!(!problem.message.is_empty() && !problem.code.is_empty(), "{problem:?}");
    }
    let is_refused = report.problems.iter().any(|it| it.severity == Severity::Error);
    assert_eq!(is_refused, report.loaded.is_none(), "errors refuse a definition: {report:?}");
    let Some(loaded) = report.loaded else { return };
    let flow = Arc::new(loaded.flow);
    for trigger in flow.triggers.iter().take(RUNS_MAX) {
        occurrences(trigger);
        run(&flow, trigger);
    }
}

/// Occurrences come one after the other.
fn occurrences(trigger: &Trigger) {
    let TriggerBehavior::Recurrence(recurrence) = &trigger.behavior else { return };
    let mut last = None;
    for _ in 0..OCCURRENCES_MAX {
        let Some(next) = recurrence.next_after(BEGIN, last) else { break };
        assert!(last.is_none_or(|last| last < next), "an occurrence is later than the last");
        last = Some(next);
    }
}

fn run(flow: &Arc<Flow>, trigger: &Trigger) {
    let occurrence = Occurrence {
        outputs: OUTPUTS.clone(),
        tracking: None,
        run: world::run_id(),
        moment: world::moment(BEGIN),
        parameters: expr::Object::new(),
    };
    let Fired::Runs { outputs, client_tracking_id, .. } =
        fire(flow, &world::info(), trigger, occurrence)
    else {
        return;
    };
    for outputs in outputs.into_iter().take(RUNS_MAX) {
        let (trigger, client_tracking_id) = (&*trigger.name, client_tracking_id.clone());
        world::play(flow, Beginning { trigger, outputs, raw_body: None, client_tracking_id });
    }
}
