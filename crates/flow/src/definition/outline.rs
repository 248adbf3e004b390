//! First pass: which actions there are, where they stand, and their names. Nothing
//! is compiled here, so that expressions can later be bound to any of them.
//!
//! Invariant: containers come before what they contain, and an action's slot is its
//! position in its shape.

use super::path::At;
use super::problem::Problems;
use super::{ActionId, Block, BlockId, Names, ROOT_BLOCK, ROOT_SHAPE, Shape, ShapeId, VariableId};
use super::{code, kind::ActionKind};
use crate::limits;
use expr::Str;

/// An action before it is compiled.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub name: Str,
    pub at: At<'a>,
    /// As the definition spells it; empty when missing.
    pub type_name: Str,
    pub kind: ActionKind,
    pub block: BlockId,
    pub shape: ShapeId,
    pub slot: u32,
    pub children: Children<'a>,
}

/// The blocks of a container.
#[derive(Debug)]
pub(super) enum Children<'a> {
    None,
    Scope(BlockId),
    If { then: BlockId, otherwise: BlockId },
    Switch { cases: Vec<(Str, At<'a>, BlockId)>, default: BlockId },
    Loop { block: BlockId, shape: ShapeId },
}

/// All actions of a definition with blocks and shapes.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    pub drafts: Vec<Draft<'a>>,
    pub blocks: Vec<Block>,
    pub shapes: Vec<Shape>,
    pub variables: Vec<Str>,
    /// The first action that initialises each variable.
    pub initialisers: Vec<ActionId>,
}

impl<'a> Outline<'a> {
    pub fn draft(&self, id: ActionId) -> &Draft<'a> {
        &self.drafts[id.at()]
    }

    /// The container around an action, with itself left out.
    pub fn container(&self, id: ActionId) -> Option<ActionId> {
        self.blocks[self.draft(id).block.at()].owner
    }

    /// The containers around an action, innermost first.
    pub fn containers(&self, id: ActionId) -> impl Iterator<Item = ActionId> {
        std::iter::successors(self.container(id), |around| self.container(*around))
    }

    /// Whether a loop is around the action.
    pub fn is_in_loop(&self, id: ActionId) -> bool {
        self.draft(id).shape != ROOT_SHAPE
    }
}

/// Finds all actions below `actions` of the definition.
pub(super) fn outline<'a>(
    definition: &At<'a>,
    names: &mut Names,
    problems: &mut Problems,
) -> Outline<'a> {
    let outline = Outline {
        drafts: Vec::new(),
        blocks: vec![Block::default()],
        shapes: vec![Shape::default()],
        variables: Vec::new(),
        initialisers: Vec::new(),
    };
    let mut outliner = Outliner { outline, names, problems, is_full: false, is_deep: false };
    outliner.block(definition, ROOT_BLOCK, ROOT_SHAPE, 1);
    let outline = outliner.outline;
    if outline.drafts.len() > limits::ACTIONS_DOCUMENTED_MAX {
        let message = format!(
            "The definition has {} actions; the documented limit is {}.",
            outline.drafts.len(),
            limits::ACTIONS_DOCUMENTED_MAX
        );
        problems.warning(code::LIMIT_EXCEEDED, &definition.path, message);
    }
    outline
}

struct Outliner<'a, 'p> {
    outline: Outline<'a>,
    names: &'p mut Names,
    problems: &'p mut Problems,
    is_full: bool,
    is_deep: bool,
}

/// Numbers are bounded by [`limits::ACTIONS_MAX`] and the document's size.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<'a> Outliner<'a, '_> {
    /// Reads the property `actions` of a container into a block.
    fn block(&mut self, container: &At<'a>, block: BlockId, shape: ShapeId, level: usize) {
        let Some(actions) = container.get("actions") else { return };
        if actions.value.as_object().is_none() {
            let message = format!("'actions' is a value of type '{}'.", actions.value.kind());
            self.problems.expected(code::WRONG_KIND, &actions.path, message, "an object");
            return;
        }
        if level > limits::NESTING_MAX && actions.value.as_object().is_some_and(|o| !o.is_empty()) {
            let message = format!("Actions nest more than {} levels deep.", limits::NESTING_MAX);
            self.problems.error(code::TOO_LARGE, &actions.path, message);
            return;
        }
        if level == limits::NESTING_DOCUMENTED_MAX + 1 && !self.is_deep {
            self.is_deep = true;
            let limit = limits::NESTING_DOCUMENTED_MAX;
            let message = format!("Actions nest more than the documented {limit} levels deep.");
            self.problems.warning(code::LIMIT_EXCEEDED, &actions.path, message);
        }
        for (name, at) in actions.entries() {
            self.action(name, at, block, shape, level);
        }
    }

    fn action(&mut self, name: &Str, at: At<'a>, block: BlockId, shape: ShapeId, level: usize) {
        if self.outline.drafts.len() >= limits::ACTIONS_MAX {
            if !self.is_full {
                self.is_full = true;
                let message = format!("More than {} actions are not read.", limits::ACTIONS_MAX);
                self.problems.error(code::TOO_LARGE, &at.path, message);
            }
            return;
        }
        if at.value.as_object().is_none() {
            let message = format!("The action '{name}' is a value of type '{}'.", at.value.kind());
            self.problems.expected(code::WRONG_KIND, &at.path, message, "an object");
            return;
        }
        let id = ActionId(number(self.outline.drafts.len()));
        self.name(name, &at, id);
        let type_name = self.type_name(name, &at);
        let kind = ActionKind::from_name(&type_name);
        let slots = &mut self.outline.shapes[shape.at()].actions;
        let slot = number(slots.len());
        slots.push(id);
        self.outline.blocks[block.at()].actions.push(id);
        let (name, place) = (name.clone(), at.clone());
        let children = Children::None;
        self.outline.drafts.push(Draft { name, at, type_name, kind, block, shape, slot, children });
        let children = self.children(id, kind, &place, shape, level + 1);
        self.outline.drafts[id.at()].children = children;
        if kind == ActionKind::InitializeVariable {
            self.variables(&place, id);
        }
    }

    fn name(&mut self, name: &Str, at: &At<'a>, id: ActionId) {
        let length = name.chars().count();
        if length > limits::NAME_CHARACTERS_MAX {
            let limit = limits::NAME_CHARACTERS_MAX;
            let message = format!(
                "The name '{name}' has {length} characters; the documented limit is {limit}."
            );
            self.problems.warning(code::LIMIT_EXCEEDED, &at.path, message);
        }
        let lower = name.as_str().to_lowercase();
        if let Some(earlier) = self.names.actions.get(&lower) {
            let earlier = &self.outline.drafts[*earlier as usize].at.path;
            let message = format!("The action name '{name}' is used already, by {earlier}.");
            self.problems.expected(code::DUPLICATE_ACTION, &at.path, message, "a name of its own");
            return;
        }
        self.names.actions.insert(lower, id.0);
    }

    fn type_name(&mut self, name: &str, at: &At<'a>) -> Str {
        match at.get("type") {
            Some(found) => match found.text() {
                Some(text) => text.into(),
                None => {
                    let message = format!("The type is a value of type '{}'.", found.value.kind());
                    self.problems.expected(code::WRONG_KIND, &found.path, message, "a string");
                    Str::new()
                }
            },
            None => {
                let message = format!("The action '{name}' has no type.");
                self.problems.expected(code::MISSING_PROPERTY, &at.path, message, "'type'");
                Str::new()
            }
        }
    }

    fn new_block(&mut self, owner: ActionId) -> BlockId {
        let id = BlockId(number(self.outline.blocks.len()));
        self.outline.blocks.push(Block { owner: Some(owner), actions: Vec::new() });
        id
    }

    fn children(
        &mut self,
        owner: ActionId,
        kind: ActionKind,
        at: &At<'a>,
        shape: ShapeId,
        level: usize,
    ) -> Children<'a> {
        match kind {
            ActionKind::Scope => Children::Scope(self.filled(owner, Some(at), shape, level)),
            ActionKind::If => {
                let then = self.filled(owner, Some(at), shape, level);
                let otherwise = self.part(at, "else");
                let otherwise = self.filled(owner, otherwise.as_ref(), shape, level);
                Children::If { then, otherwise }
            }
            ActionKind::Switch => {
                let cases = self.part(at, "cases").map(|cases| cases.entries()).unwrap_or_default();
                let cases = cases
                    .into_iter()
                    .map(|(name, case)| {
                        let block = self.filled(owner, Some(&case), shape, level);
                        (name.clone(), case, block)
                    })
                    .collect();
                let default = self.part(at, "default");
                let default = self.filled(owner, default.as_ref(), shape, level);
                Children::Switch { cases, default }
            }
            ActionKind::Foreach | ActionKind::Until => {
                let body = ShapeId(number(self.outline.shapes.len()));
                let depth = self.outline.shapes[shape.at()].depth + 1;
                self.outline.shapes.push(Shape {
                    owner: Some(owner),
                    parent: Some(shape),
                    depth,
                    actions: Vec::new(),
                    keeps_iterations: false,
                });
                Children::Loop { block: self.filled(owner, Some(at), body, level), shape: body }
            }
            _ => Children::None,
        }
    }

    /// A new block with the actions of `container`, when there is one.
    fn filled(
        &mut self,
        owner: ActionId,
        container: Option<&At<'a>>,
        shape: ShapeId,
        level: usize,
    ) -> BlockId {
        let block = self.new_block(owner);
        if let Some(container) = container {
            self.block(container, block, shape, level);
        }
        block
    }

    /// An optional part of a container, which is an object.
    fn part(&mut self, at: &At<'a>, name: &str) -> Option<At<'a>> {
        let part = at.get(name)?;
        if part.value.as_object().is_some() {
            return Some(part);
        }
        let message = format!("'{name}' is a value of type '{}'.", part.value.kind());
        self.problems.expected(code::WRONG_KIND, &part.path, message, "an object");
        None
    }

    /// Registers what an InitializeVariable initialises. Faults are told later.
    fn variables(&mut self, at: &At<'a>, id: ActionId) {
        let Some(variables) = at.walk(&["inputs", "variables"]) else { return };
        for variable in variables.items() {
            let Some(name) = variable.get("name").and_then(|name| name.text()) else { continue };
            let next = number(self.outline.variables.len());
            let lower = name.to_lowercase();
            if let std::collections::hash_map::Entry::Vacant(entry) =
                self.names.variables.entry(lower)
            {
                entry.insert(VariableId(next).0);
                self.outline.variables.push(name.into());
                self.outline.initialisers.push(id);
            }
        }
    }
}
