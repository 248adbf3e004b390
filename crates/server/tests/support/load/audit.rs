//! What must hold after the crashes, read through the API and from the stub.

use super::Book;
use super::flows::{ITEMS, Kind};
use crate::support::api::Api;
use crate::support::stub::{Call, Stub};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::Ordering;

/// Runs read at a time.
const READERS: usize = 8;

/// Runs of each flow whose whole history is read.
const HISTORIES: usize = 120;

/// Runs of the calling flow whose actions are compared with the stub's book.
const CALLERS: usize = 1_000;

/// What was looked at.
#[derive(Default)]
pub struct Summary {
    runs: usize,
    histories: usize,
    calls: usize,
    repeated: usize,
    late: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs and {} histories read, {} calls of which {} repeated one \
             and {} came after one whose answer is recorded",
            self.runs, self.histories, self.calls, self.repeated, self.late
        )
    }
}

/// A run as the API gives it.
struct Run {
    id: String,
    request: String,
    status: String,
}

/// Compares the server's account with that of the callers and of the stub.
pub async fn audit(api: &Api, book: &Book, stub: &Stub) -> Summary {
    let mut summary = Summary::default();
    let mut all: HashMap<Kind, Vec<Run>> = HashMap::new();
    for kind in Kind::ALL {
        let runs = read_runs(api, kind).await;
        summary.runs += runs.len();
        check_starts(book, kind, &runs);
        summary.histories += check_histories(api, book, kind, &runs).await;
        all.insert(kind, runs);
    }
    check_acknowledged(book, &all);
    check_children(book, &all);
    let calls = stub.calls();
    summary.calls = calls.len();
    summary.repeated = check_calls(book, &all[&Kind::Calls], &calls);
    summary.late = check_recorded(api, book, &all[&Kind::Calls], &calls).await;
    summary
}

async fn read_runs(api: &Api, kind: Kind) -> Vec<Run> {
    let listed = api.list(&format!("/api/v1/flows/{}/runs", kind.flow())).await;
    let ids: Vec<String> = listed.iter().map(|run| text(&run["id"])).collect();
    let distinct: HashSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "the list of {kind:?} names a run twice");
    futures_util::stream::iter(ids)
        .map(|id| async move {
            let run = api.get(&format!("/api/v1/runs/{id}")).await;
            let request = text(&run["trigger"]["outputs"]["body"]["id"]);
            Run { id, request, status: text(&run["status"]) }
        })
        .buffer_unordered(READERS)
        .collect()
        .await
}

/// All runs succeeded, and no request started two.
fn check_starts(book: &Book, kind: Kind, runs: &[Run]) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for run in runs {
        if run.status != "Succeeded" {
            book.problem(format!("{kind:?} run {} is {}", run.id, run.status));
        }
        if let Some(other) = seen.insert(&run.request, &run.id) {
            book.problem(format!("{} started {other} and {}", run.request, run.id));
        }
    }
}

/// Every acknowledged start has the run it was told, and every run was asked for.
fn check_acknowledged(book: &Book, all: &HashMap<Kind, Vec<Run>>) {
    let acknowledged = book.acknowledged.lock().expect("the book").clone();
    let unanswered = book.unanswered.lock().expect("the book").clone();
    let by_id: HashMap<&str, &Run> =
        all.values().flatten().map(|run| (run.id.as_str(), run)).collect();
    for start in &acknowledged {
        match by_id.get(start.run.as_str()) {
            None => {
                book.problem(format!("{}: acknowledged run {} is lost", start.request, start.run));
            }
            Some(run) if run.request != start.request => {
                book.problem(format!("run {} is that of {}", run.id, run.request));
            }
            Some(_) => {}
        }
    }
    let mut asked: HashSet<(Kind, &str)> =
        acknowledged.iter().map(|start| (start.kind, start.request.as_str())).collect();
    asked.extend(unanswered.iter().map(|(request, kind)| (*kind, request.as_str())));
    for kind in Kind::ALL {
        if kind != Kind::Child && !acknowledged.iter().any(|start| start.kind == kind) {
            book.problem(format!("no start of {kind:?} was acknowledged: nothing is shown"));
        }
        for run in all[&kind].iter().filter(|_| kind != Kind::Child) {
            if !asked.contains(&(kind, run.request.as_str())) {
                book.problem(format!("{kind:?} run {} was asked for by no one", run.id));
            }
        }
    }
}

/// Every parent has exactly one child.
fn check_children(book: &Book, all: &HashMap<Kind, Vec<Run>>) {
    let requests = |kind: Kind| -> HashSet<&str> {
        all[&kind].iter().map(|run| run.request.as_str()).collect()
    };
    let (parents, children) = (requests(Kind::Parent), requests(Kind::Child));
    for request in parents.symmetric_difference(&children) {
        book.problem(format!("{request} has a parent without a child, or the reverse"));
    }
}

/// The stub's book: one key for each call of each run, repeated only over a crash.
fn check_calls(book: &Book, runs: &[Run], calls: &[Call]) -> usize {
    let mut keys: HashMap<(String, String), &str> = HashMap::new();
    let mut lives: HashSet<(&str, u64)> = HashSet::new();
    let mut used: HashMap<&str, (String, String)> = HashMap::new();
    let mut repeated = 0;
    for call in calls {
        let what = (text(&call.body["id"]), call.path.trim_start_matches('/').to_owned());
        let Some(key) = call.key.as_deref() else {
            book.problem(format!("call {what:?} has no idempotency key"));
            continue;
        };
        if keys.insert(what.clone(), key).is_some_and(|other| other != key) {
            book.problem(format!("call {what:?} came with two keys"));
        }
        match used.insert(key, what.clone()) {
            Some(other) if other != what => {
                book.problem(format!("key {key} is that of {other:?} and {what:?}"));
            }
            Some(_) => repeated += 1,
            None => {}
        }
        let is_again = !lives.insert((key, call.life));
        if is_again && !book.is_cluster.load(Ordering::SeqCst) {
            book.problem(format!("call {what:?} was repeated without a crash in between"));
        }
    }
    for run in runs {
        for step in ["First", "Second"] {
            if !keys.contains_key(&(run.request.clone(), step.to_owned())) {
                book.problem(format!("{step} of {} was never called", run.request));
            }
        }
    }
    repeated
}

/// A call whose result is recorded was not made again, unless by a node that stood still
/// meanwhile: then the recorded answer is that of one of the calls. Gives the number of those.
async fn check_recorded(api: &Api, book: &Book, runs: &[Run], calls: &[Call]) -> usize {
    let mut last: HashMap<(String, String), u64> = HashMap::new();
    let mut first: HashMap<(String, String), u64> = HashMap::new();
    for call in calls {
        let what = (text(&call.body["id"]), call.path.trim_start_matches('/').to_owned());
        first.entry(what.clone()).or_insert(call.sequence);
        last.insert(what, call.sequence);
    }
    // Those with a repeated call are the interesting ones.
    let mut chosen: Vec<&Run> = runs.iter().collect();
    chosen.sort_by_key(|run| {
        ["First", "Second"].iter().all(|step| {
            let what = (run.request.clone(), (*step).to_owned());
            first.get(&what) == last.get(&what)
        })
    });
    let records = futures_util::stream::iter(chosen.into_iter().take(CALLERS))
        .flat_map(|run| futures_util::stream::iter(["First", "Second"].map(|step| (run, step))))
        .map(|(run, step)| async move {
            let path = format!("/api/v1/runs/{}/actions/{step}", run.id);
            (run, step, find(api, &path).await)
        })
        .buffer_unordered(READERS)
        .collect::<Vec<_>>()
        .await;
    let is_cluster = book.is_cluster.load(Ordering::SeqCst);
    let all: HashSet<(&str, &str, u64)> = calls
        .iter()
        .map(|call| {
            let id = call.body["id"].as_str().unwrap_or_default();
            (id, call.path.trim_start_matches('/'), call.sequence)
        })
        .collect();
    let mut late = 0;
    for (run, step, record) in records {
        let kept = record["outputs"]["body"]["sequence"].as_u64();
        let last = last.get(&(run.request.clone(), step.to_owned())).copied();
        let is_one = kept.is_some_and(|kept| all.contains(&(&run.request, step, kept)));
        if is_cluster && is_one {
            late += usize::from(kept != last);
        } else if kept.is_none() || kept != last {
            book.problem(format!(
                "{step} of {}: the recorded answer is that of call {kept:?}, the last call was \
                 {last:?}",
                run.request
            ));
        }
    }
    late
}

/// Reads the whole history of some runs, spread evenly.
async fn check_histories(api: &Api, book: &Book, kind: Kind, runs: &[Run]) -> usize {
    let step = runs.len().div_ceil(HISTORIES).max(1);
    let found: Vec<Vec<String>> = futures_util::stream::iter(runs.iter().step_by(step))
        .map(|run| check_history(api, kind, run))
        .buffer_unordered(READERS)
        .collect()
        .await;
    let count = found.len();
    for problem in found.into_iter().flatten() {
        book.problem(problem);
    }
    count
}

/// Each action once, each repetition once, values as the definition computes them.
async fn check_history(api: &Api, kind: Kind, run: &Run) -> Vec<String> {
    let mut problems = Vec::new();
    let base = format!("/api/v1/runs/{}/actions", run.id);
    let actions = api.list(&base).await;
    let mut expected: Vec<&str> = kind.actions().to_vec();
    expected.extend(kind.repeated().iter().map(|(name, _)| name));
    let mut names: Vec<String> = actions.iter().map(|action| text(&action["name"])).collect();
    names.sort_unstable();
    expected.sort_unstable();
    if names != expected {
        problems.push(format!("{kind:?} run {}: its actions are {names:?}", run.id));
    }
    for action in &actions {
        let name = text(&action["name"]);
        let branch = ["Gold", "Basic"].contains(&name.as_str());
        let status = text(&action["status"]);
        if status != "Succeeded" && !(branch && status == "Skipped") {
            problems.push(format!("{kind:?} run {}: {name} is {status}", run.id));
        }
    }
    for (name, count) in kind.repeated() {
        let entries = api.list(&format!("{base}/{name}/repetitions")).await;
        let names: Vec<String> = entries.iter().map(|entry| text(&entry["repetition"])).collect();
        let wanted: Vec<String> = (0..*count).map(|index| format!("{index:06}")).collect();
        if names != wanted {
            problems.push(format!("run {}: repetitions of {name}: {names:?}", run.id));
        }
    }
    if kind == Kind::Loops {
        let index = ITEMS - 1;
        let path = format!("{base}/Label/repetitions/{index:06}");
        let label = find(api, &path).await;
        if text(&label["outputs"]) != format!("{}/{index}", run.request) {
            problems.push(format!("run {}: a repetition's output is wrong: {label}", run.id));
        }
    }
    if kind == Kind::Parent {
        let after = find(api, &format!("{base}/After")).await;
        if text(&after["outputs"]) != format!("done: {}", run.request) {
            problems.push(format!("run {}: the child's answer is wrong: {after}", run.id));
        }
    }
    problems
}

/// What is there, or the error that says that it is not.
async fn find(api: &Api, path: &str) -> Value {
    api.call(Method::GET, path, None).await.1
}

/// The text of a JSON string, empty for anything else.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
