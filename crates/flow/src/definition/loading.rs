//! What the passes share: names, problems, and compiling with checks.

use super::graph::Graph;
use super::outline::{Draft, Outline};
use super::path::At;
use super::problem::Problems;
use super::reach::Reach;
use super::{ActionId, Dialect, Names, Parameter, code};
use expr::value::eq_ignore_case;
use expr::{Context, EvalError, Name, Template, Ticks, Value};
use std::collections::HashSet;

/// A definition while it is loaded: names are known, nothing is compiled yet.
pub(super) struct Loading<'a, 'p> {
    /// The definition.
    pub root: At<'a>,
    pub dialect: Dialect,
    pub stateless: bool,
    /// Whether parameters that are not declared cannot come from elsewhere.
    pub has_all_parameters: bool,
    pub names: Names,
    pub parameters: Vec<Parameter>,
    pub outline: Outline<'a>,
    pub graph: Graph,
    pub reach: Reach,
    /// Loops that some `result()` names.
    pub result_loops: HashSet<ActionId>,
    /// Variables that some action initialises, by number: where.
    pub initialised: Vec<Option<String>>,
    pub problems: &'p mut Problems,
}

/// Whose expression is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Action(ActionId),
    Trigger {
        has_callback: bool,
    },
    /// Outputs of the definition: evaluated when all actions have ended.
    Outputs,
}

/// What a part of an action may refer to besides what ended before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Inputs,
    /// Evaluated for every item of an array: `item()` has a meaning.
    PerItem,
    /// Evaluated after the actions inside: the condition of an Until.
    AfterBody,
    /// Evaluated after the action itself.
    Tracked,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub owner: Owner,
    pub part: Part,
}

impl Site {
    pub fn inputs(id: ActionId) -> Self {
        Site { owner: Owner::Action(id), part: Part::Inputs }
    }

    pub fn part(self, part: Part) -> Self {
        Site { part, ..self }
    }
}

impl<'a> Loading<'a, '_> {
    pub fn draft(&self, id: ActionId) -> &Draft<'a> {
        self.outline.draft(id)
    }

    /// Compiles a value; faults are told, and give null.
    pub fn compile(&mut self, at: &At<'_>, site: Site) -> Template {
        let compiled = Template::compile(at.value, &self.names);
        self.checked(compiled, &at.path, site)
    }

    /// Compiles a condition: an expression or a tree of operators.
    pub fn condition(&mut self, at: &At<'_>, site: Site) -> Template {
        let compiled = Template::compile_condition(at.value, &self.names);
        self.checked(compiled, &at.path, site)
    }

    fn checked(
        &mut self,
        compiled: Result<Template, Vec<expr::template::TemplateError>>,
        path: &str,
        site: Site,
    ) -> Template {
        match compiled {
            Ok(template) => {
                self.check_references(&template, path, site);
                template
            }
            Err(faults) => {
                for fault in faults {
                    self.problems.syntax(format!("{path}{}", fault.path), fault.error);
                }
                Template::constant(Value::Null)
            }
        }
    }

    /// Compiles a property that must be there (null counts as there).
    pub fn required(&mut self, at: &At<'a>, name: &str, site: Site) -> Template {
        match self.require(at, name) {
            Some(found) => self.compile(&found, site),
            None => Template::constant(Value::Null),
        }
    }

    /// A property that must be there (null counts as there).
    pub fn require(&mut self, at: &At<'a>, name: &str) -> Option<At<'a>> {
        let found = at.get_or_null(name);
        if found.is_none() {
            let message = format!("The property '{name}' is missing.");
            self.problems.expected(code::MISSING_PROPERTY, &at.path, message, format!("'{name}'"));
        }
        found
    }

    /// A property that must be there and be an object.
    pub fn require_object(&mut self, at: &At<'a>, name: &str) -> Option<At<'a>> {
        let found = self.require(at, name)?;
        self.is_object(&found).then_some(found)
    }

    /// A property that, when there, is an object.
    pub fn optional_object(&mut self, at: &At<'a>, name: &str) -> Option<At<'a>> {
        let found = at.get(name)?;
        self.is_object(&found).then_some(found)
    }

    pub fn is_object(&mut self, at: &At<'_>) -> bool {
        let is_object = at.value.as_object().is_some();
        if !is_object {
            self.wrong_kind(at, "an object");
        }
        is_object
    }

    pub fn wrong_kind(&mut self, at: &At<'_>, expected: &str) {
        let message = format!("The value is of type '{}'.", at.value.kind());
        self.problems.expected(code::WRONG_KIND, &at.path, message, expected);
    }

    /// The value, when it needs nothing but parameters.
    pub fn constant(&self, template: &Template) -> Option<Value> {
        if let Some(value) = template.as_const() {
            return Some(value.clone());
        }
        constant(template, &self.parameters)?.ok()
    }
}

/// Functions whose value differs from call to call.
const CHANGING: [&str; 3] = ["utcNow", "guid", "rand"];

/// The value of a template that refers to nothing but parameters; `None` when it
/// refers to more.
pub(super) fn constant(
    template: &Template,
    parameters: &[Parameter],
) -> Option<Result<Value, EvalError>> {
    let mut is_constant = true;
    template.visit_calls(&mut |call| {
        let is = |name: &str| call.function.eq_ignore_ascii_case(name);
        is_constant &= call.known && !CHANGING.iter().any(|name| is(name));
        let refers = expr::functions::find(call.function).is_some_and(|f| f.reference().is_some());
        is_constant &= is("parameters") || !(refers || REST.iter().any(|name| is(name)));
    });
    is_constant.then(|| template.eval(&mut Parameters(parameters)))
}

/// Functions of the surroundings that name nothing.
const REST: [&str; 12] = [
    "trigger",
    "triggerBody",
    "triggerOutputs",
    "triggerFormDataValue",
    "triggerFormDataMultiValues",
    "triggerMultipartBody",
    "action",
    "item",
    "workflow",
    "listCallbackUrl",
    "appsetting",
    "agentParameters",
];

/// Surroundings with parameters only.
struct Parameters<'a>(&'a [Parameter]);

impl Context for Parameters<'_> {
    fn now(&mut self) -> Ticks {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }

    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        let bound = name.slot.and_then(|slot| self.0.get(slot as usize));
        let by_name = || self.0.iter().find(|other| eq_ignore_case(&other.name, &name.text));
        match bound.or_else(by_name) {
            Some(parameter) => Ok(parameter.value.clone()),
            None => Err(EvalError::unknown_name("parameters", "parameter", &name.text)),
        }
    }
}
