//! A Swagger document: the service, and what can be called there.

use super::operation::Operation;
use super::page::Page;
use super::reader::OperationReader;
use super::reference::Resolver;
use super::schema::{Schemas, list, object};
use super::{Fault, text};
use crate::limits::OPERATIONS_MAX;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// What a Swagger 2.0 or OpenAPI 3 document says of a connector.
#[derive(Clone, Debug)]
pub struct Document {
    pub title: String,
    pub description: String,
    pub service: Option<Service>,
    pub security: Vec<SecurityScheme>,
    /// `x-ms-capabilities` of the connector, as it is written.
    pub capabilities: Option<Value>,
    /// What its documentation page shows besides.
    pub page: Page,
    pub operations: Vec<Operation>,
    schemas: Arc<Schemas>,
    by_id: HashMap<String, usize>,
}

/// Where a connector's service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub scheme: String,
    /// With its port.
    pub host: String,
    /// What stands before every path; empty, or it begins with a slash and ends with none.
    pub base_path: String,
}

impl Service {
    /// `https://host/base`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.base_path)
    }
}

/// A way in which a service wants to know its callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityScheme {
    pub name: String,
    pub kind: SecurityKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityKind {
    KeyInHeader(String),
    KeyInQuery(String),
    Basic,
    /// A bearer token that is given as it is.
    Bearer,
    /// A bearer token that somebody signs in for.
    OAuth2,
    Other,
}

/// Which words a document is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Swagger2,
    OpenApi3,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// What is not as it must be, with the place.
    pub fn read(text: &str) -> Result<Document, Fault> {
        let root = text::json(text, "The definition")?;
        let version = version(&root)?;
        let text = |pointer: &str| root.pointer(pointer).and_then(Value::as_str).map(str::trim);
        let title = text("/info/title").unwrap_or_default();
        if title.is_empty() {
            return Err(Fault::at("$.info.title", "The connector's title is missing."));
        }
        let mut reader = OperationReader::new(Resolver::new(&root), version);
        reader.read_all()?;
        let (operations, schemas) = reader.finish()?;
        let by_id =
            operations.iter().enumerate().map(|(at, it)| (it.id.as_str().to_lowercase(), at));
        Ok(Document {
            title: title.to_owned(),
            description: text("/info/description").unwrap_or_default().to_owned(),
            service: match version {
                Version::Swagger2 => service_2(&root),
                Version::OpenApi3 => server(&root, None),
            },
            security: security(&root),
            capabilities: root.get("x-ms-capabilities").cloned(),
            page: Page::read(&root),
            by_id: by_id.collect(),
            operations,
            schemas,
        })
    }

    /// The operation of an id; letter case does not matter.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.by_id.get(&id.to_lowercase()).map(|at| &self.operations[*at])
    }

    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }
}

fn version(root: &Value) -> Result<Version, Fault> {
    let said = root.get("swagger").or_else(|| root.get("openapi"));
    // some write the version as a number
    let said = said.filter(|it| it.is_string() || it.is_number());
    let said = said.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
    match said.as_deref() {
        Some("2.0") => Ok(Version::Swagger2),
        Some(version) if version.starts_with("3.") => Ok(Version::OpenApi3),
        Some(other) => {
            let message =
                format!("Version '{other}' is not known, expected Swagger 2.0 or OpenAPI 3.");
            Err(Fault::at("$.swagger", message))
        }
        None => {
            let message = "This is no Swagger document: 'swagger' or 'openapi' is missing.";
            Err(Fault::at("$.swagger", message))
        }
    }
}

fn service_2(root: &Value) -> Option<Service> {
    let host = root.get("host")?.as_str()?.trim();
    let schemes = list(root, "schemes");
    let is_plain = !schemes.is_empty() && !schemes.iter().any(|it| it == "https");
    // some write the scheme into the host
    let (scheme, host) = match host.split_once("://") {
        Some((scheme, host)) => (scheme, host),
        None => (if is_plain { "http" } else { "https" }, host),
    };
    let base = root.get("basePath").and_then(Value::as_str).unwrap_or_default();
    (!host.is_empty()).then(|| Service {
        scheme: scheme.to_owned(),
        host: host.trim_end_matches('/').to_owned(),
        base_path: base_path(base),
    })
}

/// The first of the servers that something names, its variables as they are by default. An
/// address without a host is at that of the whole document.
pub(super) fn server(value: &Value, whole: Option<&Service>) -> Option<Service> {
    let server = list(value, "servers").first()?;
    let mut url = server.get("url")?.as_str()?.trim().to_owned();
    for (name, variable) in object(server, "variables").into_iter().flatten() {
        let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(Service { base_path: base_path(&url), ..whole?.clone() });
    };
    let (host, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (!host.is_empty()).then(|| Service {
        scheme: scheme.to_ascii_lowercase(),
        host: host.to_owned(),
        base_path: base_path(base),
    })
}

fn base_path(text: &str) -> String {
    let text = text.trim().trim_matches('/');
    if text.is_empty() { String::new() } else { format!("/{text}") }
}

fn security(root: &Value) -> Vec<SecurityScheme> {
    let schemes = object(root, "securityDefinitions")
        .or_else(|| root.pointer("/components/securitySchemes").and_then(Value::as_object));
    let scheme = |(name, value): (&String, &Value)| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = match (text("type"), text("in"), text("scheme")) {
            ("apiKey", "header", _) => SecurityKind::KeyInHeader(text("name").trim().to_owned()),
            ("apiKey", "query", _) => SecurityKind::KeyInQuery(text("name").to_owned()),
            ("basic", ..) => SecurityKind::Basic,
            ("http", _, scheme) if scheme.eq_ignore_ascii_case("basic") => SecurityKind::Basic,
            ("http", _, scheme) if scheme.eq_ignore_ascii_case("bearer") => SecurityKind::Bearer,
            ("oauth2" | "openIdConnect", ..) => SecurityKind::OAuth2,
            _ => SecurityKind::Other,
        };
        SecurityScheme { name: name.clone(), kind }
    };
    schemes.into_iter().flatten().map(scheme).collect()
}

/// A document may not have more operations than this.
pub(super) fn check_count(operations: usize, path: &str) -> Result<(), Fault> {
    if operations < OPERATIONS_MAX {
        return Ok(());
    }
    Err(Fault::at(path, format!("The document has more than {OPERATIONS_MAX} operations.")))
}
