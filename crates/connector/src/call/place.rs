//! Values of keys put together to parameters: what is given, what is filled in, what is missing.

use super::BindFault;
use super::address::steps;
use super::convert::converted;
use crate::definition::{Additional, Operation, OperationParameter, Schema, SchemaId, SchemaKind};
use crate::limits::{BODY_DEPTH_MAX, FILLED_SCHEMAS_MAX};
use expr::{Object, Str, Value};

/// What is given for a parameter: a value as a whole, or values of what is in it.
#[derive(Debug)]
pub(super) enum Given {
    Whole(Value),
    Parts(Vec<(Str, Given)>),
}

impl Given {
    /// Puts a value where steps lead; false when it does not fit with what is there.
    pub fn put(&mut self, steps: &[Str], value: Value) -> bool {
        let Some((step, rest)) = steps.split_first() else { return self.replace(value) };
        if let Given::Whole(whole) = self {
            let Some(object) = whole.as_object() else { return false };
            let parts = object.iter();
            let parts = parts.map(|(name, value)| (name.clone(), Given::Whole(value.clone())));
            *self = Given::Parts(parts.collect());
        }
        let Given::Parts(parts) = self else { return false };
        if let Some((_, part)) = parts.iter_mut().find(|(name, _)| name == step) {
            return part.put(rest, value);
        }
        let mut part = Given::Parts(Vec::new());
        let fits = match rest {
            [] => {
                part = Given::Whole(value);
                true
            }
            rest => part.put(rest, value),
        };
        parts.push((step.clone(), part));
        fits
    }

    /// A whole value where parts are already: both are what the object is made of.
    fn replace(&mut self, value: Value) -> bool {
        match (self, value) {
            (Given::Parts(parts), Value::Object(object)) => {
                for (name, value) in object.iter() {
                    if !parts.iter().any(|(it, _)| it == name) {
                        parts.push((name.clone(), Given::Whole(value.clone())));
                    }
                }
                true
            }
            (Given::Parts(_), _) => false,
            (whole, value) => {
                *whole = Given::Whole(value);
                true
            }
        }
    }
}

/// Makes the values of an operation's parameters.
pub(super) struct Placer<'a> {
    operation: &'a Operation,
    /// Schemas that may still be filled in: objects that each need two others would be
    /// endless.
    budget: usize,
}

impl<'a> Placer<'a> {
    pub fn new(operation: &'a Operation) -> Placer<'a> {
        Placer { operation, budget: FILLED_SCHEMAS_MAX }
    }

    /// The value of a parameter; none when it is not needed.
    pub fn parameter(
        &mut self,
        parameter: &OperationParameter,
        given: Option<Given>,
    ) -> Result<Option<Value>, BindFault> {
        let is_open = parameter.dynamic.as_ref().is_some_and(|it| it.is_shape());
        let place = Place { required: parameter.is_required, is_open, depth: 0 };
        self.value(parameter.schema, given, &parameter.name, place)
    }

    fn value(
        &mut self,
        id: SchemaId,
        given: Option<Given>,
        at: &str,
        place: Place,
    ) -> Result<Option<Value>, BindFault> {
        let schema = self.operation.schema(id);
        match given {
            Some(Given::Parts(parts)) => self.object(id, parts, at, place).map(Some),
            Some(Given::Whole(value)) if is_empty(&value) && place.required => {
                match filled(schema) {
                    Some(default) if value.is_null() => self.convert(id, default, at).map(Some),
                    _ if is_text(schema) => Err(BindFault::empty(at)),
                    // what is no text may be null where the document says nothing of it
                    _ => self.convert(id, value, at).map(Some),
                }
            }
            Some(Given::Whole(value)) => match self.flat_items(schema, &value) {
                Some(parts) => self.object(id, parts, at, place).map(Some),
                None => self.convert(id, value, at).map(Some),
            },
            None if !place.required => Ok(None),
            None => self.fill(id, at, place).map(Some),
        }
    }

    /// The items of a list as the designer writes them, flat: their keys lead to places in them,
    /// as those of parameters do. None: no item has such a key, or one that leads nowhere.
    fn flat_items(&self, list: &Schema, value: &Value) -> Option<Vec<(Str, Given)>> {
        let id = list.items.filter(|_| list.kind == SchemaKind::Array)?;
        let said = self.operation.schema(id);
        let is_flat = |item: &Value| {
            let mut keys = item.as_object().into_iter().flat_map(|it| it.iter());
            keys.any(|(key, _)| key.contains('/') && said.property(key).is_none())
        };
        let items = value.as_array()?;
        if said.properties.is_empty() || !items.iter().any(is_flat) {
            return None;
        }
        let placed = |(at, item): (usize, &Value)| {
            let mut given = Given::Whole(item.clone());
            if let Some(object) = item.as_object() {
                given = Given::Parts(Vec::with_capacity(object.len()));
                for (key, value) in object.iter() {
                    let steps = steps(self.operation, id, key)?;
                    given.put(&steps, value.clone()).then_some(())?;
                }
            }
            Some((at.to_string().into(), given))
        };
        items.iter().enumerate().map(placed).collect()
    }

    fn convert(&self, id: SchemaId, value: Value, at: &str) -> Result<Value, BindFault> {
        converted(self.operation.schemas(), id, value, at)
    }

    /// What is needed and not given: the default, or an object that is made of defaults.
    fn fill(&mut self, id: SchemaId, at: &str, place: Place) -> Result<Value, BindFault> {
        let schema = self.operation.schema(id);
        let missing = || BindFault::missing(&self.operation.id, at);
        self.budget = self.budget.checked_sub(1).ok_or_else(missing)?;
        if let Some(default) = filled(schema) {
            return self.convert(id, default, at);
        }
        let is_object = schema.kind == SchemaKind::Object && !schema.properties.is_empty();
        if !is_object || place.is_open || schema.is_dynamic() || place.depth >= BODY_DEPTH_MAX {
            return Err(missing());
        }
        self.object(id, Vec::new(), at, place)
    }

    fn object(
        &mut self,
        id: SchemaId,
        parts: Vec<(Str, Given)>,
        at: &str,
        place: Place,
    ) -> Result<Value, BindFault> {
        let schema = self.operation.schema(id);
        if let Some(items) = schema.items.filter(|_| schema.kind == SchemaKind::Array) {
            return self.items(items, parts, at, place);
        }
        if !matches!(schema.kind, SchemaKind::Any | SchemaKind::Object) {
            let value = Value::from(Object::new());
            return self.convert(id, value, at);
        }
        let is_open = place.is_open || schema.is_dynamic();
        let below = |required: bool| Place { required, is_open, depth: place.depth + 1 };
        let mut object = Object::with_capacity(parts.len());
        for (name, given) in parts {
            let path = format!("{at}/{name}");
            let value = match (schema.property(&name), schema.additional) {
                (Some(property), _) => {
                    let place = below(property.is_required);
                    self.value(property.schema, Some(given), &path, place)?
                }
                (None, Additional::Of(id)) => self.value(id, Some(given), &path, below(false))?,
                (None, _) if is_open || is_unsaid(schema) => Some(loose(given)),
                (None, _) => return Err(BindFault::extra(&path)),
            };
            object.push_new(name, value.unwrap_or_default());
        }
        let needed = schema.properties.iter().filter(|it| it.is_required);
        for property in needed.filter(|it| !object.contains(&it.name)).collect::<Vec<_>>() {
            let said = self.operation.schema(property.schema);
            if !said.is_read_only && !is_open {
                let path = format!("{at}/{}", property.name);
                let value = self.fill(property.schema, &path, below(true))?;
                object.push_new(property.name.clone(), value);
            }
        }
        Ok(object.into())
    }

    /// A list of which single items are given, from the first on.
    fn items(
        &mut self,
        items: SchemaId,
        parts: Vec<(Str, Given)>,
        at: &str,
        place: Place,
    ) -> Result<Value, BindFault> {
        let mut numbered = Vec::with_capacity(parts.len());
        for (name, given) in parts {
            let path = format!("{at}/{name}");
            let Ok(index) = name.parse::<usize>() else { return Err(BindFault::extra(&path)) };
            let place = Place { required: true, depth: place.depth + 1, ..place };
            numbered.push((index, self.value(items, Some(given), &path, place)?));
        }
        numbered.sort_by_key(|(index, _)| *index);
        if numbered.iter().enumerate().any(|(at, (index, _))| at != *index) {
            let message = format!("The items of '{at}' are not numbered from 0 on without a gap.");
            return Err(BindFault::invalid(message));
        }
        let values = numbered.into_iter().map(|(_, value)| value.unwrap_or_default());
        Ok(Value::array(values.collect()))
    }
}

/// What is known of a place in a parameter.
#[derive(Clone, Copy)]
struct Place {
    required: bool,
    /// Only the service knows what is in it.
    is_open: bool,
    depth: usize,
}

/// The value that stands for what is needed and not given.
fn filled(schema: &Schema) -> Option<Value> {
    schema.default.as_ref().filter(|it| !it.is_null()).map(value_of)
}

/// A value of a document as one of the language.
pub(crate) fn value_of(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::array(items.iter().map(value_of).collect()),
        Json::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(name, value)| (Str::from(name.as_str()), value_of(value)));
            entries.collect::<Object>().into()
        }
    }
}

/// What is given below something of which the document says nothing.
fn loose(given: Given) -> Value {
    match given {
        Given::Whole(value) => value,
        Given::Parts(parts) => {
            let mut object = Object::with_capacity(parts.len());
            for (name, given) in parts {
                object.push_new(name, loose(given));
            }
            object.into()
        }
    }
}

/// Whether a schema leaves open what an object has in it. One that lists some properties and
/// says nothing of others lets no others be given, as the original's does.
fn is_unsaid(schema: &Schema) -> bool {
    schema.properties.is_empty()
        || schema.variant.is_some()
        || schema.additional == Additional::Allowed
}

fn is_text(schema: &Schema) -> bool {
    schema.kind == SchemaKind::String
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}
