//! `$ref`: where a document says something once and names it elsewhere.

use super::Fault;
use crate::limits::REFERENCES_MAX;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::borrow::Cow;

/// A document in which references are followed.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    root: &'a Value,
}

/// What a value is once references are followed.
pub(super) struct Found<'a> {
    pub value: &'a Value,
    /// Where it stands, when a reference led there.
    pub pointer: Option<Cow<'a, str>>,
}

impl<'a> Resolver<'a> {
    pub fn new(root: &'a Value) -> Resolver<'a> {
        Resolver { root }
    }

    pub fn root(self) -> &'a Value {
        self.root
    }

    /// The value itself, or what it refers to.
    pub fn follow(self, value: &'a Value, path: &str) -> Result<Found<'a>, Fault> {
        let mut found = Found { value, pointer: None };
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = found.value.get("$ref").and_then(Value::as_str) else {
                return Ok(found);
            };
            let Some(pointer) = reference.strip_prefix('#') else {
                let message = format!(
                    "The reference '{reference}' leaves the document; expected one like '#/definitions/Name'."
                );
                return Err(Fault::at(format!("{path}.$ref"), message));
            };
            let Some((value, pointer)) = self.at(pointer) else {
                let message = format!("The document has nothing at '{reference}'.");
                return Err(Fault::at(format!("{path}.$ref"), message));
            };
            found = Found { value, pointer: Some(pointer) };
        }
        let message = "The reference leads through too many others, or to itself.";
        Err(Fault::at(format!("{path}.$ref"), message))
    }

    /// A pointer is written as it is, or encoded as an address would have it.
    fn at(self, pointer: &'a str) -> Option<(&'a Value, Cow<'a, str>)> {
        if let Some(value) = self.root.pointer(pointer) {
            return Some((value, Cow::Borrowed(pointer)));
        }
        let decoded = percent_decode_str(pointer).decode_utf8().ok()?;
        let value = self.root.pointer(&decoded)?;
        Some((value, decoded))
    }
}
