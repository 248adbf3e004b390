//! Lists of approvals: of those who are asked, of those who asked, and of administrators.

use super::record::{
    ApprovalRecord, BY_ASSIGNEE, BY_ASSIGNEE_THERE, BY_ENVIRONMENT, BY_REQUESTOR, CLOSED, OPEN,
};
use crate::app::data::{Cursor, Listed};
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;

/// Whose approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalSide {
    /// Those that the caller is asked for.
    Received,
    /// Those that the caller asked for.
    Sent,
}

/// Which approvals to list.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalFilter {
    pub side: ApprovalSide,
    /// Whether they wait for an answer (of the caller, where the caller is asked).
    pub is_open: bool,
}

impl App {
    /// The caller's approvals, in all environments or in one, newest first.
    pub async fn list_approvals(
        &self,
        caller: &Caller,
        environment: Option<&str>,
        filter: ApprovalFilter,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<ApprovalRecord>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        let person = caller.id();
        self.approvals_of(person, environment, filter, (after, rows_max)).await
    }

    /// What somebody for whom the caller stands is asked, newest first.
    pub async fn list_approvals_for(
        &self,
        caller: &Caller,
        person: &str,
        is_open: bool,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<ApprovalRecord>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        let person = self.existing_user(person).await?;
        if !self.stands_for(caller).await?.contains(&person.id) {
            let message = "The caller does not stand for that person.";
            return Err(crate::app::environment::forbidden(message));
        }
        let filter = ApprovalFilter { side: ApprovalSide::Received, is_open };
        self.approvals_of(&person.id, None, filter, (after, rows_max)).await
    }

    async fn approvals_of(
        &self,
        person: &str,
        environment: Option<&str>,
        ApprovalFilter { side, is_open }: ApprovalFilter,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<ApprovalRecord>, AppError> {
        let standing = if is_open { OPEN } else { CLOSED };
        match (side, environment) {
            (ApprovalSide::Received, None) => {
                self.list(BY_ASSIGNEE, &[person, standing], after, rows_max).await
            }
            (ApprovalSide::Received, Some(environment)) => {
                let parts = [environment, person, standing];
                self.list(BY_ASSIGNEE_THERE, &parts, after, rows_max).await
            }
            (ApprovalSide::Sent, environment) => {
                let parts = [person, standing];
                let mut listed: Listed<ApprovalRecord> =
                    self.list(BY_REQUESTOR, &parts, after, rows_max).await?;
                if let Some(environment) = environment {
                    listed.rows.retain(|it| it.environment == environment);
                }
                Ok(listed)
            }
        }
    }

    /// All approvals of an environment, newest first.
    pub async fn list_approvals_as_admin(
        &self,
        caller: &Caller,
        environment: &str,
        is_open: bool,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<ApprovalRecord>, AppError> {
        let operation = Operation::ManageApprovals;
        let within = self.environment_for(caller, operation, environment).await?;
        let standing = if is_open { OPEN } else { CLOSED };
        self.list(BY_ENVIRONMENT, &[&within.id, standing], after, rows_max).await
    }

    /// Whether anybody is still asked in an environment.
    pub(crate) async fn holds_open_approvals(&self, environment: &str) -> Result<bool, AppError> {
        let parts = [environment, OPEN];
        let found = self.list::<ApprovalRecord>(BY_ENVIRONMENT, &parts, None, 1).await?;
        Ok(!found.rows.is_empty())
    }
}
