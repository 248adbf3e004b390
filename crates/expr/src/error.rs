//! Errors of the language: at save (syntax) and when evaluated (template errors).

use crate::value::Str;
use std::fmt;

/// Text that is not an expression. `offset` counts characters from the start of
/// the JSON string it stands in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {offset}, expected {expected})")]
pub struct SyntaxError {
    pub message: String,
    pub offset: usize,
    pub expected: String,
}

/// An expression that could not be evaluated. An action that meets one fails
/// with code `InvalidTemplate`.
#[derive(Clone, PartialEq)]
pub struct EvalError(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    message: String,
    function: Option<Str>,
    offset: Option<usize>,
}

impl EvalError {
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        EvalError(Box::new(Inner { message: message.into(), function: None, offset: None }))
    }

    /// A function was given an argument it does not take.
    #[must_use]
    pub fn argument(function: &str, detail: impl fmt::Display) -> Self {
        let mut error = EvalError::new(format!(
            "The template language function '{function}' was invoked with a parameter that is not valid. {detail}"
        ));
        error.0.function = Some(function.into());
        error
    }

    /// A function that does not exist.
    #[must_use]
    pub fn unknown_function(name: &str) -> Self {
        let mut error =
            EvalError::new(format!("The template function '{name}' is not defined or not valid."));
        error.0.function = Some(name.into());
        error
    }

    /// A reference to an action that is not in the definition, or not in reach.
    #[must_use]
    pub fn unknown_action(function: &str, name: &str) -> Self {
        EvalError::unknown_name(function, "action", name)
    }

    /// A reference to something that is not in the definition, or not in reach.
    #[must_use]
    pub fn unknown_name(function: &str, what: &str, name: &str) -> Self {
        let mut error = EvalError::new(format!(
            "The template function '{function}' refers to the {what} '{name}', which is not defined or not available here."
        ));
        error.0.function = Some(function.into());
        error
    }

    /// A function that has no meaning where it stands.
    #[must_use]
    pub fn unavailable(function: &str) -> Self {
        let mut error = EvalError::new(format!(
            "The template function '{function}' is not expected at this location."
        ));
        error.0.function = Some(function.into());
        error
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// Character offset of the failing part within its JSON string, when known.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// Notes where the failing part stands, unless an inner part did already.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for EvalError {}
