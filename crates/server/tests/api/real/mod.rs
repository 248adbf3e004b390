//! Solutions that people wrote: connectors are inferred from what their flows use, and the
//! flows run over mocks of those, over the built-in connectors of the administrators, and over
//! each other.

mod binding;
mod expected;
mod stage;

use connector::infer::{Findings, Inference, Source};
use expr::Value;
use flow::definition::{LoadOptions, Loaded};
use stage::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Solutions whose flows are run, and how many flows each has.
const SOLUTIONS: [(&str, usize); 3] = [
    ("microsoft+powercat-business-approvals-kit", 16),
    ("romikaAIS+coe-starter-kit", 62),
    ("Open-Strata-Commons+SCuBA-coe-starter-kit", 28),
];

struct Real {
    name: String,
    loaded: Loaded,
}

impl Real {
    /// The id at the end of a file's name.
    fn id(&self) -> String {
        self.name[self.name.len().saturating_sub(36)..].to_lowercase()
    }
}

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/real");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no {}", folder.display());
    None
}

/// The flows of a folder; files that are none are told.
fn flows(folder: &Path) -> (Vec<Real>, Vec<String>) {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut files: Vec<PathBuf> = entries.map(|it| it.path()).collect();
    files.sort();
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for path in &files {
        let bytes = std::fs::read(path).expect("a file");
        let report = flow::definition::load(&bytes, &LoadOptions::default());
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        match report.loaded {
            Some(loaded) => found.push(Real { name, loaded }),
            None => refused.push(format!("{name}: {:?}", report.problems)),
        }
    }
    (found, refused)
}

fn source(flow: &Real) -> Source<'_> {
    Source {
        name: &flow.name,
        id: flow.name.get(flow.name.len().saturating_sub(36)..),
        definition: &flow.loaded.definition,
        references: flow.loaded.connection_references.as_ref(),
    }
}

/// What flows give as parameters, and what that is to be: connector, parameter, value.
type Examples<'a> = [(&'a str, &'a str, &'a str)];

fn inferred(flows: &[Real], examples: &Examples<'_>) -> Findings {
    let mut inference = Inference::default();
    for (connector, parameter, value) in examples {
        inference.example(connector, parameter, value);
    }
    flows.iter().for_each(|flow| inference.learn(&source(flow)));
    inference.finish()
}

/// Actions and triggers that call connectors: kind and inputs.
fn calls<'a>(value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    for member in ["triggers", "actions", "cases"] {
        let entries = value.get(member).and_then(Value::as_object);
        for (_, entry) in entries.into_iter().flat_map(|it| it.iter()) {
            let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
            let kind = kind.to_ascii_lowercase();
            if kind.starts_with("openapiconnection") || kind.starts_with("apiconnection") {
                found.extend(entry.get("inputs").map(|inputs| (kind, inputs)));
            }
            calls(entry, found);
        }
    }
    for member in ["else", "default"] {
        if let Some(inner) = value.get(member) {
            calls(inner, found);
        }
    }
}

/// Flows of a solution; of those that a repository has twice, the first. Every file is one.
fn once(folder: &Path) -> Vec<Real> {
    let mut known = BTreeSet::new();
    let (found, refused) = flows(folder);
    assert!(refused.is_empty(), "{refused:#?}");
    found.into_iter().filter(|it| known.insert(it.id())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_solutions_end_as_their_mocks_imply() {
    let Some(root) = corpus() else { return };
    let mut expected: BTreeMap<&str, _> =
        expected::OTHERWISE.iter().map(|it| (it.flow, it)).collect();
    let (mut ended, mut wrong) = (BTreeMap::<String, usize>::new(), Vec::new());
    let mut administered = BTreeSet::new();
    for (solution, count) in SOLUTIONS {
        let flows = once(&root.join(solution));
        assert_eq!(flows.len(), count, "{solution}");
        let stage = Stage::open(&flows).await;
        for flow in &flows {
            stage.create(flow).await;
        }
        println!("{solution}: {} flows are called and not in it", stage.create_missing().await);
        for flow in &flows {
            let end = stage.run(flow).await;
            println!("{} {} {} {:?}", flow.name, end.state, end.why, end.administered);
            administered.extend(end.administered);
            *ended.entry(end.state.clone()).or_default() += 1;
            let number = &flow.name[..4];
            let key = format!("{}/{number}", &solution[..4]);
            let said = expected.remove(key.as_str());
            let wanted = said.map_or(("Succeeded", ""), |it| (it.state, it.action));
            if end.state != wanted.0 || (wanted.0 != "Succeeded" && end.action != wanted.1) {
                wrong.push(format!("{key} is {} at '{}': {}", end.state, end.action, end.why));
            }
        }
        stage.check_target().await;
    }
    println!("{ended:?}");
    let operations = ["AdminGetFlow", "Edit-AdminFlowOwnerRole", "ListFlowsInEnvironment"];
    assert_eq!(administered.into_iter().collect::<Vec<_>>(), operations);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(expected.is_empty(), "flows that are not there: {:?}", expected.keys());
}
