//! Flows among themselves: what starts one, what one answers to those that call it, and what
//! is called by plain HTTP.

use super::shape::{Certainty, Scalar, ShapeId, Shapes, Wrapping};
use super::walk::{Walk, kind};
use super::{Answered, Inference, MissingFlow, Started, sample};
use expr::Value;
use expr::template::{TextPiece, View};
use expr::{NoBinder, Template};
use serde_json::json;

/// A flow as it is started and as it answers.
#[derive(Debug)]
pub struct FlowUse {
    /// What messages call it; the id of one that is only called.
    pub name: String,
    pub input: ShapeId,
    pub answer: ShapeId,
    /// One that was read and has a Request trigger.
    pub is_started: bool,
    pub is_read: bool,
}

impl FlowUse {
    fn new(shapes: &mut Shapes, name: &str) -> FlowUse {
        let (input, answer) = (shapes.add(), shapes.add());
        FlowUse { name: name.to_owned(), input, answer, is_started: false, is_read: false }
    }
}

/// Body and headers of what a plain call is answered with.
#[derive(Debug)]
pub struct HttpUse {
    pub flow: String,
    pub action: String,
    pub body: ShapeId,
}

impl Walk<'_, '_> {
    fn flow(&mut self, id: &str, name: &str) -> &mut FlowUse {
        let shapes = &mut *self.reading.shapes;
        self.flows.entry(id.to_lowercase()).or_insert_with(|| FlowUse::new(shapes, name))
    }

    /// The flow that is read.
    pub fn own(&mut self) -> &mut FlowUse {
        let source = self.source;
        let own = self.flow(source.id.unwrap_or(source.name), source.name);
        own.name = source.name.to_owned();
        own.is_read = true;
        own
    }

    /// A Request trigger: what it is started with is of its schema, and what is read of it.
    pub fn request(&mut self, trigger: &Value) {
        let own = self.own();
        own.is_started = true;
        let input = own.input;
        let body = self.reading.shapes.property(self.reading.trigger, "body");
        self.reading.shapes.unite(body, input);
        if let Some(schema) = trigger.get("inputs").and_then(|it| it.get("schema")) {
            self.reading.shapes.learn_schema(body, schema);
        }
    }

    /// What a flow answers is what those that call it read.
    pub fn response(&mut self, inputs: &Value) {
        let answer = self.own().answer;
        if let Some(body) = inputs.get("body") {
            self.assign(answer, body);
        }
        self.reading.value(inputs);
    }

    /// A call of another flow.
    pub fn child(&mut self, name: &str, inputs: &Value) {
        self.reading.value(inputs);
        let Some(id) = inputs.get("host").and_then(child_name) else { return };
        let called = self.flow(&id, &id);
        let (input, answer) = (called.input, called.answer);
        let outputs = self.reading.outputs(name);
        let body = self.reading.shapes.property(outputs, "body");
        self.reading.shapes.unite(body, answer);
        if let Some(body) = inputs.get("body") {
            self.assign(input, body);
        }
    }

    /// A plain call: where it goes is an address, and what is read of its answer is noted.
    pub fn http(&mut self, name: &str, inputs: &Value) {
        self.reading.value(inputs);
        let outputs = self.reading.outputs(name);
        let body = self.reading.shapes.property(outputs, "body");
        let flow = self.source.id.unwrap_or(self.source.name).to_lowercase();
        self.answers.push(HttpUse { flow, action: name.to_owned(), body });
        if let Some(shape) = self.whole(inputs.get("method")) {
            self.reading.shapes.set_example(shape, Certainty::Guess, "GET".into());
        }
        // headers that come as one text are JSON
        if let Some(shape) = self.whole(inputs.get("headers")) {
            self.reading.shapes.inner(shape, &Wrapping::Json);
        }
        let uri = inputs.get("uri").and_then(Value::as_str);
        let Some(template) = uri.and_then(|it| Template::compile_text(it, &NoBinder).ok()) else {
            return;
        };
        let first = match template.view() {
            View::Expression(expression) => Some(expression),
            View::Text(pieces) => match pieces.first() {
                Some(TextPiece::Expression(expression)) => Some(*expression),
                _ => None,
            },
            View::Constant(_) | View::Nested => None,
        };
        if let Some(shape) = first.and_then(|it| self.reading.expression(it).shape) {
            self.reading.shapes.set_scalar(shape, Certainty::Use, Scalar::Address);
        }
    }
}

impl Walk<'_, '_> {
    /// The shape of a value that is one expression.
    fn whole(&mut self, value: Option<&Value>) -> Option<ShapeId> {
        let text = value.and_then(Value::as_str).filter(|it| it.starts_with('@'))?;
        self.reading.text(text).shape
    }
}

/// The id of a flow that is called: a name, or the end of a resource id.
fn child_name(host: &Value) -> Option<String> {
    let named = host.get("workflowReferenceName").and_then(Value::as_str);
    let by_id = || host.get("workflow")?.get("id")?.as_str();
    let name = named.or_else(by_id)?.rsplit('/').find(|it| !it.is_empty())?;
    (!name.contains(['@', '[', '\''])).then(|| name.to_owned())
}

/// Whether a trigger is started by a request.
pub fn is_request(trigger: &Value) -> bool {
    matches!(kind(trigger).as_str(), "request" | "manual")
}

impl Inference {
    /// Flows that are called and were not read, with answers that have what is read of them.
    pub(super) fn missing(&self) -> Vec<MissingFlow> {
        let missing = self.flows.iter().filter(|(_, it)| !it.is_read);
        let made = missing.map(|(id, it)| {
            let body = sample::json(&self.shapes.answer_schema(it.answer));
            let body = if body.is_null() { json!({}) } else { body };
            let schema = self.shapes.request_schema(it.input);
            let definition = json!({
                "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
                "contentVersion": "1.0.0.0",
                "triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {"schema": schema}}},
                "actions": {"Answer": {"type": "Response", "runAfter": {},
                    "inputs": {"statusCode": 200, "body": body}}},
            });
            MissingFlow { id: id.clone(), definition: format!("{definition:#}\n") }
        });
        made.collect()
    }

    /// What flows with a Request trigger can be started with.
    pub(super) fn started(&self) -> Vec<Started> {
        let started = self.flows.iter().filter(|(_, it)| it.is_started);
        let made = started.map(|(id, it)| {
            let body = sample::json(&self.shapes.answer_schema(it.input));
            let body = if body.is_null() { json!({}) } else { body };
            Started { id: id.clone(), name: it.name.clone(), body: body.to_string() }
        });
        made.collect()
    }

    /// What plain calls can be answered with.
    pub(super) fn answered(&self) -> Vec<Answered> {
        let made = self.answers.iter().map(|it| Answered {
            flow: it.flow.clone(),
            action: it.action.clone(),
            body: sample::json(&self.shapes.answer_schema(it.body)).to_string(),
        });
        made.collect()
    }
}
