//! Trigger concurrency: how many runs of a flow go on at a time, and how many wait.
//!
//! Counts live in memory and are rebuilt from the list of runs at a start; held runs
//! are durable and are let in in order.

use super::Engine;
use super::start::Start;
use crate::app::error::{AppError, ErrorKind};
use durable::ProcessId;
use flow::definition::TriggerConcurrency;
use flow::run::{Input, Run};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Gates of flows whose trigger limits concurrency, by flow key.
#[derive(Default)]
pub struct Gates {
    gates: Mutex<HashMap<i64, Gate>>,
}

#[derive(Default)]
struct Gate {
    inside: u32,
    waiting: BTreeSet<ProcessId>,
}

/// What a gate says to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The flow has no limit.
    Free,
    Enters,
    Waits,
}

fn limit(run: &Run) -> Option<TriggerConcurrency> {
    run.flow().find_trigger(run.trigger_name())?.concurrency
}

impl Engine {
    pub(super) fn gate_enter(&self, start: &Start<'_>) -> Result<Admission, AppError> {
        let Some(limit) = start.trigger.concurrency else { return Ok(Admission::Free) };
        let mut gates = self.gates.gates.lock();
        let gate = gates.entry(start.version.info.key).or_default();
        if gate.inside < limit.runs && gate.waiting.is_empty() {
            gate.inside += 1;
            return Ok(Admission::Enters);
        }
        if gate.waiting.len() >= limit.waiting_max as usize {
            let message = format!(
                "The flow '{}' runs as often as its trigger's concurrency allows, and {} starts wait. Try again later.",
                start.version.info.name,
                gate.waiting.len()
            );
            let kind = ErrorKind::Throttled { retry_after_seconds: 10 };
            return Err(AppError::new(kind, "WorkflowRunsWaitingLimitExceeded", message));
        }
        gate.waiting.insert(start.id);
        Ok(Admission::Waits)
    }

    /// The start did not become durable.
    pub(super) fn gate_undo(&self, run: &Run, admission: Admission) {
        let mut gates = self.gates.gates.lock();
        let Some(gate) = gates.get_mut(&run.info().key) else { return };
        match admission {
            Admission::Free => {}
            Admission::Enters => gate.inside = gate.inside.saturating_sub(1),
            Admission::Waits => {
                gate.waiting.remove(&run.id);
            }
        }
    }

    /// A run ended: the next one that waits may go on.
    pub(super) fn gate_left(self: &Arc<Self>, run: &Run) {
        let Some(limit) = limit(run) else { return };
        let released = {
            let mut gates = self.gates.gates.lock();
            let gate = gates.entry(run.info().key).or_default();
            // a held run may end by being cancelled
            if !gate.waiting.remove(&run.id) {
                gate.inside = gate.inside.saturating_sub(1);
            }
            gate.let_in(limit.runs)
        };
        for process in released {
            self.deliver(process, Input::Release);
        }
    }

    /// Takes note of a run that was there before this start of the server.
    pub(super) fn gate_restore(&self, workflow: i64, process: ProcessId, is_held: bool) {
        let mut gates = self.gates.gates.lock();
        let gate = gates.entry(workflow).or_default();
        if is_held {
            gate.waiting.insert(process);
        } else {
            gate.inside += 1;
        }
    }

    /// After all runs are known: lets in what has room.
    pub(super) fn gate_open(self: &Arc<Self>, workflow: i64, limit: TriggerConcurrency) {
        let released = {
            let mut gates = self.gates.gates.lock();
            gates.entry(workflow).or_default().let_in(limit.runs)
        };
        for process in released {
            self.deliver(process, Input::Release);
        }
    }
}

impl Gate {
    fn let_in(&mut self, runs: u32) -> Vec<ProcessId> {
        let mut released = Vec::new();
        while self.inside < runs
            && let Some(process) = self.waiting.pop_first()
        {
            self.inside += 1;
            released.push(process);
        }
        released
    }
}
