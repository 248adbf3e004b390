//! What is stored: the rules of `store`, in memory, with a watch on what the nodes do.
//!
//! The suite of every store runs on it, so that it is a store like the others.

use crate::bug::Bug;
use crate::managed::Managed;
use crate::mangled;
use crate::node::BEGINNING;
use durable::limits::PARTITIONS;
use durable::{
    Batch, Chunk, Cluster, InboxId, Lease, Message, MessageKind, NodeId, Partition, PartitionSet,
    PayloadHash, ProcessId, ProcessKind, Standing, Ticks,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{
    Commit, Committed, Edit, LiveProcess, RetentionRow, RunChange, RunRow, StoreError, TokenRow,
};
use tokio::time::Instant;

/// A live process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub kind: ProcessKind,
    pub seq: u64,
    pub due: Option<Ticks>,
    pub workflow: i64,
}

/// Everything that is stored, and what was seen to go wrong.
#[derive(Default)]
pub struct Truth {
    pub nodes: BTreeMap<NodeId, Instant>,
    pub leases: Vec<(Option<NodeId>, u64)>,
    pub processes: BTreeMap<ProcessId, Process>,
    pub chunks: BTreeMap<(ProcessId, u64), Chunk>,
    pub snapshots: BTreeMap<ProcessId, (u64, Vec<u8>)>,
    pub inbox: BTreeMap<InboxId, Message>,
    pub inbox_last: InboxId,
    pub effects: BTreeMap<(ProcessId, u64), u32>,
    pub start_keys: BTreeMap<(Vec<u8>, Vec<u8>), ProcessId>,
    pub payloads: BTreeMap<PayloadHash, Vec<u8>>,
    pub payload_refs: BTreeSet<(ProcessId, PayloadHash)>,
    pub runs: BTreeMap<ProcessId, RunRow>,
    pub managed: Managed,
    pub settings: BTreeMap<String, Vec<u8>>,
    pub tokens: BTreeMap<String, TokenRow>,
    pub retentions: BTreeMap<(String, i64), RetentionRow>,
    pub is_closed: bool,
    pub bug: Option<Bug>,
    pub began: Option<Instant>,
    pub watch: Watch,
}

/// What is remembered of what was committed, for the audit.
#[derive(Default)]
pub struct Watch {
    /// Everything that was ever intended, and whether it came to its end.
    pub effects: BTreeMap<(ProcessId, u64), bool>,
    /// Processes that were told to end.
    pub told_to_end: BTreeSet<ProcessId>,
    /// Messages that were taken.
    pub consumed: BTreeSet<InboxId>,
    pub violations: Vec<String>,
    /// Most runs at a time that the flow's limit allows.
    pub limits: BTreeMap<i64, usize>,
    /// Statuses that count as running, and final.
    pub commits: u64,
    /// Of everything that was committed, in order.
    pub hash: u64,
}

impl Watch {
    pub fn violation(&mut self, text: String) {
        if self.violations.len() < 20 {
            self.violations.push(text);
        }
    }

    pub fn note(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Truth {
    #[must_use]
    pub fn new(bug: Option<Bug>) -> Truth {
        let leases = vec![(None, 0); usize::from(PARTITIONS)];
        let began = Some(Instant::now());
        let mut truth = Truth { leases, bug, began, ..Truth::default() };
        truth.managed.ignores_revisions = bug == Some(Bug::IgnoreRevision);
        truth.managed.keeps_triggers = bug == Some(Bug::KeepTrigger);
        truth.managed.reads_newest = bug == Some(Bug::ReadNewestVersion);
        truth.managed.bug = bug;
        truth
    }

    // --- nodes and partitions ----------------------------------------------

    fn lives(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|until| *until > Instant::now())
    }

    fn lease(&self, partition: Partition) -> Lease {
        let (holder, epoch) = self.leases[usize::from(partition.0)];
        Lease { partition, epoch, holder }
    }

    pub fn beat(&mut self, node: NodeId, lasts: Duration) -> Cluster {
        self.nodes.insert(node, Instant::now() + lasts);
        let nodes = self.nodes.keys().copied().filter(|node| self.lives(*node)).collect();
        let leases = (0..PARTITIONS).map(|number| {
            let lease = self.lease(Partition(number));
            Lease { holder: lease.holder.filter(|holder| self.lives(*holder)), ..lease }
        });
        Cluster { nodes, leases: leases.collect() }
    }

    pub fn take(&mut self, node: NodeId, partitions: &PartitionSet) -> Vec<Lease> {
        let mut taken = Vec::new();
        for partition in partitions.iter() {
            let (holder, epoch) = self.leases[usize::from(partition.0)];
            if holder.is_none_or(|holder| holder == node || !self.lives(holder)) {
                self.leases[usize::from(partition.0)] = (Some(node), epoch + 1);
                taken.push(self.lease(partition));
            }
        }
        taken
    }

    /// Whether a process lives and has not been told to end.
    #[must_use]
    pub fn is_waited_for(&self, process: ProcessId) -> bool {
        let is_end = |it: &Message| it.to == process && it.kind == MessageKind::Cancel;
        self.processes.contains_key(&process) && !self.inbox.values().any(is_end)
    }

    #[must_use]
    pub fn is_live(&self, process: ProcessId) -> bool {
        self.processes.contains_key(&process)
    }

    /// Whether a node holds a process that lives.
    #[must_use]
    pub fn is_held_by(&self, process: ProcessId, node: u64) -> bool {
        let holder = self.lease(process.partition()).holder;
        holder == Some(NodeId(node)) && self.processes.contains_key(&process)
    }

    pub fn give(&mut self, node: NodeId, partitions: &PartitionSet) {
        for partition in partitions.iter() {
            let lease = &mut self.leases[usize::from(partition.0)];
            if lease.0 == Some(node) {
                lease.0 = None;
            }
        }
    }

    // --- commits -------------------------------------------------------------

    /// Applies a group; each commit is whole in itself.
    pub fn commit(&mut self, group: &[Commit]) -> Vec<Committed> {
        group.iter().map(|commit| self.apply(commit)).collect()
    }

    fn apply(&mut self, commit: &Commit) -> Committed {
        let batch = &commit.batch;
        if let Some(refused) = self.refuse(commit) {
            return refused;
        }
        self.watch_commit(commit);
        let seq = batch.expected_seq + u64::from(batch.events);
        match batch.standing {
            Standing::Live { due } => {
                let known = self.processes.get(&batch.process);
                let (kind, workflow) = known
                    .map_or((batch.kind, commit.workflow), |known| (known.kind, known.workflow));
                let due = match kind {
                    ProcessKind::Trigger => due.and_then(|due| self.wakes(due, seq)),
                    ProcessKind::Run => due,
                };
                let process = Process { kind, seq, due, workflow };
                self.processes.insert(batch.process, process);
            }
            Standing::Final => self.end(batch.process),
        }
        self.keep_history(batch, seq);
        match &commit.run {
            RunChange::None => {}
            RunChange::Insert(run) => {
                self.runs.insert(run.id, run.clone());
            }
            RunChange::Update(patch) => {
                if let Some(run) = self.runs.get_mut(&patch.id) {
                    run.status = patch.status;
                    run.end = patch.end;
                    run.code.clone_from(&patch.code);
                    run.error.clone_from(&patch.error);
                }
            }
        }
        self.check_limit(commit);
        for payload in &batch.payloads {
            self.payloads.entry(payload.hash).or_insert_with(|| payload.content.clone());
            self.payload_refs.insert((batch.process, payload.hash));
        }
        if matches!(batch.standing, Standing::Live { .. }) {
            for row in &batch.consumed {
                if self.inbox.get(row).is_some_and(|message| message.to == batch.process) {
                    self.inbox.remove(row);
                }
            }
            for effect in &batch.effects_done {
                self.effects.remove(&(batch.process, *effect));
            }
            for effect in &batch.effects {
                self.effects.insert((batch.process, effect.id), effect.attempt);
            }
        }
        let inbox = batch.messages.iter().map(|message| self.send(message)).collect();
        Committed::Done { inbox }
    }

    /// When a trigger is woken that is to be woken at a moment: the bugs that concern it.
    fn wakes(&self, due: Ticks, seq: u64) -> Option<Ticks> {
        const MINUTE: Ticks = 600_000_000;
        match self.bug {
            Some(Bug::ForgetWakeup) if seq.is_multiple_of(3) => None,
            Some(Bug::ForgetFarWakeup) if due > self.now() + MINUTE => None,
            Some(Bug::WakeEarly) => Some(due - MINUTE / 2),
            _ => Some(due),
        }
    }

    /// The moment by the clock on the wall: what nodes take for it may be something else.
    #[must_use]
    pub fn now(&self) -> Ticks {
        let since = self.began.map(|began| began.elapsed().as_nanos() / 100).unwrap_or_default();
        BEGINNING + Ticks::try_from(since).unwrap_or(0)
    }

    /// Why a commit changes nothing.
    fn refuse(&mut self, commit: &Commit) -> Option<Committed> {
        let batch = &commit.batch;
        if let Some(epoch) = commit.epoch
            && self.lease(batch.process.partition()).epoch != epoch
        {
            if self.bug != Some(Bug::IgnoreEpoch) {
                return Some(Committed::Fenced);
            }
            let text = format!("{}: a step under epoch {epoch} was taken", batch.process);
            self.watch.violation(text);
        }
        if batch.expected_seq > 0 {
            let is_there = self.processes.get(&batch.process);
            let is_expected = is_there.is_some_and(|it| it.seq == batch.expected_seq);
            return (!is_expected || self.knows_run(commit)).then_some(Committed::Stale);
        }
        if let Some(effect) = commit.asked_by
            && !self.effects.contains_key(&effect)
        {
            return Some(Committed::NotAsked);
        }
        let holder = batch
            .start_key
            .as_ref()
            .and_then(|key| self.start_keys.get(&(key.source.clone(), key.key.clone())).copied());
        if let Some(before) = holder
            && self.bug != Some(Bug::ForgetStartKey)
        {
            return Some(Committed::StartedBefore(before));
        }
        let is_known = self.processes.contains_key(&batch.process)
            || self.runs.contains_key(&batch.process)
            || self.chunks.contains_key(&(batch.process, 1));
        if is_known || self.knows_run(commit) {
            return Some(Committed::Stale);
        }
        if let Some(key) = &batch.start_key {
            self.start_keys.insert((key.source.clone(), key.key.clone()), batch.process);
        }
        None
    }

    /// A run is new once.
    fn knows_run(&self, commit: &Commit) -> bool {
        matches!(&commit.run, RunChange::Insert(run) if self.runs.contains_key(&run.id))
    }

    fn end(&mut self, process: ProcessId) {
        self.processes.remove(&process);
        self.snapshots.remove(&process);
        self.effects.retain(|(owner, _), _| *owner != process);
        self.inbox.retain(|_, message| message.to != process);
    }

    fn keep_history(&mut self, batch: &Batch, seq: u64) {
        let id = batch.process;
        let ends = batch.standing == Standing::Final;
        if batch.forget_history && (ends || batch.snapshot.is_some()) {
            self.chunks.retain(|(owner, _), _| *owner != id);
            if ends {
                self.payload_refs.retain(|(owner, _)| *owner != id);
            }
        } else if let Some(content) = &batch.chunk {
            let first_seq = batch.expected_seq + 1;
            let chunk = Chunk { first_seq, events: batch.events, content: content.clone() };
            self.chunks.insert((id, first_seq), chunk);
        }
        if ends {
            return;
        }
        match &batch.snapshot {
            Some(content) => {
                self.snapshots.insert(id, (seq, content.clone()));
            }
            None if batch.forget_history => {
                let held = self.snapshots.get(&id).map_or(0, |(seq, _)| *seq);
                self.chunks.retain(|(owner, first), chunk| {
                    *owner != id || first + u64::from(chunk.events) - 1 > held
                });
            }
            None => {}
        }
    }

    /// Makes all changes or none, and sends what they say.
    pub fn change(&mut self, edits: &[Edit]) -> Result<Vec<i64>, StoreError> {
        let mut done = self.managed.change(edits)?;
        for (edit, number) in edits.iter().zip(&mut done) {
            if let Edit::Send(message) = edit
                && !mangled::is_lost(self.managed.bug, edit)
            {
                *number = i64::from(self.send(message).is_some());
            }
        }
        Ok(done)
    }

    /// The row that a message gets; none when it is there, or its target is not.
    pub fn send(&mut self, message: &Message) -> Option<InboxId> {
        let is_known = self.inbox.values().any(|it| {
            let same = (it.to, it.from, it.effect, it.kind);
            same == (message.to, message.from, message.effect, message.kind)
        });
        if is_known || !self.processes.contains_key(&message.to) {
            return None;
        }
        self.inbox_last += 1;
        if message.kind == MessageKind::Cancel {
            self.watch.told_to_end.insert(message.to);
        }
        if !self.forgets(message) {
            let to = self.addressee(message);
            self.inbox.insert(self.inbox_last, Message { to, ..message.clone() });
        }
        Some(self.inbox_last)
    }

    /// [`Bug::EndAnother`]: who is told, of those that ask or subscribe.
    fn addressee(&self, message: &Message) -> ProcessId {
        let is_end = message.kind == MessageKind::Cancel && self.bug == Some(Bug::EndAnother);
        let is_of = |id: &ProcessId| {
            self.processes.get(id).is_some_and(|it| it.kind == ProcessKind::Trigger)
        };
        if !is_end || !is_of(&message.to) {
            return message.to;
        }
        let mut others = self.processes.keys().filter(|id| **id != message.to && is_of(id));
        others.next_back().copied().unwrap_or(message.to)
    }

    /// The bugs that concern messages.
    fn forgets(&self, message: &Message) -> bool {
        match (self.bug, message.kind) {
            (Some(Bug::ForgetEarlyAnswer), MessageKind::Reply) => {
                !self.effects.contains_key(&(message.to, message.effect))
            }
            (Some(Bug::DropInputRow), MessageKind::Reply) => self.inbox_last % 3 == 0,
            (Some(Bug::LoseCancel), MessageKind::Cancel) => self.inbox_last % 2 == 0,
            (Some(Bug::LoseUnsubscribe), MessageKind::Cancel) => {
                let to = self.processes.get(&message.to);
                to.is_some_and(|it| it.kind == ProcessKind::Trigger)
            }
            _ => false,
        }
    }

    // --- what is seen to go wrong ----------------------------------------------

    fn watch_commit(&mut self, commit: &Commit) {
        let batch = &commit.batch;
        let process = batch.process;
        self.watch.commits += 1;
        self.watch.note(process.as_bytes());
        let chunk = batch.chunk.as_deref().unwrap_or_default();
        // what is sealed is other bytes each time
        let is_sealed = chunk.first() == Some(&durable::codec::SEALED);
        self.watch.note(if is_sealed { &[durable::codec::SEALED] } else { chunk });
        for effect in &batch.effects_done {
            match self.watch.effects.insert((process, *effect), true) {
                Some(false) => {}
                Some(true) => {
                    self.watch.violation(format!("{process}: effect {effect} ended twice"));
                }
                None => {
                    let text = format!("{process}: effect {effect} ended and was not intended");
                    self.watch.violation(text);
                }
            }
        }
        for effect in &batch.effects {
            self.watch.effects.insert((process, effect.id), false);
        }
        for row in &batch.consumed {
            if !self.watch.consumed.insert(*row) && batch.events > 0 {
                self.watch.violation(format!("{process}: message {row} took effect twice"));
            }
        }
        if batch.chunk.is_none() && batch.events > 0 && batch.kind == ProcessKind::Run {
            self.watch.violation(format!("{process}: events without a chunk"));
        }
    }

    fn check_limit(&mut self, commit: &Commit) {
        let Some(run) = self.runs.get(&commit.batch.process) else { return };
        let Some(limit) = self.watch.limits.get(&run.workflow).copied() else { return };
        let running = flow::run::Status::Running as u8;
        let workflow = run.workflow;
        let inside = self.runs.values().filter(|it| it.workflow == workflow);
        let inside = inside.filter(|it| it.status == running).count();
        if inside > limit {
            self.watch.violation(format!("{inside} runs of flow {workflow} go on, limit {limit}"));
        }
    }

    // --- reading -------------------------------------------------------------------

    #[must_use]
    pub fn live(&self, id: ProcessId) -> Option<LiveProcess> {
        let Process { kind, seq, due, workflow } = *self.processes.get(&id)?;
        Some(LiveProcess { id, kind, seq, due, workflow })
    }

    pub fn lives_in<'a>(&'a self, within: &'a PartitionSet) -> impl Iterator<Item = LiveProcess> {
        let ids = self.processes.keys().filter(|id| within.contains(id.partition()));
        ids.filter_map(|id| self.live(*id))
    }
}
