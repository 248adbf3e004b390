//! What only the service knows of a parameter: the values that it may have, or its shape. A
//! document says which operation tells it (`x-ms-dynamic-values|list|schema|properties|tree`,
//! documentation page "OpenAPI extensions for custom connectors").
//!
//! Pure: what is to be called, and what its answer means. Who calls is not known here.

#[cfg(test)]
mod tests;

use crate::call::place::value_of;
use crate::call::{BindFault, Bound, text};
use crate::definition::{Document, Dynamic, Operation, Schema, SchemaId};
use crate::limits::{BODY_DEPTH_MAX, DYNAMIC_VALUES_MAX, PARAMETERS_SHOWN_MAX, SHOWN_DEPTH_MAX};
use expr::{Object, Value};
use serde_json::Value as Json;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicKind {
    Values,
    List,
    Schema,
    Properties,
    Tree,
}

impl DynamicKind {
    pub const ALL: [DynamicKind; 5] = [
        DynamicKind::Values,
        DynamicKind::List,
        DynamicKind::Schema,
        DynamicKind::Properties,
        DynamicKind::Tree,
    ];

    /// As in `x-ms-dynamic-...`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DynamicKind::Values => "values",
            DynamicKind::List => "list",
            DynamicKind::Schema => "schema",
            DynamicKind::Properties => "properties",
            DynamicKind::Tree => "tree",
        }
    }

    /// What a document says of it, as it is written there.
    #[must_use]
    pub fn of(self, dynamic: &Dynamic) -> Option<&Json> {
        match self {
            DynamicKind::Values => dynamic.values.as_ref(),
            DynamicKind::List => dynamic.list.as_ref(),
            DynamicKind::Schema => dynamic.schema.as_ref(),
            DynamicKind::Properties => dynamic.properties.as_ref(),
            DynamicKind::Tree => dynamic.tree.as_ref(),
        }
    }
}

/// What somebody wants to know.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The key of the parameter, as an action has it: `dataset`, `body/kind`.
    pub parameter: String,
    /// Without it, of what the document says the newer: a list before values, properties
    /// before a schema.
    pub kind: Option<DynamicKind>,
    /// Of other parameters, by their keys.
    pub given: Object,
    /// The item of a tree whose inside is asked for; none: its roots.
    pub item: Option<Value>,
}

/// A call that has to be made, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub kind: DynamicKind,
    /// The id of the operation to be called.
    pub operation: String,
    pub bound: Bound,
    items: String,
    value: String,
    title: String,
    is_parent: String,
}

/// What the answer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Choices(Vec<Choice>),
    Schema(Value),
}

/// A value that a parameter may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub value: Value,
    pub title: String,
    /// Of a tree: whether there may be others in it.
    pub is_parent: Option<bool>,
    /// Of a tree: what its service says of it, to ask for its inside.
    pub item: Option<Value>,
}

/// Why nothing can be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynamicFault {
    #[error("The operation '{operation}' has no parameter '{parameter}'.")]
    NoParameter { operation: String, parameter: String },
    #[error(
        "The document does not say which operation tells {what} of the parameter '{parameter}'."
    )]
    NotDynamic { parameter: String, what: &'static str },
    #[error("The parameter '{0}' has to be given first.")]
    Missing(String),
    #[error("The document says '{0}', which is not an operation of the connector.")]
    NoOperation(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("{}", .0.message)]
    Bind(BindFault),
    #[error("The answer of '{operation}' has no {what} at '{path}'.")]
    Unexpected { operation: String, what: &'static str, path: String },
    #[error("The answer of '{0}' has more than {DYNAMIC_VALUES_MAX} values.")]
    TooMany(String),
}

/// The call that tells what somebody wants to know.
///
/// # Errors
/// What of it is not there, or cannot be.
pub fn lookup(
    document: &Document,
    operation: &Operation,
    asked: &Asked,
) -> Result<Lookup, DynamicFault> {
    let dynamic = dynamic_of(operation, &asked.parameter)?;
    let what = asked.kind.map_or("anything", DynamicKind::name);
    let newest = [
        DynamicKind::Tree,
        DynamicKind::List,
        DynamicKind::Values,
        DynamicKind::Properties,
        DynamicKind::Schema,
    ];
    let mut said = newest.into_iter().filter_map(|kind| Some((kind, kind.of(dynamic?)?)));
    let found = said.find(|(kind, _)| asked.kind.is_none_or(|it| it == *kind));
    let (kind, said) = found
        .ok_or_else(|| DynamicFault::NotDynamic { parameter: asked.parameter.clone(), what })?;
    let said = match kind {
        DynamicKind::Tree => branch(said, asked)?,
        _ => said,
    };
    let id = said.get("operationId").and_then(Json::as_str).ok_or_else(|| {
        let names = said.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let names: Vec<&str> = names.collect();
        DynamicFault::Unsupported(format!(
            "The document names no operation for the parameter '{}' ({}): only such are asked here.",
            asked.parameter,
            names.join(", ")
        ))
    })?;
    let called = document.operation(id).ok_or_else(|| DynamicFault::NoOperation(id.to_owned()))?;
    let parameters = parameters(said, called, asked)?;
    let bound = called.bind(&parameters).map_err(DynamicFault::Bind)?;
    let name = |names: &[&str]| {
        let found = names.iter().find_map(|name| said.get(*name).and_then(Json::as_str));
        found.unwrap_or_default().to_owned()
    };
    Ok(Lookup {
        kind,
        operation: called.id.to_string(),
        bound,
        items: name(&["value-collection", "itemsPath"]),
        value: name(&["value-path", "itemValuePath"]),
        title: name(&["value-title", "itemTitlePath"]),
        is_parent: name(&["itemIsParent"]),
    })
}

/// Of a tree: how its roots are told, or the inside of an item.
fn branch<'a>(said: &'a Json, asked: &Asked) -> Result<&'a Json, DynamicFault> {
    let name = if asked.item.is_some() { "browse" } else { "open" };
    said.get(name).filter(|it| it.is_object()).ok_or_else(|| {
        let message = format!("The tree of the parameter '{}' has no '{name}'.", asked.parameter);
        DynamicFault::Unsupported(message)
    })
}

/// What the document says of the parameter or the property that a key names.
fn dynamic_of<'a>(
    operation: &'a Operation,
    key: &str,
) -> Result<Option<&'a Dynamic>, DynamicFault> {
    let unknown = || DynamicFault::NoParameter {
        operation: operation.id.to_string(),
        parameter: key.to_owned(),
    };
    let (parameter, steps) = operation.address_of(key).ok_or_else(unknown)?;
    let mut id = parameter.schema;
    for step in &steps {
        let schema = operation.schema(id);
        let property = schema.property(step).map(|it| it.schema);
        id = property
            .or(schema.items.filter(|_| step.parse::<usize>().is_ok()))
            .ok_or_else(unknown)?;
    }
    let own = parameter.dynamic.as_deref().filter(|_| steps.is_empty());
    Ok(own.or(operation.schema(id).dynamic.as_deref()))
}

/// What the operation that tells it is called with.
fn parameters(said: &Json, called: &Operation, asked: &Asked) -> Result<Object, DynamicFault> {
    let mut parameters = Object::new();
    let entries = said.get("parameters").and_then(Json::as_object);
    for (name, entry) in entries.into_iter().flatten() {
        let text = |name: &str| entry.get(name).and_then(Json::as_str);
        let reference = text("parameter").or_else(|| text("parameterReference"));
        let value = match (reference, text("selectedItemValuePath")) {
            (Some(reference), _) => given(&asked.given, reference),
            (None, Some(path)) => asked.item.as_ref().and_then(|it| at(it, path)).cloned(),
            (None, None) => Some(value_of(entry.get("value").unwrap_or(entry))),
        };
        let is_needed = || {
            let parameter = called.parameter(name);
            let is_required = parameter
                .is_some_and(|it| it.is_required && called.schema(it.schema).default.is_none());
            is_required || entry.get("required").and_then(Json::as_bool) == Some(true)
        };
        match value.filter(|it| !it.is_null()) {
            Some(value) => parameters.insert(name.as_str(), value),
            None if is_needed() => {
                let wanted = reference.unwrap_or(name.as_str());
                return Err(DynamicFault::Missing(wanted.to_owned()));
            }
            None => {}
        }
    }
    Ok(parameters)
}

/// The value of a parameter that another one depends on: by its key, inside of one that was
/// given as a whole, or a property by its own name.
fn given(all: &Object, reference: &str) -> Option<Value> {
    if let Some(value) = all.get(reference) {
        return Some(value.clone());
    }
    for (end, _) in reference.rmatch_indices('/') {
        let below = all.get(&reference[..end]).and_then(|it| at(it, &reference[end + 1..]));
        if below.is_some() {
            return below.cloned();
        }
    }
    let ends = |key: &str| key.rsplit_once('/').is_some_and(|(_, last)| last == reference);
    let mut found = all.iter().filter(|(key, _)| ends(key));
    let found = found.next().filter(|_| found.next().is_none());
    let inside = || all.iter().find_map(|(_, value)| value.get(reference));
    found.map(|(_, value)| value).or_else(inside).cloned()
}

/// What a path leads to; empty: all of it. A name with a slash in it is one as it stands.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    let mut steps = path.split(['/', '.']).filter(|it| !it.is_empty());
    steps.by_ref().take(BODY_DEPTH_MAX).try_fold(value, |value, step| match step.parse::<usize>() {
        Ok(index) if value.as_array().is_some() => value.as_array()?.get(index),
        _ => value.get(step),
    })
}

impl Lookup {
    /// What the answer of the operation says.
    ///
    /// # Errors
    /// It is not what the document says of it.
    pub fn read(&self, body: &Value) -> Result<Told, DynamicFault> {
        let unexpected = |what: &'static str, path: &str| DynamicFault::Unexpected {
            operation: self.operation.clone(),
            what,
            path: path.to_owned(),
        };
        if matches!(self.kind, DynamicKind::Schema | DynamicKind::Properties) {
            let found = at(body, &self.value).filter(|it| it.as_object().is_some());
            let found = found.ok_or_else(|| unexpected("schema", &self.value))?;
            return Ok(Told::Schema(found.clone()));
        }
        // some say nothing of where the values are, and answer with an object of one list
        let items = at(body, &self.items).and_then(list_of);
        let items = items.ok_or_else(|| unexpected("list", &self.items))?;
        if items.len() > DYNAMIC_VALUES_MAX {
            return Err(DynamicFault::TooMany(self.operation.clone()));
        }
        let choices = items.iter().filter_map(|item| self.choice(item));
        Ok(Told::Choices(choices.collect()))
    }

    /// An item as a value; one that has none is left out, as it cannot be chosen.
    fn choice(&self, item: &Value) -> Option<Choice> {
        let value = at(item, &self.value).filter(|it| !it.is_null())?.clone();
        let title = Some(&self.title).filter(|it| !it.is_empty());
        let title = title.and_then(|it| at(item, it)).filter(|it| !it.is_null());
        let is_tree = self.kind == DynamicKind::Tree;
        let is_parent = || match at(item, &self.is_parent).filter(|_| !self.is_parent.is_empty()) {
            Some(Value::Bool(is)) => *is,
            Some(Value::String(is)) => is.eq_ignore_ascii_case("true"),
            _ => false,
        };
        Some(Choice {
            title: text(title.unwrap_or(&value)),
            value,
            is_parent: is_tree.then(is_parent),
            item: is_tree.then(|| item.clone()),
        })
    }
}

fn list_of(value: &Value) -> Option<&[Value]> {
    if let Some(items) = value.as_array() {
        return Some(items);
    }
    let object = value.as_object()?;
    let mut lists = object.iter().filter_map(|(_, value)| value.as_array());
    let first = lists.next().filter(|_| lists.next().is_none())?;
    Some(first)
}

/// A parameter of an operation, or a property of its body, as actions name it.
pub struct Shown<'a> {
    pub key: String,
    /// Of the parameter that it is or that it is in.
    pub parameter: usize,
    pub schema: &'a Schema,
    pub is_required: bool,
    /// Of the parameter itself.
    pub is_whole: bool,
    pub dynamic: Option<&'a Dynamic>,
}

/// What can be given to an operation: its parameters, and behind each what is in it.
#[must_use]
pub fn shown(operation: &Operation) -> Vec<Shown<'_>> {
    let mut all = Vec::new();
    for (at, parameter) in operation.parameters.iter().enumerate() {
        let schema = operation.schema(parameter.schema);
        all.push(Shown {
            key: step(&parameter.name),
            parameter: at,
            schema,
            is_required: parameter.is_required,
            is_whole: true,
            dynamic: parameter.dynamic.as_deref().or(schema.dynamic.as_deref()),
        });
        let key = all.last().map(|it| it.key.clone()).unwrap_or_default();
        inside(operation, (at, parameter.schema), &key, 1, &mut all);
    }
    all
}

fn inside<'a>(
    operation: &'a Operation,
    (parameter, id): (usize, SchemaId),
    key: &str,
    depth: usize,
    all: &mut Vec<Shown<'a>>,
) {
    if depth > SHOWN_DEPTH_MAX {
        return;
    }
    for property in &operation.schema(id).properties {
        if all.len() >= PARAMETERS_SHOWN_MAX {
            return;
        }
        let schema = operation.schema(property.schema);
        let key = format!("{key}/{}", step(&property.name));
        all.push(Shown {
            key: key.clone(),
            parameter,
            schema,
            is_required: property.is_required,
            is_whole: false,
            dynamic: schema.dynamic.as_deref(),
        });
        inside(operation, (parameter, property.schema), &key, depth + 1, all);
    }
}

/// A name as a step of a key.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
