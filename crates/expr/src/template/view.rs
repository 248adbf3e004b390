//! Looking at templates and expressions without evaluating them: for what is learnt from how
//! a definition uses things.

use super::{Node, Piece, Template};
use crate::parse::{Expr, Index, Kind};
use crate::value::Value;

/// What a template is.
#[derive(Debug)]
pub enum View<'a> {
    Constant(&'a Value),
    /// One expression, whose value the template has.
    Expression(&'a Expr),
    /// Text with expressions in it.
    Text(Vec<TextPiece<'a>>),
    /// An object or a list, in which there are templates.
    Nested,
}

/// A part of a text.
#[derive(Clone, Copy, Debug)]
pub enum TextPiece<'a> {
    Plain(&'a str),
    Expression(&'a Expr),
}

/// What an expression is.
#[derive(Debug)]
pub enum ExprView<'a> {
    Literal(&'a Value),
    Call {
        function: &'a str,
        arguments: &'a [Expr],
    },
    Access {
        base: &'a Expr,
        steps: Vec<StepView<'a>>,
    },
    /// A template below an operator.
    Other,
}

/// A step into a value.
#[derive(Clone, Copy, Debug)]
pub enum StepView<'a> {
    /// A property; one that is not dotted may be a path (`a/b`).
    Name {
        name: &'a str,
        is_dotted: bool,
    },
    Computed(&'a Expr),
}

impl Template {
    #[must_use]
    pub fn view(&self) -> View<'_> {
        match &self.node {
            Node::Constant(value) => View::Constant(value),
            Node::Expr(expression) => View::Expression(expression),
            Node::Text(pieces) => {
                let pieces = pieces.iter().map(|piece| match piece {
                    Piece::Plain(text) => TextPiece::Plain(text),
                    Piece::Expr(expression) => TextPiece::Expression(expression),
                });
                View::Text(pieces.collect())
            }
            Node::Array(_) | Node::Object(_) => View::Nested,
        }
    }
}

impl Expr {
    #[must_use]
    pub fn view(&self) -> ExprView<'_> {
        match &self.kind {
            Kind::Literal(value) => ExprView::Literal(value),
            Kind::Call(call) => ExprView::Call { function: &call.written, arguments: &call.args },
            Kind::Access(access) => {
                let steps = access.steps.iter().map(|step| match &step.index {
                    Index::Name { name, dotted } => StepView::Name { name, is_dotted: *dotted },
                    Index::Computed(index) => StepView::Computed(index),
                });
                ExprView::Access { base: &access.base, steps: steps.collect() }
            }
            Kind::Template(_) => ExprView::Other,
        }
    }
}
