//! Opening a store as the settings say, with the secrets that belong to it.

use crate::auth::seal::Sealer;
use crate::auth::seal::ring::{self, Ring};
use crate::auth::seal::root::{KeySource, MasterKey};
use crate::config::Config;
use durable::Ticks;
use std::sync::Arc;
use store::postgres::{PostgresOptions, PostgresStore};
use store::sqlite::{SqliteOptions, SqliteReader, SqliteStore};
use store::{Edit, Record, Source, Store, StoreError};

/// Setting of the store: not empty when the next start comes up paused.
pub const PAUSED: &str = "paused";

/// Setting of older stores: something that only their master key opens.
const MASTER_KEY_CHECK: &str = "master_key_check";

/// The store that the settings name. It is made when there is none.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, String> {
    std::fs::create_dir_all(&config.data)
        .map_err(|error| format!("the folder {} cannot be made: {error}", config.data.display()))?;
    if let Some(url) = &config.database_url {
        return Ok(Arc::new(open_database(url).await?));
    }
    let store = SqliteStore::open(&config.data, SqliteOptions::default()).map_err(|error| {
        format!("the store in {} cannot be opened: {error}", config.data.display())
    })?;
    Ok(Arc::new(store))
}

/// The store that the settings name, for reading only, while servers work with it.
pub async fn open_source(config: &Config) -> Result<Box<dyn Source>, String> {
    if let Some(url) = &config.database_url {
        return Ok(Box::new(open_database(url).await?));
    }
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

async fn open_database(url: &str) -> Result<PostgresStore, String> {
    let scheme = url.split(':').next().unwrap_or_default();
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(format!(
            "the database URL begins with '{scheme}:', expected 'postgres://user:password@host/database'. Without one the server uses the embedded store"
        ));
    }
    let opened = PostgresStore::open(url, PostgresOptions::default()).await;
    opened.map_err(|error| format!("the database cannot be opened: {error}"))
}

/// The keys of a store, opened with the master key that belongs to it. The first start
/// makes them, and the master key when it is a file.
pub async fn open_sealer(config: &Config, store: &dyn Store, now: Ticks) -> Result<Sealer, String> {
    let source = &config.master_key;
    let (master, mut record) = match ring_of(store).await? {
        Some(record) => (read_key(source).await?, record),
        None => first_ring(source, store, now).await?,
    };
    // others may change the keys at the same time
    for _ in 0..ADMIT_TRIES {
        let mut ring = Ring::read(&record).map_err(|error| error.to_string())?;
        if ring.is_for(&master) {
            let opened = Sealer::open(master, &record, store.is_shared());
            return opened.map_err(|error| error.to_string());
        }
        let Some(previous) = &config.previous_master_key else { return Err(wrong(source)) };
        let known = read_key(previous).await?;
        if !ring.is_for(&known) {
            return Err(wrong(previous));
        }
        ring.add_master(&known, &master).map_err(|error| error.to_string())?;
        let changed = ring.record(record.revision).map_err(|error| error.to_string())?;
        match store.change(vec![Edit::Put(changed)], Vec::new()).await {
            Ok(_) => tracing::info!("the store has another master key"),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(format!("the keys cannot be stored: {error}")),
        }
        record = ring_of(store).await?.ok_or("the keys of the store are gone")?;
    }
    Err("the keys of the store change all the time".to_owned())
}

const ADMIT_TRIES: usize = 8;

/// The master key for whoever only reads. `None`: there is no such file.
pub async fn find_master_key(config: &Config) -> Result<Option<MasterKey>, String> {
    config.master_key.read().await
}

async fn ring_of(store: &dyn Store) -> Result<Option<Record>, String> {
    let found = store.record(ring::KIND, ring::ID).await;
    found.map_err(|error| format!("the keys of the store cannot be read: {error}"))
}

async fn read_key(source: &KeySource) -> Result<MasterKey, String> {
    source.read().await?.ok_or_else(|| {
        format!(
            "the master key of the store is missing: expected it in {}. Copy the file from the data folder that the store comes from",
            source.name()
        )
    })
}

fn wrong(source: &KeySource) -> String {
    format!(
        "{} is not the master key that the store's secrets were sealed with. Give the one that belongs to the store",
        source.name()
    )
}

/// Makes the first keys of a store, unless another node does.
async fn first_ring(
    source: &KeySource,
    store: &dyn Store,
    now: Ticks,
) -> Result<(MasterKey, Record), String> {
    let failed = |error: StoreError| format!("settings cannot be read: {error}");
    let check = store.setting(MASTER_KEY_CHECK).await.map_err(failed)?;
    let flows = store.workflows(None, None, 1).await.map_err(failed)?;
    let is_used = check.is_some() || !flows.is_empty();
    let master = match source.read().await? {
        Some(master) => master,
        None if is_used => read_key(source).await?,
        None => new_master_key(source)?,
    };
    // a store from before there were keys besides the master key: its secrets tell
    let opened = match (&check, flows.first()) {
        (Some(check), _) => master.open(MASTER_KEY_CHECK.as_bytes(), check).map(drop),
        (None, Some(flow)) => master.open(flow.id.as_bytes(), &flow.primary_key).map(drop),
        (None, None) => Ok(()),
    };
    opened.map_err(|_| wrong(source))?;
    let ring = Ring::first(&master, is_used, now).map_err(|error| error.to_string())?;
    let record = ring.record(0).map_err(|error| error.to_string())?;
    match store.change(vec![Edit::Put(record)], Vec::new()).await {
        Ok(_) | Err(StoreError::Conflict(_)) => {}
        Err(error) => return Err(format!("the keys cannot be stored: {error}")),
    }
    let record = ring_of(store).await?.ok_or("the keys of the store are gone")?;
    Ok((master, record))
}

fn new_master_key(source: &KeySource) -> Result<MasterKey, String> {
    let master = MasterKey::generate().map_err(|error| error.to_string())?;
    let KeySource::File(path) = source else {
        return Err(format!("{} gives no master key", source.name()));
    };
    master
        .write(path)
        .map_err(|error| format!("the master key {} cannot be written: {error}", path.display()))?;
    Ok(master)
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
