//! Deployment templates of the resource manager around a definition.
//!
//! Strings `[...]` are expressions of the template. Those that need nothing but the
//! template's own parameters (with default values) and variables are resolved; others
//! need a deployment: they stay text, in which nothing is evaluated, with a warning.
//! The expressions are parsed as those of the workflow language, which they resemble.
//!
//! Source: "Syntax and expressions in ARM templates", "Using linked and nested
//! templates".

use super::parameter::Given;
use super::path::At;
use super::problem::Problems;
use super::wrapper::{Wrapped, export, is_workflow_resource, parameters_of};
use super::{Dialect, code};
use crate::limits;
use expr::value::eq_ignore_case;
use expr::{Context, EvalError, Name, NoBinder, Object, Template, Ticks, Value};
use std::cell::Cell;
use std::rc::Rc;

/// Functions that mean the same in both languages and need no deployment.
#[rustfmt::skip]
const SHARED_FUNCTIONS: [&str; 50] = [
    "add", "and", "base64", "base64ToString", "bool", "coalesce", "concat", "contains",
    "createArray", "div", "empty", "endsWith", "equals", "first", "float", "greater",
    "greaterOrEquals", "if", "indexOf", "int", "intersection", "join", "json", "last",
    "lastIndexOf", "length", "less", "lessOrEquals", "max", "min", "mod", "mul", "not", "or",
    "range", "replace", "skip", "split", "startsWith", "string", "sub", "substring", "take",
    "toLower", "toUpper", "trim", "union", "uriComponent", "parameters", "variables",
];

/// What expressions of a template can refer to.
#[derive(Clone)]
struct Scope<'a> {
    parameters: Option<At<'a>>,
    variables: Option<At<'a>>,
    /// Values that an outer template gives to a nested one.
    given: Vec<Given>,
    /// References followed so far, which bounds circles.
    depth: usize,
    /// Bytes that may still be resolved, which bounds references to references.
    budget: Rc<Cell<usize>>,
}

/// A resource that is not part of a template: its strings are literal.
pub(super) fn resource(root: &At<'_>) -> Option<Wrapped> {
    let properties = root.get("properties")?;
    let definition = properties.get("definition")?;
    let mut wrapped = export(root, &properties, &definition);
    wrapped.dialect = Some(Dialect::LogicApps);
    Some(wrapped)
}

/// The first workflow of a template.
pub(super) fn template(root: &At<'_>, problems: &mut Problems) -> Option<Wrapped> {
    let mut found = Vec::new();
    find(root, &scope(root, Vec::new()), 0, &mut found);
    let mut found = found.into_iter();
    let (at, scope) = found.next()?;
    for (other, _) in found {
        let message = "The template holds more than one workflow; only the first is loaded.";
        problems.warning(code::SEVERAL_DEFINITIONS, &other.path, message);
    }
    let properties = at.get("properties")?;
    let definition = properties.get("definition")?;
    let resolved = scope.resolve(&definition, problems, 0);
    let mut wrapped = export(&at, &properties, &definition);
    wrapped.display_name = at.get("name").and_then(|name| {
        let name = name.text().map(|text| scope.text(text))?;
        name.ok()?.as_str().map(str::to_owned)
    });
    wrapped.definition = resolved;
    wrapped.dialect = Some(Dialect::LogicApps);
    wrapped.is_template = true;
    wrapped.given = parameters_of(&properties)
        .into_iter()
        .filter_map(|given| scope.given(given, problems))
        .collect();
    Some(wrapped)
}

fn scope<'a>(template: &At<'a>, given: Vec<Given>) -> Scope<'a> {
    let (parameters, variables) = (template.get("parameters"), template.get("variables"));
    let budget = Rc::new(Cell::new(limits::DEPLOYMENT_RESOLVED_BYTES_MAX));
    Scope { parameters, variables, given, depth: 0, budget }
}

/// Collects workflows of a template and of the templates nested in it.
fn find<'a>(
    template: &At<'a>,
    scope: &Scope<'a>,
    depth: usize,
    found: &mut Vec<(At<'a>, Scope<'a>)>,
) {
    let Some(resources) = template.get("resources") else { return };
    if depth > limits::DEPLOYMENT_NESTING_MAX {
        return;
    }
    // newer templates name their resources
    let named = resources.entries().into_iter().map(|(_, at)| at);
    for at in resources.items().into_iter().chain(named) {
        if is_workflow_resource(at.value) {
            found.push((at, scope.clone()));
            continue;
        }
        let type_name = at.get("type").and_then(|found| found.text()).unwrap_or_default();
        let nested = at.walk(&["properties", "template"]);
        match nested.filter(|_| eq_ignore_case(type_name, "Microsoft.Resources/deployments")) {
            Some(nested) => {
                find(&nested, &scope.nested(&at, &nested), depth + 1, found);
            }
            None => find(&at, scope, depth + 1, found),
        }
    }
}

impl<'a> Scope<'a> {
    /// The scope of a nested template: its own where it says so, else the one around.
    fn nested(&self, deployment: &At<'a>, template: &At<'a>) -> Scope<'a> {
        let option = deployment.walk(&["properties", "expressionEvaluationOptions", "scope"]);
        if !option.and_then(|at| at.text()).is_some_and(|text| eq_ignore_case(text, "inner")) {
            return self.clone();
        }
        let properties = deployment.get("properties");
        let given = properties.map(|at| parameters_of(&at)).unwrap_or_default();
        let mut unheard = Problems::default();
        scope(template, given.into_iter().filter_map(|g| self.given(g, &mut unheard)).collect())
    }

    /// A parameter's value, resolved. One that stays unknown is not given.
    fn given(&self, given: Given, problems: &mut Problems) -> Option<Given> {
        let path = given.path.clone().unwrap_or_default();
        if given.value.get("reference").is_some() {
            let message = format!("The value of '{}' is in a vault.", given.name);
            problems.warning(code::UNRESOLVED_DEPLOYMENT_EXPRESSION, &path, message);
            return None;
        }
        if let Some(Err(reason)) = given.value.as_str().map(|text| self.text(text)) {
            unresolved(&path, &reason, problems);
            return None;
        }
        let value = self.resolve(&At::new(&given.value, path), problems, 0);
        Some(Given { value, ..given })
    }

    /// A value with its strings resolved. Property names stay.
    fn resolve(&self, at: &At<'_>, problems: &mut Problems, depth: usize) -> Value {
        match at.value {
            Value::String(text) => match self.text(text) {
                Ok(value) => value,
                Err(reason) => {
                    unresolved(&at.path, &reason, problems);
                    // nothing in it is evaluated later
                    Value::from(text.replace("@{", "@@{"))
                }
            },
            _ if depth > limits::DOCUMENT_DEPTH_MAX || self.spend(1).is_err() => at.value.clone(),
            Value::Array(_) => {
                let items = at.items();
                let items = items.iter().map(|item| self.resolve(item, problems, depth + 1));
                Value::array(items.collect())
            }
            Value::Object(_) => {
                let mut object = Object::new();
                for (name, at) in at.entries() {
                    object.push_new(name.clone(), self.resolve(&at, problems, depth + 1));
                }
                object.into()
            }
            other => other.clone(),
        }
    }

    fn spend(&self, bytes: usize) -> Result<(), String> {
        let left = self.budget.get().checked_sub(bytes).ok_or("the template is too large")?;
        self.budget.set(left);
        Ok(())
    }

    /// The value of a string, or why it has none yet.
    fn text(&self, text: &str) -> Result<Value, String> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(text.into());
        };
        if inner.starts_with('[') {
            return Ok(text[1..].into());
        }
        self.spend(text.len() + limits::DEPLOYMENT_EXPRESSION_BYTES)?;
        // the blank keeps `[{...}]` from being read as embedded in text
        let template = Template::compile_text(&format!("@ {inner}"), &NoBinder)
            .map_err(|error| format!("it is not an expression: {}", error.message))?;
        let mut needs = None;
        template.visit_calls(&mut |call| {
            let is_shared = SHARED_FUNCTIONS.iter().any(|name| eq_ignore_case(name, call.function));
            if !is_shared && needs.is_none() {
                needs = Some(format!("'{}()' needs a deployment", call.function));
            }
        });
        if let Some(reason) = needs {
            return Err(reason);
        }
        let mut deeper = Scope { depth: self.depth + 1, ..self.clone() };
        let value = template.eval(&mut deeper).map_err(|error| error.message().to_owned())?;
        self.spend(value.as_str().map_or(0, str::len))?;
        Ok(value)
    }

    /// The value of a parameter or variable, its own strings resolved.
    fn value(&self, at: &At<'_>) -> Result<Value, EvalError> {
        if self.depth > limits::DEPLOYMENT_REFERENCES_MAX {
            return Err(EvalError::new("it refers to itself"));
        }
        if let Value::String(text) = at.value {
            return self.text(text).map_err(EvalError::new);
        }
        Ok(self.resolve(at, &mut Problems::default(), 0))
    }
}

fn unresolved(path: &str, reason: &str, problems: &mut Problems) {
    let message = format!("The expression of the deployment template stays text: {reason}.");
    problems.warning(code::UNRESOLVED_DEPLOYMENT_EXPRESSION, path, message);
}

/// The strings of a definition look like this when a template was not resolved.
pub(super) fn is_template_text(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.starts_with("[[") && text.contains('(')
}

impl Context for Scope<'_> {
    fn now(&mut self) -> Ticks {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }

    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        let given = self.given.iter().rev().find(|given| eq_ignore_case(&given.name, &name.text));
        if let Some(given) = given {
            return Ok(given.value.clone());
        }
        let declared = self.parameters.as_ref().and_then(|at| at.get(&name.text));
        match declared.and_then(|at| at.get("defaultValue")) {
            Some(default) => self.value(&default),
            None => Err(EvalError::new(format!("the parameter '{}' has no value", name.text))),
        }
    }

    fn variable(&self, name: &Name) -> Result<Value, EvalError> {
        match self.variables.as_ref().and_then(|at| at.get_or_null(&name.text)) {
            Some(found) => self.value(&found),
            None => Err(EvalError::new(format!("there is no variable '{}'", name.text))),
        }
    }
}
