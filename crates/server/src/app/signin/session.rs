//! Sessions: what a person's application keeps to get new tokens without asking again.
//!
//! A refresh token is exchanged for the next one each time. The next one is derived from it
//! with a key of the server, so that two who ask at the same moment get the same. One
//! that was exchanged earlier and comes again was stolen, from one side or the other: the
//! session ends.

use super::expiry::Expiring;
use super::token::{TokenAnswer, signed_in};
use super::{Asked, Refusal, SignInError, Subject};
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::{Application, User};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock::{self, SECOND};
use crate::limits::{
    CHANGE_TRIES_MAX, REFRESH_GRACE_SECONDS, SESSION_LASTS_SECONDS, SESSION_RESTS_SECONDS,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;
use subtle::ConstantTimeEq;

pub const BY_USER: u8 = 1;

/// A person who is signed in with an application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    id: String,
    /// Object ids.
    user: String,
    application: String,
    /// The stamps under which it began: it ends when one has moved on.
    user_stamp: u32,
    application_stamp: u32,
    /// SHA-256 of the refresh token, base64, and of the one before.
    hash: String,
    previous: Option<String>,
    /// Ticks: when the one before was exchanged.
    rotated: i64,
    /// What was asked for at first.
    asked: Asked,
    /// Ticks.
    created: i64,
    used: i64,
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
        let rested = self.used + SESSION_RESTS_SECONDS * SECOND;
        rested.min(self.created + SESSION_LASTS_SECONDS * SECOND)
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
        if is(&self.hash) {
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
}

fn hash_of(token: &str) -> String {
    STANDARD.encode(token::hash(token))
}

impl App {
    /// A new session and its refresh token. Who asks stores it.
    pub(super) fn begin_session(
        &self,
        subject: &Subject<'_>,
        asked: &Asked,
    ) -> Result<(Known<Session>, String), AppError> {
        let id = clock::guid().map_err(AppError::internal)?;
        let token = format!("{id}.{}", token::generate().map_err(AppError::internal)?);
        let now = self.engine.clock.now();
        let session = Session {
            id,
            user: subject.user.id.clone(),
            application: subject.application.id.clone(),
            user_stamp: subject.user.stamp,
            application_stamp: subject.application.stamp,
            hash: hash_of(&token),
            previous: None,
            rotated: 0,
            asked: asked.clone(),
            created: now,
            used: now,
        };
        Ok((Known::new(session), token))
    }

    /// Exchanges a refresh token for the next and for an access token.
    pub(super) async fn refresh(
        &self,
        application: &Application,
        asked: Option<Asked>,
        given: &str,
    ) -> Result<TokenAnswer, SignInError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let (session, user) = self.session_of(application, given).await?;
            let subject = Subject { application, user: &user };
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
        let found = found.filter(|session| session.application == application.id);
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
                self.end_session(&session, "revoked").await?;
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
                self.end_session(&session, "reuse").await?;
                return Err(Refusal::session_ended().by(Some(subject.user.clone())).into());
            }
            Shown::JustExchanged => {}
            Shown::Current => {
                session.previous = Some(hash);
                session.hash = hash_of(&next);
                session.rotated = now;
                session.used = now;
                change = change.put(&session)?;
            }
        }
        let detail = signed_in(subject, asked, "refresh_token");
        let change = change.audit("SignIn", &subject.user.id, &detail);
        let caller = Caller::person(&subject.user.id, Vec::new(), Vec::new());
        self.apply(&caller, change).await?;
        Ok(self.delegated_token(subject, asked, None, Some(next)).await?)
    }

    /// Ends a session: its refresh tokens are worth nothing from now on.
    pub(super) async fn end_session(
        &self,
        session: &Known<Session>,
        why: &str,
    ) -> Result<(), AppError> {
        let detail = json!({"reason": why, "application": session.application});
        let mut session = session.clone();
        for _ in 0..CHANGE_TRIES_MAX {
            let change = Change::default().remove(&session);
            let change = change.audit("EndSession", &session.user, &detail);
            match self.apply(&Caller::root("sign-in"), change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| ()),
            }
            // it was used meanwhile: it ends all the same
            match self.get::<Session>(&session.id).await? {
                Some(found) => session = found,
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
