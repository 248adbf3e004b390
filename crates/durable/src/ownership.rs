//! Who steps which processes: partitions are leased by nodes, each time with a new epoch.
//!
//! Pure decisions; the store keeps the leases and refuses what carries an old epoch.

use crate::id::Partition;
use crate::limits::PARTITIONS;

/// A server process that shares a store with others. Stays the same over restarts on one
/// data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// Counts how often a partition was taken; 1 at least when somebody has held it.
pub type Epoch = u64;

/// Who holds a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub partition: Partition,
    pub epoch: Epoch,
    /// `None` when nobody holds it, or a node that lives no more.
    pub holder: Option<NodeId>,
}

/// The nodes that live, and every partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// In order.
    pub nodes: Vec<NodeId>,
    /// One for each partition, in order.
    pub leases: Vec<Lease>,
}

/// A set of partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionSet([u64; PARTITIONS as usize / 64]);

impl PartitionSet {
    pub const NONE: PartitionSet = PartitionSet([0; PARTITIONS as usize / 64]);
    pub const ALL: PartitionSet = PartitionSet([u64::MAX; PARTITIONS as usize / 64]);

    /// Partitions that no store has are never in a set.
    #[must_use]
    pub fn contains(&self, partition: Partition) -> bool {
        let at = usize::from(partition.0);
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    pub fn insert(&mut self, partition: Partition) {
        let at = usize::from(partition.0);
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    pub fn remove(&mut self, partition: Partition) {
        let at = usize::from(partition.0);
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == PartitionSet::NONE
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Partition> + '_ {
        (0..PARTITIONS).map(Partition).filter(|partition| self.contains(*partition))
    }
}

impl FromIterator<Partition> for PartitionSet {
    fn from_iter<I: IntoIterator<Item = Partition>>(partitions: I) -> Self {
        let mut set = PartitionSet::NONE;
        for partition in partitions {
            set.insert(partition);
        }
        set
    }
}

/// What a node does next about partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Free ones that it should take now.
    pub take: PartitionSet,
    /// Its own ones that others should have: to be given when nothing goes on in them.
    pub give: PartitionSet,
}

/// Every living node gets its share; what is free goes to those who have less.
#[must_use]
pub fn plan(me: NodeId, cluster: &Cluster) -> Plan {
    let mut plan = Plan::default();
    let Some(rank) = cluster.nodes.iter().position(|node| *node == me) else { return plan };
    let nodes = cluster.nodes.len();
    let all = cluster.leases.len();
    let (even, odd) = (all / nodes, all % nodes);
    let share = even + usize::from(rank < odd);
    let held_by = |holder| cluster.leases.iter().filter(move |lease| lease.holder == holder);
    let held = held_by(Some(me)).count();
    if held > share {
        let surplus = held_by(Some(me)).skip(share);
        plan.give = surplus.map(|lease| lease.partition).collect();
        return plan;
    }
    let free: Vec<Partition> = held_by(None).map(|lease| lease.partition).collect();
    // each begins elsewhere, so that nodes that look at the same time do not collide
    let first = (rank * even + rank.min(odd)) * free.len() / all.max(1);
    let from_first = free.iter().cycle().skip(first).take(free.len());
    plan.take = from_first.take(share - held).copied().collect();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(nodes: &[u64]) -> Cluster {
        let lease = |number| Lease { partition: Partition(number), epoch: 0, holder: None };
        Cluster {
            nodes: nodes.iter().copied().map(NodeId).collect(),
            leases: (0..PARTITIONS).map(lease).collect(),
        }
    }

    fn carry_out(cluster: &mut Cluster, me: NodeId) {
        let plan = plan(me, cluster);
        for lease in &mut cluster.leases {
            if plan.take.contains(lease.partition) {
                assert_eq!(lease.holder, None);
                lease.holder = Some(me);
            }
            if plan.give.contains(lease.partition) {
                assert_eq!(lease.holder, Some(me));
                lease.holder = None;
            }
        }
    }

    fn held(cluster: &Cluster, node: u64) -> usize {
        cluster.leases.iter().filter(|lease| lease.holder == Some(NodeId(node))).count()
    }

    #[test]
    fn one_node_takes_all() {
        let mut cluster = cluster(&[7]);
        carry_out(&mut cluster, NodeId(7));
        assert_eq!(held(&cluster, 7), 256);
        assert_eq!(plan(NodeId(7), &cluster), Plan::default());
    }

    #[test]
    fn shares_level_out_when_nodes_come_and_go() {
        let mut cluster = cluster(&[1]);
        carry_out(&mut cluster, NodeId(1));
        cluster.nodes = vec![NodeId(1), NodeId(2), NodeId(3)];
        for _ in 0..2 {
            for node in [1, 2, 3] {
                carry_out(&mut cluster, NodeId(node));
            }
        }
        assert_eq!([1, 2, 3].map(|node| held(&cluster, node)), [86, 85, 85]);
        for lease in &mut cluster.leases {
            lease.holder = lease.holder.filter(|node| *node != NodeId(2));
        }
        cluster.nodes = vec![NodeId(1), NodeId(3)];
        for node in [1, 3] {
            carry_out(&mut cluster, NodeId(node));
        }
        assert_eq!([1, 3].map(|node| held(&cluster, node)), [128, 128]);
    }

    #[test]
    fn nodes_that_look_at_once_take_different_ones() {
        let cluster = cluster(&[1, 2, 3]);
        let taken: Vec<PartitionSet> =
            [1, 2, 3].map(|node| plan(NodeId(node), &cluster).take).to_vec();
        for partition in PartitionSet::ALL.iter() {
            assert_eq!(taken.iter().filter(|set| set.contains(partition)).count(), 1);
        }
    }

    #[test]
    fn a_node_that_is_not_known_does_nothing() {
        assert_eq!(plan(NodeId(9), &cluster(&[1])), Plan::default());
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set: PartitionSet = [0, 63, 64, 255].map(Partition).into_iter().collect();
        assert_eq!(set.iter().map(|partition| partition.0).collect::<Vec<_>>(), [0, 63, 64, 255]);
        set.remove(Partition(64));
        set.insert(Partition(256));
        assert!(set.len() == 3 && !set.contains(Partition(64)) && !set.contains(Partition(256)));
        assert!(PartitionSet::ALL.len() == 256 && PartitionSet::NONE.is_empty());
    }
}
