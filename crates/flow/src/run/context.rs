//! What expressions of an action see of the run.

use super::state::{Frame, FrameId, ROOT_FRAME, Slot, State};
use super::{FlowInfo, record};
use crate::definition::{ActionId, Behavior, Flow, Parameter, ShapeId};
use durable::{ProcessId, Ticks};
use expr::value::eq_ignore_case;
use expr::{Context, EvalError, Name, Object, Str, Value};

/// Random numbers of one step, made of the seed it was given.
#[derive(Clone, Debug)]
pub struct Entropy {
    state: u64,
}

impl Entropy {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Entropy { state: seed }
    }

    /// splitmix64: each seed gives its own well-mixed sequence.
    pub fn next_number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The surroundings of one evaluation.
pub struct RunContext<'a> {
    pub flow: &'a Flow,
    pub info: &'a FlowInfo,
    pub id: ProcessId,
    pub state: &'a State,
    pub frame: FrameId,
    /// The action whose record `action()` gives: only where tracked properties are evaluated.
    pub current: Option<ActionId>,
    pub now: Ticks,
    pub entropy: &'a mut Entropy,
    pub item: Option<Value>,
    /// The address at which the action is answered.
    pub callback: Option<Str>,
}

impl RunContext<'_> {
    fn find_action(&self, function: &str, name: &Name) -> Result<ActionId, EvalError> {
        match name.slot {
            Some(number) if (number as usize) < self.flow.actions.len() => Ok(ActionId(number)),
            _ => self
                .flow
                .find_action(&name.text)
                .ok_or_else(|| EvalError::unknown_action(function, &name.text)),
        }
    }

    /// Where an action stands as seen from this frame: in its own iteration or one
    /// around it, else in the last iteration of the loop that holds it.
    fn slot(&self, action: ActionId) -> Option<&Slot> {
        let found = self.flow.action(action);
        let frame = self.frame_of(found.shape)?;
        frame.slots.get(found.slot as usize)
    }

    fn frame_of(&self, shape: ShapeId) -> Option<&Frame> {
        let mut at = self.frame;
        loop {
            let frame = self.state.frames.get(at);
            if frame.shape == shape {
                return Some(frame);
            }
            if at == ROOT_FRAME {
                break;
            }
            at = frame.parent;
        }
        let owner = self.flow.action(self.flow.shape(shape).owner?);
        let outer = self.frame_of(owner.shape)?;
        let iteration = outer.slots.get(owner.slot as usize)?.iteration.as_ref()?;
        match &iteration.last {
            Some(last) => Some(last),
            None => iteration.running.last().map(|frame| self.state.frames.get(*frame)),
        }
    }

    /// The frame around here that is an iteration of the loop.
    fn iteration_of(&self, function: &str, name: &Name) -> Result<&Frame, EvalError> {
        let action = self.find_loop(function, name)?;
        let mut at = self.frame;
        while at != ROOT_FRAME {
            let frame = self.state.frames.get(at);
            if self.flow.shape(frame.shape).owner == Some(action) {
                return Ok(frame);
            }
            at = frame.parent;
        }
        Err(EvalError::unknown_action(function, &name.text))
    }

    fn find_loop(&self, function: &str, name: &Name) -> Result<ActionId, EvalError> {
        self.find_action(function, name).or_else(|error| {
            // designers write the spaces of a loop's name as underscores
            let written = name.text.replace(" ", "_");
            self.flow.find_action(&written).ok_or(error)
        })
    }
}

impl Context for RunContext<'_> {
    fn now(&mut self) -> Ticks {
        self.now
    }

    fn random(&mut self) -> u64 {
        self.entropy.next_number()
    }

    fn action_outputs(&self, name: &Name) -> Result<Value, EvalError> {
        let action = self.find_action("outputs", name)?;
        Ok(self.slot(action).map(|slot| slot.outputs.clone()).unwrap_or_default())
    }

    fn action_body(&self, name: &Name) -> Result<Value, EvalError> {
        let action = self.find_action("body", name)?;
        let body = self.slot(action).and_then(|slot| slot.outputs.get("body"));
        Ok(body.cloned().unwrap_or_default())
    }

    fn action_record(&self, name: &Name) -> Result<Value, EvalError> {
        let action = self.find_action("actions", name)?;
        Ok(match self.slot(action) {
            Some(slot) => record::of_slot(self, action, slot),
            None => Value::Null,
        })
    }

    fn current_action(&self) -> Result<Value, EvalError> {
        let action = self.current.ok_or_else(|| EvalError::unavailable("action"))?;
        Ok(self.slot(action).map(|slot| record::of_slot(self, action, slot)).unwrap_or_default())
    }

    fn scope_result(&self, name: &Name) -> Result<Value, EvalError> {
        let action = self.find_loop("result", name)?;
        let slot = self.slot(action);
        let block = match &self.flow.action(action).behavior {
            Behavior::Scope { block } => *block,
            Behavior::Foreach { .. } | Behavior::Until(_) => {
                let kept = slot.and_then(|slot| slot.iteration.as_ref()).map(|it| it.kept.clone());
                return Ok(Value::array(kept.unwrap_or_default()));
            }
            _ => {
                return Err(EvalError::argument(
                    "result",
                    format_args!("'{}' is not a scope, a Foreach or an Until.", name.text),
                ));
            }
        };
        let records = self.flow.block(block).actions.iter().filter_map(|inner| {
            let slot = self.slot(*inner)?;
            slot.status.is_final().then(|| record::of_slot(self, *inner, slot))
        });
        Ok(Value::array(records.collect()))
    }

    fn trigger(&self) -> Result<Value, EvalError> {
        Ok(record::of_trigger(self.id, &self.state.trigger))
    }

    fn trigger_outputs(&self) -> Result<Value, EvalError> {
        Ok(self.state.trigger.outputs.clone())
    }

    fn trigger_body(&self) -> Result<Value, EvalError> {
        Ok(self.state.trigger.outputs.get("body").cloned().unwrap_or_default())
    }

    fn item(&self) -> Result<Value, EvalError> {
        if let Some(item) = &self.item {
            return Ok(item.clone());
        }
        let mut at = self.frame;
        while at != ROOT_FRAME {
            let frame = self.state.frames.get(at);
            let owner = self.flow.shape(frame.shape).owner.map(|owner| self.flow.action(owner));
            if owner.is_some_and(|owner| matches!(owner.behavior, Behavior::Foreach { .. })) {
                return Ok(frame.item.clone());
            }
            at = frame.parent;
        }
        Err(EvalError::unavailable("item"))
    }

    fn set_item(&mut self, item: Option<Value>) {
        self.item = item;
    }

    fn loop_item(&self, name: &Name) -> Result<Value, EvalError> {
        self.iteration_of("items", name).map(|frame| frame.item.clone())
    }

    fn iteration_index(&self, name: &Name) -> Result<Value, EvalError> {
        match self.iteration_of("iterationIndexes", name) {
            Ok(frame) => Ok(frame.index.into()),
            Err(error) => {
                // the test of an Until stands outside its body and reads the last iteration
                let action = self.find_loop("iterationIndexes", name).map_err(|_| error.clone())?;
                let slot = self.slot(action).and_then(|slot| slot.iteration.as_ref());
                let last = slot.and_then(|iteration| iteration.last.as_ref());
                last.map(|frame| frame.index.into()).ok_or(error)
            }
        }
    }

    fn variable(&self, name: &Name) -> Result<Value, EvalError> {
        let number = name.slot.map(|number| number as usize).or_else(|| {
            self.flow.variables.iter().position(|known| eq_ignore_case(known, &name.text))
        });
        let value = number.and_then(|number| self.state.variables.get(number)?.clone());
        value.ok_or_else(|| {
            EvalError::new(format!(
                "The variable '{}' is not initialized: an InitializeVariable action must run before it is used.",
                name.text
            ))
        })
    }

    fn parameter(&self, name: &Name) -> Result<Value, EvalError> {
        let parameter = match name.slot {
            Some(number) => self.flow.parameters.get(number as usize),
            None => {
                self.flow.parameters.iter().find(|known| eq_ignore_case(&known.name, &name.text))
            }
        };
        let own = |parameter: &Parameter| match &self.state.parameters {
            Value::Object(own) => own.get_exact(&parameter.name).cloned(),
            _ => None,
        };
        parameter
            .map(|parameter| own(parameter).unwrap_or_else(|| parameter.value.clone()))
            .ok_or_else(|| EvalError::unknown_name("parameters", "parameter", &name.text))
    }

    fn callback_url(&self) -> Result<Value, EvalError> {
        let callback = self.callback.clone();
        callback.map(Value::from).ok_or_else(|| EvalError::unavailable("listCallbackUrl"))
    }

    fn workflow(&self) -> Result<Value, EvalError> {
        Ok(record::of_workflow(self.info, self.flow.dialect, self.id))
    }
}

/// An object of the given properties, those with null left out.
#[must_use]
pub fn object_of<const N: usize>(properties: [(&str, Value); N]) -> Object {
    let mut object = Object::with_capacity(N);
    for (name, value) in properties {
        if !value.is_null() {
            object.push_new(name, value);
        }
    }
    object
}
