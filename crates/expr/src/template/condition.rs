//! The condition of an `If`: a string, or a tree of operators.
//!
//! Every function is an operator: `{"equals": ["@item()", 1]}` is the call
//! `equals(item(), 1)`. Arguments are an array or one value; strings among them are
//! templates, objects are operators again, everything else is literal.

use super::compile::{Compiler, Step};
use super::{Node, TemplateError};
use crate::context::Binder;
use crate::error::SyntaxError;
use crate::limits;
use crate::parse::{self, Expr, Kind, Nested};
use crate::value::{Object, Value};

pub(super) fn compile(json: &Value, binder: &dyn Binder) -> Result<Node, Vec<TemplateError>> {
    let mut compiler = Compiler::new(binder);
    let node = match json {
        Value::Object(object) => Node::Expr(operator(&mut compiler, object, 0)),
        Value::String(_) | Value::Bool(_) => compiler.node(json, 0),
        other => compiler.fault(expected(
            &format!("The condition is a value of type '{}'.", other.kind()),
            "an expression or an object with one operator",
        )),
    };
    if compiler.faults.is_empty() { Ok(node) } else { Err(compiler.faults) }
}

fn expected(message: &str, expected: &str) -> SyntaxError {
    SyntaxError { message: message.to_owned(), offset: 0, expected: expected.to_owned() }
}

fn null() -> Expr {
    Expr { kind: Kind::Literal(Value::Null), offset: 0 }
}

fn operator(compiler: &mut Compiler<'_>, object: &Object, depth: usize) -> Expr {
    let mut entries = object.iter();
    let (Some((name, args)), None) = (entries.next(), entries.next()) else {
        compiler.fault(expected(
            &format!("The object has {} properties.", object.len()),
            "one operator such as 'and', 'or', 'not', 'equals' with its arguments",
        ));
        return null();
    };
    if depth > limits::TEMPLATE_DEPTH_MAX {
        compiler.fault(expected("The condition is nested too deeply.", "fewer levels"));
        return null();
    }
    let path = compiler.path.clone();
    let args = compiler.within(Step::Name(name), |compiler| match args {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| compiler.within(Step::Index(at), |c| argument(c, item, depth + 1)))
            .collect(),
        single => vec![argument(compiler, single, depth + 1)],
    });
    let mut expr = parse::call(name.clone(), args, 0, compiler.binder);
    if let Kind::Call(call) = &mut expr.kind {
        call.path = Some(path.into());
    }
    expr
}

fn argument(compiler: &mut Compiler<'_>, json: &Value, depth: usize) -> Expr {
    if let Value::Object(object) = json {
        return operator(compiler, object, depth);
    }
    let kind = match compiler.node(json, depth) {
        Node::Constant(value) => Kind::Literal(value),
        node => Kind::Template(Box::new(Nested { path: compiler.path.as_str().into(), node })),
    };
    Expr { kind, offset: 0 }
}
