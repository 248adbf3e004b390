//! Beginning runs.

use super::Engine;
use super::commit::{Durable, Refusal, StepOf, shown_error, some_text};
use super::gate::Admission;
use crate::app::catalog::Version;
use crate::app::error::{AppError, ErrorKind};
use durable::{Message, MessageKind, ProcessId, Standing, StartKey, Ticks};
use expr::{Object, Str, Value};
use flow::definition::Trigger;
use flow::run::state::Caller;
use flow::run::{Reply, Run, StartRequest, Status, Step};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use store::{RunChange, RunRow};
use tokio::sync::oneshot;

/// What a run is to begin with.
pub struct Start<'a> {
    pub version: &'a Version,
    pub trigger: &'a Trigger,
    pub id: ProcessId,
    pub outputs: Value,
    pub raw_body: Option<&'a [u8]>,
    pub scheduled: Option<Ticks>,
    pub client_tracking_id: Option<Str>,
    pub origin: Option<ProcessId>,
    pub caller: Caller,
    pub start_key: Option<StartKey>,
    /// Values of parameters that the run keeps: [`Engine::parameters_of`].
    pub parameters: Object,
    /// Who invoked it: [`crate::app::invoker`]. Null: nobody.
    pub invoker: Value,
}

/// A run that is durable.
pub struct Started {
    pub id: ProcessId,
    pub status: Status,
    /// The answer, when it was ready at once.
    pub reply: Option<Reply>,
    /// Where the answer comes, when the caller waits for it.
    pub waiter: Option<oneshot::Receiver<Reply>>,
    /// An earlier start with the same key.
    pub was_started_before: bool,
}

impl Engine {
    /// Begins a run; answers once the start, and everything the run did in its first
    /// step, is durable.
    pub async fn start(self: &Arc<Self>, start: Start<'_>) -> Result<Started, AppError> {
        let admission = self.gate_enter(&start).await?;
        let is_waiting = matches!(start.caller, Caller::Request { .. });
        let (run, step) = self.first_step(start, admission)?;
        let step = self.step_of(&run, step);
        let engine = Arc::clone(self);
        let commit = Box::pin(async move { engine.commit(step).await });
        let engine = Arc::clone(self);
        Beginning { engine, run: Some(run), commit, admission, is_waiting }.await
    }

    /// What follows when the store has answered to a start.
    pub(super) fn finish_start(
        self: &Arc<Self>,
        run: Box<Run>,
        outcome: Result<Durable, Refusal>,
        admission: Admission,
        is_waiting: bool,
    ) -> Result<Started, AppError> {
        match outcome {
            Ok(durable) => Ok(self.begin_life(run, durable, admission, is_waiting)),
            Err(refusal) => {
                self.gate_undo(&run, admission);
                Err(match refusal {
                    Refusal::Stale => AppError::internal(format!("run id {} is taken", run.id)),
                    Refusal::Fenced(_) => super::not_ready(),
                    Refusal::NotAsked => {
                        let message = "The run that asked for this one waits for it no more.";
                        AppError::new(ErrorKind::Conflict, "RunNotAsked", message)
                    }
                    Refusal::Failed(error) => error.into(),
                })
            }
        }
    }

    /// Begins several runs of one trigger in one transaction.
    pub async fn start_group(
        self: &Arc<Self>,
        starts: Vec<Start<'_>>,
    ) -> Result<Vec<Started>, AppError> {
        let mut runs: Vec<(Box<Run>, Admission)> = Vec::with_capacity(starts.len());
        let mut steps = Vec::with_capacity(starts.len());
        for start in starts {
            let entered = match self.gate_enter(&start).await {
                Ok(admission) => {
                    self.first_step(start, admission).map(|(run, step)| (run, step, admission))
                }
                Err(error) => Err(error),
            };
            let (run, step, admission) = match entered {
                Ok(entered) => entered,
                Err(error) => {
                    for (run, admission) in &runs {
                        self.gate_undo(run, *admission);
                    }
                    return Err(error);
                }
            };
            steps.push(self.step_of(&run, step));
            runs.push((run, admission));
        }
        let engine = Arc::clone(self);
        let task = tokio::spawn(async move { engine.finish_group(runs, steps).await });
        task.await.map_err(AppError::internal)?
    }

    async fn finish_group(
        self: Arc<Self>,
        runs: Vec<(Box<Run>, Admission)>,
        steps: Vec<StepOf>,
    ) -> Result<Vec<Started>, AppError> {
        let outcomes = match self.commit_group(steps).await {
            Ok(outcomes) => outcomes,
            Err(refusal) => {
                for (run, admission) in &runs {
                    self.gate_undo(run, *admission);
                }
                return Err(match refusal {
                    Refusal::Stale | Refusal::NotAsked => {
                        AppError::internal("a group of starts was stale")
                    }
                    Refusal::Fenced(_) => super::not_ready(),
                    Refusal::Failed(error) => error.into(),
                });
            }
        };
        let finished = runs.into_iter().zip(outcomes);
        finished
            .map(|((run, admission), outcome)| self.finish_start(run, outcome, admission, false))
            .collect()
    }

    fn first_step(
        &self,
        start: Start<'_>,
        admission: Admission,
    ) -> Result<(Box<Run>, Step), AppError> {
        self.counters.runs_started.fetch_add(1, Ordering::Relaxed);
        let request = request_of(start, admission);
        let (run, mut step) = Run::start(request, self.clock.moment()).map_err(|error| {
            AppError::new(ErrorKind::NotFound, "TriggerNotFound", error.to_string())
        })?;
        if admission == Admission::Elsewhere {
            step.batch.messages.push(arrival(run.id));
        }
        Ok((Box::new(run), step))
    }

    /// A durable start: its effects leave, its caller waits.
    fn begin_life(
        self: &Arc<Self>,
        run: Box<Run>,
        mut durable: Durable,
        admission: Admission,
        is_waiting: bool,
    ) -> Started {
        if let Some(earlier) = durable.started_before {
            self.gate_undo(&run, admission);
            return Started {
                id: earlier,
                status: Status::Running,
                reply: None,
                waiter: None,
                was_started_before: true,
            };
        }
        let (id, status) = (run.id, durable.status);
        let reply = durable.reply.take();
        let is_final = durable.standing == Standing::Final;
        if admission == Admission::Elsewhere {
            // its home learns of it by the message in its inbox, which is told here
            self.let_out(&run, durable);
            return Started { id, status, reply, waiter: None, was_started_before: false };
        }
        let waiter = (is_waiting && reply.is_none() && !is_final).then(|| {
            let (sender, receiver) = oneshot::channel();
            self.waiters.lock().insert(id, sender);
            receiver
        });
        if is_final {
            // its answer to a parent leaves, too
            self.release(&run, durable);
        } else {
            // in memory first: what is let out may answer at once
            let (key, limit) = (run.info().key, super::gate::limit(&run));
            self.adopt(run, durable.more);
            self.let_out_of(id, key, durable);
            if let (Admission::Waits, Some(limit)) = (admission, limit) {
                self.gate_waits(id, key, limit.runs);
            }
        }
        Started { id, status, reply, waiter, was_started_before: false }
    }
}

type Committing = Pin<Box<dyn Future<Output = Result<Durable, Refusal>> + Send>>;

/// A start on its way to the store. When whoever waits for it goes away, it is finished
/// all the same: the commit cannot be called back, and what it allows has to leave.
struct Beginning {
    engine: Arc<Engine>,
    run: Option<Box<Run>>,
    commit: Committing,
    admission: Admission,
    is_waiting: bool,
}

impl Future for Beginning {
    type Output = Result<Started, AppError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(outcome) = self.commit.as_mut().poll(context) else {
            return Poll::Pending;
        };
        let (admission, is_waiting) = (self.admission, self.is_waiting);
        let Some(run) = self.run.take() else {
            return Poll::Ready(Err(AppError::internal("a start was asked for twice")));
        };
        Poll::Ready(self.engine.finish_start(run, outcome, admission, is_waiting))
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let commit = std::mem::replace(&mut self.commit, Box::pin(std::future::pending()));
        let (engine, admission) = (Arc::clone(&self.engine), self.admission);
        runtime.spawn(async move {
            let outcome = commit.await;
            // nobody waits for the answer: the history has it
            let _ = engine.finish_start(run, outcome, admission, false);
        });
    }
}

pub(super) fn request_of(start: Start<'_>, admission: Admission) -> StartRequest<'_> {
    StartRequest {
        id: start.id,
        flow: Arc::clone(&start.version.flow),
        info: Arc::clone(&start.version.info),
        trigger: &start.trigger.name,
        outputs: start.outputs,
        raw_body: start.raw_body,
        scheduled: start.scheduled,
        client_tracking_id: start.client_tracking_id,
        origin: start.origin,
        caller: start.caller,
        start_key: start.start_key,
        parameters: start.parameters,
        invoker: start.invoker,
        is_held: matches!(admission, Admission::Waits | Admission::Elsewhere),
    }
}

/// Tells the node that holds a run's partition that the run is there.
pub(super) fn arrival(run: ProcessId) -> Message {
    Message { to: run, from: Some(run), effect: 0, kind: MessageKind::Arrived, body: Vec::new() }
}

impl Engine {
    fn step_of(&self, run: &Run, step: Step) -> StepOf {
        let asked_by = match run.caller() {
            Caller::Parent { process, effect } => Some((process, effect)),
            _ => None,
        };
        let (workflow, is_sealed) = (run.info().key, run.flow().holds_secrets);
        StepOf { run: self.inserted(run, &step), step, workflow, is_sealed, asked_by }
    }

    /// The row of a run that has taken its first step.
    pub(super) fn inserted(&self, run: &Run, step: &Step) -> RunChange {
        RunChange::Insert(RunRow {
            id: run.id,
            workflow: run.info().key,
            version: run.info().version,
            status: step.status as u8,
            end: step.end,
            code: some_text(&step.code),
            error: shown_error(run, step, || self.known_secrets_here(&run.info().id)),
            client_tracking_id: run.custom_tracking_id().map(str::to_owned),
            parent: run.parent(),
        })
    }
}
