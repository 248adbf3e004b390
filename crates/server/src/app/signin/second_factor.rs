//! Second factors: codes that change with the time, and codes on paper for when the phone
//! is gone. Passkeys are the other kind, and have a file of their own.
//!
//! Invariant: a guess is counted before it is looked at, and guesses of one person are
//! looked at one after the other: who asks many times at once gains nothing.
//! Invariant: no code is good twice.

use super::passkey::{self, Own};
use super::{Refusal, SignInError};
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::User;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::{token, totp};
use crate::clock::unix_seconds;
use crate::limits::RECOVERY_CODES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;
use zeroize::Zeroizing;

/// What somebody has besides their password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactor {
    /// The object id of the user.
    id: String,
    /// Sealed, base64.
    secret: String,
    /// Until then it is asked for nowhere.
    is_confirmed: bool,
    /// The step of the last code that was used.
    last_step: i64,
    /// SHA-256, base64, of codes that were not used yet. They are long and random: they need
    /// no slow hash.
    recovery: Vec<String>,
    /// Ticks.
    pub created: i64,
}

impl Stored for SecondFactor {
    const KIND: Kind = Kind::SecondFactor;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl data::Sealed for SecondFactor {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        Some((owner(&self.id), &mut self.secret))
    }
}

impl SecondFactor {
    /// Codes on paper that were not used yet.
    #[must_use]
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

/// What an app on a phone is to be told, now and never again.
pub struct NewFactor {
    pub secret: String,
    pub uri: String,
}

/// Under which name the sealer knows a secret.
fn owner(user: &str) -> String {
    format!("second factor {user}")
}

fn hash_of(code: &str) -> String {
    STANDARD.encode(token::hash(code))
}

impl App {
    /// Whether a password of somebody is not enough.
    pub(crate) async fn has_second_factor(&self, user: &str) -> Result<bool, AppError> {
        Ok(self.second_factor(user).await?.is_some() || self.has_passkey(user).await?)
    }

    /// The app that shows codes to somebody.
    pub(crate) async fn second_factor(
        &self,
        user: &str,
    ) -> Result<Option<Known<SecondFactor>>, AppError> {
        Ok(self.get::<SecondFactor>(user).await?.filter(|it| it.is_confirmed))
    }

    /// Refuses a password that is not enough by itself.
    pub(super) async fn need_no_second_factor(&self, user: &User) -> Result<(), SignInError> {
        if self.has_second_factor(&user.id).await? {
            return Err(Refusal::second_factor_needed().by(Some(user.clone())).into());
        }
        Ok(())
    }

    /// Somebody who is signed in begins to set up an app that shows codes. With passkeys, a
    /// password is not enough for that.
    pub(crate) async fn begin_second_factor(
        &self,
        own: &Own<'_>,
        password: &str,
    ) -> Result<NewFactor, SignInError> {
        let user = self.check_password(&own.user.id, password).await?;
        if self.has_passkey(&user.id).await? {
            self.need_fresh(own).await?;
        }
        let before = self.get::<SecondFactor>(&user.id).await?;
        if before.as_ref().is_some_and(|it| it.is_confirmed) {
            return Err(Refusal::second_factor_there().into());
        }
        let secret = Zeroizing::new(totp::new_secret().map_err(AppError::internal)?);
        let sealed = self.engine.catalog.sealer().seal(&owner(&user.id), &*secret);
        let factor = SecondFactor {
            id: user.id.clone(),
            secret: STANDARD.encode(sealed.map_err(AppError::internal)?),
            is_confirmed: false,
            last_step: 0,
            recovery: Vec::new(),
            created: self.engine.clock.now(),
        };
        let known = match before {
            Some(mut known) => {
                known.value = factor;
                known
            }
            None => Known::new(factor),
        };
        self.apply(&person(&user.id), Change::default().put(&known)?).await?;
        Ok(NewFactor {
            secret: totp::base32(&*secret),
            uri: totp::uri(&user.user_principal_name, &*secret),
        })
    }

    /// Its first code shows that the app has it: from now on it is asked for. Answers codes
    /// for when the phone is gone, now and never again.
    pub(crate) async fn confirm_second_factor(
        &self,
        user: &User,
        given: &str,
    ) -> Result<Vec<String>, SignInError> {
        self.pace(&self.signin.guesses)?;
        let found = self.get::<SecondFactor>(&user.id).await?.filter(|it| !it.is_confirmed);
        let mut factor = found.ok_or_else(Refusal::stale_form)?;
        let Some(step) = self.step_of(&factor, given).await? else {
            return Err(Refusal::wrong_code().by(Some(user.clone())).into());
        };
        let codes: Result<Vec<String>, _> =
            (0..RECOVERY_CODES).map(|_| totp::recovery_code()).collect();
        let codes = codes.map_err(AppError::internal)?;
        factor.is_confirmed = true;
        factor.last_step = step;
        factor.recovery = codes.iter().map(|code| hash_of(&totp::plain(code))).collect();
        let change = Change::default().put(&factor)?;
        let change = change.audit("AddSecondFactor", &user.id, &json!({}));
        self.apply(&person(&user.id), change).await?;
        Ok(codes)
    }

    async fn step_of(&self, factor: &SecondFactor, given: &str) -> Result<Option<i64>, AppError> {
        let sealed = STANDARD.decode(&factor.secret).map_err(AppError::internal)?;
        let secret = self.engine.catalog.open_secret(&owner(&factor.id), &sealed).await?;
        let now = unix_seconds(self.engine.clock.now());
        Ok(totp::step_of(&secret, &totp::plain(given), now, factor.last_step))
    }

    /// Takes a code of somebody. Answers the user and the change that uses the code up, which
    /// whoever asks makes together with what the code opens.
    pub(super) async fn take_code(
        &self,
        user: &str,
        given: &str,
    ) -> Result<(Known<User>, Change), SignInError> {
        let mut user = self.counted_guess(user).await?;
        let factor = self.second_factor(&user.id).await?;
        let mut factor = factor.ok_or_else(Refusal::stale_form)?;
        let mut change = Change::default();
        if let Some(step) = self.step_of(&factor, given).await? {
            factor.last_step = step;
        } else {
            let hash = hash_of(&totp::plain(given));
            let Some(at) = factor.recovery.iter().position(|known| *known == hash) else {
                return Err(Refusal::wrong_code().by(Some(user.value)).into());
            };
            factor.recovery.remove(at);
            let detail = json!({"left": factor.recovery.len()});
            change = change.audit("UseRecoveryCode", &user.id, &detail);
        }
        user.forget_failures();
        change = change.put(&factor)?.put(&user)?;
        Ok((user, change))
    }

    /// Counts a guess of somebody who is not locked out, before it is looked at.
    pub(super) async fn counted_guess(&self, id: &str) -> Result<Known<User>, SignInError> {
        let gone = || Refusal::session_ended();
        let mut user = self.get::<User>(id).await?.ok_or_else(gone)?;
        let now = self.engine.clock.now();
        if user.is_locked(now) {
            return Err(Refusal::locked().by(Some(user.value)).into());
        }
        let change = self.failure(&mut user, now)?;
        match self.apply(&person(id), change).await {
            // another guess at the same moment
            Err(error) if error.kind == ErrorKind::Conflict => {
                return Err(Refusal::too_many().by(Some(user.value)).into());
            }
            done => done?,
        };
        Ok(self.get::<User>(id).await?.ok_or_else(gone)?)
    }

    /// Somebody who is signed in gives their second factor up, with a code of it.
    pub(crate) async fn remove_my_second_factor(
        &self,
        user: &User,
        given: &str,
    ) -> Result<(), SignInError> {
        let done = self.try_remove(user, given).await;
        self.note_refusal("second factor", "", &done).await?;
        done
    }

    async fn try_remove(&self, user: &User, given: &str) -> Result<(), SignInError> {
        let (user, change) = self.take_code(&user.id, given).await?;
        self.apply(&person(&user.id), change).await?;
        let found = self.get::<SecondFactor>(&user.id).await?;
        let factor = found.ok_or_else(Refusal::stale_form)?;
        self.apply(&person(&user.id), without_factor(&factor)).await?;
        Ok(())
    }

    /// Takes all that somebody has besides their password away, passkeys too: it is gone.
    pub async fn remove_second_factor(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        let factor = self.get::<SecondFactor>(&user.id).await?;
        let passkeys = self.passkeys_of(&user.id).await?;
        if factor.is_none() && passkeys.is_empty() {
            let message = format!("The user '{name}' has no second factor.");
            return Err(AppError::not_found("SecondFactorNotFound", message));
        }
        let change = factor.as_ref().map(without_factor).unwrap_or_default();
        let change = passkeys.iter().fold(change, passkey::without);
        self.apply(caller, change).await.map(|_| ())
    }
}

fn without_factor(factor: &Known<SecondFactor>) -> Change {
    Change::default().remove(factor).audit("RemoveSecondFactor", &factor.id, &json!({}))
}

fn person(id: &str) -> Caller {
    Caller::person(id, Vec::new(), Vec::new())
}
