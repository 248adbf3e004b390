//! The server's vaults, as the connector reads them. It names a vault by its id, which
//! [`App::vault_of`] gives to those who may read it.

use super::secret::{SecretVersion, VaultSecret};
use crate::app::{App, AppError, AppParts};
use crate::clock::UNIX_EPOCH_TICKS;
use crate::worker::Engine;
use ::connector::builtin::{Later, SecretRecord, SecretStore, SecretStoreFailure};
use ::connector::http::Secret;
use jiff::Timestamp;
use std::sync::{Arc, Weak};

/// Vaults of this server.
pub struct Vaults {
    /// Not held: what holds this belongs to it.
    engine: Weak<Engine>,
    parts: AppParts,
}

impl Vaults {
    #[must_use]
    pub fn of(app: &App) -> Vaults {
        // without what this becomes a part of
        let parts = AppParts { services: Arc::default(), ..app.parts() };
        Vaults { engine: Arc::downgrade(&app.engine), parts }
    }

    fn app(&self) -> Result<App, SecretStoreFailure> {
        let engine = self.engine.upgrade().ok_or(SecretStoreFailure::Unavailable)?;
        Ok(App::of(engine, self.parts.clone()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: AppError) -> SecretStoreFailure {
    tracing::warn!(message = %error.message, "a vault cannot be read");
    SecretStoreFailure::Unavailable
}

fn timestamp(ticks: i64) -> Timestamp {
    let nanoseconds = i128::from(ticks.saturating_sub(UNIX_EPOCH_TICKS)) * 100;
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn record(secret: &VaultSecret, version: &SecretVersion) -> SecretRecord {
    SecretRecord {
        name: secret.name.clone(),
        version: version.id.clone(),
        content_type: version.content_type.clone(),
        is_enabled: version.is_enabled,
        created: timestamp(version.created),
        updated: timestamp(version.changed),
        valid_from: version.validity.from.map(timestamp),
        valid_until: version.validity.until.map(timestamp),
    }
}

impl SecretStore for Vaults {
    fn value<'a>(
        &'a self,
        vault: &'a str,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Later<'a, Result<Option<(SecretRecord, Secret)>, SecretStoreFailure>> {
        Box::pin(async move {
            let app = self.app()?;
            let Some(secret) = app.secret_in(vault, name).await.map_err(failed)? else {
                return Ok(None);
            };
            let Some(found) = secret.version(version) else { return Ok(None) };
            let value = app.secret_value(&found.id).await.map_err(failed)?;
            Ok(value.map(|value| (record(&secret, found), value)))
        })
    }

    fn list<'a>(
        &'a self,
        vault: &'a str,
    ) -> Later<'a, Result<Vec<SecretRecord>, SecretStoreFailure>> {
        Box::pin(async move {
            let found = self.app()?.secrets_in(vault).await.map_err(failed)?;
            let newest = |it: &VaultSecret| it.version(None).map(|version| record(it, version));
            Ok(found.iter().filter_map(newest).collect())
        })
    }

    fn versions<'a>(
        &'a self,
        vault: &'a str,
        name: &'a str,
    ) -> Later<'a, Result<Vec<SecretRecord>, SecretStoreFailure>> {
        Box::pin(async move {
            let found = self.app()?.secret_in(vault, name).await.map_err(failed)?;
            let all = found.iter().flat_map(|secret| {
                secret.versions.iter().rev().map(|version| record(secret, version))
            });
            Ok(all.collect())
        })
    }
}
