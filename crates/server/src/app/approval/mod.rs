//! Approvals: who is asked for what, and what became of it. The rules are those of
//! `governance::approval`; here is who people are, what is kept, and who waits.
//!
//! An approval is a record and not a process of its own: whoever answers changes it at any
//! node and hears at once whether that counted, and of two who answer at a time the store
//! lets one be first. What an outcome owes to others is kept in the same change: flows of this
//! server are sent it by that, letters and calls to others are made good by rounds, however
//! often a node ends.
//!
//! Invariant: whoever waits is told of an outcome once it is stored, and of no other one.

mod answer;
mod calendar;
mod card;
mod choice;
mod create;
mod deputy;
mod evidence;
mod excuse;
mod input;
mod letter;
mod link;
mod list;
mod notice;
mod people;
mod record;
mod served;
mod wake;

pub use answer::AnswerInput;
pub use calendar::BusinessCalendar;
pub(crate) use choice::is_choice;
pub use create::Asking;
pub use deputy::{Deputy, DeputyView};
pub use evidence::EvidenceView;
pub use input::{ApprovalInput, ApprovalType, StageInput};
pub(crate) use letter::minute_of;
pub use link::{ForgedLinks, Invitation, LinkAnswer, LinkAnswered, LinkEnd, LinkFault};
pub use list::{ApprovalFilter, ApprovalSide};
pub use people::Party;
pub use record::ApprovalRecord;
pub use served::ApprovalCall;
pub(crate) use served::serve;

use super::data::{Change, Known};
use super::environment::forbidden;
use super::error::{AppError, ErrorKind};
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy::{self, Hold, Place};
use crate::limits::APPROVAL_TRIES_MAX;
use crate::worker::Callback;
use governance::approval::{Entry, Refusal, Tell, What};
use serde_json::{Value, json};
use std::time::Duration;
use store::Edit;

/// An approval with what the caller has to do with it.
pub struct ApprovalView {
    pub record: Known<ApprovalRecord>,
    /// Themselves, and those they stand for now.
    pub stands_for: Vec<String>,
    /// For whom the caller may answer: those of them who are asked.
    pub answers_for: Vec<String>,
    /// Whether the caller may take it back.
    pub is_cancellable: bool,
    /// Whether the caller may have others asked than those who are.
    pub is_led: bool,
}

impl App {
    /// An approval that the caller has to do with, or administers.
    pub async fn get_approval(&self, caller: &Caller, id: &str) -> Result<ApprovalView, AppError> {
        self.approval_for(caller, Operation::GetApproval, id).await
    }

    /// The same in an environment: one of another is told from none by nobody.
    pub async fn get_approval_within(
        &self,
        caller: &Caller,
        environment: &str,
        id: &str,
    ) -> Result<ApprovalView, AppError> {
        let view = self.approval_for(caller, Operation::GetApproval, id).await?;
        let within = self.environment(environment).await?;
        match within.is_some_and(|it| it.id == view.record.environment) {
            true => Ok(view),
            false => Err(no_approval_for(caller, id)),
        }
    }

    /// The same, to do something with. Who has nothing to do with it does not learn whether it
    /// is there.
    async fn approval_for(
        &self,
        caller: &Caller,
        operation: Operation,
        id: &str,
    ) -> Result<ApprovalView, AppError> {
        let people = self.stands_for(caller).await?;
        let Some(record) = self.get::<ApprovalRecord>(id).await? else {
            return Err(no_approval_for(caller, id));
        };
        let environment = self.environment(&record.environment).await?;
        let place = environment.as_ref().map(|it| it.place()).unwrap_or_default();
        let place = Place { hold: record.hold_of(caller, &people), ..place };
        let allows = |operation| policy::allows(caller, operation, place);
        if !allows(operation) && !allows(Operation::ManageApprovals) {
            return Err(denied(id));
        }
        let is_cancellable =
            allows(Operation::CancelApproval) || allows(Operation::ManageApprovals);
        let is_creator = record.creator.as_deref() == Some(caller.id());
        let is_led = is_creator || allows(Operation::ManageApprovals);
        let answers_for = match record.state.is_open() {
            true => {
                let open = record.state.open_tasks().map(|task| &task.assignee);
                open.filter(|it| people.contains(it)).cloned().collect()
            }
            false => Vec::new(),
        };
        Ok(ApprovalView { record, stands_for: people, answers_for, is_cancellable, is_led })
    }

    /// Changes an approval: [`Self::change_known`] of what is stored.
    async fn change_approval(
        &self,
        caller: &Caller,
        id: &str,
        step: impl FnMut(&mut ApprovalRecord, i64) -> Result<Stepped, AppError>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let record = self.get(id).await?.ok_or_else(|| no_approval(id))?;
        self.change_known(caller, record, step).await
    }

    /// Changes an approval that was read, again as long as others do so at the same moment.
    /// `step` says whom to tell, and what the audit is to say, which is nothing where nothing
    /// was asked for: what time has decided is said all the same, with the end of the chain.
    /// What was refused is stored too: time may have passed on the way.
    async fn change_known(
        &self,
        caller: &Caller,
        mut record: Known<ApprovalRecord>,
        mut step: impl FnMut(&mut ApprovalRecord, i64) -> Result<Stepped, AppError>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let (server, id) = (Caller::root("server"), record.id.clone());
        for attempt in 0..APPROVAL_TRIES_MAX {
            let before = record.value.clone();
            let now = self.engine.clock.now();
            let Stepped { tells, audit, result } = step(&mut record.value, now)?;
            if record.value == before {
                result?;
                return Ok(record);
            }
            record.changed = now;
            let mut change = Change::default();
            for notice in self.notices_of(&record, &tells, now)? {
                change = change.put(&notice)?;
            }
            let is_ended_by_time =
                audit.is_none() && before.state.is_open() && !record.state.is_open();
            let ended = || ("CompleteApproval", json!({"outcome": record.outcome()}));
            if let Some((operation, detail)) = audit.or_else(|| is_ended_by_time.then(ended)) {
                change = change.audit(operation, &id, &record.said(detail));
            }
            let by = if is_ended_by_time { &server } else { caller };
            let callbacks = self.tell(&mut record.value).await;
            match self.keep(by, record, change, callbacks).await {
                Err(error) if error.kind == ErrorKind::Conflict => {
                    // somebody else was first; many at once do not meet again
                    let pause = self.engine.clock.moment().seed % (u64::from(attempt) * 4 + 2);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    record = self.get(&id).await?.ok_or_else(|| no_approval(&id))?;
                }
                Err(error) => return Err(error),
                Ok(kept) => {
                    self.notices.hurry();
                    if !kept.state.is_open()
                        && kept.is_awaited()
                        && let Err(error) = Box::pin(self.tell_waiting(kept.clone())).await
                    {
                        tracing::warn!(approval = %id, message = %error.message, "who waits for an approval is told later");
                    }
                    result?;
                    return Ok(kept);
                }
            }
        }
        let message = "Too many answer this approval at the same moment. Try again shortly.";
        let kind = ErrorKind::Throttled { retry_after_seconds: 1 };
        Err(AppError::new(kind, "ApprovalBusy", message))
    }

    /// Keeps an approval with what else changes, and what it tells runs.
    async fn keep(
        &self,
        by: &Caller,
        record: Known<ApprovalRecord>,
        change: Change,
        callbacks: Vec<Callback>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let mut change = change.put(&record)?;
        let (mut runs, mut said) = (Vec::new(), Vec::new());
        for callback in callbacks {
            runs.push(callback.message.to);
            said.push(callback.said);
            change = change.edit(Edit::Send(callback.message));
        }
        let kept = self.apply(by, change).await;
        if !matches!(&kept, Err(error) if error.kind == ErrorKind::Conflict) {
            // where nobody knows it may be kept all the same
            runs.iter().for_each(|run| self.engine.read_inbox(*run));
        }
        let mut numbers = kept?;
        let taken = numbers.split_off(numbers.len().saturating_sub(said.len()));
        for (said, _) in said.into_iter().zip(taken).filter(|(_, taken)| *taken == 1) {
            self.engine.note_said(said).await;
        }
        Ok(record.stored(numbers.pop().unwrap_or_default()))
    }
}

/// What a step of an approval was.
struct Stepped {
    tells: Vec<Tell>,
    audit: Option<(&'static str, Value)>,
    result: Result<(), AppError>,
}

impl Stepped {
    fn of(tells: Vec<Tell>, result: Result<(), Refusal>) -> Stepped {
        Stepped { tells, audit: None, result: result.map_err(|it| refused(&it)) }
    }

    /// With what the audit says when it counted.
    fn audited(self, operation: &'static str, detail: Value) -> Stepped {
        let audit = self.result.is_ok().then_some((operation, detail));
        Stepped { audit, ..self }
    }
}

impl ApprovalRecord {
    /// What a caller has to do with it, who stands for some people. Who made it and the
    /// requestor may take it back, whoever is asked may answer.
    fn hold_of(&self, caller: &Caller, people: &[String]) -> Option<Hold> {
        let is_theirs = |id: &Option<String>| id.as_deref() == Some(caller.id());
        if is_theirs(&self.creator) || is_theirs(&self.requestor) {
            return Some(Hold::Owner);
        }
        if self.asked().any(|person| people.contains(person)) {
            return Some(Hold::CanEdit);
        }
        // whoever was told that it takes long may look at it
        let is_told = |entry: &Entry| match &entry.what {
            What::Escalated { to } => to.iter().any(|person| people.contains(person)),
            _ => false,
        };
        self.state.history().iter().any(is_told).then_some(Hold::CanView)
    }

    /// What the audit says of it, with the end of its history's chain.
    fn said(&self, detail: Value) -> Value {
        let mut said = json!({"environment": self.environment});
        if let (Some(said), Value::Object(detail)) = (said.as_object_mut(), detail) {
            said.extend(detail);
        }
        if let Some(last) = self.state.history().last() {
            said["evidence"] = last.hash.as_str().into();
        }
        said
    }
}

fn denied(id: &str) -> AppError {
    forbidden(&format!("Access to the approval '{id}' is denied."))
}

/// Only who administers the tenant hears that there is none.
fn no_approval_for(caller: &Caller, id: &str) -> AppError {
    match caller.administers_tenant() {
        true => no_approval(id),
        false => denied(id),
    }
}

fn no_approval(id: &str) -> AppError {
    AppError::not_found("ApprovalNotFound", format!("There is no approval '{id}'."))
}

/// Why something that somebody asked for was not done.
fn refused(refusal: &Refusal) -> AppError {
    let (kind, code) = match refusal {
        Refusal::Decided { .. } => (ErrorKind::Conflict, "ApprovalAlreadyCompleted"),
        Refusal::Cancelled => (ErrorKind::Conflict, "ApprovalCancelled"),
        Refusal::Answered { .. } => (ErrorKind::Conflict, "ApprovalAlreadyAnswered"),
        Refusal::NotAsked => (ErrorKind::Forbidden, "ApprovalNotAssigned"),
        Refusal::NotYet => (ErrorKind::Conflict, "ApprovalStageNotBegun"),
        Refusal::UnknownOption { .. } => (ErrorKind::Invalid, "InvalidApprovalResponse"),
        Refusal::NotReassignable => (ErrorKind::Forbidden, "ApprovalNotReassignable"),
        Refusal::AskedAlready => (ErrorKind::Conflict, "ApprovalAlreadyAssigned"),
        Refusal::Excused => (ErrorKind::Conflict, "ApprovalAssigneeExcused"),
        Refusal::CountedAlready => (ErrorKind::Conflict, "ApprovalAlreadyCounted"),
        Refusal::TooManyTasks => (ErrorKind::Conflict, "ApprovalTooOftenReassigned"),
    };
    AppError::new(kind, code, refusal.to_string())
}
