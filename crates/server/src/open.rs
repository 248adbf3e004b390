//! Opening a store as the settings say, with the secrets that belong to it.

use crate::auth::seal::Sealer;
use crate::config::Config;
use std::path::Path;
use std::sync::Arc;
use store::sqlite::{SqliteOptions, SqliteReader, SqliteStore};
use store::{Source, Store};

/// Setting of the store: not empty when the next start comes up paused.
pub const PAUSED: &str = "paused";

/// Setting of the store: something that only its master key opens.
const MASTER_KEY_CHECK: &str = "master_key_check";

/// The store that the settings name. It is made when there is none.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, String> {
    refuse_database_url(config)?;
    std::fs::create_dir_all(&config.data)
        .map_err(|error| format!("the folder {} cannot be made: {error}", config.data.display()))?;
    let store = SqliteStore::open(&config.data, SqliteOptions::default()).map_err(|error| {
        format!("the store in {} cannot be opened: {error}", config.data.display())
    })?;
    Ok(Arc::new(store))
}

/// The store that the settings name, for reading only, while servers work with it.
pub async fn open_source(config: &Config) -> Result<Box<dyn Source>, String> {
    refuse_database_url(config)?;
    let reader = SqliteReader::open(&config.data).map_err(|error| {
        format!("the store in {} cannot be read: {error}", config.data.display())
    })?;
    Ok(Box::new(reader))
}

/// Whether there is something to export.
pub fn check_there(config: &Config) -> Result<(), String> {
    if config.database_url.is_some() || SqliteStore::is_in(&config.data) {
        return Ok(());
    }
    Err(format!("there is no store in {}", config.data.display()))
}

fn refuse_database_url(config: &Config) -> Result<(), String> {
    let Some(url) = &config.database_url else { return Ok(()) };
    let scheme = url.split(':').next().unwrap_or_default();
    Err(format!(
        "the database URL begins with '{scheme}:', and this version has the embedded store only: leave --database-url out"
    ))
}

/// The master key of a data folder, which must be the one that the store's secrets were
/// sealed with. The first start makes it.
pub async fn open_sealer(data: &Path, store: &dyn Store) -> Result<Sealer, String> {
    let failed = |error: store::StoreError| format!("settings cannot be read: {error}");
    let path = Sealer::path(data);
    let check = store.setting(MASTER_KEY_CHECK).await.map_err(failed)?;
    let flows = store.workflows(None, None, 1).await.map_err(failed)?;
    if (check.is_some() || !flows.is_empty()) && !path.exists() {
        return Err(format!(
            "the master key of the store is missing: expected it in {}. Copy the file from the data folder that the store comes from",
            path.display()
        ));
    }
    let sealer = Sealer::open(data).map_err(|error| error.to_string())?;
    let wrong = |_| {
        format!(
            "{} is not the master key that the store's secrets were sealed with. Put the file there that belongs to the store",
            path.display()
        )
    };
    if let (None, Some(flow)) = (&check, flows.first()) {
        // a store from before the check: one of its secrets tells as well
        sealer.open_secret(&flow.id, &flow.primary_key).map_err(wrong)?;
    }
    let sealed = sealer.seal(MASTER_KEY_CHECK, b"sluicegate").map_err(|error| error.to_string())?;
    let check = store.setting_or(MASTER_KEY_CHECK, &sealed).await.map_err(failed)?;
    sealer.open_secret(MASTER_KEY_CHECK, &check).map_err(wrong)?;
    Ok(sealer)
}

/// Whether a server comes up paused: because it is told to, or because the store is marked.
/// The mark is the one thing that all nodes see, so it is set in both cases.
pub async fn begins_paused(store: &dyn Store, is_told: bool) -> Result<bool, String> {
    let failed = |error: store::StoreError| format!("settings cannot be read: {error}");
    if is_told {
        store.set_setting(PAUSED, b"1").await.map_err(failed)?;
        return Ok(true);
    }
    is_marked_paused(store).await.map_err(failed)
}

pub async fn is_marked_paused(store: &dyn Store) -> Result<bool, store::StoreError> {
    Ok(store.setting(PAUSED).await?.is_some_and(|mark| !mark.is_empty()))
}
