//! Connection references: what is kept of those that callers send, and how they are shown.

use super::{Asked, connector};
use crate::app::AppError;
use crate::app::environment::Environment;
use crate::app::facts::FlowFacts;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const APIS: &str = "/providers/Microsoft.PowerApps/apis";

/// What callers say of a reference. The rest is about the connector, which the server knows
/// or does not know by itself. The last three are the form of solutions.
const KEPT: [&str; 8] = [
    "connectionName",
    "connectionReferenceLogicalName",
    "displayName",
    "id",
    "source",
    "runtimeSource",
    "connection",
    "api",
];

/// References by key without what is not the caller's to say: times, addresses, tiers.
pub fn kept(references: &mut Value) {
    let references = references.as_object_mut().into_iter().flat_map(Map::values_mut);
    for reference in references.filter_map(Value::as_object_mut) {
        reference.retain(|name, _| KEPT.contains(&name.as_str()));
    }
}

/// The references of a flow by key.
pub fn render_all(facts: &FlowFacts) -> Value {
    let references = facts.references.as_object().into_iter().flatten();
    references.map(|(key, reference)| (key.clone(), render(reference))).collect()
}

/// `ConnectionReference`: in one form, whichever it was given in. What is not known is null.
fn render(reference: &Value) -> Value {
    let text = |pointers: &[&str]| {
        pointers.iter().find_map(|it| reference.pointer(it)?.as_str()).filter(|it| !it.is_empty())
    };
    let api = text(&["/id", "/api/id", "/api/name", "/apiDefinition/name"]);
    let name = api.map(|api| api.rsplit('/').next().unwrap_or(api));
    let id = match api {
        Some(api) if api.contains('/') => Some(api.to_owned()),
        _ => name.map(|name| format!("{APIS}/{name}")),
    };
    let source = text(&["/source", "/runtimeSource"])
        .map(|source| if source.eq_ignore_ascii_case("invoker") { "Invoker" } else { "Embedded" });
    json!({
        "connectionName": text(&["/connectionName", "/connection/name"]),
        "displayName": text(&["/displayName"]),
        "id": id,
        "source": source,
        "connectionReferenceLogicalName": text(&[
            "/connectionReferenceLogicalName",
            "/connection/connectionReferenceLogicalName",
        ]),
        "apiName": name.map(|name| name.trim_start_matches("shared_")),
        "apiDefinition": {
            "name": name,
            "id": id,
            "type": APIS,
            "properties": {
                "displayName": Value::Null,
                "createdTime": Value::Null,
                "primaryRuntimeUrl": Value::Null,
                "iconUri": Value::Null,
                "isCustomApi": Value::Null,
                "tier": Value::Null,
            },
        },
    })
}

/// What is known of connectors by their names: each is looked up once for a page.
pub type Apis = HashMap<String, Option<Value>>;

/// Adds what is known of the connectors of rendered references.
pub async fn describe(
    asked: &Asked,
    environment: &Environment,
    references: &mut Value,
    apis: &mut Apis,
) -> Result<(), AppError> {
    let references = references.as_object_mut().into_iter().flat_map(Map::values_mut);
    for definition in references.filter_map(|it| it.get_mut("apiDefinition")) {
        let Some(name) = definition["name"].as_str().map(str::to_owned) else { continue };
        if !apis.contains_key(&name) {
            let known = match asked.app.connector_named(environment, &name).await? {
                Some(connector) => Some(connector::short(asked, &connector).await?),
                None => None,
            };
            apis.insert(name.clone(), known);
        }
        if let Some(Some(known)) = apis.get(&name) {
            definition["properties"] = known.clone();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_callers_is_kept() {
        let mut given = json!({"shared_sql": {
            "connectionName": "a", "id": "b", "tier": "Premium", "iconUri": "https://x/",
            "apiDefinition": {"properties": {"primaryRuntimeUrl": "https://x/"}}
        }, "odd": 7});
        kept(&mut given);
        assert_eq!(given, json!({"shared_sql": {"connectionName": "a", "id": "b"}, "odd": 7}));
    }

    #[test]
    fn every_form_is_shown_in_one() {
        let sql = "/providers/Microsoft.PowerApps/apis/shared_sql";
        let own = render(&json!({"connectionName": "c", "id": sql, "source": "Invoker"}));
        assert_eq!((&own["id"], &own["apiName"]), (&json!(sql), &json!("sql")));
        assert_eq!((&own["source"], &own["connectionName"]), (&json!("Invoker"), &json!("c")));
        assert_eq!(own["connectionReferenceLogicalName"], Value::Null);
        let solution = render(&json!({
            "runtimeSource": "embedded",
            "connection": {"connectionReferenceLogicalName": "logical"},
            "api": {"name": "shared_sql"}
        }));
        assert_eq!((&solution["id"], &solution["source"]), (&json!(sql), &json!("Embedded")));
        assert_eq!(solution["connectionReferenceLogicalName"], "logical");
        assert_eq!(solution["apiDefinition"]["name"], "shared_sql");
        assert_eq!(render(&json!({}))["id"], Value::Null);
    }
}
