//! Random histories: what is asked of a store, chosen by what it answered before.

use crate::random::Random;
use durable::{
    Batch, EffectIntent, InboxId, Message, MessageKind, Payload, ProcessId, ProcessKind, Standing,
    StartKey, Ticks,
};
use std::collections::BTreeMap;
use store::{Commit, Committed, RunChange, RunPatch, RunRow};

/// What is known of the store, from its answers.
pub struct History {
    pub random: Random,
    /// Every process there ever was, and whether it is believed to live, and at what.
    pub processes: Vec<ProcessId>,
    pub live: BTreeMap<ProcessId, u64>,
    pub rows: Vec<(InboxId, ProcessId)>,
    pub workflows: Vec<i64>,
    /// Of each partition, as of the last taking of all.
    pub epoch: u64,
    next: u32,
    /// Nothing collides with what is there: what is refused is refused by its state.
    is_calm: bool,
    /// How often each verdict was given, so that it is seen when one never is.
    pub verdicts: BTreeMap<&'static str, u32>,
}

impl History {
    pub fn new(seed: u64) -> Self {
        History {
            random: Random::new(seed),
            processes: Vec::new(),
            live: BTreeMap::new(),
            rows: Vec::new(),
            workflows: vec![1],
            epoch: 1,
            next: 1,
            is_calm: seed.is_multiple_of(2),
            verdicts: BTreeMap::new(),
        }
    }

    fn fresh(&mut self) -> ProcessId {
        self.next += 1;
        let process = self.random.process(self.next);
        self.processes.push(process);
        process
    }

    /// Any process, mostly one of the last.
    pub fn any(&mut self) -> ProcessId {
        let recent = self.processes.len().saturating_sub(12);
        let from = if self.random.once_in(5) { 0 } else { recent };
        let chosen = self.random.of(&self.processes[from..]).copied();
        chosen.unwrap_or_else(|| self.fresh())
    }

    pub fn ticks(&mut self) -> Ticks {
        638_723_709_343_421_507 + self.random.below(2_000) as i64
    }

    fn workflow(&mut self) -> i64 {
        self.random.of(&self.workflows).copied().unwrap_or(1)
    }

    pub fn message(&mut self, from: Option<ProcessId>) -> Message {
        let to = self.any();
        let kind = if self.random.once_in(3) { MessageKind::Cancel } else { MessageKind::Reply };
        let effect = if self.random.once_in(9) { u64::MAX } else { self.random.below(4) };
        Message { to, from, effect, kind, body: self.random.bytes() }
    }

    pub fn group(&mut self) -> Vec<Commit> {
        (0..=self.random.below(5)).map(|_| self.commit()).collect()
    }

    fn commit(&mut self) -> Commit {
        let lives: Vec<_> = self.live.iter().map(|(id, seq)| (*id, *seq)).collect();
        let bound = if self.is_calm { 9 } else { 10 };
        let (process, expected_seq) = match self.random.below(bound) {
            0..4 => (self.fresh(), 0),
            4..9 => {
                let (process, seq) =
                    self.random.of(&lives).copied().unwrap_or_else(|| (self.fresh(), 0));
                (process, if self.random.once_in(12) { seq + 1 } else { seq })
            }
            _ => (self.any(), self.random.below(3)),
        };
        let batch = self.batch(process, expected_seq);
        let epoch = match self.random.below(14) {
            0 => Some(self.epoch - 1),
            1 if expected_seq == 0 => None,
            _ => Some(self.epoch),
        };
        let run = self.run(process, expected_seq);
        let asked_by = self.random.once_in(5).then(|| (self.any(), self.random.below(4)));
        Commit { batch, run, epoch, workflow: self.workflow(), asked_by }
    }

    fn batch(&mut self, process: ProcessId, expected_seq: u64) -> Batch {
        let kind = if self.random.once_in(4) { ProcessKind::Trigger } else { ProcessKind::Run };
        let mut batch = Batch::new(process, kind, expected_seq);
        batch.events = self.random.below(4) as u32 + u32::from(expected_seq == 0);
        let has_chunk = batch.events > 0 && !self.random.once_in(8);
        batch.chunk = (has_chunk || self.random.once_in(60)).then(|| self.random.bytes());
        batch.snapshot = self.random.once_in(4).then(|| self.random.bytes());
        batch.forget_history = self.random.once_in(6);
        if !self.random.once_in(3) {
            let due = self.random.once_in(2).then(|| self.ticks());
            batch.standing = Standing::Live { due };
        }
        if (expected_seq == 0 && self.random.once_in(3)) || self.random.once_in(60) {
            let key = vec![self.random.below(30) as u8];
            batch.start_key = Some(StartKey { source: b"flow".to_vec(), key });
        }
        for _ in 0..self.random.below(3) {
            if let Some((row, _)) = self.random.of(&self.rows) {
                batch.consumed.push(*row);
            }
        }
        let own = self.rows.iter().filter(|(_, target)| *target == process);
        batch.consumed.extend(own.map(|(row, _)| *row).take(2));
        if self.random.once_in(2) {
            batch.messages =
                (0..=self.random.below(2)).map(|_| self.message(Some(process))).collect();
        }
        let effects = self.random.below(3);
        batch.effects = (0..effects)
            .map(|_| EffectIntent {
                id: self.random.below(4),
                attempt: self.random.below(3) as u32,
            })
            .collect();
        batch.effects_done = (0..self.random.below(3)).map(|_| self.random.below(4)).collect();
        if self.random.once_in(4) {
            let hash = [self.random.below(4) as u8; 32];
            batch.payloads = vec![Payload { hash, content: durable::codec::compress(&hash) }];
        }
        batch
    }

    fn run(&mut self, process: ProcessId, expected_seq: u64) -> RunChange {
        let id = if self.random.once_in(25) { self.any() } else { process };
        let id = if self.is_calm { process } else { id };
        let status = self.random.below(4) as u8;
        let end = self.random.once_in(2).then(|| self.ticks());
        let code = self.random.once_in(3).then(|| self.random.text());
        let error = self.random.once_in(3).then(|| self.random.text());
        if expected_seq > 0 && (self.is_calm || !self.random.once_in(20)) {
            return match self.random.once_in(2) {
                true => RunChange::Update(RunPatch { id, status, end, code, error }),
                false => RunChange::None,
            };
        }
        let (workflow, version) = (self.workflow(), self.random.below(3) as u32);
        let client_tracking_id = self.random.once_in(3).then(|| self.random.text());
        let parent = self.random.once_in(3).then(|| self.any());
        RunChange::Insert(RunRow {
            id,
            workflow,
            version,
            status,
            end,
            code,
            error,
            client_tracking_id,
            parent,
        })
    }

    /// Remembers what came of a group.
    pub fn learn(&mut self, group: &[Commit], verdicts: &[Committed]) {
        for (Commit { batch, .. }, verdict) in group.iter().zip(verdicts) {
            let name = match verdict {
                Committed::Done { inbox } if inbox.iter().any(Option::is_some) => "delivered",
                Committed::Done { .. } => "done",
                Committed::StartedBefore(_) => "started before",
                Committed::Stale => "stale",
                Committed::Fenced => "fenced",
                Committed::NotAsked => "not asked",
            };
            *self.verdicts.entry(name).or_default() += 1;
            let Committed::Done { inbox } = verdict else { continue };
            match batch.standing {
                Standing::Live { .. } => {
                    let seq = batch.expected_seq + u64::from(batch.events);
                    self.live.insert(batch.process, seq);
                }
                Standing::Final => {
                    self.live.remove(&batch.process);
                }
            }
            let given = inbox.iter().zip(&batch.messages);
            self.rows.extend(given.filter_map(|(row, message)| Some(((*row)?, message.to))));
        }
        let surplus = self.rows.len().saturating_sub(40);
        self.rows.drain(..surplus);
    }
}

/// The same commit once more, with other numbers for rows.
pub fn copy(commit: &Commit, row: impl Fn(InboxId) -> InboxId) -> Commit {
    let batch = &commit.batch;
    let mut copied = Batch::new(batch.process, batch.kind, batch.expected_seq);
    copied.events = batch.events;
    copied.chunk = batch.chunk.clone();
    copied.snapshot = batch.snapshot.clone();
    copied.forget_history = batch.forget_history;
    copied.standing = batch.standing;
    copied.start_key = batch.start_key.clone();
    copied.consumed = batch.consumed.iter().map(|number| row(*number)).collect();
    copied.messages = batch.messages.clone();
    copied.effects = batch.effects.clone();
    copied.effects_done = batch.effects_done.clone();
    copied.payloads = batch.payloads.clone();
    let run = match &commit.run {
        RunChange::None => RunChange::None,
        RunChange::Insert(run) => RunChange::Insert(run.clone()),
        RunChange::Update(patch) => RunChange::Update(patch.clone()),
    };
    let Commit { epoch, workflow, asked_by, .. } = *commit;
    Commit { batch: copied, run, epoch, workflow, asked_by }
}
