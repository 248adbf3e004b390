//! People who are signed in in a browser, for the pages of signing in only.
//!
//! The cookie names a session, under a mark of the server. It ends with the session, and
//! with the user's stamp, as everything does that they have.

use super::session::Session;
use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::{Change, Known};
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use serde_json::json;

const COOKIE: &str = "browser cookie";
const FORM: &str = "form of a browser";
const GRANT: &str = "browser";

impl App {
    /// Signs somebody in in a browser. Answers the user and the cookie.
    pub(crate) async fn sign_in_browser(
        &self,
        client_id: &str,
        (name, password): (&str, &str),
        address: Option<&str>,
    ) -> Result<(User, String), SignInError> {
        let done = self.try_sign_in(name, password, address).await;
        self.note_refusal(GRANT, client_id, &done).await?;
        done
    }

    async fn try_sign_in(
        &self,
        name: &str,
        password: &str,
        address: Option<&str>,
    ) -> Result<(User, String), SignInError> {
        let user = self.check_password(name, password).await?;
        let session = Known::new(self.new_session(&user, GRANT, address)?);
        let change = Change::default().put(&session)?;
        let change = change.audit("SignIn", &user.id, &json!({"grant": GRANT}));
        self.apply(&Caller::person(&user.id, Vec::new(), Vec::new()), change).await?;
        self.sweep::<Session>().await?;
        let id = session.session_id();
        let mark = self.keyring().await?.mac().mark(&[COOKIE, id]);
        Ok((user, format!("{id}.{mark}")))
    }

    /// The session that a cookie names, when it is one that this server gave.
    async fn browser_session(&self, cookie: &str) -> Result<Option<Known<Session>>, AppError> {
        let Some((id, mark)) = cookie.rsplit_once('.') else { return Ok(None) };
        if !self.keyring().await?.mac().is_mark(&[COOKIE, id], mark) {
            return Ok(None);
        }
        let session = self.get::<Session>(id).await?;
        let now = self.engine.clock.now();
        Ok(session.filter(|it| it.application.is_none() && it.ends() > now))
    }

    /// Who a cookie says it is, when that still holds.
    pub(crate) async fn browser_user(&self, cookie: &str) -> Result<Option<User>, AppError> {
        let Some(session) = self.browser_session(cookie).await? else { return Ok(None) };
        match self.user_under(&session.user, session.user_stamp()).await {
            Ok(user) => {
                self.note_use(session).await?;
                Ok(Some(user))
            }
            Err(SignInError::Refused(_)) => Ok(None),
            Err(SignInError::Failed(error)) => Err(error),
        }
    }

    /// Somebody signs out in a browser.
    pub(crate) async fn sign_out_browser(&self, cookie: &str) -> Result<(), AppError> {
        let Some(session) = self.browser_session(cookie).await? else { return Ok(()) };
        let caller = Caller::person(&session.user, Vec::new(), Vec::new());
        self.end_session(&session, &caller, "signed out").await
    }

    /// The mark of a form that a browser was given. It holds for who was signed in then.
    pub(crate) async fn form_mark(&self, browser: &str, cookie: &str) -> Result<String, AppError> {
        Ok(self.keyring().await?.mac().mark(&[FORM, browser, cookie]))
    }

    /// Refuses a form that another site made a browser send.
    pub(crate) async fn check_form(
        &self,
        browser: &str,
        cookie: &str,
        given: &str,
    ) -> Result<(), SignInError> {
        let keyring = self.keyring().await?;
        if !browser.is_empty() && keyring.mac().is_mark(&[FORM, browser, cookie], given) {
            return Ok(());
        }
        Err(Refusal::stale_form().into())
    }
}
