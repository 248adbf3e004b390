//! Parameters with their values: given with the document or beside it, else the
//! default value, else null.

use super::loading::constant;
use super::path::At;
use super::problem::Problems;
use super::{Names, Parameter, code};
use crate::limits;
use expr::value::eq_ignore_case;
use expr::{Str, Template, Value};
use std::collections::HashMap;

/// A value given for a parameter by name.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub name: Str,
    pub value: Value,
    /// As it is told beside the value, in parameter files.
    pub type_name: Option<Str>,
    /// Where it was given, when in the document.
    pub path: Option<String>,
}

/// `{name: value}` or `{name: {value, type?}}`.
pub(super) fn given(values: &Value, path: Option<&str>) -> Vec<Given> {
    let root = At::new(values, path.unwrap_or_default());
    let mut list = Vec::new();
    for (name, at) in root.entries() {
        let wrapped = at.value.as_object().filter(|object| {
            let known = ["value", "type", "metadata", "description"];
            object.contains("value")
                && object.iter().all(|(name, _)| known.iter().any(|k| eq_ignore_case(k, name)))
        });
        let value = wrapped.and_then(|object| object.get("value")).unwrap_or(at.value).clone();
        let type_name = wrapped.and_then(|object| object.get("type")?.as_str().map(Str::from));
        let path = path.is_some().then_some(at.path);
        list.push(Given { name: name.clone(), value, type_name, path });
    }
    list
}

/// Parameter types. Letter case is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    String,
    Bool,
    Array,
    Object,
}

impl Kind {
    /// The kind, and whether values are secret.
    fn from_name(name: &str) -> Option<(Self, bool)> {
        Some(match name.to_ascii_lowercase().as_str() {
            "int" | "integer" => (Kind::Int, false),
            "float" => (Kind::Float, false),
            "string" => (Kind::String, false),
            "securestring" => (Kind::String, true),
            "bool" | "boolean" => (Kind::Bool, false),
            "array" => (Kind::Array, false),
            "object" => (Kind::Object, false),
            "secureobject" => (Kind::Object, true),
            _ => return None,
        })
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Kind::Int => value.as_int().is_some(),
            Kind::Float => matches!(value, Value::Int(_) | Value::Float(_) | Value::Decimal(_)),
            Kind::String => value.as_str().is_some(),
            Kind::Bool => value.as_bool().is_some(),
            Kind::Array => value.as_array().is_some(),
            Kind::Object => value.as_object().is_some(),
        }
    }
}

/// Reads the declared parameters. Values that are given but not declared become
/// parameters too: a project of the single-tenant host declares them beside its
/// workflows. Of several values for a name the last wins.
pub(super) fn parameters(
    definition: &At<'_>,
    given: &[Given],
    names: &mut Names,
    problems: &mut Problems,
) -> Vec<Parameter> {
    let declared = definition.get("parameters");
    if let Some(at) = declared.as_ref().filter(|at| at.value.as_object().is_none()) {
        let message = format!("The parameters are a value of type '{}'.", at.value.kind());
        problems.expected(code::WRONG_KIND, &at.path, message, "an object");
    }
    let declared = declared.map(|at| at.entries()).unwrap_or_default();
    if declared.len() > limits::PARAMETERS_DOCUMENTED_MAX {
        let limit = limits::PARAMETERS_DOCUMENTED_MAX;
        let message = format!("There are more parameters than the documented {limit}.");
        problems.warning(code::LIMIT_EXCEEDED, &definition.path, message);
    }
    let by_name: HashMap<String, &Given> =
        given.iter().map(|given| (given.name.as_str().to_lowercase(), given)).collect();
    let mut list = Vec::with_capacity(declared.len());
    for (name, at) in declared {
        let given = by_name.get(&name.as_str().to_lowercase()).copied();
        let parameter = parameter(name, &at, given, &list, names, problems);
        add(parameter, &mut list, names);
    }
    for given in given.iter().rev() {
        if !names.parameters.contains_key(&given.name.as_str().to_lowercase()) {
            let kind = given.type_name.as_deref().and_then(Kind::from_name);
            let secure = kind.is_some_and(|(_, secure)| secure);
            let (name, value) = (given.name.clone(), given.value.clone());
            let (schema_name, has_value) = (None, true);
            let found = Parameter { name, value, secure, schema_name, has_value };
            add(found, &mut list, names);
        }
    }
    list
}

fn add(parameter: Parameter, list: &mut Vec<Parameter>, names: &mut Names) {
    if let Ok(number) = u32::try_from(list.len()) {
        names.parameters.entry(parameter.name.as_str().to_lowercase()).or_insert(number);
        list.push(parameter);
    }
}

fn parameter(
    name: &Str,
    at: &At<'_>,
    given: Option<&Given>,
    earlier: &[Parameter],
    names: &Names,
    problems: &mut Problems,
) -> Parameter {
    if at.value.as_object().is_none() {
        let message = format!("The parameter '{name}' is a value of type '{}'.", at.value.kind());
        problems.expected(code::WRONG_KIND, &at.path, message, "an object with 'type'");
    }
    let kind = kind(name, at, problems);
    let secure = kind.is_some_and(|(_, secure)| secure);
    let value = match given {
        Some(given) => {
            check(kind.map(|(kind, _)| kind), at, given, problems);
            given.value.clone()
        }
        None => default(at, earlier, names, problems),
    };
    let has_value = given.is_some() || at.get_or_null("defaultValue").is_some();
    let schema_name = at.walk(&["metadata", "schemaName"]).and_then(|at| at.text().map(Str::from));
    // of a value that was given for the flow itself, the environment knows nothing better
    let schema_name = schema_name.filter(|name| given.is_none() && !name.trim().is_empty());
    Parameter { name: name.clone(), value, secure, schema_name, has_value }
}

const TYPES: &str = "one of int, float, string, bool, array, object, securestring, secureobject";

fn kind(name: &str, at: &At<'_>, problems: &mut Problems) -> Option<(Kind, bool)> {
    at.value.as_object()?;
    let Some(found) = at.get("type") else {
        let message = format!("The parameter '{name}' has no type.");
        problems.expected(code::MISSING_PROPERTY, &at.path, message, "'type'");
        return None;
    };
    let kind = found.text().and_then(Kind::from_name);
    if kind.is_none() {
        let message = format!("{} is not a type.", found.shown());
        problems.expected(code::INVALID_VALUE, &found.path, message, TYPES);
    }
    kind
}

/// The default value. It may refer to parameters that are declared before.
fn default(at: &At<'_>, earlier: &[Parameter], names: &Names, problems: &mut Problems) -> Value {
    let Some(found) = at.get("defaultValue") else { return Value::Null };
    let Ok(template) = Template::compile(found.value, names) else { return found.value.clone() };
    if let Some(value) = template.as_const() {
        return value.clone();
    }
    match constant(&template, earlier) {
        Some(Ok(value)) => value,
        Some(Err(error)) => {
            problems.evaluation(code::INVALID_PARAMETER, &found.path, &error);
            Value::Null
        }
        None => {
            let message = "The default value depends on more than parameters: it stays text.";
            problems.warning(code::INVALID_PARAMETER, &found.path, message);
            found.value.clone()
        }
    }
}

/// A given value fits the type and is one of the allowed ones.
fn check(kind: Option<Kind>, at: &At<'_>, given: &Given, problems: &mut Problems) {
    let path = given.path.as_deref().unwrap_or(&at.path);
    if let Some(kind) = kind.filter(|kind| !given.value.is_null() && !kind.takes(&given.value)) {
        let message = format!(
            "The value given for the parameter '{}' is of type '{}'.",
            given.name,
            given.value.kind()
        );
        let expected = format!("a value of type '{kind:?}'");
        problems.expected(code::INVALID_PARAMETER, path, message, expected);
        return;
    }
    let Some(allowed) = at.get("allowedValues") else { return };
    let allowed: Vec<&Value> = allowed.items().into_iter().map(|item| item.value).collect();
    if !allowed.is_empty() && !allowed.contains(&&given.value) {
        let message = format!("The value given for the parameter '{}' is not allowed.", given.name);
        problems.expected(code::INVALID_PARAMETER, path, message, "one of 'allowedValues'");
    }
}
