//! Answers, reassignments, and approvals that are taken back.

use super::deputy::Deputy;
use super::people::Found;
use super::record::ApprovalRecord;
use super::{Stepped, no_approval};
use crate::app::data::Known;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::clock;
use governance::approval::{Answer, Comment, Input, Reassignment, Refusal, TaskState, Via};
use governance::limits::COMMENT_BYTES_MAX;
use serde_json::json;

/// What somebody answers.
#[derive(Clone, Debug)]
pub struct AnswerInput {
    /// For whom: themselves when it is not said, or the one they stand for.
    pub assignee: Option<String>,
    pub option: String,
    pub comments: Option<String>,
    pub via: Via,
}

impl App {
    /// Answers for the caller, or for somebody for whom the caller stands.
    pub async fn answer_approval(
        &self,
        caller: &Caller,
        id: &str,
        input: AnswerInput,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let view = self.approval_for(caller, Operation::AnswerApproval, id).await?;
        let assignee = match &input.assignee {
            Some(name) => {
                let mut found = Found::with(view.record.people.clone());
                let person = self.person_named(name, &mut found).await?;
                // who stands for them hears why it is too late
                if person != caller.id() && !view.stands_for.contains(&person) {
                    return Err(not_stood_for(name));
                }
                person
            }
            None => {
                let is_own = view.answers_for.iter().any(|it| it == caller.id());
                let stands_for = view.answers_for.first().filter(|_| !is_own);
                stands_for.cloned().unwrap_or_else(|| caller.id().to_owned())
            }
        };
        self.answer_for(caller, view.record, (assignee, None), input).await
    }

    /// Answers one asking, by the number of its task, and no later one of the same person.
    pub async fn answer_approval_task(
        &self,
        caller: &Caller,
        id: &str,
        task: usize,
        input: AnswerInput,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let view = self.approval_for(caller, Operation::AnswerApproval, id).await?;
        let assignee = view.record.state.tasks().get(task).map(|it| it.assignee.clone());
        let is_theirs = |it: &String| it == caller.id() || view.stands_for.contains(it);
        match assignee.filter(is_theirs) {
            Some(assignee) => {
                self.answer_for(caller, view.record, (assignee, Some(task)), input).await
            }
            None => Err(not_stood_for(&format!("task {task}"))),
        }
    }

    async fn answer_for(
        &self,
        caller: &Caller,
        record: Known<ApprovalRecord>,
        (assignee, task): (String, Option<usize>),
        input: AnswerInput,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let answer = Answer {
            assignee,
            by: caller.id().to_owned(),
            option: input.option,
            comment: comment_of(caller.id(), input.comments.as_deref())?,
            via: input.via,
        };
        let (mut found, mut deputy) = (Found::default(), None);
        if answer.by != answer.assignee {
            self.note_actor(caller, &mut found).await?;
            deputy = self.get::<Deputy>(&answer.assignee).await?;
        }
        let is_deputy = |now| {
            let deputy = deputy.as_ref().filter(|it| it.deputy == answer.by);
            answer.by == answer.assignee || deputy.is_some_and(|it| it.counts_at(now))
        };
        let step = |record: &mut ApprovalRecord, now| {
            // the absence may be over by the moment that counts
            if !is_deputy(now) {
                return Err(not_stood_for(&answer.assignee));
            }
            let (mut tells, _) = record.state.handle(now, Input::Clock);
            if let Some(refusal) = task.and_then(|task| end_of_task(record, task)) {
                return Ok(Stepped::of(tells, Err(refusal)));
            }
            let stepped = answered(record, now, (&answer, &found));
            tells.extend(stepped.tells);
            Ok(Stepped { tells, ..stepped })
        };
        self.change_known(caller, record, step).await
    }

    /// Has somebody else answer instead: assignees where the approval allows it, whoever
    /// made it or administers always. For whom it was asked chooses nobody: they would choose
    /// who decides about what they want.
    pub async fn reassign_approval(
        &self,
        caller: &Caller,
        id: &str,
        (from, to): (Option<&str>, &str),
        comments: Option<&str>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let view = self.approval_for(caller, Operation::AnswerApproval, id).await?;
        let mut found = Found::with(view.record.people.clone());
        let from = match from {
            Some(name) => self.person_named(name, &mut found).await?,
            None => caller.id().to_owned(),
        };
        let is_theirs = from == caller.id() || view.stands_for.contains(&from);
        if !is_theirs && !view.is_led {
            let message = "Only who is asked, or who made it, has somebody else answer.";
            let kind = ErrorKind::Forbidden;
            return Err(AppError::new(kind, "ApprovalNotAssigned", message));
        }
        let to = self.person_named(to, &mut found).await?;
        self.note_actor(caller, &mut found).await?;
        let newcomers = [to.as_str(), caller.id()].map(str::to_owned);
        let reassignment = Reassignment {
            from,
            to: to.clone(),
            by: caller.id().to_owned(),
            comment: comment_of(caller.id(), comments)?,
            is_forced: !is_theirs,
        };
        let step = |record: &mut ApprovalRecord, now| {
            let (tells, result) = record.state.handle(now, Input::Reassign(reassignment.clone()));
            if result.is_ok() {
                let known = |id: &String| Some((id.clone(), found.people.get(id)?.clone()));
                record.people.extend(newcomers.iter().filter_map(known));
            }
            let detail = json!({"from": reassignment.from, "to": to});
            Ok(Stepped::of(tells, result).audited("ReassignApproval", detail))
        };
        self.change_approval(caller, id, step).await
    }

    /// Takes an approval back: whoever asked, or whoever administers.
    pub async fn cancel_approval(
        &self,
        caller: &Caller,
        id: &str,
        comments: Option<&str>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let view = self.approval_for(caller, Operation::GetApproval, id).await?;
        if !view.is_cancellable {
            let message = "Only who asked for an approval takes it back.";
            return Err(super::forbidden(message));
        }
        let by = (caller.kind() != CallerKind::Root).then(|| caller.id().to_owned());
        let comment = comment_of(caller.id(), comments)?;
        self.take_back(caller, id, (by, comment)).await
    }

    pub(super) async fn take_back(
        &self,
        caller: &Caller,
        id: &str,
        (by, comment): (Option<String>, Option<Comment>),
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let mut found = Found::default();
        self.note_actor(caller, &mut found).await?;
        let step = |record: &mut ApprovalRecord, now| {
            let input = Input::Cancel { by: by.clone(), comment: comment.clone() };
            let (tells, result) = record.state.handle(now, input);
            if result.is_ok() {
                record.people.extend(found.people.clone());
            }
            Ok(Stepped::of(tells, result).audited("CancelApproval", json!({})))
        };
        self.change_approval(caller, id, step).await
    }

    /// Takes back what nobody waits for any more: the run that asked has ended.
    ///
    /// A flow that only waits, for an approval that it made before, may wait again after its
    /// patience was over once: the approval stays until the run has ended. What another flow
    /// made is not its to take back.
    pub(super) async fn leave_approval(
        &self,
        id: &str,
        subscription: &str,
        flow: Option<&str>,
    ) -> Result<(), AppError> {
        let Some(known) = self.get::<ApprovalRecord>(id).await? else {
            return Err(no_approval(id));
        };
        let Some(waiting) = known.waiting.iter().find(|it| it.id == subscription) else {
            return Ok(());
        };
        let is_its_own = waiting.has_begun
            || known.flow.as_deref() == flow && !self.is_run_going_on(&waiting.callback).await?;
        let server = Caller::root("server");
        let step = |record: &mut ApprovalRecord, now| {
            record.waiting.retain(|it| it.id != subscription);
            if !is_its_own || !record.waiting.is_empty() || !record.state.is_open() {
                return Ok(Stepped::of(Vec::new(), Ok(())));
            }
            let input = Input::Cancel { by: None, comment: None };
            let (tells, result) = record.state.handle(now, input);
            Ok(Stepped::of(tells, result).audited("CancelApproval", json!({"flowEnded": true})))
        };
        self.change_approval(&server, id, step).await.map(|_| ())
    }
}

fn not_stood_for(name: &str) -> AppError {
    let message = format!("The caller does not stand for '{name}'.");
    AppError::new(ErrorKind::Forbidden, "ApprovalNotAssigned", message)
}

/// Why an asking of an approval that goes on takes no answer, even where the same person is
/// asked again.
fn end_of_task(record: &ApprovalRecord, task: usize) -> Option<Refusal> {
    let task = record.state.tasks().get(task).filter(|_| record.state.is_open())?;
    match &task.state {
        TaskState::Open if task.stage == record.state.stage() => None,
        TaskState::Answered { option, .. } => Some(Refusal::Answered { option: option.clone() }),
        TaskState::Open | TaskState::Reassigned { .. } | TaskState::Withdrawn => {
            Some(Refusal::NotAsked)
        }
    }
}

/// Takes an answer of somebody who may be new in an approval.
pub(super) fn answered(
    record: &mut ApprovalRecord,
    now: i64,
    (answer, found): (&Answer, &Found),
) -> Stepped {
    let (tells, result) = record.state.handle(now, Input::Answer(answer.clone()));
    if result.is_ok() {
        record.people.extend(found.people.clone());
    }
    let detail = json!({"assignee": answer.assignee, "response": answer.option});
    Stepped::of(tells, result).audited("AnswerApproval", detail)
}

/// A comment with what keeps it from being guessed once it is erased.
pub(super) fn comment_of(by: &str, text: Option<&str>) -> Result<Option<Comment>, AppError> {
    let Some(text) = text.filter(|it| !it.is_empty()) else { return Ok(None) };
    if text.len() > COMMENT_BYTES_MAX {
        let message = format!("Comments have {COMMENT_BYTES_MAX} bytes at most.");
        return Err(AppError::invalid("ApprovalCommentTooLong", message));
    }
    let salt = clock::random_bytes().map_err(AppError::internal)?;
    Ok(Some(Comment::new(by, text, salt)))
}
