//! Values as an operation's schemas want them: a designer's text becomes a number, a flag, a
//! list, where that is what it says.

use super::BindFault;
use super::body::envelope;
use crate::definition::{Additional, Collection, Schema, SchemaId, SchemaKind, Schemas};
use crate::limits::BODY_DEPTH_MAX;
use expr::{Object, Value};

/// A value of a schema's kind, or that it cannot become one.
pub(super) fn converted(
    schemas: &Schemas,
    id: SchemaId,
    value: Value,
    at: &str,
) -> Result<Value, BindFault> {
    let schema = &schemas[id];
    if value.is_null() {
        return Ok(value);
    }
    match of_kind(schema, &value) {
        Some(value) => Ok(within(schemas, id, value, 0)),
        None => Err(BindFault::kind(at, &value, &expected(schema))),
    }
}

/// The value as it is wanted; nothing when it is something else.
fn of_kind(schema: &Schema, value: &Value) -> Option<Value> {
    let is_wrapped = envelope(value).is_some();
    match schema.kind {
        SchemaKind::Any | SchemaKind::File => Some(value.clone()),
        SchemaKind::Integer => match value {
            Value::String(text) => text.trim().parse::<i64>().ok().map(Value::Int),
            value => value.as_int().map(Value::Int),
        },
        SchemaKind::Number => match value {
            Value::String(text) => number(text.trim()),
            Value::Int(_) | Value::Float(_) | Value::Decimal(_) => Some(value.clone()),
            _ => None,
        },
        SchemaKind::Boolean => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true.into()),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false.into()),
            _ => None,
        },
        SchemaKind::String => match value {
            Value::String(_) => Some(value.clone()),
            Value::Object(_) if is_wrapped => Some(value.clone()),
            Value::Object(_) | Value::Array(_) => None,
            value => Some(Value::from(text(value))),
        },
        SchemaKind::Array => match value {
            Value::Array(_) => Some(value.clone()),
            Value::String(text) => parsed(text).filter(|it| it.as_array().is_some()),
            _ => None,
        },
        SchemaKind::Object => match value {
            Value::Object(_) => Some(value.clone()),
            Value::String(text) => parsed(text).filter(|it| it.as_object().is_some()),
            // what an object's schema says of a list is wrong in many documents
            Value::Array(_) if schema.properties.is_empty() => Some(value.clone()),
            _ => None,
        },
    }
}

/// What stands inside a value that was given as a whole: what can become what is wanted
/// does, and of the rest the service may think what it likes.
pub(super) fn within(schemas: &Schemas, id: SchemaId, value: Value, depth: usize) -> Value {
    let schema = &schemas[id];
    if depth >= BODY_DEPTH_MAX {
        return value;
    }
    let below = |id: SchemaId, value: &Value| {
        let value = of_kind(&schemas[id], value).unwrap_or_else(|| value.clone());
        within(schemas, id, value, depth + 1)
    };
    match (&value, schema.items) {
        (Value::Array(items), Some(id)) => {
            Value::array(items.iter().map(|item| below(id, item)).collect())
        }
        (Value::Object(object), _) if !schema.properties.is_empty() || is_map(schema) => {
            let entry = |(name, value): (&expr::Str, &Value)| {
                let id = match (schema.property(name), schema.additional) {
                    (Some(property), _) => Some(property.schema),
                    (None, Additional::Of(id)) => Some(id),
                    (None, _) => None,
                };
                let value = id.map_or_else(|| value.clone(), |id| below(id, value));
                (name.clone(), value)
            };
            object.iter().map(entry).collect::<Object>().into()
        }
        _ => value,
    }
}

fn is_map(schema: &Schema) -> bool {
    matches!(schema.additional, Additional::Of(_))
}

fn expected(schema: &Schema) -> String {
    let kind = match schema.kind {
        SchemaKind::Any => "Any",
        SchemaKind::Object => "Object",
        SchemaKind::Array => "Array",
        SchemaKind::String => "String",
        SchemaKind::Integer => "Integer",
        SchemaKind::Number => "Number",
        SchemaKind::Boolean => "Boolean",
        SchemaKind::File => "File",
    };
    match &schema.format {
        Some(format) => format!("{kind}/{format}"),
        None => kind.to_owned(),
    }
}

/// JSON that a text holds.
fn parsed(text: &str) -> Option<Value> {
    expr::json::parse(text.as_bytes()).ok()
}

fn number(text: &str) -> Option<Value> {
    let value = parsed(text)?;
    matches!(value, Value::Int(_) | Value::Float(_) | Value::Decimal(_)).then_some(value)
}

/// A value where only text can stand.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Null => String::new(),
        other => expr::json::to_string(other),
    }
}

/// The texts that a value is where only text can stand; several for a list that is repeated.
pub(super) fn texts(value: &Value, collection: Collection) -> Vec<String> {
    let Some(items) = value.as_array() else { return vec![text(value)] };
    let items: Vec<String> = items.iter().map(text).collect();
    match collection.separator() {
        Some(separator) => vec![items.join(&separator.to_string())],
        None => items,
    }
}

/// The value that texts mean for a schema; the inverse of [`texts`].
pub(super) fn of_texts(
    schemas: &Schemas,
    id: SchemaId,
    texts: &[String],
    collection: Collection,
) -> Value {
    let schema = &schemas[id];
    let single = |id: Option<SchemaId>, text: &str| {
        let value = Value::from(text);
        id.and_then(|id| of_kind(&schemas[id], &value)).unwrap_or(value)
    };
    if schema.kind != SchemaKind::Array {
        return single(Some(id), texts.first().map_or("", String::as_str));
    }
    let items: Vec<Value> = match (collection.separator(), texts) {
        (Some(_), [text]) if text.is_empty() => Vec::new(),
        (Some(separator), texts) => {
            let pieces = texts.iter().flat_map(|text| text.split(separator));
            pieces.map(|piece| single(schema.items, piece)).collect()
        }
        (None, texts) => texts.iter().map(|text| single(schema.items, text)).collect(),
    };
    Value::array(items)
}
