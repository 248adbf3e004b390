//! Loads every definition of the public corpus when it lies beside the checkout:
//! definitions of built-in actions load without errors, all others load or are
//! refused with problems that have a code, a place and a message.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use expr::Value;
use flow::definition::{LoadOptions, Problem, Severity, code, load, load_value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !path.is_dir() {
        println!("skipped: there is no corpus at {}", path.display());
        return None;
    }
    Some(path)
}

fn errors(problems: &[Problem]) -> Vec<&Problem> {
    problems.iter().filter(|problem| problem.severity == Severity::Error).collect()
}

fn show(problem: &Problem) -> String {
    let offset = problem.offset.map(|offset| format!(" +{offset}")).unwrap_or_default();
    format!("{} {}{offset}: {}", problem.code, problem.path, problem.message)
}

#[test]
fn definitions_of_built_in_actions_load() {
    let Some(corpus) = corpus() else { return };
    let list = std::fs::read_to_string(corpus.join("runnable-a.txt")).unwrap();
    let mut faults = Vec::new();
    for file in list.lines() {
        let report = load(&std::fs::read(corpus.join(file)).unwrap(), &LoadOptions::default());
        let shown = errors(&report.problems).into_iter().map(|p| format!("{file}: {}", show(p)));
        faults.extend(shown);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_definition_loads_or_is_refused_precisely() {
    let Some(corpus) = corpus() else { return };
    let index = std::fs::read_to_string(corpus.join("index.jsonl")).unwrap();
    let mut refusals: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut warnings: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut loaded, mut unresolved, mut refused) = (0, 0, 0);
    for line in index.lines() {
        let entry = expr::json::parse(line.as_bytes()).unwrap();
        let file = entry.get("file").and_then(|file| file.as_str()).unwrap();
        let report = load(&std::fs::read(corpus.join(file)).unwrap(), &LoadOptions::default());
        let errors = errors(&report.problems);
        assert_eq!(report.loaded.is_some(), errors.is_empty(), "{file}");
        if errors.is_empty() {
            loaded += 1;
        } else if errors.iter().any(|p| p.code == code::UNRESOLVED_DEPLOYMENT_EXPRESSION) {
            unresolved += 1;
        } else {
            refused += 1;
        }
        for problem in &report.problems {
            assert!(code::ALL.contains(&problem.code), "{file}: {}", problem.code);
            assert!(problem.path.starts_with('$') && !problem.message.is_empty(), "{file}");
            match problem.severity {
                Severity::Error => {
                    let shown = format!("{file}: {}", show(problem));
                    refusals.entry(problem.code).or_default().push(shown);
                }
                Severity::Warning => *warnings.entry(problem.code).or_default() += 1,
            }
        }
    }
    println!("{loaded} loaded, {unresolved} need a deployment, {refused} refused; {warnings:?}");
    for (code, list) in &refusals {
        println!("{code}: {}", list.len());
        for shown in list {
            println!("    {shown}");
        }
    }
    // what is refused beyond templates that were not deployed has placeholders in it
    assert!(refused * 40 < loaded, "{refused} refused, {loaded} loaded");
}

/// Values that stand in for parts of a definition, in turn.
fn odd_values() -> Vec<Value> {
    let texts = [
        "null",
        "1e300",
        "-1",
        "[]",
        "{}",
        "[null]",
        r#"{"type": 1}"#,
        r#"{"a": {}}"#,
        r#""""#,
        r#""@""#,
        r#""@{""#,
        r#""@items('x')""#,
        r#""@result('')""#,
        r#"{"": ""}"#,
        r#"{"actions": {"A": {"type": "If", "actions": {"A": {"type": "Foreach"}}}}}"#,
        "true",
    ];
    texts.iter().map(|text| expr::json::parse(text.as_bytes()).unwrap()).collect()
}

/// The value with its `at`th part, in document order, replaced.
fn replaced(value: &Value, at: usize, by: &Value, count: &mut usize) -> Value {
    let here = *count;
    *count += 1;
    if here == at {
        return by.clone();
    }
    match value {
        Value::Array(items) => {
            Value::array(items.iter().map(|item| replaced(item, at, by, count)).collect())
        }
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(name, item)| (name.clone(), replaced(item, at, by, count)));
            Value::from(pairs.collect::<expr::Object>())
        }
        other => other.clone(),
    }
}

#[test]
fn broken_definitions_never_panic() {
    let Some(corpus) = corpus() else { return };
    let index = std::fs::read_to_string(corpus.join("index.jsonl")).unwrap();
    let odd = odd_values();
    let mut loads = 0;
    for (position, line) in index.lines().enumerate() {
        let entry = expr::json::parse(line.as_bytes()).unwrap();
        let file = entry.get("file").and_then(|file| file.as_str()).unwrap();
        let document = expr::json::parse(&std::fs::read(corpus.join(file)).unwrap()).unwrap();
        let mut parts = 0;
        replaced(&document, usize::MAX, &Value::Null, &mut parts);
        // a different share of every definition, so that all of them stay quick
        let step = (parts / 6).max(1);
        for at in (position % step..parts).step_by(step) {
            let by = &odd[(at + position) % odd.len()];
            let broken = replaced(&document, at, by, &mut 0);
            let report = load_value(&broken, &LoadOptions::default());
            let errors = errors(&report.problems);
            assert_eq!(report.loaded.is_none(), !errors.is_empty(), "{file} {at} {by:?}");
            loads += 1;
        }
    }
    println!("{loads} broken definitions");
}
