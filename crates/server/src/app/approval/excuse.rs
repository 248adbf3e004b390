//! Somebody is taken out of what is open.

use super::Stepped;
use super::people::Found;
use super::record::{ApprovalRecord, BY_PERSON, BY_REQUESTOR_THERE, OPEN};
use crate::app::data::Known;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use governance::approval::Input;
use serde_json::json;

impl App {
    /// Takes somebody out of the open approvals of an environment: what they asked for is taken
    /// back, and what they are asked, or would be by a later stage, is not asked of them any
    /// more. Answers how many it were.
    pub async fn remove_user_approvals(
        &self,
        caller: &Caller,
        environment: &str,
        user: &str,
    ) -> Result<usize, AppError> {
        let operation = Operation::ManageApprovals;
        let within = self.environment_for(caller, operation, environment).await?;
        // somebody who is gone is known by the id that they had
        let user = match self.user(user).await? {
            Some(known) => known.value.id,
            None => user.to_lowercase(),
        };
        let parts = [within.id.as_str(), &user, OPEN];
        let sent = self.list_all::<ApprovalRecord>(BY_REQUESTOR_THERE, &parts).await?;
        let mut count = 0;
        for id in sent.iter().map(|it| &it.id) {
            let by = Some(caller.id().to_owned());
            count += found(self.take_back(caller, id, (by, None)).await.map(|_| ()))?;
        }
        for id in self.open_with(&within.id, &user).await? {
            count += found(self.excuse(caller, &id, &user).await)?;
        }
        Ok(count)
    }

    /// The open approvals of an environment in which somebody is named: who is asked by a later
    /// stage, or when it takes long, has no list of it yet.
    async fn open_with(&self, environment: &str, user: &str) -> Result<Vec<String>, AppError> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.list::<ApprovalRecord>(BY_PERSON, &[user], after, 256).await?;
            let is_there =
                |it: &&Known<ApprovalRecord>| it.state.is_open() && it.environment == environment;
            ids.extend(page.rows.iter().filter(is_there).map(|it| it.id.clone()));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    async fn excuse(&self, caller: &Caller, id: &str, person: &str) -> Result<(), AppError> {
        let mut found = Found::default();
        self.note_actor(caller, &mut found).await?;
        let step = |record: &mut ApprovalRecord, now| {
            let (person, by) = (person.to_owned(), caller.id().to_owned());
            let detail = json!({"assignee": person});
            let (tells, result) = record.state.handle(now, Input::Excuse { person, by });
            if result.is_ok() {
                // who did it has a name in the history
                record.people.extend(found.people.clone());
            }
            Ok(Stepped::of(tells, result).audited("ExcuseFromApproval", detail))
        };
        self.change_approval(caller, id, step).await.map(|_| ())
    }
}

/// Whether something was still to be done: others may have been quicker.
fn found(done: Result<(), AppError>) -> Result<usize, AppError> {
    match done {
        Ok(()) => Ok(1),
        Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Forbidden) => Ok(0),
        Err(error) => Err(error),
    }
}
