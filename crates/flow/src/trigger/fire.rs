//! What a fired trigger starts: its conditions, correlation and `splitOn`.
//!
//! Source: "Schema reference guide for trigger and action types": trigger conditions,
//! split on; language reference 4.4.

use crate::definition::{Flow, Trigger};
use crate::limits::SPLIT_ON_ITEMS_MAX;
use crate::run::context::{Entropy, object_of};
use crate::run::{ErrorInfo, FlowInfo, Moment, bound, record};
use durable::ProcessId;
use expr::value::eq_ignore_case;
use expr::{Context, EvalError, Name, Object, Str, Template, Value};

/// What comes of a fired trigger.
#[derive(Debug)]
pub enum Fired {
    /// One run with each of these outputs.
    Runs { outputs: Vec<Value>, is_split: bool, client_tracking_id: Option<Str> },
    /// A condition is false: no run.
    Skipped,
    /// A condition, the correlation or `splitOn` could not be evaluated: no run.
    Failed(ErrorInfo),
}

/// A trigger that fired.
pub struct Occurrence {
    pub outputs: Value,
    /// What the request asked to be tracked as.
    pub tracking: Option<Str>,
    /// The id that its run will have, unless it is split.
    pub run: ProcessId,
    pub moment: Moment,
    /// Values of parameters, by their names, where the definition's do not count.
    pub parameters: Object,
}

/// Decides what a trigger that fired starts.
#[must_use]
pub fn fire(flow: &Flow, info: &FlowInfo, trigger: &Trigger, occurrence: Occurrence) -> Fired {
    let Occurrence { outputs, tracking, run, moment, parameters } = occurrence;
    let is_plain = trigger.conditions.is_empty()
        && trigger.client_tracking_id.is_none()
        && trigger.split_on.is_none();
    if is_plain {
        return Fired::Runs {
            outputs: vec![outputs],
            is_split: false,
            client_tracking_id: tracking,
        };
    }
    let entropy = Entropy::new(moment.seed);
    let mut context = TriggerContext {
        flow,
        info,
        trigger,
        outputs,
        run,
        moment,
        parameters,
        entropy,
        callback: None,
    };
    context.decide(tracking).unwrap_or_else(|error| {
        let message = format!(
            "Unable to process template language expressions for trigger '{}' at line '0' and column '0': '{}'.",
            trigger.name,
            error.message()
        );
        Fired::Failed(ErrorInfo::new("InvalidTemplate", message))
    })
}

/// What a trigger that asks, or subscribes, is to call: its inputs, evaluated.
///
/// # Errors
/// Why they cannot be.
pub fn inputs(
    (flow, info, trigger): (&Flow, &FlowInfo, &Trigger),
    template: &Template,
    (run, moment): (ProcessId, Moment),
    parameters: Object,
    callback: Option<Str>,
) -> Result<Value, ErrorInfo> {
    let (outputs, entropy) = (Value::Null, Entropy::new(moment.seed));
    let mut context =
        TriggerContext { flow, info, trigger, outputs, run, moment, parameters, entropy, callback };
    let value = context.eval(template);
    value.and_then(|value| bound::check(&value).map(|()| value)).map_err(|error| {
        let message = format!(
            "Unable to process template language expressions in trigger '{}' inputs at line '0' and column '{}': '{}'.",
            trigger.name,
            error.offset().unwrap_or(0),
            error.message()
        );
        ErrorInfo::new("InvalidTemplate", message)
    })
}

struct TriggerContext<'a> {
    flow: &'a Flow,
    info: &'a FlowInfo,
    trigger: &'a Trigger,
    outputs: Value,
    run: ProcessId,
    moment: Moment,
    parameters: Object,
    entropy: Entropy,
    callback: Option<Str>,
}

impl TriggerContext<'_> {
    fn decide(&mut self, tracking: Option<Str>) -> Result<Fired, EvalError> {
        for condition in &self.trigger.conditions {
            match self.eval(condition)? {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(Fired::Skipped),
                other => {
                    return Err(EvalError::new(format!(
                        "a trigger condition gives a value of type '{}' where a Boolean is expected",
                        other.kind()
                    )));
                }
            }
        }
        let client_tracking_id = match &self.trigger.client_tracking_id {
            Some(template) => Some(self.eval(template)?.text()),
            None => tracking,
        };
        let Some(split_on) = &self.trigger.split_on else {
            let outputs = vec![self.outputs.clone()];
            return Ok(Fired::Runs { outputs, is_split: false, client_tracking_id });
        };
        let Value::Array(items) = self.eval(split_on)? else {
            return Err(EvalError::new("the value of 'splitOn' must be an array"));
        };
        if items.len() > SPLIT_ON_ITEMS_MAX {
            return Err(EvalError::new(format!(
                "'splitOn' gives {} items, and at most {SPLIT_ON_ITEMS_MAX} are allowed",
                items.len()
            )));
        }
        let headers = self.outputs.get("headers").cloned().unwrap_or_default();
        let outputs = items
            .iter()
            .map(|item| {
                let mut outputs = object_of([("headers", headers.clone())]);
                outputs.insert("body", item.clone());
                outputs.into()
            })
            .collect();
        Ok(Fired::Runs { outputs, is_split: true, client_tracking_id })
    }

    fn eval(&mut self, template: &Template) -> Result<Value, EvalError> {
        template.eval(self)
    }
}

impl Context for TriggerContext<'_> {
    fn now(&mut self) -> expr::Ticks {
        self.moment.now
    }

    fn random(&mut self) -> u64 {
        self.entropy.next_number()
    }

    fn trigger(&self) -> Result<Value, EvalError> {
        Ok(object_of([
            ("name", self.trigger.name.clone().into()),
            ("inputs", self.trigger.inputs.clone().unwrap_or_default()),
            ("outputs", self.outputs.clone()),
            ("startTime", record::format_time(self.moment.now).into()),
        ])
        .into())
    }

    fn trigger_outputs(&self) -> Result<Value, EvalError> {
        Ok(self.outputs.clone())
    }

    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        let known = self.flow.parameters.iter();
        let mut known = known.filter(|known| eq_ignore_case(&known.name, &name.text));
        known
            .next()
            .map(|parameter| self.parameters.get_exact(&parameter.name).unwrap_or(&parameter.value))
            .cloned()
            .ok_or_else(|| EvalError::unknown_name("parameters", "parameter", &name.text))
    }

    fn callback_url(&self) -> Result<Value, EvalError> {
        let callback = self.callback.clone();
        callback.map(Value::from).ok_or_else(|| EvalError::unavailable("listCallbackUrl"))
    }

    fn workflow(&self) -> Result<Value, EvalError> {
        Ok(record::of_workflow(self.info, self.flow.dialect, self.run))
    }
}
