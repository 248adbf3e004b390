//! Logic and comparison. `and`, `or`, `if` and `coalesce` evaluate no more than they
//! need.

use super::{Args, Function, MANY, tree, values};
use crate::context::Context;
use crate::error::EvalError;
use crate::parse::{Call, Expr};
use crate::text::compare_numbers;
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[Function] = &[
    tree("and", 1, MANY, |call, context| until(call, context, false)),
    tree("or", 1, MANY, |call, context| until(call, context, true)),
    values("not", 1, 1, |args| Ok(Value::Bool(!args.flag(0)?))),
    tree("if", 3, 3, |call, context| {
        let chosen = if flag(call, &call.args[0], context)? { 1 } else { 2 };
        call.args[chosen].eval(context)
    }),
    tree("coalesce", 1, MANY, |call, context| {
        for arg in &call.args {
            let value = arg.eval(context)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }),
    values("equals", 2, 2, |args| Ok(Value::Bool(args.get(0).language_eq(args.get(1))))),
    values("strongEquals", 2, MANY, |args| {
        Ok(Value::Bool(args.all().windows(2).all(|pair| pair[0] == pair[1])))
    }),
    values("greater", 2, 2, |args| compared(args, Ordering::is_gt)),
    values("greaterOrEquals", 2, 2, |args| compared(args, Ordering::is_ge)),
    values("less", 2, 2, |args| compared(args, Ordering::is_lt)),
    values("lessOrEquals", 2, 2, |args| compared(args, Ordering::is_le)),
];

/// Evaluates until an argument is `stop`.
fn until(call: &Call, context: &mut dyn Context, stop: bool) -> Result<Value, EvalError> {
    for arg in &call.args {
        if flag(call, arg, context)? == stop {
            return Ok(Value::Bool(stop));
        }
    }
    Ok(Value::Bool(!stop))
}

fn flag(call: &Call, arg: &Expr, context: &mut dyn Context) -> Result<bool, EvalError> {
    match arg.eval(context)? {
        Value::Bool(flag) => Ok(flag),
        other => Err(EvalError::argument(
            call.known_name(),
            format_args!(
                "The function expects its parameters to be boolean. The provided value is of type '{}'.",
                other.kind()
            ),
        )),
    }
}

fn compared(args: &mut Args<'_>, wanted: fn(Ordering) -> bool) -> Result<Value, EvalError> {
    match (args.get(0), args.get(1)) {
        (Value::String(a), Value::String(b)) => Ok(Value::Bool(wanted(ordinal(a, b)))),
        // What is not a number is in no order with anything.
        (a, b) if a.is_number() && b.is_number() => {
            Ok(Value::Bool(compare_numbers(a, b).is_some_and(wanted)))
        }
        (a, b) => Err(args.error(format_args!(
            "The function expects two numbers or two strings. The provided values are of types '{}' and '{}'.",
            a.kind(),
            b.kind()
        ))),
    }
}

/// The order of UTF-16 units, which differs from that of characters only beyond the
/// basic plane.
fn ordinal(a: &str, b: &str) -> Ordering {
    if a.is_ascii() || b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}
