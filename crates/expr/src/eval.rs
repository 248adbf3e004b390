//! Evaluating an expression's tree against its surroundings.
//!
//! Arguments are evaluated left to right, before the function runs; lazy functions
//! get the tree instead. No evaluation allocates for its arguments unless there are
//! many.

use crate::context::Context;
use crate::error::EvalError;
use crate::functions::{Args, Body};
use crate::limits;
use crate::parse::{Access, Call, Expr, Index, Kind};
use crate::value::{Object, Value};

/// Arguments up to this many are kept on the stack.
const STACK_ARGS_MAX: usize = 4;

impl Expr {
    /// The value of the expression.
    pub fn eval(&self, context: &mut dyn Context) -> Result<Value, EvalError> {
        match &self.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Call(call) => call.eval(context).map_err(|error| error.at(self.offset as usize)),
            Kind::Access(access) => access.eval(context),
            Kind::Template(nested) => nested.node.eval(context),
        }
    }
}

impl Call {
    fn eval(&self, context: &mut dyn Context) -> Result<Value, EvalError> {
        let Some(function) = self.function else {
            return Err(EvalError::unknown_function(&self.written));
        };
        function.check_count(self.args.len())?;
        let body = match function.body {
            Body::Tree(body) => return body(self, context),
            Body::Values(body) => body,
        };
        if self.args.len() <= STACK_ARGS_MAX {
            let mut values = [const { Value::Null }; STACK_ARGS_MAX];
            for (value, arg) in values.iter_mut().zip(&self.args) {
                *value = arg.eval(context)?;
            }
            return body(&mut Args::new(function.name, &mut values[..self.args.len()]));
        }
        body(&mut Args::new(function.name, &mut self.values(context)?))
    }

    /// The values of all arguments.
    pub(crate) fn values(&self, context: &mut dyn Context) -> Result<Vec<Value>, EvalError> {
        self.args.iter().map(|arg| arg.eval(context)).collect()
    }

    /// The function's own spelling of its name.
    pub(crate) fn known_name(&self) -> &'static str {
        self.function.map_or("", |function| function.name)
    }
}

impl Access {
    fn eval(&self, context: &mut dyn Context) -> Result<Value, EvalError> {
        let mut value = self.base.eval(context)?;
        for step in &self.steps {
            let found = match &step.index {
                Index::Name { name, dotted: true } => self.property(&value, name, step.optional),
                Index::Name { name, dotted: false } => self.path(&value, name, step.optional),
                Index::Computed(index) => match index.eval(context)? {
                    Value::String(name) => self.path(&value, &name, step.optional),
                    other => self.element(&value, &other, step.optional),
                },
            };
            value = found.map_err(|error| error.at(step.offset as usize))?;
        }
        Ok(value)
    }

    /// `['a/b']`: the property of that name, else `a`, then `b`.
    fn path(&self, value: &Value, name: &str, optional: bool) -> Result<Value, EvalError> {
        if !name.contains('/') || value.get(name).is_some() {
            return self.property(value, name, optional);
        }
        let mut names = name.split('/');
        let mut value = self.property(value, names.next().unwrap_or(name), optional)?;
        for name in names {
            value = match (&value, name.parse::<usize>()) {
                (Value::Array(items), Ok(index)) => match items.get(index) {
                    Some(item) => item.clone(),
                    None if optional => Value::Null,
                    None => return Err(self.outside(name, items.len())),
                },
                _ => self.property(&value, name, optional)?,
            };
        }
        Ok(value)
    }

    fn property(&self, value: &Value, name: &str, optional: bool) -> Result<Value, EvalError> {
        match value {
            Value::Object(object) => match object.get(name) {
                Some(found) => Ok(found.clone()),
                None if optional => Ok(Value::Null),
                None => Err(self.fail(&missing(object, name))),
            },
            Value::Null if optional => Ok(Value::Null),
            Value::Null => Err(self.fail(&format!("property '{name}' cannot be selected"))),
            Value::Array(_) => Err(self.fail(&format!(
                "property '{name}' cannot be selected. Array elements can only be selected using an integer index"
            ))),
            other => Err(self.fail(&format!(
                "property '{name}' cannot be selected. Property selection is not supported on values of type '{}'",
                other.kind()
            ))),
        }
    }

    fn element(&self, value: &Value, index: &Value, optional: bool) -> Result<Value, EvalError> {
        match (value, index) {
            (Value::Array(items), Value::Int(at)) => {
                match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
                    Some(item) => Ok(item.clone()),
                    None if optional => Ok(Value::Null),
                    None => Err(self.outside(&at.to_string(), items.len())),
                }
            }
            (Value::Null, _) if optional => Ok(Value::Null),
            (Value::Null, _) => Err(self.fail("the value before the index is null")),
            (Value::Array(_), other) => Err(self.fail(&format!(
                "array elements can only be selected using an integer index, not a value of type '{}'",
                other.kind()
            ))),
            (Value::Object(_), other) => Err(self.fail(&format!(
                "a property can only be selected by a name of type 'String', not '{}'",
                other.kind()
            ))),
            (other, _) => Err(self.fail(&format!(
                "property selection is not supported on values of type '{}'",
                other.kind()
            ))),
        }
    }

    fn outside(&self, index: &str, length: usize) -> EvalError {
        let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
        self.fail(&format!("array index '{index}' is outside bounds (0, {last}) of array"))
    }

    fn fail(&self, reason: &str) -> EvalError {
        EvalError::new(format!(
            "The template language expression '{}' cannot be evaluated because {reason}.",
            self.source
        ))
    }
}

fn missing(object: &Object, name: &str) -> String {
    let names: Vec<&str> =
        object.iter().take(limits::ERROR_NAMES_MAX).map(|(name, _)| name.as_str()).collect();
    let more = if object.len() > names.len() { ", ..." } else { "" };
    format!(
        "property '{name}' doesn't exist, available properties are '{}{more}'",
        names.join(", ")
    )
}
