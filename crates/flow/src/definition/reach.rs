//! Which actions have ended, or were skipped, before another begins: those that are
//! before it or before a container around it.
//!
//! Source: the real service's message "Action 'A' must be a parent 'runAfter' node
//! of action 'B' to be referenced by 'inputs' in action 'B'."

use super::graph::Graph;
use super::outline::Outline;
use super::{ActionId, BlockId};
use std::collections::HashMap;

/// Sets of earlier siblings, one bit for each action of a block; made when asked.
pub(super) struct Reach {
    position: Vec<usize>,
    blocks: HashMap<BlockId, Vec<Vec<u64>>>,
}

/// How a referenced action stands to the one that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It has ended before.
    Before,
    /// It is the same.
    Itself,
    /// It contains the other.
    Around,
    /// The other contains it.
    Inside,
    /// It runs at the same time, later, or in another branch.
    NotBefore,
}

impl Reach {
    pub fn new(outline: &Outline<'_>) -> Self {
        let mut position = vec![0; outline.drafts.len()];
        for block in &outline.blocks {
            for (at, id) in block.actions.iter().enumerate() {
                position[id.at()] = at;
            }
        }
        Reach { position, blocks: HashMap::new() }
    }

    /// How `referenced` stands to `owner`.
    pub fn relation(
        &mut self,
        referenced: ActionId,
        owner: ActionId,
        outline: &Outline<'_>,
        graph: &Graph,
    ) -> Relation {
        if referenced == owner {
            return Relation::Itself;
        }
        let chain = |id: ActionId| -> Vec<ActionId> {
            std::iter::once(id).chain(outline.containers(id)).collect()
        };
        let (from, to) = (chain(owner), chain(referenced));
        if from.contains(&referenced) {
            return Relation::Around;
        }
        if to.contains(&owner) {
            return Relation::Inside;
        }
        // the containers, or the actions themselves, that are siblings
        let siblings = from.iter().find_map(|here| {
            let block = outline.draft(*here).block;
            to.iter()
                .find(|there| outline.draft(**there).block == block)
                .map(|there| (*here, *there))
        });
        match siblings {
            Some((here, there)) if here != there && self.is_before(there, here, outline, graph) => {
                Relation::Before
            }
            _ => Relation::NotBefore,
        }
    }

    fn is_before(
        &mut self,
        earlier: ActionId,
        later: ActionId,
        outline: &Outline<'_>,
        graph: &Graph,
    ) -> bool {
        let block = outline.draft(later).block;
        let position = &self.position;
        let sets = self
            .blocks
            .entry(block)
            .or_insert_with(|| ancestors(&outline.blocks[block.at()].actions, position, graph));
        let at = self.position[earlier.at()];
        sets[self.position[later.at()]][at / 64] & (1 << (at % 64)) != 0
    }
}

/// For each action of a block in order, the set of its direct and indirect
/// predecessors. Predecessors on a cycle may be incomplete: that is refused anyway.
fn ancestors(block: &[ActionId], position: &[usize], graph: &Graph) -> Vec<Vec<u64>> {
    let words = block.len().div_ceil(64);
    let mut sets: Vec<Vec<u64>> = vec![vec![0; words]; block.len()];
    for (at, id) in block.iter().enumerate() {
        let mut set = std::mem::take(&mut sets[at]);
        for edge in &graph.run_after[id.at()] {
            let before = position[edge.action.at()];
            set[before / 64] |= 1 << (before % 64);
            for (word, more) in set.iter_mut().zip(&sets[before]) {
                *word |= more;
            }
        }
        sets[at] = set;
    }
    sets
}
