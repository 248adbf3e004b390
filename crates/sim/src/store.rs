//! A node's store: the truth, behind a line on which things go wrong.

use crate::bug::Bug;
use crate::link::{Fate, Link};
use crate::truth::Truth;
use durable::{
    Chunk, Cluster, EffectIntent, InboxId, InboxRow, Lease, Message, NodeId, PartitionSet,
    PayloadHash, ProcessId, ProcessKind, Standing, Ticks,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use store::portable::Page;
use store::{
    Answer, AuditFilter, AuditRow, Commit, Committed, Edit, Hint, LiveProcess, ProcessHistory,
    Record, RecordRange, RetentionRow, RunFilter, RunRow, Store, StoreError, TokenRow, VersionRow,
    WorkflowRow,
};
use tokio::sync::{broadcast, mpsc};

/// The store as one node sees it.
pub struct SimStore {
    truth: Arc<Mutex<Truth>>,
    link: Link,
    hints: broadcast::Sender<Hint>,
}

impl SimStore {
    #[must_use]
    pub fn new(truth: Arc<Mutex<Truth>>, link: Link, hints: broadcast::Sender<Hint>) -> SimStore {
        SimStore { truth, link, hints }
    }

    /// Does something in the store. A reply that is lost is as if nothing had come.
    fn act<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Truth) -> Result<T, StoreError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let fate = self.link.ask().await;
            if fate == Fate::Refused {
                return Err(StoreError::Unavailable("the line is cut".to_owned()));
            }
            let done = {
                let mut truth = self.truth.lock();
                if truth.is_closed { Err(StoreError::Closed) } else { work(&mut truth) }
            };
            self.link.answer().await;
            match fate {
                Fate::ReplyLost => Err(StoreError::Unknown("the reply was lost".to_owned())),
                _ => done,
            }
        })
    }

    fn get<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&Truth) -> T + Send + 'a,
    ) -> Answer<'a, T> {
        self.act(move |truth| Ok(work(truth)))
    }

    fn not_simulated<T: Send>(&self) -> Answer<'_, T> {
        Box::pin(async { Err(StoreError::Unavailable("not part of the simulation".to_owned())) })
    }

    /// [`Bug::ActBeforeCommit`]: the answer first, the rows later, if the node lives so long.
    fn commit_later(&self, group: Vec<Commit>) -> Vec<Committed> {
        let done = group
            .iter()
            .map(|commit| Committed::Done { inbox: vec![None; commit.batch.messages.len()] });
        let done = done.collect();
        let (truth, link) = (Arc::clone(&self.truth), self.link.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if !link.is_dead() {
                truth.lock().commit(&group);
            }
        });
        done
    }
}

/// [`Bug::KeyWithoutContent`]: the digest of what was found, and how often it was found.
fn forget_content(commit: &mut Commit) {
    const CONTENT: usize = 32 + 4;
    if let Some(it) = commit.batch.start_key.as_mut().filter(|it| it.key.starts_with(b"poll")) {
        it.key.truncate(it.key.len().saturating_sub(CONTENT));
    }
}

fn check(commit: &Commit) -> Result<(), StoreError> {
    let batch = &commit.batch;
    let creates = batch.expected_seq == 0;
    let lives = matches!(batch.standing, Standing::Live { .. });
    let makes_no_sense = (batch.chunk.is_some() && batch.events == 0)
        || (creates && batch.events == 0 && lives)
        || (batch.start_key.is_some() && !creates)
        || (commit.epoch.is_none() && !creates)
        || batch.expected_seq > u64::MAX / 4;
    if makes_no_sense {
        return Err(StoreError::Conflict("The batch makes no sense.".to_owned()));
    }
    Ok(())
}

fn waiting(truth: &Truth, wanted: impl Fn(&Message) -> bool) -> Vec<InboxRow> {
    let rows = truth.inbox.iter().filter(|(_, message)| wanted(message));
    rows.map(|(id, message)| InboxRow { id: *id, message: message.clone() }).collect()
}

/// The earliest; each flow's share when there are more.
fn due(truth: &Truth, within: &PartitionSet, before: Ticks, rows_max: usize) -> Vec<LiveProcess> {
    let is_due = |row: &LiveProcess| row.due.is_some_and(|due| due < before);
    let mut rows: Vec<LiveProcess> = truth.lives_in(within).filter(is_due).collect();
    rows.sort_unstable_by_key(|row| (row.due, row.id));
    if rows.len() <= rows_max {
        return rows;
    }
    let mut flows: Vec<i64> = rows.iter().map(|row| row.workflow).collect();
    flows.sort_unstable();
    flows.dedup();
    let share = (rows_max / flows.len()).max(1);
    let mut taken = vec![0; flows.len()];
    rows.retain(|row| {
        let at = flows.binary_search(&row.workflow).unwrap_or_default();
        taken[at] += 1;
        taken[at] <= share
    });
    rows
}

impl Store for SimStore {
    fn is_shared(&self) -> bool {
        true
    }

    fn beat(&self, node: NodeId, lasts: Duration) -> Answer<'_, Cluster> {
        self.act(move |truth| Ok(truth.beat(node, lasts)))
    }

    fn take(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, Vec<Lease>> {
        self.act(move |truth| Ok(truth.take(node, &partitions)))
    }

    fn give(&self, node: NodeId, partitions: PartitionSet) -> Answer<'_, ()> {
        self.act(move |truth| {
            truth.give(node, &partitions);
            Ok(())
        })
    }

    fn leave(&self, node: NodeId) -> Answer<'_, ()> {
        self.act(move |truth| {
            truth.give(node, &PartitionSet::ALL);
            truth.nodes.remove(&node);
            Ok(())
        })
    }

    fn hint(&self, hint: Hint) {
        if !self.link.is_dead() {
            // nobody may listen
            let _ = self.hints.send(hint);
        }
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }

    fn commit(&self, mut group: Vec<Commit>) -> Answer<'_, Vec<Committed>> {
        if let Err(error) = group.iter().try_for_each(check) {
            return Box::pin(async { Err(error) });
        }
        let bug = self.truth.lock().bug;
        if bug == Some(Bug::SkipIntent) {
            group.iter_mut().for_each(|commit| commit.batch.effects.clear());
        }
        if bug == Some(Bug::KeyWithoutContent) {
            group.iter_mut().for_each(forget_content);
        }
        if bug == Some(Bug::ActBeforeCommit) {
            let done = self.commit_later(group);
            return Box::pin(async move {
                self.link.pass().await;
                Ok(done)
            });
        }
        self.act(move |truth| Ok(truth.commit(&group)))
    }

    fn load(&self, process: ProcessId) -> Answer<'_, Option<ProcessHistory>> {
        self.get(move |truth| {
            let LiveProcess { kind, seq, due, .. } = truth.live(process)?;
            let snapshot = truth.snapshots.get(&process).cloned();
            let first = snapshot.as_ref().map_or(0, |(seq, _)| seq + 1);
            let chunks = truth.chunks.range((process, first)..=(process, u64::MAX));
            let chunks = chunks.map(|(_, chunk)| chunk.clone()).collect();
            let inbox = waiting(truth, |message| message.to == process);
            Some(ProcessHistory { kind, seq, due, snapshot, chunks, inbox })
        })
    }

    fn history(
        &self,
        process: ProcessId,
        from_seq: u64,
        chunks_max: usize,
    ) -> Answer<'_, Vec<Chunk>> {
        self.get(move |truth| {
            let all = truth.chunks.range((process, 0)..=(process, u64::MAX));
            let all = all.map(|(_, chunk)| chunk);
            let wanted = all.filter(|it| it.first_seq + u64::from(it.events) > from_seq);
            wanted.take(chunks_max).cloned().collect()
        })
    }

    fn payload(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        self.act(move |truth| {
            let Some(stored) = truth.payloads.get(&hash) else { return Ok(None) };
            let bytes_max = store::limits::PAYLOAD_BYTES_MAX;
            let content = durable::codec::decompress_limited(stored, bytes_max);
            content.map(Some).map_err(|error| StoreError::Corrupt(error.to_string()))
        })
    }

    fn due(
        &self,
        within: PartitionSet,
        before: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.get(move |truth| due(truth, &within, before, rows_max))
    }

    fn unsettled(
        &self,
        within: PartitionSet,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.get(move |truth| {
            let mut ids: Vec<ProcessId> = truth.effects.keys().map(|(id, _)| *id).collect();
            ids.extend(truth.inbox.values().map(|message| message.to));
            ids.sort_unstable();
            ids.dedup();
            ids.retain(|id| within.contains(id.partition()) && after.is_none_or(|it| *id > it));
            ids.iter().filter_map(|id| truth.live(*id)).take(rows_max).collect()
        })
    }

    fn waiting(
        &self,
        within: PartitionSet,
        after: Option<InboxId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<InboxRow>> {
        self.get(move |truth| {
            let mut rows = waiting(truth, |message| within.contains(message.to.partition()));
            rows.retain(|row| after.is_none_or(|after| row.id > after));
            rows.truncate(rows_max);
            rows
        })
    }

    fn live(
        &self,
        kind: ProcessKind,
        after: Option<ProcessId>,
        rows_max: usize,
    ) -> Answer<'_, Vec<LiveProcess>> {
        self.get(move |truth| {
            let rows = truth.lives_in(&PartitionSet::ALL).filter(|row| row.kind == kind);
            rows.filter(|row| after.is_none_or(|it| row.id > it)).take(rows_max).collect()
        })
    }

    fn send(&self, message: Message) -> Answer<'_, bool> {
        self.act(move |truth| Ok(truth.send(&message).is_some()))
    }

    fn inbox(&self, process: ProcessId) -> Answer<'_, Vec<InboxRow>> {
        self.get(move |truth| waiting(truth, |message| message.to == process))
    }

    fn effects(&self, process: ProcessId) -> Answer<'_, Vec<EffectIntent>> {
        self.get(move |truth| {
            let of_process = truth.effects.range((process, 0)..=(process, u64::MAX));
            of_process
                .map(|((_, id), attempt)| EffectIntent { id: *id, attempt: *attempt })
                .collect()
        })
    }

    fn run(&self, id: ProcessId) -> Answer<'_, Option<RunRow>> {
        self.get(move |truth| truth.runs.get(&id).cloned())
    }

    fn failures(
        &self,
        (ended, after): (Ticks, Option<ProcessId>),
        to: Ticks,
        rows_max: usize,
    ) -> Answer<'_, Vec<RunRow>> {
        self.get(move |truth| {
            let is_bad = |run: &&RunRow| matches!(run.status, 2 | 4);
            let place = |run: &RunRow| Some((run.end?, Some(run.id)));
            let bad = truth.runs.values().filter(is_bad);
            let mut rows: Vec<RunRow> = bad
                .filter(|run| place(run).is_some_and(|it| it > (ended, after) && it.0 <= to))
                .cloned()
                .collect();
            rows.sort_by_key(place);
            rows.truncate(rows_max);
            rows
        })
    }

    fn runs(&self, filter: RunFilter) -> Answer<'_, Vec<RunRow>> {
        self.get(move |truth| {
            let wanted = |run: &&RunRow| {
                let (id, before) = (run.id, filter.before);
                run.workflow == filter.workflow
                    && filter.status.is_none_or(|status| run.status == status)
                    && filter.from.is_none_or(|from| id.start() >= from)
                    && filter.to.is_none_or(|to| id.start() < to)
                    && before.is_none_or(|it| if filter.oldest_first { id > it } else { id < it })
            };
            let mut rows: Vec<RunRow> = truth.runs.values().filter(wanted).cloned().collect();
            if !filter.oldest_first {
                rows.reverse();
            }
            rows.truncate(filter.rows_max);
            rows
        })
    }

    fn delete_runs_before(&self, _: i64, _: Ticks, _: usize) -> Answer<'_, usize> {
        self.not_simulated()
    }

    fn reclaim(&self, _bytes_max: u64) -> Answer<'_, u64> {
        self.not_simulated()
    }

    /// The audit is not simulated: nothing reads it.
    fn change(&self, edits: Vec<Edit>, _audit: Vec<AuditRow>) -> Answer<'_, Vec<i64>> {
        self.act(move |truth| truth.change(&edits))
    }

    fn record(&self, kind: u8, id: &str) -> Answer<'_, Option<Record>> {
        let id = id.to_owned();
        self.get(move |truth| truth.managed.record(kind, &id))
    }

    fn records_by_id(&self, kind: u8, ids: Vec<String>) -> Answer<'_, Vec<Record>> {
        self.get(move |truth| ids.iter().filter_map(|id| truth.managed.record(kind, id)).collect())
    }

    fn records(&self, range: RecordRange) -> Answer<'_, Vec<(Vec<u8>, Record)>> {
        self.get(move |truth| truth.managed.records(&range))
    }

    fn audit(&self, _filter: AuditFilter) -> Answer<'_, Vec<AuditRow>> {
        self.not_simulated()
    }

    fn audit_chain(&self, _after: i64, _rows_max: usize) -> Answer<'_, Vec<AuditRow>> {
        self.not_simulated()
    }

    fn workflow(&self, environment: &str, name: &str) -> Answer<'_, Option<WorkflowRow>> {
        let (environment, name) = (environment.to_owned(), name.to_owned());
        self.get(move |truth| {
            let found = truth
                .managed
                .workflows
                .values()
                .find(|row| row.environment == environment && row.name == name);
            found.cloned()
        })
    }

    fn workflow_by_id(&self, id: &str) -> Answer<'_, Option<WorkflowRow>> {
        let id = id.to_owned();
        self.get(move |truth| truth.managed.workflows.values().find(|row| row.id == id).cloned())
    }

    fn workflows_by_id(&self, ids: Vec<String>) -> Answer<'_, Vec<WorkflowRow>> {
        self.get(move |truth| {
            let rows = truth.managed.workflows.values();
            rows.filter(|row| ids.contains(&row.id)).cloned().collect()
        })
    }

    fn workflow_by_key(&self, key: i64) -> Answer<'_, Option<WorkflowRow>> {
        self.get(move |truth| truth.managed.workflows.get(&key).cloned())
    }

    /// In one page, by name: there are few.
    fn workflows(
        &self,
        environment: Option<&str>,
        after: Option<&str>,
        _rows_max: usize,
    ) -> Answer<'_, Vec<WorkflowRow>> {
        let (environment, after) = (environment.map(str::to_owned), after.map(str::to_owned));
        self.get(move |truth| {
            let mut rows: Vec<WorkflowRow> = truth.managed.workflows.values().cloned().collect();
            rows.retain(|row| environment.as_ref().is_none_or(|it| row.environment == *it));
            rows.retain(|row| after.as_ref().is_none_or(|it| row.name > *it));
            rows.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            rows
        })
    }

    fn version(&self, workflow: i64, number: u32) -> Answer<'_, Option<VersionRow>> {
        self.get(move |truth| truth.managed.version(workflow, number))
    }

    fn versions(&self, _workflow: i64) -> Answer<'_, Vec<VersionRow>> {
        self.not_simulated()
    }

    fn retentions(&self) -> Answer<'_, Vec<RetentionRow>> {
        self.get(|truth| truth.retentions.values().cloned().collect())
    }

    fn set_retention(&self, _: &str, _: Option<i64>, _: Option<i64>) -> Answer<'_, ()> {
        self.not_simulated()
    }

    fn export(&self, _pages: mpsc::Sender<Page>) -> Answer<'_, ()> {
        self.not_simulated()
    }

    fn import(&self, _pages: mpsc::Receiver<Page>) -> Answer<'_, u64> {
        self.not_simulated()
    }

    fn setting_or(&self, name: &str, value: &[u8]) -> Answer<'_, Vec<u8>> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.act(move |truth| Ok(truth.settings.entry(name).or_insert(value).clone()))
    }

    fn setting(&self, name: &str) -> Answer<'_, Option<Vec<u8>>> {
        let name = name.to_owned();
        self.get(move |truth| truth.settings.get(&name).cloned())
    }

    fn set_setting(&self, name: &str, value: &[u8]) -> Answer<'_, ()> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.act(move |truth| {
            truth.settings.insert(name, value);
            Ok(())
        })
    }

    fn tokens(&self) -> Answer<'_, Vec<TokenRow>> {
        self.get(|truth| truth.tokens.values().cloned().collect())
    }

    fn add_token(&self, token: TokenRow) -> Answer<'_, ()> {
        self.act(move |truth| {
            truth.tokens.insert(token.name.clone(), token);
            Ok(())
        })
    }

    fn ping(&self) -> Answer<'_, ()> {
        self.act(|_| Ok(()))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.truth.lock().is_closed = true;
            Ok(())
        })
    }
}
