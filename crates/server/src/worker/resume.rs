//! Beginning runs that go on where others ended: what is carried over may be several chunks,
//! and becomes durable in one transaction.

use super::Engine;
use super::commit::{Refusal, StepOf, shown_error, some_text};
use super::gate::Admission;
use super::start::{Start, Started, arrival, request_of};
use crate::app::error::{AppError, ErrorKind};
use flow::run::{Past, ResumeError, Run, Step};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{RunChange, RunPatch};

impl Engine {
    /// Begins a run that goes on where another ended; answers once what it has from there,
    /// and everything that it did in its first step, is durable.
    pub async fn start_resumed(
        self: &Arc<Self>,
        start: Start<'_>,
        past: &Past,
    ) -> Result<Started, AppError> {
        let admission = self.gate_enter(&start).await?;
        let (id, key, limit) = (start.id, start.version.info.key, start.trigger.concurrency);
        let (run, steps) = match self.carry_over(start, past, admission) {
            Ok(begun) => begun,
            Err(error) => {
                self.gate_undo_of(id, key, limit, admission);
                return Err(error);
            }
        };
        let engine = Arc::clone(self);
        // once it is on its way it begins, also when who asked for it goes away
        let task = tokio::spawn(async move {
            let outcome = match engine.commit_group(steps).await {
                Ok(outcomes) => {
                    let all: Result<Vec<_>, Refusal> = outcomes.into_iter().collect();
                    all.and_then(|mut all| all.pop().ok_or(Refusal::Stale))
                }
                Err(refusal) => Err(refusal),
            };
            engine.finish_start(run, outcome, admission, false)
        });
        task.await.map_err(AppError::internal)?
    }

    fn carry_over(
        &self,
        start: Start<'_>,
        past: &Past,
        admission: Admission,
    ) -> Result<(Box<Run>, Vec<StepOf>), AppError> {
        let request = request_of(start, admission);
        let (run, mut steps) =
            Run::resume(request, past, self.clock.moment()).map_err(not_begun)?;
        self.counters.runs_started.fetch_add(1, Ordering::Relaxed);
        if admission == Admission::Elsewhere {
            // a start that another node lets in is one chunk, which needs no lease
            if steps.len() > 1 {
                return Err(not_begun(ResumeError::TooLarge));
            }
            steps.iter_mut().for_each(|step| step.batch.messages.push(arrival(run.id)));
        }
        let steps = steps.into_iter().enumerate();
        // what is carried over stays sealed
        let is_sealed = run.flow().holds_secrets || past.holds_secrets();
        let steps = steps.map(|(at, step)| self.part_of(&run, step, is_sealed, at == 0)).collect();
        Ok((Box::new(run), steps))
    }
}

impl Engine {
    /// The first part inserts the row of the run, those after it change it.
    fn part_of(&self, run: &Run, step: Step, is_sealed: bool, is_first: bool) -> StepOf {
        let change = match is_first {
            true => self.inserted(run, &step),
            false => RunChange::Update(RunPatch {
                id: run.id,
                status: step.status as u8,
                end: step.end,
                code: some_text(&step.code),
                error: shown_error(run, &step, || self.known_secrets_here(&run.info().id)),
            }),
        };
        StepOf { run: change, step, workflow: run.info().key, is_sealed, asked_by: None }
    }
}

fn not_begun(error: ResumeError) -> AppError {
    match error {
        ResumeError::Start(error) => {
            AppError::new(ErrorKind::NotFound, "TriggerNotFound", error.to_string())
        }
        ResumeError::Read(error) => AppError::internal(error),
        ResumeError::TooLarge => {
            AppError::new(ErrorKind::Conflict, "RunTooLargeToResume", error.to_string())
        }
    }
}
