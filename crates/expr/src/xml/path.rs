//! XPath 1.0 over a document.
//!
//! Invariant: what an evaluation looks at is counted, and it ends when that is too much.

use super::comparison::Comparisons;
use super::{Kind, NodeId, ROOT, Tree, declared, envelope, split, write};
use crate::limits::{
    XPATH_CHARS_MAX, XPATH_DEPTH_MAX, XPATH_FOUND_BYTES_MAX, XPATH_LETTERS_PER_STEP,
    XPATH_STEPS_MAX, XPATH_TEXT_BYTES_PER_STEP,
};
use crate::value::Value;
use std::cell::{Cell, OnceCell, RefCell};
use std::cmp::Ordering;
use xpath_eval::{EvaluationContext, ExpandedName, Node, NodeKind, QName};

/// What an expression gives: elements are envelopes, other nodes are text.
pub(crate) fn evaluate(tree: &Tree, expression: &str) -> Result<Value, String> {
    check_size(expression)?;
    let parsed = xpath_eval::parse(expression);
    let mut parsed =
        parsed.map_err(|error| format!("'{expression}' is no XPath expression: {error}."))?;
    let comparisons = Comparisons::watch(&mut parsed);
    let of_letters = comparisons.of_letters;
    let looked = Looked { tree, steps: Cell::new(0), of_letters, scopes: OnceCell::new() };
    let root = Place { looked: &looked, id: ROOT };
    let unknown = RefCell::new(None);
    let prefixes = |prefix: &str| {
        unknown.replace(Some(prefix.to_owned()));
        None
    };
    // nothing stands for a variable when it was too much: that ends the evaluation
    let variables = |name: &QName| {
        looked.count(comparisons.met(name)?);
        (!looked.is_over()).then_some(xpath_eval::Value::Boolean(true))
    };
    let mut context = EvaluationContext::new(root);
    context.namespaces = Some(&prefixes);
    context.variables = Some(&variables);
    let found = xpath_eval::evaluate(&parsed, &context);
    if let Some(prefix) = unknown.take() {
        return Err(format!(
            "'{expression}' has the prefix '{prefix}', which nothing declares; expected local-name() or namespace-uri()."
        ));
    }
    if looked.is_over() {
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
    /// Each letter of a text may be compared with each of another.
    of_letters: bool,
    /// Of each node the nearest element, itself or above it, that declares a prefix.
    scopes: OnceCell<Vec<NodeId>>,
}

impl Looked<'_> {
    fn count(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    fn is_over(&self) -> bool {
        self.steps.get() > XPATH_STEPS_MAX
    }

    fn scope(&self, of: NodeId) -> NodeId {
        let scopes = self.scopes.get_or_init(|| {
            let mut scopes = Vec::with_capacity(self.tree.0.len());
            for (id, node) in self.tree.0.iter().enumerate() {
                let declares = self.tree.attributes(id).any(|it| declared(it.0).is_some());
                // what is above a node comes before it
                let above = scopes.get(node.parent).copied().unwrap_or(ROOT);
                scopes.push(if declares { id } else { above });
            }
            scopes
        });
        scopes.get(of).copied().unwrap_or(ROOT)
    }
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
        self.looked.count(ids.len() + 1);
        if self.looked.is_over() { &[] } else { ids }
    }

    /// What a prefix stands for here; an empty one is for names without.
    fn namespace(self, prefix: &str) -> Option<&'a str> {
        if prefix == "xml" {
            return self.looked.tree.namespace(self.id, prefix);
        }
        let mut at = self.looked.scope(self.id);
        while at != ROOT {
            for id in self.limited(&self.at(at).node().attributes) {
                if let Kind::Attribute { name, value } = &self.at(*id).node().kind
                    && declared(name) == Some(prefix)
                {
                    return Some(value);
                }
            }
            at = self.looked.scope(self.at(at).node().parent);
        }
        None
    }

    /// Its local name, and where its prefix counts if it has one or might have.
    fn name(self) -> Option<(Option<(Self, &'a str)>, &'a str)> {
        match &self.node().kind {
            Kind::Element { name, .. } => {
                let (prefix, local) = split(name);
                Some((Some((self, prefix)), local))
            }
            Kind::Attribute { name, .. } => match (declared(name), split(name)) {
                (Some(prefix), _) => Some((None, prefix)),
                (None, ("", local)) => Some((None, local)),
                (None, (prefix, local)) => {
                    Some((Some((self.at(self.node().parent), prefix)), local))
                }
            },
            Kind::Instruction { target, .. } => Some((None, target)),
            _ => None,
        }
    }

    fn text(self) -> String {
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
        self.looked.count(1);
        // an attribute has one in any case: the evaluator relies on it
        let is_there = !self.looked.is_over() || matches!(self.node().kind, Kind::Attribute { .. });
        (self.id != ROOT && is_there).then(|| self.at(self.node().parent))
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
        let (prefix, local) = self.name()?;
        let uri = prefix.and_then(|(at, prefix)| at.namespace(prefix));
        let uri = uri.filter(|it| !it.is_empty()).map(str::to_owned);
        Some(ExpandedName { namespace_uri: uri, local_name: local.to_owned() })
    }

    fn has_expanded_name(self, namespace_uri: Option<&str>, local_name: &str) -> bool {
        // most names are others, whatever their prefixes stand for
        self.name().is_some_and(|(prefix, local)| {
            let uri = || prefix.and_then(|(at, prefix)| at.namespace(prefix));
            local == local_name && uri().filter(|it| !it.is_empty()) == namespace_uri
        })
    }

    fn string_value(self) -> String {
        if self.looked.is_over() {
            return String::new();
        }
        let text = self.text();
        self.looked.count(text.len() / XPATH_TEXT_BYTES_PER_STEP);
        if self.looked.of_letters {
            self.looked.count(text.len().saturating_mul(text.len()) / XPATH_LETTERS_PER_STEP);
        }
        text
    }

    fn document_order(self, other: Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, expression: &str) -> Result<Value, String> {
        evaluate(&super::super::text(document).expect("XML"), expression)
    }

    #[track_caller]
    fn is_too_much(document: &str, expression: &str) {
        let error = found(document, expression).expect_err(expression);
        assert!(error.contains("looks at too many nodes"), "{error}");
    }

    fn pairs(count: usize) -> String {
        format!("<r>{}{}</r>", "<a>1</a>".repeat(count), "<b>2</b>".repeat(count))
    }

    #[test]
    fn each_node_that_may_be_compared_with_each_is_counted() {
        let document = pairs(3_000);
        for expression in [
            "//a = //b",
            "//a > //b",
            "boolean(/r[not(a = b)])",
            "count((//a | //b)[. = /r/b])",
            "string(//a >= (/r/b)[1] or //a >= /r/b)",
            "//a[. = //b]/..",
        ] {
            is_too_much(&document, expression);
        }
        for (expression, expected) in [
            ("/r/a[1] = //b", false),
            ("//b = /r/a[1] or //a = '1'", true),
            ("count(//a[. > ../@x]) = 0", true),
            ("count(//a[. = '1' and . = self::a]) = 3000", true),
        ] {
            assert_eq!(found(&document, expression), Ok(Value::Bool(expected)), "{expression}");
        }
    }

    #[test]
    fn comparisons_of_sets_give_what_they_gave() {
        let document = "<r><a>1</a><a>2</a><b>2</b><c><a>3</a><b>3</b></c></r>";
        for (expression, expected) in [
            ("//a = //b", true),
            ("/r/a[1] = //b", false),
            ("/r/a != /r/a", true),
            ("/r/b != /r/b", false),
            ("//x = //a", false),
            ("/r/a >= /r/c/a", false),
            ("/r/b < (/r/c/a | /r/a)", true),
            ("boolean(//c[a = b and not(a != b)])", true),
            ("(//a = //b) = (//b = //a)", true),
            ("count(//a[. = following-sibling::b]) = 2", true),
            ("//a[. = //b[. = //c/b]] = 3", true),
        ] {
            assert_eq!(found(document, expression), Ok(Value::Bool(expected)), "{expression}");
        }
        // nobody writes our variables
        let error = found(document, "$a = 1").expect_err("there are none");
        assert!(error.contains("cannot be evaluated"), "{error}");
        assert!(found(document, "$<0 = 1").is_err());
    }

    #[test]
    fn ways_up_are_counted() {
        let inner = "<l/>".repeat(50_000);
        let document = format!("{}{inner}{}", "<e>".repeat(120), "</e>".repeat(120));
        is_too_much(&document, "count(//l/ancestor::*)");
        assert_eq!(found(&document, "count(//l[parent::e])"), Ok(Value::Float(50_000.0)));
        // names that are declared above, behind what else stands there
        let others: String = (0..40).map(|at| format!(" a{at}=''")).collect();
        let levels: String =
            (0..120).map(|at| format!("<e xmlns:p{at}='urn:p'{others}>")).collect();
        let document = format!("{levels}{}{}", "<l/>".repeat(1_500), "</e>".repeat(120));
        is_too_much(&document, "count(//*[namespace-uri() = 'urn:q'])");
        let plain = format!("<r xmlns='urn:d'>{}</r>", "<l><m/></l>".repeat(50_000));
        let named = "count(//*[local-name() = 'm' and namespace-uri() = 'urn:d'])";
        assert_eq!(found(&plain, named), Ok(Value::Float(50_000.0)));
    }

    #[test]
    fn long_texts_are_counted() {
        let text = format!("{}{}7", "a".repeat(20_000), "b".repeat(20_000));
        let document = format!("<r>{text}{}</r>", "<l/>".repeat(40_000));
        let digits = "translate(/r, translate(/r, '0123456789', ''), '')";
        is_too_much(&document, digits);
        is_too_much(&document, "count(//l[contains(/r, 'c')])");
        assert_eq!(found(&document, "translate(/r, 'ab', '')"), Ok("7".into()));
        assert_eq!(found("<r>a1b2</r>", digits), Ok("12".into()));
    }
}
