//! JSON schemas of definitions, compiled once.

use expr::Value;
use std::fmt;

/// A compiled JSON schema.
pub struct Schema {
    source: Value,
    validator: jsonschema::Validator,
}

impl Schema {
    /// Compiles a schema; references to other documents are not followed.
    pub fn compile(source: &Value) -> Result<Schema, String> {
        let json = to_json(source)?;
        let validator = jsonschema::validator_for(&json).map_err(|error| error.to_string())?;
        Ok(Schema { source: source.clone(), validator })
    }

    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The first few violations, each with its place; empty when the value fits.
    #[must_use]
    pub fn violations(&self, value: &Value) -> Vec<String> {
        let json = match to_json(value) {
            Ok(json) => json,
            Err(message) => return vec![message],
        };
        self.validator
            .iter_errors(&json)
            .take(crate::limits::SCHEMA_VIOLATIONS_SHOWN_MAX)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                path => format!("{path}: {error}"),
            })
            .collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}
