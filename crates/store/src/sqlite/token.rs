//! Who may call the API.

use super::fault::Fault;
use crate::{StoreError, TokenRow};
use rusqlite::{Connection, Row, params};

pub(super) const LIST: &str = "SELECT name, hash, created FROM token ORDER BY name";

pub(super) const INSERT: &str = "INSERT INTO token (name, hash, created) VALUES (?1, ?2, ?3)";

pub(super) fn list(db: &Connection) -> Result<Vec<TokenRow>, Fault> {
    let token =
        |row: &Row<'_>| Ok(TokenRow { name: row.get(0)?, hash: row.get(1)?, created: row.get(2)? });
    db.prepare_cached(LIST)?.query_and_then([], token)?.collect()
}

pub(super) fn insert(db: &Connection, token: &TokenRow) -> Result<(), Fault> {
    let inserted =
        db.prepare_cached(INSERT)?.execute(params![token.name, token.hash, token.created]);
    match inserted.map_err(Fault::from) {
        Err(fault) if fault.is_constraint() => {
            Err(StoreError::Conflict(format!("There is a token '{}' already.", token.name)).into())
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(()),
    }
}
