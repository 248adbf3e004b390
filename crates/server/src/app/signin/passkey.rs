//! Passkeys: keys on people's devices, each for this server only. One follows a password, or,
//! when it has seen who uses it, lets somebody in by itself.
//!
//! Invariant: passkeys are changed by who has just signed in, with a second factor if they
//! have one; a browser that was left open is not enough.

use super::challenge::Purpose;
use super::{Refusal, SignInError};
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::User;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::webauthn::{
    Algorithm, Assertion, Credential, Expected, RelyingParty, Verification, verify_assertion,
    verify_registration,
};
use crate::limits::{
    ATTESTATION_BYTES_MAX, AUTHENTICATOR_DATA_BYTES_MAX, CLIENT_DATA_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MAX, PASSKEY_NAME_CHARACTERS_MAX, PASSKEY_SIGNATURE_BYTES_MAX,
    PASSKEYS_MAX, USER_HANDLE_BYTES_MAX,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::RecordKey;

pub const BY_USER: u8 = 1;

/// A passkey of somebody. Nothing of it is secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// SHA-256 of what the authenticator calls it: that may be long.
    id: String,
    /// Object id.
    pub user: String,
    /// What the authenticator calls it, base64url.
    credential: String,
    /// COSE, base64url.
    key: String,
    pub algorithm: Algorithm,
    /// The host name that it was made for: it signs for no other.
    relying_party: String,
    counter: u32,
    /// What its owner calls it.
    pub name: String,
    /// Ticks.
    pub created: i64,
    pub used: Option<i64>,
}

impl Stored for Passkey {
    const KIND: Kind = Kind::Passkey;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_USER, &[&self.user])]
    }
}

impl Passkey {
    #[must_use]
    pub fn passkey_id(&self) -> &str {
        &self.id
    }
}

/// What a page tells an authenticator.
pub(crate) struct PasskeyOffer {
    pub relying_party: RelyingParty,
    pub challenge: String,
    /// What authenticators call those that are known, base64url.
    pub credentials: Vec<String>,
}

/// What an authenticator has signed, as a form brings it: the rest is base64url.
pub(crate) struct GivenPasskey<'a> {
    pub challenge: &'a str,
    pub credential: &'a str,
    pub client_data: &'a str,
    pub authenticator_data: &'a str,
    pub signature: &'a str,
    pub user_handle: Option<&'a str>,
}

/// A passkey that was just made, as a form brings it.
pub(crate) struct GivenRegistration<'a> {
    pub challenge: &'a str,
    pub name: &'a str,
    pub client_data: &'a str,
    pub attestation: &'a str,
}

/// Somebody at a page of theirs.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    pub user: &'a User,
    /// What tells the browser from others, and its cookie.
    pub browser: &'a str,
    pub cookie: &'a str,
}

/// What somebody has, and what they may do about it now.
pub(crate) struct OwnPasskeys {
    pub passkeys: Vec<Known<Passkey>>,
    /// Whether they have just signed in.
    pub is_fresh: bool,
    /// Whether browsers offer passkeys at this server's address.
    pub has_address: bool,
    /// For one more.
    pub offer: Option<PasskeyOffer>,
}

fn decode(text: &str, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    // four characters are three bytes
    if text.len() > bytes_max.div_ceil(3) * 4 {
        return Err(Refusal::wrong_passkey());
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::wrong_passkey())
}

fn id_of(credential: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(credential))
}

fn person(id: &str) -> Caller {
    Caller::person(id, Vec::new(), Vec::new())
}

/// A name as it is kept.
fn checked_name(given: &str) -> Result<String, Refusal> {
    let name = given.trim();
    let length = name.chars().count();
    if length == 0 || length > PASSKEY_NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        return Err(Refusal::passkey_name());
    }
    Ok(name.to_owned())
}

impl App {
    /// Whom authenticators know this server as, if its address is one for passkeys.
    fn relying_party(&self) -> Option<RelyingParty> {
        RelyingParty::of(&self.engine.catalog.public_url())
    }

    pub(crate) async fn passkeys_of(&self, user: &str) -> Result<Vec<Known<Passkey>>, AppError> {
        let mut all = self.list_all::<Passkey>(BY_USER, &[user]).await?;
        all.sort_by_key(|passkey| passkey.created);
        Ok(all)
    }

    pub(super) async fn has_passkey(&self, user: &str) -> Result<bool, AppError> {
        Ok(!self.list::<Passkey>(BY_USER, &[user], None, 1).await?.rows.is_empty())
    }

    /// For the page that asks who somebody is: any passkey that they have here.
    pub(crate) async fn offer_passkeys(
        &self,
        browser: &str,
    ) -> Result<Option<PasskeyOffer>, AppError> {
        let Some(relying_party) = self.relying_party() else { return Ok(None) };
        let challenge = self.new_challenge(browser, Purpose::SignIn).await?;
        Ok(Some(PasskeyOffer { relying_party, challenge, credentials: Vec::new() }))
    }

    /// For the page after a password: one of their passkeys, if one works here.
    pub(super) async fn offer_passkeys_of(
        &self,
        browser: &str,
        user: &str,
    ) -> Result<Option<PasskeyOffer>, AppError> {
        let Some(relying_party) = self.relying_party() else { return Ok(None) };
        let mut credentials = Vec::new();
        for passkey in self.passkeys_of(user).await? {
            if passkey.relying_party == relying_party.id {
                credentials.push(passkey.value.credential);
            }
        }
        if credentials.is_empty() {
            return Ok(None);
        }
        let challenge = self.new_challenge(browser, Purpose::SecondFactor(user)).await?;
        Ok(Some(PasskeyOffer { relying_party, challenge, credentials }))
    }

    /// Believes what an authenticator has signed. Answers the passkey and the change that uses
    /// the challenge up, which whoever asks makes together with what it opens.
    async fn believe(
        &self,
        browser: &str,
        purpose: Purpose<'_>,
        given: &GivenPasskey<'_>,
    ) -> Result<(Known<Passkey>, Change), SignInError> {
        let relying_party = self.relying_party().ok_or_else(Refusal::no_passkeys_here)?;
        let used = self.take_challenge(browser, purpose, given.challenge).await?;
        let credential = decode(given.credential, CREDENTIAL_ID_BYTES_MAX)?;
        let client_data = decode(given.client_data, CLIENT_DATA_BYTES_MAX)?;
        let data = decode(given.authenticator_data, AUTHENTICATOR_DATA_BYTES_MAX)?;
        let signature = decode(given.signature, PASSKEY_SIGNATURE_BYTES_MAX)?;
        let found = self.get::<Passkey>(&id_of(&credential)).await?;
        let mut passkey = found.ok_or_else(Refusal::wrong_passkey)?;
        let (verification, user) = match purpose {
            Purpose::SignIn => (Verification::Required, None),
            Purpose::SecondFactor(user) | Purpose::Register(user) => {
                (Verification::NotNeeded, Some(user))
            }
        };
        if user.is_some_and(|user| user != passkey.user) {
            return Err(Refusal::wrong_passkey().into());
        }
        let expected = Expected {
            relying_party: &relying_party,
            challenge: given.challenge.as_bytes(),
            verification,
        };
        let key = URL_SAFE_NO_PAD.decode(&passkey.key).map_err(AppError::internal)?;
        let known = Credential { key: &key, counter: passkey.counter };
        let given = Assertion {
            client_data: &client_data,
            authenticator_data: &data,
            signature: &signature,
        };
        let counter = verify_assertion(&expected, known, &given).map_err(|fault| {
            tracing::warn!(user = passkey.user, ?fault, "a passkey that is not believed");
            Refusal::wrong_passkey()
        })?;
        passkey.counter = counter;
        passkey.used = Some(self.engine.clock.now());
        let change = Change::default().put(&passkey)?.put(&used)?;
        Ok((passkey, change))
    }

    /// Takes a passkey of somebody whose password was right. It is a guess as a code is.
    pub(super) async fn take_passkey(
        &self,
        browser: &str,
        user: &str,
        given: &GivenPasskey<'_>,
    ) -> Result<(Known<User>, Change, String), SignInError> {
        let mut user = self.counted_guess(user).await?;
        let believed = self.believe(browser, Purpose::SecondFactor(&user.id), given).await;
        let (passkey, change) = believed.map_err(|error| match error {
            SignInError::Refused(refusal) => refusal.by(Some(user.value.clone())).into(),
            failure @ SignInError::Failed(_) => failure,
        })?;
        user.forget_failures();
        Ok((user.clone(), change.put(&user)?, passkey.value.id))
    }

    /// Takes a passkey of somebody who has said nothing else.
    pub(super) async fn take_passkey_alone(
        &self,
        browser: &str,
        given: &GivenPasskey<'_>,
    ) -> Result<(User, Change, String), SignInError> {
        let (passkey, change) = self.believe(browser, Purpose::SignIn, given).await?;
        let handle = decode(given.user_handle.unwrap_or_default(), USER_HANDLE_BYTES_MAX)?;
        let user = self.get::<User>(&passkey.user).await?.ok_or_else(Refusal::wrong_passkey)?;
        let user = user.value;
        if handle != user.id.as_bytes() {
            return Err(Refusal::wrong_passkey().by(Some(user)).into());
        }
        if !user.is_enabled {
            return Err(Refusal::disabled().by(Some(user)).into());
        }
        if user.is_locked(self.engine.clock.now()) {
            return Err(Refusal::locked().by(Some(user)).into());
        }
        Ok((user, change, passkey.value.id))
    }

    /// What somebody who is signed in sees of their passkeys.
    pub(crate) async fn own_passkeys(&self, own: &Own<'_>) -> Result<OwnPasskeys, SignInError> {
        let passkeys = self.passkeys_of(&own.user.id).await?;
        let is_fresh = self.fresh_session(own.user, own.cookie).await?.is_some();
        let relying_party = self.relying_party();
        let has_address = relying_party.is_some();
        let mut offer = None;
        if let Some(relying_party) =
            relying_party.filter(|_| is_fresh && passkeys.len() < PASSKEYS_MAX)
        {
            let purpose = Purpose::Register(&own.user.id);
            let challenge = self.new_challenge(own.browser, purpose).await?;
            let credentials = passkeys.iter().map(|it| it.credential.clone()).collect();
            offer = Some(PasskeyOffer { relying_party, challenge, credentials });
        }
        Ok(OwnPasskeys { passkeys, is_fresh, has_address, offer })
    }

    /// Somebody adds a passkey. From now on it is asked for.
    pub(crate) async fn add_passkey(
        &self,
        own: &Own<'_>,
        given: &GivenRegistration<'_>,
    ) -> Result<(), SignInError> {
        let done = self.try_add(own, given).await;
        self.note_refusal("passkey", "", &done).await?;
        done
    }

    async fn try_add(
        &self,
        own: &Own<'_>,
        given: &GivenRegistration<'_>,
    ) -> Result<(), SignInError> {
        let mut session = self.need_fresh(own).await?;
        let relying_party = self.relying_party().ok_or_else(Refusal::no_passkeys_here)?;
        let name = checked_name(given.name)?;
        if self.passkeys_of(&own.user.id).await?.len() >= PASSKEYS_MAX {
            return Err(Refusal::too_many_passkeys().into());
        }
        let purpose = Purpose::Register(&own.user.id);
        let used = self.take_challenge(own.browser, purpose, given.challenge).await?;
        let client_data = decode(given.client_data, CLIENT_DATA_BYTES_MAX)?;
        let attestation = decode(given.attestation, ATTESTATION_BYTES_MAX)?;
        let expected = Expected {
            relying_party: &relying_party,
            challenge: given.challenge.as_bytes(),
            verification: Verification::NotNeeded,
        };
        let new = verify_registration(&expected, &client_data, &attestation).map_err(|fault| {
            tracing::warn!(user = own.user.id, ?fault, "a passkey that is not taken");
            Refusal::wrong_passkey().by(Some(own.user.clone()))
        })?;
        let passkey = Known::new(Passkey {
            id: id_of(&new.id),
            user: own.user.id.clone(),
            credential: URL_SAFE_NO_PAD.encode(&new.id),
            key: URL_SAFE_NO_PAD.encode(&new.key),
            algorithm: new.algorithm,
            relying_party: relying_party.id,
            counter: new.counter,
            name,
            created: self.engine.clock.now(),
            used: None,
        });
        // who makes one has shown it
        session.with_second_factor = true;
        let detail = json!({"passkey": passkey.id, "algorithm": passkey.algorithm});
        let change = Change::default().put(&passkey)?.put(&used)?.put(&session)?;
        let change = change.audit("AddPasskey", &own.user.id, &detail);
        match self.apply(&person(&own.user.id), change).await {
            // it is there already, or the challenge was used at the same moment
            Err(error) if error.kind == ErrorKind::Conflict => {
                Err(Refusal::passkey_there().by(Some(own.user.clone())).into())
            }
            done => Ok(done.map(|_| ())?),
        }
    }

    /// Somebody gives a passkey of theirs another name.
    pub(crate) async fn rename_passkey(
        &self,
        own: &Own<'_>,
        id: &str,
        name: &str,
    ) -> Result<(), SignInError> {
        self.need_fresh(own).await?;
        let mut passkey = self.passkey(&own.user.id, id).await?;
        passkey.name = checked_name(name)?;
        let detail = json!({"passkey": passkey.id});
        let change = Change::default().put(&passkey)?;
        let change = change.audit("RenamePasskey", &own.user.id, &detail);
        self.apply(&person(&own.user.id), change).await?;
        Ok(())
    }

    /// Somebody gives a passkey of theirs up.
    pub(crate) async fn remove_own_passkey(
        &self,
        own: &Own<'_>,
        id: &str,
    ) -> Result<(), SignInError> {
        self.need_fresh(own).await?;
        let passkey = self.passkey(&own.user.id, id).await?;
        let change = without(Change::default(), &passkey);
        self.apply(&person(&own.user.id), change).await?;
        Ok(())
    }

    /// The caller's own.
    pub async fn list_my_passkeys(&self, caller: &Caller) -> Result<Vec<Known<Passkey>>, AppError> {
        self.permit(caller, Operation::ManageOwnAccount)?;
        self.passkeys_of(caller.id()).await
    }

    pub async fn list_passkeys(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Vec<Known<Passkey>>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        self.passkeys_of(&user.id).await
    }

    /// Takes one of somebody's passkeys away: they have lost it.
    pub async fn remove_passkey(
        &self,
        caller: &Caller,
        name: &str,
        id: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        let passkey = self.passkey(&user.id, id).await?;
        let change = without(Change::default(), &passkey);
        self.apply(caller, change).await.map(|_| ())
    }

    /// A passkey of somebody.
    async fn passkey(&self, user: &str, id: &str) -> Result<Known<Passkey>, AppError> {
        let found = self.get::<Passkey>(id).await?.filter(|passkey| passkey.user == user);
        found.ok_or_else(|| {
            AppError::not_found("PasskeyNotFound", format!("There is no passkey '{id}'."))
        })
    }
}

/// The same without a passkey.
pub(super) fn without(change: Change, passkey: &Known<Passkey>) -> Change {
    let detail = json!({"passkey": passkey.id});
    change.remove(passkey).audit("RemovePasskey", &passkey.user, &detail)
}
