//! Visiting the function calls of a template, for validation.

use super::compile::{Step as PathStep, push_step};
use super::{Node, Piece, PropertyName};
use crate::parse::{Expr, Index, Kind};
use crate::value::{Value, eq_ignore_case};

/// A function call as it stands in a template.
#[derive(Clone, Copy, Debug)]
pub struct CallSite<'a> {
    /// Where the string stands, relative to the compiled value: `.body.items[0]`.
    pub path: &'a str,
    /// The function as it is written.
    pub function: &'a str,
    /// Whether there is such a function.
    pub known: bool,
    /// The first argument, when it is a literal string.
    pub name: Option<&'a str>,
    pub args: usize,
    /// Characters before the call within its string.
    pub offset: usize,
}

impl Node {
    pub(super) fn may_have(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        match self {
            Node::Expr(_) => true,
            Node::Text(_) | Node::Array(_) => false,
            Node::Constant(value) => {
                let found = path.iter().try_fold(value, |value, name| value.get(name));
                found.is_some()
            }
            Node::Object(properties) => properties.iter().any(|property| match &property.name {
                PropertyName::Computed(..) => true,
                PropertyName::Fixed(name) => {
                    eq_ignore_case(name, first) && property.value.may_have(rest)
                }
            }),
        }
    }
}

pub(super) fn calls(node: &Node, visit: &mut dyn FnMut(CallSite<'_>)) {
    walk(node, &mut String::new(), visit);
}

fn walk(node: &Node, path: &mut String, visit: &mut dyn FnMut(CallSite<'_>)) {
    match node {
        Node::Constant(_) => {}
        Node::Expr(expr) => expression(expr, path, visit),
        Node::Text(pieces) => {
            for piece in pieces {
                if let Piece::Expr(expr) = piece {
                    expression(expr, path, visit);
                }
            }
        }
        Node::Array(nodes) => {
            for (at, node) in nodes.iter().enumerate() {
                let length = path.len();
                push_step(path, PathStep::Index(at));
                walk(node, path, visit);
                path.truncate(length);
            }
        }
        Node::Object(properties) => {
            for property in properties {
                let length = path.len();
                match &property.name {
                    PropertyName::Fixed(name) => push_step(path, PathStep::Name(name)),
                    PropertyName::Computed(node, written) => {
                        push_step(path, PathStep::Name(written));
                        walk(node, path, visit);
                    }
                }
                walk(&property.value, path, visit);
                path.truncate(length);
            }
        }
    }
}

fn expression(expr: &Expr, path: &mut String, visit: &mut dyn FnMut(CallSite<'_>)) {
    match &expr.kind {
        Kind::Literal(_) => {}
        Kind::Call(call) => {
            let name = call.args.first().and_then(|arg| match &arg.kind {
                Kind::Literal(Value::String(text)) => Some(text.as_str()),
                _ => None,
            });
            visit(CallSite {
                path: call.path.as_deref().unwrap_or(path),
                function: &call.written,
                known: call.function.is_some(),
                name,
                args: call.args.len(),
                offset: expr.offset as usize,
            });
            for arg in &call.args {
                expression(arg, path, visit);
            }
        }
        Kind::Access(access) => {
            expression(&access.base, path, visit);
            for step in &access.steps {
                if let Index::Computed(index) = &step.index {
                    expression(index, path, visit);
                }
            }
        }
        Kind::Template(nested) => walk(&nested.node, &mut nested.path.to_string(), visit),
    }
}
