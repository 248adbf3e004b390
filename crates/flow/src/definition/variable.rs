//! Variable operations. Names are literal: they are bound when the definition is
//! loaded, and a definition that uses a variable which nothing initialises is refused.

use super::data::nothing;
use super::kind::ActionKind;
use super::loading::{Loading, Site};
use super::path::At;
use super::{
    ActionId, Behavior, Initialization, Problem, Severity, VariableId, VariableKind, code,
};
use crate::limits;
use expr::{Binder, RefKind, Template, Value, value::eq_ignore_case};

impl<'a> Loading<'a, '_> {
    pub fn initialize_variable(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        if self.outline.container(id).is_some() {
            let message = "A variable is initialised inside a container.";
            let expected = "InitializeVariable at the top level of the definition";
            self.problems.expected(code::VARIABLE_IN_CONTAINER, &at.path, message, expected);
        }
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let Some(list) = self.require(&inputs, "variables") else { return nothing() };
        if list.value.as_array().is_none_or(|items| items.is_empty()) {
            self.wrong_kind(&list, "an array with at least one variable");
            return nothing();
        }
        let mut variables = Vec::new();
        for item in list.items() {
            if self.is_object(&item) {
                variables.extend(self.initialization(id, &item));
            }
        }
        Behavior::InitializeVariable { variables }
    }

    fn initialization(&mut self, id: ActionId, at: &At<'a>) -> Option<Initialization> {
        let name = self.require(at, "name");
        let kind = self.require(at, "type");
        // compiled also when the rest is wrong, to tell its faults
        let value = at.get("value").map(|value| self.compile(&value, Site::inputs(id)));
        let variable = self.variable(&name?)?;
        if let Some(earlier) = &self.initialised[variable.at()] {
            let message = format!("The variable is initialised already, by {earlier}.");
            self.problems.error(code::DUPLICATE_VARIABLE, &at.path, message);
        } else {
            self.initialised[variable.at()] = Some(at.path.clone());
        }
        let kind = kind?;
        let Some(known) = kind.text().and_then(VariableKind::from_name) else {
            self.invalid(&kind, "one of Boolean, Integer, Float, String, Object, Array");
            return None;
        };
        Some(Initialization { variable, kind: known, value })
    }

    /// The variable that a literal name stands for.
    fn variable(&mut self, name: &At<'_>) -> Option<VariableId> {
        let Some(text) = name.text() else {
            self.wrong_kind(name, "a variable's name");
            return None;
        };
        if let Some(number) = self.names.bind(RefKind::Variable, text) {
            return Some(VariableId(number));
        }
        let message = format!("The variable '{text}' is initialised by no action.");
        let expected = "an initialised variable";
        self.problems.expected(code::UNKNOWN_VARIABLE, &name.path, message, expected);
        None
    }

    pub fn change_variable(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let kind = self.draft(id).kind;
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let name = self.require(&inputs, "name");
        let counts = matches!(kind, ActionKind::IncrementVariable | ActionKind::DecrementVariable);
        let value = match inputs.get_or_null("value") {
            Some(value) if !(counts && value.value.is_null()) => {
                self.compile(&value, Site::inputs(id))
            }
            _ if counts => Template::constant(Value::Int(1)),
            _ => self.required(&inputs, "value", Site::inputs(id)),
        };
        let Some(name) = name else { return nothing() };
        let Some(variable) = self.variable(&name) else { return nothing() };
        if !self.is_initialised_before(variable, id) {
            let message = "The variable need not be initialised before.";
            let expected = "an action that runs after the variable is initialised";
            self.problems.expected(code::VARIABLE_NOT_BEFORE, &name.path, message, expected);
        }
        if kind == ActionKind::SetVariable {
            self.check_self_reference(variable, &value, &inputs);
        }
        match kind {
            ActionKind::SetVariable => Behavior::SetVariable { variable, value },
            ActionKind::IncrementVariable => Behavior::IncrementVariable { variable, value },
            ActionKind::DecrementVariable => Behavior::DecrementVariable { variable, value },
            ActionKind::AppendToStringVariable => {
                Behavior::AppendToStringVariable { variable, value }
            }
            ActionKind::AppendToArrayVariable => {
                Behavior::AppendToArrayVariable { variable, value }
            }
            _ => nothing(),
        }
    }

    fn check_self_reference(&mut self, variable: VariableId, value: &Template, inputs: &At<'a>) {
        let Some(at) = inputs.get("value") else { return };
        let name = self.outline.variables[variable.at()].clone();
        let mut found = None;
        value.visit_calls(&mut |call| {
            let is_self = call.function.eq_ignore_ascii_case("variables")
                && call.name.is_some_and(|other| eq_ignore_case(other, &name));
            if is_self && found.is_none() {
                found = Some((format!("{}{}", at.path, call.path), call.offset));
            }
        });
        if let Some((path, offset)) = found {
            self.problems.push(Problem {
                severity: Severity::Error,
                code: code::VARIABLE_SELF_REFERENCE,
                path,
                offset: Some(offset),
                expected: Some("the output of a Compose that reads the variable".to_owned()),
                message: format!("The variable '{name}' is set from its own value."),
            });
        }
    }

    /// Tells when there are more variables than documented.
    pub fn check_variable_count(&mut self) {
        let count = self.outline.variables.len();
        if count > limits::VARIABLES_MAX {
            let limit = limits::VARIABLES_MAX;
            let message =
                format!("The definition has {count} variables; the documented limit is {limit}.");
            self.problems.warning(code::LIMIT_EXCEEDED, &self.root.path, message);
        }
    }
}
