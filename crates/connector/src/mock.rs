//! Answers made from what a document says of them, for flows that are to run without the
//! service.
//!
//! Invariant: the same operation always gets the same answer.

use crate::call::place::value_of;
use crate::definition::{Additional, Operation, Schema, SchemaId, SchemaKind};
use crate::limits::{MOCK_DEPTH_MAX, MOCK_ITEMS_MAX, MOCK_VALUES_MAX};
use expr::{Object, Value};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// The answer of an operation that does what it is asked: the document's example, else
/// values of its schema. There is never another page.
#[must_use]
pub fn answer(operation: &Operation) -> Answer {
    let Some(response) = operation.success() else {
        return Answer { status: 200, headers: Vec::new(), body: Value::Null };
    };
    let mut maker = Maker { operation, budget: MOCK_VALUES_MAX };
    let mut body = match (&response.example, response.schema) {
        (Some(example), _) => value_of(example),
        (None, Some(schema)) => maker.value(schema, 0),
        (None, None) => Value::Null,
    };
    let said = operation.pageable.as_ref().and_then(|it| it.next_link.as_deref());
    if let Value::Object(object) = &mut body {
        // the names that a page's link has where a document says none
        for name in said.into_iter().chain(["nextLink", "@odata.nextLink"]) {
            std::sync::Arc::make_mut(object).remove(name);
        }
    }
    let header = |(name, schema): &(String, SchemaId)| {
        (name.clone(), crate::call::text(&maker.value(*schema, 0)))
    };
    Answer {
        status: response.status.unwrap_or(200),
        headers: response.headers.iter().map(header).collect(),
        body,
    }
}

/// What a webhook is told: values of the schema of its notifications, or no body.
#[must_use]
pub fn notification(operation: &Operation) -> Value {
    operation.notification.map_or(Value::Null, |schema| value(operation, schema))
}

/// A value of a schema of an operation, as [`answer`] makes them.
#[must_use]
pub fn value(operation: &Operation, schema: SchemaId) -> Value {
    Maker { operation, budget: MOCK_VALUES_MAX }.value(schema, 0)
}

struct Maker<'a> {
    operation: &'a Operation,
    /// Values that may still be made.
    budget: usize,
}

impl Maker<'_> {
    fn value(&mut self, id: SchemaId, depth: usize) -> Value {
        let schema = self.operation.schema(id);
        let said = schema.example.as_ref().or(schema.default.as_ref());
        if let Some(said) = said.or_else(|| schema.allowed.first()) {
            return value_of(said);
        }
        if depth >= MOCK_DEPTH_MAX || self.budget == 0 {
            return Value::Null;
        }
        self.budget -= 1;
        match (schema.kind, schema.variant) {
            (SchemaKind::Any, Some(variant)) => self.value(variant, depth + 1),
            (SchemaKind::Object, _) => self.object(schema, depth),
            (SchemaKind::Array, _) => {
                let count = schema.items_min.clamp(1, MOCK_ITEMS_MAX);
                let items = schema.items.into_iter().cycle().take(count);
                let items = items.map(|it| self.value(it, depth + 1));
                Value::array(items.filter(|it| !it.is_null()).collect())
            }
            (SchemaKind::String, _) => text(schema),
            (SchemaKind::Integer, _) => number(schema, true),
            (SchemaKind::Number, _) => number(schema, false),
            (SchemaKind::Boolean, _) => Value::Bool(true),
            (SchemaKind::File, _) => {
                expr::content::envelope("application/octet-stream", b"content").into()
            }
            (SchemaKind::Any, None) => Value::Null,
        }
    }

    fn object(&mut self, schema: &Schema, depth: usize) -> Value {
        let mut object = Object::with_capacity(schema.properties.len());
        for property in &schema.properties {
            let value = self.value(property.schema, depth + 1);
            // what contains itself ends where it would be one of many
            if property.is_required || !value.is_null() {
                object.push_new(property.name.clone(), value);
            }
        }
        if let (Additional::Of(id), true) = (schema.additional, schema.properties.is_empty()) {
            object.push_new("key", self.value(id, depth + 1));
        }
        object.into()
    }
}

fn text(schema: &Schema) -> Value {
    let format = schema.format.as_deref().unwrap_or_default().to_ascii_lowercase();
    let text = match format.as_str() {
        "date-time" | "datetime" => "2024-01-01T00:00:00Z",
        "date" => "2024-01-01",
        "time" => "00:00:00",
        "uuid" | "guid" => "00000000-0000-0000-0000-000000000000",
        "email" => "user@example.com",
        "uri" | "url" => "https://example.com/",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "byte" => "Y29udGVudA==",
        "binary" => {
            return expr::content::envelope("application/octet-stream", b"content").into();
        }
        _ => "text",
    };
    let missing = schema.length_min.map_or(0, |it| it.min(1_000) as usize);
    Value::from(format!("{text:x<missing$}"))
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn number(schema: &Schema, is_whole: bool) -> Value {
    let least = schema.minimum.unwrap_or(f64::MIN);
    let most = schema.maximum.unwrap_or(f64::MAX);
    let chosen = if (least..=most).contains(&1.0) { 1.0 } else { 1f64.max(least).min(most) };
    let whole = chosen.ceil();
    if is_whole || (chosen.fract() == 0.0 && whole.abs() < 1e15) {
        return Value::Int(whole.clamp(-9e15, 9e15) as i64);
    }
    Value::Float(chosen)
}

#[cfg(test)]
mod tests;
