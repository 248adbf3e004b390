//! People who are signed in in a browser, for the pages of signing in only.
//!
//! The cookie names a session, under a mark of the server. It ends with the session, and
//! with the user's stamp, as everything does that they have.

use super::passkey::{GivenPasskey, Own, PasskeyOffer};
use super::session::Session;
use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::{Change, Known};
use crate::app::directory::User;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::{self, SECOND};
use crate::limits::{FRESH_SIGN_IN_SECONDS, SECOND_FACTOR_SECONDS};
use serde_json::{Value, json};

const COOKIE: &str = "browser cookie";
const FORM: &str = "form of a browser";
const PASSWORD: &str = "password that was right";
pub(super) const GRANT: &str = "browser";

/// How far signing in has come.
pub(crate) enum Entered {
    /// The user and the cookie.
    Done(Box<User>, String),
    /// The password was right; what is to come back with the second factor.
    NeedsFactor(String),
}

/// What follows a password.
pub(crate) enum Proof<'a> {
    Code(&'a str),
    Passkey(GivenPasskey<'a>),
}

/// What may follow the password of somebody.
pub(crate) struct FactorOffer {
    pub has_code: bool,
    pub passkey: Option<PasskeyOffer>,
}

/// By what somebody was let in; passkeys by their ids.
enum Shown {
    Password,
    Code,
    PasswordAndPasskey(String),
    Passkey(String),
    /// That an issuer from outside, by its address, has let them in.
    Outside(String),
}

impl Shown {
    fn is_second_factor(&self) -> bool {
        match self {
            Shown::Password | Shown::Outside(_) => false,
            Shown::Code | Shown::PasswordAndPasskey(_) | Shown::Passkey(_) => true,
        }
    }

    fn detail(&self) -> Value {
        let mut detail = json!({"grant": GRANT, "secondFactor": self.is_second_factor()});
        match self {
            Shown::Password | Shown::Code => {}
            Shown::PasswordAndPasskey(id) => detail["passkey"] = json!(id),
            Shown::Outside(issuer) => detail["issuer"] = json!(issuer),
            Shown::Passkey(id) => {
                detail["passkey"] = json!(id);
                detail["password"] = json!(false);
            }
        }
        detail
    }
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
        if !self.has_second_factor(&user.id).await? {
            return self.begin_in_browser(at, user, Change::default(), Shown::Password).await;
        }
        let expires = clock::unix_seconds(self.engine.clock.now()) + SECOND_FACTOR_SECONDS;
        let said = format!("{}.{}.{expires}", user.id, user.stamp);
        let mark = self.keyring().await?.mac().mark(&[PASSWORD, at.browser, &said]);
        Ok(Entered::NeedsFactor(format!("{said}.{mark}")))
    }

    /// Signs somebody in in a browser by a passkey and nothing else.
    pub(crate) async fn sign_in_with_passkey(
        &self,
        at: &At<'_>,
        given: &GivenPasskey<'_>,
    ) -> Result<Entered, SignInError> {
        let done = self.try_passkey(at, given).await;
        self.note_refusal(GRANT, at.client_id, &done).await?;
        done
    }

    async fn try_passkey(
        &self,
        at: &At<'_>,
        given: &GivenPasskey<'_>,
    ) -> Result<Entered, SignInError> {
        let (user, change, passkey) = self.take_passkey_alone(at.browser, given).await?;
        self.begin_in_browser(at, user, change, Shown::Passkey(passkey)).await
    }

    /// What may follow a password that was right a while ago.
    pub(crate) async fn factor_offer(
        &self,
        at: &At<'_>,
        pending: &str,
    ) -> Result<FactorOffer, SignInError> {
        let user = self.pending_user(at, pending).await?;
        Ok(FactorOffer {
            has_code: self.second_factor(&user.id).await?.is_some(),
            passkey: self.offer_passkeys_of(at.browser, &user.id).await?,
        })
    }

    /// Goes on with the second factor, in the browser in which the password was right a while
    /// ago.
    pub(crate) async fn finish_in_browser(
        &self,
        at: &At<'_>,
        pending: &str,
        proof: &Proof<'_>,
    ) -> Result<Entered, SignInError> {
        let done = self.try_finish(at, pending, proof).await;
        self.note_refusal(GRANT, at.client_id, &done).await?;
        done
    }

    async fn try_finish(
        &self,
        at: &At<'_>,
        pending: &str,
        proof: &Proof<'_>,
    ) -> Result<Entered, SignInError> {
        let user = self.pending_user(at, pending).await?;
        let (user, change, shown) = match proof {
            Proof::Code(code) => {
                let (user, change) = self.take_code(&user.id, code).await?;
                (user, change, Shown::Code)
            }
            Proof::Passkey(given) => {
                let (user, change, id) = self.take_passkey(at.browser, &user.id, given).await?;
                (user, change, Shown::PasswordAndPasskey(id))
            }
        };
        self.begin_in_browser(at, user.value, change, shown).await
    }

    /// Signs somebody in whom an issuer from outside has let in.
    pub(super) async fn sign_in_outside(
        &self,
        at: &At<'_>,
        user: User,
        issuer: &str,
    ) -> Result<Entered, SignInError> {
        let shown = Shown::Outside(issuer.to_owned());
        self.begin_in_browser(at, user, Change::default(), shown).await
    }

    /// Whose password was right in this browser a while ago.
    async fn pending_user(&self, at: &At<'_>, pending: &str) -> Result<User, SignInError> {
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
        self.user_under(id, stamp).await
    }

    /// Everything was right: a session begins.
    async fn begin_in_browser(
        &self,
        at: &At<'_>,
        user: User,
        change: Change,
        shown: Shown,
    ) -> Result<Entered, SignInError> {
        let mut session = Known::new(self.new_session(&user, GRANT, at.address)?);
        session.with_second_factor = shown.is_second_factor();
        let change = change.put(&session)?.audit("SignIn", &user.id, &shown.detail());
        match self.apply(&Caller::person(&user.id, Vec::new(), Vec::new()), change).await {
            // the same code at the same moment, or a challenge that was used
            Err(error) if error.kind == ErrorKind::Conflict && shown.is_second_factor() => {
                let refusal = match shown {
                    Shown::Password | Shown::Code | Shown::Outside(_) => Refusal::wrong_code(),
                    Shown::PasswordAndPasskey(_) | Shown::Passkey(_) => Refusal::wrong_passkey(),
                };
                return Err(refusal.by(Some(user)).into());
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

    /// The session of somebody who has just signed in, with a second factor if they have one.
    pub(super) async fn fresh_session(
        &self,
        user: &User,
        cookie: &str,
    ) -> Result<Option<Known<Session>>, AppError> {
        let session = self.browser_session(cookie).await?;
        let Some(session) = session.filter(|session| session.user == user.id) else {
            return Ok(None);
        };
        let age = self.engine.clock.now() - session.created;
        let is_fresh = age <= FRESH_SIGN_IN_SECONDS * SECOND;
        let is_enough = session.with_second_factor || !self.has_second_factor(&user.id).await?;
        Ok((is_fresh && is_enough).then_some(session))
    }

    /// The same, or a refusal.
    pub(super) async fn need_fresh(&self, own: &Own<'_>) -> Result<Known<Session>, SignInError> {
        let session = self.fresh_session(own.user, own.cookie).await?;
        Ok(session.ok_or_else(|| Refusal::fresh_needed().by(Some(own.user.clone())))?)
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
