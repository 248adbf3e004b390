//! Answers, reassignments, and approvals that are taken back.

use super::people::Found;
use super::record::ApprovalRecord;
use super::{Stepped, no_approval};
use crate::app::data::Known;
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::clock;
use governance::approval::{Answer, Comment, Input, Reassignment, Via};
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
        let assignee = match input.assignee {
            Some(name) => {
                let mut found = Found::with(view.record.people.clone());
                let person = self.person_named(&name, &mut found).await?;
                // who stands for them hears why it is too late
                if person != caller.id() && !view.stands_for.contains(&person) {
                    let message = format!("The caller does not stand for '{name}'.");
                    return Err(AppError::new(
                        crate::app::ErrorKind::Forbidden,
                        "ApprovalNotAssigned",
                        message,
                    ));
                }
                person
            }
            None => {
                let is_own = view.answers_for.iter().any(|it| it == caller.id());
                let stands_for = view.answers_for.first().filter(|_| !is_own);
                stands_for.cloned().unwrap_or_else(|| caller.id().to_owned())
            }
        };
        let answer = Answer {
            assignee,
            by: caller.id().to_owned(),
            option: input.option,
            comment: comment_of(caller.id(), input.comments.as_deref())?,
            via: input.via,
        };
        let mut found = Found::default();
        if answer.by != answer.assignee {
            self.people_named(caller.id(), &mut found).await?;
        }
        self.take_answer(caller, id, (answer, found)).await
    }

    /// An answer of somebody who was let in, who may be new in it.
    pub(super) async fn take_answer(
        &self,
        caller: &Caller,
        id: &str,
        (answer, found): (Answer, Found),
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let step = |record: &mut ApprovalRecord, now| Ok(answered(record, now, (&answer, &found)));
        self.change_approval(caller, id, step).await
    }

    /// Has somebody else answer instead: assignees where the approval allows it, whoever
    /// administers always.
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
        if !is_theirs && !view.is_cancellable {
            let message = "Only who is asked, or who asked, has somebody else answer.";
            let kind = crate::app::ErrorKind::Forbidden;
            return Err(AppError::new(kind, "ApprovalNotAssigned", message));
        }
        let to = self.person_named(to, &mut found).await?;
        let party = found.people.get(&to).cloned().unwrap_or_default();
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
                record.people.insert(to.clone(), party.clone());
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
        let step = |record: &mut ApprovalRecord, now| {
            let input = Input::Cancel { by: by.clone(), comment: comment.clone() };
            let (tells, result) = record.state.handle(now, input);
            Ok(Stepped::of(tells, result).audited("CancelApproval", json!({})))
        };
        self.change_approval(caller, id, step).await
    }

    /// Takes back what nobody waits for any more: the run that asked has ended.
    pub(super) async fn leave_approval(
        &self,
        id: &str,
        subscription: &str,
    ) -> Result<(), AppError> {
        let Some(known) = self.get::<ApprovalRecord>(id).await? else {
            return Err(no_approval(id));
        };
        if !known.waiting.iter().any(|it| it.id == subscription) {
            return Ok(());
        }
        let server = Caller::root("server");
        let step = |record: &mut ApprovalRecord, now| {
            record.waiting.retain(|it| it.id != subscription);
            if !record.waiting.is_empty() || !record.state.is_open() {
                return Ok(Stepped::of(Vec::new(), Ok(())));
            }
            let input = Input::Cancel { by: None, comment: None };
            let (tells, result) = record.state.handle(now, input);
            Ok(Stepped::of(tells, result).audited("CancelApproval", json!({"flowEnded": true})))
        };
        self.change_approval(&server, id, step).await.map(|_| ())
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
