//! Challenges for passkeys: texts that only this server can have written, each for one
//! browser and one purpose, for a while. Showing one stores nothing.
//!
//! Invariant: a challenge opens one thing once. Its use is a record, made in the same
//! transaction as what it opens.

use super::expiry::Expiring;
use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::{Kind, Known, Stored};
use crate::app::error::AppError;
use crate::auth::token;
use crate::clock;
use crate::limits::CHALLENGE_SECONDS;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::RecordKey;

const CHALLENGE: &str = "challenge of a passkey";

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    /// A new passkey of a user, by object id.
    Register(&'a str),
    /// A passkey of a user after their password.
    SecondFactor(&'a str),
    /// A passkey of whoever has one.
    SignIn,
}

impl<'a> Purpose<'a> {
    /// Its name, and whom it is about.
    fn parts(self) -> (&'static str, &'a str) {
        match self {
            Purpose::Register(user) => ("register", user),
            Purpose::SecondFactor(user) => ("second factor", user),
            Purpose::SignIn => ("sign in", ""),
        }
    }
}

/// A challenge that was used, until it would have ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UsedChallenge {
    /// SHA-256 of the challenge.
    id: String,
    /// Ticks.
    expires: i64,
}

impl Stored for UsedChallenge {
    const KIND: Kind = Kind::UsedChallenge;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![self.expiry_key()]
    }
}

impl Expiring for UsedChallenge {
    const BY_EXPIRY: u8 = 1;

    fn expires(&self) -> i64 {
        self.expires
    }
}

impl App {
    pub(super) async fn new_challenge(
        &self,
        browser: &str,
        purpose: Purpose<'_>,
    ) -> Result<String, AppError> {
        let random = token::generate().map_err(AppError::internal)?;
        let expires = clock::unix_seconds(self.engine.clock.now()) + CHALLENGE_SECONDS;
        let said = format!("{random}.{expires}");
        let (name, about) = purpose.parts();
        let mark = self.keyring().await?.mac().mark(&[CHALLENGE, name, browser, about, &said]);
        Ok(format!("{said}.{mark}"))
    }

    /// Takes a challenge back: one that this browser was given for this. Answers the record
    /// of its use, which cannot be made twice.
    pub(super) async fn take_challenge(
        &self,
        browser: &str,
        purpose: Purpose<'_>,
        given: &str,
    ) -> Result<Known<UsedChallenge>, SignInError> {
        let stale = Refusal::wrong_passkey;
        let (said, mark) = given.rsplit_once('.').ok_or_else(stale)?;
        let (name, about) = purpose.parts();
        let parts = [CHALLENGE, name, browser, about, said];
        if browser.is_empty() || !self.keyring().await?.mac().is_mark(&parts, mark) {
            return Err(stale().into());
        }
        let expires = said.rsplit_once('.').and_then(|(_, at)| at.parse::<i64>().ok());
        let expires = clock::from_unix_seconds(expires.ok_or_else(stale)?);
        if expires <= self.engine.clock.now() {
            return Err(stale().into());
        }
        self.sweep::<UsedChallenge>().await?;
        let id = URL_SAFE_NO_PAD.encode(token::hash(given));
        Ok(Known::new(UsedChallenge { id, expires }))
    }
}
