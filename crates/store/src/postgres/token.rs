//! Who may call the API.

use super::address::Db;
use super::column::{call, each, text};
use super::fault::Fault;
use crate::{StoreError, TokenRow};

const LIST: &str = "SELECT name, hash, created FROM token ORDER BY name";

const INSERT: &str = "INSERT INTO token (name, hash, created) VALUES ($1, $2, $3)";

pub(super) async fn list(db: &Db) -> Result<Vec<TokenRow>, Fault> {
    each(&call!(LIST).rows(db).await?, |row| {
        Ok(TokenRow { name: row.try_get(0)?, hash: row.try_get(1)?, created: row.try_get(2)? })
    })
}

pub(super) async fn insert(db: &Db, token: &TokenRow) -> Result<(), Fault> {
    let insert = call!(INSERT, text(&token.name), token.hash.as_slice(), token.created);
    match insert.execute(db).await {
        Err(fault) if fault.is_constraint() => {
            Err(StoreError::Conflict(format!("There is a token '{}' already.", token.name)).into())
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(()),
    }
}
