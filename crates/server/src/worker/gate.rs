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
    /// Starts that will wait and are not durable yet.
    entering: u32,
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

/// The limit of the version that the run has pinned.
pub(super) fn limit(run: &Run) -> Option<TriggerConcurrency> {
    run.flow().find_trigger(run.trigger_name())?.concurrency
}

impl Engine {
    pub(super) fn gate_enter(&self, start: &Start<'_>) -> Result<Admission, AppError> {
        let Some(limit) = start.trigger.concurrency else { return Ok(Admission::Free) };
        let mut gates = self.gates.gates.lock();
        let gate = gates.entry(start.version.info.key).or_default();
        if gate.inside < limit.runs && gate.waiting.is_empty() && gate.entering == 0 {
            gate.inside += 1;
            return Ok(Admission::Enters);
        }
        let waiting = gate.waiting.len() + gate.entering as usize;
        if waiting >= limit.waiting_max as usize {
            let message = format!(
                "The flow '{}' runs as often as its trigger's concurrency allows, and {} starts wait. Try again later.",
                start.version.info.name, waiting
            );
            let kind = ErrorKind::Throttled { retry_after_seconds: 10 };
            return Err(AppError::new(kind, "WorkflowRunsWaitingLimitExceeded", message));
        }
        gate.entering += 1;
        Ok(Admission::Waits)
    }

    /// The start did not become durable, or was there before.
    pub(super) fn gate_undo(self: &Arc<Self>, run: &Run, admission: Admission) {
        self.gate_change(run, |gate| match admission {
            Admission::Free => {}
            Admission::Enters => gate.inside = gate.inside.saturating_sub(1),
            Admission::Waits => gate.entering = gate.entering.saturating_sub(1),
        });
    }

    /// A held start is durable and in memory: from now on it may be let in.
    pub(super) fn gate_waits(self: &Arc<Self>, process: ProcessId, key: i64, runs: u32) {
        self.gate_let_in(key, runs, |gate| {
            gate.entering = gate.entering.saturating_sub(1);
            gate.waiting.insert(process);
        });
    }

    /// A run ended: the next one that waits may go on.
    pub(super) fn gate_left(self: &Arc<Self>, run: &Run) {
        self.gate_change(run, |gate| {
            // a held run may end by being cancelled
            if !gate.waiting.remove(&run.id) {
                gate.inside = gate.inside.saturating_sub(1);
            }
        });
    }

    fn gate_change(self: &Arc<Self>, run: &Run, change: impl FnOnce(&mut Gate)) {
        if let Some(limit) = limit(run) {
            self.gate_let_in(run.info().key, limit.runs, change);
        }
    }

    fn gate_let_in(self: &Arc<Self>, key: i64, runs: u32, change: impl FnOnce(&mut Gate)) {
        let released = {
            let mut gates = self.gates.gates.lock();
            let gate = gates.entry(key).or_default();
            change(gate);
            gate.let_in(runs)
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
    pub(super) fn gate_open(self: &Arc<Self>, workflow: i64, runs: u32) {
        self.gate_let_in(workflow, runs, |_| {});
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
