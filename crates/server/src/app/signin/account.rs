//! What people see of themselves: who they are, and where they are signed in. The latter for
//! administrators too.

use super::session::{BY_USER, Session};
use crate::app::data::{Cursor, Known};
use crate::app::directory::{Application, Group, User};
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};

/// Who a caller is.
pub enum Me {
    /// A root key, by its name.
    Root(String),
    User(Box<User>, Vec<Known<Group>>),
    Application(Box<Application>),
}

/// A session as it is shown.
pub struct SessionView {
    pub session: Session,
    /// None: a browser.
    pub application: Option<Application>,
}

/// A page of sessions, and where the next begins.
pub type SessionPage = (Vec<SessionView>, Option<Cursor>);

impl App {
    /// Who the caller is: everybody may ask that.
    pub async fn get_me(&self, caller: &Caller) -> Result<Me, AppError> {
        let gone = || AppError::not_found("PrincipalNotFound", "The caller is gone.");
        match caller.kind() {
            CallerKind::Root => Ok(Me::Root(caller.id().to_owned())),
            CallerKind::Person => {
                let user = self.get::<User>(caller.id()).await?.ok_or_else(gone)?;
                Ok(Me::User(Box::new(user.value), self.groups_of(caller.id()).await?))
            }
            CallerKind::Application => {
                let application = self.get::<Application>(caller.id()).await?;
                Ok(Me::Application(Box::new(application.ok_or_else(gone)?.value)))
            }
        }
    }

    pub async fn list_my_sessions(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<SessionPage, AppError> {
        self.permit(caller, Operation::ManageOwnAccount)?;
        match self.get::<User>(caller.id()).await? {
            Some(user) => self.sessions_of(&user, after, rows_max).await,
            // a root key has none
            None => Ok((Vec::new(), None)),
        }
    }

    /// Where somebody is signed in.
    pub async fn list_sessions(
        &self,
        caller: &Caller,
        name: &str,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<SessionPage, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        self.sessions_of(&user, after, rows_max).await
    }

    async fn sessions_of(
        &self,
        user: &User,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<SessionPage, AppError> {
        let listed = self.list::<Session>(BY_USER, &[&user.id], after, rows_max).await?;
        let now = self.engine.clock.now();
        let mut views = Vec::new();
        for session in listed.rows {
            let application = match &session.application {
                Some(id) => self.get::<Application>(id).await?.map(|it| it.value),
                None => None,
            };
            if session.goes_on(user, application.as_ref(), now) {
                views.push(SessionView { session: session.value, application });
            }
        }
        Ok((views, listed.next))
    }

    /// Ends one of the caller's own sessions.
    pub async fn end_my_session(&self, caller: &Caller, id: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageOwnAccount)?;
        self.revoke_session(caller, caller.id(), id).await
    }

    /// Ends one of somebody's sessions.
    pub async fn end_session_of_user(
        &self,
        caller: &Caller,
        name: &str,
        id: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        self.revoke_session(caller, &user.id, id).await
    }

    async fn revoke_session(&self, caller: &Caller, user: &str, id: &str) -> Result<(), AppError> {
        let found = self.get::<Session>(id).await?.filter(|session| session.user == user);
        let session = found.ok_or_else(|| {
            AppError::not_found("SessionNotFound", format!("There is no session '{id}'."))
        })?;
        self.end_session(&session, caller, "revoked").await
    }
}
