//! Variables: global to the run, typed, changed one action at a time.
//!
//! What an action does to a variable is a function of its recorded inputs, so that
//! folding a run's events gives the same variables.
//!
//! Source: "Create variables to store and manage values in Azure Logic Apps".

use super::Run;
use super::bound;
use super::context::object_of;
use super::scope::Begun;
use super::state::FrameId;
use super::status::{Outcome, Outputs, body_of};
use crate::definition::{Action, Behavior, Flow, Initialization, VariableId, VariableKind};
use crate::limits::OPERATION_BYTES_MAX;
use expr::{EvalError, Object, Str, Template, Value};
use std::sync::Arc;

impl Run {
    pub(super) fn variable_action(
        &mut self,
        frame: FrameId,
        action: &Action,
    ) -> Result<Begun, EvalError> {
        let (variable, template) = match &action.behavior {
            Behavior::InitializeVariable { variables } => {
                return self.initialize(frame, action, variables);
            }
            Behavior::SetVariable { variable, value }
            | Behavior::IncrementVariable { variable, value }
            | Behavior::DecrementVariable { variable, value }
            | Behavior::AppendToStringVariable { variable, value }
            | Behavior::AppendToArrayVariable { variable, value } => (*variable, value),
            _ => return Err(EvalError::new("not a variable action")),
        };
        self.change(frame, action, variable, template)
    }

    fn initialize(
        &mut self,
        frame: FrameId,
        action: &Action,
        variables: &[Initialization],
    ) -> Result<Begun, EvalError> {
        let flow = Arc::clone(&self.flow);
        let mut records = Vec::with_capacity(variables.len());
        for one in variables {
            let value = match &one.value {
                Some(template) => self.eval(frame, template)?,
                None => Value::Null,
            };
            let name = flow.variables[one.variable.at()].clone();
            check_kind(&name, one.kind, &value)?;
            let mut record = Object::with_capacity(3);
            record.push_new("name", name);
            record.push_new("type", one.kind.name());
            if one.value.is_some() {
                record.push_new("value", value);
            }
            records.push(record.into());
        }
        let mut inputs = Object::with_capacity(1);
        inputs.push_new("variables", Value::array(records));
        let inputs = Value::from(inputs);
        bound::check(&inputs)?;
        apply(&flow, action, &mut self.state.variables, &inputs);
        Ok(Begun::Over(Some(inputs), Outcome::done(Outputs::None)))
    }

    fn change(
        &mut self,
        frame: FrameId,
        action: &Action,
        variable: VariableId,
        template: &Template,
    ) -> Result<Begun, EvalError> {
        let flow = Arc::clone(&self.flow);
        let value = self.eval(frame, template)?;
        let name = flow.variables[variable.at()].clone();
        let Some(current) = &self.state.variables[variable.at()] else {
            let message = format!(
                "The variable '{name}' must be initialized before it can be used inside action '{}'.",
                action.name
            );
            return Ok(Begun::Over(None, Outcome::failed("InvalidVariableOperation", message)));
        };
        let kind = kind_of_variable(&flow, variable);
        let changed = changed(&action.behavior, &name, kind, current, &value);
        let mut inputs = Object::with_capacity(2);
        inputs.push_new("name", name.clone());
        inputs.push_new("value", value);
        let changed = match changed {
            Ok(changed) => changed,
            Err(message) => {
                let outcome = Outcome::failed("InvalidVariableOperation", message);
                return Ok(Begun::Over(Some(inputs.into()), outcome));
            }
        };
        let outputs = match &action.behavior {
            Behavior::SetVariable { .. } => Outputs::BodyOfInputs,
            Behavior::IncrementVariable { .. } | Behavior::DecrementVariable { .. } => {
                let body = object_of([("name", name.into()), ("value", changed)]);
                Outputs::Value(body_of(body.into()))
            }
            _ => Outputs::None,
        };
        let inputs = Value::from(inputs);
        apply(&flow, action, &mut self.state.variables, &inputs);
        Ok(Begun::Over(Some(inputs), Outcome::done(outputs)))
    }
}

/// Puts the effect of a succeeded action into the variables. Live and folded the same.
pub(super) fn apply(flow: &Flow, action: &Action, variables: &mut [Option<Value>], inputs: &Value) {
    let value = || inputs.get("value").cloned().unwrap_or_default();
    match &action.behavior {
        Behavior::InitializeVariable { variables: list } => {
            let records = inputs.get("variables").and_then(Value::as_array);
            for (at, one) in list.iter().enumerate() {
                let given = records.and_then(|records| records.get(at)?.get("value").cloned());
                let value = given.filter(|value| !value.is_null());
                let value = value.unwrap_or_else(|| default_of(one.kind));
                variables[one.variable.at()] = Some(widen(one.kind, value));
            }
        }
        Behavior::SetVariable { variable, .. } => {
            let kind = kind_of_variable(flow, *variable);
            variables[variable.at()] = Some(match kind {
                Some(kind) => widen(kind, value()),
                None => value(),
            });
        }
        Behavior::AppendToArrayVariable { variable, .. } => {
            if let Some(Value::Array(items)) = &mut variables[variable.at()] {
                // shared with a record? then this copies once; else it grows in place
                Arc::make_mut(items).push(value());
            }
        }
        Behavior::AppendToStringVariable { variable, .. } => {
            if let Some(Value::String(text)) = &mut variables[variable.at()] {
                text.push_str(&value().text());
            }
        }
        Behavior::IncrementVariable { variable, .. }
        | Behavior::DecrementVariable { variable, .. } => {
            let is_minus = matches!(action.behavior, Behavior::DecrementVariable { .. });
            if let Some(current) = &variables[variable.at()]
                && let Some(sum) = step_by(current, &value(), is_minus)
            {
                variables[variable.at()] = Some(match kind_of_variable(flow, *variable) {
                    Some(kind) => widen(kind, sum),
                    None => sum,
                });
            }
        }
        _ => {}
    }
}

/// The value after an action; the message when it does not fit.
fn changed(
    behavior: &Behavior,
    name: &Str,
    kind: Option<VariableKind>,
    current: &Value,
    value: &Value,
) -> Result<Value, String> {
    let mismatch = |expected: &str| {
        Err(format!(
            "The variable '{name}' of type '{expected}' cannot take a value of type '{}'.",
            value.kind()
        ))
    };
    match behavior {
        Behavior::SetVariable { .. } => match kind {
            Some(kind) if !fits(kind, value) => mismatch(kind.name()),
            _ => Ok(value.clone()),
        },
        Behavior::AppendToStringVariable { .. } => match current {
            Value::String(text) if text.len() + value.text().len() <= OPERATION_BYTES_MAX => {
                Ok(Value::Null)
            }
            Value::String(_) => Err(format!("The variable '{name}' has grown too large.")),
            other => Err(format!(
                "The variable '{name}' is of type '{}': text can be appended to a String only.",
                other.kind()
            )),
        },
        Behavior::AppendToArrayVariable { .. } => match current {
            Value::Array(items) if items.len() < crate::limits::FOREACH_ITEMS_MAX => {
                Ok(Value::Null)
            }
            Value::Array(_) => Err(format!("The variable '{name}' has too many items.")),
            other => Err(format!(
                "The variable '{name}' is of type '{}': an item can be appended to an Array only.",
                other.kind()
            )),
        },
        _ => {
            let is_minus = matches!(behavior, Behavior::DecrementVariable { .. });
            let sum = step_by(current, value, is_minus);
            sum.filter(|sum| kind.is_none_or(|kind| fits(kind, sum))).ok_or_else(|| {
                format!(
                    "The variable '{name}' of type '{}' cannot be changed by a value of type '{}': both must be numbers, and the result must fit.",
                    current.kind(),
                    value.kind()
                )
            })
        }
    }
}

fn step_by(current: &Value, by: &Value, is_minus: bool) -> Option<Value> {
    match (current, by) {
        (Value::Int(a), Value::Int(b)) => {
            if is_minus { a.checked_sub(*b) } else { a.checked_add(*b) }.map(Value::Int)
        }
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            let (a, b) = (as_float(current)?, as_float(by)?);
            Some(Value::Float(if is_minus { a - b } else { a + b }))
        }
        _ => None,
    }
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn kind_of_variable(flow: &Flow, variable: VariableId) -> Option<VariableKind> {
    flow.actions.iter().find_map(|action| match &action.behavior {
        Behavior::InitializeVariable { variables } => {
            variables.iter().find(|one| one.variable == variable).map(|one| one.kind)
        }
        _ => None,
    })
}

fn default_of(kind: VariableKind) -> Value {
    match kind {
        VariableKind::Boolean => Value::Bool(false),
        VariableKind::Integer => Value::Int(0),
        VariableKind::Float => Value::Float(0.0),
        VariableKind::String => Value::String(Str::new()),
        VariableKind::Object => Value::Null,
        VariableKind::Array => Value::array(Vec::new()),
    }
}

fn fits(kind: VariableKind, value: &Value) -> bool {
    match kind {
        VariableKind::Boolean => matches!(value, Value::Bool(_)),
        VariableKind::Integer => value.as_int().is_some(),
        VariableKind::Float => {
            matches!(value, Value::Int(_) | Value::Float(_) | Value::Decimal(_))
        }
        VariableKind::String => matches!(value, Value::String(_) | Value::Null),
        VariableKind::Object => matches!(value, Value::Object(_) | Value::Null),
        VariableKind::Array => matches!(value, Value::Array(_)),
    }
}

fn widen(kind: VariableKind, value: Value) -> Value {
    match (kind, &value) {
        (VariableKind::Float, Value::Int(number)) => Value::Float(*number as f64),
        (VariableKind::Integer, Value::Float(_) | Value::Decimal(_)) => {
            value.as_int().map_or(value, Value::Int)
        }
        (VariableKind::String, Value::Null) => Value::String(Str::new()),
        _ => value,
    }
}

fn check_kind(name: &Str, kind: VariableKind, value: &Value) -> Result<(), EvalError> {
    if value.is_null() || fits(kind, value) {
        return Ok(());
    }
    Err(EvalError::new(format!(
        "The variable '{name}' of type '{}' cannot be initialized with a value of type '{}'.",
        kind.name(),
        value.kind()
    )))
}
