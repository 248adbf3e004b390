//! `apiProperties.json`: how connections are made, and what is done to calls.

use super::parameter::{Parameter, ParameterSet};
use super::{Fault, text};
use serde_json::{Map, Value};

/// What the file says, with the parts that are shown as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// Everything below `properties`.
    raw: Map<String, Value>,
    /// Ways to authenticate: one without a name unless the connector has several.
    pub sets: Vec<ParameterSet>,
}

impl Properties {
    /// Reads the file.
    ///
    /// # Errors
    /// What is not as it must be, with the place.
    pub fn read(text: &str) -> Result<Properties, Fault> {
        let mut document = text::json(text, "The properties")?;
        let raw = match document.get_mut("properties").map(Value::take) {
            Some(Value::Object(raw)) => raw,
            _ => return Err(Fault::at("$.properties", "Expected an object.")),
        };
        Properties::of(raw)
    }

    /// What is below `properties`.
    ///
    /// # Errors
    /// As [`Properties::read`].
    pub fn of(raw: Map<String, Value>) -> Result<Properties, Fault> {
        let sets = match raw.get("connectionParameterSets") {
            Some(sets) if !sets.is_null() => read_sets(sets)?,
            _ => {
                let parameters = raw.get("connectionParameters").unwrap_or(&Value::Null);
                let parameters =
                    Parameter::read_all(parameters, "$.properties.connectionParameters")?;
                let mut only = ParameterSet { name: String::new(), is_shareable: true, parameters };
                // what somebody signed in for is theirs, unless the connector says otherwise
                only.is_shareable = allows_sharing(raw.get("metadata"), !only.needs_sign_in());
                vec![only]
            }
        };
        Ok(Properties { raw, sets })
    }

    /// Everything below `properties`.
    #[must_use]
    pub fn into_raw(self) -> Map<String, Value> {
        self.raw
    }
}

fn read_sets(sets: &Value) -> Result<Vec<ParameterSet>, Fault> {
    let path = "$.properties.connectionParameterSets.values";
    let Some(values) = sets.get("values").and_then(Value::as_array) else {
        return Err(Fault::at(path, "Expected a list of parameter sets."));
    };
    let read = |(at, set): (usize, &Value)| {
        let path = format!("{path}[{at}]");
        let Some(name) = set.get("name").and_then(Value::as_str) else {
            return Err(Fault::at(format!("{path}.name"), "The set has no name."));
        };
        let parameters = set.get("parameters").unwrap_or(&Value::Null);
        Ok(ParameterSet {
            name: name.to_owned(),
            is_shareable: allows_sharing(set.get("metadata"), true),
            parameters: Parameter::read_all(parameters, &format!("{path}.parameters"))?,
        })
    };
    values.iter().enumerate().map(read).collect()
}

fn allows_sharing(metadata: Option<&Value>, otherwise: bool) -> bool {
    metadata.and_then(|it| it.get("allowSharing")?.as_bool()).unwrap_or(otherwise)
}
