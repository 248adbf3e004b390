//! Nodes, and which partitions they hold.
//!
//! Invariant: an epoch is never given twice.
//! Invariant: a commit holds the rows of its partitions until it is durable or undone, so
//! that nobody takes them in between.

use super::address::Db;
use super::column::{Call, all, call, each, partitions, pipeline, signed, unsigned};
use super::fault::Fault;
use durable::{Cluster, Epoch, Lease, NodeId, Partition, PartitionSet};
use std::collections::HashMap;
use std::time::Duration;
use tokio_postgres::Row;

const BEAT: &str = "INSERT INTO node (id, lives_until)
    VALUES ($1, clock_timestamp() + $2::bigint * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET lives_until = excluded.lives_until";

const NODES: &str = "SELECT id FROM node WHERE lives_until > clock_timestamp()";

const LEASES: &str = "SELECT partition, node, epoch FROM partition_lease ORDER BY partition";

/// Waits for commits that go on in the partitions, and for others who take them. What they
/// did is then seen by the statement after it, and not by this one.
const HOLD: &str = "SELECT 1 FROM partition_lease WHERE partition = ANY($1::smallint[])
    ORDER BY partition FOR UPDATE";

const TAKE: &str = "UPDATE partition_lease SET node = $2, epoch = epoch + 1
    WHERE partition = ANY($1::smallint[])
    AND (node IS NULL OR node = $2 OR NOT EXISTS (SELECT 1 FROM node AS holder
        WHERE holder.id = partition_lease.node AND holder.lives_until > clock_timestamp()))
    RETURNING partition, node, epoch";

const GIVE: &str = "UPDATE partition_lease SET node = NULL
    WHERE partition = ANY($1::smallint[]) AND node = $2";

const LEAVE: &str = "WITH given AS (UPDATE partition_lease SET node = NULL WHERE node = $1)
    DELETE FROM node WHERE id = $1";

/// Says which transaction of a writer this is, and holds the leases that it needs.
const ENTER: &str = "WITH entered AS (UPDATE writer SET commits = $2 WHERE id = $1)
    SELECT partition, epoch FROM partition_lease WHERE partition = ANY($3::smallint[])
    ORDER BY partition FOR SHARE";

/// Longer than any node plans for, and in the range of every clock.
const LASTS_MS_MAX: i64 = 1_000 * 60 * 60 * 24 * 365;

pub(super) async fn beat(db: &Db, node: NodeId, lasts: Duration) -> Result<Cluster, Fault> {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(LASTS_MS_MAX).min(LASTS_MS_MAX);
    let beat = [call!(BEAT, signed(node.0), lasts), call!(NODES), call!(LEASES)];
    let answers = all(db, &beat).await?;
    let [_, nodes, leases] = answers.as_slice() else { return Err(Fault::corrupt("a beat")) };
    let mut nodes = each(nodes, |row| Ok(NodeId(unsigned(row, 0)?)))?;
    nodes.sort_unstable();
    let mut leases = each(leases, lease)?;
    for lease in &mut leases {
        lease.holder = lease.holder.filter(|holder| nodes.binary_search(holder).is_ok());
    }
    Ok(Cluster { nodes, leases })
}

pub(super) async fn take(
    db: &Db,
    node: NodeId,
    wanted: &PartitionSet,
) -> Result<Vec<Lease>, Fault> {
    db.batch_execute("BEGIN").await?;
    let wanted = partitions(wanted);
    let take = [call!(HOLD, wanted.clone()), call!(TAKE, wanted, signed(node.0))];
    let (answers, done) = pipeline(db, &take, Some("COMMIT")).await;
    if let Err(fault) = done {
        if !fault.is_gone() {
            db.batch_execute("ROLLBACK").await?;
        }
        return Err(fault);
    }
    let mut taken = each(answers.last().map_or(&[], Vec::as_slice), lease)?;
    taken.sort_unstable_by_key(|lease| lease.partition);
    Ok(taken)
}

pub(super) async fn give(db: &Db, node: NodeId, given: &PartitionSet) -> Result<(), Fault> {
    call!(GIVE, partitions(given), signed(node.0)).execute(db).await?;
    Ok(())
}

pub(super) async fn leave(db: &Db, node: NodeId) -> Result<(), Fault> {
    call!(LEAVE, signed(node.0)).execute(db).await?;
    Ok(())
}

/// The first statement of a writer's transaction.
pub(super) fn enter(writer: i64, number: i64, partitions: Vec<i16>) -> Call<'static> {
    call!(ENTER, writer, number, partitions)
}

/// Epochs of partitions, from what entering answered.
pub(super) fn epochs(rows: &[Row]) -> Result<HashMap<Partition, Epoch>, Fault> {
    let epoch = |row: &Row| Ok((partition(row, 0)?, unsigned(row, 1)?));
    rows.iter().map(epoch).collect()
}

fn partition(row: &Row, index: usize) -> Result<Partition, Fault> {
    Ok(Partition(row.try_get::<_, i16>(index)?.cast_unsigned()))
}

fn lease(row: &Row) -> Result<Lease, Fault> {
    let holder: Option<i64> = row.try_get(1)?;
    Ok(Lease {
        partition: partition(row, 0)?,
        epoch: unsigned(row, 2)?,
        holder: holder.map(|node| NodeId(node.cast_unsigned())),
    })
}
