//! Keys for scripts: each acts as one user or application, with their rights and no others.

use crate::app::data::{self, Change, Cursor, Kind, Known, Listed, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::PrincipalKind;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_NAME: u8 = 1;
pub const BY_HASH: u8 = 2;
pub const BY_PRINCIPAL: u8 = 3;

/// What every key begins with, so that it is known from other tokens, and found where it was
/// left by mistake.
const MARK: &str = "sgk_";

/// A key: only its hash is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// A GUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256, base64. Keys are long and random: they need no slow hash.
    hash: String,
    /// Object id of whom it acts as.
    pub principal: String,
    pub principal_kind: PrincipalKind,
    /// The principal's stamp when it was made: another one ends the key.
    stamp: u32,
    /// Ticks.
    pub created: i64,
    pub expires: Option<i64>,
    /// Object id of who made it, or the name of a root key.
    pub created_by: String,
}

impl Stored for ApiKey {
    const KIND: Kind = Kind::ApiKey;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![
            data::unique(BY_NAME, &[&self.name.to_lowercase()]),
            data::unique(BY_HASH, &[&self.hash]),
            data::key(BY_PRINCIPAL, &[&self.principal]),
        ]
    }
}

/// A key as an administrator asks for one.
pub struct ApiKeyInput {
    pub name: String,
    /// A user or an application, by name or object id.
    pub principal: String,
    pub lasts_seconds: Option<i64>,
}

/// What is stored of a key.
fn hash(key: &str) -> String {
    STANDARD.encode(token::hash(key))
}

impl App {
    /// Makes a key, which is answered now and never again.
    pub async fn create_key(
        &self,
        caller: &Caller,
        input: ApiKeyInput,
    ) -> Result<(ApiKey, String), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        crate::app::flow::check_name(&input.name)?;
        super::check_lifetime(input.lasts_seconds)?;
        let (principal, principal_kind, stamp) = self.key_principal(&input.principal).await?;
        let secret = format!("{MARK}{}", token::generate().map_err(AppError::internal)?);
        let now = self.engine.clock.now();
        let key = Known::new(ApiKey {
            id: clock::guid().map_err(AppError::internal)?,
            name: input.name,
            hash: hash(&secret),
            principal,
            principal_kind,
            stamp,
            created: now,
            expires: input.lasts_seconds.map(|it| now.saturating_add(it * clock::SECOND)),
            created_by: caller.id().to_owned(),
        });
        let change = Change::default().put(&key)?;
        let change = change.audit("CreateKey", &key.id, &json!({"principal": key.principal}));
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let text = format!("There is a key '{}' already.", key.name);
                AppError::new(ErrorKind::Conflict, "KeyExists", text)
            }
            _ => error,
        })?;
        Ok((key.value, secret))
    }

    /// Whom a key is to act as, and their stamp.
    async fn key_principal(&self, name: &str) -> Result<(String, PrincipalKind, u32), AppError> {
        if let Some(user) = self.user(name).await? {
            return Ok((user.id.clone(), PrincipalKind::User, user.stamp));
        }
        if let Some(found) = self.application_named(name).await? {
            return Ok((found.id.clone(), PrincipalKind::ServicePrincipal, found.stamp));
        }
        let message = format!("The directory has no user and no application '{name}'.");
        Err(AppError::invalid("PrincipalNotFound", message))
    }

    pub async fn list_keys(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<ApiKey>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// A key by id or by name.
    pub async fn get_key(&self, caller: &Caller, name: &str) -> Result<Known<ApiKey>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        if let Some(key) = self.get(name).await? {
            return Ok(key);
        }
        let found = self.find(BY_NAME, &[&name.to_lowercase()]).await?;
        found
            .ok_or_else(|| AppError::not_found("KeyNotFound", format!("There is no key '{name}'.")))
    }

    /// Ends a key.
    pub async fn delete_key(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let key = self.get_key(caller, name).await?;
        let detail = json!({"principal": key.principal});
        let change = Change::default().remove(&key).audit("DeleteKey", &key.id, &detail);
        self.apply(caller, change).await.map(|_| ())
    }

    /// The keys that act as somebody.
    pub(crate) async fn keys_of(&self, principal: &str) -> Result<Vec<Known<ApiKey>>, AppError> {
        self.list_all(BY_PRINCIPAL, &[principal]).await
    }

    /// Whom a key acts as. `None` when the token is no key at all. It is looked up by its
    /// hash, so the time that takes says nothing of the keys there are.
    pub(crate) async fn caller_of_key(&self, token: &str) -> Result<Option<Caller>, AppError> {
        if !token.starts_with(MARK) {
            return Ok(None);
        }
        let refuse = |message| AppError::new(ErrorKind::Unauthenticated, "InvalidToken", message);
        let found = self.find::<ApiKey>(BY_HASH, &[&hash(token)]).await?;
        let key = found.ok_or_else(|| refuse("The key is not known."))?;
        if key.expires.is_some_and(|expires| expires <= self.engine.clock.now()) {
            return Err(refuse("The key has expired."));
        }
        let principal = self.principal(&key.principal).await?;
        let acts = principal.filter(|it| it.is_enabled && it.stamp == key.stamp);
        let acts = acts.ok_or_else(|| refuse("The key has ended with the rights behind it."))?;
        Ok(Some(acts.caller))
    }
}
