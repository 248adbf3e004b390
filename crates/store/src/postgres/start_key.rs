//! Starts that happen once.

use super::address::Db;
use super::column::{Call, bytes, call, process_id_of};
use super::fault::Fault;
use durable::{ProcessId, StartKey};
use std::collections::{HashMap, HashSet};

const CLAIM: &str = "INSERT INTO start_key (source, key, process)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])
    ON CONFLICT (source, key) DO NOTHING RETURNING process";

const HOLDERS: &str = "SELECT start_key.process, asked.process
    FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS asked (source, key, process)
    JOIN start_key USING (source, key)";

const REMOVE: &str = "DELETE FROM start_key WHERE process = ANY($1::bytea[])";

/// Keys that new processes want, each another.
#[derive(Default)]
pub(super) struct Claims<'a>(Vec<(&'a StartKey, &'a ProcessId)>);

impl<'a> Claims<'a> {
    pub(super) fn push(&mut self, key: &'a StartKey, process: &'a ProcessId) {
        self.0.push((key, process));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In one order everywhere, so that two nodes do not wait for each other.
    pub(super) fn claim(&mut self) -> Call<'a> {
        self.0.sort_unstable_by_key(|(key, _)| (&key.source, &key.key));
        calling(CLAIM, &self.0)
    }

    /// The processes that others have started already, given those that got their key.
    pub(super) async fn holders(
        &self,
        db: &Db,
        claimed: &HashSet<ProcessId>,
    ) -> Result<HashMap<ProcessId, ProcessId>, Fault> {
        let refused = self.0.iter().filter(|(_, process)| !claimed.contains(process));
        let refused: Vec<_> = refused.copied().collect();
        if refused.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = calling(HOLDERS, &refused).rows(db).await?;
        if rows.len() < refused.len() {
            // Its run was removed in between: the key may be free now.
            return Err(Fault::Met("a start key was removed meanwhile"));
        }
        let read = |row: &tokio_postgres::Row| {
            Ok((process_id_of(row.try_get(1)?)?, process_id_of(row.try_get(0)?)?))
        };
        rows.iter().map(read).collect()
    }
}

fn calling<'a>(sql: &'static str, claims: &[(&'a StartKey, &'a ProcessId)]) -> Call<'a> {
    let sources: Vec<&[u8]> = claims.iter().map(|(key, _)| key.source.as_slice()).collect();
    let keys: Vec<&[u8]> = claims.iter().map(|(key, _)| key.key.as_slice()).collect();
    let processes: Vec<&[u8]> = claims.iter().map(|(_, process)| bytes(process)).collect();
    call!(sql, sources, keys, processes)
}

pub(super) fn remove<'a>(processes: &[&'a ProcessId]) -> Call<'a> {
    let processes: Vec<&[u8]> = processes.iter().map(|process| bytes(process)).collect();
    call!(REMOVE, processes)
}
