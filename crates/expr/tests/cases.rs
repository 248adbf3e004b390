//! The table of cases of every function: `tests/cases/<function>.jsonl`.
//!
//! Other tables (`_*.jsonl`) hold cases of the language itself.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn tables() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), path)).collect()
}

#[test]
fn every_table_passes() {
    let mut failures = Vec::new();
    for (name, path) in tables() {
        for case in support::read(&std::fs::read_to_string(path).unwrap()) {
            failures.extend(support::run(&case).err().map(|failure| format!("{name}: {failure}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_function_has_a_table_and_every_table_a_function() {
    let functions: BTreeSet<String> = expr::functions::names().map(str::to_owned).collect();
    let tables: BTreeSet<String> =
        tables().into_iter().map(|(name, _)| name).filter(|name| !name.starts_with('_')).collect();
    let missing: Vec<&String> = functions.difference(&tables).collect();
    let extra: Vec<&String> = tables.difference(&functions).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "no table: {missing:?}; no function: {extra:?}"
    );
}
