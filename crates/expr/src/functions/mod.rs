//! The functions of the language: one entry each, in the table of their family.
//!
//! A function that is not in a table parses, and fails when it is evaluated.

mod args;
mod binary;
mod collection;
mod conversion;
mod data_uri;
mod date;
mod logical;
mod manipulation;
mod math;
mod number;
mod reference;
mod string;
mod uri;
mod utf16;
mod xml;

pub(crate) use args::Args;

use crate::context::{Context, RefKind};
use crate::error::EvalError;
use crate::parse::Call;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub(crate) args_min: usize,
    pub(crate) args_max: usize,
    pub(crate) body: Body,
    /// What the first argument names, of a reference function.
    reference: Option<RefKind>,
}

/// How a function is run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// With the values of its arguments.
    Values(fn(&mut Args<'_>) -> Result<Value, EvalError>),
    /// With its arguments unevaluated, and the surroundings.
    Tree(fn(&Call, &mut dyn Context) -> Result<Value, EvalError>),
}

/// Any number of arguments.
const MANY: usize = usize::MAX;

type ValuesBody = fn(&mut Args<'_>) -> Result<Value, EvalError>;
type TreeBody = fn(&Call, &mut dyn Context) -> Result<Value, EvalError>;

const fn values(name: &'static str, min: usize, max: usize, body: ValuesBody) -> Function {
    Function { name, args_min: min, args_max: max, body: Body::Values(body), reference: None }
}

const fn tree(name: &'static str, min: usize, max: usize, body: TreeBody) -> Function {
    Function { name, args_min: min, args_max: max, body: Body::Tree(body), reference: None }
}

const fn refers(name: &'static str, kind: RefKind, count: usize, body: TreeBody) -> Function {
    let body = Body::Tree(body);
    Function { name, args_min: count, args_max: count, body, reference: Some(kind) }
}

impl Function {
    /// What the first argument names, of a reference function.
    #[must_use]
    pub fn reference(&self) -> Option<RefKind> {
        self.reference
    }

    pub(crate) fn check_count(&self, count: usize) -> Result<(), EvalError> {
        if (self.args_min..=self.args_max).contains(&count) {
            return Ok(());
        }
        let takes = match (self.args_min, self.args_max) {
            (min, MANY) => format!("at least {min}"),
            (min, max) if min == max => format!("exactly {min}"),
            (min, max) => format!("between {min} and {max}"),
        };
        Err(EvalError::argument(
            self.name,
            format_args!("The function takes {takes} parameter(s), but was invoked with {count}."),
        ))
    }
}

const FAMILIES: &[&[Function]] = &[
    string::FUNCTIONS,
    collection::FUNCTIONS,
    logical::FUNCTIONS,
    conversion::FUNCTIONS,
    xml::FUNCTIONS,
    binary::FUNCTIONS,
    data_uri::FUNCTIONS,
    number::FUNCTIONS,
    math::FUNCTIONS,
    date::FUNCTIONS,
    manipulation::FUNCTIONS,
    uri::FUNCTIONS,
    reference::FUNCTIONS,
];

static BY_NAME: LazyLock<HashMap<String, &'static Function>> = LazyLock::new(|| {
    let all = FAMILIES.iter().flat_map(|family| family.iter());
    all.map(|function| (function.name.to_ascii_lowercase(), function)).collect()
});

/// The function of that name, without regard to letter case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    BY_NAME.get(&name.to_ascii_lowercase()).copied()
}

/// The names of all functions, family by family.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|family| family.iter()).map(|function| function.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_in_any_case() {
        assert_eq!(names().count(), BY_NAME.len());
        assert_eq!(find("CONCAT").map(|function| function.name), Some("concat"));
        assert!(find("xslt").is_none());
    }
}
