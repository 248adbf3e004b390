//! What a definition uses: connectors, operations, and addresses that stand in it.

use super::rule::{Endpoint, Use};
use crate::app::connector::runtime::{Reference, connector_of};
use expr::Value;
use flow::definition::{Behavior, Loaded, Source, TriggerBehavior};
use std::collections::HashMap;

/// What is built in counts under the names of the original.
pub const HTTP: &str = "Http";
pub const HTTP_WEBHOOK: &str = "HttpWebhook";
pub const REQUEST: &str = "HttpRequestReceived";

/// An action or trigger as the definition has it, and where.
type Place<'a> = (String, &'a Value);

/// What a flow uses. Where a call names its connection by an expression that cannot be read
/// here, every connector that the flow has a connection of counts.
#[must_use]
pub fn uses_of(loaded: &Loaded, references: &serde_json::Value) -> Vec<Use> {
    let mut uses = Vec::new();
    let triggers = loaded.definition.get("triggers");
    for trigger in &loaded.flow.triggers {
        let path = format!("$.triggers{}", member(&trigger.name));
        let given = triggers.and_then(|all| all.get(&trigger.name)).and_then(|it| it.get("inputs"));
        let place = (path, given.unwrap_or(&Value::Null));
        let source = match &trigger.behavior {
            TriggerBehavior::Poll(poll) => poll.source,
            TriggerBehavior::Webhook(webhook) => webhook.source,
            TriggerBehavior::Request { .. } => {
                // what people and apps press is no connector of its own
                let is_http =
                    trigger.kind.as_ref().is_none_or(|it| it.eq_ignore_ascii_case("Http"));
                uses.extend(is_http.then(|| of_built_in(place.0, REQUEST, None)));
                continue;
            }
            TriggerBehavior::Recurrence(_) | TriggerBehavior::Unsupported => continue,
        };
        let is_webhook = matches!(trigger.behavior, TriggerBehavior::Webhook(_));
        uses.extend(of_call(source, is_webhook, &place, references));
    }
    let mut places = HashMap::new();
    collect("$", &loaded.definition, &mut places);
    for action in &loaded.flow.actions {
        let (source, is_webhook) = match &action.behavior {
            Behavior::Http { .. } => (Source::Http, false),
            Behavior::Connector { source, .. } => (*source, false),
            Behavior::Webhook { source, .. } => (*source, true),
            _ => continue,
        };
        if let Some((path, given)) = places.get(&*action.name) {
            let inputs = given.get("inputs").unwrap_or(&Value::Null);
            uses.extend(of_call(source, is_webhook, &(path.clone(), inputs), references));
        }
    }
    uses
}

/// A built-in call; one without an address is told its address when it is made.
fn of_built_in(path: String, connector: &str, endpoint: Option<String>) -> Use {
    let endpoint = endpoint.map_or(Endpoint::Later, Endpoint::At);
    Use { path, connector: connector.to_owned(), operation: None, endpoint }
}

fn of_call(
    source: Source,
    is_webhook: bool,
    (path, inputs): &Place<'_>,
    references: &serde_json::Value,
) -> Vec<Use> {
    if source == Source::Http {
        let called = if is_webhook { inputs.get("subscribe") } else { Some(*inputs) };
        let uri = called.and_then(|it| it.get("uri").or_else(|| it.get("url")));
        let connector = if is_webhook { HTTP_WEBHOOK } else { HTTP };
        return vec![of_built_in(path.clone(), connector, literal(uri))];
    }
    let operation = literal(inputs.get("host").and_then(|host| host.get("operationId")));
    let of = |connector| Use {
        path: path.clone(),
        connector,
        operation: operation.clone(),
        endpoint: Endpoint::Later,
    };
    match connector_of(inputs, references) {
        Some(connector) => vec![of(connector)],
        None => Reference::connectors(references).into_iter().map(of).collect(),
    }
}

/// A text without expressions.
fn literal(value: Option<&Value>) -> Option<String> {
    let text = value.and_then(Value::as_str)?;
    (!text.is_empty() && !text.contains('@')).then(|| text.to_owned())
}

fn entries(of: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let entries = of.and_then(Value::as_object).into_iter().flat_map(|it| it.iter());
    entries.map(|(name, value)| (&**name, value))
}

/// Actions of a block and of all blocks in it by name. A definition's depth is limited on
/// saving.
fn collect<'a>(path: &str, block: &'a Value, found: &mut HashMap<&'a str, Place<'a>>) {
    for (name, action) in entries(block.get("actions")) {
        let at = format!("{path}.actions{}", member(name));
        collect(&at, action, found);
        if let Some(inner) = action.get("else") {
            collect(&format!("{at}.else"), inner, found);
        }
        for (case, inner) in entries(action.get("cases")) {
            collect(&format!("{at}.cases{}", member(case)), inner, found);
        }
        if let Some(inner) = action.get("default") {
            collect(&format!("{at}.default"), inner, found);
        }
        found.insert(name, (at, action));
    }
}

/// A member in a JSON path, written as problems of definitions are.
fn member(name: &str) -> String {
    let is_plain = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-'));
    match is_plain {
        true => format!(".{name}"),
        false => format!("['{}']", name.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::definition::{LoadOptions, load};
    use serde_json::json;

    fn uses(actions: &serde_json::Value) -> Vec<(String, String, Endpoint)> {
        let document = json!({
            "definition": {
                "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
                "contentVersion": "1.0.0.0",
                "parameters": {"$connections": {"defaultValue": {}, "type": "Object"}},
                "triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {}}},
                "actions": actions,
            }
        });
        let report = load(document.to_string().as_bytes(), &LoadOptions::default());
        let loaded = report.loaded.unwrap_or_else(|| panic!("{:?}", report.problems));
        let apis = "/providers/Microsoft.PowerApps/apis";
        let references = json!({
            "mail": {"connectionName": "", "id": format!("{apis}/shared_mail")},
            "sql_1": {"connection": {"name": "s"}, "api": {"name": "shared_sql"}},
        });
        let found = uses_of(&loaded, &references).into_iter();
        let mut found: Vec<_> = found.map(|it| (it.path, it.connector, it.endpoint)).collect();
        found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        found
    }

    fn call(host: &serde_json::Value) -> serde_json::Value {
        json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {"host": host, "parameters": {"x": "@utcNow()"}}})
    }

    #[test]
    fn calls_are_found_wherever_they_are() {
        let http = json!({"type": "Http", "runAfter": {}, "inputs": {
            "method": "GET", "uri": "https://a.example/x", "headers": {"x": "@utcNow()"}}});
        let later = json!({"type": "Http", "runAfter": {}, "inputs": {
            "method": "GET", "uri": "https://a.example/@{utcNow()}"}});
        let expression = "@parameters('$connections')['sql_1']['connectionId']";
        let actions = json!({
            "If": {"type": "If", "runAfter": {}, "expression": true,
                "actions": {"A b": http},
                "else": {"actions": {"Later": later}}},
            "Each": {"type": "Foreach", "runAfter": {}, "foreach": "@createArray(1)", "actions": {
                "Mail": call(&json!({"connectionName": "mail", "operationId": "Send"}))}},
            "Sql": {"type": "ApiConnection", "runAfter": {}, "inputs": {
                "host": {"connection": {"name": expression}}, "method": "get", "path": "/x"}},
        });
        let at = |text: &str| Endpoint::At(text.to_owned());
        let expected = [
            ("$.actions.Each.actions.Mail", "shared_mail", Endpoint::Later),
            ("$.actions.If.actions['A b']", "Http", at("https://a.example/x")),
            ("$.actions.If.else.actions.Later", "Http", Endpoint::Later),
            ("$.actions.Sql", "shared_sql", Endpoint::Later),
        ];
        let expected = expected.map(|(path, name, at)| (path.to_owned(), name.to_owned(), at));
        assert_eq!(uses(&actions), expected);
    }

    #[test]
    fn what_cannot_be_read_may_be_any_of_the_connections() {
        let host = json!({"operationId": "X",
            "connectionName": "@triggerOutputs()?['body']?['name']"});
        let found = uses(&json!({"Call": call(&host)}));
        let names: Vec<&str> = found.iter().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(names, ["shared_mail", "shared_sql"]);
    }
}
