//! XPath 1.0 over a document.
//!
//! Invariant: what an evaluation looks at is counted, and it ends when that is too much.

use super::{Kind, NodeId, ROOT, Tree, declared, envelope, split, write};
use crate::limits::{XPATH_CHARS_MAX, XPATH_DEPTH_MAX, XPATH_FOUND_BYTES_MAX, XPATH_STEPS_MAX};
use crate::value::Value;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use xpath_eval::{EvaluationContext, ExpandedName, Node, NodeKind};

/// What an expression gives: elements are envelopes, other nodes are text.
pub(crate) fn evaluate(tree: &Tree, expression: &str) -> Result<Value, String> {
    check_size(expression)?;
    let parsed = xpath_eval::parse(expression);
    let parsed =
        parsed.map_err(|error| format!("'{expression}' is no XPath expression: {error}."))?;
    let looked = Looked { tree, steps: Cell::new(0) };
    let root = Place { looked: &looked, id: ROOT };
    let unknown = RefCell::new(None);
    let prefixes = |prefix: &str| {
        unknown.replace(Some(prefix.to_owned()));
        None
    };
    let mut context = EvaluationContext::new(root);
    context.namespaces = Some(&prefixes);
    let found = xpath_eval::evaluate(&parsed, &context);
    if let Some(prefix) = unknown.take() {
        return Err(format!(
            "'{expression}' has the prefix '{prefix}', which nothing declares; expected local-name() or namespace-uri()."
        ));
    }
    if looked.steps.get() > XPATH_STEPS_MAX {
        return Err(format!("'{expression}' looks at too many nodes."));
    }
    let found = found.map_err(|error| format!("'{expression}' cannot be evaluated: {error}."))?;
    Ok(match found {
        xpath_eval::Value::NodeSet(nodes) => {
            let (mut bytes, mut values) = (0_usize, Vec::with_capacity(nodes.len()));
            for node in nodes {
                let (value, length) = shown(tree, node);
                bytes += length;
                if bytes > XPATH_FOUND_BYTES_MAX {
                    return Err(format!(
                        "'{expression}' finds more than {XPATH_FOUND_BYTES_MAX} bytes."
                    ));
                }
                values.push(value);
            }
            Value::array(values)
        }
        xpath_eval::Value::Boolean(it) => Value::Bool(it),
        xpath_eval::Value::Number(it) => Value::Float(it),
        xpath_eval::Value::String(it) => it.into(),
    })
}

/// The evaluator goes down with brackets, signs and operators; its stack is ours.
fn check_size(expression: &str) -> Result<(), String> {
    let (mut depth, mut deepest, mut signs) = (0_usize, 0, 0_usize);
    for character in expression.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '-' => signs += 1,
            it if it.is_whitespace() => {}
            _ => signs = 0,
        }
        deepest = deepest.max(depth + signs);
    }
    if deepest > XPATH_DEPTH_MAX || expression.chars().count() > XPATH_CHARS_MAX {
        return Err(format!(
            "The XPath expression is too long or too deep: it may have {XPATH_CHARS_MAX} characters and {XPATH_DEPTH_MAX} levels."
        ));
    }
    Ok(())
}

/// A node as a value, and its bytes.
fn shown(tree: &Tree, place: Place<'_>) -> (Value, usize) {
    match place.kind() {
        NodeKind::Root | NodeKind::Element => {
            let text = write::node(tree, place.id);
            (envelope(&text).into(), text.len())
        }
        _ => {
            let text = place.string_value();
            let length = text.len();
            (text.into(), length)
        }
    }
}

struct Looked<'a> {
    tree: &'a Tree,
    steps: Cell<usize>,
}

/// A node as the evaluator sees it.
#[derive(Clone, Copy)]
struct Place<'a> {
    looked: &'a Looked<'a>,
    id: NodeId,
}

impl PartialEq for Place<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Place<'_> {}

impl<'a> Place<'a> {
    fn node(self) -> &'a super::Node {
        &self.looked.tree.0[self.id]
    }

    fn at(self, id: NodeId) -> Place<'a> {
        Place { looked: self.looked, id }
    }

    /// Counts what is looked at; nothing is there any more when that was too much.
    fn limited(self, ids: &'a [NodeId]) -> &'a [NodeId] {
        let steps = self.looked.steps.get().saturating_add(ids.len() + 1);
        self.looked.steps.set(steps);
        if steps > XPATH_STEPS_MAX { &[] } else { ids }
    }

    fn is_text(self) -> bool {
        matches!(self.node().kind, Kind::Text(_) | Kind::Section(_))
    }

    /// What stands at one place is one text, whether some of it is a CDATA section or not.
    fn is_continued(self, before: Option<&NodeId>) -> bool {
        self.is_text() && before.is_some_and(|it| self.at(*it).is_text())
    }

    fn append_text(self, out: &mut String) {
        match &self.node().kind {
            Kind::Text(text) | Kind::Section(text) => out.push_str(text),
            Kind::Root | Kind::Element { .. } => {
                self.limited(&self.node().children)
                    .iter()
                    .for_each(|it| self.at(*it).append_text(out));
            }
            _ => {}
        }
    }
}

impl<'a> Node<'a> for Place<'a> {
    fn kind(self) -> NodeKind {
        match &self.node().kind {
            Kind::Root => NodeKind::Root,
            Kind::Element { .. } => NodeKind::Element,
            Kind::Attribute { name, .. } if declared(name).is_some() => NodeKind::Namespace,
            Kind::Attribute { .. } => NodeKind::Attribute,
            Kind::Text(_) | Kind::Section(_) => NodeKind::Text,
            Kind::Comment(_) => NodeKind::Comment,
            Kind::Instruction { .. } | Kind::Declaration { .. } | Kind::DocumentType(_) => {
                NodeKind::ProcessingInstruction
            }
        }
    }

    fn parent(self) -> Option<Self> {
        (self.id != ROOT).then(|| self.at(self.node().parent))
    }

    fn children(self) -> impl Iterator<Item = Self> + 'a {
        let ids = self.limited(&self.node().children);
        let before = std::iter::once(None).chain(ids.iter().map(Some));
        ids.iter().zip(before).map(move |(id, before)| (self.at(*id), before)).filter_map(
            |(place, before)| {
                let is_there = !place.is_continued(before)
                    && !matches!(
                        place.node().kind,
                        Kind::Declaration { .. } | Kind::DocumentType(_)
                    );
                is_there.then_some(place)
            },
        )
    }

    fn attributes(self) -> impl Iterator<Item = Self> + 'a {
        let all = self.limited(&self.node().attributes).iter().map(move |id| self.at(*id));
        all.filter(|it| it.kind() == NodeKind::Attribute)
    }

    fn namespaces(self) -> impl Iterator<Item = Self> + 'a {
        let mut found: Vec<(&'a str, Place<'a>)> = Vec::new();
        let mut at = self;
        while at.id != ROOT {
            for id in self.limited(&at.node().attributes) {
                if let Kind::Attribute { name, .. } = &self.at(*id).node().kind
                    && let Some(prefix) = declared(name)
                    && !found.iter().any(|it| it.0 == prefix)
                {
                    found.push((prefix, self.at(*id)));
                }
            }
            at = self.at(at.node().parent);
        }
        found.into_iter().map(|it| it.1)
    }

    fn expanded_name(self) -> Option<ExpandedName> {
        let tree = self.looked.tree;
        let named = |uri: Option<&str>, local: &str| ExpandedName {
            namespace_uri: uri.filter(|it| !it.is_empty()).map(str::to_owned),
            local_name: local.to_owned(),
        };
        match &self.node().kind {
            Kind::Element { name, .. } => {
                let (prefix, local) = split(name);
                Some(named(tree.namespace(self.id, prefix), local))
            }
            Kind::Attribute { name, .. } => match (declared(name), split(name)) {
                (Some(prefix), _) => Some(named(None, prefix)),
                (None, ("", local)) => Some(named(None, local)),
                (None, (prefix, local)) => {
                    Some(named(tree.namespace(self.node().parent, prefix), local))
                }
            },
            Kind::Instruction { target, .. } => Some(named(None, target)),
            _ => None,
        }
    }

    fn string_value(self) -> String {
        match &self.node().kind {
            Kind::Attribute { value, .. } => value.clone(),
            Kind::Comment(text) | Kind::Instruction { text, .. } => text.clone(),
            Kind::Text(_) | Kind::Section(_) => {
                let siblings = &self.looked.tree.0[self.node().parent].children;
                let from = siblings.partition_point(|it| *it < self.id);
                let mut out = String::new();
                let run = siblings[from..].iter().map(|it| self.at(*it));
                run.take_while(|it| it.is_text()).for_each(|it| it.append_text(&mut out));
                out
            }
            _ => {
                let mut out = String::new();
                self.append_text(&mut out);
                out
            }
        }
    }

    fn document_order(self, other: Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}
