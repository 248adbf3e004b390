//! Runs schemathesis, as it is published, over a document.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `scripts/setup` installs it.
const PROGRAM: &str = "../../rig/schemathesis/venv/bin/st";

/// What it is not to generate.
const HOOKS: &str = "tests/contract/hooks.py";

/// The first seed; a further pass has the next.
const SEED: usize = 4_711;

/// Passes over one document. Operations without anything to vary are called once in each.
const PASSES_MAX: usize = 40;

/// As whom calls are made.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    Nobody,
    /// Who has this key.
    Key(&'a str),
}

/// What of an answer is looked at.
#[derive(Clone, Copy)]
pub enum Checks {
    Statuses,
    /// Content types and shapes as well.
    Shapes,
}

/// Calls to make.
pub struct Calls<'a> {
    pub name: &'a str,
    pub document: &'a Value,
    pub url: String,
    pub who: Who<'a>,
    pub checks: Checks,
}

/// Calls that were made, and how they were answered.
#[derive(Default)]
pub struct Told {
    pub calls: usize,
    /// Statuses of each operation.
    pub statuses: BTreeMap<String, BTreeSet<u16>>,
    /// What schemathesis says of answers that are not as the document says.
    pub faults: Vec<String>,
}

impl Told {
    /// Operations that never did what was asked, with what they answered.
    pub fn refused(&self) -> Vec<String> {
        let never = |statuses: &BTreeSet<u16>| statuses.iter().all(|status| *status >= 400);
        let refused = self.statuses.iter().filter(|(_, statuses)| never(statuses));
        refused.map(|(name, statuses)| format!("{name} {statuses:?}")).collect()
    }

    /// Takes over what a report says: lines of JSON, of which some are about calls.
    fn read(&mut self, report: &str) {
        for line in report.lines().filter(|line| line.contains("\"ScenarioFinished\"")) {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let recorder = &event["ScenarioFinished"]["recorder"];
            let label = recorder["label"].as_str().expect("an operation").to_owned();
            let statuses = self.statuses.entry(label).or_default();
            for call in recorder["interactions"].as_object().expect("calls").values() {
                self.calls += 1;
                let status = call["response"]["status_code"].as_u64();
                statuses.extend(status.and_then(|status| u16::try_from(status).ok()));
            }
        }
    }
}

/// Makes at least this many calls.
pub fn make(calls: &Calls<'_>, wanted: usize) -> Told {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("document.json"), calls.document.to_string()).expect("a file");
    let paths = calls.document["paths"].as_object().expect("paths").values();
    let operations: usize =
        paths.map(|item| item.as_object().map_or(0, serde_json::Map::len)).sum();
    let mut told = Told::default();
    for pass in 0..PASSES_MAX {
        let of_each = (wanted - told.calls).div_ceil(operations).max(2);
        pass_over(calls, dir.path(), (of_each, SEED + pass), &mut told);
        if told.calls >= wanted || !told.faults.is_empty() {
            break;
        }
    }
    told
}

/// One pass over a document: calls of each operation, and the seed.
fn pass_over(calls: &Calls<'_>, dir: &Path, (of_each, seed): (usize, usize), told: &mut Told) {
    let program: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAM);
    assert!(program.exists(), "schemathesis is not installed: 'scripts/setup' does that");
    let report = dir.join("report.ndjson");
    let mut checks = "not_a_server_error,status_code_conformance".to_owned();
    if let Checks::Shapes = calls.checks {
        checks.push_str(",response_schema_conformance,content_type_conformance");
    }
    let mut command = Command::new(program);
    command
        .args(["run", "document.json", "--phases", "fuzzing", "--mode", "all", "--no-color"])
        .args(["--generation-database", "none", "--suppress-health-check", "all"])
        .args(["--generation-with-security-parameters", "false", "--warnings", "off"])
        .args(["--request-timeout", "60", "--max-redirects", "0", "--continue-on-failure"])
        .args(["--report", "ndjson", "--report-ndjson-path"])
        .arg(&report)
        .args(["--url", &calls.url, "--checks", &checks])
        .args(["--max-examples", &of_each.to_string(), "--seed", &seed.to_string()])
        .current_dir(dir)
        .env("SCHEMATHESIS_TELEMETRY", "off")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", Path::new(env!("CARGO_MANIFEST_DIR")).join(HOOKS))
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    if let Who::Key(key) = calls.who {
        command.args(["--header", &format!("Authorization: Bearer {key}")]);
    }
    let output = command.output().expect("schemathesis can be run");
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        told.faults.push(format!("{} (seed {seed}):\n{text}\n{errors}", calls.name));
    }
    told.read(&fs::read_to_string(report).expect("a report"));
}
