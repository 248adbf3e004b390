//! What definitions read of their connections: `parameters('$connections')`, and a header that
//! the original adds to what triggers get (`X-MS-APIM-Tokens`).

use super::Reference;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expr::{Object, Str, Value};

/// The header in which flows that somebody starts find their connections.
const TOKENS: &str = "X-MS-APIM-Tokens";
const PARAMETER: &str = "$connections";

/// Of a version, made when it is loaded; nothing for those that read nothing.
#[derive(Debug, Default)]
pub struct Reads {
    /// Connections by the keys of the references: `{key: {connectionId, connectionName, id}}`.
    pub connections: Option<Value>,
    /// The header's value.
    tokens: Option<Str>,
}

impl Reads {
    #[must_use]
    pub fn of(document: &[u8], references: &serde_json::Value) -> Reads {
        let text = String::from_utf8_lossy(document);
        let reads_parameter = text.contains("parameters('$connections')");
        let reads_tokens = text.contains(TOKENS);
        if !reads_parameter && !reads_tokens {
            return Reads::default();
        }
        let connections = connections(references);
        let tokens = reads_tokens.then(|| {
            let mut tokens = Object::with_capacity(2);
            tokens.push_new(PARAMETER, connections.clone());
            // what it is a credential of elsewhere is nothing here: calls know their flow
            tokens.push_new("$ConnectionKey", "Key sluicegate");
            STANDARD.encode(expr::json::to_string(&tokens.into())).into()
        });
        Reads { connections: reads_parameter.then_some(connections), tokens }
    }

    /// The value of a parameter that stands for the connections.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.connections.as_ref().filter(|_| name == PARAMETER)
    }

    /// What a trigger gives, with the header when the flow reads it. One that a caller sent
    /// does not count.
    #[must_use]
    pub fn with_tokens(&self, outputs: Value) -> Value {
        let Some(tokens) = &self.tokens else { return outputs };
        let mut outputs = match outputs {
            Value::Object(outputs) => Object::clone(&outputs),
            _ => Object::new(),
        };
        let mut headers = match outputs.get("headers") {
            Some(Value::Object(headers)) => Object::clone(headers),
            _ => Object::new(),
        };
        headers.remove(TOKENS);
        headers.insert(TOKENS, tokens.clone());
        outputs.insert("headers", headers);
        outputs.into()
    }
}

fn connections(references: &serde_json::Value) -> Value {
    let mut connections = Object::new();
    for reference in Reference::entries(references) {
        let id = format!("/providers/Microsoft.PowerApps/apis/{}", reference.connector);
        let connection = reference.id_segment();
        let mut entry = Object::with_capacity(3);
        entry.push_new("connectionId", format!("{id}/connections/{connection}"));
        entry.push_new("connectionName", connection);
        entry.push_new("id", id);
        connections.insert(reference.key, entry);
    }
    connections.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flows_that_read_their_connections_get_them() {
        let references = json!({"shared_x": {"connectionName": "c1", "id": "/a/shared_x"}});
        let text = br#"{"a": "@parameters('$connections')", "b": "@triggerOutputs().headers['X-MS-APIM-Tokens']"}"#;
        let reads = Reads::of(text, &references);
        let connections = reads.parameter("$connections").expect("connections");
        let id = connections.get("shared_x").and_then(|it| it.get("connectionId"));
        assert_eq!(
            id.and_then(Value::as_str),
            Some("/providers/Microsoft.PowerApps/apis/shared_x/connections/c1")
        );
        assert!(reads.parameter("other").is_none());
        let forged = expr::json::parse(br#"{"headers": {"x-ms-apim-tokens": "forged", "A": "b"}}"#);
        let outputs = reads.with_tokens(forged.expect("JSON"));
        let headers = outputs.get("headers").expect("headers");
        let value = headers.get("X-MS-APIM-Tokens").and_then(Value::as_str).expect("a header");
        let read = STANDARD.decode(value).expect("base64");
        let read: serde_json::Value = serde_json::from_slice(&read).expect("JSON");
        assert_eq!(read["$connections"]["shared_x"]["connectionName"], "c1");
        assert_eq!(headers.get("A").and_then(Value::as_str), Some("b"));
        assert_eq!(headers.as_object().map(|it| it.len()), Some(2));
        let nothing = Reads::of(b"{}", &references);
        assert!(nothing.connections.is_none() && nothing.with_tokens(Value::Null).is_null());
    }
}
