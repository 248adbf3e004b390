//! Somebody is taken out of what is open.

use super::Stepped;
use super::record::{ApprovalRecord, BY_ASSIGNEE_THERE, BY_REQUESTOR, OPEN};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use governance::approval::Input;
use serde_json::json;

impl App {
    /// Takes somebody out of the open approvals of an environment: what they asked for is taken
    /// back, and what they are asked is not asked of them any more. Answers how many it were.
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
        let sent = self.list_all::<ApprovalRecord>(BY_REQUESTOR, &[&user, OPEN]).await?;
        let sent = sent.iter().filter(|it| it.environment == within.id);
        let mut count = 0;
        for id in sent.map(|it| &it.id) {
            let by = Some(caller.id().to_owned());
            count += found(self.take_back(caller, id, (by, None)).await.map(|_| ()))?;
        }
        let parts = [within.id.as_str(), &user, OPEN];
        for record in self.list_all::<ApprovalRecord>(BY_ASSIGNEE_THERE, &parts).await? {
            count += found(self.excuse(caller, &record.id, &user).await)?;
        }
        Ok(count)
    }

    async fn excuse(&self, caller: &Caller, id: &str, person: &str) -> Result<(), AppError> {
        let step = |record: &mut ApprovalRecord, now| {
            let (person, by) = (person.to_owned(), caller.id().to_owned());
            let detail = json!({"assignee": person});
            let (tells, result) = record.state.handle(now, Input::Excuse { person, by });
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
