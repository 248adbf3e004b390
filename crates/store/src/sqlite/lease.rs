//! Nodes, and which partitions they hold.
//!
//! Invariant: an epoch is never given twice.

use super::fault::Fault;
use durable::{Cluster, Epoch, Lease, NodeId, Partition, PartitionSet};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

pub(super) const BEAT: &str =
    "INSERT INTO node (id, lives_until) VALUES (?1, CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?2)
    ON CONFLICT (id) DO UPDATE SET lives_until = excluded.lives_until";

pub(super) const NODES: &str = "SELECT id FROM node
    WHERE lives_until > CAST(unixepoch('subsec') * 1000 AS INTEGER) ORDER BY id";

pub(super) const LEASES: &str =
    "SELECT partition, node, epoch FROM partition_lease ORDER BY partition";

pub(super) const TAKE: &str = "UPDATE partition_lease SET node = ?1, epoch = epoch + 1
    WHERE partition = ?2 AND (node IS NULL OR node = ?1 OR NOT EXISTS (SELECT 1 FROM node AS holder
        WHERE holder.id = partition_lease.node
        AND holder.lives_until > CAST(unixepoch('subsec') * 1000 AS INTEGER)))
    RETURNING partition, node, epoch";

pub(super) const GIVE: &str =
    "UPDATE partition_lease SET node = NULL WHERE partition = ?2 AND node = ?1";

pub(super) const EPOCH: &str = "SELECT epoch FROM partition_lease WHERE partition = ?1";

pub(super) fn beat(db: &Connection, node: NodeId, lasts: Duration) -> Result<Cluster, Fault> {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX / 2);
    db.prepare_cached(BEAT)?.execute(params![node.0.cast_signed(), lasts])?;
    let mut statement = db.prepare_cached(NODES)?;
    let mut nodes: Vec<NodeId> = statement
        .query_map([], |row| Ok(NodeId(row.get::<_, i64>(0)?.cast_unsigned())))?
        .collect::<Result<_, _>>()?;
    nodes.sort_unstable();
    let mut statement = db.prepare_cached(LEASES)?;
    let mut leases: Vec<Lease> =
        statement.query_and_then([], lease)?.collect::<Result<_, Fault>>()?;
    for lease in &mut leases {
        lease.holder = lease.holder.filter(|holder| nodes.contains(holder));
    }
    Ok(Cluster { nodes, leases })
}

pub(super) fn take(
    db: &Connection,
    node: NodeId,
    partitions: &PartitionSet,
) -> Result<Vec<Lease>, Fault> {
    let mut statement = db.prepare_cached(TAKE)?;
    let mut taken = Vec::with_capacity(partitions.len());
    for partition in partitions.iter() {
        let mut rows = statement.query(params![node.0.cast_signed(), partition.0])?;
        if let Some(row) = rows.next()? {
            taken.push(lease(row)?);
        }
    }
    Ok(taken)
}

pub(super) fn give(db: &Connection, node: NodeId, partitions: &PartitionSet) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(GIVE)?;
    for partition in partitions.iter() {
        statement.execute(params![node.0.cast_signed(), partition.0])?;
    }
    Ok(())
}

pub(super) fn leave(db: &Connection, node: NodeId) -> Result<(), Fault> {
    give(db, node, &PartitionSet::ALL)?;
    db.execute("DELETE FROM node WHERE id = ?1", params![node.0.cast_signed()])?;
    Ok(())
}

/// The data directory has a new owner: who used it before lives no more.
pub(super) fn forget_nodes(db: &Connection) -> Result<(), Fault> {
    // without a condition the table's page is written even when there is no row
    db.execute("DELETE FROM node WHERE true", [])?;
    Ok(())
}

/// False when the partition was taken since that epoch.
pub(super) fn is_current(
    db: &Connection,
    partition: Partition,
    epoch: Epoch,
) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached(EPOCH)?;
    let stored = statement.query_row(params![partition.0], |row| row.get::<_, i64>(0));
    Ok(stored.optional()?.is_some_and(|stored| stored.cast_unsigned() == epoch))
}

fn lease(row: &Row<'_>) -> Result<Lease, Fault> {
    let holder: Option<i64> = row.get(1)?;
    Ok(Lease {
        partition: Partition(row.get(0)?),
        epoch: row.get::<_, i64>(2)?.cast_unsigned(),
        holder: holder.map(|node| NodeId(node.cast_unsigned())),
    })
}
