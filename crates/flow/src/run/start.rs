//! The beginning of a run.

use super::bound::cut;
use super::event::{EventWriter, INVOKER, PARAMETERS, RELEASED, RUN_STARTED};
use super::state::{Caller, ROOT_FRAME, State, TriggerRun};
use super::{FlowInfo, Moment, Run, Status, Step, StepBuffer};
use crate::definition::{Flow, ROOT_BLOCK};
use crate::limits::CLIENT_TRACKING_ID_BYTES_MAX;
use durable::{ProcessId, StartKey, Ticks};
use expr::{Object, Str, Value};
use std::sync::Arc;

/// Why a run cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error("The flow has no trigger '{0}'.")]
    UnknownTrigger(String),
}

/// Everything a run begins with. The trigger's conditions and `splitOn` were decided before.
#[derive(Debug)]
pub struct StartRequest<'a> {
    pub id: ProcessId,
    pub flow: Arc<Flow>,
    pub info: Arc<FlowInfo>,
    pub trigger: &'a str,
    /// The trigger's outputs, with the body; null when it has none.
    pub outputs: Value,
    /// The body as JSON text, when it came as such: history keeps it as it came.
    pub raw_body: Option<&'a [u8]>,
    pub scheduled: Option<Ticks>,
    /// `None`: the run's own name.
    pub client_tracking_id: Option<Str>,
    /// The run that this one repeats.
    pub origin: Option<ProcessId>,
    pub caller: Caller,
    pub start_key: Option<StartKey>,
    /// Values of parameters, by their names, where the definition's do not count.
    pub parameters: Object,
    /// Who invoked it, an object: calls over connections are given it. Null: nobody.
    pub invoker: Value,
    /// It waits for its turn ([`super::Input::Release`]): the trigger's concurrency is used up.
    pub is_held: bool,
}

impl Run {
    /// Begins a run and takes its first step.
    pub fn start(mut request: StartRequest<'_>, moment: Moment) -> Result<(Run, Step), StartError> {
        let (is_held, start_key) = (request.is_held, request.start_key.take());
        let mut run = Run::begin_run(request, moment)?;
        if !is_held {
            run.begin_root();
        }
        let mut step = run.finish_step();
        step.batch.start_key = start_key;
        Ok((run, step))
    }

    /// A run whose beginning is recorded, and nothing else.
    pub(super) fn begin_run(request: StartRequest<'_>, moment: Moment) -> Result<Run, StartError> {
        let flow = request.flow;
        let trigger = flow
            .find_trigger(request.trigger)
            .ok_or_else(|| StartError::UnknownTrigger(request.trigger.to_owned()))?;
        let run_name: Str = request.id.run_name().into();
        let given = request.client_tracking_id.filter(|id| !id.is_empty());
        let given = given.map(|id| cut(id, CLIENT_TRACKING_ID_BYTES_MAX));
        let is_tracked_by_name = given.is_none();
        let record = TriggerRun {
            name: trigger.name.clone(),
            inputs: trigger.inputs.clone().unwrap_or_default(),
            outputs: request.outputs,
            start: moment.now,
            scheduled: request.scheduled,
            client_tracking_id: given.unwrap_or(run_name),
            origin: request.origin.map(|origin| origin.run_name().into()),
        };
        let mut run = Run {
            id: request.id,
            state: State::new(&flow),
            flow,
            info: request.info,
            stack: Vec::new(),
            step: StepBuffer::new(moment, 0),
            snapshot_seq: 0,
            early: Vec::new(),
        };
        let events = &mut run.step.events;
        let begin = Begin {
            caller: request.caller,
            version: run.info.version,
            is_held: request.is_held,
            is_tracked_by_name,
        };
        write_start(events, &record, request.raw_body, &begin);
        run.state.is_tracked_by_name = is_tracked_by_name;
        run.apply_start(record, request.caller, request.is_held);
        if !request.parameters.is_empty() {
            let events = &mut run.step.events;
            let values = request.parameters.into();
            events.begin(PARAMETERS);
            events.value(&values);
            run.state.parameters = values;
        }
        if !request.invoker.is_null() {
            let events = &mut run.step.events;
            events.begin(INVOKER);
            events.value(&request.invoker);
            run.state.invoker = request.invoker;
        }
        Ok(run)
    }

    pub(super) fn apply_start(&mut self, trigger: TriggerRun, caller: Caller, is_held: bool) {
        self.state.trigger = trigger;
        self.state.caller = caller;
        if is_held {
            self.state.status = Status::Waiting;
        }
    }

    /// Its turn has come.
    pub(super) fn release(&mut self) {
        if self.state.status == Status::Waiting {
            self.step.events.begin(RELEASED);
            self.state.status = Status::Running;
            self.go_on();
        }
    }

    /// Everything that can be done is to be done: nothing may be, after a beginning or
    /// after all was carried over.
    pub(super) fn go_on(&mut self) {
        if self.state.frames.get(ROOT_FRAME).open == 0 {
            self.end_by_rule();
        } else {
            self.rebuild_stack();
        }
    }

    fn begin_root(&mut self) {
        if self.flow.block(ROOT_BLOCK).actions.is_empty() {
            self.end_by_rule();
        } else {
            self.push_first(ROOT_FRAME, ROOT_BLOCK);
        }
    }
}

struct Begin {
    caller: Caller,
    version: u32,
    is_held: bool,
    is_tracked_by_name: bool,
}

fn write_start(
    events: &mut EventWriter,
    trigger: &TriggerRun,
    raw_body: Option<&[u8]>,
    begin: &Begin,
) {
    events.begin(RUN_STARTED);
    events.number(u64::from(begin.version));
    events.bytes.push(u8::from(begin.is_held));
    events.text(&trigger.name);
    match (raw_body, trigger.outputs.as_object()) {
        (Some(raw), Some(outputs)) => {
            let mut rest = Object::with_capacity(outputs.len());
            for (name, value) in outputs.iter().filter(|(name, _)| name.as_str() != "body") {
                rest.push_new(name.clone(), value.clone());
            }
            events.value(&rest.into());
            events.bytes.push(1);
            events.raw_json(raw);
        }
        _ => {
            events.value(&trigger.outputs);
            events.bytes.push(0);
        }
    }
    events.optional_ticks(trigger.scheduled);
    // the run's own name is not repeated
    events.text(if begin.is_tracked_by_name { "" } else { &trigger.client_tracking_id });
    events.text(trigger.origin.as_deref().unwrap_or_default());
    events.caller(begin.caller);
}

/// The trigger's outputs with its body put at the end.
#[must_use]
pub fn with_body(outputs: &Value, body: Value) -> Value {
    let mut object = match outputs {
        Value::Object(object) => Object::clone(object),
        _ => Object::new(),
    };
    object.insert("body", body);
    object.into()
}
