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
    /// Of a connector with several: that of connections from before it had them ("Default
    /// [DEPRECATED]"). Nobody chooses it for a new one.
    pub older: Option<ParameterSet>,
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
        let given = raw.get("connectionParameters").filter(|it| !it.is_null());
        let path = "$.properties.connectionParameters";
        let plain = Parameter::read_all(given.unwrap_or(&Value::Null), path);
        let plain = plain.map(|parameters| ParameterSet {
            name: String::new(),
            is_shareable: false,
            parameters,
        });
        let (sets, older) = match raw.get("connectionParameterSets") {
            // what nobody chooses any more is no reason to refuse the others
            Some(sets) if !sets.is_null() => {
                (read_sets(sets)?, plain.ok().filter(|_| given.is_some()))
            }
            _ => {
                let mut plain = plain?;
                // what somebody signed in for is theirs, unless the connector says otherwise
                plain.is_shareable = allows_sharing(raw.get("metadata"), !plain.needs_sign_in());
                (vec![plain], None)
            }
        };
        Ok(Properties { raw, sets, older })
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
