//! Connectors declared from what flows use of them, for those that publish no document:
//! Dataverse, SharePoint, Outlook, Teams.
//!
//! A definition says which operations it calls with which parameters, and its expressions
//! say what the answers must have in them. What comes out is a document like any other; its
//! paths are its own, so that what stands behind is a flow, a recording, a mock, or a service
//! that somebody writes.
//!
//! Invariant: every call that was read binds to the document that comes out.

mod function;
mod host;
mod operation;
mod path;
mod reading;
mod shape;
mod walk;

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
    remarks: Vec<String>,
}

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

impl Inference {
    /// The connectors, and what of the definitions could not be declared.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Inferred>, Vec<String>) {
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
        (found, self.remarks)
    }
}

#[cfg(test)]
mod tests;
