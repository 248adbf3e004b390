//! Changing objects: every function gives a new object, the old one stays.

use super::{Args, Function, values};
use crate::error::EvalError;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    values("addProperty", 3, 3, |args| {
        let name = args.text(1)?.clone();
        let mut object = args.take_object(0)?;
        if let Some((existing, _)) = object.get_entry(&name) {
            return Err(args.error(format_args!("The property '{existing}' already exists.")));
        }
        object.push_new(name, args.take(2));
        Ok(object.into())
    }),
    values("setProperty", 3, 3, set_property),
    values("removeProperty", 2, 2, |args| {
        let name = args.text(1)?.clone();
        let mut object = args.take_object(0)?;
        object.remove(&name);
        Ok(object.into())
    }),
    values("mergeObjects", 2, 2, |args| {
        let mut object = args.take_object(0)?;
        for (name, value) in args.take_object(1)?.iter() {
            object.insert(name.clone(), value.clone());
        }
        Ok(object.into())
    }),
];

/// The property moves to the end and keeps its old spelling.
fn set_property(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let name = args.text(1)?.clone();
    let mut object = args.take_object(0)?;
    let name = object.remove(&name).map_or(name, |(spelled, _)| spelled);
    object.push_new(name, args.take(2));
    Ok(object.into())
}
