//! Conversions to numbers, tests for them, and their formats.

use super::{Args, Function, values};
use crate::error::EvalError;
use crate::format::culture::{self, Culture};
use crate::format::{number, number_parse};
use crate::value::{Decimal, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    values("int", 1, 1, int),
    values("float", 1, 2, float),
    values("decimal", 1, 2, decimal),
    values("isInt", 1, 1, |args| Ok(Value::Bool(number_parse::integer(args.text(0)?).is_some()))),
    values("isFloat", 1, 2, |args| {
        let culture = culture_of(args, 1, "")?;
        let number = number_parse::float(args.text(0)?, number_parse::FLOAT, culture);
        Ok(Value::Bool(number.is_some()))
    }),
    values("formatNumber", 2, 3, |args| {
        let culture = culture_of(args, 2, "en-us")?;
        if !args.get(0).is_number() {
            return Err(args.wrong(0, "a number"));
        }
        number::format(args.get(0), args.text(1)?, culture)
            .map(Value::from)
            .map_err(|error| args.error(error))
    }),
];

fn culture_of(args: &Args<'_>, at: usize, default: &str) -> Result<&'static Culture, EvalError> {
    culture::find(args.text_or(at, default)?).map_err(|error| args.error(error))
}

fn not_a_number(args: &Args<'_>, what: &str) -> EvalError {
    let shown: String = args.get(0).text().chars().take(100).collect();
    args.error(format_args!("The value '{shown}' cannot be converted to {what}."))
}

fn int(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let fails = || not_a_number(args, "an integer");
    let number = match args.get(0) {
        Value::Int(number) => return Ok(Value::Int(*number)),
        Value::Decimal(number) => {
            let whole = number.fract().is_zero().then(|| i64::try_from(*number).ok());
            return whole.flatten().map(Value::Int).ok_or_else(fails);
        }
        Value::Float(number) => *number,
        Value::String(text) => {
            number_parse::float(text, number_parse::INT, &culture::INVARIANT).ok_or_else(fails)?
        }
        _ => return Err(args.wrong(0, "a string or a number")),
    };
    if number.is_nan() {
        // What a .NET conversion of "not a number" gives.
        return Ok(Value::Int(i64::MIN));
    }
    if number.fract() != 0.0
        || !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number)
    {
        return Err(fails());
    }
    #[expect(clippy::cast_possible_truncation, reason = "range and fraction checked above")]
    Ok(Value::Int(number as i64))
}

fn float(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let culture = culture_of(args, 1, "en-us")?;
    let number = match args.get(0) {
        Value::String(text) => number_parse::float(text, number_parse::FLOAT, culture)
            .ok_or_else(|| not_a_number(args, "a floating-point number"))?,
        number => number.as_f64().ok_or_else(|| args.wrong(0, "a string or a number"))?,
    };
    Ok(Value::Float(number))
}

fn decimal(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let culture = culture_of(args, 1, "en-us")?;
    let number = match args.get(0) {
        Value::String(text) => number_parse::decimal(text, culture),
        number if number.is_number() => to_decimal(number),
        _ => return Err(args.wrong(0, "a string or a number")),
    };
    number.map(Value::Decimal).ok_or_else(|| not_a_number(args, "a decimal"))
}

/// A number as a decimal. Of a double the 15 digits count that it is sure of.
pub(super) fn to_decimal(number: &Value) -> Option<Decimal> {
    match number {
        Value::Int(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        Value::Float(number) if number.is_finite() => {
            Decimal::from_scientific(&format!("{number:.14e}"))
                .ok()
                .map(|number| number.normalize())
        }
        _ => None,
    }
}
