//! Lists of approvals: of those who are asked, of those who asked, and of administrators.

use super::record::{
    ApprovalRecord, BY_ASSIGNEE, BY_ASSIGNEE_THERE, BY_ENVIRONMENT, BY_REQUESTOR,
    BY_REQUESTOR_THERE, CLOSED, OPEN,
};
use crate::app::data::{Cursor, Listed};
use crate::app::environment::forbidden;
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;

/// Whose approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalSide {
    /// Those that somebody is asked for.
    Received,
    /// Those that somebody asked for.
    Sent,
}

/// Which approvals to list.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalFilter<'a> {
    pub side: ApprovalSide,
    /// Whether they wait for an answer (of the caller, where the caller is asked).
    pub is_open: bool,
    /// In one environment; else in all.
    pub environment: Option<&'a str>,
    /// What is received by somebody for whom the caller stands; else by the caller.
    pub person: Option<&'a str>,
}

impl App {
    /// The caller's approvals, or those of somebody for whom they stand, newest first.
    pub async fn list_approvals(
        &self,
        caller: &Caller,
        filter: ApprovalFilter<'_>,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<ApprovalRecord>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        let person = match filter.person {
            Some(name) => self.person_stood_for(caller, name, filter.side).await?,
            None => caller.id().to_owned(),
        };
        let standing = if filter.is_open { OPEN } else { CLOSED };
        // of an environment that is not there nobody has any
        let environment = match filter.environment {
            Some(name) => {
                let known = self.environment(name).await?;
                Some(known.map_or_else(|| name.to_owned(), |it| it.value.id))
            }
            None => None,
        };
        let (everywhere, there) = match filter.side {
            ApprovalSide::Received => (BY_ASSIGNEE, BY_ASSIGNEE_THERE),
            ApprovalSide::Sent => (BY_REQUESTOR, BY_REQUESTOR_THERE),
        };
        match environment {
            None => self.list(everywhere, &[&person, standing], after, rows_max).await,
            Some(environment) => {
                let parts = [environment.as_str(), &person, standing];
                self.list(there, &parts, after, rows_max).await
            }
        }
    }

    /// Somebody for whom the caller stands. Who is nobody is answered as others are.
    async fn person_stood_for(
        &self,
        caller: &Caller,
        name: &str,
        side: ApprovalSide,
    ) -> Result<String, AppError> {
        if side == ApprovalSide::Sent {
            let message = "Deputies see what is asked of others, and not what others ask.";
            return Err(AppError::invalid("InvalidQuery", message));
        }
        let denied = || forbidden("The caller does not stand for that person.");
        let person = self.user(name).await?.ok_or_else(denied)?;
        let stands_for = self.stands_for(caller).await?;
        stands_for.into_iter().find(|it| *it == person.id).ok_or_else(denied)
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
