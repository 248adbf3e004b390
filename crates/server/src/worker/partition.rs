//! The driver: inputs in, batches out, effects released when durable.

use super::Engine;
use super::commit::{Refusal, some_text};
use crate::clock::SECOND;
use crate::limits::{PARKED_RUNS_CACHED_MAX, STEP_TRIES_LOGGED};
use durable::{MessageKind, ProcessId, Standing};
use flow::run::{Input, Run};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{RunChange, RunPatch};

/// Processes in memory.
#[derive(Default)]
pub struct PartitionState {
    mailboxes: HashMap<ProcessId, Mailbox>,
    stepping: usize,
}

#[derive(Default)]
struct Mailbox {
    inputs: VecDeque<Input>,
    is_stepping: bool,
    /// Commits refused in a row.
    tries: u32,
    /// A waiting run that is kept in memory.
    run: Option<Box<Run>>,
}

impl PartitionState {
    pub fn sizes(&self) -> (usize, usize) {
        (self.mailboxes.len(), self.stepping)
    }

    pub fn is_stepping(&self) -> bool {
        self.stepping > 0
    }
}

/// A panic in a step leaves nothing in memory of the process: the next start, or its
/// next wakeup, tries again.
struct PanicGuard<'a> {
    engine: &'a Engine,
    process: ProcessId,
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(process = %self.process, "a step panicked");
            self.engine.forget(self.process);
        }
    }
}

/// What the driver does next with a process.
enum Next {
    Step(Option<Box<Run>>, Input),
    Rest,
}

impl Engine {
    /// Gives a process something to react to.
    pub fn deliver(self: &Arc<Self>, process: ProcessId, input: Input) {
        let begins = {
            let mut partition = self.partition.lock();
            let mailbox = partition.mailboxes.entry(process).or_default();
            mailbox.inputs.push_back(input);
            let begins = !mailbox.is_stepping;
            mailbox.is_stepping = true;
            if begins {
                partition.stepping += 1;
            }
            begins
        };
        if begins {
            let engine = Arc::clone(self);
            tokio::spawn(async move { engine.step_process(process).await });
        }
    }

    /// True when the process is being stepped, or about to be.
    pub fn is_stepping(&self, process: ProcessId) -> bool {
        let partition = self.partition.lock();
        partition.mailboxes.get(&process).is_some_and(|mailbox| mailbox.is_stepping)
    }

    /// Takes a run that was just started and does not end in its first step. With `more`
    /// it is about to go on.
    pub fn adopt(&self, run: Box<Run>, more: bool) {
        let process = run.id;
        let mut partition = self.partition.lock();
        let mailbox = partition.mailboxes.entry(process).or_default();
        mailbox.run = Some(run);
        let is_idle = mailbox.inputs.is_empty() && !mailbox.is_stepping;
        if is_idle && !more {
            self.keep_or_drop(&mut partition, process);
        }
    }

    /// Steps a process until it has nothing to react to.
    async fn step_process(self: &Arc<Self>, process: ProcessId) {
        let _guard = PanicGuard { engine: self, process };
        while let Next::Step(run, input) = self.next(process) {
            let run = match run {
                Some(run) => Some(run),
                None => match self.load_run(process).await {
                    Ok(run) => run,
                    Err(error) => {
                        tracing::error!(%process, %error, "a run cannot be loaded");
                        self.back_off(process, input).await;
                        continue;
                    }
                },
            };
            // final, or not one of ours: whatever came is late
            let Some(run) = run else {
                self.forget(process);
                return;
            };
            self.step_run(run, input).await;
        }
    }

    fn next(&self, process: ProcessId) -> Next {
        let mut partition = self.partition.lock();
        let Some(mailbox) = partition.mailboxes.get_mut(&process) else {
            partition.stepping -= 1;
            return Next::Rest;
        };
        match mailbox.inputs.pop_front() {
            Some(input) => Next::Step(mailbox.run.take(), input),
            None => {
                mailbox.is_stepping = false;
                partition.stepping -= 1;
                self.keep_or_drop(&mut partition, process);
                Next::Rest
            }
        }
    }

    /// A waiting run stays in memory while there is room and its time is near.
    fn keep_or_drop(&self, partition: &mut PartitionState, process: ProcessId) {
        let has_room = partition.mailboxes.len() <= PARKED_RUNS_CACHED_MAX;
        let Some(mailbox) = partition.mailboxes.get(&process) else { return };
        let soon = self.clock.now() + crate::limits::TIMER_HORIZON_SECONDS * SECOND;
        let is_near = mailbox.run.as_ref().is_some_and(|run| {
            run.has_calls_under_way() || run.due().is_some_and(|due| due <= soon)
        });
        if !has_room || !is_near {
            partition.mailboxes.remove(&process);
        }
    }

    fn forget(&self, process: ProcessId) {
        let mut partition = self.partition.lock();
        partition.mailboxes.remove(&process);
        partition.stepping -= 1;
    }

    async fn step_run(self: &Arc<Self>, mut run: Box<Run>, input: Input) {
        self.counters.steps.fetch_add(1, Ordering::Relaxed);
        let process = run.id;
        let retry = input.clone();
        let step = run.handle(input, self.clock.moment());
        if step.changes_nothing() {
            self.put_back(run, step.more);
            return;
        }
        let run_change = RunChange::Update(RunPatch {
            id: process,
            status: step.status as u8,
            end: step.end,
            code: some_text(&step.code),
            error: step.error.as_ref().map(|error| error.message.to_string()),
        });
        match self.commit(step, run_change).await {
            Ok(durable) => {
                let is_final = durable.standing == Standing::Final;
                self.release(&run, durable);
                if is_final {
                    self.drop_final(process);
                } else {
                    self.put_back(run, false);
                }
            }
            Err(Refusal::Stale) => {
                // somebody else moved it on: what is in memory is not the truth
                tracing::warn!(%process, "a batch was stale, the run is read again");
                self.back_off(process, retry).await;
            }
            Err(Refusal::Failed(error)) => {
                self.counters.commits_refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%process, %error, "a batch was not committed");
                self.back_off(process, retry).await;
            }
        }
    }

    pub fn deliver_message(
        self: &Arc<Self>,
        to: ProcessId,
        inbox: durable::InboxId,
        kind: MessageKind,
        effect: u64,
        body: &[u8],
    ) {
        let input = match kind {
            MessageKind::Cancel => Input::Cancel { inbox: Some(inbox) },
            MessageKind::Reply => {
                let outputs = expr::codec::take(&mut &body[..]).unwrap_or_default();
                Input::Reply { inbox, effect, outputs }
            }
        };
        self.deliver(to, input);
    }

    fn put_back(self: &Arc<Self>, run: Box<Run>, more: bool) {
        let process = run.id;
        let mut partition = self.partition.lock();
        if let Some(mailbox) = partition.mailboxes.get_mut(&process) {
            mailbox.run = Some(run);
            mailbox.tries = 0;
            if more {
                mailbox.inputs.push_back(Input::Continue);
            }
        }
    }

    /// The run is over: later inputs find nothing to react.
    fn drop_final(&self, process: ProcessId) {
        let mut partition = self.partition.lock();
        if let Some(mailbox) = partition.mailboxes.get_mut(&process) {
            mailbox.run = None;
            // commands that came meanwhile are answered from the store as late
            mailbox.inputs.clear();
        }
    }

    /// The input waits while the store recovers, however long that takes: a result that
    /// was let go could come from nowhere else. What a shutdown leaves unanswered is found
    /// by the next start.
    async fn back_off(&self, process: ProcessId, input: Input) {
        let tries = {
            let mut partition = self.partition.lock();
            let Some(mailbox) = partition.mailboxes.get_mut(&process) else { return };
            if self.closing.load(Ordering::Relaxed) {
                mailbox.inputs.clear();
                return;
            }
            mailbox.tries = mailbox.tries.saturating_add(1);
            mailbox.inputs.push_front(input);
            mailbox.tries
        };
        if tries == STEP_TRIES_LOGGED {
            tracing::error!(%process, "the steps of a process cannot be committed for a while");
        }
        tokio::time::sleep(Duration::from_millis(20 << tries.min(8))).await;
    }

    /// Waits until no process is being stepped.
    pub async fn settle(&self) {
        while self.partition.lock().is_stepping() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
