//! What shows how an approval was decided, and what is left of it when people are erased.

use super::people::Party;
use super::record::{ApprovalRecord, BY_PERSON};
use super::{ApprovalView, Stepped};
use crate::app::data::Known;
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::worker::retention::RECLAIM_BYTES;
use governance::approval::evidence::{Forged, verify};
use serde_json::json;
use std::collections::BTreeSet;

/// An approval with whether its history is what was written.
pub struct EvidenceView {
    pub record: Known<ApprovalRecord>,
    /// What is not.
    pub fault: Option<String>,
}

impl App {
    /// The history of an approval, checked.
    pub async fn approval_evidence(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<EvidenceView, AppError> {
        let ApprovalView { record, .. } =
            self.approval_for(caller, Operation::GetApproval, id).await?;
        let fault = match verify(record.state.history(), record.state.comments()) {
            Ok(()) => None,
            Err(Forged::Entry(number)) => Some(format!("The entry {number} was changed.")),
            Err(Forged::Comment(number)) => Some(format!("The comment {number} was changed.")),
        };
        Ok(EvidenceView { record, fault })
    }

    /// Erases what approvals know of somebody: their name, their addresses and what they
    /// wrote. What they answered stays, under an id that says nothing. Answers how many
    /// approvals it was in.
    pub async fn erase_from_approvals(
        &self,
        caller: &Caller,
        person: &str,
    ) -> Result<usize, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let person = match self.user(person).await? {
            Some(user) => user.id.clone(),
            None => person.to_lowercase(),
        };
        let (mut ids, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.list::<ApprovalRecord>(BY_PERSON, &[&person], after, 256).await?;
            ids.extend(page.rows.into_iter().map(|it| it.value.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for id in &ids {
            let step = |record: &mut ApprovalRecord, _| {
                erase(record, &person);
                Ok(Stepped::of(Vec::new(), Ok(())).audited("EraseFromApproval", json!({})))
            };
            self.change_approval(caller, id, step).await?;
        }
        // what they were before goes from the files as well
        while !ids.is_empty() && self.engine.store.reclaim(RECLAIM_BYTES).await? > 0 {}
        Ok(ids.len())
    }
}

/// Takes out of an approval what it knows of somebody, by object id or address.
fn erase(record: &mut ApprovalRecord, person: &str) {
    let is_address =
        |party: &Party| party.mail.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(person));
    let theirs = record.people.iter_mut().filter(|(id, party)| match party.is_known() {
        true => *id == person,
        false => is_address(party),
    });
    let mut ids = Vec::new();
    for (id, party) in theirs {
        // somebody of the directory stays one, as far as lists go
        let user_principal_name = party.user_principal_name.as_ref().map(|_| String::new());
        *party = Party { user_principal_name, ..Party::default() };
        ids.push(id.clone());
    }
    ids.iter().for_each(|id| record.state.erase(id));
}
