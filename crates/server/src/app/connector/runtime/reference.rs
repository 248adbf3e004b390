//! Which connection a call means: what its inputs name, in the connection references of the
//! flow's version.

use crate::app::connector::Connector;
use crate::app::error::AppError;
use expr::Object;
use flow::run::ConnectorCall;
use serde_json::Value;

/// A connection by its connector and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What the flow calls it.
    pub key: String,
    /// `shared_...`.
    pub connector: String,
    /// Empty where only whoever invokes a run has one.
    pub connection: String,
    pub whose: Whose,
}

/// Where a subscription keeps its connection.
const PIN: &str = "subscribed";

/// Whose connection a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The flow's: the one that it names.
    Embedded,
    /// That of whoever invoked the run; the one that it names when nobody did.
    Invoker,
}

impl Reference {
    /// What a call names: a key of the references, or the id of a connection.
    pub fn of(call: &ConnectorCall, references: &Value) -> Result<Reference, AppError> {
        Reference::named_in(&call.inputs, &call.operation_name, references)
    }

    /// What a subscription keeps of the connection that its inputs name, beside who invoked it:
    /// it is to be ended also when the flow is gone, and its references with it. It stands where
    /// no definition can write. That of an invoker is not kept: whether they still give it
    /// cannot be asked without the flow.
    pub fn pinned(
        invoker: expr::Value,
        (inputs, operation): (&expr::Value, &str),
        (references, environment): (&Value, &str),
    ) -> expr::Value {
        let found = Reference::named_in(inputs, operation, references).ok();
        let Some(found) = found.filter(|it| it.whose == Whose::Embedded) else { return invoker };
        let mut pin = Object::with_capacity(3);
        pin.push_new("connector", found.connector);
        pin.push_new("connection", found.connection);
        pin.push_new("environment", environment);
        let mut object = invoker.as_object().map(|it| Object::clone(it)).unwrap_or_default();
        object.insert(PIN, pin);
        object.into()
    }

    /// The connection that a subscription keeps, and its environment.
    pub fn of_pin(invoker: &expr::Value) -> Option<(Reference, String)> {
        let pin = invoker.get(PIN)?;
        let text = |name: &str| pin.get(name)?.as_str().map(str::to_owned);
        let (connector, connection) = (text("connector")?, text("connection")?);
        let key = connection.clone();
        let reference = Reference { key, connector, connection, whose: Whose::Embedded };
        Some((reference, text("environment")?))
    }

    fn named_in(
        inputs: &expr::Value,
        operation: &str,
        references: &Value,
    ) -> Result<Reference, AppError> {
        let host = inputs.get("host");
        let text = |name: &str| host.and_then(|host| text_of(host.get(name)?));
        let inner = |name: &str| host.and_then(|host| text_of(host.get("connection")?.get(name)?));
        let api = text("apiId").or_else(|| {
            let api = host?.get("api")?;
            text_of(api.get("id")?).or_else(|| connector_of_url(&text_of(api.get("runtimeUrl")?)?))
        });
        let api = api.as_deref().map(last_segment);
        let named = text("connectionName")
            .or_else(|| text("connectionReferenceName"))
            .or_else(|| inner("referenceName"))
            .or_else(|| inner("name"))
            .or_else(|| api.clone());
        let named = named.ok_or_else(|| {
            let message = format!("The action '{operation}' names no connection.");
            AppError::invalid("InvalidConnectionReference", message)
        })?;
        if let Some(found) = Reference::by_id(&named) {
            return Ok(found.known_in(references));
        }
        if let Some(found) = by_key(references, &named)? {
            return Ok(found);
        }
        // a definition without references may name the connection itself
        match api {
            Some(connector) if connector != named => {
                let (key, whose) = (named.clone(), Whose::Embedded);
                Ok(Reference { key, connector, connection: named, whose })
            }
            _ => Err(unknown(&named)),
        }
    }

    /// All that a flow's references name, those without a connection left out.
    pub fn all(references: &Value) -> Vec<Reference> {
        let all = Reference::entries(references);
        all.into_iter().filter(|it| !it.connection.is_empty()).collect()
    }

    /// The same with those for which only whoever invokes a run has a connection.
    pub fn entries(references: &Value) -> Vec<Reference> {
        let entries = references.as_object().into_iter().flatten();
        entries.filter_map(|(key, value)| read(key, value).ok()).collect()
    }

    /// Those that mean the connections of whoever invokes a run.
    pub fn of_invoker(references: &Value) -> Vec<Reference> {
        let all = Reference::entries(references);
        all.into_iter().filter(|it| it.whose == Whose::Invoker).collect()
    }

    /// An id of a connection that came from the references is what they say it is: whoever
    /// invoked the run may have to bring their own.
    fn known_in(self, references: &Value) -> Reference {
        let mut theirs = Reference::of_invoker(references).into_iter();
        let found = theirs.find(|it| {
            it.connector.eq_ignore_ascii_case(&self.connector)
                && [&it.connection, &it.key]
                    .into_iter()
                    .any(|name| name.eq_ignore_ascii_case(&self.connection))
        });
        found.unwrap_or(self)
    }

    /// What stands for it in ids of connections.
    pub fn id_segment(&self) -> &str {
        if self.connection.is_empty() { &self.key } else { &self.connection }
    }

    /// The connectors of a flow's references, those without a connection too.
    pub fn connectors(references: &Value) -> Vec<String> {
        let entries = references.as_object().into_iter().flatten();
        let mut names: Vec<String> = entries.map(|(key, value)| connector_in(key, value)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// `/providers/Microsoft.PowerApps/apis/{connector}/connections/{name}`, or the id of a
    /// connection of Azure.
    fn by_id(id: &str) -> Option<Reference> {
        let mut segments = id.split('/').filter(|it| !it.is_empty()).rev();
        let (name, kind) = (segments.next()?, segments.next()?);
        if !kind.eq_ignore_ascii_case("connections") {
            return None;
        }
        let connector = match (segments.next(), segments.next()) {
            (Some(connector), Some(kind)) if kind.eq_ignore_ascii_case("apis") => connector,
            // of Azure the connector is not in the id: the name is as the designer makes it
            _ => name.split('-').next()?,
        };
        let connector = Connector::whole_name(connector);
        let (key, connection) = (id.to_owned(), name.to_owned());
        Some(Reference { key, connector, connection, whose: Whose::Embedded })
    }

    pub fn no_connector(&self) -> AppError {
        let message = format!(
            "There is no connector '{}' in the environment, which the connection reference '{}' names.",
            self.connector, self.key
        );
        AppError::not_found("ApiResourceNotFound", message)
    }

    pub fn no_connection(&self) -> AppError {
        if self.connection.is_empty() {
            return not_set(&self.key, &self.connector);
        }
        let message = format!(
            "There is no connection '{}' of the connector '{}' in the environment, which the connection reference '{}' names.",
            self.connection, self.connector, self.key
        );
        AppError::not_found("ConnectionNotFound", message)
    }
}

fn by_key(references: &Value, key: &str) -> Result<Option<Reference>, AppError> {
    let Some(entries) = references.as_object() else { return Ok(None) };
    let exact = entries.get_key_value(key);
    let found = exact.or_else(|| entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
    found.map(|(key, value)| read(key, value)).transpose()
}

/// An entry of the references, in the form of a flow or of a solution.
fn read(key: &str, value: &Value) -> Result<Reference, AppError> {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let connector = connector_in(key, value);
    let name = ["/connectionName", "/connection/name", "/connection/id", "/connectionId"];
    let name = name.iter().find_map(|path| text(path)).filter(|name| !name.is_empty());
    let source = ["/source", "/runtimeSource"].iter().find_map(|path| text(path));
    let whose = match source.is_some_and(|source| source.eq_ignore_ascii_case("invoker")) {
        true => Whose::Invoker,
        false => Whose::Embedded,
    };
    match name {
        None if whose == Whose::Embedded => Err(not_set(key, &connector)),
        name => {
            let connection = name.as_deref().map(last_segment).unwrap_or_default();
            Ok(Reference { key: key.to_owned(), connector, connection, whose })
        }
    }
}

fn not_set(key: &str, connector: &str) -> AppError {
    let message = format!(
        "The connection reference '{key}' has no connection: choose one of the connector '{connector}' and save the flow."
    );
    AppError::invalid("ConnectionReferenceNotSet", message)
}

/// The connector of an entry of the references.
fn connector_in(key: &str, value: &Value) -> String {
    let text = |path: &&str| value.pointer(path).and_then(Value::as_str);
    let paths = ["/id", "/api/id", "/api/name", "/apiDefinition/name", "/apiName"];
    Connector::whole_name(&last_segment(paths.iter().find_map(text).unwrap_or(key)))
}

/// The connector of a call as a definition writes it, where that can be read: by the key of
/// a reference, also inside of the usual expressions, or by the id of a connection.
pub fn connector_of(inputs: &expr::Value, references: &Value) -> Option<String> {
    let host = inputs.get("host")?;
    let text = |name: &str| text_of(host.get(name)?);
    let inner = |name: &str| text_of(host.get("connection")?.get(name)?);
    let api = text("apiId").or_else(|| text_of(host.get("api")?.get("id")?));
    let named = text("connectionName")
        .or_else(|| text("connectionReferenceName"))
        .or_else(|| inner("referenceName"))
        .or_else(|| inner("name"))
        .or_else(|| api.clone())?;
    let key = match named.contains('@') {
        true => key_in(&named)?,
        false => named,
    };
    if let Some(found) = Reference::by_id(&key) {
        return Some(found.connector);
    }
    let entries = references.as_object().into_iter().flatten();
    let mut same = entries.filter(|(name, _)| name.eq_ignore_ascii_case(&key));
    match (same.next(), api) {
        (Some((name, value)), _) => Some(connector_in(name, value)),
        (None, Some(api)) if !api.contains('@') => Some(Connector::whole_name(&last_segment(&api))),
        (None, _) => None,
    }
}

/// The key in `...['{key}']['connectionId']`.
fn key_in(expression: &str) -> Option<String> {
    let (before, _) = expression.rsplit_once("']['connectionId']")?;
    Some(before.rsplit_once("['")?.1.to_owned())
}

/// `.../apim/{connector}` of a runtime address.
fn connector_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("/apim/")?;
    Some(rest.split('/').next()?.to_owned())
}

fn last_segment(text: &str) -> String {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text).to_owned()
}

fn text_of(value: &expr::Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn unknown(key: &str) -> AppError {
    let message = format!("The flow has no connection reference '{key}'.");
    AppError::not_found("ConnectionReferenceNotFound", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::definition::Source;
    use flow::run::Purpose;
    use serde_json::json;

    fn call(host: &Value) -> ConnectorCall {
        let inputs = json!({"host": host}).to_string();
        ConnectorCall {
            source: Source::OpenApi,
            workflow: 1,
            version: 1,
            operation_name: "Act".into(),
            inputs: expr::json::parse(inputs.as_bytes()).expect("JSON"),
            purpose: Purpose::Call,
            transfer: flow::definition::Transfer::default(),
            invoker: expr::Value::Null,
            idempotency_key: String::new(),
        }
    }

    #[test]
    fn connections_are_found_in_every_form() {
        let apis = "/providers/Microsoft.PowerApps/apis";
        let references = json!({
            "shared_books": {"connectionName": "b1", "id": format!("{apis}/shared_books")},
            "new_mail": {"connection": {"name": "m1"}, "api": {"name": "shared_mail"}},
            "azure": {"connectionId": "/subscriptions/x/connections/a1",
                "id": "/subscriptions/x/managedApis/queues"},
            "empty": {"connection": {"connectionReferenceLogicalName": "l"}, "api": {"name": "shared_x"}},
        });
        let cases = [
            (json!({"connectionName": "shared_books", "apiId": "x"}), ("shared_books", "b1")),
            (json!({"connectionName": "SHARED_BOOKS"}), ("shared_books", "b1")),
            (json!({"connectionReferenceName": "new_mail"}), ("shared_mail", "m1")),
            (json!({"connection": {"referenceName": "azure"}}), ("shared_queues", "a1")),
            (
                json!({"connection": {"name": format!("{apis}/shared_sql/connections/s1")}}),
                ("shared_sql", "s1"),
            ),
            (
                json!({"connection": {"name": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Web/connections/office365"}}),
                ("shared_office365", "office365"),
            ),
            (
                json!({"connectionName": "c9", "apiId": format!("{apis}/shared_other")}),
                ("shared_other", "c9"),
            ),
        ];
        for (host, (connector, connection)) in cases {
            let found = Reference::of(&call(&host), &references).expect("a reference");
            assert_eq!(
                (found.connector.as_str(), found.connection.as_str()),
                (connector, connection),
                "{host}"
            );
        }
        for (host, code) in [
            (json!({}), "InvalidConnectionReference"),
            (json!({"connectionName": "empty"}), "ConnectionReferenceNotSet"),
            (json!({"connectionName": "none"}), "ConnectionReferenceNotFound"),
        ] {
            let error = Reference::of(&call(&host), &references).expect_err("refused");
            assert_eq!(error.code, code, "{host}");
        }
        assert_eq!(Reference::all(&references).len(), 3);
    }

    #[test]
    fn a_pinned_connection_is_found_without_references() {
        let references = json!({
            "books": {"connectionName": "b1", "id": "/apis/shared_books"},
            "theirs": {"connectionName": "b2", "id": "/apis/shared_books", "source": "Invoker"},
        });
        let pinned = |host: &Value| {
            let inputs = call(host).inputs;
            let invoker = expr::json::parse(br#"{"id": "p"}"#).expect("JSON");
            Reference::pinned(invoker, (&inputs, "Act"), (&references, "e"))
        };
        for host in [
            json!({"connectionName": "books", "operationId": "OnLoan", "apiId": "x"}),
            json!({"connection": {"referenceName": "books"}}),
        ] {
            let kept = pinned(&host);
            let (found, environment) = Reference::of_pin(&kept).expect("a reference");
            let found = (found.connector.as_str(), found.connection.as_str());
            assert_eq!((found, environment.as_str()), (("shared_books", "b1"), "e"));
            assert_eq!(kept.get("id").and_then(expr::Value::as_str), Some("p"));
        }
        // nothing is kept of what an invoker brings, nor of what is not known
        for name in ["theirs", "none"] {
            let kept = pinned(&json!({"connectionName": name}));
            assert!(Reference::of_pin(&kept).is_none(), "{name}");
        }
    }

    #[test]
    fn a_reference_may_mean_who_invokes() {
        let apis = "/providers/Microsoft.PowerApps/apis";
        let references = json!({
            "shared_books": {"connectionName": "b1", "id": format!("{apis}/shared_books"), "source": "Invoker"},
            "new_mail": {"connection": {}, "api": {"name": "shared_mail"}, "runtimeSource": "invoker"},
            "shared_x": {"connectionName": "x1", "source": "Embedded"},
        });
        // by key, and by the ids that expressions read of them
        for (name, key) in [
            ("shared_books".to_owned(), "shared_books"),
            ("new_mail".to_owned(), "new_mail"),
            (format!("{apis}/shared_books/connections/b1"), "shared_books"),
            (format!("{apis}/shared_mail/connections/new_mail"), "new_mail"),
        ] {
            let found = Reference::of(&call(&json!({"connectionName": name})), &references);
            let found = found.expect("a reference");
            assert_eq!((found.key.as_str(), found.whose), (key, Whose::Invoker), "{name}");
        }
        let other = format!("{apis}/shared_x/connections/x1");
        let found = Reference::of(&call(&json!({"connectionName": other})), &references);
        assert_eq!(found.expect("a reference").whose, Whose::Embedded);
        assert_eq!(Reference::of_invoker(&references).len(), 2);
        assert_eq!(Reference::all(&references).len(), 2);
    }
}
