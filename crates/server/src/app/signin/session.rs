//! Sessions: a person who is signed in, with an application or in a browser. What was given
//! in a session is worth nothing once it has ended, its access tokens included.
//!
//! An application with a refresh token gets new tokens without asking again.
//! A refresh token is exchanged for the next one each time. The next one is derived from it
//! with a key of the server, so that two who ask at the same moment get the same. One
//! that was exchanged earlier and comes again was stolen, from one side or the other: the
//! session ends.

use super::expiry::Expiring;
use super::token::{Held, TokenAnswer, signed_in};
use super::{Asked, Refusal, SignInError, Subject, Visitor};
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::{Application, User};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock::{self, SECOND};
use crate::limits::{
    ACCESS_TOKEN_SECONDS, BROWSER_SECONDS, CHANGE_TRIES_MAX, CLOCK_LEEWAY_SECONDS,
    REFRESH_GRACE_SECONDS, SESSION_LASTS_SECONDS, SESSION_NOTED_SECONDS, SESSION_RESTS_SECONDS,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;
use subtle::ConstantTimeEq;

pub const BY_USER: u8 = 1;

/// A person who is signed in with an application, or in a browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    id: String,
    /// Object ids; without an application it is a browser's.
    pub user: String,
    pub application: Option<String>,
    /// What it began with; earlier ones do not know.
    #[serde(default)]
    pub grant: Option<String>,
    /// Where it was used from last, if that is known.
    #[serde(default)]
    pub address: Option<String>,
    /// The stamps under which it began: it ends when one has moved on.
    user_stamp: u32,
    application_stamp: u32,
    /// SHA-256 of the refresh token, base64, if one was asked for, and of the one before.
    hash: Option<String>,
    previous: Option<String>,
    /// Ticks: when the one before was exchanged.
    rotated: i64,
    /// Whether a second factor was shown when it began, or was made in it; earlier ones do
    /// not know.
    #[serde(default)]
    pub(super) with_second_factor: bool,
    /// What was asked for at first.
    asked: Asked,
    /// Ticks.
    pub created: i64,
    pub used: i64,
}

impl Stored for Session {
    const KIND: Kind = Kind::Session;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_USER, &[&self.user]), self.expiry_key()]
    }
}

impl Expiring for Session {
    const BY_EXPIRY: u8 = 2;

    fn expires(&self) -> i64 {
        let lasts = match (&self.application, &self.hash) {
            (None, _) => BROWSER_SECONDS,
            // as long as its one access token is believed
            (Some(_), None) => ACCESS_TOKEN_SECONDS + CLOCK_LEEWAY_SECONDS,
            (Some(_), Some(_)) => SESSION_LASTS_SECONDS,
        };
        let rested = self.used + SESSION_RESTS_SECONDS * SECOND;
        rested.min(self.created + lasts * SECOND)
    }
}

/// What a refresh token turns out to be.
enum Shown {
    Current,
    /// The one before, a moment after it was exchanged.
    JustExchanged,
    Stolen,
}

impl Session {
    fn shown(&self, hash: &str, now: i64) -> Shown {
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(hash.as_bytes()));
        if self.hash.as_deref().is_some_and(is) {
            return Shown::Current;
        }
        let is_fresh = now - self.rotated <= REFRESH_GRACE_SECONDS * SECOND;
        match &self.previous {
            Some(previous) if is_fresh && is(previous) => Shown::JustExchanged,
            _ => Shown::Stolen,
        }
    }

    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.id
    }

    /// The stamp that the person had when it began.
    #[must_use]
    pub fn user_stamp(&self) -> u32 {
        self.user_stamp
    }

    /// When it ends if nothing more happens in it, in ticks.
    #[must_use]
    pub fn ends(&self) -> i64 {
        self.expires()
    }

    /// Whether nothing has ended it that happened to the person or the application.
    pub(super) fn goes_on(&self, user: &User, application: Option<&Application>, now: i64) -> bool {
        let is_of_application = match (&self.application, application) {
            (None, _) => true,
            (Some(_), Some(application)) => application.stamp == self.application_stamp,
            (Some(_), None) => false,
        };
        is_of_application && user.stamp == self.user_stamp && self.expires() > now
    }
}

/// A session that begins.
pub(super) struct Begun {
    pub session: Known<Session>,
    pub refresh_token: Option<String>,
}

fn hash_of(token: &str) -> String {
    STANDARD.encode(token::hash(token))
}

impl App {
    /// A new session, with a refresh token when that is asked for. Who asks stores it.
    pub(super) fn begin_session(
        &self,
        subject: &Subject<'_>,
        asked: &Asked,
        grant: &str,
    ) -> Result<Begun, AppError> {
        let mut session = self.new_session(subject.user, grant, subject.address)?;
        session.application = Some(subject.application.id.clone());
        session.application_stamp = subject.application.stamp;
        session.asked = asked.clone();
        let mut refresh_token = None;
        if asked.offline {
            let secret = token::generate().map_err(AppError::internal)?;
            let token = format!("{}.{secret}", session.id);
            session.hash = Some(hash_of(&token));
            refresh_token = Some(token);
        }
        Ok(Begun { session: Known::new(session), refresh_token })
    }

    /// A session of somebody in a browser.
    pub(super) fn new_session(
        &self,
        user: &User,
        grant: &str,
        address: Option<&str>,
    ) -> Result<Session, AppError> {
        let now = self.engine.clock.now();
        Ok(Session {
            id: clock::guid().map_err(AppError::internal)?,
            user: user.id.clone(),
            application: None,
            grant: Some(grant.to_owned()),
            address: address.map(str::to_owned),
            user_stamp: user.stamp,
            application_stamp: 0,
            hash: None,
            previous: None,
            rotated: 0,
            with_second_factor: false,
            asked: Asked::default(),
            created: now,
            used: now,
        })
    }

    /// Exchanges a refresh token for the next and for an access token.
    pub(super) async fn refresh(
        &self,
        visitor: &Visitor<'_>,
        asked: Option<Asked>,
        given: &str,
    ) -> Result<TokenAnswer, SignInError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let (session, user) = self.session_of(visitor.application, given).await?;
            let subject = visitor.with(&user);
            let asked = asked.clone().unwrap_or_else(|| session.asked.clone());
            match self.rotate(session, &subject, &asked, given).await {
                // the same was exchanged at the same moment
                Err(SignInError::Failed(error)) if error.kind == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Refusal::session_ended().into())
    }

    /// The session of a refresh token and its user, when both may go on.
    async fn session_of(
        &self,
        application: &Application,
        given: &str,
    ) -> Result<(Known<Session>, User), SignInError> {
        let id = given.split_once('.').map_or("", |(id, _)| id);
        let found = self.get::<Session>(id).await?;
        let is_theirs = |it: &Known<Session>| it.application.as_ref() == Some(&application.id);
        let found = found.filter(|session| is_theirs(session) && session.hash.is_some());
        let session = found.ok_or_else(Refusal::unknown_grant)?;
        if session.expires() <= self.engine.clock.now() {
            return Err(Refusal::session_expired().into());
        }
        let user = self.get::<User>(&session.user).await?;
        let goes_on = user.as_ref().is_some_and(|user| {
            user.is_enabled
                && user.stamp == session.user_stamp
                && application.stamp == session.application_stamp
        });
        match user {
            Some(user) if goes_on => {
                self.need_consent(application, &user.id).await?;
                Ok((session, user.value))
            }
            user => {
                self.end_session(&session, &Caller::root("sign-in"), "revoked").await?;
                Err(Refusal::session_ended().by(user.map(|user| user.value)).into())
            }
        }
    }

    async fn rotate(
        &self,
        mut session: Known<Session>,
        subject: &Subject<'_>,
        asked: &Asked,
        given: &str,
    ) -> Result<TokenAnswer, SignInError> {
        let now = self.engine.clock.now();
        let mark = self.keyring().await?.mac().mark(&["refresh token", given]);
        let next = format!("{}.{mark}", session.id);
        let hash = hash_of(given);
        let mut change = Change::default();
        match session.shown(&hash, now) {
            Shown::Stolen => {
                self.end_session(&session, &Caller::root("sign-in"), "reuse").await?;
                return Err(Refusal::session_ended().by(Some(subject.user.clone())).into());
            }
            Shown::JustExchanged => {}
            Shown::Current => {
                session.previous = Some(hash);
                session.hash = Some(hash_of(&next));
                session.address = subject.address.map(str::to_owned).or(session.address.take());
                session.rotated = now;
                session.used = now;
                change = change.put(&session)?;
            }
        }
        let detail = signed_in(subject, asked, "refresh_token");
        let change = change.audit("SignIn", &subject.user.id, &detail);
        let caller = Caller::person(&subject.user.id, Vec::new(), Vec::new());
        self.apply(&caller, change).await?;
        let held = Held { session: &session.id, refresh_token: Some(next) };
        Ok(self.delegated_token(subject, asked, None, held).await?)
    }

    /// Ends a session: what was given in it is worth nothing from now on.
    pub(super) async fn end_session(
        &self,
        session: &Known<Session>,
        by: &Caller,
        why: &str,
    ) -> Result<(), AppError> {
        let detail =
            json!({"session": session.id, "reason": why, "application": session.application});
        self.signin.live.forget(&session.id);
        let mut session = session.clone();
        for _ in 0..CHANGE_TRIES_MAX {
            let change = Change::default().remove(&session);
            let change = change.audit("EndSession", &session.user, &detail);
            match self.apply(by, change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => {
                    // who looked while it ended has kept it
                    self.signin.live.forget(&session.id);
                    return done.map(|_| ());
                }
            }
            // it was used meanwhile: it ends all the same
            match self.get::<Session>(&session.id).await? {
                Some(found) => session = found,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Notes that somebody was here, now and then.
    pub(super) async fn note_use(&self, mut session: Known<Session>) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        if now - session.used < SESSION_NOTED_SECONDS * SECOND {
            return Ok(());
        }
        session.used = now;
        let caller = Caller::person(&session.user, Vec::new(), Vec::new());
        match self.apply(&caller, Change::default().put(&session)?).await {
            // it was used or has ended meanwhile
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }
}
