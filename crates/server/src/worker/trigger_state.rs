//! Triggers that act by themselves: a durable process for each flow that is turned on, and
//! for each subscription of a webhook action.
//!
//! The run of a slot, or of what a question found, is started under a key before the trigger
//! moves on, so that a crash between the two repeats the start without effect.

use super::Engine;
use super::commit::Refusal;
use crate::app::catalog::{FlowEntry, FlowState};
use crate::app::error::AppError;
use crate::limits::POKES_WAITING_MAX;
use durable::{
    Batch, InboxRow, Message, MessageKind, ProcessId, ProcessKind, Standing, StartKey, Ticks,
};
use expr::Value;
use flow::definition::{Trigger, TriggerBehavior};
use flow::limits::POLL_PAUSE_MIN;
use flow::run::state::Caller;
use flow::trigger::recurrence::Recurrence;
use flow::trigger::state::{PollState, TriggerKind, TriggerState};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use store::{Commit, Committed, RunChange, StoreError};

/// Processes of triggers that are being seen to: whether somebody asked for it meanwhile.
pub type Watched = Mutex<HashMap<ProcessId, bool>>;

/// A process of a trigger as the store has it.
pub(super) struct Watching {
    pub process: ProcessId,
    pub seq: u64,
    pub state: TriggerState,
    pub due: Option<Ticks>,
    pub inbox: Vec<InboxRow>,
}

/// The state of a trigger in stored bytes that are open.
#[must_use]
pub fn read(stored: &[u8]) -> Option<TriggerState> {
    let bytes = durable::codec::decompress(stored).ok()?;
    TriggerState::from_value(&expr::codec::take(&mut bytes.as_slice()).ok()?)
}

fn write(state: &TriggerState) -> Vec<u8> {
    let mut bytes = Vec::new();
    expr::codec::put(&state.to_value(), &mut bytes);
    durable::codec::compress(&bytes)
}

/// What acts by itself in a flow.
pub(super) enum Acting<'a> {
    Recurrence(&'a Trigger, &'a Recurrence),
    Poll(&'a Trigger, &'a flow::definition::Poll),
    Webhook(&'a Trigger, &'a flow::definition::Poll),
}

pub(super) fn acting(entry: &FlowEntry) -> Option<Acting<'_>> {
    entry.version.flow.triggers.iter().find_map(|trigger| match &trigger.behavior {
        TriggerBehavior::Recurrence(recurrence) => Some(Acting::Recurrence(trigger, recurrence)),
        TriggerBehavior::Poll(poll) => Some(Acting::Poll(trigger, poll)),
        TriggerBehavior::Webhook(webhook) => Some(Acting::Webhook(trigger, webhook)),
        TriggerBehavior::Request { .. } | TriggerBehavior::Unsupported => None,
    })
}

/// True when a trigger of the flow does something by itself.
#[must_use]
pub fn acts_by_itself(entry: &FlowEntry) -> bool {
    acting(entry).is_some()
}

impl Engine {
    /// Begins the process of the trigger of a flow that was turned on, as the one it names.
    pub async fn begin_trigger(self: &Arc<Self>, entry: &FlowEntry) -> Result<(), AppError> {
        let Some(acting) = acting(entry) else { return Ok(()) };
        let Some(process) = entry.row.trigger_process else { return Ok(()) };
        let since = self.clock.now();
        let (kind, due) = match acting {
            Acting::Recurrence(_, recurrence) => {
                (TriggerKind::Recurrence, recurrence.next_after(since, None))
            }
            // what is there when it is turned on is not new: the first question is at once
            Acting::Poll(..) => (TriggerKind::Poll(PollState::default()), Some(since)),
            Acting::Webhook(trigger, webhook) if self.is_asked(entry, trigger, webhook).await? => {
                (TriggerKind::Poll(PollState::default()), Some(since))
            }
            Acting::Webhook(trigger, webhook) => {
                let subscription = self.trigger_subscription(entry, trigger, webhook).await?;
                (TriggerKind::Subscription(Box::new(subscription)), Some(since))
            }
        };
        let state = TriggerState { workflow: entry.row.key, since, last: None, kind };
        match self.commit_trigger(new_process(process), &state, due).await {
            Ok(()) => Ok(()),
            // another node that came up at the same time has made it
            Err(Refusal::Stale) => Ok(()),
            Err(Refusal::Fenced(_) | Refusal::NotAsked) => Err(super::not_ready()),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Ends the process of the trigger of a flow that was turned off or changed: tells it so.
    /// Whoever holds it ends it, and what it has asked for.
    pub async fn end_trigger(self: &Arc<Self>, process: ProcessId) -> Result<(), AppError> {
        let message = Message {
            to: process,
            from: None,
            effect: 0,
            kind: MessageKind::Cancel,
            body: Vec::new(),
        };
        self.send(message).await?;
        if !self.ownership.owns(process) {
            self.store.hint(store::Hint::Inbox(process));
            return Ok(());
        }
        match self.watching(process).await? {
            // ending what was asked for is a call
            Some(Watching {
                state: TriggerState { kind: TriggerKind::Subscription(_), .. },
                ..
            }) => {
                self.fire(process);
            }
            Some(_) => Arc::clone(self).watch_over(process).await,
            None => {}
        }
        Ok(())
    }

    /// Somebody says that there is something new for a trigger that asks: it asks now. Gives
    /// what the process does.
    pub async fn poke_trigger(
        self: &Arc<Self>,
        process: ProcessId,
    ) -> Result<Option<TriggerKind>, AppError> {
        let Some(watching) = self.watching(process).await? else { return Ok(None) };
        let is_asking = matches!(watching.state.kind, TriggerKind::Poll(_));
        if is_asking && watching.inbox.len() < POKES_WAITING_MAX {
            // each is a message of its own: one that comes during a question is about what
            // that may not have found
            let bytes = crate::clock::random_bytes().map_err(AppError::internal)?;
            let effect = u64::from_le_bytes(bytes) >> 1;
            let (kind, body) = (MessageKind::Arrived, Vec::new());
            self.send(Message { to: process, from: None, effect, kind, body }).await?;
            match self.ownership.owns(process) {
                true => self.fire(process),
                false => self.store.hint(store::Hint::Inbox(process)),
            }
        }
        Ok(Some(watching.state.kind))
    }

    async fn finish_trigger(&self, watching: Watching) -> Result<(), Refusal> {
        let mut batch = Batch::new(watching.process, ProcessKind::Trigger, watching.seq);
        batch.events = 1;
        batch.standing = Standing::Final;
        batch.forget_history = true;
        batch.consumed = watching.inbox.iter().map(|row| row.id).collect();
        self.commit_batch(batch, 0, None).await
    }

    /// Makes a state durable. One that calls are made with is sealed.
    pub(super) async fn commit_trigger(
        &self,
        watching: Watching,
        state: &TriggerState,
        due: Option<Ticks>,
    ) -> Result<(), Refusal> {
        self.commit_answer(watching, state, due, (None, Vec::new())).await
    }

    /// What it calls is called with credentials, and addresses may hold keys.
    fn seal_state(&self, batch: &mut Batch, state: &TriggerState) -> Result<(), StoreError> {
        match state.kind {
            TriggerKind::Subscription(_) | TriggerKind::Poll(_) => self.seal_batch(batch),
            TriggerKind::Recurrence => Ok(()),
        }
    }

    /// Moves a trigger on as it is, which only whoever has its latest state can: before what
    /// nobody is to do who comes late.
    pub(super) async fn hold_trigger(&self, watching: &mut Watching) -> Result<(), Refusal> {
        let state = &watching.state;
        let mut batch = Batch::new(watching.process, ProcessKind::Trigger, watching.seq);
        batch.events = 1;
        batch.snapshot = Some(write(state));
        batch.forget_history = true;
        batch.standing = Standing::Live { due: watching.due };
        self.seal_state(&mut batch, state).map_err(Refusal::Failed)?;
        self.commit_batch(batch, state.workflow, None).await?;
        watching.seq += 1;
        Ok(())
    }

    /// [`Self::commit_trigger`] with what it answers, or is asked by.
    pub(super) async fn commit_answer(
        &self,
        watching: Watching,
        state: &TriggerState,
        due: Option<Ticks>,
        (asked_by, messages): (Option<(ProcessId, u64)>, Vec<Message>),
    ) -> Result<(), Refusal> {
        let process = watching.process;
        let mut batch = Batch::new(process, ProcessKind::Trigger, watching.seq);
        batch.events = 1;
        batch.snapshot = Some(write(state));
        batch.forget_history = true;
        batch.standing = Standing::Live { due };
        batch.consumed = watching.inbox.iter().map(|row| row.id).collect();
        batch.messages = messages;
        self.seal_state(&mut batch, state).map_err(Refusal::Failed)?;
        self.commit_batch(batch, state.workflow, asked_by).await?;
        if let Some(due) = due {
            self.schedule_trigger(due, process, state.workflow);
        }
        Ok(())
    }

    pub(super) async fn commit_batch(
        &self,
        batch: Batch,
        workflow: i64,
        asked_by: Option<(ProcessId, u64)>,
    ) -> Result<(), Refusal> {
        let epoch = self.ownership.epoch(batch.process.partition());
        if batch.expected_seq > 0 && epoch.is_none() {
            return Err(Refusal::Fenced(None));
        }
        let group = vec![Commit { batch, run: RunChange::None, epoch, workflow, asked_by }];
        match self.store.commit(group).await.map_err(Refusal::Failed)?.pop() {
            Some(Committed::Done { .. }) => Ok(()),
            Some(Committed::Fenced) => Err(Refusal::Fenced(epoch)),
            Some(Committed::NotAsked) => Err(Refusal::NotAsked),
            _ => Err(Refusal::Stale),
        }
    }

    /// The process of a trigger, when it lives.
    pub(super) async fn watching(&self, process: ProcessId) -> Result<Option<Watching>, AppError> {
        let Some(history) = self.stored(process).await? else { return Ok(None) };
        if history.kind != ProcessKind::Trigger {
            return Ok(None);
        }
        let state = history.snapshot.as_ref();
        let state = state.and_then(|(_, stored)| read(stored));
        let state = state.ok_or_else(|| {
            AppError::internal(StoreError::Corrupt("the state of a trigger cannot be read".into()))
        })?;
        let (seq, due, inbox) = (history.seq, history.due, history.inbox);
        Ok(Some(Watching { process, seq, state, due, inbox }))
    }

    /// What a trigger's process does, if it lives.
    pub async fn trigger_kind(&self, process: ProcessId) -> Result<Option<TriggerKind>, AppError> {
        Ok(self.watching(process).await?.map(|it| it.state.kind))
    }

    /// Sees to the process of a trigger: its time has come, or there is a message for it. One
    /// task at a time does.
    pub(super) async fn watch_over(self: Arc<Self>, process: ProcessId) {
        match self.watched.lock().entry(process) {
            Entry::Occupied(mut known) => {
                *known.get_mut() = true;
                return;
            }
            Entry::Vacant(free) => free.insert(false),
        };
        let _guard = PanicGuard { engine: &self, process };
        loop {
            if let Err(error) = self.see_to(process).await {
                tracing::warn!(%process, message = %error.message, "a trigger is tried again later");
                let later = self.clock.now() + 10 * crate::clock::SECOND;
                self.schedule_trigger(later, process, 0);
            }
            let mut watched = self.watched.lock();
            match watched.get_mut(&process) {
                Some(again) if *again => *again = false,
                _ => {
                    watched.remove(&process);
                    return;
                }
            }
        }
    }

    async fn see_to(self: &Arc<Self>, process: ProcessId) -> Result<(), AppError> {
        if !self.ownership.owns(process) {
            return Ok(());
        }
        let Some(watching) = self.watching(process).await? else { return Ok(()) };
        let done = match &watching.state.kind {
            TriggerKind::Subscription(_) => self.see_to_subscription(watching).await,
            _ => self.see_to_trigger(watching).await,
        };
        match done? {
            Ok(()) | Err(Refusal::Stale | Refusal::Fenced(_) | Refusal::NotAsked) => Ok(()),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// The flow that a trigger's process belongs to, if it goes on with it.
    pub(super) async fn flow_of(
        &self,
        watching: &Watching,
    ) -> Result<Option<Arc<FlowEntry>>, AppError> {
        let entry = self.catalog.by_key(watching.state.workflow).await?;
        let is_on = |entry: &Arc<FlowEntry>| {
            let names_it = entry.row.trigger_process == Some(watching.process);
            names_it && entry.state == FlowState::Started
        };
        Ok(entry.filter(is_on))
    }

    async fn see_to_trigger(
        self: &Arc<Self>,
        watching: Watching,
    ) -> Result<Result<(), Refusal>, AppError> {
        let is_end = |row: &InboxRow| row.message.kind == MessageKind::Cancel;
        let is_asked_to_end = watching.inbox.iter().any(is_end);
        let entry = match is_asked_to_end {
            true => None,
            false => self.flow_of(&watching).await?,
        };
        let Some(entry) = entry else {
            // the flow went on without it: turned off, changed or deleted
            return Ok(self.finish_trigger(watching).await);
        };
        let now = self.clock.now();
        let due = match watching.inbox.is_empty() {
            true => watching.due,
            // it was poked: at once, but not as quickly as somebody says so
            false => {
                let soon = watching.state.last.map_or(now, |last| now.max(last + POLL_PAUSE_MIN));
                Some(watching.due.map_or(soon, |due| due.min(soon)))
            }
        };
        let Some(due) = due.filter(|due| *due <= now) else {
            let (is_poked, state) = (!watching.inbox.is_empty(), watching.state.clone());
            return Ok(match is_poked {
                true => self.commit_trigger(watching, &state, due).await,
                false => Ok(()),
            });
        };
        match (&watching.state.kind, acting(&entry)) {
            (TriggerKind::Recurrence, Some(Acting::Recurrence(trigger, recurrence))) => {
                self.recur(watching, &entry, (trigger, recurrence), due).await
            }
            (
                TriggerKind::Poll(_),
                Some(Acting::Poll(trigger, poll) | Acting::Webhook(trigger, poll)),
            ) => self.poll(watching, &entry, (trigger, poll)).await,
            _ => Ok(self.finish_trigger(watching).await),
        }
    }

    async fn recur(
        self: &Arc<Self>,
        watching: Watching,
        entry: &FlowEntry,
        (trigger, recurrence): (&Trigger, &Recurrence),
        due: Ticks,
    ) -> Result<Result<(), Refusal>, AppError> {
        let state = watching.state.clone();
        let start_key = StartKey {
            source: state.workflow.to_le_bytes().to_vec(),
            key: [b"slot".as_slice(), &due.to_le_bytes()].concat(),
        };
        let fire = crate::app::trigger::Firing {
            entry,
            trigger,
            outputs: Value::Null,
            raw_body: None,
            tracking: None,
            scheduled: Some(due),
            caller: Caller::Nobody,
            start_key: Some(start_key),
            keyed_by_content: false,
            invoker: Value::Null,
        };
        self.fire_for(entry, fire).await?;
        // slots that passed while the server was down are not caught up one by one
        let mut next = recurrence.next_after(state.since, Some(due));
        let now = self.clock.now();
        while let Some(slot) = next.filter(|slot| *slot <= now) {
            next = recurrence.next_after(state.since, Some(slot));
        }
        let state = TriggerState { last: Some(due), ..state };
        Ok(self.commit_trigger(watching, &state, next).await)
    }

    /// Fires; what the flow refuses is over. False when it has no room for (all of) it now.
    pub(super) async fn fire_for(
        self: &Arc<Self>,
        entry: &FlowEntry,
        firing: crate::app::trigger::Firing<'_>,
    ) -> Result<bool, AppError> {
        match crate::app::trigger::fire(self, firing).await {
            Ok(_) => Ok(true),
            Err(error) if error.code == "WorkflowRunsWaitingLimitExceeded" => Ok(false),
            // its conditions failed: this occasion is over
            Err(error) if is_of_the_flow(&error) => {
                tracing::info!(flow = %entry.row.name, message = %error.message, "a trigger started nothing");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

/// After a panic the process can be seen to again.
struct PanicGuard<'a> {
    engine: &'a Engine,
    process: ProcessId,
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(process = %self.process, "what sees to a trigger panicked");
            self.engine.watched.lock().remove(&self.process);
        }
    }
}

pub(super) fn new_process(process: ProcessId) -> Watching {
    Watching {
        process,
        seq: 0,
        state: TriggerState { workflow: 0, since: 0, last: None, kind: TriggerKind::Recurrence },
        due: None,
        inbox: Vec::new(),
    }
}

fn is_of_the_flow(error: &AppError) -> bool {
    use crate::app::ErrorKind;
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict)
}
