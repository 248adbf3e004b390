//! Keys of an action's `parameters`: `$top` is a parameter, `emailMessage/To` a property of
//! the body whose parameter is called `emailMessage`.
//!
//! A slash that belongs to a name is written `~1`, and a tilde `~0`, as in JSON Pointer. A
//! name that the document spells with a slash is found as it stands too.

use crate::definition::{Location, Operation, OperationParameter, SchemaId};
use crate::limits::BODY_DEPTH_MAX;
use expr::Str;

/// Where a value belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The parameter's number.
    pub parameter: usize,
    pub steps: Vec<Str>,
}

impl Operation {
    /// The parameter that a key names, and the names from it down to a value in it.
    pub(crate) fn address_of(&self, key: &str) -> Option<(&OperationParameter, Vec<Str>)> {
        let found = address(self, key)?;
        Some((&self.parameters[found.parameter], found.steps))
    }
}

/// The place that a key names; nothing when the operation has none of the name.
pub(super) fn address(operation: &Operation, key: &str) -> Option<Address> {
    let whole = |name: &str| {
        let parameter = operation.parameter_at(name)?;
        Some(Address { parameter, steps: Vec::new() })
    };
    if let Some(address) = whole(key).or_else(|| whole(&unescaped(key))) {
        return Some(address);
    }
    for (at, _) in key.rmatch_indices('/') {
        let found = operation.parameter_at(&key[..at]);
        let found = found.or_else(|| operation.parameter_at(&unescaped(&key[..at])));
        if let Some(parameter) = found {
            return steps_of(operation, parameter, &key[at + 1..]);
        }
    }
    // whatever the document calls the body, an action may say 'body'
    let body = operation.parameters.iter().position(|it| it.location == Location::Body)?;
    let (first, rest) = key.split_once('/').map_or((key, None), |(it, rest)| (it, Some(rest)));
    if !first.eq_ignore_ascii_case("body") {
        return None;
    }
    match rest {
        None => Some(Address { parameter: body, steps: Vec::new() }),
        Some(rest) => steps_of(operation, body, rest),
    }
}

fn steps_of(operation: &Operation, parameter: usize, rest: &str) -> Option<Address> {
    let steps = steps(operation, operation.parameters[parameter].schema, rest)?;
    Some(Address { parameter, steps })
}

/// The names from an object down; nothing when there are too many.
pub(super) fn steps(operation: &Operation, schema: SchemaId, text: &str) -> Option<Vec<Str>> {
    let mut schema = Some(schema);
    let mut rest = text;
    let mut steps = Vec::new();
    loop {
        if steps.len() >= BODY_DEPTH_MAX {
            return None;
        }
        let said = schema.map(|id| operation.schema(id));
        let slashed = said.and_then(|schema| {
            let is_it = |name: &str| {
                name.contains('/')
                    && rest
                        .strip_prefix(name)
                        .is_some_and(|it| it.is_empty() || it.starts_with('/'))
            };
            let names = schema.properties.iter().filter(|it| is_it(&it.name));
            names.max_by_key(|it| it.name.len())
        });
        let length = match slashed {
            Some(property) => property.name.len(),
            None => rest.find('/').unwrap_or(rest.len()),
        };
        let (step, behind) = rest.split_at(length);
        let property = slashed.or_else(|| {
            let said = said?;
            said.property(step).or_else(|| said.property(&unescaped(step)))
        });
        let index = said.and_then(|it| it.items).filter(|_| step.parse::<usize>().is_ok());
        schema = property.map(|it| it.schema).or(index);
        steps.push(property.map_or_else(|| Str::from(unescaped(step)), |it| it.name.clone()));
        match behind.strip_prefix('/') {
            Some(behind) => rest = behind,
            None => return Some(steps),
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("~1", "/").replace("~0", "~")
}
