//! Golden runs: each directory of `golden/` has a definition, a script of what the world
//! does, and the history that comes of it. `UPDATE_GOLDEN=1` writes the histories anew;
//! read the difference before keeping it.

mod world;

use durable::{Partition, ProcessId};
use expr::Value;
use flow::run::Moment;
use flow::trigger::fire::{Fired, Occurrence, fire};
use std::fmt::Write;
use std::path::Path;
use world::script::Script;
use world::{BEGIN, Mode, Played, flow_of, info, play_started};

#[test]
fn golden_runs_are_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = std::fs::read_dir(&root)
        .expect("the directory of golden runs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    let only = std::env::var("GOLDEN").ok();
    let mut faults = Vec::new();
    for case in &cases {
        let name = case.file_name().expect("a name").to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let history = std::panic::catch_unwind(|| history_of(case));
        match history {
            Ok(history) => faults.extend(compare(case, &name, &history)),
            Err(_) => faults.push(format!("{name}: panicked, see above")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(!cases.is_empty());
}

fn compare(case: &Path, name: &str, history: &str) -> Option<String> {
    let file = case.join("history.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, history).expect("history.txt is written");
        return None;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = expected.lines().zip(history.lines()).position(|(a, b)| a != b);
    if expected == history {
        return None;
    }
    let line = differs.unwrap_or_else(|| expected.lines().count().min(history.lines().count()));
    Some(format!(
        "{name}: line {} is\n    {}\n  expected\n    {}",
        line + 1,
        history.lines().nth(line).unwrap_or("(the end)"),
        expected.lines().nth(line).unwrap_or("(the end)")
    ))
}

/// Fires the trigger as the script says and plays what it starts, in every mode.
fn history_of(case: &Path) -> String {
    let read = |name: &str| std::fs::read(case.join(name)).expect("a file of the case");
    let flow = flow_of(&read("definition.json"));
    let script = Script::parse(&read("script.json"));
    let trigger = flow.triggers.first().expect("a trigger");
    let id = ProcessId::new(BEGIN, Partition(7), 42);
    let moment = Moment { now: BEGIN, seed: 7 };
    let tracking = script.tracking.clone();
    let outputs = script.trigger.clone();
    match fire(
        &flow,
        &info(),
        trigger,
        Occurrence { outputs, tracking, run: id, moment, parameters: expr::Object::new() },
    ) {
        Fired::Skipped => "the trigger was skipped\n".to_owned(),
        Fired::Failed(error) => {
            format!("the trigger failed\n  {}: {}\n", error.code, error.message)
        }
        Fired::Runs { outputs, is_split, client_tracking_id } => {
            let mut script = script;
            script.tracking = client_tracking_id;
            if is_split {
                script.caller = "nobody".to_owned();
            }
            let mut text = String::new();
            for (number, outputs) in outputs.iter().enumerate() {
                if is_split {
                    let _ = writeln!(text, "run {number} with {}", expr::json::to_string(outputs));
                }
                text += &play_in_all_modes(&flow, &script, outputs, number as u32).log;
            }
            text
        }
    }
}

fn play_in_all_modes(
    flow: &std::sync::Arc<flow::Flow>,
    script: &Script,
    outputs: &Value,
    number: u32,
) -> Played {
    let play = |mode| play_started(flow, script, outputs, number, mode);
    let live = play(Mode::Live);
    for mode in world::MODES {
        world::assert_same(&live, &play(mode), mode);
    }
    live
}
