//! The fields of a flow as callers send it: the 31 body fields of CreateFlow and
//! UpdateFlow (documentation page "Power Automate Management"), in one table.
//!
//! What is required depends on how a flow is described. Both operations of the connector
//! describe a whole flow. So does a POST to the provider; a PATCH names what is to be
//! different, and clients send no more than that (`{"properties": {"state": "Stopped"}}`).
//!
//! Invariant: a field that is accepted here is not believed for that: what the server knows
//! by itself (who made a flow, times, addresses, ids) is read over.

use crate::app::AppError;
use serde_json::Value;
use std::fmt::Write;

/// How a caller describes a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All that it is to be.
    Whole,
    /// What is to be different.
    Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// A time as text.
    Moment,
    Flag,
}

/// When a field has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Never,
    /// When what it is in is there.
    WithParent,
    /// In the description of a whole flow.
    OfWhole,
}

struct Field {
    /// Members from the root. `[]`: of each item of a list. `{}`: of each item of a list or
    /// of an object, since references come as either.
    path: &'static [&'static str],
    kind: Kind,
    need: Need,
}

const REFERENCES: &str = "connectionReferences";
const SUMMARY: &str = "definitionSummary";

macro_rules! fields {
    ($($kind:ident $need:ident $($part:expr),+;)*) => {
        &[$(Field { path: &[$($part),+], kind: Kind::$kind, need: Need::$need },)*]
    };
}

const FIELDS: &[Field] = fields! {
    Text Never "name";
    Text OfWhole "properties", "displayName";
    Text OfWhole "properties", "state";
    Text Never "properties", REFERENCES, "{}", "connectionName";
    Text Never "properties", REFERENCES, "{}", "displayName";
    Text WithParent "properties", REFERENCES, "{}", "id";
    Text Never "properties", REFERENCES, "{}", "source";
    Text Never "properties", REFERENCES, "{}", "connectionReferenceLogicalName";
    Text Never "properties", REFERENCES, "{}", "apiDefinition", "name";
    Text Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "displayName";
    Moment Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "createdTime";
    Text Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "primaryRuntimeUrl";
    Text Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "iconUri";
    Flag Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "isCustomApi";
    Text Never "properties", REFERENCES, "{}", "apiDefinition", "properties", "tier";
    Moment Never "properties", "createdTime";
    Moment Never "properties", "lastModifiedTime";
    Text Never "properties", "templateName";
    Text Never "properties", "flowTriggerUri";
    Text Never "properties", "installationStatus";
    Text WithParent "properties", "creator", "tenantId";
    Text Never "properties", "creator", "objectId";
    Text WithParent "properties", "creator", "userId";
    Text WithParent "properties", "creator", "userType";
    Text Never "properties", SUMMARY, "triggers", "[]", "type";
    Text Never "properties", SUMMARY, "triggers", "[]", "kind";
    Text Never "properties", SUMMARY, "actions", "[]", "type";
    Text Never "properties", SUMMARY, "actions", "[]", "swaggerOperationId";
    Text Never "properties", SUMMARY, "actions", "[]", "api", "name";
    Text Never "properties", SUMMARY, "actions", "[]", "api", "id";
    Text Never "properties", SUMMARY, "actions", "[]", "api", "type";
};

/// Characters of a place that an error names: its parts are the caller's.
const PLACE_CHARACTERS_MAX: usize = 256;

/// Checks the description of a flow: what is required is there, and what is there has its
/// type. Null is as if it were not there.
pub fn check(flow: &Value, form: Form) -> Result<(), AppError> {
    for field in FIELDS {
        let mut place = "$".to_owned();
        visit(flow, field.path, field, form, &mut place)?;
    }
    Ok(())
}

fn visit(
    value: &Value,
    path: &[&str],
    field: &Field,
    form: Form,
    place: &mut String,
) -> Result<(), AppError> {
    let Some((part, rest)) = path.split_first() else { return field.check(value, place) };
    let length = place.len();
    match (*part, value) {
        ("[]" | "{}", Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                let _ = write!(place, "[{at}]");
                visit(item, rest, field, form, place)?;
                place.truncate(length);
            }
        }
        ("{}", Value::Object(items)) => {
            for (key, item) in items {
                let _ = write!(place, "['{key}']");
                visit(item, rest, field, form, place)?;
                place.truncate(length);
            }
        }
        ("[]", _) => return Err(wrong(place, value, "a list")),
        ("{}", _) => return Err(wrong(place, value, "an object by key or a list")),
        (name, Value::Object(members)) => {
            let _ = write!(place, ".{name}");
            match members.get(name).filter(|it| !it.is_null()) {
                Some(value) => visit(value, rest, field, form, place)?,
                None if field.is_missing(rest, form) => return Err(missing(place)),
                None => {}
            }
            place.truncate(length);
        }
        _ => return Err(wrong(place, value, "an object")),
    }
    Ok(())
}

impl Field {
    /// Whether it is a fault that nothing is there. `rest` is what would be below.
    fn is_missing(&self, rest: &[&str], form: Form) -> bool {
        match self.need {
            Need::Never => false,
            Need::WithParent => rest.is_empty(),
            Need::OfWhole => form == Form::Whole,
        }
    }

    fn check(&self, value: &Value, place: &str) -> Result<(), AppError> {
        let (is_right, expected) = match self.kind {
            Kind::Text => {
                let is_needed = self.need != Need::Never;
                let is_right = |text: &str| !is_needed || !text.trim().is_empty();
                let expected = if is_needed { "text that is not empty" } else { "text" };
                (value.as_str().is_some_and(is_right), expected)
            }
            Kind::Moment => {
                let is_time = |text: &str| expr::format::date::parse_ticks(text).is_ok();
                (value.as_str().is_some_and(is_time), "a time such as '2024-01-01T00:00:00Z'")
            }
            Kind::Flag => (value.is_boolean(), "true or false"),
        };
        if is_right { Ok(()) } else { Err(wrong(place, value, expected)) }
    }
}

/// Something required is not there.
pub fn missing(place: &str) -> AppError {
    AppError::invalid("MissingProperty", format!("{} is missing.", cut(place)))
}

fn wrong(place: &str, value: &Value, expected: &str) -> AppError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.trim().is_empty() => "empty text",
        Value::String(_) => "other text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let message = format!("{} is {found}, expected {expected}.", cut(place));
    AppError::invalid("InvalidRequestContent", message)
}

fn cut(place: &str) -> String {
    place.chars().take(PLACE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A flow with every field, as the connector sends it.
    fn whole() -> Value {
        json!({
            "name": "x",
            "properties": {
                "displayName": "x",
                "state": "Started",
                "connectionReferences": [{
                    "connectionName": "x",
                    "displayName": "x",
                    "id": "x",
                    "source": "Embedded",
                    "connectionReferenceLogicalName": "x",
                    "apiDefinition": {"name": "x", "properties": {
                        "displayName": "x",
                        "createdTime": "2024-01-01T00:00:00Z",
                        "primaryRuntimeUrl": "x",
                        "iconUri": "x",
                        "isCustomApi": false,
                        "tier": "x"
                    }}
                }],
                "createdTime": "2024-01-01T00:00:00Z",
                "lastModifiedTime": "2024-01-01T00:00:00Z",
                "templateName": "x",
                "flowTriggerUri": "x",
                "installationStatus": "x",
                "creator": {"tenantId": "x", "objectId": "x", "userId": "x", "userType": "x"},
                "definitionSummary": {
                    "triggers": [{"type": "x", "kind": "x"}],
                    "actions": [{
                        "type": "x",
                        "swaggerOperationId": "x",
                        "api": {"name": "x", "id": "x", "type": "x"}
                    }]
                }
            }
        })
    }

    /// Where a field is in [`whole`].
    fn pointer(field: &Field) -> String {
        let parts = field.path.iter();
        parts
            .map(
                |part| {
                    if matches!(*part, "[]" | "{}") { "/0".to_owned() } else { format!("/{part}") }
                },
            )
            .collect()
    }

    fn without(pointer: &str) -> Value {
        let mut flow = whole();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        flow.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        flow
    }

    fn refused(flow: &Value, form: Form) -> AppError {
        check(flow, form).expect_err("a fault")
    }

    #[test]
    fn all_31_fields_are_taken() {
        assert_eq!(FIELDS.len(), 31);
        check(&whole(), Form::Whole).unwrap();
        check(&whole(), Form::Part).unwrap();
        for field in FIELDS {
            assert!(whole().pointer(&pointer(field)).is_some(), "{:?}", field.path);
        }
        let mut keyed = whole();
        let first = keyed["properties"]["connectionReferences"][0].take();
        keyed["properties"]["connectionReferences"] = json!({"shared_x": first});
        check(&keyed, Form::Whole).unwrap();
    }

    #[test]
    fn what_is_required_has_to_be_there() {
        let needed: Vec<String> = FIELDS
            .iter()
            .filter(|field| check(&without(&pointer(field)), Form::Whole).is_err())
            .map(pointer)
            .collect();
        assert_eq!(
            needed,
            [
                "/properties/displayName",
                "/properties/state",
                "/properties/connectionReferences/0/id",
                "/properties/creator/tenantId",
                "/properties/creator/userId",
                "/properties/creator/userType",
            ]
        );
        for pointer in &needed {
            let error = refused(&without(pointer), Form::Whole);
            assert_eq!(error.code, "MissingProperty");
            let place = format!("${}", pointer.replace("/0", "[0]").replace('/', "."));
            assert_eq!(error.message, format!("{place} is missing."));
            let is_part = pointer.ends_with("displayName") || pointer.ends_with("state");
            assert_eq!(check(&without(pointer), Form::Part).is_ok(), is_part, "{pointer}");
            // null is nothing, and so is empty text
            for nothing in [Value::Null, json!(" ")] {
                let mut flow = whole();
                *flow.pointer_mut(pointer).unwrap() = nothing;
                refused(&flow, Form::Whole);
            }
        }
        assert_eq!(refused(&json!({}), Form::Whole).message, "$.properties is missing.");
        check(&json!({"properties": {}}), Form::Part).unwrap();
        // without the parent nothing is missing
        for parent in ["/properties/connectionReferences", "/properties/creator"] {
            check(&without(parent), Form::Whole).unwrap();
        }
    }

    #[test]
    fn what_is_there_has_its_type() {
        for field in FIELDS {
            let pointer = pointer(field);
            for wrong in [json!(7), json!([]), json!({}), json!(true), json!("x")] {
                let is_right = match field.kind {
                    Kind::Text => wrong.is_string(),
                    Kind::Moment => false,
                    Kind::Flag => wrong.is_boolean(),
                };
                let mut flow = whole();
                *flow.pointer_mut(&pointer).unwrap() = wrong.clone();
                assert_eq!(check(&flow, Form::Part).is_ok(), is_right, "{pointer}: {wrong}");
            }
        }
        for parent in [
            "",
            "/properties",
            "/properties/connectionReferences",
            "/properties/connectionReferences/0",
            "/properties/connectionReferences/0/apiDefinition/properties",
            "/properties/definitionSummary/triggers",
            "/properties/definitionSummary/actions/0/api",
        ] {
            let mut flow = whole();
            *flow.pointer_mut(parent).unwrap() = json!(7);
            let error = refused(&flow, Form::Part);
            assert_eq!(error.code, "InvalidRequestContent", "{parent}");
            assert!(error.message.contains("is a number, expected"), "{}", error.message);
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_long_key() {
        let references = json!({"k".repeat(10_000): {}});
        let error =
            refused(&json!({"properties": {"connectionReferences": references}}), Form::Part);
        assert!(error.message.len() < 400, "{}", error.message.len());
    }
}
