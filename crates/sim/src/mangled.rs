//! What deliberate bugs make of the records of approvals on their way into the store.

use crate::bug::Bug;
use durable::Ticks;
use serde_json::{Value, json};
use server::app::data::Kind;
use store::{Edit, Record, RecordKey};

const MINUTE: Ticks = 600_000_000;

/// The key by which approvals are found whose time has come.
const BY_DUE: u8 = 5;

/// How much later than it should be a deadline is.
const LATE_MINUTES: Ticks = 6;

/// The record that is kept instead of one.
#[must_use]
pub fn kept(bug: Option<Bug>, record: &Record) -> Record {
    let mut kept = record.clone();
    let Ok(mut body) = serde_json::from_slice::<Value>(&record.body) else { return kept };
    let is_of = |kind: Kind| record.kind == kind as u8;
    match bug {
        Some(Bug::ForgetOwedWake) if is_of(Kind::Approval) && is_over(&body) => {
            kept.keys.retain(|key: &RecordKey| key.name != BY_DUE);
            return kept;
        }
        Some(Bug::ForgetWhoAnswered) if is_of(Kind::Approval) => forget_who_answered(&mut body),
        Some(Bug::ForgetExcused) if is_of(Kind::Approval) => {
            if let Some(state) = body["state"].as_object_mut() {
                state.remove("excused");
            }
        }
        Some(Bug::PostponeDeadline) if is_of(Kind::Approval) => postpone(&mut body),
        Some(Bug::ForgetHolidays) if is_of(Kind::BusinessCalendar) => {
            body["calendar"]["holidays"] = json!([]);
        }
        _ => return kept,
    }
    kept.body = serde_json::to_vec(&body).unwrap_or_default();
    kept
}

/// Whether a change of a record that has another revision by now is made all the same.
#[must_use]
pub fn is_forced(bug: Option<Bug>, stored: Option<&Record>) -> bool {
    let is_approval = |it: &&Record| it.kind == Kind::Approval as u8;
    let Some(stored) = stored.filter(is_approval) else { return false };
    let body: Value = serde_json::from_slice(&stored.body).unwrap_or_default();
    bug == Some(Bug::AnswerOverOutcome) && is_over(&body)
}

/// Whether something is said to be done and is not.
#[must_use]
pub fn is_lost(bug: Option<Bug>, edit: &Edit) -> bool {
    match edit {
        Edit::Remove { kind, .. } => bug == Some(Bug::KeepDeputy) && *kind == Kind::Deputy as u8,
        Edit::Send(_) => bug == Some(Bug::LoseOutcome),
        _ => false,
    }
}

fn is_over(body: &Value) -> bool {
    body["state"]["standing"] != "open"
}

/// Whoever answered for somebody is that one.
fn forget_who_answered(body: &mut Value) {
    let tasks = body["state"]["tasks"].as_array_mut();
    for task in tasks.into_iter().flatten() {
        let assignee = task["assignee"].clone();
        if let Some(answered) = task["state"].get_mut("answered") {
            answered["by"] = assignee;
        }
    }
}

fn postpone(body: &mut Value) {
    let state = &mut body["state"];
    let stage = state["stage"].clone();
    let mut tasks = state["tasks"].as_array().into_iter().flatten();
    let asked = tasks.find(|task| task["stage"] == stage).and_then(|task| task["asked"].as_i64());
    let deadline = state["timing"]["deadline"].as_i64();
    if let (Some(asked), Some(deadline)) = (asked, deadline)
        // those in business days are another matter
        && deadline - asked < 60 * MINUTE
    {
        let minutes = Ticks::from(crate::ruling::DEADLINE_MINUTES) + LATE_MINUTES;
        state["timing"]["deadline"] = json!(asked + minutes * MINUTE);
    }
}
