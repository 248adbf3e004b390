//! A JSON value whose strings and property names are templates: compiled once,
//! evaluated often.
//!
//! Parts without any expression are folded into constants that every evaluation
//! shares. Not here: what a template means to the action it belongs to.

mod compile;
mod condition;
mod view;
mod visit;

use crate::context::{Binder, Context};
use crate::error::{EvalError, SyntaxError};
use crate::limits;
use crate::parse::Expr;
use crate::value::{Object, Str, Value};

pub use view::{ExprView, StepView, TextPiece, View};
pub use visit::CallSite;

/// A compiled JSON value.
#[derive(Clone, Debug)]
pub struct Template {
    node: Node,
}

/// A string of a template that is not an expression, or an operator tree that is
/// not a condition. `path` is relative to the compiled value: `.body.items[0]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {error}")]
pub struct TemplateError {
    pub path: String,
    pub error: SyntaxError,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Constant(Value),
    Expr(Expr),
    Text(Box<[Piece]>),
    Array(Box<[Node]>),
    Object(Box<[Property]>),
}

/// A part of an interpolated string.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Plain(Str),
    Expr(Expr),
}

#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub(crate) name: PropertyName,
    pub(crate) value: Node,
}

#[derive(Clone, Debug)]
pub(crate) enum PropertyName {
    Fixed(Str),
    /// An evaluated name, with its text for paths.
    Computed(Node, Str),
}

impl Template {
    /// Compiles a JSON value. All faults are reported, not only the first.
    pub fn compile(json: &Value, binder: &dyn Binder) -> Result<Template, Vec<TemplateError>> {
        compile::compile(json, binder).map(|node| Template { node })
    }

    /// Compiles one string.
    pub fn compile_text(text: &str, binder: &dyn Binder) -> Result<Template, SyntaxError> {
        compile::text(text, binder).map(|node| Template { node })
    }

    /// Compiles the condition of an `If`: a string, or a tree of operators, which
    /// are objects with the one name of a function.
    pub fn compile_condition(
        json: &Value,
        binder: &dyn Binder,
    ) -> Result<Template, Vec<TemplateError>> {
        condition::compile(json, binder).map(|node| Template { node })
    }

    /// A template that is a value already; nothing in it is evaluated.
    #[must_use]
    pub fn constant(value: Value) -> Template {
        Template { node: Node::Constant(value) }
    }

    /// The value, when no expression is in the template.
    #[must_use]
    pub fn as_const(&self) -> Option<&Value> {
        match &self.node {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value of the template.
    pub fn eval(&self, context: &mut dyn Context) -> Result<Value, EvalError> {
        self.node.eval(context)
    }

    /// Whether an evaluation can give an object that has something at a path of names. True
    /// where that is computed, and only an evaluation tells.
    #[must_use]
    pub fn may_have(&self, path: &[&str]) -> bool {
        self.node.may_have(path)
    }

    /// Calls `visit` for every function call in the template.
    pub fn visit_calls(&self, visit: &mut dyn FnMut(CallSite<'_>)) {
        visit::calls(&self.node, visit);
    }
}

impl Node {
    pub(crate) fn eval(&self, context: &mut dyn Context) -> Result<Value, EvalError> {
        match self {
            Node::Constant(value) => Ok(value.clone()),
            Node::Expr(expr) => expr.eval(context),
            Node::Text(pieces) => text(pieces, context),
            Node::Array(nodes) => {
                let mut items = Vec::with_capacity(nodes.len());
                for node in nodes {
                    items.push(node.eval(context)?);
                }
                Ok(Value::array(items))
            }
            Node::Object(properties) => object(properties, context),
        }
    }
}

fn text(pieces: &[Piece], context: &mut dyn Context) -> Result<Value, EvalError> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Expr(expr) => match expr.eval(context)? {
                Value::String(text) => out.push_str(&text),
                other => out.push_str(&other.to_text()?),
            },
        }
        if out.len() > limits::TEXT_CHARS_MAX {
            return Err(EvalError::new(format!(
                "The text with its expressions replaced is longer than the {} characters that are allowed.",
                limits::TEXT_CHARS_MAX
            )));
        }
    }
    Ok(Value::from(out))
}

fn object(properties: &[Property], context: &mut dyn Context) -> Result<Value, EvalError> {
    let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(properties.len());
    let mut is_fixed = true;
    for property in properties {
        let name = match &property.name {
            PropertyName::Fixed(name) => name.clone(),
            PropertyName::Computed(node, _) => {
                is_fixed = false;
                node.eval(context)?.text()
            }
        };
        pairs.push((name, property.value.eval(context)?));
    }
    if !is_fixed {
        return Ok(Object::from_pairs(pairs).into());
    }
    // Fixed names were checked when the template was compiled.
    let mut object = Object::with_capacity(pairs.len());
    for (name, value) in pairs {
        object.push_new(name, value);
    }
    Ok(object.into())
}
