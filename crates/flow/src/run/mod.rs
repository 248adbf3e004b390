//! A flow run as a durable process: state and input to batch.
//!
//! [`Run::start`] and [`Run::handle`] do everything pure between two commits and
//! say in a [`Step`] what must become durable together and what may leave
//! afterwards. [`Run::load`] folds the state from stored chunks; nothing is executed
//! again to recover.
//!
//! Invariant: state changes only together with the event that records them.

mod aside;
pub(crate) mod bound;
mod call;
pub mod connector;
pub(crate) mod context;
mod control;
mod data;
pub mod event;
mod expression;
mod fold;
pub mod history;
mod http;
pub mod mask;
mod page;
mod past;
pub(crate) mod record;
mod response;
mod resume;
pub mod retry;
mod scope;
mod skip;
mod snapshot;
mod soundness;
pub mod start;
pub mod state;
pub mod status;
mod table;
mod terminate;
mod variable;

pub use call::{CallResult, ChildCall, Effect, HttpRequest, Reply, Request, answer, child_id};
pub use connector::{CallbackKey, ConnectorCall, Purpose, SubscriptionCall};
pub use fold::Stored;
pub use http::status_name;
pub use page::PageNames;
pub use past::Past;
pub use record::{format_time, of_trigger as trigger_record, tracking_id};
pub use resume::ResumeError;
pub use start::{StartError, StartRequest};
pub use status::{ErrorInfo, Status};

use crate::definition::{Behavior, Flow};
use durable::{Batch, InboxId, Message, ProcessId, ProcessKind, Standing, Ticks};
use event::{EventWriter, ReadError};
use expr::{Str, Value};
use scope::Work;
use state::{Caller, FrameId, State};
use std::sync::Arc;

/// What a run knows of the flow it belongs to, besides the definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowInfo {
    pub key: i64,
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub environment: String,
    pub version: u32,
    /// Absolute address of the server, without a slash at the end.
    pub public_url: String,
    pub callback_key: CallbackKey,
}

/// The time and the randomness of a step.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Ticks,
    pub seed: u64,
}

/// What a run reacts to.
#[derive(Clone, Debug)]
pub enum Input {
    /// Go on after a large step or after loading.
    Continue,
    /// Its wakeup is due.
    Due,
    /// An attempt of an effect came to its end.
    Result { effect: u64, attempt: u32, result: CallResult },
    /// A message answered an effect.
    Reply { inbox: InboxId, effect: u64, outputs: Value },
    /// It was begun where nobody steps it, and has arrived where it is: what to do with
    /// it is decided by who holds it.
    Arrived { inbox: InboxId },
    /// Its turn has come: it was held.
    Release,
    /// Stop.
    Cancel { inbox: Option<InboxId> },
}

/// What a step asks for.
#[derive(Debug)]
pub struct Step {
    pub batch: Batch,
    /// Facts for the list of runs.
    pub status: Status,
    pub code: Str,
    pub error: Option<ErrorInfo>,
    pub end: Option<Ticks>,
    /// May begin once the batch is durable.
    pub effects: Vec<Effect>,
    /// For the caller that waits, once the batch is durable.
    pub reply: Option<Reply>,
    /// More to do: commit, then [`Input::Continue`].
    pub more: bool,
}

impl Step {
    /// Nothing has to be made durable: the input was late or early.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        let batch = &self.batch;
        batch.events == 0
            && batch.consumed.is_empty()
            && batch.messages.is_empty()
            && batch.effects_done.is_empty()
    }
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    pub id: ProcessId,
    flow: Arc<Flow>,
    info: Arc<FlowInfo>,
    state: State,
    stack: Vec<Work>,
    step: StepBuffer,
    /// Number of the last event that a snapshot holds.
    snapshot_seq: u64,
    /// Answers that came before their questions. Their messages wait in the inbox, so that
    /// a run that is loaded gets them again.
    early: Vec<Early>,
}

/// An answer to a question that is not asked yet.
#[derive(Debug)]
struct Early {
    inbox: InboxId,
    effect: u64,
    outputs: Value,
}

/// What the step under way has collected.
#[derive(Debug)]
struct StepBuffer {
    now: Ticks,
    entropy: context::Entropy,
    first_seq: u64,
    events: EventWriter,
    actions: u32,
    /// Applying stored events: decide nothing, record nothing.
    folding: bool,
    effects: Vec<Effect>,
    effects_done: Vec<u64>,
    messages: Vec<Message>,
    consumed: Vec<InboxId>,
    reply: Option<Reply>,
}

impl StepBuffer {
    fn new(moment: Moment, first_seq: u64) -> Self {
        StepBuffer {
            now: moment.now,
            entropy: context::Entropy::new(moment.seed),
            first_seq,
            events: EventWriter::new(moment.now),
            actions: 0,
            folding: false,
            effects: Vec::new(),
            effects_done: Vec::new(),
            messages: Vec::new(),
            consumed: Vec::new(),
            reply: None,
        }
    }

    fn is_full(&self) -> bool {
        self.actions >= durable::limits::STEP_ACTIONS_MAX
            || self.events.bytes.len() >= durable::limits::CHUNK_BYTES_MAX
            || self.events.payload_bytes >= durable::limits::STEP_PAYLOAD_BYTES_MAX
    }
}

impl Run {
    #[must_use]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    #[must_use]
    pub fn info(&self) -> &Arc<FlowInfo> {
        &self.info
    }

    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn due(&self) -> Option<Ticks> {
        self.state.due(&self.flow)
    }

    /// True when it was loaded between two steps: it goes on by itself.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.stack.is_empty()
    }

    /// What the run is tracked as when that is not its own name.
    #[must_use]
    pub fn custom_tracking_id(&self) -> Option<&str> {
        let id = &self.state.trigger.client_tracking_id;
        (!self.state.is_tracked_by_name).then_some(id.as_str())
    }

    #[must_use]
    pub fn trigger_name(&self) -> &str {
        &self.state.trigger.name
    }

    /// Who waits for its answer.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.state.caller
    }

    /// The run that called this one.
    #[must_use]
    pub fn parent(&self) -> Option<ProcessId> {
        match self.state.caller {
            Caller::Parent { process, .. } => Some(process),
            _ => None,
        }
    }

    /// True when some call has been made whose result comes by itself and soon: who waits to
    /// be called back may wait for weeks.
    #[must_use]
    pub fn is_answered_soon(&self) -> bool {
        self.state.parked.iter().any(|(frame, action)| {
            let pending = &self.state.slot(&self.flow, *frame, *action).pending;
            let is_webhook = matches!(self.flow.action(*action).behavior, Behavior::Webhook { .. });
            !is_webhook && pending.as_ref().is_some_and(|pending| pending.is_called())
        })
    }

    /// Reacts to an input. Late or repeated inputs change nothing but are consumed.
    pub fn handle(&mut self, input: Input, moment: Moment) -> Step {
        self.step = StepBuffer::new(moment, self.state.seq);
        let is_live = !self.state.status.is_final();
        match input {
            Input::Continue | Input::Due if is_live => {
                self.wake();
                self.take_early();
            }
            Input::Continue | Input::Due => {}
            Input::Arrived { inbox } => self.step.consumed.push(inbox),
            Input::Release => self.release(),
            Input::Result { effect, attempt, result } => {
                if is_live {
                    self.take_result(effect, attempt, result);
                }
            }
            // the question is not known yet: the message stays where it is
            Input::Reply { inbox, effect, outputs }
                if is_live && effect >= self.state.next_effect =>
            {
                self.keep_early(Early { inbox, effect, outputs });
            }
            Input::Reply { inbox, effect, outputs } => {
                self.step.consumed.push(inbox);
                if is_live {
                    self.take_reply(effect, outputs);
                }
            }
            Input::Cancel { inbox } => {
                self.step.consumed.extend(inbox);
                if is_live {
                    self.cancel();
                }
            }
        }
        self.finish_step()
    }

    /// Runs what can run, then says what the step came to.
    fn finish_step(&mut self) -> Step {
        let more = self.drive() || self.has_early();
        let buffer = std::mem::replace(
            &mut self.step,
            StepBuffer::new(Moment { now: 0, seed: 0 }, self.state.seq),
        );
        let mut batch = Batch::new(self.id, ProcessKind::Run, buffer.first_seq);
        batch.events = buffer.events.events;
        self.state.seq = buffer.first_seq + u64::from(batch.events);
        self.step.first_seq = self.state.seq;
        if batch.events > 0 {
            batch.chunk = Some(durable::codec::compress(&buffer.events.bytes));
        }
        batch.payloads = buffer.events.payloads;
        if !more && self.wants_snapshot() {
            if self.fits_snapshot() {
                let snapshot = self.write_snapshot(buffer.now);
                batch.snapshot = Some(durable::codec::compress(&snapshot.bytes));
                batch.payloads.extend(snapshot.payloads);
            }
            // one that is too large is tried again as much later
            self.snapshot_seq = self.state.seq;
        }
        batch.consumed = buffer.consumed;
        batch.messages = buffer.messages;
        batch.effects = buffer
            .effects
            .iter()
            .map(|effect| durable::EffectIntent { id: effect.id, attempt: effect.attempt })
            .collect();
        batch.effects_done = buffer.effects_done;
        batch.standing = if self.state.status.is_final() {
            Standing::Final
        } else if more {
            // due at once: a start of the server finds it and goes on
            Standing::Live { due: Some(buffer.now) }
        } else {
            Standing::Live { due: self.state.due(&self.flow) }
        };
        Step {
            batch,
            status: self.state.status,
            code: self.state.code.clone(),
            error: self.state.error.clone(),
            end: self.state.end,
            effects: buffer.effects,
            reply: buffer.reply,
            more,
        }
    }

    /// A waiting run with much history behind it is written down whole, so that loading
    /// it stays quick however long it goes on.
    fn wants_snapshot(&self) -> bool {
        let behind = self.state.seq - self.snapshot_seq;
        behind >= durable::limits::SNAPSHOT_EVENTS && !self.state.status.is_final()
    }

    /// Calls that are under way according to the state: to be made (again) after the
    /// server came up. A call that may have left and must not be repeated gets its
    /// end by [`Input::Result`] instead.
    #[must_use]
    pub fn calls_under_way(&self) -> Vec<Effect> {
        let parked = self.state.parked.iter();
        parked
            .filter(|(frame, action)| {
                let slot = self.state.slot(&self.flow, *frame, *action);
                slot.pending.as_ref().is_some_and(|pending| pending.is_called())
            })
            .filter_map(|(frame, action)| self.effect_of(*frame, *action))
            .collect()
    }

    fn keep_early(&mut self, early: Early) {
        if self.early.iter().all(|known| known.inbox != early.inbox) {
            self.early.push(early);
        }
    }

    /// True when a question has been asked whose answer is there.
    fn has_early(&self) -> bool {
        let next = self.state.next_effect;
        !self.state.status.is_final() && self.early.iter().any(|early| early.effect < next)
    }

    fn take_early(&mut self) {
        let next = self.state.next_effect;
        let (asked, waiting) =
            std::mem::take(&mut self.early).into_iter().partition(|early| early.effect < next);
        self.early = waiting;
        let asked: Vec<Early> = asked;
        for early in asked {
            self.step.consumed.push(early.inbox);
            self.take_reply(early.effect, early.outputs);
        }
    }

    fn finish_error(&self, error: &expr::EvalError, action: crate::definition::ActionId) -> Str {
        let name = &self.flow.action(action).name;
        format!(
            "Unable to process template language expressions in action '{name}' inputs at line '0' and column '{}': '{}'.",
            error.offset().unwrap_or(0),
            error.message()
        )
        .into()
    }

    fn frame_path(&self, frame: FrameId) -> state::Path {
        self.state.path(&self.flow, frame)
    }
}

/// Reads stored chunks into a run: see [`fold`].
pub type LoadError = ReadError;
