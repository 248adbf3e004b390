//! The keys that sign tokens: the newest signs, those before it are believed until all that
//! they signed has ended.
//!
//! The first is a setting, each later one a record, all sealed. Every node reads them again
//! within a second, and at once when it meets a key that it does not know.
//!
//! Invariant: marks (cookies, forms, refresh tokens) are made with the first key for ever, so
//! that a rotation ends nobody's session.

use super::expiry::ordered;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::jwt::{AccessClaims, TokenFault, TokenKey, key_id};
use crate::auth::mac::MacKey;
use crate::clock::{SECOND, unix_seconds};
use crate::limits::{ACCESS_TOKEN_SECONDS, CLOCK_LEEWAY_SECONDS, KEYRING_FRESH, SIGNING_KEYS_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use store::RecordKey;
use tokio::time::Instant;

/// Setting of the store: the first key, sealed.
pub(crate) const FIRST_KEY: &str = "signing_key";

pub const BY_TIME: u8 = 1;

/// How long a key is believed after the next one signs: as long as its last token, by a
/// clock that is behind, from a node that had not seen the next one yet.
const BELIEVED_SECONDS: i64 = ACCESS_TOKEN_SECONDS + 2 * CLOCK_LEEWAY_SECONDS;

/// A key that a rotation made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    /// What tokens name it by.
    id: String,
    /// PKCS#8, sealed, base64.
    sealed: String,
    /// Ticks.
    created: i64,
}

impl Stored for SigningKey {
    const KIND: Kind = Kind::SigningKey;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_TIME, &[&ordered(self.created)])]
    }
}

impl data::Sealed for SigningKey {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        Some((owner(&self.id), &mut self.sealed))
    }
}

/// A key and its times, in ticks.
#[derive(Clone)]
struct TimedKey {
    key: Arc<TokenKey>,
    /// The first key does not know.
    created: Option<i64>,
    /// The newest has no end yet.
    ends: Option<i64>,
}

/// All keys as they were read.
pub(crate) struct Keyring {
    first: Arc<TokenKey>,
    /// Oldest first.
    keys: Vec<TimedKey>,
}

impl Keyring {
    /// The key that signs.
    pub fn signing(&self) -> &TokenKey {
        self.keys.last().map_or(&self.first, |newest| &newest.key)
    }

    /// For texts that need no public key.
    pub fn mac(&self) -> &MacKey {
        &self.first.mac
    }

    fn believed(&self, now: i64) -> impl DoubleEndedIterator<Item = &TimedKey> {
        self.keys.iter().filter(move |it| it.ends.is_none_or(|ends| ends > now))
    }

    /// What a token says, when a key that is believed signed it.
    fn check(&self, token: &str, issuer: &str, now: i64) -> Result<AccessClaims, TokenFault> {
        let id = key_id(token)?;
        let named = self.believed(now).find(|it| it.key.id() == id);
        let named = named.ok_or(TokenFault::UnknownKey)?;
        named.key.check(token, issuer, unix_seconds(now))
    }

    /// The public halves, the newest first.
    fn public(&self, now: i64) -> Vec<Value> {
        self.believed(now).rev().map(|it| it.key.public()).collect()
    }

    fn key(&self, id: &str) -> Option<Arc<TokenKey>> {
        self.keys.iter().find(|it| it.key.id() == id).map(|it| Arc::clone(&it.key))
    }
}

/// The keys in memory.
#[derive(Default)]
pub(super) struct Keyrings {
    known: Mutex<Option<(Arc<Keyring>, Instant)>>,
    /// One reads at a time.
    reading: tokio::sync::Mutex<()>,
}

impl Keyrings {
    /// What was read, and when.
    fn known(&self) -> Option<(Arc<Keyring>, Instant)> {
        self.known.lock().clone()
    }
}

/// A key as it is shown.
pub struct SigningKeyView {
    pub id: String,
    pub is_signing: bool,
    /// Ticks.
    pub created: Option<i64>,
    /// When it is believed no longer.
    pub ends: Option<i64>,
}

impl App {
    /// The keys that tokens are signed and checked with. Whoever needs the first one first
    /// makes it, for all nodes.
    pub(crate) async fn keyring(&self) -> Result<Arc<Keyring>, AppError> {
        match self.signin.keys.known() {
            Some((ring, read)) if read.elapsed() < KEYRING_FRESH => Ok(ring),
            _ => self.read_keyring().await,
        }
    }

    /// What a token says that this server signed, on any node, and that has not ended.
    pub(crate) async fn check_token(
        &self,
        token: &str,
        issuer: &str,
    ) -> Result<Result<AccessClaims, TokenFault>, AppError> {
        let now = self.engine.clock.now();
        let checked = self.keyring().await?.check(token, issuer, now);
        // another node may sign with a new one already
        let is_worth_a_look = matches!(checked, Err(TokenFault::UnknownKey))
            && self.signin.strange_keys.admits(unix_seconds(now));
        if !is_worth_a_look {
            return Ok(checked);
        }
        Ok(self.read_keyring().await?.check(token, issuer, now))
    }

    /// Keys that tokens can be checked with.
    pub async fn token_keys(&self) -> Result<Vec<Value>, AppError> {
        Ok(self.keyring().await?.public(self.engine.clock.now()))
    }

    async fn read_keyring(&self) -> Result<Arc<Keyring>, AppError> {
        let asked = Instant::now();
        let _turn = self.signin.keys.reading.lock().await;
        let known = self.signin.keys.known();
        if let Some((ring, read)) = &known
            && *read >= asked
        {
            return Ok(Arc::clone(ring));
        }
        let begun = Instant::now();
        let known = known.map(|(ring, _)| ring);
        let first = match &known {
            Some(ring) => Arc::clone(&ring.first),
            None => Arc::new(self.open_first_key().await?),
        };
        let records = self.list_all::<SigningKey>(BY_TIME, &[]).await?;
        let mut keys = vec![TimedKey { key: Arc::clone(&first), created: None, ends: None }];
        for record in &records {
            if let Some(before) = keys.last_mut() {
                before.ends = Some(record.created + BELIEVED_SECONDS * SECOND);
            }
            let key = match known.as_ref().and_then(|ring| ring.key(&record.id)) {
                Some(key) => key,
                None => Arc::new(self.open_key(record).await?),
            };
            keys.push(TimedKey { key, created: Some(record.created), ends: None });
        }
        let ring = Arc::new(Keyring { first, keys });
        *self.signin.keys.known.lock() = Some((Arc::clone(&ring), begun));
        Ok(ring)
    }

    async fn open_first_key(&self) -> Result<TokenKey, AppError> {
        let (store, sealer) = (&self.engine.store, self.engine.catalog.sealer());
        let sealed = match store.setting(FIRST_KEY).await? {
            Some(sealed) => sealed,
            None => {
                let sealed = sealer.seal(FIRST_KEY, &new_key().await?);
                store.setting_or(FIRST_KEY, &sealed.map_err(AppError::internal)?).await?
            }
        };
        let key = self.engine.catalog.open_secret(FIRST_KEY, &sealed).await?;
        TokenKey::read(&key)
    }

    async fn open_key(&self, record: &SigningKey) -> Result<TokenKey, AppError> {
        let sealed = STANDARD.decode(&record.sealed).map_err(AppError::internal)?;
        let key = self.engine.catalog.open_secret(&owner(&record.id), &sealed).await?;
        TokenKey::read(&key)
    }

    /// The keys that tokens are signed and checked with, the newest first.
    pub async fn list_signing_keys(
        &self,
        caller: &Caller,
    ) -> Result<Vec<SigningKeyView>, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let ring = self.read_keyring().await?;
        let believed = ring.believed(self.engine.clock.now()).rev();
        Ok(believed.map(view).collect())
    }

    /// Lets a new key sign from now on.
    pub async fn rotate_signing_key(&self, caller: &Caller) -> Result<SigningKeyView, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let ring = self.read_keyring().await?;
        let now = self.engine.clock.now();
        // the newest is the one that signs, whatever another node's clock said
        let newest = ring.keys.last().and_then(|it| it.created).unwrap_or_default();
        let created = now.max(newest + 1);
        if ring.believed(now).count() >= SIGNING_KEYS_MAX {
            let message = format!(
                "{SIGNING_KEYS_MAX} signing keys are believed, which is the most: wait until the oldest has ended."
            );
            return Err(AppError::new(ErrorKind::Conflict, "TooManySigningKeys", message));
        }
        let secret = new_key().await?;
        let id = TokenKey::read(&secret)?.id().to_owned();
        let sealed = self.engine.catalog.sealer().seal(&owner(&id), &secret);
        let sealed = STANDARD.encode(sealed.map_err(AppError::internal)?);
        let record = Known::new(SigningKey { id: id.clone(), sealed, created });
        let mut change = Change::default().put(&record)?;
        // what they signed has ended
        let ended = ring.keys.iter().filter(|it| it.ends.is_some_and(|ends| ends <= now));
        for key in ended {
            if let Some(record) = self.get::<SigningKey>(key.key.id()).await? {
                change = change.remove(&record);
            }
        }
        let detail = json!({"before": ring.signing().id()});
        self.apply(caller, change.audit("RotateSigningKey", &id, &detail)).await?;
        self.read_keyring().await?;
        Ok(SigningKeyView { id, is_signing: true, created: Some(created), ends: None })
    }
}

fn view(key: &TimedKey) -> SigningKeyView {
    SigningKeyView {
        id: key.key.id().to_owned(),
        is_signing: key.ends.is_none(),
        created: key.created,
        ends: key.ends,
    }
}

/// Under which name the sealer knows a key.
fn owner(id: &str) -> String {
    format!("{FIRST_KEY} {id}")
}

async fn new_key() -> Result<zeroize::Zeroizing<Vec<u8>>, AppError> {
    tokio::task::spawn_blocking(TokenKey::generate).await.map_err(AppError::internal)?
}
