//! Commits that need no order among themselves, done with one statement for each table.
//!
//! A round has two parts. The guard says which commits are refused, and moves the live
//! processes of the others; the rest follows for those that are accepted. A commit that
//! depends on one before it in the same transaction is in a later round.
//!
//! Invariant: a run that ends in its first commit costs two rows, the run and its chunk, in
//! two statements for all such runs of the round.

use super::address::Db;
use super::chunk::{self, Chunks};
use super::column::{Call, all, process_id};
use super::effect::Effects;
use super::fault::Fault;
use super::inbox::{self, Consumed, Delivered, Messages};
use super::payload::{self, Payloads};
use super::process::Steps;
use super::run::{Patches, Runs};
use super::snapshot::Snapshots;
use super::start_key::Claims;
use crate::{Commit, Committed, LiveProcess, RunChange, check};
use durable::{Batch, Message, ProcessId, Standing};
use std::collections::HashSet;
use std::ops::Range;
use tokio_postgres::Row;

/// What is made durable, in order.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are commits")]
pub(super) enum Item {
    Commit(Commit),
    /// A message from outside.
    Send(Message),
}

impl Item {
    pub(super) fn messages(&self) -> &[Message] {
        match self {
            Item::Commit(commit) => &commit.batch.messages,
            Item::Send(message) => std::slice::from_ref(message),
        }
    }
}

/// Cuts items into rounds.
pub(super) fn rounds(items: &[&Item]) -> Vec<Range<usize>> {
    let mut rounds = Vec::new();
    let mut met = Met::default();
    let mut start = 0;
    for (at, item) in items.iter().enumerate() {
        if !met.add(item) {
            rounds.push(start..at);
            start = at;
            met = Met::default();
            met.add(item);
        }
    }
    rounds.push(start..items.len());
    rounds
}

/// What the items of a round are about.
#[derive(Default)]
struct Met<'a> {
    /// Processes that take a step, and runs that change.
    touched: HashSet<ProcessId>,
    /// Processes that get messages: a step of theirs that comes later finds the message, or
    /// takes it along to its end.
    targets: HashSet<ProcessId>,
    keys: HashSet<(&'a [u8], &'a [u8])>,
}

impl<'a> Met<'a> {
    /// False when the item depends on one that is there.
    fn add(&mut self, item: &'a Item) -> bool {
        if let Item::Commit(commit) = item {
            let process = commit.batch.process;
            let run = match &commit.run {
                RunChange::None => process,
                RunChange::Insert(run) => run.id,
                RunChange::Update(patch) => patch.id,
            };
            let key = commit.batch.start_key.as_ref();
            let key = key.map(|key| (key.source.as_slice(), key.key.as_slice()));
            let asking = commit.asked_by.as_ref().map(|(process, _)| process);
            if self.targets.contains(&process)
                || asking.is_some_and(|asking| self.touched.contains(asking))
                || self.touched.contains(&process)
                || (run != process && self.touched.contains(&run))
                || key.is_some_and(|key| self.keys.contains(&key))
            {
                return false;
            }
            self.touched.insert(process);
            self.touched.insert(run);
            self.keys.extend(key);
        }
        self.targets.extend(item.messages().iter().map(|message| message.to));
        true
    }
}

/// Refuses those that are not where they should be, and moves the others on. What is
/// refused already stays so.
pub(super) async fn guard(
    db: &Db,
    items: &[&Item],
    refused: &mut [Option<Committed>],
) -> Result<(), Fault> {
    refuse_unasked(db, items, refused).await?;
    let mut claims = Claims::default();
    let (mut advances, mut ends) = (Steps::default(), Steps::default());
    for (item, refused) in items.iter().zip(&*refused) {
        let Item::Commit(commit) = item else { continue };
        if refused.is_some() {
            continue;
        }
        let batch = &commit.batch;
        if let Some(key) = &batch.start_key {
            claims.push(key, &batch.process);
        }
        if batch.expected_seq > 0 {
            let step = live_process(commit)?;
            let steps = match batch.standing {
                Standing::Live { .. } => &mut advances,
                Standing::Final => &mut ends,
            };
            steps.push(batch.expected_seq, &step, &batch.process);
        }
    }
    let mut calls = Vec::new();
    if !claims.is_empty() {
        calls.push(claims.claim());
    }
    calls.extend((!advances.is_empty()).then(|| advances.advance()));
    calls.extend((!ends.is_empty()).then(|| ends.end()));
    if calls.is_empty() {
        return Ok(());
    }
    let moved = all(db, &calls).await?;
    // Each process is in one of the statements only.
    let moved: HashSet<ProcessId> =
        moved.iter().flatten().map(|row| process_id(row, 0)).collect::<Result<_, _>>()?;
    let holders = claims.holders(db, &moved).await?;
    for (item, refused) in items.iter().zip(refused) {
        let Item::Commit(Commit { batch, .. }) = item else { continue };
        if refused.is_some() || moved.contains(&batch.process) {
            continue;
        }
        if let Some(holder) = holders.get(&batch.process) {
            *refused = Some(Committed::StartedBefore(*holder));
        } else if batch.expected_seq > 0 {
            *refused = Some(Committed::Stale);
        }
    }
    Ok(())
}

/// Refuses new processes that would answer what nobody waits for.
async fn refuse_unasked(
    db: &Db,
    items: &[&Item],
    refused: &mut [Option<Committed>],
) -> Result<(), Fault> {
    let asked_by = |item: &&Item| match item {
        Item::Commit(commit) if commit.batch.expected_seq == 0 => commit.asked_by,
        Item::Commit(_) | Item::Send(_) => None,
    };
    let asked_by: Vec<_> = items.iter().map(asked_by).collect();
    let mut effects = Effects::default();
    for (process, id) in asked_by.iter().flatten() {
        effects.push_ids(process, &[*id]);
    }
    if effects.is_empty() {
        return Ok(());
    }
    let asked = effects.asked(db).await?;
    for (asked_by, refused) in asked_by.iter().zip(refused) {
        if refused.is_none() && asked_by.is_some_and(|asked_by| !asked.contains(&asked_by)) {
            *refused = Some(Committed::NotAsked);
        }
    }
    Ok(())
}

fn live_process(commit: &Commit) -> Result<LiveProcess, Fault> {
    let Commit { batch, workflow, .. } = commit;
    let seq = check::last_seq(batch).ok_or_else(|| Fault::corrupt("the number of an event"))?;
    let due = match batch.standing {
        Standing::Live { due } => due,
        Standing::Final => None,
    };
    Ok(LiveProcess { id: batch.process, kind: batch.kind, seq, due, workflow: *workflow })
}

/// What follows for the items that are accepted.
pub(super) fn rest<'a>(
    items: &[&'a Item],
    refused: &[Option<Committed>],
) -> Result<Vec<Call<'a>>, Fault> {
    let mut rest = Rest::default();
    for (item, _) in items.iter().zip(refused).filter(|(_, refused)| refused.is_none()) {
        if let Item::Commit(commit) = item {
            rest.add(commit)?;
        }
        item.messages().iter().for_each(|message| rest.messages.push(message));
    }
    Ok(rest.calls())
}

/// Whether an item that is accepted has messages: only the database knows their rows.
pub(super) fn delivers(items: &[&Item], refused: &[Option<Committed>]) -> bool {
    let accepted = items.iter().zip(refused).filter(|(_, refused)| refused.is_none());
    accepted.into_iter().any(|(item, _)| !item.messages().is_empty())
}

/// Verdicts, given what the calls of the rest answered.
pub(super) fn verdicts(
    items: &[&Item],
    refused: &[Option<Committed>],
    answers: &[Vec<Row>],
) -> Result<Vec<Committed>, Fault> {
    let mut delivered = match answers.last() {
        Some(rows) if delivers(items, refused) => Delivered::read(rows)?,
        _ => Delivered::default(),
    };
    let verdict = |(item, refused): (&&Item, &Option<Committed>)| {
        refused.clone().unwrap_or_else(|| Committed::Done {
            inbox: item.messages().iter().map(|message| delivered.take(message)).collect(),
        })
    };
    Ok(items.iter().zip(refused).map(verdict).collect())
}

/// Rows of one round, by table.
#[derive(Default)]
struct Rest<'a> {
    ended: Vec<&'a ProcessId>,
    forgotten: Vec<&'a ProcessId>,
    unreferred: Vec<&'a ProcessId>,
    trimmed: Vec<&'a ProcessId>,
    new: Steps<'a>,
    chunks: Chunks<'a>,
    snapshots: Snapshots<'a>,
    runs: Runs<'a>,
    patches: Patches<'a>,
    payloads: Payloads<'a>,
    consumed: Consumed<'a>,
    settled: Effects<'a>,
    intended: Effects<'a>,
    messages: Messages<'a>,
}

impl<'a> Rest<'a> {
    fn add(&mut self, commit: &'a Commit) -> Result<(), Fault> {
        let batch = &commit.batch;
        let step = live_process(commit)?;
        let is_new = batch.expected_seq == 0;
        let lives = matches!(batch.standing, Standing::Live { .. });
        match (is_new, lives) {
            (true, true) => self.new.push(0, &step, &batch.process),
            (false, false) => self.ended.push(&batch.process),
            (true, false) | (false, true) => {}
        }
        self.keep_history(batch, step.seq);
        match &commit.run {
            RunChange::None => {}
            RunChange::Insert(run) => self.runs.push(run),
            RunChange::Update(patch) => self.patches.push(patch),
        }
        for payload in &batch.payloads {
            self.payloads.push(&batch.process, payload);
        }
        if lives && !is_new {
            self.consumed.push(&batch.process, &batch.consumed);
            self.settled.push_ids(&batch.process, &batch.effects_done);
        }
        if lives {
            self.intended.push_all(&batch.process, &batch.effects);
        }
        Ok(())
    }

    /// Keeps events and state, and forgets what a process without end does not need:
    /// what is in its snapshot, and everything once it has ended after all.
    fn keep_history(&mut self, batch: &'a Batch, seq: u64) {
        let id = &batch.process;
        let ends = batch.standing == Standing::Final;
        let forgets_all = batch.forget_history && (ends || batch.snapshot.is_some());
        if forgets_all {
            if batch.expected_seq > 0 {
                self.forgotten.push(id);
            }
            if ends {
                self.unreferred.push(id);
            }
        } else if let Some(content) = &batch.chunk {
            self.chunks.push(id, batch.expected_seq + 1, batch.events, content);
        }
        if ends {
            return;
        }
        match &batch.snapshot {
            Some(content) => self.snapshots.push(id, seq, content),
            None if batch.forget_history => self.trimmed.push(id),
            None => {}
        }
    }

    /// In the order in which a single commit does it. Delivering comes last.
    fn calls(self) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        let Rest { ended, forgotten, unreferred, trimmed, .. } = &self;
        calls.extend((!ended.is_empty()).then(|| inbox::remove(ended)));
        calls.extend((!forgotten.is_empty()).then(|| chunk::remove(forgotten)));
        if !unreferred.is_empty() {
            calls.extend(payload::remove(unreferred));
        }
        let trim = (!trimmed.is_empty()).then(|| chunk::remove_up_to_snapshot(trimmed));
        calls.extend((!self.new.is_empty()).then(|| self.new.insert()));
        calls.extend((!self.chunks.is_empty()).then(|| self.chunks.insert()));
        calls.extend((!self.snapshots.is_empty()).then(|| self.snapshots.replace()));
        calls.extend(trim);
        calls.extend((!self.runs.is_empty()).then(|| self.runs.insert()));
        calls.extend((!self.patches.is_empty()).then(|| self.patches.update()));
        if !self.payloads.is_empty() {
            calls.extend(self.payloads.add());
        }
        calls.extend((!self.consumed.is_empty()).then(|| self.consumed.consume()));
        calls.extend((!self.settled.is_empty()).then(|| self.settled.settle()));
        calls.extend((!self.intended.is_empty()).then(|| self.intended.intend()));
        if !self.messages.is_empty() {
            calls.push(self.messages.hold());
            calls.push(self.messages.deliver());
        }
        calls
    }
}
