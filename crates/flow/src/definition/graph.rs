//! Second pass: `runAfter`. Binds predecessors, orders each block so that they come
//! first, and refuses cycles. Nothing here recurses along a chain.

use super::outline::Outline;
use super::path::At;
use super::problem::Problems;
use super::status::STATUS_NAMES;
use super::{ActionId, BlockId, Names, RunAfter, StatusSet, code};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Edges of all blocks, by action.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub run_after: Vec<Vec<RunAfter>>,
    pub successors: Vec<Vec<ActionId>>,
}

/// Reads every `runAfter` and puts the actions of each block in order.
pub(super) fn build(outline: &mut Outline<'_>, names: &Names, problems: &mut Problems) -> Graph {
    let count = outline.drafts.len();
    let mut graph =
        Graph { run_after: vec![Vec::new(); count], successors: vec![Vec::new(); count] };
    for (position, draft) in outline.drafts.iter().enumerate() {
        let Some(run_after) = draft.at.get("runAfter") else { continue };
        let edges = edges(&run_after, draft.block, outline, names, problems);
        for edge in &edges {
            if let Ok(number) = u32::try_from(position) {
                graph.successors[edge.action.at()].push(ActionId(number));
            }
        }
        graph.run_after[position] = edges;
    }
    for block in 0..outline.blocks.len() {
        let (ordered, rest) = sort(&outline.blocks[block].actions, &graph);
        if !rest.is_empty() {
            cycles(&rest, &graph, outline, problems);
        }
        outline.blocks[block].actions = ordered.into_iter().chain(rest).collect();
    }
    graph
}

/// The predecessors of one action.
fn edges(
    run_after: &At<'_>,
    block: BlockId,
    outline: &Outline<'_>,
    names: &Names,
    problems: &mut Problems,
) -> Vec<RunAfter> {
    if run_after.value.as_object().is_none() {
        let message = format!("'runAfter' is a value of type '{}'.", run_after.value.kind());
        let expected = "an object: the names of actions with lists of statuses";
        problems.expected(code::WRONG_KIND, &run_after.path, message, expected);
        return Vec::new();
    }
    let mut edges: Vec<RunAfter> = Vec::new();
    let mut places: HashMap<ActionId, usize> = HashMap::new();
    for (name, at) in run_after.entries() {
        let statuses = statuses(&at, problems);
        let Some(found) = names.actions.get(&name.as_str().to_lowercase()).copied().map(ActionId)
        else {
            let message = format!("'runAfter' names the action '{name}', which does not exist.");
            let expected = "an action of the same container";
            problems.expected(code::UNKNOWN_ACTION, &at.path, message, expected);
            continue;
        };
        if outline.draft(found).block != block {
            let message =
                format!("'runAfter' names the action '{name}', which is in another container.");
            let expected = "an action of the same container";
            problems.expected(code::RUN_AFTER_NOT_SIBLING, &at.path, message, expected);
            continue;
        }
        // spellings that differ in letter case name the same action
        let place = *places.entry(found).or_insert(edges.len());
        match edges.get_mut(place) {
            Some(edge) => edge.statuses = edge.statuses.union(statuses),
            None => edges.push(RunAfter { action: found, statuses }),
        }
    }
    edges
}

fn statuses(list: &At<'_>, problems: &mut Problems) -> StatusSet {
    if list.value.as_array().is_none() {
        let message = format!("The statuses are a value of type '{}'.", list.value.kind());
        problems.expected(code::WRONG_KIND, &list.path, message, "an array of statuses");
    }
    let mut set = StatusSet::default();
    for at in list.items() {
        match at.text().and_then(StatusSet::from_name) {
            Some(status) => set = set.union(status),
            None => {
                let text = at.shown();
                let message = format!("{text} is not a status.");
                problems.expected(code::UNKNOWN_STATUS, &at.path, message, STATUS_NAMES);
            }
        }
    }
    set
}

/// Predecessors first, else in the order of the definition; and what cannot be
/// ordered because of cycles.
fn sort(block: &[ActionId], graph: &Graph) -> (Vec<ActionId>, Vec<ActionId>) {
    let position: HashMap<ActionId, usize> =
        block.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut missing: Vec<usize> = block.iter().map(|id| graph.run_after[id.at()].len()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        missing.iter().enumerate().filter(|(_, n)| **n == 0).map(|(at, _)| Reverse(at)).collect();
    let mut ordered = Vec::with_capacity(block.len());
    while let Some(Reverse(at)) = ready.pop() {
        ordered.push(block[at]);
        for successor in &graph.successors[block[at].at()] {
            let Some(next) = position.get(successor).copied() else { continue };
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    let rest = block.iter().enumerate().filter(|(at, _)| missing[*at] > 0).map(|(_, id)| *id);
    (ordered, rest.collect())
}

/// Names of a cycle that a message lists.
const CYCLE_NAMES_SHOWN_MAX: usize = 20;

/// Reports cycles among actions that could not be ordered: each of them has a
/// predecessor among them, so that walking back ends in a cycle.
fn cycles(rest: &[ActionId], graph: &Graph, outline: &Outline<'_>, problems: &mut Problems) {
    let mut walk_of: HashMap<ActionId, Option<usize>> = rest.iter().map(|id| (*id, None)).collect();
    for (walk, start) in rest.iter().enumerate() {
        let mut trail = Vec::new();
        let mut next = Some(*start);
        while let Some(id) = next {
            match walk_of.get(&id).copied().flatten() {
                Some(seen) if seen == walk => {
                    let from = trail.iter().position(|other| *other == id).unwrap_or(0);
                    report(&trail[from..], outline, problems);
                    break;
                }
                Some(_) => break,
                None => {}
            }
            walk_of.insert(id, Some(walk));
            trail.push(id);
            let before = graph.run_after[id.at()].iter().map(|edge| edge.action);
            next = before.into_iter().find(|action| walk_of.contains_key(action));
        }
    }
}

fn report(cycle: &[ActionId], outline: &Outline<'_>, problems: &mut Problems) {
    let Some(first) = cycle.iter().min_by_key(|id| id.0) else { return };
    // the trail walks backwards
    let mut order: Vec<ActionId> = cycle.iter().rev().copied().collect();
    let start = order.iter().position(|id| id == first).unwrap_or(0);
    order.rotate_left(start);
    let name = |id: &ActionId| outline.draft(*id).name.to_string();
    let mut names: Vec<String> = order.iter().take(CYCLE_NAMES_SHOWN_MAX).map(name).collect();
    names.push(if cycle.len() > CYCLE_NAMES_SHOWN_MAX { "...".to_owned() } else { name(first) });
    let path = super::path::property(&outline.draft(*first).at.path, "runAfter");
    let message = format!("Actions wait for each other: {}.", names.join(" -> "));
    problems.expected(code::RUN_AFTER_CYCLE, &path, message, "an order without a cycle");
}
