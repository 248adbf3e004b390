//! The workflow definition language: text -> tree -> value.
//!
//! A definition's JSON strings are templates. [`Template::compile`] turns a JSON
//! value into a tree once, when the definition is saved; [`Template::eval`] gives
//! its value against a [`Context`].
//!
//! Deliberately absent: clocks, randomness, input and output, threads, and any
//! knowledge of flows. Time and random numbers come from the context.
//!
//! Source of the rules: "Schema reference for the Workflow Definition Language"
//! and "Reference guide to functions in expressions" of the Logic Apps documentation.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod codec;
pub mod content;
pub mod context;
pub mod error;
pub mod json;
pub mod limits;
pub mod value;

mod charset;
mod eval;
pub mod format;
pub mod functions;
mod lex;
pub mod parse;
pub mod template;
mod text;
mod xml;
pub mod zones;

pub use context::{Binder, Context, Name, NoBinder, RefKind, Ticks};
pub use error::{EvalError, SyntaxError};
pub use parse::Expr;
pub use template::{CallSite, Template, TemplateError};
pub use value::{Object, Str, Value};

/// An object as an XML document; nothing for what has no document.
#[must_use]
pub fn xml_of(value: &Value) -> Option<String> {
    xml::text_of(value)
}
