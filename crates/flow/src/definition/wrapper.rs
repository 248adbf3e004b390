//! Finding the definition in what it is wrapped in.
//!
//! Source: exports and solutions of Power Automate (`properties.definition`), projects
//! of Logic Apps Standard (`definition` and `kind`), deployment templates of the
//! resource manager, and bare definitions.

use super::arm;
use super::dialect;
use super::parameter::{Given, given};
use super::path::At;
use super::problem::Problems;
use super::{Dialect, code};
use expr::Value;
use expr::value::eq_ignore_case;

/// A definition with what is around it.
#[derive(Debug)]
pub(super) struct Wrapped {
    pub definition: Value,
    /// Where the definition stands in the document.
    pub path: String,
    pub given: Vec<Given>,
    pub connection_references: Option<Value>,
    pub display_name: Option<String>,
    pub stateless: bool,
    /// It came in a deployment template, whose expressions are resolved.
    pub is_template: bool,
    /// The dialect, when the wrapper or the definition tells.
    pub dialect: Option<Dialect>,
}

/// Finds the definition of a document.
pub(super) fn unwrap(document: &Value, problems: &mut Problems) -> Option<Wrapped> {
    let root = At::new(document, "$");
    let wrapped = if is_definition(document) {
        Some(bare(&root))
    } else if let Some(definition) = root.get("definition").filter(|at| is_definition(at.value)) {
        Some(project(&root, &definition))
    } else if is_workflow_resource(document) {
        arm::resource(&root)
    } else if let Some(properties) = root.get("properties") {
        properties.get("definition").map(|definition| export(&root, &properties, &definition))
    } else if root.get("resources").is_some() {
        arm::template(&root, problems)
    } else {
        None
    };
    if wrapped.is_none() {
        let message = "There is no workflow definition in the document.";
        let expected = "a definition with 'triggers' and 'actions', or a file that holds one";
        problems.expected(code::NOT_A_DEFINITION, "$", message, expected);
    }
    let mut wrapped = wrapped?;
    wrapped.dialect = wrapped.dialect.or_else(|| dialect::of_definition(&wrapped.definition));
    Some(wrapped)
}

/// Whether a value looks like a definition.
pub(super) fn is_definition(value: &Value) -> bool {
    let is_object = |name: &str| value.get(name).is_some_and(|found| found.as_object().is_some());
    let schema = value.get("$schema").and_then(Value::as_str).unwrap_or_default();
    schema.to_ascii_lowercase().contains("workflowdefinition.json")
        || is_object("actions")
        || is_object("triggers")
}

/// Whether a value is a resource of type `Microsoft.Logic/workflows`.
pub(super) fn is_workflow_resource(value: &Value) -> bool {
    let name = value.get("type").and_then(Value::as_str).unwrap_or_default();
    eq_ignore_case(name, "Microsoft.Logic/workflows")
}

fn bare(at: &At<'_>) -> Wrapped {
    Wrapped {
        definition: at.value.clone(),
        path: at.path.clone(),
        given: Vec::new(),
        connection_references: None,
        display_name: None,
        stateless: false,
        is_template: false,
        dialect: None,
    }
}

/// `{definition, kind}` of a project, `{definition, connectionReferences}` of a
/// designer, `{definition, parameters}` of a code view.
fn project(root: &At<'_>, definition: &At<'_>) -> Wrapped {
    let kind = root.get("kind").and_then(|kind| kind.text()).unwrap_or_default();
    let connections = root.get("connectionReferences");
    let mut wrapped = bare(definition);
    wrapped.stateless = eq_ignore_case(kind, "Stateless");
    wrapped.dialect = if wrapped.stateless || eq_ignore_case(kind, "Stateful") {
        Some(Dialect::LogicApps)
    } else {
        connections.as_ref().map(|_| Dialect::PowerAutomate)
    };
    wrapped.connection_references = connections.map(|at| at.value.clone());
    wrapped.given = parameters_of(root);
    wrapped
}

/// `{name?, properties: {definition, displayName, connectionReferences, ...}}`.
pub(super) fn export(root: &At<'_>, properties: &At<'_>, definition: &At<'_>) -> Wrapped {
    let connections = properties.get("connectionReferences");
    let mut wrapped = bare(definition);
    let is_power_automate = connections.is_some()
        || properties.get("apiId").is_some()
        // files of solutions
        || root.get("schemaVersion").is_some();
    wrapped.dialect = is_power_automate.then_some(Dialect::PowerAutomate);
    wrapped.connection_references = connections.map(|at| at.value.clone());
    let name = properties.get("displayName").or_else(|| root.get("name"));
    wrapped.display_name = name.and_then(|name| name.text()).map(str::to_owned);
    wrapped.given = parameters_of(properties);
    wrapped
}

/// Values of parameters beside the definition.
pub(super) fn parameters_of(at: &At<'_>) -> Vec<Given> {
    let parameters = at.get("parameters");
    parameters.map(|at| given(at.value, Some(&at.path))).unwrap_or_default()
}
