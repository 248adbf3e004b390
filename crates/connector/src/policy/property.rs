//! A property set inside a value: in an object, or in every object of a list.

use super::expression::Step;
use expr::{Object, Str, Value};
use std::sync::Arc;

/// Sets a property of what steps lead to. What is no object stays as it is.
pub(super) fn set(
    value: &mut Value,
    steps: &[Step],
    name: &[&str],
    new: &dyn Fn(&Value) -> Option<Value>,
) {
    match (steps.split_first(), value) {
        (Some((Step::Index(index), rest)), Value::Array(items)) => {
            if let Some(item) = Arc::make_mut(items).get_mut(*index) {
                set(item, rest, name, new);
            }
        }
        (Some((Step::Name(step), rest)), Value::Object(object)) => {
            let Some((known, below)) = object.get_entry(step) else { return };
            let (known, mut below) = (known.clone(), below.clone());
            set(&mut below, rest, name, new);
            Arc::make_mut(object).insert(known, below);
        }
        (None, Value::Array(items)) => {
            for item in Arc::make_mut(items) {
                set(item, &[], name, new);
            }
        }
        (None, value @ Value::Object(_)) => {
            if let Some(made) = new(value) {
                put(value, name, made);
            }
        }
        _ => {}
    }
}

/// Puts a value at names in an object; objects on the way are made.
fn put(value: &mut Value, names: &[&str], made: Value) {
    let Some((name, rest)) = names.split_first() else {
        *value = made;
        return;
    };
    if value.as_object().is_none() {
        *value = Object::new().into();
    }
    let Value::Object(object) = value else { return };
    let mut below = object.get_exact(name).cloned().unwrap_or_default();
    put(&mut below, rest, made);
    Arc::make_mut(object).insert(Str::from(*name), below);
}
