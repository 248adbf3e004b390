//! What must hold for every run, checked step by step on what became durable.

use durable::{Standing, Ticks};
use flow::definition::{ActionId, Flow, ShapeId};
use flow::run::event::{Event, EventReader, Payloads, payload_hashes};
use flow::run::state::Path;
use flow::run::{Status, Step};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub struct Checker {
    flow: Arc<Flow>,
    seq: u64,
    begun: HashSet<(ActionId, Path)>,
    ended: HashSet<(ActionId, Path)>,
    /// Iterations of which anything is known.
    seen: HashSet<(ShapeId, Path)>,
    /// Effects and their last attempt.
    intended: HashMap<u64, u32>,
    is_over: bool,
}

impl Checker {
    pub fn new(flow: Arc<Flow>) -> Self {
        Checker {
            flow,
            seq: 0,
            begun: HashSet::new(),
            ended: HashSet::new(),
            seen: HashSet::new(),
            intended: HashMap::new(),
            is_over: false,
        }
    }

    /// A part of a beginning, of which the step follows.
    pub fn part(&mut self, part: &Step) {
        assert!(part.more && part.effects.is_empty() && part.reply.is_none());
        self.step(part, None);
    }

    pub fn step(&mut self, step: &Step, due: Option<Ticks>) {
        let batch = &step.batch;
        assert_eq!(batch.expected_seq, self.seq, "events are numbered without gaps");
        self.seq += u64::from(batch.events);
        self.effects(step);
        let mut events = 0;
        if let Some(chunk) = &batch.chunk {
            assert!(!self.is_over || batch.events == 0, "events come after the end");
            let bytes = durable::codec::decompress(chunk).expect("a chunk");
            events = self.events(&bytes);
            let mut hashes = payload_hashes(&bytes, &Payloads::new()).expect("a chunk");
            hashes.retain(|hash| !batch.payloads.iter().any(|payload| payload.hash == *hash));
            assert_eq!(hashes.len(), 0, "a chunk comes with its payloads");
        }
        assert_eq!(events, batch.events, "the batch counts its events");
        match batch.standing {
            Standing::Final => {
                assert!(step.status.is_final() && !step.more && step.end.is_some());
            }
            Standing::Live { due: stands } => {
                assert!(!step.status.is_final());
                assert!(step.more || stands == due, "the batch tells when the run is due");
            }
        }
    }

    fn effects(&mut self, step: &Step) {
        let batch = &step.batch;
        let told: Vec<_> = batch.effects.iter().map(|it| (it.id, it.attempt)).collect();
        let asked: Vec<_> = step.effects.iter().map(|it| (it.id, it.attempt)).collect();
        assert_eq!(told, asked, "every effect is intended durably");
        assert!(!step.status.is_final() || asked.is_empty(), "a run that is over calls nobody");
        for id in &batch.effects_done {
            assert!(self.intended.contains_key(id), "an effect ends that was not intended");
        }
        for (id, attempt) in told {
            let before = self.intended.insert(id, attempt).unwrap_or(0);
            assert_eq!(attempt, before + 1, "attempts of effect {id} are counted");
        }
    }

    fn events(&mut self, bytes: &[u8]) -> u32 {
        let payloads = Payloads::new();
        let mut reader = EventReader::new(bytes, &payloads).expect("a chunk");
        reader.lenient = true;
        let mut count = 0;
        while let Some(event) = reader.next_event().expect("an event") {
            count += 1;
            assert!(!self.is_over, "an event comes after the end: {event:?}");
            match event {
                Event::Started { action, path, .. } => {
                    self.open(action, &path);
                    assert!(self.begun.insert((action, path)), "an action begins twice");
                }
                Event::Finished(finished) => self.end(finished.action, finished.path),
                Event::Skipped { action, path, .. } => self.end(action, path),
                Event::AttemptFailed { action, path, .. }
                | Event::PollLater { action, path, .. }
                | Event::Page { action, path, .. }
                | Event::CalledAgain { action, path } => {
                    self.open(action, &path);
                    assert!(self.begun.contains(&(action, path)), "a call has a beginning");
                }
                Event::RunFinished { .. } => self.is_over = true,
                Event::RunStarted(_) => assert_eq!(count, 1, "a run starts once"),
                Event::Carried { finished, .. } => self.end(finished.action, finished.path),
                Event::CancelAsked
                | Event::Released
                | Event::Parameters(_)
                | Event::Invoker(_)
                | Event::Resumed { .. }
                | Event::CarriedAll { .. } => {}
            }
        }
        count
    }

    fn open(&mut self, action: ActionId, path: &Path) {
        let found = self.flow.action(action);
        self.seen.insert((found.shape, path.clone()));
        let is_ended = self.ended.contains(&(action, path.clone()));
        assert!(!is_ended, "'{}' {path:?} has an event after its last", found.name);
    }

    fn end(&mut self, action: ActionId, path: Path) {
        self.open(action, &path);
        self.ended.insert((action, path));
    }

    /// The run went as far as it goes.
    pub fn ended(&self, status: Status) {
        assert_eq!(self.is_over, status.is_final(), "the end of the run is an event");
        if !self.is_over {
            return;
        }
        let root = (flow::definition::ROOT_SHAPE, Path::default());
        for (shape, path) in self.seen.iter().chain([&root]) {
            for action in &self.flow.shape(*shape).actions {
                let name = &self.flow.action(*action).name;
                let is_ended = self.ended.contains(&(*action, path.clone()));
                assert!(is_ended, "'{name}' {path:?} has no end");
            }
        }
    }
}
