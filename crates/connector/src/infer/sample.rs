//! Values that are made of what was learnt, as mocks make them.

use super::shape::Wrapping;
use crate::definition::Document;
use crate::mock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use expr::Value;
use serde_json::{Value as Json, json};

/// A value that a schema describes.
pub fn value(schema: &Json) -> Value {
    let document = json!({"swagger": "2.0", "info": {"title": "sample"}, "paths": {"/": {"get": {
        "operationId": "sample", "responses": {"200": {"description": "It.", "schema": schema}}}}}});
    let read = Document::read(&document.to_string()).ok();
    let operation = read.as_ref().and_then(|it| it.operation("sample"));
    operation.map(|it| mock::answer(it).body).unwrap_or_default()
}

/// The same as JSON.
pub fn json(schema: &Json) -> Json {
    serde_json::from_str(&expr::json::to_string(&value(schema))).unwrap_or_default()
}

/// The schema of a text in which there is something, by how it is taken out: the example has
/// that in it.
pub fn text_of<'a>(inner: impl Iterator<Item = (&'a Wrapping, Json)>) -> Json {
    let mut text: Option<String> = None;
    for (wrapping, schema) in inner {
        text = Some(match (wrapping, text) {
            (Wrapping::Pieces(separator), before) => pieces(separator, &schema, before),
            // a text is of one of these forms
            (_, Some(before)) => before,
            (Wrapping::Json, None) => match value(&schema) {
                Value::Null => "{}".to_owned(),
                value => expr::json::to_string(&value),
            },
            (Wrapping::Xml, None) => document(schema),
            (Wrapping::Base64, None) => match value(&schema) {
                Value::Null => STANDARD.encode("content"),
                value => STANDARD.encode(crate::call::text(&value)),
            },
        });
    }
    json!({"type": "string", "example": text.unwrap_or_default()})
}

/// As many pieces as are read; one of another form is the first.
fn pieces(separator: &str, schema: &Json, before: Option<String>) -> String {
    let Value::Array(list) = value(schema) else { return before.unwrap_or_default() };
    let mut texts: Vec<String> = list.iter().map(crate::call::text).collect();
    if let (Some(before), Some(first)) = (before, texts.first_mut()) {
        *first = before;
    }
    texts.join(separator)
}

/// A document is JSON with one name at its top, and a list in it is one from two items on.
fn document(mut schema: Json) -> String {
    several(&mut schema);
    let made = expr::xml_of(&value(&schema));
    made.unwrap_or_else(|| "<text />".to_owned())
}

fn several(schema: &mut Json) {
    if schema["type"] == "array" {
        schema["minItems"] = schema["minItems"].as_u64().unwrap_or_default().max(2).into();
    }
    let below = schema.as_object_mut().into_iter().flat_map(|it| it.values_mut());
    below.filter(|it| it.is_object()).for_each(several);
}
