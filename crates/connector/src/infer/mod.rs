//! Connectors declared from what flows use of them, for those that publish no document:
//! Dataverse, SharePoint, Outlook, Teams.
//!
//! A definition says which operations it calls with which parameters, and its expressions
//! say what the answers must have in them. What comes out is a document like any other; its
//! paths are its own, so that what stands behind is a flow, a recording, a mock, or a service
//! that somebody writes.
//!
//! Invariant: every call that was read binds to the document that comes out.

mod child;
mod function;
mod host;
mod operation;
mod path;
mod reading;
mod sample;
mod shape;
mod walk;

use child::{FlowUse, HttpUse};
use expr::Value;
use operation::ConnectorUse;
use serde_json::json;
use shape::Shapes;
use std::collections::BTreeMap;

pub use host::connector;

/// A definition that connectors are learnt from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// What flows that call it call it.
    pub id: Option<&'a str>,
    /// The bare definition.
    pub definition: &'a Value,
    /// Connection references by key.
    pub references: Option<&'a Value>,
}

/// What is learnt so far.
#[derive(Debug, Default)]
pub struct Inference {
    shapes: Shapes,
    connectors: BTreeMap<String, ConnectorUse>,
    /// By their ids in lower case.
    flows: BTreeMap<String, FlowUse>,
    answers: Vec<HttpUse>,
    examples: Examples,
    remarks: Vec<String>,
}

/// Values of parameters, by connector and the parameter's name.
type Examples = BTreeMap<(String, String), String>;

/// A connector that was inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// `shared_...`.
    pub name: String,
    pub operations: usize,
    /// `apiDefinition.swagger.json`.
    pub definition: String,
    /// `apiProperties.json`.
    pub properties: String,
}

/// A flow that others call and that was not there: it answers with what they read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFlow {
    pub id: String,
    /// Its definition.
    pub definition: String,
}

/// What a flow with a Request trigger can be started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub id: String,
    pub name: String,
    /// JSON.
    pub body: String,
}

/// What a plain call can be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The flow's id.
    pub flow: String,
    pub action: String,
    /// JSON.
    pub body: String,
}

/// What was learnt of definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub connectors: Vec<Inferred>,
    pub missing: Vec<MissingFlow>,
    pub started: Vec<Started>,
    pub answered: Vec<Answered>,
    /// What could not be declared.
    pub remarks: Vec<String>,
}

impl Inference {
    /// Whatever flows give to a connector as this parameter has this value where it comes from:
    /// mocks then speak of things that are there. Said before anything is learnt.
    pub fn example(&mut self, connector: &str, parameter: &str, value: &str) {
        self.examples.insert((connector.to_owned(), parameter.to_owned()), value.to_owned());
    }

    #[must_use]
    pub fn finish(mut self) -> Findings {
        self.shapes.close();
        let mut found = Vec::with_capacity(self.connectors.len());
        for (name, uses) in &self.connectors {
            let title = name.strip_prefix("shared_").unwrap_or(name);
            let title = if title.is_empty() { "connector" } else { title };
            let document = uses.document(&mut self.shapes, title);
            let properties = json!({"properties": {"connectionParameters": {},
                "iconBrandColor": "#007ee5", "capabilities": [], "policyTemplateInstances": []}});
            found.push(Inferred {
                name: name.clone(),
                operations: uses.len(),
                definition: format!("{document:#}\n"),
                properties: format!("{properties:#}\n"),
            });
        }
        Findings {
            connectors: found,
            missing: self.missing(),
            started: self.started(),
            answered: self.answered(),
            remarks: self.remarks,
        }
    }
}

#[cfg(test)]
mod tests;
