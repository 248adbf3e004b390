//! A world for runs: time passes when nothing else happens, calls get answers in turn, and
//! the store is a list of chunks.
//!
//! Invariant: what a run makes durable reads back as the state and the history it has.

use durable::{Batch, Partition, ProcessId, Ticks};
use expr::{Object, Str, Value};
use flow::definition::Flow;
use flow::run::event::{Payloads, read_payload};
use flow::run::history::HistoryReader;
use flow::run::state::Caller;
use flow::run::{
    CallResult, Effect, FlowInfo, Input, Moment, Reply, Request, Run, StartRequest, Step, Stored,
};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

const SECOND: Ticks = 10_000_000;

/// 2025-01-01T00:00:00Z.
pub const BEGIN: Ticks = 638_712_864_000_000_000;

/// Steps after which a run is left as it is.
const STEPS_MAX: usize = 48;

/// Events after which a run is left as it is.
const EVENTS_MAX: u64 = 12_000;

/// Bytes of events and payloads up to which they are read back.
const CHECKED_BYTES_MAX: usize = 512 * 1024;

/// Bytes of a payload, decompressed.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

static INFO: LazyLock<Arc<FlowInfo>> = LazyLock::new(|| {
    Arc::new(FlowInfo {
        key: 1,
        id: "f1".into(),
        name: "flow".into(),
        display_name: "Flow".into(),
        environment: "default".into(),
        version: 1,
        public_url: "https://server.example".into(),
        callback_key: Default::default(),
    })
});

pub fn info() -> Arc<FlowInfo> {
    Arc::clone(&INFO)
}

pub fn run_id() -> ProcessId {
    ProcessId::new(BEGIN, Partition(7), 42)
}

/// The time and randomness at a time: the same whenever it is asked for.
pub fn moment(now: Ticks) -> Moment {
    Moment { now, seed: now as u64 ^ 0x5eed }
}

/// What a run begins with.
pub struct Beginning<'a> {
    pub trigger: &'a str,
    pub outputs: Value,
    pub raw_body: Option<&'a [u8]>,
    pub client_tracking_id: Option<Str>,
}

/// Plays a run for some steps and checks what became durable.
pub fn play(flow: &Arc<Flow>, beginning: Beginning<'_>) -> Option<Reply> {
    let request = StartRequest {
        id: run_id(),
        flow: Arc::clone(flow),
        info: info(),
        trigger: beginning.trigger,
        outputs: beginning.outputs,
        raw_body: beginning.raw_body,
        scheduled: None,
        client_tracking_id: beginning.client_tracking_id,
        origin: None,
        caller: Caller::Request { deadline: BEGIN + 120 * SECOND },
        start_key: None,
        parameters: expr::Object::new(),
        invoker: expr::Value::Null,
        is_held: false,
    };
    let (run, step) = Run::start(request, moment(BEGIN)).expect("the trigger is there");
    let mut world = World {
        now: BEGIN,
        stored: Stored::default(),
        payloads: Payloads::new(),
        bytes: 0,
        seq: 0,
        inputs: VecDeque::new(),
        calls: 0,
        reply: None,
    };
    world.play(run, step);
    world.reply
}

struct World {
    now: Ticks,
    stored: Stored,
    payloads: Payloads,
    bytes: usize,
    seq: u64,
    inputs: VecDeque<Input>,
    /// Calls made; each gets the next kind of answer.
    calls: u64,
    reply: Option<Reply>,
}

impl World {
    fn play(&mut self, mut run: Run, first: Step) {
        let mut more = first.more;
        self.take(first);
        for _ in 0..STEPS_MAX {
            if self.seq > EVENTS_MAX || run.status().is_final() {
                break;
            }
            let input = match (more, run.due()) {
                (true, _) => Input::Continue,
                (false, _) if !self.inputs.is_empty() => {
                    self.inputs.pop_front().unwrap_or(Input::Continue)
                }
                (false, Some(due)) => {
                    self.now = self.now.max(due);
                    Input::Due
                }
                (false, None) => break,
            };
            let step = run.handle(input, moment(self.now));
            more = step.more;
            self.take(step);
        }
        if self.bytes <= CHECKED_BYTES_MAX {
            self.check(&run, more);
        }
    }

    /// Makes a step durable and does what it asks for.
    fn take(&mut self, step: Step) {
        self.commit(&step.batch);
        for effect in &step.effects {
            self.answer(effect);
        }
        if let Some(reply) = step.reply {
            assert!(self.reply.is_none(), "a caller was answered twice");
            self.reply = Some(reply);
        }
    }

    fn commit(&mut self, batch: &Batch) {
        assert_eq!(batch.expected_seq, self.seq, "events are numbered without gaps");
        self.seq += u64::from(batch.events);
        for payload in &batch.payloads {
            let content = durable::codec::decompress_limited(&payload.content, PAYLOAD_BYTES_MAX);
            let content = content.expect("a payload can be decompressed");
            self.bytes += content.len();
            let value = read_payload(&content).expect("a payload can be read");
            self.payloads.insert(payload.hash, value);
        }
        if let Some(chunk) = &batch.chunk {
            let chunk = durable::codec::decompress(chunk).expect("a chunk can be decompressed");
            self.bytes += chunk.len();
            self.stored.chunks.push(chunk);
        }
    }

    /// The next answer in turn.
    fn answer(&mut self, effect: &Effect) {
        self.calls += 1;
        let effect_id = effect.id;
        let answered = |status: i64, headers: &[(&str, &str)], body: &str| {
            let headers: Object =
                headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let body = expr::json::parse(body.as_bytes()).expect("answers are JSON");
            flow::run::answer(status, headers.into(), body)
        };
        let result = match self.calls % 6 {
            1 => CallResult::Answer(answered(200, &[("Content-Type", "x/y")], r#"{"a": [1]}"#)),
            2 => CallResult::Answer(answered(202, &[("Location", "/status")], "null")),
            3 => CallResult::Answer(answered(503, &[("Retry-After", "3")], "\"later\"")),
            4 => CallResult::Failure {
                code: "ConnectionFailure".into(),
                message: "nobody there".into(),
                is_retryable: true,
            },
            5 => CallResult::Answer(answered(404, &[], "[]")),
            _ => CallResult::Unknown,
        };
        let is_child = matches!(effect.request, Request::Child(_));
        self.inputs.push_back(match result {
            CallResult::Answer(outputs) if is_child => {
                let inbox = self.calls as i64;
                Input::Reply { inbox, effect: effect_id, outputs }
            }
            result => Input::Result { effect: effect_id, attempt: effect.attempt, result },
        });
    }

    /// What is stored gives the same state, and a history.
    fn check(&self, run: &Run, more: bool) {
        let flow = run.flow();
        let loaded = Run::load(Arc::clone(flow), info(), run.id, &self.stored, &self.payloads);
        let loaded = loaded.expect("stored chunks can be read");
        self.same(run, &loaded);
        let mut reader = HistoryReader::new(flow, run.id);
        let mut entries = Vec::new();
        for chunk in &self.stored.chunks {
            let read = reader.read(chunk, &self.payloads, false, &mut |entry| entries.push(entry));
            read.expect("stored chunks have a history");
        }
        entries.extend(reader.unfinished());
        for entry in &entries {
            let _ = reader.render(entry, true);
        }
        if more || run.status().is_final() {
            return;
        }
        let written = run.write_snapshot(self.now);
        let again = loaded.write_snapshot(self.now);
        assert_eq!(written.bytes, again.bytes, "the loaded run has another state");
        let mut payloads = self.payloads.clone();
        for payload in &written.payloads {
            let content = durable::codec::decompress_limited(&payload.content, PAYLOAD_BYTES_MAX);
            let content = content.expect("a payload can be decompressed");
            let value = read_payload(&content).expect("a payload can be read");
            payloads.insert(payload.hash, value);
        }
        let stored = Stored { snapshot: Some((self.seq, written.bytes)), chunks: Vec::new() };
        let loaded = Run::load(Arc::clone(flow), info(), run.id, &stored, &payloads);
        self.same(run, &loaded.expect("a snapshot can be read"));
    }

    fn same(&self, run: &Run, loaded: &Run) {
        assert_eq!(run.status(), loaded.status(), "the loaded run has another status");
        if !run.status().is_final() {
            assert_eq!(run.due(), loaded.due(), "the loaded run is due at another time");
            let (ours, theirs) = (run.calls_under_way(), loaded.calls_under_way());
            assert_eq!(ours.len(), theirs.len(), "the loaded run has other calls under way");
        }
    }
}
