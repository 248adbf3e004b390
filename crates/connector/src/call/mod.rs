//! Calls of operations: from what an action says to the request that means it, and back.
//!
//! [`Operation::bind`](crate::definition::Operation::bind) takes the flat `parameters` of an
//! `OpenApiConnection` action; [`Document::route`](crate::definition::Document::route) takes a
//! request and says which operation it means. What both give is the operation's parameters by
//! their names, for what answers a call without HTTP.
//!
//! Deliberately absent: sending. A request here names no host.
//!
//! Invariant: of what `bind` makes, `route` gives the same operation and the same parameters.

mod address;
mod bind;
mod body;
mod convert;
mod encoding;
pub(crate) mod place;
mod route;

pub use bind::Bound;
pub use body::{Body, Part};
pub(crate) use convert::text;
pub use encoding::encoded;
pub(crate) use encoding::{leads_elsewhere, read_query};
pub use route::{RouteFault, Routed};

use expr::{Object, Value};

/// A request of a service, without the service's address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelativeRequest {
    /// In capitals.
    pub method: String,
    /// Encoded; begins with a slash.
    pub path: String,
    /// Not encoded.
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    pub content_type: Option<String>,
}

impl RelativeRequest {
    /// The path with the query behind it, as a request line has it.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        encoding::append_query(&mut target, &self.query);
        target
    }

    /// What an `ApiConnectionWebhook` says: one that names no method, as real ones do, asks
    /// with POST.
    ///
    /// # Errors
    /// What of it is missing or of another kind.
    pub fn from_webhook(inputs: &Object) -> Result<RelativeRequest, BindFault> {
        let mut request = RelativeRequest::from_action(inputs)?;
        if inputs.get("method").is_none() {
            "POST".clone_into(&mut request.method);
        }
        Ok(request)
    }

    /// What an `ApiConnection` action says: `method`, `path`, `queries`, `headers`, `body`.
    ///
    /// # Errors
    /// What of it is missing or of another kind.
    pub fn from_action(inputs: &Object) -> Result<RelativeRequest, BindFault> {
        let text = |name: &str| inputs.get(name).and_then(Value::as_str);
        let path = text("path").map(str::to_owned);
        let Some(path) = path.or_else(|| from_template(inputs.get("pathTemplate")?)) else {
            return Err(BindFault::invalid("The inputs of the action have no 'path'."));
        };
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut pairs = encoding::read_query(query);
        pairs.extend(texts(inputs, "queries")?);
        let mut headers = texts(inputs, "headers")?;
        let is_type = |it: &(String, String)| it.0.eq_ignore_ascii_case("content-type");
        let at = headers.iter().position(is_type);
        let mut content_type = at.map(|at| headers.remove(at).1);
        let body = inputs.get("body").filter(|it| !it.is_null()).map(Body::of_value);
        let body = body.map(|(said, body)| {
            content_type = content_type.take().or(said);
            body
        });
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(RelativeRequest {
            method: text("method").unwrap_or("get").to_ascii_uppercase(),
            path: format!("{slash}{path}"),
            query: pairs,
            headers,
            body,
            content_type,
        })
    }
}

/// `pathTemplate`: a path with names, and what to put there, which is encoded already.
fn from_template(said: &Value) -> Option<String> {
    let mut path = said.as_str().or_else(|| said.get("template")?.as_str())?.to_owned();
    let parameters = said.get("parameters").and_then(Value::as_object);
    for (name, value) in parameters.iter().flat_map(|it| it.iter()) {
        path = path.replace(&format!("{{{name}}}"), &convert::text(value));
    }
    Some(path)
}

/// Names and texts of an object of an action's inputs.
fn texts(inputs: &Object, name: &str) -> Result<Vec<(String, String)>, BindFault> {
    let entries = match inputs.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => {
            let message = format!("'{name}' of the action's inputs is no object.");
            return Err(BindFault::invalid(message));
        }
    };
    let mut pairs = Vec::with_capacity(entries.len());
    for (name, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        match value {
            Value::Array(items) => {
                pairs.extend(items.iter().map(|it| (name.to_string(), convert::text(it))));
            }
            value => pairs.push((name.to_string(), convert::text(value))),
        }
    }
    Ok(pairs)
}

/// Why an operation cannot be called like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BindFault {
    /// The code that the original's runs show.
    pub code: &'static str,
    pub message: String,
}

impl BindFault {
    fn extra(key: &str) -> BindFault {
        BindFault {
            code: "WorkflowOperationParametersExtraParameter",
            message: format!(
                "The API operation does not contain a definition for parameter '{key}'."
            ),
        }
    }

    fn missing(operation: &str, at: &str) -> BindFault {
        BindFault {
            code: "WorkflowOperationParametersRuntimeMissingValue",
            message: format!(
                "The API operation '{operation}' is missing required property '{at}'."
            ),
        }
    }

    fn empty(at: &str) -> BindFault {
        BindFault {
            code: "OpenApiOperationParameterValidationFailed",
            message: format!(
                "The resolved string values for the following parameters are invalid, they may not be null or empty: '{at}'"
            ),
        }
    }

    fn kind(at: &str, value: &Value, expected: &str) -> BindFault {
        let mut shown = expr::json::to_string(value);
        if let Some((end, _)) = shown.char_indices().nth(SHOWN_CHARS_MAX) {
            shown.truncate(end);
            shown.push_str("...");
        }
        let given = value.kind();
        let message = format!(
            "The parameter with value '{shown}' in path '{at}' with type/format '{given}' is not convertible to type/format '{expected}'."
        );
        BindFault { code: "OpenApiOperationParameterTypeConversionFailed", message }
    }

    fn invalid(message: impl Into<String>) -> BindFault {
        BindFault { code: "OpenApiOperationParameterValidationFailed", message: message.into() }
    }
}

/// Characters of a value that a message repeats.
const SHOWN_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests;
