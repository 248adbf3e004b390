//! The driver: inputs in, batches out, effects released when durable.

use super::Engine;
use super::commit::{Refusal, StepOf, shown_error, some_text};
use crate::clock::SECOND;
use crate::limits::{PARKED_RUNS_CACHED_MAX, STEP_TRIES_LOGGED};
use durable::{InboxRow, MessageKind, Partition, PartitionSet, ProcessId, Standing};
use flow::run::mask::Masks;
use flow::run::{CallResult, Effect, Input, Request, Run};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Hint, RunChange, RunPatch};

/// Processes in memory.
#[derive(Default)]
pub struct PartitionState {
    mailboxes: HashMap<ProcessId, Mailbox>,
    stepping: usize,
    /// Those among them that the clock has woken.
    woken: usize,
}

#[derive(Default)]
struct Mailbox {
    work: VecDeque<Work>,
    is_stepping: bool,
    is_woken: bool,
    /// Commits refused in a row.
    tries: u32,
    /// A waiting run that is kept in memory.
    run: Option<Box<Run>>,
}

/// What waits for a process's turn.
#[derive(Debug)]
enum Work {
    Input(Input),
    /// See to calls and messages that were under way when this node took the process.
    TakeUp,
}

impl Work {
    fn is_of_row(&self, inbox: durable::InboxId) -> bool {
        match self {
            Work::Input(
                Input::Reply { inbox: known, .. }
                | Input::Arrived { inbox: known }
                | Input::Cancel { inbox: Some(known) },
            ) => *known == inbox,
            _ => false,
        }
    }
}

impl PartitionState {
    pub fn sizes(&self) -> (usize, usize) {
        (self.mailboxes.len(), self.stepping)
    }

    pub fn is_stepping(&self) -> bool {
        self.stepping > 0
    }

    /// Processes that the clock has woken and that have not come to rest.
    pub fn woken(&self) -> usize {
        self.woken
    }

    /// A process comes to rest or goes.
    fn rested(&mut self, was_woken: bool) {
        self.stepping -= 1;
        self.woken -= usize::from(was_woken);
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
    Step(Option<Box<Run>>, Work),
    Rest,
}

impl Engine {
    /// Gives a process something to react to. What belongs to another node is dropped: that
    /// node finds it in the store.
    pub fn deliver(self: &Arc<Self>, process: ProcessId, input: Input) {
        self.put(process, Work::Input(input), false);
    }

    /// Its time has come.
    pub(super) fn wake(self: &Arc<Self>, process: ProcessId) {
        self.put(process, Work::Input(Input::Due), true);
    }

    /// See to what was under way when this node took the process.
    pub(super) fn take_up_process(self: &Arc<Self>, process: ProcessId) {
        tracing::debug!(%process, "taking up");
        self.put(process, Work::TakeUp, false);
    }

    fn put(self: &Arc<Self>, process: ProcessId, work: Work, is_woken: bool) {
        if !self.ownership.owns(process) {
            tracing::debug!(%process, ?work, "nobody reacts here");
            self.discard(process, &work);
            return;
        }
        let begins = {
            let mut partition = self.partition.lock();
            let mailbox = partition.mailboxes.entry(process).or_default();
            mailbox.work.push_back(work);
            let begins = !mailbox.is_stepping;
            mailbox.is_stepping = true;
            if begins {
                mailbox.is_woken = is_woken;
                partition.stepping += 1;
                partition.woken += usize::from(is_woken);
            }
            begins
        };
        if begins {
            let engine = Arc::clone(self);
            tokio::spawn(async move { engine.step_process(process).await });
        }
    }

    /// Nobody reacts to it here.
    fn discard(&self, process: ProcessId, work: &Work) {
        if let Work::Input(Input::Result { effect, attempt, .. }) = work {
            self.forget_call(process, *effect, *attempt);
        }
    }

    /// True when the process is being stepped, or about to be.
    pub fn is_stepping(&self, process: ProcessId) -> bool {
        let partition = self.partition.lock();
        partition.mailboxes.get(&process).is_some_and(|mailbox| mailbox.is_stepping)
    }

    /// Partitions in which something goes on that a hand-over would cut.
    pub(super) fn busy_partitions(&self) -> PartitionSet {
        let partition = self.partition.lock();
        let stepping = partition.mailboxes.iter().filter(|(_, mailbox)| mailbox.is_stepping);
        let mut busy: PartitionSet = stepping.map(|(process, _)| process.partition()).collect();
        drop(partition);
        for process in self.calls_under_way.lock().keys() {
            busy.insert(process.partition());
        }
        busy
    }

    /// Forgets what is in memory of a partition. Steps under way find out by themselves.
    pub(super) fn drop_partition(&self, lost: Partition) {
        let mut discarded = Vec::new();
        {
            let mut partition = self.partition.lock();
            partition.mailboxes.retain(|process, mailbox| {
                if process.partition() != lost {
                    return true;
                }
                discarded.extend(mailbox.work.drain(..).map(|work| (*process, work)));
                mailbox.run = None;
                mailbox.is_stepping
            });
        }
        for (process, work) in &discarded {
            self.discard(*process, work);
        }
        self.waiters.lock().retain(|process, _| process.partition() != lost);
    }

    /// Takes a run that was just started and does not end in its first step. With `more`
    /// it is about to go on.
    pub fn adopt(&self, run: Box<Run>, more: bool) {
        let process = run.id;
        let mut partition = self.partition.lock();
        let mailbox = partition.mailboxes.entry(process).or_default();
        mailbox.run = Some(run);
        let is_idle = mailbox.work.is_empty() && !mailbox.is_stepping;
        if is_idle && !more {
            self.keep_or_drop(&mut partition, process);
        }
    }

    /// Steps a process until it has nothing to react to.
    async fn step_process(self: &Arc<Self>, process: ProcessId) {
        let _guard = PanicGuard { engine: self, process };
        while let Next::Step(run, work) = self.next(process) {
            let run = match run {
                Some(run) => Some(run),
                None => match self.load_run(process).await {
                    Ok(Some((run, inbox))) => {
                        self.add_waiting(process, inbox, &work);
                        Some(run)
                    }
                    Ok(None) => None,
                    Err(error) => {
                        tracing::error!(%process, %error, "a run cannot be loaded");
                        self.back_off(process, work).await;
                        continue;
                    }
                },
            };
            // final, not one of ours, or another node's by now: whatever came is late
            let Some(run) = run.filter(|_| self.ownership.owns(process)) else {
                self.discard(process, &work);
                if matches!(work, Work::Input(Input::Cancel { inbox: Some(_) })) {
                    // a trigger's process is told of its end in the same way
                    self.fire(process);
                }
                if self.forget_late(process) {
                    return;
                }
                continue;
            };
            match work {
                Work::Input(input) => self.step_run(run, input).await,
                Work::TakeUp => self.see_to_calls(run).await,
            }
        }
    }

    /// Messages that a run found when it was loaded for some work, and that nobody brought.
    fn add_waiting(&self, process: ProcessId, inbox: Vec<InboxRow>, begun: &Work) {
        let mut partition = self.partition.lock();
        let Some(mailbox) = partition.mailboxes.get_mut(&process) else { return };
        for row in inbox {
            if !mailbox.work.iter().chain([begun]).any(|work| work.is_of_row(row.id)) {
                mailbox.work.push_back(Work::Input(input_of(row)));
            }
        }
    }

    /// Calls that were intended and that nobody makes any more are made again, or get
    /// their end when they must not be.
    async fn see_to_calls(self: &Arc<Self>, run: Box<Run>) {
        let process = run.id;
        for effect in run.calls_under_way() {
            tracing::debug!(%process, effect = effect.id, "a call was under way");
            if self.is_calling(process, effect.id, effect.attempt) || self.is_begun(&effect).await {
                continue;
            }
            if effect.repeatable {
                self.dispatch(process, effect);
            } else {
                let (effect, attempt, result) = (effect.id, effect.attempt, CallResult::Unknown);
                self.deliver(process, Input::Result { effect, attempt, result });
            }
        }
        self.put_back(run, false);
    }

    /// Whether what a call begins is there: it goes on by itself, and brings the answer.
    async fn is_begun(&self, effect: &Effect) -> bool {
        match &effect.request {
            Request::Subscribe(call) => matches!(self.store.load(call.process).await, Ok(Some(_))),
            _ => false,
        }
    }

    fn next(&self, process: ProcessId) -> Next {
        let mut partition = self.partition.lock();
        let Some(mailbox) = partition.mailboxes.get_mut(&process) else {
            partition.rested(false);
            return Next::Rest;
        };
        match mailbox.work.pop_front() {
            Some(work) => Next::Step(mailbox.run.take(), work),
            None => {
                mailbox.is_stepping = false;
                let was_woken = std::mem::take(&mut mailbox.is_woken);
                partition.rested(was_woken);
                self.keep_or_drop(&mut partition, process);
                if was_woken {
                    self.timers.wake_more();
                }
                Next::Rest
            }
        }
    }

    /// A waiting run stays in memory while there is room and its time is near.
    fn keep_or_drop(&self, partition: &mut PartitionState, process: ProcessId) {
        let has_room = partition.mailboxes.len() <= PARKED_RUNS_CACHED_MAX;
        let Some(mailbox) = partition.mailboxes.get(&process) else { return };
        let soon = self.clock.now() + crate::limits::TIMER_HORIZON_SECONDS * SECOND;
        let is_near = mailbox
            .run
            .as_ref()
            .is_some_and(|run| run.is_answered_soon() || run.due().is_some_and(|due| due <= soon));
        if !has_room || !is_near {
            partition.mailboxes.remove(&process);
        }
    }

    fn forget(&self, process: ProcessId) {
        let mailbox = {
            let mut partition = self.partition.lock();
            let mailbox = partition.mailboxes.remove(&process);
            partition.rested(mailbox.as_ref().is_some_and(|mailbox| mailbox.is_woken));
            mailbox
        };
        for work in mailbox.iter().flat_map(|mailbox| &mailbox.work) {
            self.discard(process, work);
        }
        self.timers.wake_more();
    }

    /// Forgets a process with what came too late for it. False when this node holds it
    /// after all, and there is more for it.
    fn forget_late(&self, process: ProcessId) -> bool {
        {
            let partition = self.partition.lock();
            let has_more = partition.mailboxes.get(&process).is_some_and(|it| !it.work.is_empty());
            if has_more && self.ownership.owns(process) {
                return false;
            }
        }
        self.forget(process);
        true
    }

    async fn step_run(self: &Arc<Self>, mut run: Box<Run>, input: Input) {
        self.counters.steps.fetch_add(1, Ordering::Relaxed);
        let process = run.id;
        let retry = input.clone();
        let step = run.handle(input, self.clock.moment());
        if step.changes_nothing() {
            self.discard(process, &Work::Input(retry));
            self.put_back(run, step.more);
            return;
        }
        let known = match step.error.is_some() && run.flow().holds_secrets {
            true => self.known_to_mask(&run.info().id).await,
            false => Masks::default(),
        };
        let run_change = RunChange::Update(RunPatch {
            id: process,
            status: step.status as u8,
            end: step.end,
            code: some_text(&step.code),
            error: shown_error(&run, &step, || known),
        });
        let workflow = run.info().key;
        let is_sealed = run.flow().holds_secrets;
        let step = StepOf { step, run: run_change, workflow, is_sealed, asked_by: None };
        match self.commit(step).await {
            Ok(durable) => {
                let is_final = durable.standing == Standing::Final;
                self.release(&run, durable);
                if let Input::Arrived { .. } = retry {
                    self.gate_arrived(&run);
                }
                self.discard(process, &Work::Input(retry));
                if is_final {
                    self.drop_final(process);
                } else {
                    self.put_back(run, false);
                }
            }
            Err(refusal) => self.take_refusal(process, retry, refusal).await,
        }
    }

    async fn take_refusal(self: &Arc<Self>, process: ProcessId, input: Input, refusal: Refusal) {
        tracing::debug!(%process, ?refusal, "refused");
        match refusal {
            Refusal::Fenced(epoch) => {
                // somebody else steps it now
                self.discard(process, &Work::Input(input));
                self.lose_epoch(process.partition(), epoch);
            }
            Refusal::Stale | Refusal::NotAsked => {
                // what is in memory is not the truth
                tracing::warn!(%process, "a batch was stale, the run is read again");
                self.back_off(process, Work::Input(input)).await;
                self.take_up_process(process);
            }
            Refusal::Failed(error) => {
                self.counters.commits_refused.fetch_add(1, Ordering::Relaxed);
                // the store says it in the log, once for all processes
                tracing::debug!(%process, %error, "a batch was not committed");
                self.back_off(process, Work::Input(input)).await;
            }
        }
    }

    /// Brings a message to its process, or tells the node that holds it.
    pub fn deliver_row(self: &Arc<Self>, row: InboxRow) {
        if !self.may_move(&row) {
            // it waits in the inbox
            return;
        }
        let process = row.message.to;
        if self.ownership.owns(process) {
            self.deliver(process, input_of(row));
        } else {
            self.store.hint(Hint::Inbox(process));
        }
    }

    fn put_back(self: &Arc<Self>, run: Box<Run>, more: bool) {
        let process = run.id;
        let mut partition = self.partition.lock();
        if let Some(mailbox) = partition.mailboxes.get_mut(&process) {
            mailbox.run = Some(run);
            mailbox.tries = 0;
            if more {
                mailbox.work.push_back(Work::Input(Input::Continue));
            }
        }
    }

    /// The run is over: later inputs find nothing to react.
    fn drop_final(&self, process: ProcessId) {
        let late = {
            let mut partition = self.partition.lock();
            let Some(mailbox) = partition.mailboxes.get_mut(&process) else { return };
            mailbox.run = None;
            // commands that came meanwhile are answered from the store as late
            std::mem::take(&mut mailbox.work)
        };
        for work in &late {
            self.discard(process, work);
        }
    }

    /// The work waits while the store recovers, however long that takes: a result that
    /// was let go could come from nowhere else. What a shutdown leaves unanswered is found
    /// by the next start.
    async fn back_off(&self, process: ProcessId, work: Work) {
        let tries = {
            let mut partition = self.partition.lock();
            let Some(mailbox) = partition.mailboxes.get_mut(&process) else { return };
            if self.closing.load(Ordering::Relaxed) {
                mailbox.work.clear();
                return;
            }
            mailbox.tries = mailbox.tries.saturating_add(1);
            mailbox.work.push_front(work);
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

/// What a message is to the run that gets it.
fn input_of(row: InboxRow) -> Input {
    let InboxRow { id: inbox, message } = row;
    match message.kind {
        MessageKind::Cancel => Input::Cancel { inbox: Some(inbox) },
        MessageKind::Arrived => Input::Arrived { inbox },
        MessageKind::Reply => {
            let outputs = expr::codec::take(&mut message.body.as_slice()).unwrap_or_default();
            Input::Reply { inbox, effect: message.effect, outputs }
        }
    }
}
