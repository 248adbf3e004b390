//! Definitions: from JSON text to a checked [`Flow`], with every fault at once.
//!
//! [`load`] finds the definition in its wrapper, numbers its actions and variables
//! (`outline`), reads and orders `runAfter` (`graph`), and compiles everything with
//! its references checked. What the real service refuses when a definition is saved
//! is an error here; what fails there only when it runs is a warning.
//!
//! Source: "Schema reference for the Workflow Definition Language", "Schema reference
//! guide for trigger and action types", "Limits and configuration reference".

mod action;
mod arm;
mod assemble;
mod call;
pub mod code;
mod connector;
mod control;
mod data;
mod dialect;
pub mod difference;
mod graph;
mod kind;
mod loading;
mod model;
mod outline;
mod parameter;
mod path;
mod problem;
mod reach;
mod recurrence;
mod reference;
mod retry;
mod schema;
mod secure;
mod status;
mod transfer;
mod trigger;
mod variable;
mod wrapper;

pub use model::*;
pub use schema::Schema;

use crate::limits;
use assemble::{Surroundings, assemble};
use expr::Value;
use path::At;
use problem::Problems;

/// How bad a problem is: an error refuses the definition, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A fault of a definition, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// For programs: `InvalidExpression`, `UnknownAction`, ...
    pub code: &'static str,
    /// JSON path from the root of the document, `$.actions.Send['a b']`.
    pub path: String,
    /// Characters from the start of the string at `path`, or bytes of the document when it is not JSON.
    pub offset: Option<usize>,
    pub expected: Option<String>,
    pub message: String,
}

/// What became of a document.
#[derive(Debug)]
pub struct Report {
    /// Errors first, in document order.
    pub problems: Vec<Problem>,
    /// There when no problem is an error.
    pub loaded: Option<Loaded>,
}

/// A definition with what its wrapper said.
#[derive(Debug)]
pub struct Loaded {
    pub flow: Flow,
    /// The bare definition.
    pub definition: Value,
    pub connection_references: Option<Value>,
    /// A name that the wrapper carries (`properties.displayName`, an ARM resource's name).
    pub display_name: Option<String>,
    /// `Stateless` workflows of Logic Apps Standard.
    pub stateless: bool,
}

/// What a document does not say itself.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The dialect of documents that do not show theirs.
    pub dialect: Option<Dialect>,
    /// Values of parameters: `{name: value}` or `{name: {value}}`. They win over
    /// values in the document, and count as declared.
    pub parameters: Option<Value>,
}

/// Loads a document: a definition, or a file that holds one.
#[must_use]
pub fn load(bytes: &[u8], options: &LoadOptions) -> Report {
    let mut problems = Problems::default();
    if bytes.len() > limits::DOCUMENT_BYTES_MAX {
        let limit = limits::DOCUMENT_BYTES_MAX;
        let message = format!("The document has {} bytes, more than {limit}.", bytes.len());
        problems.error(code::DOCUMENT_TOO_LARGE, "$", message);
        return refused(problems, None);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match expr::json::parse(bytes) {
        Ok(document) => load_value(&document, options),
        Err(error) => {
            problems.push(Problem {
                severity: Severity::Error,
                code: code::INVALID_JSON,
                path: "$".to_owned(),
                offset: Some(error.offset),
                expected: Some("JSON".to_owned()),
                message: error.to_string(),
            });
            refused(problems, None)
        }
    }
}

/// Loads a document that is parsed already.
#[must_use]
pub fn load_value(document: &Value, options: &LoadOptions) -> Report {
    let mut problems = Problems::default();
    let Some(wrapped) = wrapper::unwrap(document, &mut problems) else {
        return refused(problems, Some(document));
    };
    let mut given = wrapped.given;
    if let Some(values) = &options.parameters {
        given.extend(parameter::given(values, None));
    }
    let dialect = wrapped.dialect.or(options.dialect).unwrap_or(Dialect::LogicApps);
    let surroundings = Surroundings {
        dialect,
        stateless: wrapped.stateless,
        given: &given,
        has_all_parameters: dialect == Dialect::PowerAutomate
            || wrapped.is_template
            || options.parameters.is_some(),
    };
    let root = At::new(&wrapped.definition, wrapped.path);
    let flow = assemble(root, &surroundings, &mut problems);
    if !wrapped.is_template {
        problems.explain_template_text(document);
    }
    let (problems, is_refused) = problems.finish(Some(document));
    let loaded = (!is_refused).then_some(Loaded {
        flow,
        definition: wrapped.definition,
        connection_references: wrapped.connection_references,
        display_name: wrapped.display_name,
        stateless: wrapped.stateless,
    });
    Report { problems, loaded }
}

fn refused(problems: Problems, document: Option<&Value>) -> Report {
    let (problems, _) = problems.finish(document);
    Report { problems, loaded: None }
}
