//! What a flow does at a glance: its triggers, and all its actions with those inside of
//! others (`definitionSummary` of the Power Automate API).

use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The provider's path of a connector.
const APIS: &str = "/providers/Microsoft.PowerApps/apis/";

/// The summary of a definition.
#[must_use]
pub fn summary(definition: &Value) -> Value {
    let mut actions = Vec::new();
    collect(definition, &mut actions);
    let triggers: Vec<Value> = named(definition.get("triggers")).map(operation).collect();
    let mut summary = json!({"triggers": triggers, "actions": actions});
    if let Some(description) = definition.get("description").filter(|it| it.is_string()) {
        summary["description"] = description.clone();
    }
    summary
}

fn named(of: Option<&Value>) -> impl Iterator<Item = &Value> {
    of.and_then(Value::as_object).into_iter().flat_map(Map::values)
}

/// Actions of a block and of all blocks in it. A definition's depth is limited on saving.
fn collect(block: &Value, found: &mut Vec<Value>) {
    for action in named(block.get("actions")) {
        found.push(operation(action));
        collect(action, found);
        action.get("else").into_iter().for_each(|inner| collect(inner, found));
        named(action.get("cases")).for_each(|case| collect(case, found));
        action.get("default").into_iter().for_each(|inner| collect(inner, found));
    }
}

fn operation(value: &Value) -> Value {
    let mut object = Map::new();
    let mut copy = |name: &str, found: Option<&Value>| {
        if let Some(found) = found.filter(|it| !it.is_null()) {
            object.insert(name.to_owned(), found.clone());
        }
    };
    copy("type", value.get("type"));
    copy("kind", value.get("kind"));
    let host = value.pointer("/inputs/host");
    copy("swaggerOperationId", host.and_then(|host| host.get("operationId")));
    copy("metadata", value.get("metadata"));
    let api = host.and_then(|host| host.get("apiId")).and_then(Value::as_str);
    if let Some(id) = api.filter(|id| id.starts_with(APIS)) {
        let api = json!({"name": &id[APIS.len()..], "id": id, "type": APIS.trim_end_matches('/')});
        object.insert("api".to_owned(), api);
    }
    object.into()
}

/// Connection references as an object by key, from that or from the array that the
/// connectors give: there the key is the connector's name, numbered when it comes again.
#[must_use]
pub fn references(given: &Value) -> Option<Value> {
    let items = match given {
        Value::Object(_) => return Some(given.clone()),
        Value::Array(items) => items,
        _ => return None,
    };
    let mut object = Map::new();
    // how far each name has been counted, since a list may be long
    let mut counted: HashMap<&str, usize> = HashMap::new();
    for item in items {
        let id = item.get("id").or_else(|| item.pointer("/apiDefinition/name"))?.as_str()?;
        let name = id.rsplit('/').next().unwrap_or(id);
        let number = counted.entry(name).or_default();
        let mut key = name.to_owned();
        while object.contains_key(&key) {
            *number += 1;
            key = format!("{name}_{number}");
        }
        object.insert(key, item.clone());
    }
    Some(object.into())
}

/// What a reference may be written with that its service is to know somebody by.
const CREDENTIALS: [&str; 3] = ["authentication", "parameterValues", "connectionParameters"];

/// Leaves out of references by key what they, or the properties of their connections,
/// authenticate with.
pub fn without_credentials(references: &mut Value) {
    let references = references.as_object_mut().into_iter().flat_map(Map::values_mut);
    for reference in references.filter_map(Value::as_object_mut) {
        reference.retain(|name, _| !is_credential(name));
        let properties = reference.values_mut().filter_map(Value::as_object_mut);
        properties.for_each(|it| it.retain(|name, _| !is_credential(name)));
    }
}

fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|it| name.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_inside_of_others_are_counted() {
        let api = "/providers/Microsoft.PowerApps/apis/shared_office365";
        let definition = json!({
            "triggers": {"manual": {"type": "Request", "kind": "Button"}},
            "actions": {
                "If": {
                    "type": "If",
                    "actions": {"A": {"type": "Compose"}},
                    "else": {"actions": {"B": {
                        "type": "OpenApiConnection",
                        "metadata": {"operationMetadataId": "x"},
                        "inputs": {"host": {"apiId": api, "operationId": "SendEmailV2"}}
                    }}}
                },
                "Switch": {
                    "type": "Switch",
                    "cases": {"One": {"actions": {"C": {"type": "Wait"}}}},
                    "default": {"actions": {"D": {"type": "Terminate"}}}
                }
            }
        });
        let summary = summary(&definition);
        assert_eq!(summary["triggers"], json!([{"type": "Request", "kind": "Button"}]));
        let types: Vec<&str> = summary["actions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|action| action["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["If", "Compose", "OpenApiConnection", "Switch", "Wait", "Terminate"]);
        let call = &summary["actions"][2];
        assert_eq!(call["swaggerOperationId"], "SendEmailV2");
        assert_eq!(call["api"]["name"], "shared_office365");
        assert_eq!(call["metadata"]["operationMetadataId"], "x");
    }

    #[test]
    fn a_definition_without_anything_has_both_lists() {
        assert_eq!(summary(&json!({})), json!({"triggers": [], "actions": []}));
        assert_eq!(summary(&json!(7)), json!({"triggers": [], "actions": []}));
    }

    #[test]
    fn references_get_keys() {
        let sql = json!({"id": "/providers/Microsoft.PowerApps/apis/shared_sql"});
        let given = json!([sql, sql, {"apiDefinition": {"name": "shared_x"}}]);
        let found = references(&given).unwrap();
        let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["shared_sql", "shared_sql_1", "shared_x"]);
        assert_eq!(references(&json!({"a": 1})), Some(json!({"a": 1})));
        assert_eq!(references(&json!("x")), None);
    }

    #[test]
    fn references_lose_what_they_authenticate_with() {
        let key = json!({"type": "Raw", "parameter": "secret"});
        let mut given = json!({"a": {"connectionName": "c", "authentication": key,
            "parameterValues": {"key": "secret"},
            "connectionProperties": {"Authentication": key, "runtimeUrl": "u"}}, "b": 1});
        without_credentials(&mut given);
        let left = json!({"connectionName": "c", "connectionProperties": {"runtimeUrl": "u"}});
        assert_eq!(given, json!({"a": left, "b": 1}));
    }
}
