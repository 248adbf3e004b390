//! Making steps durable, and letting out what waited for it.

use super::Engine;
use durable::{InboxId, Message, ProcessId, Standing};
use flow::run::{Effect, Input, Reply, Run, Status, Step};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{Commit, Committed, RunChange};

/// What a durable step lets out.
pub struct Durable {
    pub standing: Standing,
    pub status: Status,
    pub reply: Option<Reply>,
    pub more: bool,
    effects: Vec<Effect>,
    messages: Vec<(Message, InboxId)>,
    /// The start key was known: nothing was changed.
    pub started_before: Option<ProcessId>,
}

/// Why a step was not committed.
#[derive(Debug)]
pub enum Refusal {
    /// The process is not where the batch expected it.
    Stale,
    Failed(store::StoreError),
}

impl Engine {
    /// Commits a step.
    pub async fn commit(&self, step: Step, run: RunChange) -> Result<Durable, Refusal> {
        let mut outcomes = self.commit_group(vec![(step, run)]).await?;
        outcomes.pop().unwrap_or(Err(Refusal::Stale))
    }

    /// Commits steps of several processes in one transaction; each is whole in itself.
    pub async fn commit_group(
        &self,
        steps: Vec<(Step, RunChange)>,
    ) -> Result<Vec<Result<Durable, Refusal>>, Refusal> {
        let mut group = Vec::with_capacity(steps.len());
        let mut rest = Vec::with_capacity(steps.len());
        for (step, run) in steps {
            let Step { batch, effects, reply, more, status, .. } = step;
            rest.push((batch.standing, batch.messages.clone(), effects, reply, more, status));
            group.push(Commit { batch, run });
        }
        let outcomes = self.store.commit(group).await.map_err(Refusal::Failed)?;
        let durable = outcomes.into_iter().zip(rest);
        Ok(durable
            .map(|(outcome, (standing, messages, effects, reply, more, status))| {
                let (inbox, started_before) = match outcome {
                    Committed::Done { inbox } => (inbox, None),
                    Committed::StartedBefore(process) => (Vec::new(), Some(process)),
                    Committed::Stale => return Err(Refusal::Stale),
                };
                let messages = messages.into_iter().zip(inbox);
                let messages = messages.filter_map(|(message, id)| Some((message, id?))).collect();
                Ok(Durable { standing, status, reply, more, effects, messages, started_before })
            })
            .collect())
    }

    /// Lets out what a durable step allows.
    pub fn release(self: &Arc<Self>, run: &Run, durable: Durable) {
        let (standing, status) = (durable.standing, durable.status);
        self.let_out(run.id, durable);
        if standing == Standing::Final {
            self.note_end(run, status);
        }
    }

    /// The same for a run that goes on.
    pub fn let_out(self: &Arc<Self>, process: ProcessId, durable: Durable) {
        if let Some(reply) = durable.reply
            && let Some(waiter) = self.waiters.lock().remove(&process)
        {
            // the caller may have gone: the stored result is the truth
            let _ = waiter.send(reply);
        }
        for effect in durable.effects {
            self.dispatch(process, effect);
        }
        for (message, id) in durable.messages {
            self.deliver_message(message.to, id, message.kind, message.effect, &message.body);
        }
        if let Standing::Live { due } = durable.standing {
            if durable.more {
                self.deliver(process, Input::Continue);
            } else if let Some(due) = due {
                self.timers.schedule(due, process, self.clock.now());
            }
        }
        self.watchers.publish(process);
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

/// `None` for text that is empty.
pub fn some_text(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}
