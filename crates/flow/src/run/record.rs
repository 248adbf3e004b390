//! Records of triggers, actions and runs as the language and the history show them.
//!
//! Source: "Reference guide to functions in expressions" (`actions`, `trigger`,
//! `result`, `workflow`); recorded histories of the local host.

use super::FlowInfo;
use super::bound;
use super::context::{RunContext, object_of};
use super::skip::skip_error;
use super::state::{Path, Slot, TriggerRun};
use super::status::{ErrorInfo, Status};
use crate::definition::{ActionId, Dialect, Flow, ShapeId};
use crate::limits::TRACKED_PROPERTIES_CHARACTERS_MAX;
use durable::{ProcessId, Ticks};
use expr::{Object, Template, Value};

/// `2024-11-23T22:12:39.7834464Z`.
#[must_use]
pub fn format_time(ticks: Ticks) -> String {
    expr::format::date::format_ticks(ticks)
}

/// A GUID that belongs to a run and a part of it, always the same.
#[must_use]
pub fn tracking_id(run: ProcessId, part: u64) -> String {
    let mut mixed = [0u64; 2];
    for (at, place) in mixed.iter_mut().enumerate() {
        let mut seed = part.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at as u64 + 1);
        for byte in run.as_bytes() {
            seed = (seed ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        *place = super::context::Entropy::new(seed).next_number();
    }
    let [high, low] = mixed;
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        ((low >> 48) & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// The trigger's record.
#[must_use]
pub fn of_trigger(run: ProcessId, trigger: &TriggerRun) -> Value {
    let name = run.run_name();
    let origin = trigger.origin.clone().unwrap_or_else(|| name.as_str().into());
    object_of([
        ("name", trigger.name.clone().into()),
        ("inputs", trigger.inputs.clone()),
        ("outputs", trigger.outputs.clone()),
        ("startTime", format_time(trigger.start).into()),
        ("endTime", format_time(trigger.start).into()),
        ("scheduledTime", trigger.scheduled.map(format_time).map_or(Value::Null, Value::from)),
        ("trackingId", tracking_id(run, 0).into()),
        ("clientTrackingId", trigger.client_tracking_id.clone().into()),
        ("originHistoryName", origin.into()),
        ("status", Status::Succeeded.name().into()),
    ])
    .into()
}

/// `workflow()`.
#[must_use]
pub fn of_workflow(info: &FlowInfo, dialect: Dialect, run: ProcessId) -> Value {
    let id = format!("/workflows/{}", info.id);
    let run_name = run.run_name();
    let run_object = object_of([
        ("id", format!("{id}/runs/{run_name}").into()),
        ("name", run_name.into()),
        ("type", "Microsoft.Logic/workflows/runs".into()),
    ]);
    let name = match dialect {
        Dialect::PowerAutomate => &info.id,
        Dialect::LogicApps => &info.name,
    };
    let tags = object_of([
        ("flowDisplayName", info.display_name.as_str().into()),
        ("environmentName", info.environment.as_str().into()),
        ("logicAppName", info.id.as_str().into()),
    ]);
    object_of([
        ("id", id.into()),
        ("name", name.as_str().into()),
        ("type", "Microsoft.Logic/workflows".into()),
        ("location", info.environment.as_str().into()),
        ("tags", tags.into()),
        ("run", run_object.into()),
    ])
    .into()
}

/// The tracked properties of an action that ended, or why there are none.
#[must_use]
pub fn tracked(template: &Template, context: &mut RunContext<'_>) -> Value {
    let value = template.eval(context).and_then(|value| bound::check(&value).map(|()| value));
    match value {
        Ok(value) => {
            let characters = expr::json::to_string(&value).chars().count();
            if characters <= TRACKED_PROPERTIES_CHARACTERS_MAX {
                return value;
            }
            let message = format!(
                "The tracked properties have {characters} characters, and at most {TRACKED_PROPERTIES_CHARACTERS_MAX} are allowed."
            );
            ErrorInfo::new("TrackedPropertiesSizeLimitExceeded", message).to_value()
        }
        Err(error) => {
            ErrorInfo::new("TrackedPropertiesEvaluationFailed", error.message()).to_value()
        }
    }
}

/// The record of an action as `actions()`, `action()` and `result()` give it.
#[must_use]
pub fn of_slot(context: &RunContext<'_>, action: ActionId, slot: &Slot) -> Value {
    let found = context.flow.action(action);
    let shape = found.shape;
    let path = path_to(context, shape);
    let started = slot.status != Status::NotStarted;
    let time = |ticks: Ticks, there: bool| {
        if there { Value::from(format_time(ticks)) } else { Value::Null }
    };
    let repetition = repetition_indexes(context.flow, shape, &path);
    let error = match (&slot.error, &slot.skip) {
        (Some(error), _) => error.to_value(),
        (None, Some(reason)) => skip_error(context.flow, action, reason).to_value(),
        (None, None) => Value::Null,
    };
    object_of([
        ("name", found.name.clone().into()),
        ("inputs", slot.inputs.clone()),
        ("outputs", slot.outputs.clone()),
        ("trackedProperties", slot.tracked.as_deref().cloned().unwrap_or_default()),
        ("startTime", time(slot.started, started)),
        ("endTime", time(slot.ended, slot.status.is_final())),
        ("trackingId", tracking_id(context.id, tracking_part(action, &path)).into()),
        ("clientTrackingId", context.state.trigger.client_tracking_id.clone().into()),
        ("status", slot.status.name().into()),
        ("code", if slot.code.is_empty() { Value::Null } else { slot.code.clone().into() }),
        ("error", error),
        ("repetitionIndexes", repetition),
    ])
    .into()
}

/// Iteration numbers around the present frame as far as the shape reaches.
fn path_to(context: &RunContext<'_>, shape: ShapeId) -> Path {
    let depth = context.flow.shape(shape).depth as usize;
    let here = context.state.path(context.flow, context.frame);
    let indexes: Vec<u32> = here.iter().take(depth).collect();
    Path::from_outermost(&indexes)
}

/// The number that tells an action's repetitions apart in tracking ids.
#[must_use]
pub fn tracking_part(action: ActionId, path: &Path) -> u64 {
    path.iter().fold(u64::from(action.0) + 1, |part, index| {
        part.wrapping_mul(0x0000_0100_0000_01b3).wrapping_add(u64::from(index) + 1)
    })
}

/// `[{scopeName, itemIndex}, ...]`, outermost first; null outside loops.
#[must_use]
pub fn repetition_indexes(flow: &Flow, shape: ShapeId, path: &Path) -> Value {
    if path.is_empty() {
        return Value::Null;
    }
    let mut names = Vec::with_capacity(path.len());
    let mut at = shape;
    while let (Some(owner), Some(parent)) = (flow.shape(at).owner, flow.shape(at).parent) {
        names.push(flow.action(owner).name.clone());
        at = parent;
    }
    let entries = names.into_iter().rev().zip(path.iter()).map(|(name, index)| {
        let mut entry = Object::with_capacity(2);
        entry.push_new("scopeName", name);
        entry.push_new("itemIndex", index);
        Value::from(entry)
    });
    Value::array(entries.collect())
}

/// `000000-000002`.
#[must_use]
pub fn repetition_name(path: &Path) -> String {
    let names: Vec<String> = path.iter().map(|index| format!("{index:06}")).collect();
    names.join("-")
}
