//! Reading a definition for what it uses: which values come from which operation, and what is
//! done with them.
//!
//! Nothing is evaluated. An expression is followed from what it reads (`body('A')`) through
//! its steps; functions around it say what the value must be for them to work.

use super::function;
use super::shape::{Certainty, Scalar, ShapeId, Shapes};
use expr::template::{ExprView, StepView, TextPiece, View};
use expr::{Expr, NoBinder, Template, Value};
use std::collections::HashMap;

/// What is known of an expression's value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The shape that it comes from.
    pub shape: Option<ShapeId>,
    /// What a function gives in any case.
    pub scalar: Option<Scalar>,
    /// An XML document; the shape is that of the same as JSON.
    pub is_xml: bool,
}

impl Known {
    pub fn of(shape: ShapeId) -> Known {
        Known { shape: Some(shape), ..Known::default() }
    }

    pub fn scalar(scalar: Scalar) -> Known {
        Known { scalar: Some(scalar), ..Known::default() }
    }
}

/// One definition while it is read.
pub struct Reading<'a> {
    pub shapes: &'a mut Shapes,
    /// `{body, headers, statusCode}` of actions by their names in lower case.
    outputs: HashMap<String, ShapeId>,
    variables: HashMap<String, ShapeId>,
    /// Lists that loops go over.
    lists: HashMap<String, ShapeId>,
    /// Lists of the loops around what is read, from outside in.
    pub around: Vec<ShapeId>,
    pub trigger: ShapeId,
}

impl<'a> Reading<'a> {
    pub fn new(shapes: &'a mut Shapes) -> Reading<'a> {
        let trigger = shapes.add();
        Reading {
            shapes,
            outputs: HashMap::new(),
            variables: HashMap::new(),
            lists: HashMap::new(),
            around: Vec::new(),
            trigger,
        }
    }

    pub fn outputs(&mut self, action: &str) -> ShapeId {
        named(&mut self.outputs, self.shapes, action)
    }

    pub fn variable(&mut self, name: &str) -> ShapeId {
        named(&mut self.variables, self.shapes, name)
    }

    pub fn list(&mut self, of_loop: &str) -> ShapeId {
        named(&mut self.lists, self.shapes, of_loop)
    }

    /// Reads every string in a value; gives what it is as a whole.
    pub fn value(&mut self, value: &Value) -> Known {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                items.iter().for_each(|it| {
                    self.value(it);
                });
                Known::default()
            }
            Value::Object(object) => {
                for (name, value) in object.iter() {
                    self.text(name);
                    self.value(value);
                    // a tree of operators: `{"equals": ["@a", 1]}`
                    if let Value::Array(operands) = value {
                        self.operator(name, operands);
                    }
                }
                Known::default()
            }
            _ => Known::default(),
        }
    }

    fn operator(&mut self, name: &str, operands: &[Value]) {
        let mut known = Vec::with_capacity(operands.len());
        for operand in operands {
            let of = match operand {
                Value::String(text) if text.starts_with('@') => (self.text(text), None),
                literal => (Known::default(), Some(literal)),
            };
            known.push(of);
        }
        function::apply(self.shapes, name, &known);
    }

    pub fn text(&mut self, text: &str) -> Known {
        if !text.contains('@') {
            return Known::default();
        }
        let Ok(template) = Template::compile_text(text, &NoBinder) else { return Known::default() };
        match template.view() {
            View::Constant(_) | View::Nested => Known::default(),
            View::Expression(expression) => self.expression(expression),
            View::Text(pieces) => {
                for piece in pieces {
                    if let TextPiece::Expression(expression) = piece {
                        let known = self.expression(expression);
                        self.guess(known, Scalar::Text);
                    }
                }
                Known::scalar(Scalar::Text)
            }
        }
    }

    /// What a text is made of: of `@{x}`, the shape of `x`.
    pub fn made_of(&mut self, text: &str) -> Option<ShapeId> {
        if !text.starts_with("@{") {
            return None;
        }
        let template = Template::compile_text(text, &NoBinder).ok()?;
        let View::Text(pieces) = template.view() else { return None };
        match pieces.as_slice() {
            [TextPiece::Expression(expression)] => self.expression(expression).shape,
            _ => None,
        }
    }

    fn guess(&mut self, known: Known, scalar: Scalar) {
        if let Some(shape) = known.shape {
            self.shapes.set_scalar(shape, Certainty::Guess, scalar);
        }
    }

    pub fn expression(&mut self, expression: &Expr) -> Known {
        match expression.view() {
            ExprView::Literal(_) | ExprView::Other => Known::default(),
            ExprView::Call { function, arguments } => self.call(function, arguments),
            ExprView::Access { base, steps } => {
                let mut at = self.expression(base).shape;
                for step in steps {
                    at = self.step(at, step);
                }
                Known { shape: at, ..Known::default() }
            }
        }
    }

    fn step(&mut self, at: Option<ShapeId>, step: StepView<'_>) -> Option<ShapeId> {
        match step {
            StepView::Name { name, is_dotted: true } => Some(self.shapes.property(at?, name)),
            StepView::Name { name, is_dotted: false } => Some(self.shapes.path(at?, name)),
            StepView::Computed(index) => match index.view() {
                ExprView::Literal(Value::Int(number)) => {
                    Some(self.shapes.item(at?, usize::try_from(*number).unwrap_or_default()))
                }
                ExprView::Literal(Value::String(name)) => Some(self.shapes.path(at?, name)),
                _ => {
                    self.expression(index);
                    None
                }
            },
        }
    }

    fn call(&mut self, function: &str, arguments: &[Expr]) -> Known {
        let literal = |at: usize| match arguments.get(at).map(Expr::view) {
            Some(ExprView::Literal(value)) => Some(value),
            _ => None,
        };
        let name = literal(0).and_then(Value::as_str);
        let lower = function.to_ascii_lowercase();
        match (lower.as_str(), name) {
            ("outputs" | "actions", Some(name)) => {
                let outputs = self.outputs(name);
                return Known::of(outputs);
            }
            ("body" | "actionbody", Some(name)) => {
                let outputs = self.outputs(name);
                return Known::of(self.shapes.property(outputs, "body"));
            }
            ("triggeroutputs" | "trigger", _) => return Known::of(self.trigger),
            ("triggerbody", _) => return Known::of(self.shapes.property(self.trigger, "body")),
            ("variables", Some(name)) => return Known::of(self.variable(name)),
            ("items", Some(name)) => {
                let list = self.list(name);
                return Known::of(self.shapes.items(list));
            }
            ("item", _) => {
                let list = self.around.last().copied();
                return list.map(|it| Known::of(self.shapes.items(it))).unwrap_or_default();
            }
            _ => {}
        }
        let mut known = Vec::with_capacity(arguments.len());
        for (at, argument) in arguments.iter().enumerate() {
            let value = self.expression(argument);
            known.push((value, literal(at)));
        }
        function::apply(self.shapes, &lower, &known)
    }
}

fn named(known: &mut HashMap<String, ShapeId>, shapes: &mut Shapes, name: &str) -> ShapeId {
    *known.entry(name.to_lowercase()).or_insert_with(|| shapes.add())
}
