//! What a Swagger document says of the connector as a whole.

use super::{Fault, json};
use serde_json::Value;

/// A connector's description, as its page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub title: String,
    pub description: String,
    /// `https://host/base` of the service.
    pub service: Option<String>,
    pub operations: usize,
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

impl Description {
    /// Reads a Swagger 2.0 or OpenAPI 3 document.
    ///
    /// # Errors
    /// What it is instead, with the place.
    pub fn read(text: &str) -> Result<Description, Fault> {
        let document = json(text, "The definition")?;
        let version = document.get("swagger").or_else(|| document.get("openapi"));
        match version.and_then(Value::as_str) {
            Some(version) if version == "2.0" || version.starts_with("3.") => {}
            Some(other) => {
                let message =
                    format!("Version '{other}' is not known, expected Swagger 2.0 or OpenAPI 3.");
                return Err(Fault::at("$.swagger", message));
            }
            None => {
                let message = "This is no Swagger document: 'swagger' or 'openapi' is missing.";
                return Err(Fault::at("$.swagger", message));
            }
        }
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let title = text("/info/title").map(str::trim).unwrap_or_default();
        if title.is_empty() {
            return Err(Fault::at("$.info.title", "The connector's title is missing."));
        }
        let Some(paths) = document.get("paths").and_then(Value::as_object) else {
            return Err(Fault::at("$.paths", "The paths are missing, expected an object."));
        };
        let operations = paths.values().filter_map(Value::as_object).flat_map(|path| path.keys());
        Ok(Description {
            title: title.to_owned(),
            description: text("/info/description").unwrap_or_default().to_owned(),
            service: service(&document),
            operations: operations.filter(|key| METHODS.contains(&key.as_str())).count(),
        })
    }
}

fn service(document: &Value) -> Option<String> {
    if let Some(server) = document.pointer("/servers/0/url").and_then(Value::as_str) {
        return Some(server.trim_end_matches('/').to_owned());
    }
    let host = document.get("host")?.as_str()?;
    let base = document.get("basePath").and_then(Value::as_str).unwrap_or_default();
    let schemes = document.get("schemes").and_then(Value::as_array);
    let is_plain = schemes
        .is_some_and(|all| !all.is_empty() && !all.iter().any(|it| it.as_str() == Some("https")));
    let scheme = if is_plain { "http" } else { "https" };
    Some(format!("{scheme}://{host}{}", base.trim_end_matches('/')))
}
