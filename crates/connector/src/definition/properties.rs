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
            // a certificate and a person's own sign-in here are theirs
            is_shareable: allows_sharing(set.get("metadata"), !OWN.contains(&name)),
            parameters: Parameter::read_all(parameters, &format!("{path}.parameters"))?,
        })
    };
    values.iter().enumerate().map(read).collect()
}

/// Ways to authenticate that are somebody's own, unless the connector says otherwise.
const OWN: [&str; 2] = ["CertOauth", "firstParty"];

fn allows_sharing(metadata: Option<&Value>, otherwise: bool) -> bool {
    metadata.and_then(|it| it.get("allowSharing")?.as_bool()).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_way_to_authenticate_says_whether_it_is_shared() {
        let set = |name: &str, metadata: Value| json!({"name": name, "metadata": metadata});
        let raw = json!({
            "connectionParameters": {"key": {"type": "securestring"}},
            "connectionParameterSets": {"values": [
                set("basic", Value::Null),
                set("oauth", json!({"allowSharing": false})),
                set("CertOauth", Value::Null),
                set("firstParty", Value::Null),
            ]}
        });
        let read = Properties::of(raw.as_object().cloned().unwrap_or_default()).expect("sets");
        let shared: Vec<bool> = read.sets.iter().map(|it| it.is_shareable).collect();
        assert_eq!(shared, [true, false, false, false]);
        let older = read.older.expect("that of older connections");
        assert_eq!((older.name.as_str(), older.is_shareable), ("", false));
        assert_eq!(older.parameters.len(), 1);
        let plain = json!({"connectionParameters": {"key": {"type": "securestring"}}});
        let read = Properties::of(plain.as_object().cloned().unwrap_or_default()).expect("a set");
        assert_eq!((read.sets.len(), read.older), (1, None));
    }
}
