//! The arguments of a call, and the checks every function makes of them.

use crate::error::EvalError;
use crate::limits;
use crate::value::{Object, Str, Value};
use std::fmt;
use std::sync::Arc;

/// The values a function was called with.
pub(crate) struct Args<'a> {
    pub(crate) function: &'static str,
    values: &'a mut [Value],
}

impl<'a> Args<'a> {
    pub(crate) fn new(function: &'static str, values: &'a mut [Value]) -> Self {
        Args { function, values }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn all(&self) -> &[Value] {
        self.values
    }

    /// An argument; null when it was not given.
    pub(crate) fn get(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Null)
    }

    /// Moves an argument out.
    pub(crate) fn take(&mut self, at: usize) -> Value {
        self.values.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn error(&self, detail: impl fmt::Display) -> EvalError {
        EvalError::argument(self.function, detail)
    }

    /// The argument is of a kind the function does not take.
    pub(crate) fn wrong(&self, at: usize, expected: &str) -> EvalError {
        self.error(format_args!(
            "The function expects its {} parameter to be {expected}. The provided value is of type '{}'.",
            ordinal(at),
            self.get(at).kind()
        ))
    }

    pub(crate) fn text(&self, at: usize) -> Result<&Str, EvalError> {
        match self.get(at) {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(at, "a string")),
        }
    }

    /// A text that may be left out or null.
    pub(crate) fn text_or<'b>(&'b self, at: usize, default: &'b str) -> Result<&'b str, EvalError> {
        match self.get(at) {
            Value::Null => Ok(default),
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(at, "a string")),
        }
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, EvalError> {
        match self.get(at) {
            Value::Int(number) => Ok(*number),
            _ => Err(self.wrong(at, "an integer")),
        }
    }

    /// An integer that is not negative, as a count.
    pub(crate) fn count(&self, at: usize) -> Result<usize, EvalError> {
        let number = self.int(at)?;
        if number < 0 {
            return Err(self.error(format_args!(
                "The {} parameter must not be negative. The provided value is '{number}'.",
                ordinal(at)
            )));
        }
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, EvalError> {
        match self.get(at) {
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.wrong(at, "a boolean")),
        }
    }

    pub(crate) fn array(&self, at: usize) -> Result<&Arc<Vec<Value>>, EvalError> {
        match self.get(at) {
            Value::Array(items) => Ok(items),
            _ => Err(self.wrong(at, "an array")),
        }
    }

    /// Moves an object out, ready to be changed: copied only when it is shared.
    pub(crate) fn take_object(&mut self, at: usize) -> Result<Object, EvalError> {
        match self.get(at) {
            Value::Object(_) => {}
            _ => return Err(self.wrong(at, "an object")),
        }
        match self.take(at) {
            Value::Object(object) => {
                Ok(Arc::try_unwrap(object).unwrap_or_else(|shared| (*shared).clone()))
            }
            _ => Ok(Object::new()),
        }
    }

    /// Fails when a text of so many bytes would be too long to give back.
    pub(crate) fn check_text_size(&self, bytes: usize) -> Result<(), EvalError> {
        if bytes <= limits::TEXT_CHARS_MAX {
            return Ok(());
        }
        Err(self.error(format_args!(
            "The result would be longer than the {} characters that are allowed.",
            limits::TEXT_CHARS_MAX
        )))
    }

    /// Fails when an array of so many items would be too long to give back.
    pub(crate) fn check_items(&self, items: usize) -> Result<(), EvalError> {
        if items <= limits::ARRAY_ITEMS_MAX {
            return Ok(());
        }
        Err(self.error(format_args!(
            "The result would have more than the {} items that are allowed.",
            limits::ARRAY_ITEMS_MAX
        )))
    }
}

fn ordinal(at: usize) -> &'static str {
    match at {
        0 => "first",
        1 => "second",
        2 => "third",
        3 => "fourth",
        _ => "later",
    }
}
