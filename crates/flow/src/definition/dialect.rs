//! For which product a definition is written, when its wrapper does not tell.
//!
//! Order: the wrapper (a project's `kind` and a deployment template say Logic Apps,
//! connection references and an `apiId` say Power Automate), then what follows here,
//! then what the caller says, then Logic Apps.

use super::Dialect;
use super::path::At;
use crate::limits;
use expr::Value;
use expr::value::eq_ignore_case;

/// Kinds of request triggers that only Power Automate has.
const TRIGGER_KINDS: [&str; 5] = ["Button", "PowerApp", "PowerAppV2", "VirtualAgent", "Skills"];
/// Types of operations that only one product has.
const POWER_AUTOMATE_TYPES: [&str; 3] =
    ["OpenApiConnection", "OpenApiConnectionWebhook", "OpenApiConnectionNotification"];
const LOGIC_APPS_TYPES: [&str; 2] = ["ServiceProvider", "InvokeFunction"];

/// The dialect that a definition itself gives away.
pub(super) fn of_definition(definition: &Value) -> Option<Dialect> {
    let root = At::new(definition, "$");
    if root.walk(&["parameters", "$authentication"]).is_some() {
        return Some(Dialect::PowerAutomate);
    }
    let triggers = root.get("triggers").map(|at| at.entries()).unwrap_or_default();
    for (_, trigger) in &triggers {
        let kind = trigger.value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if TRIGGER_KINDS.iter().any(|known| eq_ignore_case(known, kind)) {
            return Some(Dialect::PowerAutomate);
        }
        if let Some(dialect) = of_operation(trigger.value) {
            return Some(dialect);
        }
    }
    of_actions(definition, 0)
}

fn of_operation(operation: &Value) -> Option<Dialect> {
    let name = operation.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_one_of = |types: &[&str]| types.iter().any(|known| eq_ignore_case(known, name));
    if is_one_of(&POWER_AUTOMATE_TYPES) {
        return Some(Dialect::PowerAutomate);
    }
    is_one_of(&LOGIC_APPS_TYPES).then_some(Dialect::LogicApps)
}

/// The first telling action below a container.
fn of_actions(container: &Value, level: usize) -> Option<Dialect> {
    if level > limits::NESTING_MAX {
        return None;
    }
    let own = container.get("actions").and_then(Value::as_object);
    let own = own.and_then(|actions| {
        actions
            .iter()
            .find_map(|(_, action)| of_operation(action).or_else(|| of_actions(action, level + 1)))
    });
    let part = |name: &str| container.get(name).and_then(|part| of_actions(part, level + 1));
    let cases = || {
        let cases = container.get("cases")?.as_object()?;
        cases.iter().find_map(|(_, case)| of_actions(case, level + 1))
    };
    own.or_else(|| part("else")).or_else(|| part("default")).or_else(cases)
}
