//! Effects of live processes that are intended and have no result.

use super::address::Db;
use super::column::{Call, bytes, call, each, number, partition, process_id, signed, unsigned};
use super::fault::Fault;
use durable::{EffectIntent, ProcessId};
use std::collections::HashSet;

const INTEND: &str = "INSERT INTO effect (partition, process, id, attempt)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[])
    ON CONFLICT (partition, process, id) DO UPDATE SET attempt = excluded.attempt";

const SETTLE: &str = "DELETE FROM effect
    USING unnest($1::smallint[], $2::bytea[], $3::bigint[]) AS done (partition, process, id)
    WHERE effect.partition = done.partition AND effect.process = done.process
    AND effect.id = done.id";

/// Those that are intended. Their rows are held: who settles one meanwhile waits, and then
/// sees the process that answers.
const ASKED: &str = "SELECT process, id FROM effect
    WHERE (partition, process, id)
        IN (SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[]))
    ORDER BY partition, process, id FOR KEY SHARE";

const LIST: &str = "SELECT id, attempt FROM effect WHERE partition = $1 AND process = $2";

/// Effects of processes, side by side.
#[derive(Default)]
pub(super) struct Effects<'a> {
    partitions: Vec<i16>,
    processes: Vec<&'a [u8]>,
    ids: Vec<i64>,
    attempts: Vec<i64>,
}

impl<'a> Effects<'a> {
    /// Effects that are intended; of one that is there twice, the last counts.
    pub(super) fn push_all(&mut self, process: &'a ProcessId, effects: &[EffectIntent]) {
        let mut later = HashSet::new();
        for effect in effects.iter().rev().filter(|effect| later.insert(effect.id)) {
            self.push(process, effect.id, effect.attempt);
        }
    }

    /// Effects that are done.
    pub(super) fn push_ids(&mut self, process: &'a ProcessId, ids: &[u64]) {
        ids.iter().for_each(|id| self.push(process, *id, 0));
    }

    fn push(&mut self, process: &'a ProcessId, id: u64, attempt: u32) {
        self.partitions.push(partition(process));
        self.processes.push(bytes(process));
        self.ids.push(signed(id));
        self.attempts.push(attempt.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    pub(super) fn intend(self) -> Call<'a> {
        let Effects { partitions, processes, ids, attempts } = self;
        call!(INTEND, partitions, processes, ids, attempts)
    }

    /// Answers those of them that are intended.
    pub(super) async fn asked(self, db: &Db) -> Result<HashSet<(ProcessId, u64)>, Fault> {
        let Effects { partitions, processes, ids, .. } = self;
        let rows = call!(ASKED, partitions, processes, ids).rows(db).await?;
        rows.iter().map(|row| Ok((process_id(row, 0)?, unsigned(row, 1)?))).collect()
    }

    pub(super) fn settle(self) -> Call<'a> {
        let Effects { partitions, processes, ids, .. } = self;
        call!(SETTLE, partitions, processes, ids)
    }
}

pub(super) async fn list(db: &Db, process: ProcessId) -> Result<Vec<EffectIntent>, Fault> {
    let rows = call!(LIST, partition(&process), bytes(&process)).rows(db).await?;
    let effect = |row: &_| Ok(EffectIntent { id: unsigned(row, 0)?, attempt: number(row, 1)? });
    let mut effects = each(&rows, effect)?;
    // As they are stored, the greatest numbers are below zero.
    effects.sort_unstable_by_key(|effect| signed(effect.id));
    Ok(effects)
}
