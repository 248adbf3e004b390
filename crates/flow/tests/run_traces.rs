//! Recorded runs of the real service and of its local host, when they lie beside the
//! checkout: every action ends with the recorded status, code and error.

mod world;

use expr::Value;
use std::path::Path;
use world::script::Script;
use world::{flow_of, json, play_all};

fn traces(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there are no recorded runs at {}", path.display());
        return Vec::new();
    };
    text.lines().map(json).collect()
}

fn definition(trace: &Value) -> Vec<u8> {
    expr::json::to_string(trace.get("definition").expect("a definition")).into_bytes()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).map(Value::text).unwrap_or_default().to_string()
}

#[test]
fn actions_end_as_in_recorded_runs() {
    for trace in traces("run-traces.jsonl") {
        let id = text(&trace, "id");
        let flow = flow_of(&definition(&trace));
        let played = play_all(&flow, &Script::default());
        let recorded = trace.get("run").expect("a run");
        assert_eq!(played.status.name(), text(recorded, "status"), "{id}");
        let records: Vec<Value> = played.records.iter().map(|record| json(record)).collect();
        let actions = recorded.get("actions").and_then(Value::as_object).expect("actions");
        let names: std::collections::BTreeSet<String> =
            records.iter().map(|record| text(record, "name")).collect();
        assert_eq!(names.len(), actions.len(), "{id}: {names:?}");
        for (name, expected) in actions.iter() {
            let mine: Vec<&Value> =
                records.iter().filter(|record| text(record, "name") == name.as_str()).collect();
            let repetitions = expected.get("repetitionCount").and_then(Value::as_int).unwrap_or(1);
            assert_eq!(mine.len() as i64, repetitions, "{id}: {name}");
            for record in mine {
                for part in ["status", "code", "error"] {
                    assert_eq!(record.get(part), expected.get(part), "{id}: {name}.{part}");
                }
            }
            if let Some(count) = expected.get("iterationCount").and_then(Value::as_int) {
                assert!(played.log.contains(&format!("({count} iterations)")), "{id}: {name}");
            }
        }
    }
}

#[test]
fn responses_are_as_recorded() {
    // times and ids differ from run to run
    let volatile = ["startTime", "endTime", "trackingId", "clientTrackingId", "originHistoryName"];
    for trace in traces("http-traces.jsonl") {
        let id = text(&trace, "id");
        let expected = trace.get("response").expect("a response");
        let body = expected.get("body").cloned().unwrap_or_default();
        let mut script = Script::default();
        script.caller = "request".to_owned();
        script.trigger = body.get("outputs").cloned().unwrap_or_default();
        let played = play_all(&flow_of(&definition(&trace)), &script);
        let Some(flow::run::Reply::Response(response)) = played.reply else {
            panic!("{id}: {}", played.log);
        };
        assert_eq!(response.get("statusCode"), expected.get("status"), "{id}");
        let without = |value: &Value| match value {
            Value::Object(object) => {
                let mut kept = expr::Object::clone(object);
                for name in volatile {
                    assert!(kept.remove(name).is_some(), "{id}: {name} is missing");
                }
                Value::from(kept)
            }
            other => other.clone(),
        };
        let given = response.get("body").cloned().unwrap_or_default();
        assert_eq!(without(&given), without(&body), "{id}");
    }
}
