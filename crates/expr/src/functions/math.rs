//! Arithmetic: integers stay integers, a double makes doubles, a decimal makes
//! decimals. Overflow of integers and decimals is an error.

use super::number::to_decimal;
use super::{Args, Function, MANY, tree, values};
use crate::context::Context;
use crate::error::EvalError;
use crate::limits;
use crate::parse::Call;
use crate::text::compare_numbers;
use crate::value::{Decimal, Value};
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[Function] = &[
    values("add", 2, 2, |args| {
        arithmetic(args, i64::checked_add, |a, b| a + b, Decimal::checked_add)
    }),
    values("sub", 2, 2, |args| {
        arithmetic(args, i64::checked_sub, |a, b| a - b, Decimal::checked_sub)
    }),
    values("mul", 2, 2, |args| {
        arithmetic(args, i64::checked_mul, |a, b| a * b, Decimal::checked_mul)
    }),
    values("div", 2, 2, |args| {
        refuse_zero(args, false)?;
        arithmetic(args, i64::checked_div, |a, b| a / b, Decimal::checked_div)
    }),
    values("mod", 2, 2, |args| {
        refuse_zero(args, true)?;
        arithmetic(args, i64::checked_rem, |a, b| a % b, Decimal::checked_rem)
    }),
    values("pow", 2, 2, |args| {
        let power = |base: i64, exponent: i64| base.checked_pow(u32::try_from(exponent).ok()?);
        if let (Value::Int(_), Value::Int(..0)) = (args.get(0), args.get(1)) {
            return Err(args.error("The exponent of an integer must not be negative."));
        }
        arithmetic(args, power, f64::powf, |_, _| None)
    }),
    values("max", 1, MANY, |args| extreme(args, Ordering::Greater)),
    values("min", 1, MANY, |args| extreme(args, Ordering::Less)),
    tree("rand", 2, 2, rand),
    values("range", 2, 2, range),
];

fn arithmetic(
    args: &mut Args<'_>,
    on_int: fn(i64, i64) -> Option<i64>,
    on_float: fn(f64, f64) -> f64,
    on_decimal: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Value, EvalError> {
    let result = match (args.get(0), args.get(1)) {
        (Value::Int(a), Value::Int(b)) => on_int(*a, *b).map(Value::Int),
        (a @ Value::Decimal(_), b) | (a, b @ Value::Decimal(_))
            if a.is_number() && b.is_number() =>
        {
            match (to_decimal(a), to_decimal(b)) {
                (Some(a), Some(b)) => on_decimal(a, b).map(Value::Decimal),
                _ => None,
            }
        }
        (a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => Some(Value::Float(on_float(a, b))),
            (None, _) => return Err(args.wrong(0, "a number")),
            _ => return Err(args.wrong(1, "a number")),
        },
    };
    result.ok_or_else(|| args.error("The result is too large or too small for its type."))
}

/// Dividing by zero: an error for integers and decimals, and for doubles too where
/// `always` says so.
fn refuse_zero(args: &Args<'_>, always: bool) -> Result<(), EvalError> {
    let is_float = matches!(args.get(0), Value::Float(_)) || matches!(args.get(1), Value::Float(_));
    if args.get(1).as_f64() == Some(0.0) && (always || !is_float) {
        return Err(args.error("Attempt to divide by zero."));
    }
    Ok(())
}

fn extreme(args: &mut Args<'_>, wanted: Ordering) -> Result<Value, EvalError> {
    let list = match args.get(0) {
        Value::Array(items) if args.len() == 1 => items.clone(),
        _ => args.all().to_vec().into(),
    };
    let mut best: Option<&Value> = None;
    for item in list.iter() {
        if !item.is_number() {
            return Err(args.error(format_args!(
                "The function expects numbers, or one array of numbers. A provided value is of type '{}'.",
                item.kind()
            )));
        }
        if best.is_none_or(|best| compare_numbers(item, best) == Some(wanted)) {
            best = Some(item);
        }
    }
    best.cloned().ok_or_else(|| args.error("The array must not be empty."))
}

fn rand(call: &Call, context: &mut dyn Context) -> Result<Value, EvalError> {
    let mut arguments = call.values(context)?;
    let args = Args::new(call.known_name(), &mut arguments);
    let (low, high) = (args.int(0)?, args.int(1)?);
    let span = match high.checked_sub(low).map(u64::try_from) {
        Some(Ok(span)) if span > 0 => span,
        _ => return Err(args.error("The minimum must be less than the maximum.")),
    };
    // The high half of the product is uniform enough: the bias is below 2^-32 for
    // every span that people use.
    let offset = (u128::from(context.random()) * u128::from(span)) >> 64;
    let offset = i64::try_from(offset).unwrap_or(0);
    Ok(Value::Int(low.saturating_add(offset)))
}

fn range(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let (start, count) = (args.int(0)?, args.int(1)?);
    if !(1..=limits::RANGE_COUNT_MAX).contains(&count) {
        return Err(args.error(format_args!(
            "The count must be between 1 and {}. The provided value is '{count}'.",
            limits::RANGE_COUNT_MAX
        )));
    }
    match start.checked_add(count).filter(|end| *end <= limits::RANGE_END_MAX) {
        Some(end) => Ok(Value::array((start..end).map(Value::Int).collect())),
        None => Err(args.error(format_args!(
            "The sum of start and count must not be greater than {}.",
            limits::RANGE_END_MAX
        ))),
    }
}
