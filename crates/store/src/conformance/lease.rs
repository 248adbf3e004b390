//! Who holds which partition.

use super::StoreFactory;
use super::sample::{EPOCH, LIVES, NODE, commit, group, history, id, open, step, whole_run};
use crate::{Committed, Store};
use durable::{Lease, NodeId, Partition, PartitionSet};
use std::time::Duration;

const OTHER: NodeId = NodeId(u64::MAX - 1);

fn some() -> PartitionSet {
    [1, 2, 255].map(Partition).into_iter().collect()
}

async fn beat(store: &dyn Store, node: NodeId, lasts: Duration) -> durable::Cluster {
    store.beat(node, lasts).await.expect("a beat")
}

async fn take(store: &dyn Store, node: NodeId, partitions: PartitionSet) -> Vec<Lease> {
    let mut taken = store.take(node, partitions).await.expect("leases");
    taken.sort_unstable_by_key(|lease| lease.partition);
    taken
}

pub async fn a_node_takes_what_nobody_holds(factory: &dyn StoreFactory) {
    // without the taking that other cases begin with
    let store = factory.open().await.expect("the store opens");
    let cluster = beat(&*store, OTHER, LIVES).await;
    assert_eq!(cluster.nodes, [OTHER]);
    assert_eq!(cluster.leases.len(), 256);
    for (number, lease) in cluster.leases.iter().enumerate() {
        assert_eq!(usize::from(lease.partition.0), number);
        assert_eq!((lease.epoch, lease.holder), (0, None));
    }
    let lease = |partition| Lease { partition, epoch: 1, holder: Some(OTHER) };
    assert_eq!(take(&*store, OTHER, some()).await, some().iter().map(lease).collect::<Vec<_>>());
    let cluster = beat(&*store, OTHER, LIVES).await;
    for lease in cluster.leases {
        let is_held = some().contains(lease.partition);
        assert_eq!(lease.holder, is_held.then_some(OTHER), "{lease:?}");
    }
    // its own, with a new epoch
    let again: Vec<_> = take(&*store, OTHER, some()).await.iter().map(|it| it.epoch).collect();
    assert_eq!(again, [2, 2, 2]);
}

pub async fn what_a_living_node_holds_is_not_taken(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let cluster = beat(&*store, OTHER, LIVES).await;
    assert_eq!(cluster.nodes, [NODE, OTHER]);
    assert_eq!(take(&*store, OTHER, PartitionSet::ALL).await, []);
    let done = commit(&*store, step(id(1), 0)).await;
    assert_eq!(done, Committed::Done { inbox: vec![] });
}

pub async fn what_a_dead_node_held_is_taken(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    beat(&*store, NODE, Duration::ZERO).await;
    let cluster = beat(&*store, OTHER, LIVES).await;
    assert_eq!(cluster.nodes, [OTHER]);
    assert!(cluster.leases.iter().all(|lease| lease.holder.is_none()));
    let taken = take(&*store, OTHER, some()).await;
    assert_eq!(taken.iter().map(|lease| lease.epoch).collect::<Vec<_>>(), [2, 2, 2]);
}

pub async fn a_taken_partition_refuses_the_epoch_before(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    commit(&*store, step(id(1), 0)).await;
    let within: PartitionSet = [id(1).partition()].into_iter().collect();
    take(&*store, NODE, within).await;
    assert_eq!(commit(&*store, step(id(1), 1)).await, Committed::Fenced);
    assert_eq!(commit(&*store, whole_run(id(257), 1)).await, Committed::Fenced);
    assert_eq!(store.run(id(257)).await, Ok(None));
    assert_eq!(history(&*store, id(1)).await, [1]);
    let mut next = step(id(1), 1);
    next.epoch = Some(EPOCH + 1);
    assert_eq!(commit(&*store, next).await, Committed::Done { inbox: vec![] });
    // an epoch that was not given yet is none
    let mut next = step(id(1), 2);
    next.epoch = Some(EPOCH + 2);
    assert_eq!(commit(&*store, next).await, Committed::Fenced);
}

pub async fn a_partition_that_was_given_back_is_free(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    beat(&*store, OTHER, LIVES).await;
    // what somebody else holds cannot be given away
    store.give(OTHER, PartitionSet::ALL).await.expect("it is given");
    assert_eq!(take(&*store, OTHER, some()).await, []);
    store.give(NODE, some()).await.expect("it is given");
    let taken = take(&*store, OTHER, PartitionSet::ALL).await;
    assert_eq!(taken.iter().map(|lease| lease.partition).collect::<PartitionSet>(), some());
}

pub async fn nodes_that_leave_hold_nothing(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    store.leave(NODE).await.expect("it leaves");
    let cluster = beat(&*store, OTHER, LIVES).await;
    assert_eq!(cluster.nodes, [OTHER]);
    assert_eq!(take(&*store, OTHER, PartitionSet::ALL).await.len(), 256);
}

pub async fn a_refused_epoch_leaves_the_rest_of_its_group(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut old = step(id(2), 0);
    old.epoch = Some(EPOCH - 1);
    let outcomes = group(&*store, vec![step(id(1), 0), old, whole_run(id(3), 1)]).await;
    let done = Committed::Done { inbox: vec![] };
    assert_eq!(outcomes, [done.clone(), Committed::Fenced, done]);
    assert_eq!(store.load(id(2)).await, Ok(None));
    assert_eq!(history(&*store, id(3)).await, [1]);
}

pub async fn a_new_process_needs_no_lease(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut free = step(id(1), 0);
    free.epoch = None;
    assert_eq!(commit(&*store, free).await, Committed::Done { inbox: vec![] });
    let mut next = step(id(1), 1);
    next.epoch = None;
    let refused = store.commit(vec![next]).await;
    assert!(matches!(refused, Err(crate::StoreError::Conflict(_))), "{refused:?}");
}
