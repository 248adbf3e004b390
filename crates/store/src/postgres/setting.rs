//! The server's own values.

use super::address::Db;
use super::column::{call, text};
use super::fault::Fault;

const GET: &str = "SELECT value FROM setting WHERE name = $1";

const SET: &str = "INSERT INTO setting (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

const ADD: &str = "INSERT INTO setting (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO NOTHING";

pub(super) async fn get(db: &Db, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let row = call!(GET, text(name)).row(db).await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// The value that is there; this one when there was none.
pub(super) async fn get_or_set(db: &Db, name: &str, value: &[u8]) -> Result<Vec<u8>, Fault> {
    call!(ADD, text(name), value).execute(db).await?;
    get(db, name).await?.ok_or(Fault::Met("a setting was removed meanwhile"))
}

pub(super) async fn set(db: &Db, name: &str, value: &[u8]) -> Result<(), Fault> {
    call!(SET, text(name), value).execute(db).await?;
    Ok(())
}
