//! What a connector's documentation page shows, on the native API.

use crate::app::connector::Connector;
use ::connector::definition::{Page, ParameterSet};
use serde_json::{Value, json};

shape! {
    /// Whom to ask about a connector.
    ContactAnswer { name: Option<String>, url: Option<String>, email: Option<String>, }

    /// In which product a connector is, of which class, and where.
    AvailabilityAnswer {
        service: String,
        class: String,
        regions: String,
        except: Option<Vec<String>>,
    }

    /// A way to authenticate. A deprecated one is for the connections that have it.
    AuthenticationTypeAnswer {
        name: String,
        display_name: String,
        description: String,
        is_shareable: bool,
        is_deprecated: bool,
        parameters: Vec<ParameterAnswer>,
    }

    /// What a connection is made with.
    ParameterAnswer {
        name: String,
        r#type: String,
        display_name: String,
        description: String,
        is_required: bool,
        default_value: Option<Value>,
        allowed_values: Option<Vec<AllowedValueAnswer>>,
    }

    /// A value that a parameter may have, and what it is called.
    AllowedValueAnswer { value: String, text: String, }
}

/// Adds what its documents say to a connector.
pub fn describe(value: &mut Value, connector: &Connector, page: &Page) {
    let contact = &page.contact;
    let mut shown = json!({});
    for (name, text) in [("name", &contact.name), ("url", &contact.url), ("email", &contact.email)]
    {
        if let Some(text) = text {
            shown[name] = json!(text);
        }
    }
    value["contact"] = shown;
    value["class"] = json!(connector.class());
    value["categories"] = json!(page.categories);
    value["availability"] = page.availability.iter().map(availability).collect();
    for (name, text) in [
        ("publisher", connector.publisher()),
        ("website", page.website.as_deref()),
        ("privacyPolicy", page.privacy_policy.as_deref()),
    ] {
        if let Some(text) = text {
            value[name] = json!(text);
        }
    }
    let sets = connector.authentication_types().unwrap_or_default();
    let types = sets.iter().map(|(set, is_older)| authentication(connector, set, *is_older));
    value["authenticationTypes"] = types.collect();
}

/// A place of the page.
pub fn availability(it: &::connector::definition::Availability) -> Value {
    let mut shown = json!({"service": it.service, "class": it.class, "regions": it.regions});
    if !it.except.is_empty() {
        shown["except"] = json!(it.except);
    }
    shown
}

fn authentication(connector: &Connector, set: &ParameterSet, is_older: bool) -> Value {
    let raw = raw_set(connector, &set.name);
    let parameters = raw.and_then(|it| it.get("parameters"));
    let parameters = parameters.or_else(|| connector.property("connectionParameters"));
    let parameter = |it: &::connector::definition::Parameter| {
        let raw = parameters.and_then(|all| all.get(&it.name)).unwrap_or(&Value::Null);
        let mut shown = json!({
            "name": it.name,
            "type": text(raw, "/type"),
            "displayName": text(raw, "/uiDefinition/displayName"),
            "description": text(raw, "/uiDefinition/description"),
            "isRequired": it.is_required,
        });
        if let Some(default) = it.default.as_ref().filter(|_| !it.kind.is_secret()) {
            shown["defaultValue"] = default.clone();
        }
        if !it.allowed.is_empty() {
            shown["allowedValues"] = it.allowed.iter().map(|value| allowed(raw, value)).collect();
        }
        shown
    };
    let raw = raw.unwrap_or(&Value::Null);
    let (display_name, description) = match is_older {
        true => (
            "Default [DEPRECATED]",
            "This option is only for older connections without an explicit authentication type, and is only provided for backward compatibility.",
        ),
        false => (text(raw, "/uiDefinition/displayName"), text(raw, "/uiDefinition/description")),
    };
    json!({
        "name": set.name,
        "displayName": display_name,
        "description": description,
        "isShareable": set.is_shareable,
        "isDeprecated": is_older,
        "parameters": set.parameters.iter().map(parameter).collect::<Vec<_>>(),
    })
}

/// An allowed value with its text, or itself where the document has none.
fn allowed(parameter: &Value, value: &str) -> Value {
    let all =
        parameter.pointer("/uiDefinition/constraints/allowedValues").and_then(Value::as_array);
    let mut all = all.into_iter().flatten();
    let named = all.find(|it| it.get("value").and_then(Value::as_str) == Some(value));
    let text = named.and_then(|it| it.get("text")).and_then(Value::as_str).unwrap_or(value);
    json!({"value": value, "text": text})
}

fn raw_set<'a>(connector: &'a Connector, name: &str) -> Option<&'a Value> {
    let values = connector.property("connectionParameterSets")?.get("values")?.as_array()?;
    values.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(name))
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}
