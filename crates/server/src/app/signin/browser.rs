//! People who are signed in in a browser, for the pages of signing in only.
//!
//! The cookie names a session, under a mark of the server. It ends with the session, and
//! with the user's stamp, as everything does that they have.

use super::session::Session;
use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::{Change, Known};
use crate::app::directory::User;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock;
use crate::limits::SECOND_FACTOR_SECONDS;
use serde_json::json;

const COOKIE: &str = "browser cookie";
const FORM: &str = "form of a browser";
const PASSWORD: &str = "password that was right";
const GRANT: &str = "browser";

/// How far signing in has come.
pub(crate) enum Entered {
    /// The user and the cookie.
    Done(Box<User>, String),
    /// The password was right; what is to come back with a code of the second factor.
    NeedsCode(String),
}

/// A browser that somebody signs in with.
pub(crate) struct At<'a> {
    /// What tells it from others.
    pub browser: &'a str,
    pub address: Option<&'a str>,
    /// The application that has sent it, if that is known.
    pub client_id: &'a str,
}

impl App {
    /// Signs somebody in in a browser.
    pub(crate) async fn sign_in_browser(
        &self,
        at: &At<'_>,
        name: &str,
        password: &str,
    ) -> Result<Entered, SignInError> {
        let done = self.try_sign_in(at, name, password).await;
        self.note_refusal(GRANT, at.client_id, &done).await?;
        done
    }

    async fn try_sign_in(
        &self,
        at: &At<'_>,
        name: &str,
        password: &str,
    ) -> Result<Entered, SignInError> {
        let user = self.check_password(name, password).await?;
        if self.second_factor(&user.id).await?.is_none() {
            return self.begin_in_browser(at, user, Change::default(), false).await;
        }
        let expires = clock::unix_seconds(self.engine.clock.now()) + SECOND_FACTOR_SECONDS;
        let said = format!("{}.{}.{expires}", user.id, user.stamp);
        let mark = self.keyring().await?.mac().mark(&[PASSWORD, at.browser, &said]);
        Ok(Entered::NeedsCode(format!("{said}.{mark}")))
    }

    /// Goes on with a code of the second factor, in the browser in which the password was
    /// right a while ago.
    pub(crate) async fn finish_in_browser(
        &self,
        at: &At<'_>,
        pending: &str,
        code: &str,
    ) -> Result<Entered, SignInError> {
        let done = self.try_finish(at, pending, code).await;
        self.note_refusal(GRANT, at.client_id, &done).await?;
        done
    }

    async fn try_finish(
        &self,
        at: &At<'_>,
        pending: &str,
        code: &str,
    ) -> Result<Entered, SignInError> {
        let stale = Refusal::stale_form;
        let (said, mark) = pending.rsplit_once('.').ok_or_else(stale)?;
        if !self.keyring().await?.mac().is_mark(&[PASSWORD, at.browser, said], mark) {
            return Err(stale().into());
        }
        let parts: Vec<&str> = said.split('.').collect();
        let [id, stamp, expires] = parts[..] else { return Err(stale().into()) };
        let (Ok(stamp), Ok(expires)) = (stamp.parse(), expires.parse::<i64>()) else {
            return Err(stale().into());
        };
        if expires <= clock::unix_seconds(self.engine.clock.now()) {
            return Err(stale().into());
        }
        self.user_under(id, stamp).await?;
        let (user, change) = self.take_code(id, code).await?;
        self.begin_in_browser(at, user.value, change, true).await
    }

    /// Everything was right: a session begins.
    async fn begin_in_browser(
        &self,
        at: &At<'_>,
        user: User,
        change: Change,
        with_second_factor: bool,
    ) -> Result<Entered, SignInError> {
        let session = Known::new(self.new_session(&user, GRANT, at.address)?);
        let detail = json!({"grant": GRANT, "secondFactor": with_second_factor});
        let change = change.put(&session)?.audit("SignIn", &user.id, &detail);
        match self.apply(&Caller::person(&user.id, Vec::new(), Vec::new()), change).await {
            // the same code at the same moment
            Err(error) if error.kind == ErrorKind::Conflict && with_second_factor => {
                return Err(Refusal::wrong_code().by(Some(user)).into());
            }
            done => done?,
        };
        self.sweep::<Session>().await?;
        let id = session.session_id();
        let mark = self.keyring().await?.mac().mark(&[COOKIE, id]);
        let cookie = format!("{id}.{mark}");
        Ok(Entered::Done(Box::new(user), cookie))
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
