//! Signing in: what is exchanged for tokens, on the paths that identity clients use.
//!
//! Nobody is known here yet, so there is no check of rights; instead each use case checks
//! what it is shown. Where an administrator acts, the first line says what it takes.
//!
//! Invariant: whatever comes out well or is refused is in the audit, without any secret.

pub mod account;
mod assertion;
pub mod audience;
pub mod browser;
mod challenge;
pub mod client;
pub mod code;
pub mod consent;
pub mod device;
pub(crate) mod expiry;
pub mod issuer;
pub mod keyring;
mod live;
pub mod outside;
pub mod passkey;
pub mod refusal;
pub mod second_factor;
pub mod session;
mod token;

pub use audience::Asked;
pub use client::ClientProof;
pub use refusal::{Refusal, SignInError};
pub use token::{Delegated, TokenAnswer, issuer as token_issuer, openid_issuer};

use super::App;
use super::data::Change;
use super::directory::user::Verdict;
use super::directory::{Application, User};
use super::error::AppError;
use super::pace::Pace;
use crate::auth::caller::Caller;
use crate::clock;
use crate::limits::{
    DEVICES_PER_MINUTE, GUESSES_PER_MINUTE, OUTSIDE_SIGN_INS_PER_MINUTE, STRANGE_KEYS_PER_MINUTE,
    STRANGERS_PER_MINUTE,
};
use keyring::Keyrings;
use live::Live;
use serde_json::json;

/// What signing in keeps in memory.
pub struct SignInState {
    keys: Keyrings,
    live: Live,
    /// Looks for keys that another node may have made.
    strange_keys: Pace,
    /// Entries of the audit that strangers cause.
    strangers: Pace,
    /// Device codes.
    devices: Pace,
    /// Codes of devices that people enter and that are none.
    guesses: Pace,
    /// Sign-ins that begin at issuers from outside.
    outside: Pace,
}

impl Default for SignInState {
    fn default() -> Self {
        SignInState {
            keys: Keyrings::default(),
            live: Live::default(),
            strange_keys: Pace::new(STRANGE_KEYS_PER_MINUTE),
            strangers: Pace::new(STRANGERS_PER_MINUTE),
            devices: Pace::new(DEVICES_PER_MINUTE),
            guesses: Pace::new(GUESSES_PER_MINUTE),
            outside: Pace::new(OUTSIDE_SIGN_INS_PER_MINUTE),
        }
    }
}

/// What is exchanged for tokens.
pub enum Grant {
    ClientCredentials,
    Password { name: String, password: String },
    DeviceCode(String),
    Code { code: String, redirect_uri: String, verifier: Option<String> },
    Refresh(String),
}

impl Grant {
    fn name(&self) -> &'static str {
        match self {
            Grant::ClientCredentials => "client_credentials",
            Grant::Password { .. } => "password",
            Grant::DeviceCode(_) => "device_code",
            Grant::Code { .. } => "authorization_code",
            Grant::Refresh(_) => "refresh_token",
        }
    }
}

/// An application that asks for tokens, and where it is.
#[derive(Clone, Copy)]
pub(crate) struct Visitor<'a> {
    pub application: &'a Application,
    pub address: Option<&'a str>,
}

/// A person who signs in with an application.
pub(crate) struct Subject<'a> {
    pub application: &'a Application,
    pub user: &'a User,
    pub address: Option<&'a str>,
}

impl<'a> Visitor<'a> {
    /// Somebody signs in with it.
    fn with(&self, user: &'a User) -> Subject<'a> {
        Subject { application: self.application, user, address: self.address }
    }
}

impl App {
    /// Exchanges what an application brings for tokens.
    pub async fn exchange(
        &self,
        proof: &ClientProof,
        asked: Option<Asked>,
        grant: Grant,
    ) -> Result<TokenAnswer, SignInError> {
        let name = grant.name();
        let done = self.try_exchange(proof, asked, grant).await;
        self.note_refusal(name, &proof.client_id, &done).await?;
        done
    }

    async fn try_exchange(
        &self,
        proof: &ClientProof,
        asked: Option<Asked>,
        grant: Grant,
    ) -> Result<TokenAnswer, SignInError> {
        let alone = matches!(grant, Grant::ClientCredentials);
        let application = self.prove_client(proof, alone).await?;
        let visitor = Visitor { application: &application, address: proof.address.as_deref() };
        match grant {
            Grant::ClientCredentials => {
                self.client_credentials(&application, asked.unwrap_or_default()).await
            }
            Grant::Password { name, password } => {
                let user = self.check_password(&name, &password).await?;
                self.need_no_second_factor(&user).await?;
                let subject = visitor.with(&user);
                self.need_consent(subject.application, &user.id).await?;
                let asked = asked.unwrap_or_default();
                self.issue(&subject, &asked, None, "password", Change::default()).await
            }
            Grant::DeviceCode(code) => self.redeem_device(&visitor, &code).await,
            Grant::Code { code, redirect_uri, verifier } => {
                self.redeem_code(&visitor, asked, &code, &redirect_uri, verifier).await
            }
            Grant::Refresh(token) => self.refresh(&visitor, asked, &token).await,
        }
    }

    async fn client_credentials(
        &self,
        application: &Application,
        asked: Asked,
    ) -> Result<TokenAnswer, SignInError> {
        if !asked.is_default {
            return Err(Refusal::scope_without_default().into());
        }
        let answer = self.application_token(application, &asked).await?;
        let detail = json!({"grant": "client_credentials", "audience": asked.resource});
        let change = Change::default().audit("SignIn", &application.id, &detail);
        let caller = Caller::application(&application.id, Vec::new());
        self.apply(&caller, change).await?;
        Ok(answer)
    }

    /// The user whose password it is.
    pub(super) async fn check_password(
        &self,
        name: &str,
        password: &str,
    ) -> Result<User, SignInError> {
        let (verdict, user) = self.try_password(name, password).await?;
        let refusal = match (verdict, user) {
            (Verdict::Right, Some(user)) => return Ok(user),
            (Verdict::Locked, user) => Refusal::locked().by(user),
            (Verdict::Disabled, user) => Refusal::disabled().by(user),
            (Verdict::Right | Verdict::Wrong, user) => Refusal::wrong_password().by(user),
        };
        Err(refusal.into())
    }

    /// Writes down that a sign-in was refused. What strangers can cause is bounded.
    pub(super) async fn note_refusal<T>(
        &self,
        grant: &str,
        client: &str,
        done: &Result<T, SignInError>,
    ) -> Result<(), AppError> {
        let Err(SignInError::Refused(refusal)) = done else { return Ok(()) };
        if refusal.is_waiting() {
            return Ok(());
        }
        let application = self.application_of(client).await?;
        let is_stranger = application.is_none() || refusal.user.is_none();
        let now = clock::unix_seconds(self.engine.clock.now());
        if is_stranger && !self.signin.strangers.admits(now) {
            tracing::warn!(
                number = refusal.number,
                "a refused sign-in is not in the audit: too many"
            );
            return Ok(());
        }
        let detail = json!({
            "grant": grant,
            "application": application.as_ref().map(|it| &it.client_id),
            "user": refusal.user,
            "error": refusal.number,
        });
        let known = refusal.user.as_deref().or(application.as_ref().map(|it| it.id.as_str()));
        let target = known.unwrap_or("unknown");
        let change = Change::default().audit("SignInRefused", target, &detail);
        self.apply(&Caller::person("sign-in", Vec::new(), Vec::new()), change).await?;
        Ok(())
    }

    /// Refuses when something was done too often in this minute.
    fn pace(&self, pace: &Pace) -> Result<(), SignInError> {
        if pace.admits(clock::unix_seconds(self.engine.clock.now())) {
            return Ok(());
        }
        Err(Refusal::too_many().into())
    }
}
