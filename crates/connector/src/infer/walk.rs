//! Going through a definition: its triggers, its actions, and what they call.

use super::child::{self, FlowUse, HttpUse};
use super::operation::{ConnectorUse, Given, Nested, OperationUse};
use super::path::{self, Called};
use super::reading::{Known, Reading};
use super::shape::{Certainty, Scalar, ShapeId, Wrapping};
use super::{Examples, Inference, Source, host};
use expr::{Object, Value};
use std::collections::BTreeMap;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Site {
    Action,
    /// A trigger.
    Single,
    /// A trigger that starts a run for each item.
    Batch,
}

/// A definition on the way.
pub struct Walk<'a, 's> {
    pub inference: &'a mut BTreeMap<String, ConnectorUse>,
    pub flows: &'a mut BTreeMap<String, FlowUse>,
    pub answers: &'a mut Vec<HttpUse>,
    pub examples: &'s Examples,
    pub remarks: &'a mut Vec<String>,
    pub reading: Reading<'a>,
    pub source: &'s Source<'s>,
}

impl Inference {
    /// Learns from a definition.
    pub fn learn(&mut self, source: &Source<'_>) {
        let reading = Reading::new(&mut self.shapes);
        let mut walk = Walk {
            inference: &mut self.connectors,
            flows: &mut self.flows,
            answers: &mut self.answers,
            examples: &self.examples,
            remarks: &mut self.remarks,
            reading,
            source,
        };
        walk.own();
        for (name, trigger) in members(source.definition, "triggers") {
            walk.trigger(name, trigger);
        }
        walk.block(source.definition);
    }
}

fn members<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (&'v expr::Str, &'v Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flat_map(|it| it.iter())
}

pub fn kind(value: &Value) -> String {
    value.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

impl Walk<'_, '_> {
    fn trigger(&mut self, name: &str, trigger: &Value) {
        let kind = kind(trigger);
        let is_webhook = kind.contains("webhook") || kind.contains("notification");
        if child::is_request(trigger) {
            self.request(trigger);
        }
        let split = trigger.get("splitOn").and_then(Value::as_str);
        if let Some(inputs) = trigger.get("inputs") {
            let site = if split.is_some() { Site::Batch } else { Site::Single };
            match is_connector(&kind) {
                true => {
                    if let Some((answer, notification)) = self.call(name, inputs, &kind, site) {
                        self.reading.trigger = if is_webhook { notification } else { answer };
                    }
                }
                false => {
                    self.reading.value(inputs);
                }
            }
        }
        if let Some(split) = split {
            let list = self.reading.text(split).shape;
            let outputs = self.reading.shapes.add();
            if let Some(list) = list {
                let body = self.reading.shapes.property(outputs, "body");
                let items = self.reading.shapes.items(list);
                self.reading.shapes.unite(body, items);
            }
            self.reading.trigger = outputs;
        }
        for (member, value) in trigger.as_object().into_iter().flat_map(|it| it.iter()) {
            if member != "splitOn" && member != "inputs" {
                self.reading.value(value);
            }
        }
    }

    fn block(&mut self, of: &Value) {
        for (name, action) in members(of, "actions") {
            self.action(name, action);
        }
    }

    fn action(&mut self, name: &str, action: &Value) {
        let kind = kind(action);
        let nothing = Value::Null;
        let inputs = action.get("inputs").unwrap_or(&nothing);
        match kind.as_str() {
            it if is_connector(it) => {
                if let Some((answer, notification)) = self.call(name, inputs, it, Site::Action) {
                    let outputs = self.reading.outputs(name);
                    let of = if it.contains("webhook") { notification } else { answer };
                    self.reading.shapes.unite(outputs, of);
                }
            }
            "compose" => {
                let outputs = self.reading.outputs(name);
                self.assign(outputs, inputs);
            }
            "parsejson" => self.parse_json(name, inputs),
            "workflow" => self.child(name, inputs),
            "response" => self.response(inputs),
            "http" => self.http(name, inputs),
            "query" | "select" | "table" | "join" => self.list_action(name, &kind, inputs),
            "initializevariable" => {
                let given = inputs.get("variables").and_then(Value::as_array);
                given.into_iter().flat_map(|it| it.iter()).for_each(|it| self.variable(it));
            }
            "setvariable"
            | "appendtoarrayvariable"
            | "appendtostringvariable"
            | "incrementvariable"
            | "decrementvariable" => self.change(&kind, inputs),
            "wait" => {
                self.reading.value(inputs);
                let until = inputs.get("until").and_then(|it| it.get("timestamp"));
                let known = until.map(|it| self.reading.value(it)).unwrap_or_default();
                if let Some(shape) = known.shape {
                    self.reading.shapes.set_scalar(shape, Certainty::Use, Scalar::Moment);
                }
            }
            "foreach" => return self.for_each(name, action),
            "switch" => self.switch(action),
            _ => {
                self.reading.value(inputs);
            }
        }
        for member in ["expression", "limit", "trackedProperties"] {
            if let Some(value) = action.get(member).filter(|_| kind != "switch") {
                self.reading.value(value);
            }
        }
        self.block(action);
        for inner in [action.get("else"), action.get("default")].into_iter().flatten() {
            self.block(inner);
        }
        for (_, case) in members(action, "cases") {
            self.block(case);
        }
    }

    fn switch(&mut self, action: &Value) {
        let known = action.get("expression").map(|it| self.reading.value(it)).unwrap_or_default();
        for (_, case) in members(action, "cases") {
            let (Some(shape), Some(value)) = (known.shape, case.get("case")) else { continue };
            let scalar = match value {
                Value::Int(_) => Scalar::Integer,
                _ => Scalar::Text,
            };
            self.reading.shapes.set_scalar(shape, Certainty::Use, scalar);
            // one of the cases is meant
            let example = match value {
                Value::Int(number) => (*number).into(),
                other => other.text().as_str().into(),
            };
            self.reading.shapes.set_example(shape, Certainty::Guess, example);
        }
    }

    fn for_each(&mut self, name: &str, action: &Value) {
        let list = self.reading.list(name);
        self.reading.shapes.items(list);
        if let Some(over) = action.get("foreach") {
            self.assign(list, over);
        }
        self.reading.around.push(list);
        self.block(action);
        self.reading.around.pop();
    }

    fn parse_json(&mut self, name: &str, inputs: &Value) {
        let outputs = self.reading.outputs(name);
        let body = self.reading.shapes.property(outputs, "body");
        let content = inputs.get("content");
        let text = content.and_then(Value::as_str);
        match text.and_then(|it| self.reading.text(it).shape) {
            Some(text) if self.reading.shapes.is_said_text(text) => {
                let inner = self.reading.shapes.inner(text, &Wrapping::Json);
                self.reading.shapes.unite(body, inner);
            }
            _ => content.into_iter().for_each(|it| self.assign(body, it)),
        }
        if let Some(schema) = inputs.get("schema") {
            self.reading.shapes.learn_schema(body, schema);
        }
    }

    /// Actions over a list.
    fn list_action(&mut self, name: &str, kind: &str, inputs: &Value) {
        let list = self.reading.shapes.add();
        self.reading.shapes.items(list);
        if let Some(from) = inputs.get("from") {
            self.assign(list, from);
        }
        let outputs = self.reading.outputs(name);
        let body = self.reading.shapes.property(outputs, "body");
        self.reading.around.push(list);
        match (kind, inputs.get("select")) {
            ("select", Some(select)) => {
                let items = self.reading.shapes.items(body);
                self.assign(items, select);
            }
            _ => {
                for (member, value) in inputs.as_object().into_iter().flat_map(|it| it.iter()) {
                    if member != "from" {
                        self.reading.value(value);
                    }
                }
                if kind == "query" {
                    self.reading.shapes.unite(body, list);
                }
            }
        }
        self.reading.around.pop();
    }

    fn variable(&mut self, declared: &Value) {
        let Some(name) = text(declared, "name") else { return };
        let shape = self.reading.variable(name);
        let kind = text(declared, "type").unwrap_or_default().to_ascii_lowercase();
        let scalar = match kind.as_str() {
            "string" => Some(Scalar::Text),
            "integer" => Some(Scalar::Integer),
            "float" => Some(Scalar::Number),
            "boolean" => Some(Scalar::Boolean),
            _ => None,
        };
        if let Some(scalar) = scalar {
            self.reading.shapes.set_scalar(shape, Certainty::Said, scalar);
        }
        if kind == "array" {
            self.reading.shapes.items(shape);
        }
        if let Some(value) = declared.get("value") {
            self.assign(shape, value);
        }
    }

    fn change(&mut self, kind: &str, inputs: &Value) {
        let Some(name) = text(inputs, "name") else { return };
        let Some(value) = inputs.get("value") else { return };
        let variable = self.reading.variable(name);
        match kind {
            "appendtoarrayvariable" => {
                let items = self.reading.shapes.items(variable);
                self.assign(items, value);
            }
            "setvariable" => self.assign(variable, value),
            "appendtostringvariable" => {
                let known = self.reading.value(value);
                self.guess(known, Scalar::Text);
            }
            _ => {
                let known = self.reading.value(value);
                self.guess(known, Scalar::Integer);
            }
        }
    }

    fn guess(&mut self, known: Known, scalar: Scalar) {
        if let Some(shape) = known.shape {
            self.reading.shapes.set_scalar(shape, Certainty::Guess, scalar);
        }
    }

    /// What has the value: it is of the shapes that the value comes from.
    pub fn assign(&mut self, shape: ShapeId, value: &Value) {
        match value {
            Value::String(text) => {
                if let Some(of) = self.reading.text(text).shape {
                    self.reading.shapes.unite(shape, of);
                } else if let Some(of) = self.reading.made_of(text) {
                    self.reading.shapes.set_text_of(shape, of);
                }
            }
            Value::Object(object) => {
                for (name, value) in object.iter() {
                    self.reading.text(name);
                    let property = self.reading.shapes.property(shape, name);
                    self.assign(property, value);
                }
            }
            Value::Array(items) => {
                let of_items = self.reading.shapes.items(shape);
                items.iter().for_each(|it| self.assign(of_items, it));
            }
            _ => {}
        }
    }

    /// A call of a connector: the shapes of `{body}` of its answer, and of what it tells.
    fn call(
        &mut self,
        name: &str,
        inputs: &Value,
        kind: &str,
        site: Site,
    ) -> Option<(ShapeId, ShapeId)> {
        let Some(connector) = host::connector(inputs, self.source) else {
            self.remark(name, "names no connector");
            return None;
        };
        let called = match kind.starts_with("openapi") {
            true => Called::by_id(inputs),
            false => path::called(inputs, kind.contains("webhook")),
        };
        let Some(called) = called else {
            self.remark(name, "says only when it runs what it calls");
            self.reading.value(inputs);
            return None;
        };
        let uses = self.inference.entry(connector.clone()).or_default();
        let operation = uses.operation(self.reading.shapes, &called.key, &called.id);
        operation.route = called.route.or(operation.route.take());
        operation.is_trigger |= site != Site::Action;
        operation.is_batch |= site == Site::Batch;
        operation.is_webhook |= kind.contains("webhook") || kind.contains("notification");
        for name in called.names {
            given(operation, &mut self.reading, &name, None, Some("path"));
        }
        for (place, name, value) in parameters(inputs, kind) {
            given(operation, &mut self.reading, name, Some(value), place);
        }
        let found = (operation.answer, operation.notification);
        for (_, name, value) in parameters(inputs, kind) {
            self.examples_of(&connector, name.to_owned(), value);
        }
        for member in ["path", "pathTemplate", "host", "parameters", "queries", "headers", "body"] {
            if let Some(value) = inputs.get(member) {
                self.reading.value(value);
            }
        }
        Some(found)
    }

    /// What is given to a parameter of which an example is known comes from a value like it.
    fn examples_of(&mut self, connector: &str, path: String, value: &Value) {
        match value {
            Value::String(text) if text.starts_with('@') => {
                let Some(example) = self.examples.get(&(connector.to_owned(), path)) else {
                    return;
                };
                if let Some(shape) = self.reading.text(text).shape {
                    let example = example.as_str().into();
                    self.reading.shapes.set_example(shape, Certainty::Said, example);
                }
            }
            Value::Object(object) if !self.examples.is_empty() => {
                for (name, value) in object.iter() {
                    self.examples_of(connector, format!("{path}/{name}"), value);
                }
            }
            Value::Array(items) => {
                items.iter().for_each(|it| self.examples_of(connector, path.clone(), it));
            }
            _ => {}
        }
    }

    fn remark(&mut self, name: &str, what: &str) {
        let flow = self.source.name;
        self.remarks.push(format!("'{name}' of '{flow}' {what}."));
    }
}

fn is_connector(kind: &str) -> bool {
    kind.starts_with("openapiconnection") || kind.starts_with("apiconnection")
}

/// What a call gives: where, under which name, and what.
fn parameters<'v>(
    inputs: &'v Value,
    kind: &str,
) -> Vec<(Option<&'static str>, &'v str, &'v Value)> {
    let entries = |member: &str| {
        let object: Option<&'v std::sync::Arc<Object>> =
            inputs.get(member).and_then(Value::as_object);
        object.into_iter().flat_map(|it| it.iter()).map(|(name, value)| (name.as_str(), value))
    };
    if kind.starts_with("openapi") {
        return entries("parameters").map(|(name, value)| (None, name, value)).collect();
    }
    let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
    let headers = entries("headers").filter(|(name, _)| !is_type(name));
    let mut found: Vec<_> =
        entries("queries").map(|(name, value)| (Some("query"), name, value)).collect();
    found.extend(headers.map(|(name, value)| (Some("header"), name, value)));
    found.extend(inputs.get("body").map(|value| (Some("body"), "body", value)));
    found
}

/// Notes a parameter of a call.
fn given(
    operation: &mut OperationUse,
    reading: &mut Reading<'_>,
    name: &str,
    value: Option<&Value>,
    place: Option<&'static str>,
) {
    let split = name.split_once('/').filter(|(prefix, _)| place.is_none() && !prefix.is_empty());
    let shape = match split {
        Some((prefix, rest)) => {
            let nested = operation.nested.entry(prefix.to_owned());
            let nested = nested.or_insert_with(|| Nested {
                shape: reading.shapes.add(),
                keys: Default::default(),
            });
            let shape = reading.shapes.path(nested.shape, rest);
            nested.keys.insert(name.to_owned(), shape);
            shape
        }
        None => {
            let given = operation.flat.entry(name.to_owned());
            given.or_insert_with(|| Given { shape: reading.shapes.add(), place }).shape
        }
    };
    if let Some(value) = value {
        learn(reading, shape, value);
    }
}

/// What a value that is sent says of its parameter: what an expression gives is open.
fn learn(reading: &mut Reading<'_>, shape: ShapeId, value: &Value) {
    match value {
        Value::String(text) if text.contains("@{") || !text.starts_with('@') => {
            reading.shapes.set_scalar(shape, Certainty::Said, Scalar::Text);
        }
        Value::String(_) => reading.shapes.set_open(shape),
        Value::Object(object) => {
            for (name, value) in object.iter() {
                let property = reading.shapes.property(shape, name);
                learn(reading, property, value);
            }
        }
        Value::Array(items) => {
            let of_items = reading.shapes.items(shape);
            items.iter().for_each(|it| learn(reading, of_items, it));
        }
        other => reading.shapes.learn_value(shape, other),
    }
}
