//! Secrets under the operations of Azure Key Vault, from a store that the server has.
//!
//! Deliberately absent: keys and what is encrypted with them; certificates.
//!
//! Invariant: a secret's value is in one answer only, that of its own operation.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::argument::Settings;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context, HttpFailure, Later};
use crate::http::Secret;

/// What is known of a version of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRecord {
    pub name: String,
    pub version: String,
    pub content_type: Option<String>,
    pub is_enabled: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub valid_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
}

/// Why a store gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretStoreFailure {
    /// Whoever asks may not.
    Forbidden,
    /// It cannot be asked now.
    Unavailable,
}

/// Where secrets are. A vault is what a connection names.
pub trait SecretStore: Send + Sync {
    /// A secret's value: the newest version, or a certain one. `None`: there is none.
    fn value<'a>(
        &'a self,
        vault: &'a str,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Later<'a, Result<Option<(SecretRecord, Secret)>, SecretStoreFailure>>;

    /// The newest version of each secret, by name.
    fn list<'a>(
        &'a self,
        vault: &'a str,
    ) -> Later<'a, Result<Vec<SecretRecord>, SecretStoreFailure>>;

    /// The versions of a secret, the newest first; none: there is no such secret.
    fn versions<'a>(
        &'a self,
        vault: &'a str,
        name: &'a str,
    ) -> Later<'a, Result<Vec<SecretRecord>, SecretStoreFailure>>;
}

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let Some(store) = &context.secrets else {
        return Err(Stop::bad("This server has no store for secrets."));
    };
    let vault = Settings(called.connection).required("vaultName")?;
    let given = Arguments(called.parameters);
    match called.operation {
        "ListSecrets" => {
            let found = store.list(&vault).await.map_err(|error| stop(&error))?;
            Ok(list(&found))
        }
        "ListSecretVersions" => {
            let name = given.required("secretName")?;
            let found = store.versions(&vault, &name).await.map_err(|error| stop(&error))?;
            if found.is_empty() {
                return Err(missing(&name));
            }
            Ok(list(&found))
        }
        "GetSecret" => secret(store.as_ref(), &vault, &given.required("secretName")?, None).await,
        "GetSecretVersion" => {
            let version = given.required("secretVersion")?;
            secret(store.as_ref(), &vault, &given.required("secretName")?, Some(&version)).await
        }
        // What is known of one secret or version.
        _ => {
            let name = given.required("secretName")?;
            let version = match called.operation {
                "GetSecretVersionMetadata" => Some(given.required("secretVersion")?),
                _ => None,
            };
            let found = store.versions(&vault, &name).await.map_err(|error| stop(&error))?;
            let is_wanted =
                |it: &&SecretRecord| version.as_ref().is_none_or(|version| it.version == *version);
            let record = found.iter().find(is_wanted).ok_or_else(|| missing(&name))?;
            Ok(Answered::json(200, describe(record)))
        }
    }
}

async fn secret(
    store: &dyn SecretStore,
    vault: &str,
    name: &str,
    version: Option<&str>,
) -> Outcome {
    let found = store.value(vault, name, version).await.map_err(|error| stop(&error))?;
    let (record, value) = found.ok_or_else(|| missing(name))?;
    if !record.is_enabled {
        return Err(Stop::Answer(403, format!("The secret '{name}' is disabled.")));
    }
    let mut body = describe(&record);
    body["value"] = value.expose().into();
    Ok(Answered::json(200, body))
}

fn list(found: &[SecretRecord]) -> Answered {
    let each: Vec<Json> = found.iter().map(describe).collect();
    Answered::json(200, json!({ "value": each, "continuationToken": null }))
}

fn describe(record: &SecretRecord) -> Json {
    json!({
        "name": record.name,
        "version": record.version,
        "contentType": record.content_type,
        "isEnabled": record.is_enabled,
        "createdTime": record.created,
        "lastUpdatedTime": record.updated,
        "validityStartTime": record.valid_from,
        "validityEndTime": record.valid_until,
    })
}

fn missing(name: &str) -> Stop {
    Stop::not_found(format!("There is no secret '{name}', or no such version of it."))
}

fn stop(failure: &SecretStoreFailure) -> Stop {
    match failure {
        SecretStoreFailure::Forbidden => {
            Stop::Answer(403, "The connection may not read this vault.".to_owned())
        }
        SecretStoreFailure::Unavailable => {
            HttpFailure::Unreachable("the store for secrets cannot be asked".to_owned()).into()
        }
    }
}
