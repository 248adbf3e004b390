//! Letters about approvals. They are kept in the change that they tell of, and each is
//! claimed before it is sent: one goes out again when nobody knows whether it arrived, under
//! the same id.

use super::letter::Letter;
use super::record::ApprovalRecord;
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::{self, SECOND};
use crate::limits::{NOTICE_CLAIM_SECONDS, NOTICE_TRIES_MAX, NOTICES_PER_ROUND};
use crate::mail::Mail;
use governance::approval::{About, Tell};
use serde::{Deserialize, Serialize};
use store::RecordKey;

const BY_DUE: u8 = 1;

/// What somebody is to be told about an approval.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApprovalNotice {
    id: String,
    pub approval: String,
    /// An id among the people of the approval.
    pub person: String,
    pub subject: Subject,
    tries: u32,
    /// Ticks.
    due: i64,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Subject {
    Asked,
    Reminded,
    Escalated,
    Cancelled,
    /// To who asked.
    Completed,
}

impl Stored for ApprovalNotice {
    const KIND: Kind = Kind::ApprovalNotice;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_DUE, &[&format!("{:016x}", self.due)])]
    }
}

impl App {
    /// The letters that a step of an approval owes: none where nobody wants any, or where the
    /// server sends no mail.
    pub(super) fn notices_of(
        &self,
        record: &ApprovalRecord,
        tells: &[Tell],
        now: i64,
    ) -> Result<Vec<Known<ApprovalNotice>>, AppError> {
        if !record.is_notifying || self.notices.mailer().is_none() {
            return Ok(Vec::new());
        }
        let told = tells.iter().filter_map(|tell| Some((&tell.person, subject_of(tell.about)?)));
        let completed = record.requestor.as_ref().filter(|_| record.completed() == Some(now));
        let told = told.chain(completed.map(|person| (person, Subject::Completed)));
        let is_reachable = |person: &String| record.party(person).address().is_some();
        told.filter(|(person, _)| is_reachable(person))
            .map(|(person, subject)| {
                Ok(Known::new(ApprovalNotice {
                    id: clock::guid().map_err(AppError::internal)?,
                    approval: record.id.clone(),
                    person: person.clone(),
                    subject,
                    tries: 0,
                    due: now,
                }))
            })
            .collect()
    }

    /// Sends the letters that are due.
    pub(super) async fn send_approval_notices(&self) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        let page = self.list::<ApprovalNotice>(BY_DUE, &[], None, NOTICES_PER_ROUND).await?;
        if page.rows.len() == NOTICES_PER_ROUND && page.rows.iter().all(|it| it.due <= now) {
            self.notices.hurry();
        }
        for notice in page.rows.into_iter().filter(|it| it.due <= now) {
            match self.send_approval_notice(notice).await {
                // another node was quicker
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => done?,
            }
        }
        Ok(())
    }

    async fn send_approval_notice(
        &self,
        mut notice: Known<ApprovalNotice>,
    ) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        notice.tries += 1;
        // a minute, two, four, ... an hour at most, and no sooner than another node may think
        // that this one has ended
        let minutes = 1i64 << notice.tries.min(6);
        let pause = (minutes * 60).max(NOTICE_CLAIM_SECONDS);
        notice.due = now.saturating_add(pause * SECOND);
        let server = Caller::root("server");
        self.apply(&server, Change::default().put(&notice)?).await?;
        let outcome = self.deliver_approval_notice(&notice).await?;
        if let Err(message) = &outcome {
            tracing::warn!(approval = %notice.approval, %message, "a letter about an approval did not arrive");
        }
        if outcome.is_err() && notice.tries < NOTICE_TRIES_MAX {
            return Ok(());
        }
        let Some(stored) = self.get::<ApprovalNotice>(&notice.id).await? else { return Ok(()) };
        self.apply(&server, Change::default().remove(&stored)).await.map(|_| ())
    }

    /// Sends one, unless what it says is not true any more.
    async fn deliver_approval_notice(
        &self,
        notice: &ApprovalNotice,
    ) -> Result<Result<(), String>, AppError> {
        let Some(record) = self.get::<ApprovalRecord>(&notice.approval).await? else {
            return Ok(Ok(()));
        };
        let is_asked = record.state.open_tasks().any(|it| it.assignee == notice.person);
        let is_true = match notice.subject {
            Subject::Asked | Subject::Reminded => record.state.is_open() && is_asked,
            Subject::Escalated => record.state.is_open(),
            Subject::Cancelled | Subject::Completed => true,
        };
        let party = record.party(&notice.person);
        let (Some(to), true) = (party.address(), is_true) else { return Ok(Ok(())) };
        let Some(mailer) = self.notices.mailer() else {
            return Ok(Err("the settings name no mail server".to_owned()));
        };
        let Letter { subject, text, html } = self.approval_letter(&record, notice);
        let mail = Mail { to, subject: &subject, text, html: Some(html), id: &notice.id };
        Ok(mailer.send(mail).await)
    }
}

fn subject_of(about: About) -> Option<Subject> {
    match about {
        About::Asked => Some(Subject::Asked),
        About::Reminded => Some(Subject::Reminded),
        About::Escalated => Some(Subject::Escalated),
        About::Cancelled => Some(Subject::Cancelled),
        // who is not asked any more finds nothing in the list, and needs no letter
        About::Withdrawn => None,
    }
}
