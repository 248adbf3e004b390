//! Trigger concurrency: how many runs of a flow go on at a time, and how many wait.
//!
//! Who is in and who waits is held in memory and rebuilt from the list of runs when a
//! node takes partitions; held runs are durable and are let in in order. Runs that a
//! trigger with a limit starts lie in one partition, their flow's home, so that one node
//! counts them. A child run lies beside its parent and is counted by the node that holds
//! it there.

use super::Engine;
use super::start::Start;
use crate::app::error::{AppError, ErrorKind};
use durable::limits::PARTITIONS;
use durable::{Partition, ProcessId};
use flow::definition::{Trigger, TriggerConcurrency};
use flow::run::{Input, Run, Status};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::RunFilter;

/// Gates of flows whose trigger limits concurrency, by flow key.
#[derive(Default)]
pub struct Gates {
    gates: Mutex<BTreeMap<i64, Gate>>,
}

#[derive(Default)]
struct Gate {
    inside: BTreeSet<ProcessId>,
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
    /// Another node counts: the run waits there.
    Elsewhere,
}

/// The limit of the version that the run has pinned.
pub(super) fn limit(run: &Run) -> Option<TriggerConcurrency> {
    run.flow().find_trigger(run.trigger_name())?.concurrency
}

/// Where the runs lie that a flow's limited trigger starts.
fn home(workflow: i64) -> Partition {
    Partition(workflow.rem_euclid(i64::from(PARTITIONS)) as u16)
}

impl Engine {
    /// The id of a run that a trigger starts now.
    pub fn run_id(&self, workflow: i64, trigger: &Trigger) -> Result<ProcessId, AppError> {
        match trigger.concurrency {
            Some(_) => Ok(self.clock.process_id(home(workflow))),
            None => self.new_id(),
        }
    }

    pub(super) async fn gate_enter(&self, start: &Start<'_>) -> Result<Admission, AppError> {
        let Some(limit) = start.trigger.concurrency else { return Ok(Admission::Free) };
        let key = start.version.info.key;
        if !self.ownership.owns(start.id) {
            let filter = RunFilter {
                workflow: key,
                status: Some(Status::Waiting as u8),
                rows_max: limit.waiting_max as usize,
                ..RunFilter::default()
            };
            let waiting = self.store.runs(filter).await?.len();
            check_waiting(waiting, limit, start)?;
            return Ok(Admission::Elsewhere);
        }
        let mut gates = self.gates.gates.lock();
        let gate = gates.entry(key).or_default();
        let is_free = gate.inside.len() < limit.runs as usize;
        if is_free && gate.waiting.is_empty() && gate.entering == 0 {
            tracing::debug!(process = %start.id, "enters");
            gate.inside.insert(start.id);
            return Ok(Admission::Enters);
        }
        check_waiting(gate.waiting.len() + gate.entering as usize, limit, start)?;
        gate.entering += 1;
        Ok(Admission::Waits)
    }

    /// The start did not become durable, or was there before.
    pub(super) fn gate_undo(self: &Arc<Self>, run: &Run, admission: Admission) {
        self.gate_undo_of(run.id, run.info().key, limit(run), admission);
    }

    pub(super) fn gate_undo_of(
        self: &Arc<Self>,
        process: ProcessId,
        key: i64,
        limit: Option<TriggerConcurrency>,
        admission: Admission,
    ) {
        let Some(limit) = limit else { return };
        self.gate_let_in(key, limit.runs, |gate| match admission {
            Admission::Free | Admission::Elsewhere => {}
            Admission::Enters => {
                gate.inside.remove(&process);
            }
            Admission::Waits => gate.entering = gate.entering.saturating_sub(1),
        });
    }

    /// A held start is durable and in memory: from now on it may be let in.
    pub(super) fn gate_waits(self: &Arc<Self>, process: ProcessId, key: i64, runs: u32) {
        tracing::debug!(%process, "waits");
        self.gate_let_in(key, runs, |gate| {
            gate.entering = gate.entering.saturating_sub(1);
            gate.waiting.insert(process);
        });
    }

    /// A held start that another node made durable.
    pub(super) fn gate_arrived(self: &Arc<Self>, run: &Run) {
        if run.status() == Status::Waiting {
            tracing::debug!(process = %run.id, "arrived");
            let runs = limit(run).map_or(u32::MAX, |limit| limit.runs);
            self.gate_let_in(run.info().key, runs, |gate| {
                // the message may come twice before the run is let in
                if !gate.inside.contains(&run.id) {
                    gate.waiting.insert(run.id);
                }
            });
        }
    }

    /// A run ended: the next one that waits may go on.
    pub(super) fn gate_left(self: &Arc<Self>, run: &Run) {
        tracing::debug!(process = %run.id, "left");
        self.gate_change(run, |gate| {
            // a held run may end by being cancelled
            gate.waiting.remove(&run.id);
            gate.inside.remove(&run.id);
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
            tracing::debug!(%process, "let in");
            self.deliver(process, Input::Release);
        }
    }

    /// Takes note of a run that was there before this node took its partition.
    pub(super) fn gate_restore(&self, workflow: i64, process: ProcessId, is_held: bool) {
        tracing::debug!(%process, is_held, "counted at the gate");
        let mut gates = self.gates.gates.lock();
        let gate = gates.entry(workflow).or_default();
        if is_held {
            gate.waiting.insert(process);
        } else {
            gate.inside.insert(process);
        }
    }

    /// After all runs are known: lets in what has room.
    pub(super) fn gate_open(self: &Arc<Self>, workflow: i64, runs: u32) {
        self.gate_let_in(workflow, runs, |_| {});
    }

    /// Other nodes count what lies in a partition.
    pub(super) fn gate_forget(&self, lost: Partition) {
        let mut gates = self.gates.gates.lock();
        gates.retain(|_, gate| {
            gate.inside.retain(|process| process.partition() != lost);
            gate.waiting.retain(|process| process.partition() != lost);
            !gate.inside.is_empty() || !gate.waiting.is_empty() || gate.entering > 0
        });
    }
}

fn check_waiting(
    waiting: usize,
    limit: TriggerConcurrency,
    start: &Start<'_>,
) -> Result<(), AppError> {
    if waiting < limit.waiting_max as usize {
        return Ok(());
    }
    let message = format!(
        "The flow '{}' runs as often as its trigger's concurrency allows, and {waiting} starts wait. Try again later.",
        start.version.info.name
    );
    let kind = ErrorKind::Throttled { retry_after_seconds: 10 };
    Err(AppError::new(kind, "WorkflowRunsWaitingLimitExceeded", message))
}

impl Gate {
    fn let_in(&mut self, runs: u32) -> Vec<ProcessId> {
        let mut released = Vec::new();
        while self.inside.len() < runs as usize
            && let Some(process) = self.waiting.pop_first()
        {
            self.inside.insert(process);
            released.push(process);
        }
        released
    }
}
