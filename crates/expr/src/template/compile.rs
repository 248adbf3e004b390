//! JSON to template tree: which strings are expressions, interpolations, literals.

use super::{Node, Piece, Property, PropertyName, TemplateError};
use crate::context::Binder;
use crate::error::SyntaxError;
use crate::limits;
use crate::parse::{parse_braced, parse_whole};
use crate::value::{Object, Str, Value};
use std::collections::HashSet;

pub(super) fn compile(json: &Value, binder: &dyn Binder) -> Result<Node, Vec<TemplateError>> {
    let mut compiler = Compiler::new(binder);
    let node = compiler.node(json, 0);
    if compiler.faults.is_empty() { Ok(node) } else { Err(compiler.faults) }
}

/// Walks a JSON value and collects the faults on its way.
pub(super) struct Compiler<'a> {
    pub(super) binder: &'a dyn Binder,
    pub(super) path: String,
    pub(super) faults: Vec<TemplateError>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(binder: &'a dyn Binder) -> Self {
        Compiler { binder, path: String::new(), faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, error: SyntaxError) -> Node {
        self.faults.push(TemplateError { path: self.path.clone(), error });
        Node::Constant(Value::Null)
    }

    /// Runs `work` one step further down.
    pub(super) fn within<T>(&mut self, step: Step<'_>, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        push_step(&mut self.path, step);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    pub(super) fn node(&mut self, json: &Value, depth: usize) -> Node {
        if depth > limits::TEMPLATE_DEPTH_MAX {
            return self.fault(too_deep());
        }
        match json {
            Value::String(text) => match self::text(text, self.binder) {
                Ok(node) => node,
                Err(error) => self.fault(error),
            },
            Value::Array(items) => {
                let nodes = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.within(Step::Index(at), |c| c.node(item, depth + 1)))
                    .collect();
                fold_array(nodes)
            }
            Value::Object(object) => self.object(object, depth),
            other => Node::Constant(other.clone()),
        }
    }

    fn object(&mut self, object: &Object, depth: usize) -> Node {
        let mut properties: Vec<Property> = Vec::with_capacity(object.len());
        for (written, value) in object.iter() {
            let property = self.within(Step::Name(written), |compiler| {
                let name = match self::text(written, compiler.binder) {
                    Ok(Node::Constant(value)) => PropertyName::Fixed(value.text()),
                    Ok(node) => PropertyName::Computed(node, written.clone()),
                    Err(error) => {
                        compiler.fault(error);
                        PropertyName::Fixed(written.clone())
                    }
                };
                Property { name, value: compiler.node(value, depth + 1) }
            });
            properties.push(property);
        }
        fold_object(properties)
    }
}

fn too_deep() -> SyntaxError {
    SyntaxError {
        message: format!(
            "The value is nested more than {} levels deep.",
            limits::TEMPLATE_DEPTH_MAX
        ),
        offset: 0,
        expected: "a flatter value".to_owned(),
    }
}

fn fold_array(nodes: Vec<Node>) -> Node {
    if !nodes.iter().all(|node| matches!(node, Node::Constant(_))) {
        return Node::Array(nodes.into());
    }
    let constants = nodes.into_iter().filter_map(|node| match node {
        Node::Constant(value) => Some(value),
        _ => None,
    });
    Node::Constant(Value::array(constants.collect()))
}

fn fold_object(properties: Vec<Property>) -> Node {
    let is_constant = |property: &Property| {
        matches!(property, Property { name: PropertyName::Fixed(_), value: Node::Constant(_) })
    };
    if properties.iter().all(is_constant) {
        let pairs = properties.into_iter().filter_map(|property| match property {
            Property { name: PropertyName::Fixed(name), value: Node::Constant(value) } => {
                Some((name, value))
            }
            _ => None,
        });
        return Node::Constant(Object::from_pairs(pairs.collect()).into());
    }
    // Two spellings may unescape to the same name ("@@a" and "@a" cannot, but text
    // around `@@{` can): the last wins, as everywhere.
    let mut seen: HashSet<Str> = HashSet::with_capacity(properties.len());
    let mut kept: Vec<Property> = Vec::with_capacity(properties.len());
    for property in properties.into_iter().rev() {
        match &property.name {
            PropertyName::Fixed(name) if !seen.insert(name.clone()) => {}
            _ => kept.push(property),
        }
    }
    kept.reverse();
    Node::Object(kept.into())
}

/// One string: literal, expression or interpolation.
///
/// A string that begins with `@` is an expression when it parses as one, even when
/// an `@{` stands in one of its string literals; only otherwise is it text with
/// embedded expressions.
pub(super) fn text(text: &str, binder: &dyn Binder) -> Result<Node, SyntaxError> {
    if let Some(rest) = text.strip_prefix("@@") {
        return Ok(Node::Constant(Value::from(format!("@{rest}"))));
    }
    let is_interpolated = has_embedded(text);
    if text.len() > 1 && text.starts_with('@') && !text.starts_with("@{") {
        match parse_whole(&text[1..], 1, binder) {
            Ok(expr) => return Ok(Node::Expr(expr)),
            Err(error) if !is_interpolated => return Err(error),
            Err(_) => {}
        }
    }
    if !text.contains("@{") {
        return Ok(Node::Constant(Value::from(text)));
    }
    interpolation(text, binder)
}

fn has_embedded(text: &str) -> bool {
    text.match_indices("@{").any(|(at, _)| !text[..at].ends_with('@'))
}

fn interpolation(text: &str, binder: &dyn Binder) -> Result<Node, SyntaxError> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    // Characters of `text` before `rest`.
    let mut offset = 0;
    while let Some(at) = rest.find("@{") {
        offset += rest[..at].chars().count();
        if rest[..at].ends_with('@') {
            // `@@{` is a literal `@{`, and the text up to the brace stays as it is.
            plain.push_str(&rest[..at - 1]);
            let escaped = &rest[at..];
            let length = escaped.find('}').unwrap_or(escaped.len());
            plain.push_str(&escaped[..length]);
            offset += escaped[..length].chars().count();
            rest = &escaped[length..];
            continue;
        }
        plain.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let (expr, length) = parse_braced(inner, offset + 2, binder)?;
        if !plain.is_empty() {
            pieces.push(Piece::Plain(Str::from(std::mem::take(&mut plain))));
        }
        pieces.push(Piece::Expr(expr));
        offset += 2 + inner[..length].chars().count();
        rest = &inner[length..];
    }
    plain.push_str(rest);
    if pieces.is_empty() {
        return Ok(Node::Constant(Value::from(plain)));
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(Str::from(plain)));
    }
    Ok(Node::Text(pieces.into()))
}

/// A step of a path below the compiled value.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// Appends `.name`, `['odd name']` or `[0]`.
pub(super) fn push_step(path: &mut String, step: Step<'_>) {
    match step {
        Step::Index(at) => path.push_str(&format!("[{at}]")),
        Step::Name(name) => {
            let is_plain = name
                .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-'));
            if is_plain {
                path.push('.');
                path.push_str(name);
            } else {
                path.push_str("['");
                path.push_str(&name.replace('\'', "''"));
                path.push_str("']");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::context::NoBinder;

    fn names(json: &str) -> Vec<String> {
        let json = crate::json::parse(json.as_bytes()).unwrap();
        let Node::Object(properties) = compile(&json, &NoBinder).unwrap() else {
            panic!("not an object with expressions");
        };
        let name = |property: &Property| match &property.name {
            PropertyName::Fixed(name) => name.to_string(),
            PropertyName::Computed(_, written) => written.to_string(),
        };
        properties.iter().map(name).collect()
    }

    #[test]
    fn of_names_that_unescape_to_the_same_the_last_is_kept() {
        assert_eq!(names(r#"{"@": "@add(1,1)", "b": 1, "@@": 2}"#), ["b", "@"]);
        assert_eq!(names(r#"{"a": "@add(1,1)", "@{1}": 1, "@{ 1}": 2}"#), ["a", "@{1}", "@{ 1}"]);
    }

    #[test]
    fn an_object_may_have_very_many_properties() {
        let properties: Vec<String> =
            (0..200_000).map(|number| format!(r#""p{number}": "@{{{number}}}""#)).collect();
        let json = format!("{{{}}}", properties.join(","));
        assert_eq!(names(&json).len(), 200_000);
    }
}
