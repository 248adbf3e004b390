//! Making steps durable, and letting out what waited for it.

use super::Engine;
use durable::{Batch, Epoch, InboxRow, Message, MessageKind, ProcessId, Standing};
use flow::run::mask::Masks;
use flow::run::{Effect, Input, Reply, Run, Status, Step};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Commit, Committed, Hint, RunChange, StoreError};

/// What a durable step lets out.
pub struct Durable {
    pub standing: Standing,
    pub status: Status,
    pub reply: Option<Reply>,
    pub more: bool,
    effects: Vec<Effect>,
    messages: Vec<InboxRow>,
    /// Processes whose messages have rows that are not known: they are read.
    unread: Vec<ProcessId>,
    /// The start key was known: nothing was changed.
    pub started_before: Option<ProcessId>,
}

/// Why a step was not committed.
#[derive(Debug)]
pub enum Refusal {
    /// The process is not where the batch expected it.
    Stale,
    /// Another node holds the process: this one held it until this epoch, if at all.
    Fenced(Option<Epoch>),
    /// Nobody waits for what the new run would answer.
    NotAsked,
    Failed(StoreError),
}

/// A step on its way to the store.
pub struct StepOf {
    pub step: Step,
    pub run: RunChange,
    /// Key of the flow.
    pub workflow: i64,
    /// It may hold secrets, and is stored sealed.
    pub is_sealed: bool,
    /// The parent's effect that a new run answers.
    pub asked_by: Option<(ProcessId, u64)>,
}

/// What tells whether a commit whose answer was lost is there.
struct Trace {
    process: ProcessId,
    first_seq: u64,
    /// Of the chunk. `None`: nothing that could be found again; what it did is done again
    /// without effect.
    fingerprint: Option<u64>,
}

impl Trace {
    fn of(commit: &Commit) -> Trace {
        let batch = &commit.batch;
        Trace {
            process: batch.process,
            first_seq: batch.expected_seq + 1,
            fingerprint: batch.chunk.as_deref().map(fingerprint),
        }
    }
}

/// What of a step does not go to the store.
struct Kept {
    epoch: Option<Epoch>,
    standing: Standing,
    messages: Vec<Message>,
    effects: Vec<Effect>,
    reply: Option<Reply>,
    more: bool,
    status: Status,
}

impl Kept {
    fn into_durable(self, outcome: Committed) -> Result<Durable, Refusal> {
        let epoch = self.epoch;
        let (inbox, started_before) = match outcome {
            Committed::Done { inbox } => (inbox, None),
            Committed::StartedBefore(process) => (Vec::new(), Some(process)),
            Committed::Stale => return Err(Refusal::Stale),
            Committed::Fenced => return Err(Refusal::Fenced(epoch)),
            Committed::NotAsked => return Err(Refusal::NotAsked),
        };
        let Kept { standing, messages, effects, reply, more, status, .. } = self;
        let mut unread = Vec::new();
        if inbox.len() < messages.len() {
            unread.extend(messages.iter().map(|message| message.to));
        }
        let rows = messages.into_iter().zip(inbox);
        let messages = rows.filter_map(|(message, id)| Some(InboxRow { id: id?, message }));
        let messages = messages.collect();
        Ok(Durable { standing, status, reply, more, effects, messages, unread, started_before })
    }
}

impl Engine {
    /// Commits a step of a process that this node holds.
    pub async fn commit(&self, step: StepOf) -> Result<Durable, Refusal> {
        let mut outcomes = self.commit_group(vec![step]).await?;
        outcomes.pop().unwrap_or(Err(Refusal::Stale))
    }

    /// Commits steps of several processes in one transaction; each is whole in itself. A
    /// step whose process lies in a partition that is not held is refused, unless it is a
    /// held start, which needs no lease.
    pub async fn commit_group(
        &self,
        steps: Vec<StepOf>,
    ) -> Result<Vec<Result<Durable, Refusal>>, Refusal> {
        let mut group = Vec::with_capacity(steps.len());
        let mut traces = Vec::with_capacity(steps.len());
        let mut rest = Vec::with_capacity(steps.len());
        for StepOf { step, run, workflow, is_sealed, asked_by } in steps {
            let Step { mut batch, effects, reply, more, status, .. } = step;
            let epoch = self.ownership.epoch(batch.process.partition());
            if epoch.is_none() && !announces_itself(&batch) {
                return Err(Refusal::Fenced(None));
            }
            let (standing, messages) = (batch.standing, batch.messages.clone());
            rest.push(Kept { epoch, standing, messages, effects, reply, more, status });
            if is_sealed {
                // what stays in memory is open
                self.seal_batch(&mut batch).map_err(Refusal::Failed)?;
            }
            let commit = Commit { batch, run, epoch, workflow, asked_by };
            traces.push(Trace::of(&commit));
            group.push(commit);
        }
        let outcomes = match self.store.commit(group).await {
            Ok(outcomes) => outcomes,
            Err(StoreError::Unknown(error)) => self.find_out(&traces, error).await?,
            Err(error) => return Err(Refusal::Failed(error)),
        };
        let durable = rest.into_iter().zip(outcomes);
        Ok(durable.map(|(kept, outcome)| kept.into_durable(outcome)).collect())
    }

    /// The answer to a group was lost: looks whether it is there. The group is there as a
    /// whole, or not at all.
    async fn find_out(&self, traces: &[Trace], error: String) -> Result<Vec<Committed>, Refusal> {
        tracing::warn!(%error, "the answer to a commit was lost");
        let mut pause = Duration::from_millis(20);
        loop {
            match self.outcomes_of(traces).await {
                // refused ones of the group have no chunk: they look like those that have
                // nothing to be found, and are done again without effect
                Ok(outcomes) if outcomes.iter().any(|it| *it != Committed::Stale) => {
                    return Ok(outcomes);
                }
                Ok(_) => {
                    return Err(Refusal::Failed(StoreError::Unavailable(
                        "the transaction was lost".to_owned(),
                    )));
                }
                Err(StoreError::Closed) => return Err(Refusal::Failed(StoreError::Closed)),
                Err(error) => tracing::warn!(%error, "the store cannot say what it has"),
            }
            if self.closing.load(Ordering::Relaxed) {
                return Err(Refusal::Failed(StoreError::Unknown(error)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn outcomes_of(&self, traces: &[Trace]) -> Result<Vec<Committed>, StoreError> {
        let mut outcomes = Vec::with_capacity(traces.len());
        for trace in traces {
            let is_done = self.has_chunk(trace).await?;
            let done = Committed::Done { inbox: Vec::new() };
            outcomes.push(if is_done { done } else { Committed::Stale });
        }
        Ok(outcomes)
    }

    async fn has_chunk(&self, trace: &Trace) -> Result<bool, StoreError> {
        let Some(expected) = trace.fingerprint else { return Ok(false) };
        let chunks = self.store.history(trace.process, trace.first_seq, 1).await?;
        Ok(chunks.first().is_some_and(|chunk| {
            chunk.first_seq == trace.first_seq && fingerprint(&chunk.content) == expected
        }))
    }

    /// Lets out what a durable step allows.
    pub fn release(self: &Arc<Self>, run: &Run, durable: Durable) {
        let (standing, status) = (durable.standing, durable.status);
        self.let_out(run, durable);
        if standing == Standing::Final {
            self.note_end(run, status);
        }
    }

    /// The same for a run that goes on.
    pub fn let_out(self: &Arc<Self>, run: &Run, durable: Durable) {
        self.let_out_of(run.id, run.info().key, durable);
    }

    pub fn let_out_of(self: &Arc<Self>, process: ProcessId, workflow: i64, durable: Durable) {
        if let Some(reply) = durable.reply {
            self.answer(process, reply);
        }
        for effect in durable.effects {
            self.dispatch(process, effect);
        }
        for row in durable.messages {
            self.deliver_row(row);
        }
        for target in durable.unread {
            self.read_inbox(target);
        }
        if let Standing::Live { due } = durable.standing {
            if durable.more {
                self.deliver(process, Input::Continue);
            } else if let Some(due) = due {
                self.schedule(due, process, workflow);
            }
        }
        self.watchers.publish(process);
    }

    /// The caller may have gone, or be at another node: the stored result is the truth.
    fn answer(&self, process: ProcessId, reply: Reply) {
        match self.waiters.lock().remove(&process) {
            Some(waiter) => {
                let _ = waiter.send(reply);
            }
            None => self.store.hint(Hint::Answered(process)),
        }
    }

    /// Brings what waits for a process, as soon as that can be read: nobody else may.
    pub fn read_inbox(self: &Arc<Self>, process: ProcessId) {
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let mut pause = Duration::from_millis(50);
            loop {
                match engine.inbox(process).await {
                    Ok(rows) => return rows.into_iter().for_each(|row| engine.deliver_row(row)),
                    Err(error) => {
                        tracing::warn!(%process, %error, "an inbox cannot be read");
                        let stays = matches!(error, StoreError::Closed | StoreError::Corrupt(_));
                        if stays || engine.is_closing() {
                            // the next start takes it up
                            return;
                        }
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        });
    }

    /// A run is over.
    fn note_end(self: &Arc<Self>, run: &Run, status: Status) {
        self.waiters.lock().remove(&run.id);
        self.counters.runs_finished.fetch_add(1, Ordering::Relaxed);
        if status != Status::Succeeded {
            self.counters.runs_failed.fetch_add(1, Ordering::Relaxed);
        }
        self.gate_left(run);
    }
}

/// True for a new process that tells whoever holds its partition of itself.
fn announces_itself(batch: &Batch) -> bool {
    let is_to_itself = |it: &Message| it.kind == MessageKind::Arrived && it.to == batch.process;
    batch.expected_seq == 0 && batch.messages.iter().any(is_to_itself)
}

fn fingerprint(chunk: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(chunk);
    hasher.finish()
}

/// The message of a run's error, for its row, which is not sealed.
pub fn shown_error(run: &Run, step: &Step, known: impl FnOnce() -> Masks) -> Option<String> {
    let message = &step.error.as_ref()?.message;
    let masked = match run.flow().holds_secrets {
        true => Masks::of_flow(run.flow()).with(&known()).text(message),
        false => None,
    };
    Some(masked.unwrap_or_else(|| message.to_string()))
}

/// `None` for text that is empty.
pub fn some_text(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}
