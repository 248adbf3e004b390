//! What a connection is made of: parameters, in one set or in one of several.

use super::Fault;
use super::oauth::SignIn;
use serde_json::{Map, Value};

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    Text,
    /// Text that is not shown again.
    Secret,
    Number,
    Flag,
    /// A person signs in at the service, and the connection keeps what it gives.
    SignIn,
    /// A PFX file and its password.
    Certificate,
    /// Something that only the vendor's cloud has.
    Other,
}

impl ParameterKind {
    fn of(name: &str) -> ParameterKind {
        match name.to_ascii_lowercase().as_str() {
            "string" | "gatewaysetting" => ParameterKind::Text,
            "securestring" | "secureobject" => ParameterKind::Secret,
            "int" | "integer" | "number" => ParameterKind::Number,
            "bool" | "boolean" => ParameterKind::Flag,
            "oauthsetting" => ParameterKind::SignIn,
            "clientcertificate" => ParameterKind::Certificate,
            _ => ParameterKind::Other,
        }
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, ParameterKind::Secret | ParameterKind::SignIn | ParameterKind::Certificate)
    }
}

/// A parameter of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub kind: ParameterKind,
    pub is_required: bool,
    /// The values that it may have; none: any.
    pub allowed: Vec<String>,
    pub default: Option<Value>,
    /// How a person signs in for it.
    pub sign_in: Option<SignIn>,
}

/// A way to authenticate: a set of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSet {
    pub name: String,
    /// A connection of it may be given to others.
    pub is_shareable: bool,
    pub parameters: Vec<Parameter>,
}

impl ParameterSet {
    /// Whether a person has to sign in at the service: what stands beside the sign-in, as
    /// in `token:clientSecret`, may do it without one.
    #[must_use]
    pub fn needs_sign_in(&self) -> bool {
        let signs_in = |parameter: &&Parameter| parameter.kind == ParameterKind::SignIn;
        let by_itself = |parameter: &Parameter| {
            let is_secret = self.has_secret_beside(parameter);
            match &parameter.sign_in {
                Some(settings) => settings.is_by_itself(is_secret),
                None => is_secret,
            }
        };
        self.parameters.iter().filter(signs_in).any(|parameter| !by_itself(parameter))
    }

    /// What a person or a program signs in with.
    #[must_use]
    pub fn sign_in(&self) -> Option<(&Parameter, &SignIn)> {
        self.parameters.iter().find_map(|it| Some((it, it.sign_in.as_ref()?)))
    }

    /// Whether there is a secret that belongs to a sign-in.
    #[must_use]
    pub fn has_secret_beside(&self, parameter: &Parameter) -> bool {
        let beside = format!("{}:", parameter.name);
        self.parameters.iter().any(|it| it.name.starts_with(&beside) && it.kind.is_secret())
    }
}

impl Parameter {
    /// `connectionParameters`, and `parameters` of a set.
    pub(super) fn read_all(value: &Value, path: &str) -> Result<Vec<Parameter>, Fault> {
        let entries = match value {
            Value::Null => return Ok(Vec::new()),
            Value::Object(entries) => entries,
            _ => return Err(Fault::at(path, "Expected an object of parameters.")),
        };
        entries.iter().map(|(name, value)| Parameter::read(name, value, path)).collect()
    }

    fn read(name: &str, value: &Value, path: &str) -> Result<Parameter, Fault> {
        let Some(kind) = value.get("type").and_then(Value::as_str) else {
            let message = format!("The parameter '{name}' has no 'type'.");
            return Err(Fault::at(format!("{path}.{name}.type"), message));
        };
        let constraint = |name: &str| value.pointer(&format!("/uiDefinition/constraints/{name}"));
        let is_true = |value: &Value| {
            value.as_bool() == Some(true)
                || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
        };
        let allowed = constraint("allowedValues").and_then(Value::as_array);
        let allowed = allowed.into_iter().flatten().filter_map(|allowed| {
            allowed.as_str().or_else(|| allowed.get("value")?.as_str()).map(str::to_owned)
        });
        Ok(Parameter {
            name: name.to_owned(),
            kind: ParameterKind::of(kind),
            is_required: constraint("required").is_some_and(is_true),
            allowed: allowed.collect(),
            default: value.get("defaultValue").or_else(|| constraint("default")).cloned(),
            sign_in: ["oAuthSettings", "oauthSettings"]
                .into_iter()
                .find_map(|name| value.get(name))
                .map(SignIn::read),
        })
    }

    /// What is wrong with a value for it.
    fn fault(&self, value: &Value) -> Option<&'static str> {
        let is_right = match self.kind {
            ParameterKind::Text | ParameterKind::Secret => value.is_string(),
            ParameterKind::Number => {
                value.is_number() || value.as_str().is_some_and(|it| it.parse::<f64>().is_ok())
            }
            ParameterKind::Flag => {
                value.is_boolean() || matches!(value.as_str(), Some("true" | "false"))
            }
            ParameterKind::Certificate => {
                value.get("pfx").is_some_and(Value::is_string)
                    && value.get("password").is_none_or(Value::is_string)
            }
            ParameterKind::SignIn | ParameterKind::Other => true,
        };
        let text = value.as_str().filter(|_| !self.allowed.is_empty());
        match self.kind {
            _ if text.is_some_and(|text| !self.allowed.iter().any(|it| it == text)) => {
                Some("it is none of the allowed values")
            }
            _ if is_right => None,
            ParameterKind::Text | ParameterKind::Secret => Some("expected a string"),
            ParameterKind::Number => Some("expected a number"),
            ParameterKind::Flag => Some("expected true or false"),
            _ => Some("expected an object with 'pfx' (base64) and 'password'"),
        }
    }

    /// Checks what somebody gives for some parameters, and fills in what has a default.
    /// What a person has to sign in for is not among it.
    ///
    /// # Errors
    /// What is missing, not known or of another kind, with its place.
    pub fn check_all(
        parameters: &[Parameter],
        mut given: Map<String, Value>,
        path: &str,
    ) -> Result<Map<String, Value>, Fault> {
        let at = |name: &str| format!("{path}.{name}");
        let is_known = |name: &String| {
            parameters.iter().any(|it| it.name == *name && it.kind != ParameterKind::SignIn)
        };
        if let Some(name) = given.keys().find(|name| !is_known(name)) {
            let message = format!("The connector's connections have no parameter '{name}'.");
            return Err(Fault::at(at(name), message));
        }
        for parameter in parameters.iter().filter(|it| it.kind != ParameterKind::SignIn) {
            match (given.get(&parameter.name), &parameter.default) {
                (Some(value), _) if !value.is_null() => {
                    if let Some(fault) = parameter.fault(value) {
                        let message =
                            format!("The value of '{}' is not one: {fault}.", parameter.name);
                        return Err(Fault::at(at(&parameter.name), message));
                    }
                }
                (_, Some(default)) => {
                    given.insert(parameter.name.clone(), default.clone());
                }
                _ if parameter.is_required => {
                    let message = format!("The parameter '{}' is missing.", parameter.name);
                    return Err(Fault::at(at(&parameter.name), message));
                }
                _ => {
                    given.remove(&parameter.name);
                }
            }
        }
        Ok(given)
    }
}

/// The value in what clients send for a parameter of a set: `{"value": ...}`.
#[must_use]
pub fn given_value(value: Value) -> Value {
    match value {
        Value::Object(mut entries) if entries.len() == 1 && entries.contains_key("value") => {
            entries.remove("value").unwrap_or_default()
        }
        other => other,
    }
}
