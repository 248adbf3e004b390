//! Functions on arrays and objects, and on text as a collection.

use super::{Args, Function, MANY, utf16, values};
use crate::error::EvalError;
use crate::text::compare_numbers;
use crate::value::{Object, Str, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

pub(super) const FUNCTIONS: &[Function] = &[
    values("contains", 2, 2, contains),
    values("empty", 1, 1, |args| {
        Ok(Value::Bool(match args.get(0) {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(object) => object.is_empty(),
            _ => return Err(args.wrong(0, "an object, an array or a string")),
        }))
    }),
    values("first", 1, 1, |args| match args.get(0) {
        Value::Array(items) => Ok(items.first().cloned().unwrap_or_default()),
        Value::String(text) => Ok(Value::from(utf16::slice(text, 0, 1))),
        _ => Err(args.wrong(0, "an array or a string")),
    }),
    values("last", 1, 1, |args| match args.get(0) {
        Value::Array(items) => Ok(items.last().cloned().unwrap_or_default()),
        Value::String(text) => {
            let length = utf16::length(text);
            Ok(Value::from(utf16::slice(text, length.saturating_sub(1), length)))
        }
        _ => Err(args.wrong(0, "an array or a string")),
    }),
    values("join", 2, 2, join),
    values("reverse", 1, 1, |args| {
        Ok(Value::array(args.array(0)?.iter().rev().cloned().collect()))
    }),
    values("skip", 2, 2, |args| {
        let items = args.array(0)?;
        let count = args.count(1)?.min(items.len());
        Ok(Value::array(items[count..].to_vec()))
    }),
    values("take", 2, 2, |args| {
        let count = args.count(1)?;
        match args.get(0) {
            Value::Array(items) => Ok(Value::array(items[..count.min(items.len())].to_vec())),
            Value::String(text) => Ok(Value::from(utf16::slice(text, 0, count))),
            _ => Err(args.wrong(0, "an array or a string")),
        }
    }),
    values("sort", 1, 2, sort),
    values("union", 1, MANY, union),
    values("intersection", 1, MANY, intersection),
];

fn contains(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let wanted = args.get(1);
    Ok(Value::Bool(match args.get(0) {
        Value::String(text) => text.contains(args.text(1)?.as_str()),
        Value::Array(items) => items.iter().any(|item| item.language_eq(wanted)),
        Value::Object(object) => object.get_exact(args.text(1)?).is_some(),
        _ => return Err(args.wrong(0, "an object, an array or a string")),
    }))
}

fn join(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let (items, delimiter) = (args.array(0)?, args.text(1)?);
    let mut out = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(delimiter);
        }
        match item {
            Value::String(text) => out.push_str(text),
            other => out.push_str(&other.to_text().map_err(|error| args.error(error))?),
        }
        args.check_text_size(out.len())?;
    }
    Ok(Value::from(out))
}

/// Ascending, and stable: numbers, texts or booleans, but not mixed.
fn sort(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let items = args.array(0)?.to_vec();
    let by = match args.get(1) {
        Value::Null => None,
        _ => Some(args.text(1)?),
    };
    let key = |item: &Value| match by {
        Some(name) => item.get(name).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let mut keyed: Vec<(Value, Value)> = items.into_iter().map(|item| (key(&item), item)).collect();
    let Some(order) = order_of(&keyed) else {
        return Err(args.error("The values to sort by must all be numbers, strings or booleans."));
    };
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        // nulls come first
        (Value::Null, _) | (_, Value::Null) => b.is_null().cmp(&a.is_null()),
        (a, b) => order(a, b),
    });
    Ok(Value::array(keyed.into_iter().map(|(_, item)| item).collect()))
}

/// The order that all keys but nulls have a place in; none when they are mixed. It must be a
/// total one: sorting by any other panics.
fn order_of(keyed: &[(Value, Value)]) -> Option<fn(&Value, &Value) -> Ordering> {
    let keys = || keyed.iter().map(|(key, _)| key).filter(|key| !key.is_null());
    if keys().all(|key| matches!(key, Value::String(_))) {
        return Some(|a, b| a.as_str().cmp(&b.as_str()));
    }
    if keys().all(|key| matches!(key, Value::Bool(_))) {
        return Some(|a, b| a.as_bool().cmp(&b.as_bool()));
    }
    if !keys().all(Value::is_number) {
        return None;
    }
    let has_decimal = keys().any(|key| matches!(key, Value::Decimal(_)));
    let has_float = keys().any(|key| matches!(key, Value::Float(_)));
    // two decimals that differ may be equal to one double: then all are compared as doubles
    if has_decimal && has_float {
        return Some(|a, b| compare_floats(a.as_f64(), b.as_f64()));
    }
    Some(|a, b| compare_numbers(a, b).unwrap_or_else(|| compare_floats(a.as_f64(), b.as_f64())))
}

/// What is not a number comes first.
fn compare_floats(a: Option<f64>, b: Option<f64>) -> Ordering {
    let (a, b) = (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN));
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn union(args: &mut Args<'_>) -> Result<Value, EvalError> {
    if let Value::Object(_) = args.get(0) {
        let mut result = args.take_object(0)?;
        for at in 1..args.len() {
            for (name, value) in args.take_object(at)?.iter() {
                result.insert(name.clone(), value.clone());
            }
        }
        return Ok(result.into());
    }
    let mut seen = HashSet::new();
    let mut result = Vec::new();
    for at in 0..args.len() {
        for item in args.array(at)?.iter() {
            if seen.insert(identity(item)) {
                result.push(item.clone());
            }
        }
    }
    Ok(Value::array(result))
}

fn intersection(args: &mut Args<'_>) -> Result<Value, EvalError> {
    if let Value::Object(_) = args.get(0) {
        let mut kept: Vec<(Str, Value)> = args
            .take_object(0)?
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for at in 1..args.len() {
            let other = args.take_object(at)?;
            kept.retain(|(name, value)| {
                other.get_exact(name).is_some_and(|other| other.language_eq(value))
            });
        }
        return Ok(Object::from_pairs(kept).into());
    }
    let mut seen = HashSet::new();
    let mut kept: Vec<(Vec<u8>, Value)> = Vec::new();
    for item in args.array(0)?.iter() {
        let identity = identity(item);
        if seen.insert(identity.clone()) {
            kept.push((identity, item.clone()));
        }
    }
    for at in 1..args.len() {
        let others: HashSet<Vec<u8>> = args.array(at)?.iter().map(identity).collect();
        kept.retain(|(identity, _)| others.contains(identity));
    }
    Ok(Value::array(kept.into_iter().map(|(_, item)| item).collect()))
}

/// Bytes that are the same for equal values: numbers by value, objects without
/// regard to the order of their names.
fn identity(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_identity(value, &mut out);
    out
}

fn write_identity(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for item in items.iter() {
                write_identity(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(object) => {
            let mut entries: Vec<(&Str, &Value)> = object.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, item) in entries {
                crate::json::write(&Value::String(name.clone()), out);
                out.push(b':');
                write_identity(item, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        number if number.is_number() => match (number.as_int(), number.as_f64()) {
            (Some(int), _) => crate::json::write(&Value::Int(int), out),
            (None, Some(float)) => crate::json::write(&Value::Float(float), out),
            (None, None) => crate::json::write(number, out),
        },
        other => crate::json::write(other, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_ignores_kind_of_number_and_order_of_names() {
        let object = |pairs: &[(&str, Value)]| {
            let pairs = pairs.iter().map(|(name, value)| (Str::from(*name), value.clone()));
            Value::from(pairs.collect::<Object>())
        };
        let a = object(&[("x", 1.into()), ("y", "z".into())]);
        let b = object(&[("y", "z".into()), ("x", 1.0.into())]);
        assert_eq!(identity(&a), identity(&b));
        assert_ne!(identity(&"1".into()), identity(&1.into()));
        assert_ne!(identity(&true.into()), identity(&1.into()));
    }
}
