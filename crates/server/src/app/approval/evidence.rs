//! What shows how an approval was decided, and what is left of it when people are erased.

use super::create::about;
use super::people::Party;
use super::record::{ApprovalRecord, BY_PERSON};
use super::{Stepped, no_approval};
use crate::app::data::Known;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::worker::retention::RECLAIM_BYTES;
use governance::approval::evidence::Forged;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::AuditFilter;

/// An approval with whether its history is what was written.
pub struct EvidenceView {
    pub record: Known<ApprovalRecord>,
    /// A hash of what is asked, as it is kept now.
    pub asked: String,
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
        self.approval_for(caller, Operation::GetApproval, id).await?;
        // before the approval: what is added meanwhile is in both or in that alone
        let last = self.audited_end(id).await?;
        let record = self.get::<ApprovalRecord>(id).await?.ok_or_else(|| no_approval(id))?;
        let asked = self.about_now(&record).await?;
        let fault = match record.state.check(&asked) {
            Ok(()) => {
                let history = record.state.history();
                let is_there = |hash: &String| history.iter().any(|it| it.hash == *hash);
                let is_cut = last.is_some_and(|hash| !is_there(&hash));
                is_cut
                    .then(|| "The end of the history was changed: the audit knows another.".into())
            }
            Err(Forged::Entry(number)) => Some(format!("The entry {number} was changed.")),
            Err(Forged::Comment(number)) => Some(format!("The comment {number} was changed.")),
            Err(Forged::Asked) => Some("What is asked, or of whom, was changed.".into()),
            Err(Forged::Task(number)) => {
                Some(format!("The answer of the asking {number} was changed."))
            }
            Err(Forged::Outcome) => Some("The outcome was changed.".into()),
        };
        Ok(EvidenceView { record, asked, fault })
    }

    /// The hash of the last entry of an approval's history that the audit has; none where it
    /// knows nothing of the approval any more.
    async fn audited_end(&self, id: &str) -> Result<Option<String>, AppError> {
        let target = Some(id.to_owned());
        let filter = AuditFilter { target, rows_max: 1, ..AuditFilter::default() };
        let newest = self.engine.store.audit(filter).await?.pop();
        let detail = newest.and_then(|row| serde_json::from_slice::<Value>(&row.content).ok());
        Ok(detail.and_then(|it| Some(it.get("evidence")?.as_str()?.to_owned())))
    }

    /// What is asked, as it is kept now.
    async fn about_now(&self, record: &ApprovalRecord) -> Result<String, AppError> {
        let mut files = Vec::with_capacity(record.attachments.len());
        for number in 0..record.attachments.len() {
            match self.attachment_of(record, number).await {
                Ok(file) => files.push(file),
                // what is gone, or cannot be read, is not what was sent
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Internal) => {}
                Err(error) => return Err(error),
            }
        }
        let texts = [
            Some(record.title.as_str()),
            record.details.as_deref(),
            record.item_link.as_deref(),
            record.item_link_description.as_deref(),
            record.requestor.as_deref(),
        ];
        Ok(about(texts, &files))
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
        let names = self.names_to_erase(person).await?;
        let mut ids = BTreeSet::new();
        for name in &names {
            ids.extend(self.approvals_with(name).await?);
        }
        for id in &ids {
            let step = |record: &mut ApprovalRecord, _| {
                names.iter().for_each(|name| erase(record, name));
                Ok(Stepped::of(Vec::new(), Ok(())).audited("EraseFromApproval", json!({})))
            };
            self.change_approval(caller, id, step).await?;
        }
        // what they were before goes from the files as well
        while !ids.is_empty() && self.engine.store.reclaim(RECLAIM_BYTES).await? > 0 {}
        Ok(ids.len())
    }

    /// Under which somebody is in approvals: their object id, and their addresses, since they may
    /// have been asked by one before they were in the directory. What other issuers claim makes
    /// nobody somebody else.
    async fn names_to_erase(&self, person: &str) -> Result<Vec<String>, AppError> {
        let by_mail = async || match self.user_by_mail(person).await {
            Err(error) if error.code == "AmbiguousMail" => Ok(None),
            found => found.map(|user| user.filter(|user| user.outside.is_none())),
        };
        let mut names = vec![person.to_lowercase()];
        let user = match self.user(person).await? {
            Some(user) => Some(user),
            None => by_mail().await?,
        };
        let Some(user) = user else { return Ok(names) };
        if user.outside.is_none() {
            names.extend(user.mail.iter().map(|mail| mail.to_lowercase()));
            names.push(user.user_principal_name.to_lowercase());
        }
        names.push(user.value.id);
        Ok(names)
    }

    /// The approvals in which somebody is, by object id or address.
    async fn approvals_with(&self, name: &str) -> Result<Vec<String>, AppError> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.list::<ApprovalRecord>(BY_PERSON, &[name], after, 256).await?;
            ids.extend(page.rows.into_iter().map(|it| it.value.id));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
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
