//! Connection references: files of solutions name the parts otherwise than the API does.

use super::{APIS, text_at};
use serde_json::{Map, Value, json};

/// References by key, in the form of the API. `connector_of` knows connectors by the
/// logical name of a reference.
pub fn normal(
    given: Option<&Value>,
    connector_of: impl Fn(&str) -> Option<String>,
) -> Result<Map<String, Value>, String> {
    let members = match given {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err("'connectionReferences' is not an object by key.".to_owned()),
    };
    let mut normal = Map::new();
    for (key, reference) in members {
        let Value::Object(reference) = reference else {
            return Err(format!("The connection reference '{key}' is not an object."));
        };
        normal.insert(key.clone(), one(reference, &connector_of));
    }
    Ok(normal)
}

fn one(given: &Map<String, Value>, connector_of: impl Fn(&str) -> Option<String>) -> Value {
    const OF_SOLUTIONS: [&str; 3] = ["runtimeSource", "connection", "api"];
    if !OF_SOLUTIONS.iter().any(|name| given.contains_key(*name)) {
        return Value::Object(given.clone());
    }
    let whole = Value::Object(given.clone());
    let logical = text_at(&whole, "/connection/connectionReferenceLogicalName");
    let mut normal = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            normal.insert(name.to_owned(), value.into());
        }
    };
    put("connectionName", text_at(&whole, "/connection/name"));
    put("connectionReferenceLogicalName", logical.clone());
    put("source", text_at(&whole, "/runtimeSource").map(|source| capital(&source)));
    let name = text_at(&whole, "/api/name").map(|name| format!("{APIS}{name}"));
    let id = name.or_else(|| text_at(&whole, "/api/id"));
    put("id", id.or_else(|| connector_of(&logical?)));
    normal.insert("tier".to_owned(), json!("NotSpecified"));
    for (name, value) in given.iter().filter(|(name, _)| !OF_SOLUTIONS.contains(&name.as_str())) {
        normal.insert(name.clone(), value.clone());
    }
    normal.into()
}

/// `embedded` is `Embedded` in the API.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_solutions_get_the_form_of_the_api() {
        let given = json!({
            "shared_sql": {
                "runtimeSource": "embedded",
                "connection": {"connectionReferenceLogicalName": "new_sql"},
                "api": {"name": "shared_sql"},
                "impersonation": {},
            },
            "shared_mail": {
                "runtimeSource": "invoker", "connection": {"name": "mail-1"}, "api": {},
            },
            "shared_x": {"connection": {"connectionReferenceLogicalName": "new_x"}},
            "shared_y": {"connectionName": "y", "id": "/providers/a", "source": "Invoker"},
        });
        let known = |name: &str| (name == "new_x").then(|| format!("{APIS}shared_x"));
        assert_eq!(
            Value::Object(normal(Some(&given), known).unwrap()),
            json!({
                "shared_sql": {
                    "connectionReferenceLogicalName": "new_sql",
                    "source": "Embedded",
                    "id": "/providers/Microsoft.PowerApps/apis/shared_sql",
                    "tier": "NotSpecified",
                    "impersonation": {},
                },
                "shared_mail": {
                    "connectionName": "mail-1", "source": "Invoker", "tier": "NotSpecified",
                },
                "shared_x": {
                    "connectionReferenceLogicalName": "new_x",
                    "id": "/providers/Microsoft.PowerApps/apis/shared_x",
                    "tier": "NotSpecified",
                },
                "shared_y": {"connectionName": "y", "id": "/providers/a", "source": "Invoker"},
            })
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let none = |_: &str| None;
        assert!(normal(None, none).unwrap().is_empty());
        assert!(normal(Some(&Value::Null), none).unwrap().is_empty());
        assert!(normal(Some(&json!([])), none).is_err());
        assert!(normal(Some(&json!({"a": 1})), none).unwrap_err().contains("'a'"));
    }
}
