//! Packages: the zip in which flows go from one server to another.
//!
//! [`read`] takes a package of Power Automate (`manifest.json` beside
//! `Microsoft.Flow/flows/...`) or a solution (`solution.xml`, `customizations.xml` and
//! `Workflows/...`, zipped as exported or as unpacked for a repository) and gives one
//! model of both; [`write()`] makes a package of one flow. Whether a definition can run is
//! not decided here: that is [`crate::definition::load`].
//!
//! Invariant: what is read of an archive is bounded before it is unpacked.
//! Invariant: the same flow and details give the same bytes.

mod archive;
mod manifest;
mod reference;
mod solution;
mod variable;
mod write;
mod xml;

pub use archive::pack;
pub use write::{Outgoing, Resource, ResourceKind, resources, write};

use crate::limits;
use archive::Files;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a package holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    pub form: Form,
    pub details: Details,
    pub flows: Vec<PackagedFlow>,
    pub connectors: Vec<Connector>,
    pub connections: Vec<Connection>,
    pub variables: Vec<PackagedVariable>,
    /// What was left out, and why.
    pub remarks: Vec<Fault>,
}

/// An environment variable of a solution.
#[derive(Clone, Debug, PartialEq)]
pub struct PackagedVariable {
    /// Where its definition stands.
    pub path: String,
    pub schema_name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    /// `String`, `Number`, `Boolean`, `JSON` or `DataSource`.
    pub type_name: &'static str,
    pub default_value: Option<expr::Value>,
    pub value: Option<expr::Value>,
}

/// How a package is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `manifest.json` and a folder for each flow.
    Package,
    /// `solution.xml`, `customizations.xml` and `Workflows`.
    Solution,
}

impl Form {
    /// Its name in APIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Package => "package",
            Form::Solution => "solution",
        }
    }
}

/// What a package says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub display_name: String,
    pub description: String,
    pub creator: String,
    pub source_environment: String,
    /// As it is written: RFC 3339.
    pub created_time: String,
    /// A GUID.
    pub telemetry_id: String,
}

/// A flow of a package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackagedFlow {
    /// What the package calls it: the key of its resource, or the id of its workflow.
    pub key: String,
    /// Where its definition stands.
    pub path: String,
    /// Its name where it comes from: a GUID in lower case.
    pub name: Option<String>,
    pub display_name: String,
    pub description: Option<String>,
    /// Whether it was on; packages of Power Automate do not say.
    pub is_started: Option<bool>,
    pub template_name: Option<String>,
    pub definition: Value,
    /// Connection references by key, in the form of the API.
    pub references: Map<String, Value>,
    /// Of each connection reference, the key of its connector.
    pub connectors: BTreeMap<String, String>,
    /// Of each connection reference, the key of its connection.
    pub connections: BTreeMap<String, String>,
}

/// A connector that flows of a package use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// What the package calls it.
    pub key: String,
    /// `/providers/Microsoft.PowerApps/apis/...`; a custom connector of a package has none.
    pub id: Option<String>,
    pub display_name: String,
    pub icon: Option<String>,
}

/// A connection that an import asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What the package calls it: a GUID, or the logical name of a solution's reference.
    pub key: String,
    /// The key of its connector.
    pub connector: Option<String>,
    pub display_name: String,
    pub icon: Option<String>,
}

/// Something about an entry of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry; empty when it is the package itself.
    pub path: String,
    pub message: String,
}

impl Fault {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Fault {
        Fault { path: path.into(), message: message.into() }
    }
}

/// Where the connectors of every tenant are.
pub const APIS: &str = "/providers/Microsoft.PowerApps/apis/";

/// The connector that flows themselves are connections of.
const FLOWS_API: &str = "/providers/Microsoft.PowerApps/apis/shared_logicflows";

/// Reads a package: all of it, or everything that is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Package, Vec<Fault>> {
    let files = Files::unzip(bytes).map_err(|fault| vec![fault])?;
    let Some((form, files)) = files.rooted() else {
        let message = "The archive is neither a package nor a solution: it has no 'manifest.json', no 'solution.xml' and no 'Workflows'.";
        return Err(vec![Fault::new("", message)]);
    };
    let mut reading = Reading::default();
    match form {
        Form::Package => manifest::read(&files, &mut reading),
        Form::Solution => solution::read(&files, &mut reading),
    }
    if reading.flows.len() > limits::PACKAGE_FLOWS_MAX {
        let limit = limits::PACKAGE_FLOWS_MAX;
        let message = format!("The package has {} flows, more than {limit}.", reading.flows.len());
        reading.faults.insert(0, Fault::new("", message));
    }
    reading.faults.truncate(limits::PACKAGE_FAULTS_MAX);
    reading.remarks.truncate(limits::PACKAGE_FAULTS_MAX);
    if !reading.faults.is_empty() {
        return Err(reading.faults);
    }
    let Reading { details, flows, connectors, connections, variables, remarks, .. } = reading;
    Ok(Package { form, details, flows, connectors, connections, variables, remarks })
}

/// A package while it is read.
#[derive(Default)]
struct Reading {
    details: Details,
    flows: Vec<PackagedFlow>,
    connectors: Vec<Connector>,
    connections: Vec<Connection>,
    variables: Vec<PackagedVariable>,
    remarks: Vec<Fault>,
    faults: Vec<Fault>,
}

impl Reading {
    fn remark(&mut self, path: &str, message: impl Into<String>) {
        self.remarks.push(Fault::new(path, message));
    }

    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(path, message));
    }

    /// A file as JSON; what is wrong with it is kept.
    fn json(&mut self, files: &Files, path: &str) -> Option<Value> {
        let text = self.text(files, path)?;
        match serde_json::from_str(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(files.name(path), format!("This is not JSON: {error}."));
                None
            }
        }
    }

    /// A file as text, without a byte order mark.
    fn text(&mut self, files: &Files, path: &str) -> Option<String> {
        let text = archive::text(files.get(path)?);
        if text.is_none() {
            self.fault(files.name(path), "This is not text in UTF-8 or UTF-16.");
        }
        text
    }
}

/// The text at a pointer, when it is not empty.
fn text_at(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// Whether a value looks like a workflow definition.
fn is_definition(value: &Value) -> bool {
    let schema = value.get("$schema").and_then(Value::as_str).unwrap_or_default();
    value.get("actions").is_some_and(Value::is_object)
        || value.get("triggers").is_some_and(Value::is_object)
        || schema.to_ascii_lowercase().contains("workflowdefinition.json")
}

/// A GUID as flows are named by: lower case, without braces.
fn guid(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let has_form = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    has_form.then(|| text.to_ascii_lowercase())
}
