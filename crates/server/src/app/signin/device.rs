//! Device codes: a program without a browser asks, a person decides somewhere else.

use super::consent::ConsentFor;
use super::expiry::Expiring;
use super::{Asked, Refusal, SignInError, TokenAnswer, Visitor};
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::{Application, User};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock::{SECOND, random_bytes};
use crate::limits::DEVICE_CODE_SECONDS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_USER_CODE: u8 = 1;

/// Letters and digits that nobody takes for others and that make no words.
const LETTERS: &[u8; 28] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// Of them in a code that a person enters.
const USER_CODE_LETTERS: usize = 9;

/// A device that waits, or has its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceCode {
    /// SHA-256 of the device code.
    id: String,
    user_code: String,
    /// Object id.
    application: String,
    asked: Asked,
    state: DeviceState,
    /// Ticks.
    expires: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "by")]
enum DeviceState {
    Pending,
    /// The object id of who did, and the stamp they had.
    Approved(String, u32),
    Denied(String),
}

impl Stored for DeviceCode {
    const KIND: Kind = Kind::DeviceCode;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::unique(BY_USER_CODE, &[&self.user_code]), self.expiry_key()]
    }
}

impl Expiring for DeviceCode {
    const BY_EXPIRY: u8 = 2;

    fn expires(&self) -> i64 {
        self.expires
    }
}

/// What a device gets that asks.
pub struct DeviceAnswer {
    pub user_code: String,
    pub device_code: String,
}

/// What a person decides about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceDecision {
    Approve(ConsentFor),
    Deny,
}

fn id_of(device_code: &str) -> String {
    URL_SAFE_NO_PAD.encode(token::hash(device_code))
}

fn new_user_code() -> Result<String, AppError> {
    let mut code = String::new();
    while code.len() < USER_CODE_LETTERS {
        let bytes = random_bytes::<32>().map_err(AppError::internal)?;
        // 252 is the greatest multiple of 28 that a byte has room for: all are as likely
        let fair = bytes.iter().filter(|byte| **byte < 252);
        let letters = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        code.extend(letters.take(USER_CODE_LETTERS - code.len()));
    }
    Ok(code)
}

impl App {
    /// A device asks for a code.
    pub async fn begin_device(
        &self,
        client_id: &str,
        asked: Asked,
    ) -> Result<DeviceAnswer, SignInError> {
        let application = self.client(client_id).await?;
        self.pace(&self.signin.devices)?;
        self.sweep::<DeviceCode>().await?;
        let device_code = token::generate().map_err(AppError::internal)?;
        let user_code = new_user_code()?;
        let record = Known::new(DeviceCode {
            id: id_of(&device_code),
            user_code: user_code.clone(),
            application: application.id.clone(),
            asked,
            state: DeviceState::Pending,
            expires: self.engine.clock.now() + DEVICE_CODE_SECONDS * SECOND,
        });
        let caller = Caller::application(&application.id, Vec::new());
        self.apply(&caller, Change::default().put(&record)?).await?;
        Ok(DeviceAnswer { user_code, device_code })
    }

    /// The application whose device has a code that somebody who is signed in enters.
    pub(crate) async fn device_of(
        &self,
        user_code: &str,
    ) -> Result<Known<Application>, SignInError> {
        let device = self.pending_device(user_code).await?;
        let application = self.get::<Application>(&device.application).await?;
        application.ok_or_else(|| Refusal::unknown_device().into())
    }

    async fn pending_device(&self, user_code: &str) -> Result<Known<DeviceCode>, SignInError> {
        let code: String = user_code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(USER_CODE_LETTERS + 1)
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let now = self.engine.clock.now();
        // when too many guessed, a right guess is of no use either
        if !self.signin.guesses.has_room(crate::clock::unix_seconds(now)) {
            return Err(Refusal::too_many().into());
        }
        let found = self.find::<DeviceCode>(BY_USER_CODE, &[&code]).await?;
        let waits = |it: &Known<DeviceCode>| it.state == DeviceState::Pending && it.expires > now;
        match found.filter(waits) {
            Some(device) => Ok(device),
            None => {
                self.pace(&self.signin.guesses)?;
                Err(Refusal::unknown_device().into())
            }
        }
    }

    /// Somebody who is signed in decides about a device. To approve is to consent.
    pub(crate) async fn decide_device(
        &self,
        user: &User,
        user_code: &str,
        decision: DeviceDecision,
    ) -> Result<Known<Application>, SignInError> {
        let application = self.device_of(user_code).await?;
        let operation = match decision {
            DeviceDecision::Approve(whom) => {
                self.consent(&application, user, whom).await?;
                "ApproveDevice"
            }
            DeviceDecision::Deny => "DenyDevice",
        };
        let mut device = self.pending_device(user_code).await?;
        device.state = match decision {
            DeviceDecision::Approve(_) => DeviceState::Approved(user.id.clone(), user.stamp),
            DeviceDecision::Deny => DeviceState::Denied(user.id.clone()),
        };
        let detail = json!({"application": application.client_id});
        let change = Change::default().put(&device)?.audit(operation, &user.id, &detail);
        let caller = Caller::person(&user.id, Vec::new(), Vec::new());
        match self.apply(&caller, change).await {
            Ok(_) => Ok(application),
            Err(error) if error.kind == ErrorKind::Conflict => {
                Err(Refusal::unknown_device().into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A device looks whether the person has decided.
    pub(super) async fn redeem_device(
        &self,
        visitor: &Visitor<'_>,
        device_code: &str,
    ) -> Result<TokenAnswer, SignInError> {
        let application = visitor.application;
        let found = self.get::<DeviceCode>(&id_of(device_code)).await?;
        let found = found.filter(|it| it.application == application.id);
        let device = found.ok_or_else(Refusal::unknown_device)?;
        if device.expires <= self.engine.clock.now() {
            return Err(Refusal::device_expired().into());
        }
        let (user, stamp) = match &device.state {
            DeviceState::Pending => return Err(Refusal::pending().into()),
            DeviceState::Denied(user) => {
                let mut refusal = Refusal::device_denied();
                refusal.user = Some(user.clone());
                return Err(refusal.into());
            }
            DeviceState::Approved(user, stamp) => (user, *stamp),
        };
        let user = self.user_under(user, stamp).await?;
        self.need_consent(application, &user.id).await?;
        let subject = visitor.with(&user);
        let change = Change::default().remove(&device);
        self.issue(&subject, &device.asked, None, "device_code", change).await
    }

    /// Somebody as they were when they decided: nothing has ended their sessions since.
    pub(super) async fn user_under(&self, id: &str, stamp: u32) -> Result<User, SignInError> {
        let user = self.get::<User>(id).await?.map(|user| user.value);
        match user {
            Some(user) if !user.is_enabled => Err(Refusal::disabled().by(Some(user)).into()),
            Some(user) if user.stamp == stamp => Ok(user),
            user => Err(Refusal::session_ended().by(user).into()),
        }
    }
}
