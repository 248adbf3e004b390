//! Secrets of a vault and their versions. What is known of the versions is with the secret,
//! their values are records of their own, sealed.
//!
//! Invariant: no use case here answers a value; [`App::secret_value`] is for the connector.

use super::{Vault, checked_name};
use crate::app::data::{self, Change, Kind, Known, Sealed, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::clock;
use crate::limits::{
    CHANGE_TRIES_MAX, SECRET_BYTES_MAX, SECRET_TYPE_CHARACTERS_MAX, SECRET_VERSIONS_MAX,
    VAULT_SECRETS_MAX,
};
use ::connector::http::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;
use zeroize::Zeroizing;

const BY_VAULT: u8 = 1;
pub(crate) const BY_SECRET: u8 = 1;

/// Bytes of a secret's name, as documented.
const NAME_BYTES_MAX: usize = 127;

/// A secret: all but its values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultSecret {
    id: String,
    vault: String,
    pub name: String,
    /// The newest last; there is one at least.
    pub versions: Vec<SecretVersion>,
}

/// What is known of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// 32 hexadecimal digits.
    pub id: String,
    #[serde(default)]
    pub content_type: Option<String>,
    pub is_enabled: bool,
    #[serde(flatten)]
    pub validity: Validity,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

/// When a version is meant to be used, ticks: said to whoever reads it, who decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    #[serde(default)]
    pub from: Option<i64>,
    #[serde(default)]
    pub until: Option<i64>,
}

impl Stored for VaultSecret {
    const KIND: Kind = Kind::VaultSecret;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_VAULT, &[&self.vault, &self.name.to_lowercase()])]
    }
}

impl VaultSecret {
    /// The newest version, or a certain one.
    #[must_use]
    pub fn version(&self, id: Option<&str>) -> Option<&SecretVersion> {
        match id {
            Some(id) => self.versions.iter().find(|it| it.id.eq_ignore_ascii_case(id)),
            None => self.versions.last(),
        }
    }
}

/// The value of a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VaultSecretValue {
    /// The version's.
    id: String,
    secret: String,
    /// Base64.
    sealed: String,
}

impl Stored for VaultSecretValue {
    const KIND: Kind = Kind::VaultSecretValue;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_SECRET, &[&self.secret])]
    }
}

impl Sealed for VaultSecretValue {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        Some((seal_owner(&self.id), &mut self.sealed))
    }
}

fn seal_owner(version: &str) -> String {
    format!("secret {version}")
}

fn secret_id(vault: &str, name: &str) -> String {
    format!("{vault}/{}", name.to_lowercase())
}

/// A new version as somebody brings it.
pub struct SecretInput {
    pub value: Zeroizing<String>,
    pub content_type: Option<String>,
    pub is_enabled: bool,
    pub validity: Validity,
}

impl SecretInput {
    fn check(&self) -> Result<(), AppError> {
        if self.value.is_empty() || self.value.len() > SECRET_BYTES_MAX {
            let message = format!("A secret has 1 to {SECRET_BYTES_MAX} bytes.");
            return Err(AppError::invalid("InvalidSecret", message));
        }
        check_type(self.content_type.as_deref())
    }
}

fn check_type(text: Option<&str>) -> Result<(), AppError> {
    if text.is_some_and(|it| it.chars().count() > SECRET_TYPE_CHARACTERS_MAX) {
        let message =
            format!("The 'contentType' has more than {SECRET_TYPE_CHARACTERS_MAX} characters.");
        return Err(AppError::invalid("InvalidSecret", message));
    }
    Ok(())
}

/// What is to be different of a version.
#[derive(Default)]
pub struct SecretPatch {
    pub content_type: Option<String>,
    pub is_enabled: Option<bool>,
    pub validity: Validity,
}

/// Where a secret is.
#[derive(Clone, Copy, Debug)]
pub struct SecretAt<'a> {
    pub environment: &'a str,
    pub vault: &'a str,
    pub name: &'a str,
}

impl App {
    /// The secrets of a vault, by name.
    pub async fn list_secrets(
        &self,
        caller: &Caller,
        environment: &str,
        vault: &str,
    ) -> Result<Vec<VaultSecret>, AppError> {
        let vault = self.vault_for(caller, Operation::ReadVault, environment, vault).await?;
        self.secrets_in(&vault.id).await
    }

    pub async fn get_secret(
        &self,
        caller: &Caller,
        at: SecretAt<'_>,
    ) -> Result<VaultSecret, AppError> {
        let operation = Operation::ReadVault;
        let vault = self.vault_for(caller, operation, at.environment, at.vault).await?;
        Ok(self.secret_in(&vault.id, at.name).await?.ok_or_else(|| no_secret(at.name))?.value)
    }

    /// Puts a value into a vault: the first version of a secret, or another one. Of too
    /// many versions the oldest goes.
    pub async fn set_secret(
        &self,
        caller: &Caller,
        at: SecretAt<'_>,
        input: SecretInput,
    ) -> Result<VaultSecret, AppError> {
        let operation = Operation::ChangeVault;
        let vault = self.vault_for(caller, operation, at.environment, at.vault).await?;
        checked_name(at.name, NAME_BYTES_MAX, "secret")?;
        input.check()?;
        let version = self.new_version(&input)?;
        let value = self.sealed_value(&vault, at.name, &version.id, &input)?;
        for _ in 0..CHANGE_TRIES_MAX {
            let mut secret = match self.secret_in(&vault.id, at.name).await? {
                Some(known) => known,
                None => self.first_of(&vault, at.name).await?,
            };
            // a vault that is deleted at the same time gets no secret any more
            let vault = self.vault_for(caller, operation, at.environment, at.vault).await?;
            let mut change = Change::default().put(&vault)?;
            while secret.versions.len() >= SECRET_VERSIONS_MAX {
                let oldest = secret.versions.remove(0);
                if let Some(known) = self.get::<VaultSecretValue>(&oldest.id).await? {
                    change = change.remove(&known);
                }
            }
            secret.versions.push(version.clone());
            let detail = json!({"version": version.id, "isEnabled": version.is_enabled});
            let change = change.put(&secret)?.put(&Known::new(value.clone()))?;
            let change = change.audit("SetSecret", &secret.id, &detail);
            match self.apply(caller, change).await {
                // another version came first
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| secret.value),
            }
        }
        Err(changing(at.name))
    }

    fn new_version(&self, input: &SecretInput) -> Result<SecretVersion, AppError> {
        let now = self.engine.clock.now();
        Ok(SecretVersion {
            id: clock::guid().map_err(AppError::internal)?.replace('-', ""),
            content_type: input.content_type.clone(),
            is_enabled: input.is_enabled,
            validity: input.validity.clone(),
            created: now,
            changed: now,
        })
    }

    fn sealed_value(
        &self,
        vault: &Vault,
        name: &str,
        version: &str,
        input: &SecretInput,
    ) -> Result<VaultSecretValue, AppError> {
        let sealer = self.engine.catalog.sealer();
        let sealed = sealer.seal(&seal_owner(version), input.value.as_bytes());
        Ok(VaultSecretValue {
            id: version.to_owned(),
            secret: secret_id(&vault.id, name),
            sealed: STANDARD.encode(sealed.map_err(AppError::internal)?),
        })
    }

    async fn first_of(&self, vault: &Vault, name: &str) -> Result<Known<VaultSecret>, AppError> {
        if self.secrets_in(&vault.id).await?.len() >= VAULT_SECRETS_MAX {
            let message = format!("A vault has {VAULT_SECRETS_MAX} secrets at most.");
            return Err(AppError::new(ErrorKind::Conflict, "VaultFull", message));
        }
        Ok(Known::new(VaultSecret {
            id: secret_id(&vault.id, name),
            vault: vault.id.clone(),
            name: name.to_owned(),
            versions: Vec::new(),
        }))
    }

    /// Changes what is said of a version: of the newest, or of a certain one.
    pub async fn update_secret(
        &self,
        caller: &Caller,
        at: SecretAt<'_>,
        version: Option<&str>,
        patch: SecretPatch,
    ) -> Result<VaultSecret, AppError> {
        let operation = Operation::ChangeVault;
        let vault = self.vault_for(caller, operation, at.environment, at.vault).await?;
        check_type(patch.content_type.as_deref())?;
        let found = self.secret_in(&vault.id, at.name).await?;
        let mut secret = found.ok_or_else(|| no_secret(at.name))?;
        let id = secret.version(version).ok_or_else(|| no_secret(at.name))?.id.clone();
        let now = self.engine.clock.now();
        for it in secret.versions.iter_mut().filter(|it| it.id == id) {
            if let Some(text) = &patch.content_type {
                it.content_type = Some(text.clone()).filter(|text| !text.is_empty());
            }
            it.is_enabled = patch.is_enabled.unwrap_or(it.is_enabled);
            it.validity.from = patch.validity.from.or(it.validity.from);
            it.validity.until = patch.validity.until.or(it.validity.until);
            it.changed = now;
        }
        let detail = json!({"version": id, "isEnabled": patch.is_enabled});
        let change = Change::default().put(&secret)?.audit("UpdateSecret", &secret.id, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => changing(at.name),
            _ => error,
        })?;
        Ok(secret.value)
    }

    /// Deletes a secret with all of its versions, for good.
    pub async fn delete_secret(&self, caller: &Caller, at: SecretAt<'_>) -> Result<(), AppError> {
        let operation = Operation::ChangeVault;
        let vault = self.vault_for(caller, operation, at.environment, at.vault).await?;
        let found = self.secret_in(&vault.id, at.name).await?;
        let secret = found.ok_or_else(|| no_secret(at.name))?;
        let mut change = Change::default().remove(&secret);
        for version in &secret.versions {
            if let Some(known) = self.get::<VaultSecretValue>(&version.id).await? {
                change = change.remove(&known);
            }
        }
        let detail = json!({"versions": secret.versions.len()});
        let change = change.audit("DeleteSecret", &secret.id, &detail);
        self.apply(caller, change).await.map(drop).map_err(|error| match error.kind {
            ErrorKind::Conflict => changing(at.name),
            _ => error,
        })
    }

    pub(super) async fn secrets_in(&self, vault: &str) -> Result<Vec<VaultSecret>, AppError> {
        let found = self.list_all::<VaultSecret>(BY_VAULT, &[vault]).await?;
        Ok(found.into_iter().map(|it| it.value).collect())
    }

    pub(super) async fn holds_secrets(&self, vault: &str) -> Result<bool, AppError> {
        Ok(!self.list::<VaultSecret>(BY_VAULT, &[vault], None, 1).await?.rows.is_empty())
    }

    pub(super) async fn secret_in(
        &self,
        vault: &str,
        name: &str,
    ) -> Result<Option<Known<VaultSecret>>, AppError> {
        self.get(&secret_id(vault, name)).await
    }

    /// A version's value, open: for who answers a connection.
    pub(super) async fn secret_value(&self, version: &str) -> Result<Option<Secret>, AppError> {
        let Some(known) = self.get::<VaultSecretValue>(version).await? else { return Ok(None) };
        let sealed = STANDARD.decode(&known.sealed).map_err(AppError::internal)?;
        let opened = self.engine.catalog.open_secret(&seal_owner(version), &sealed).await?;
        let text = std::str::from_utf8(&opened).map_err(AppError::internal)?;
        Ok(Some(Secret::new(text)))
    }
}

fn no_secret(name: &str) -> AppError {
    let message = format!("There is no secret '{name}' in the vault, or no such version of it.");
    AppError::not_found("SecretNotFound", message)
}

fn changing(name: &str) -> AppError {
    let message = format!("The secret '{name}' is being changed by somebody else. Try again.");
    AppError::new(ErrorKind::Conflict, "SecretChanging", message)
}
