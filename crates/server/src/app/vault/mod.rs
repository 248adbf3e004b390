//! Vaults: secrets that flows read over connections of the connector Azure Key Vault.
//!
//! Whoever makes flows in an environment may make a vault, changes what is in it and says who
//! reads it; who administers the environment may see to all vaults. To read is to make a
//! connection that names the vault: a value leaves it over such a connection and in no
//! other way.
//!
//! Invariant: a connection gives what its owner may read at the time of the call.

mod reader;
mod secret;

pub use reader::Vaults;
pub(crate) use secret::BY_SECRET;
pub use secret::{
    SecretAt, SecretInput, SecretPatch, SecretVersion, Validity, VaultSecret, VaultSecretValue,
};

use super::connector::connection::Connection;
use super::data::{self, Change, Kind, Known, Stored};
use super::environment::{Environment, forbidden};
use super::error::{AppError, ErrorKind};
use super::facts::PrincipalKind;
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Hold, Place};
use crate::limits::{VAULT_READERS_MAX, VAULTS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::RecordKey;

const BY_ENVIRONMENT: u8 = 1;

/// The parameter of a connection that names its vault.
pub const VAULT_NAME: &str = "vaultName";

/// Bytes of the name of a vault.
const NAME_BYTES_MAX: usize = 64;

/// A vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vault {
    id: String,
    pub environment: String,
    pub name: String,
    /// Object id of who made it; none when a root key did.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub readers: Vec<Reader>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

/// Somebody who may read a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Object id.
    pub principal: String,
    pub kind: PrincipalKind,
}

impl Stored for Vault {
    const KIND: Kind = Kind::Vault;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_ENVIRONMENT, &[&self.environment, &self.name.to_lowercase()])]
    }
}

impl Vault {
    /// What a caller has to do with it.
    fn hold_of(&self, caller: &Caller) -> Option<Hold> {
        if self.owner.as_deref() == Some(caller.id()) {
            return Some(Hold::Owner);
        }
        let mut theirs = caller.principals();
        theirs
            .any(|principal| self.readers.iter().any(|it| it.principal == principal))
            .then_some(Hold::CanView)
    }

    /// What the audit says of it.
    fn said(&self) -> Value {
        let readers: Vec<&str> = self.readers.iter().map(|it| it.principal.as_str()).collect();
        json!({"environment": self.environment, "name": self.name, "readers": readers})
    }
}

fn vault_id(environment: &str, name: &str) -> String {
    format!("{environment}/{}", name.to_lowercase())
}

/// Names of vaults and of secrets are parts of addresses.
fn checked_name(name: &str, bytes_max: usize, what: &str) -> Result<(), AppError> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
    if !name.is_empty() && name.len() <= bytes_max && name.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!(
        "'{name}' is no name of a {what}, expected 1 to {bytes_max} letters, digits and '-'."
    );
    Err(AppError::invalid("InvalidVaultName", message))
}

impl App {
    /// The vaults of an environment that the caller may see.
    pub async fn list_vaults(
        &self,
        caller: &Caller,
        environment: &str,
    ) -> Result<Vec<Vault>, AppError> {
        let within = self.environment_with_vaults(caller, environment).await?;
        let found = self.list_all::<Vault>(BY_ENVIRONMENT, &[&within.id]).await?;
        let may = |vault: &Vault| {
            let place = Place { hold: vault.hold_of(caller), ..within.place() };
            [Operation::ReadVault, Operation::ManageVaults]
                .into_iter()
                .any(|operation| policy::allows(caller, operation, place))
        };
        Ok(found.into_iter().map(|it| it.value).filter(may).collect())
    }

    /// An environment in which the caller may make vaults, or see to all of them.
    async fn environment_with_vaults(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Environment, AppError> {
        match self.environment_for(caller, Operation::CreateVault, name).await {
            Err(error) if error.kind == ErrorKind::Forbidden => {
                Ok(self.environment_for(caller, Operation::ManageVaults, name).await?.value)
            }
            found => Ok(found?.value),
        }
    }

    pub async fn create_vault(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Vault, AppError> {
        let within = self.environment_with_vaults(caller, environment).await?;
        checked_name(name, NAME_BYTES_MAX, "vault")?;
        if self.list_all::<Vault>(BY_ENVIRONMENT, &[&within.id]).await?.len() >= VAULTS_MAX {
            let message = format!("An environment has {VAULTS_MAX} vaults at most.");
            return Err(AppError::new(ErrorKind::Conflict, "TooManyVaults", message));
        }
        let now = self.engine.clock.now();
        let is_somebody = caller.kind() != CallerKind::Root;
        let vault = Known::new(Vault {
            id: vault_id(&within.id, name),
            environment: within.id.clone(),
            name: name.to_owned(),
            owner: is_somebody.then(|| caller.id().to_owned()),
            readers: Vec::new(),
            created: now,
            changed: now,
        });
        let change = Change::default().put(&vault)?;
        let change = change.audit("CreateVault", &vault.id, &vault.said());
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let message = format!("There is a vault '{name}' in the environment already.");
                AppError::new(ErrorKind::Conflict, "VaultExists", message)
            }
            _ => error,
        })?;
        Ok(vault.value)
    }

    pub async fn get_vault(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Vault, AppError> {
        Ok(self.vault_for(caller, Operation::ReadVault, environment, name).await?.value)
    }

    /// A vault to which the caller may do this, or that they administer.
    async fn vault_for(
        &self,
        caller: &Caller,
        mine: Operation,
        environment: &str,
        name: &str,
    ) -> Result<Known<Vault>, AppError> {
        let denied = || forbidden(&format!("Access to the vault '{name}' is denied."));
        let within = self.environment(environment).await?.ok_or_else(denied)?;
        let found = self.get::<Vault>(&vault_id(&within.id, name)).await?;
        let hold = found.as_ref().and_then(|vault| vault.hold_of(caller));
        let place = Place { hold, ..within.place() };
        let may_all = policy::allows(caller, Operation::ManageVaults, place);
        match found {
            Some(vault) if may_all || policy::allows(caller, mine, place) => Ok(vault),
            None if may_all => {
                let message = format!(
                    "There is no vault '{name}' in '{}': 'sluicegate vault create {name}' makes one.",
                    within.id
                );
                Err(AppError::not_found("VaultNotFound", message))
            }
            // whether it is there is not said to who has no part in it
            _ => Err(denied()),
        }
    }

    /// Says who may read a vault, by names of users and groups.
    pub async fn set_vault_readers(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        readers: &[String],
    ) -> Result<Vault, AppError> {
        let mut vault = self.vault_for(caller, Operation::ChangeVault, environment, name).await?;
        if readers.len() > VAULT_READERS_MAX {
            let message = format!("A vault has {VAULT_READERS_MAX} readers at most.");
            return Err(AppError::invalid("TooManyReaders", message));
        }
        let mut known: Vec<Reader> = Vec::with_capacity(readers.len());
        for name in readers {
            let reader = self.reader_named(name).await?;
            if !known.contains(&reader) {
                known.push(reader);
            }
        }
        let before = vault.said();
        vault.readers = known;
        vault.changed = self.engine.clock.now();
        let detail = json!({"before": before, "after": vault.said()});
        let change = Change::default().put(&vault)?.audit("SetVaultReaders", &vault.id, &detail);
        self.apply(caller, change).await?;
        Ok(vault.value)
    }

    async fn reader_named(&self, name: &str) -> Result<Reader, AppError> {
        if let Some(user) = self.user(name).await? {
            return Ok(Reader { principal: user.id.clone(), kind: PrincipalKind::User });
        }
        let group = self.group(name).await?.ok_or_else(|| {
            let message = format!("The directory has no user or group '{name}'.");
            AppError::invalid("PrincipalNotFound", message)
        })?;
        Ok(Reader { principal: group.id.clone(), kind: PrincipalKind::Group })
    }

    /// Deletes a vault that holds nothing.
    pub async fn delete_vault(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let vault = self.vault_for(caller, Operation::ChangeVault, environment, name).await?;
        if self.holds_secrets(&vault.id).await? {
            let message = format!("There are secrets in the vault '{name}': delete them first.");
            return Err(AppError::new(ErrorKind::Conflict, "VaultNotEmpty", message));
        }
        let change = Change::default().remove(&vault);
        let change = change.audit("DeleteVault", &vault.id, &vault.said());
        self.apply(caller, change).await.map(drop)
    }

    /// Whether an environment has vaults.
    pub(super) async fn holds_vaults(&self, environment: &str) -> Result<bool, AppError> {
        let listed = self.list::<Vault>(BY_ENVIRONMENT, &[environment], None, 1).await?;
        Ok(!listed.rows.is_empty())
    }

    /// Whether somebody may name a vault in a connection: those who may read it.
    pub(crate) async fn check_vault(
        &self,
        caller: &Caller,
        environment: &Environment,
        parameters: &serde_json::Map<String, Value>,
    ) -> Result<(), AppError> {
        let name = parameters.get(VAULT_NAME).and_then(Value::as_str).unwrap_or_default();
        self.readable_vault(caller, environment, name).await.map(drop)
    }

    /// The vault of a connection, whose owner may read it.
    pub(crate) async fn vault_of(
        &self,
        connection: &Known<Connection>,
    ) -> Result<String, AppError> {
        let gone = || AppError::not_found("EnvironmentNotFound", "The environment is gone.");
        let environment = self.environment(&connection.environment).await?.ok_or_else(gone)?;
        let name = connection.parameters.get(VAULT_NAME).and_then(Value::as_str);
        let caller = match &connection.owner {
            Some(_) => self.acting_as(connection).await?,
            // it was made with a root key, and names what that may read
            None => Caller::root("server"),
        };
        let vault = self.readable_vault(&caller, &environment, name.unwrap_or_default()).await?;
        Ok(vault.value.id)
    }

    /// Who administers vaults does not read them by that.
    async fn readable_vault(
        &self,
        caller: &Caller,
        environment: &Environment,
        name: &str,
    ) -> Result<Known<Vault>, AppError> {
        let found = self.get::<Vault>(&vault_id(&environment.id, name)).await?;
        let may = |vault: &Known<Vault>| {
            let place = Place { hold: vault.hold_of(caller), ..environment.place() };
            policy::allows(caller, Operation::ReadVault, place)
        };
        found.filter(may).ok_or_else(|| {
            let message = format!(
                "There is no vault '{name}' in the environment that whoever has the connection may read."
            );
            forbidden(&message)
        })
    }
}
