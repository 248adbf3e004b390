//! What an expression may ask of its surroundings.

use crate::error::EvalError;
use crate::value::{Object, Str, Value};

/// 100-nanosecond steps since 0001-01-01T00:00:00Z, the clock of the language.
pub type Ticks = i64;

/// A name in a reference (`outputs('X')`), bound to a number when it could be
/// resolved at compile time.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub text: Str,
    pub slot: Option<u32>,
}

impl Name {
    #[must_use]
    pub fn unbound(text: impl Into<Str>) -> Self {
        Name { text: text.into(), slot: None }
    }
}

/// What kind of thing a bound name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// `outputs`, `body`, `actions`, `result`, form-data functions.
    Action,
    /// `variables`.
    Variable,
    /// `parameters`.
    Parameter,
    /// `items`, `iterationIndexes`: names of loop actions.
    Loop,
}

/// Resolves names while an expression is compiled. Names ignore letter case.
pub trait Binder {
    fn bind(&self, kind: RefKind, name: &str) -> Option<u32>;
}

/// Binds nothing: every name is looked up by text when evaluated.
pub struct NoBinder;

impl Binder for NoBinder {
    fn bind(&self, _kind: RefKind, _name: &str) -> Option<u32> {
        None
    }
}

/// The surroundings of an evaluation. Time and randomness are inputs: an
/// implementation that returns the same answers makes evaluation deterministic.
///
/// The defaults answer "not available here", so that a context states only what
/// it has.
pub trait Context {
    /// The present moment.
    fn now(&mut self) -> Ticks;

    /// 64 random bits, fresh at each call (`guid`, `rand`).
    fn random(&mut self) -> u64;

    /// `outputs('name')`: null when the action was skipped or has none; an error
    /// when there is no such action.
    fn action_outputs(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_action("outputs", &name.text))
    }

    /// `body('name')`: the `body` of the action's outputs.
    fn action_body(&self, name: &Name) -> Result<Value, EvalError> {
        Ok(self.action_outputs(name)?.get("body").cloned().unwrap_or_default())
    }

    /// `actions('name')`: the action's record.
    fn action_record(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_action("actions", &name.text))
    }

    /// `action()`: the record of the action that is being evaluated.
    fn current_action(&self) -> Result<Value, EvalError> {
        Err(EvalError::unavailable("action"))
    }

    /// `result('scope')`: the records of the scope's first level.
    fn scope_result(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_action("result", &name.text))
    }

    /// `trigger()`: the trigger's record.
    fn trigger(&self) -> Result<Value, EvalError> {
        Err(EvalError::unavailable("trigger"))
    }

    /// `triggerOutputs()`.
    fn trigger_outputs(&self) -> Result<Value, EvalError> {
        Ok(self.trigger()?.get("outputs").cloned().unwrap_or_default())
    }

    /// `triggerBody()`.
    fn trigger_body(&self) -> Result<Value, EvalError> {
        Ok(self.trigger_outputs()?.get("body").cloned().unwrap_or_default())
    }

    /// `item()`: the item of the innermost iteration.
    fn item(&self) -> Result<Value, EvalError> {
        Err(EvalError::unavailable("item"))
    }

    /// Enters (`Some`) or leaves (`None`) an iteration over data (Select, Query, Table).
    fn set_item(&mut self, item: Option<Value>) {
        let _ = item;
    }

    /// `items('loop')`.
    fn loop_item(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_action("items", &name.text))
    }

    /// `iterationIndexes('loop')`.
    fn iteration_index(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_action("iterationIndexes", &name.text))
    }

    /// `variables('name')`.
    fn variable(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_name("variables", "variable", &name.text))
    }

    /// `parameters('name')`.
    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        Err(EvalError::unknown_name("parameters", "parameter", &name.text))
    }

    /// `workflow()`.
    fn workflow(&self) -> Result<Value, EvalError> {
        Err(EvalError::unavailable("workflow"))
    }

    /// `appsetting('name')`.
    fn app_setting(&self, name: &str) -> Result<Value, EvalError> {
        Err(EvalError::unknown_name("appsetting", "application setting", name))
    }

    /// `listCallbackUrl()`.
    fn callback_url(&self) -> Result<Value, EvalError> {
        Err(EvalError::unavailable("listCallbackUrl"))
    }
}

/// A context made of a JSON object with the keys `parameters`, `variables`,
/// `outputs`, `actions`, `trigger`, `item`, `items`, `iterationIndexes`,
/// `workflow`, `appsettings` and `utcNow`: for the expression console and tests.
pub struct JsonContext {
    root: Object,
    now: Ticks,
    random: u64,
    item: Option<Value>,
}

impl JsonContext {
    /// `now` is used unless the object has `utcNow`; `seed` starts the random numbers.
    pub fn new(root: Object, now: Ticks, seed: u64) -> Result<Self, EvalError> {
        let now = match root.get("utcNow") {
            Some(Value::String(text)) => crate::format::date::parse_ticks(text)?,
            _ => now,
        };
        let item = root.get("item").cloned();
        Ok(JsonContext { root, now, random: seed, item })
    }

    fn find(&self, group: &str, name: &str) -> Option<Value> {
        self.root.get(group)?.get(name).cloned()
    }
}

impl Context for JsonContext {
    fn now(&mut self) -> Ticks {
        self.now
    }

    fn random(&mut self) -> u64 {
        // splitmix64: small, and good enough where nothing is secret.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn action_outputs(&self, name: &Name) -> Result<Value, EvalError> {
        if let Some(outputs) = self.find("outputs", &name.text) {
            return Ok(outputs);
        }
        match self.find("actions", &name.text) {
            Some(record) => Ok(record.get("outputs").cloned().unwrap_or_default()),
            None => Err(EvalError::unknown_action("outputs", &name.text)),
        }
    }

    fn action_record(&self, name: &Name) -> Result<Value, EvalError> {
        if let Some(record) = self.find("actions", &name.text) {
            return Ok(record);
        }
        let outputs = self
            .find("outputs", &name.text)
            .ok_or_else(|| EvalError::unknown_action("actions", &name.text))?;
        let mut record = Object::new();
        record.insert("name", name.text.clone());
        record.insert("outputs", outputs);
        Ok(record.into())
    }

    fn scope_result(&self, name: &Name) -> Result<Value, EvalError> {
        self.find("results", &name.text)
            .ok_or_else(|| EvalError::unknown_action("result", &name.text))
    }

    fn trigger(&self) -> Result<Value, EvalError> {
        self.root.get("trigger").cloned().ok_or_else(|| EvalError::unavailable("trigger"))
    }

    fn item(&self) -> Result<Value, EvalError> {
        self.item.clone().ok_or_else(|| EvalError::unavailable("item"))
    }

    fn set_item(&mut self, item: Option<Value>) {
        self.item = item.or_else(|| self.root.get("item").cloned());
    }

    fn loop_item(&self, name: &Name) -> Result<Value, EvalError> {
        self.find("items", &name.text).ok_or_else(|| EvalError::unknown_action("items", &name.text))
    }

    fn iteration_index(&self, name: &Name) -> Result<Value, EvalError> {
        self.find("iterationIndexes", &name.text)
            .ok_or_else(|| EvalError::unknown_action("iterationIndexes", &name.text))
    }

    fn variable(&self, name: &Name) -> Result<Value, EvalError> {
        self.find("variables", &name.text)
            .ok_or_else(|| EvalError::unknown_name("variables", "variable", &name.text))
    }

    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        self.find("parameters", &name.text)
            .ok_or_else(|| EvalError::unknown_name("parameters", "parameter", &name.text))
    }

    fn workflow(&self) -> Result<Value, EvalError> {
        self.root.get("workflow").cloned().ok_or_else(|| EvalError::unavailable("workflow"))
    }

    fn app_setting(&self, name: &str) -> Result<Value, EvalError> {
        self.find("appsettings", name)
            .ok_or_else(|| EvalError::unknown_name("appsetting", "application setting", name))
    }
}
