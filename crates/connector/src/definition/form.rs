//! Bodies of OpenAPI 3, put into the words of Swagger 2.0: a body, or the fields of a form.

use super::Fault;
use super::operation::{Collection, Location, Operation, OperationParameter};
use super::reader::{OperationReader, simple};
use super::schema::{Dynamic, SchemaId, SchemaKind, Visibility, is_true, list, object};
use expr::Str;
use serde_json::{Map, Value};

/// The name of a body that has none.
const BODY: &str = "body";

/// Whether a media type is JSON.
pub(crate) fn is_json(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// Whether a media type is a form.
pub(crate) fn is_form(media: &str) -> bool {
    is_url_form(media) || is_multipart(media)
}

pub(crate) fn is_url_form(media: &str) -> bool {
    essence_is(media, "application/x-www-form-urlencoded")
}

pub(crate) fn is_multipart(media: &str) -> bool {
    essence_is(media, "multipart/form-data")
}

fn essence_is(media: &str, wanted: &str) -> bool {
    media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// Of what stands under several media types, the JSON, else the first.
pub(super) fn chosen(content: &Map<String, Value>) -> Option<(&String, &Value)> {
    content.iter().find(|(media, _)| is_json(media)).or_else(|| content.iter().next())
}

/// The parameters that a `requestBody` is in the words of Swagger 2.0, and what it may be.
pub(super) fn request_body<'a>(
    reader: &mut OperationReader<'a>,
    body: &'a Value,
    path: &str,
) -> Result<(Vec<OperationParameter>, Vec<String>), Fault> {
    let Some(content) = object(body, "content").filter(|it| !it.is_empty()) else {
        return Err(Fault::at(format!("{path}.content"), "The body has no content."));
    };
    let consumes: Vec<String> = content.keys().cloned().collect();
    let Some((media, said)) = chosen(content) else { return Ok((Vec::new(), consumes)) };
    let path = format!("{path}.content['{media}'].schema");
    let nothing = &Value::Null;
    let schema = said.get("schema").unwrap_or(nothing);
    if is_form(media) {
        let schema = reader.resolver.follow(schema, &path)?.value;
        if object(schema, "properties").is_some() {
            return Ok((fields(reader, schema, &path)?, consumes));
        }
    }
    let name = body.get("x-name").or_else(|| body.get("x-ms-requestBody-name"));
    let name = name.and_then(Value::as_str).unwrap_or(BODY);
    let schema = reader.schemas.read(schema, &path)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(Box::from);
    let parameter = OperationParameter {
        is_required: is_true(body, "required"),
        summary: text("x-ms-summary"),
        description: text("description"),
        visibility: Visibility::of(body),
        dynamic: Dynamic::of(body),
        ..simple(Str::from(name), Location::Body, schema)
    };
    Ok((vec![parameter], consumes))
}

fn fields<'a>(
    reader: &mut OperationReader<'a>,
    schema: &'a Value,
    path: &str,
) -> Result<Vec<OperationParameter>, Fault> {
    let required = list(schema, "required");
    let mut fields = Vec::new();
    for (name, value) in object(schema, "properties").into_iter().flatten() {
        let id: SchemaId = reader.schemas.read(value, &format!("{path}.properties.{name}"))?;
        let value = reader.resolver.follow(value, path)?.value;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(Box::from);
        fields.push(OperationParameter {
            is_required: required.iter().any(|it| it.as_str() == Some(name)),
            collection: Collection::Multi,
            summary: text("x-ms-summary"),
            description: text("description"),
            visibility: Visibility::of(value),
            dynamic: Dynamic::of(value),
            ..simple(Str::from(name.as_str()), Location::Form, id)
        });
    }
    Ok(fields)
}

/// What only the schemas tell, once they are read: a parameter shows what its schema says
/// where it says nothing itself.
pub(super) fn settle(operation: &mut Operation) {
    let schemas = std::sync::Arc::clone(&operation.schemas);
    for parameter in &mut operation.parameters {
        let schema = &schemas[parameter.schema];
        if parameter.summary.is_none() {
            parameter.summary.clone_from(&schema.summary);
        }
        if parameter.description.is_none() {
            parameter.description.clone_from(&schema.description);
        }
        if parameter.dynamic.is_none() {
            parameter.dynamic.clone_from(&schema.dynamic);
        }
        let is_value = !matches!(schema.kind, SchemaKind::Object | SchemaKind::Any);
        parameter.is_notification_url |= schema.is_notification_url && is_value;
    }
}
