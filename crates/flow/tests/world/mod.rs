//! A world for runs: a clock that is moved by hand, answers from a script, and a store
//! that is a list of chunks.
//!
//! [`play`] drives a run until it ends or nothing more happens. In [`Mode::Live`] the
//! run stays in memory; in [`Mode::Reload`] it is read back after every step; in
//! [`Mode::Crash`] every step is taken twice, the first time by a run that is lost
//! before its batch is durable; in [`Mode::Snapshot`] it is read back from nothing but a
//! snapshot whenever it waits. All of them must come to the same history.

#![allow(dead_code, reason = "each test uses a part of the world")]

pub mod history;
pub mod invariant;
pub mod script;
pub mod store;

use durable::{MessageKind, Partition, ProcessId, Standing, Ticks};
use expr::Value;
use flow::definition::{Flow, LoadOptions, load};
use flow::run::event::Payloads;
use flow::run::state::Caller;
use flow::run::{
    CallResult, Effect, FlowInfo, Input, Moment, Past, Reply, Request, Run, StartRequest, Status,
    Step,
};
use history::History;
use invariant::Checker;
use script::{Answer, AnswerKind, Script};
use std::sync::Arc;
use store::Store;

pub const SECOND: Ticks = 10_000_000;

/// 2025-01-01T00:00:00Z.
pub const BEGIN: Ticks = 638_712_864_000_000_000;

/// Steps after which a run that does not end counts as endless.
const STEPS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    Reload,
    Crash,
    Snapshot,
}

/// All but the first, which the others are compared with.
pub const MODES: [Mode; 3] = [Mode::Reload, Mode::Crash, Mode::Snapshot];

/// What came of a run.
#[derive(Debug, PartialEq)]
pub struct Played {
    /// For people: what happened, step by step.
    pub log: String,
    /// Every record, complete, as JSON.
    pub records: Vec<String>,
    pub status: Status,
    pub error: Option<String>,
    pub reply: Option<Reply>,
    /// Batches that were made durable.
    pub steps: usize,
    /// Addresses that were called, in order.
    pub calls: Vec<String>,
    /// Its history.
    pub chunks: Vec<Vec<u8>>,
    pub payloads: Payloads,
}

/// Loads a definition that must have no errors.
pub fn flow_of(definition: &[u8]) -> Arc<Flow> {
    let report = load(definition, &LoadOptions::default());
    let loaded = report.loaded.unwrap_or_else(|| panic!("{:#?}", report.problems));
    Arc::new(loaded.flow)
}

/// A flow of actions behind a Request trigger.
pub fn flow_of_actions(actions: &str) -> Arc<Flow> {
    let text = format!(r#"{{"triggers": {{"t": {{"type": "Request"}}}}, "actions": {actions}}}"#);
    flow_of(text.as_bytes())
}

pub fn info() -> Arc<FlowInfo> {
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
}

/// Plays a run with a script in all modes; they must agree.
pub fn play_all(flow: &Arc<Flow>, script: &Script) -> Played {
    let live = play(flow, script, Mode::Live);
    for mode in MODES {
        assert_same(&live, &play(flow, script, mode), mode);
    }
    live
}

/// Two modes came to the same history.
pub fn assert_same(live: &Played, other: &Played, mode: Mode) {
    if live.log != other.log {
        let (a, b) = (live.log.lines(), other.log.lines());
        let differs = a.zip(b).find(|(a, b)| a != b);
        panic!("{mode:?} has another log: {differs:#?}\n{}\n---\n{}", live.log, other.log);
    }
    assert_eq!(live.records, other.records, "{mode:?} has other records");
    assert_eq!(live.reply, other.reply, "{mode:?} has another reply");
    assert_eq!(live.status, other.status, "{mode:?} has another status");
}

/// Plays a run with the trigger's outputs as the script gives them.
pub fn play(flow: &Arc<Flow>, script: &Script, mode: Mode) -> Played {
    play_started(flow, script, &script.trigger, 0, mode)
}

/// Plays one of the runs that a trigger started.
pub fn play_started(
    flow: &Arc<Flow>,
    script: &Script,
    outputs: &Value,
    number: u32,
    mode: Mode,
) -> Played {
    let id = ProcessId::new(BEGIN, Partition(7), 42 + number);
    World::new(flow, script, id, mode).play(outputs)
}

/// Plays a run that goes on, an hour later, where another one ended.
pub fn resume(
    flow: &Arc<Flow>,
    before: (&Arc<Flow>, &Played),
    script: &Script,
    mode: Mode,
) -> Played {
    let past = past_of(before);
    let outputs = past.trigger.as_ref().map(|trigger| trigger.outputs.clone());
    let begin = BEGIN + 3_600 * SECOND;
    let id = ProcessId::new(begin, Partition(7), 77);
    let mut world = World::new(flow, script, id, mode);
    (world.now, world.past) = (begin, Some(past));
    world.play(&outputs.unwrap_or_default())
}

/// The same in all modes; they must agree.
pub fn resume_all(flow: &Arc<Flow>, before: (&Arc<Flow>, &Played), script: &Script) -> Played {
    let live = resume(flow, before, script, Mode::Live);
    for mode in MODES {
        assert_same(&live, &resume(flow, before, script, mode), mode);
    }
    live
}

/// What a run did, read from its history.
pub fn past_of((flow, played): (&Arc<Flow>, &Played)) -> Past {
    let id = ProcessId::new(BEGIN, Partition(7), 42);
    let mut past = Past::new(Arc::clone(flow), id);
    for chunk in &played.chunks {
        past.read(chunk, &played.payloads).expect("a chunk");
    }
    past
}

struct World {
    flow: Arc<Flow>,
    info: Arc<FlowInfo>,
    script: Script,
    mode: Mode,
    id: ProcessId,
    now: Ticks,
    store: Store,
    checker: Checker,
    history: History,
    /// What will be delivered: when, in which order, and what.
    queue: Vec<(Ticks, u64, Input)>,
    order: u64,
    inbox: i64,
    /// Effects that left and whose end is not recorded.
    under_way: Vec<Effect>,
    reply: Option<Reply>,
    steps: usize,
    calls: Vec<String>,
    /// The run that it goes on from.
    past: Option<Past>,
}

impl World {
    fn new(flow: &Arc<Flow>, script: &Script, id: ProcessId, mode: Mode) -> World {
        World {
            flow: Arc::clone(flow),
            info: info(),
            script: script.clone(),
            mode,
            id,
            now: BEGIN,
            store: Store::default(),
            checker: Checker::new(Arc::clone(flow)),
            history: History::new(Arc::clone(flow), id, script.brief),
            queue: Vec::new(),
            order: 0,
            inbox: 0,
            under_way: Vec::new(),
            reply: None,
            steps: 0,
            calls: Vec::new(),
            past: None,
        }
    }

    fn play(mut self, outputs: &Value) -> Played {
        if let Some(at) = self.script.release {
            self.queue(at, Input::Release);
        }
        if let Some(at) = self.script.cancel {
            self.inbox += 1;
            let inbox = Some(self.inbox);
            self.queue(at, Input::Cancel { inbox });
        }
        let (mut run, mut steps) = self.start(outputs);
        if self.mode == Mode::Crash {
            (run, _) = self.start(outputs);
        }
        let step = steps.pop().expect("a step");
        for part in steps {
            // they become durable together with the step
            self.checker.part(&part);
            self.store.commit(&part.batch);
            self.history.chunk(&part.batch, &self.store);
        }
        self.history.step(self.now, "start");
        let mut run = self.take(run, &step);
        let mut more = step.more;
        loop {
            let due = if more { Some(self.now) } else { run.due() };
            let Some(input) = self.next(more, due) else { break };
            let step = self.handle(&mut run, &input);
            self.steps += 1;
            assert!(self.steps < STEPS_MAX, "the run does not end");
            let is_wakeup = matches!(input, Input::Due);
            assert!(!is_wakeup || !step.changes_nothing(), "the run was woken for nothing");
            more = step.more;
            if !matches!(input, Input::Continue) {
                self.history.step(self.now, &described(&input));
            }
            run = self.take(run, &step);
            if self.mode == Mode::Crash && !more {
                self.deliver_again(&mut run, &input);
            }
        }
        self.ended(&run)
    }

    fn ended(self, run: &Run) -> Played {
        self.checker.ended(run.status());
        let status = run.status();
        let (records, log, error) = self.history.finish(status);
        let steps = self.store.chunks.len();
        let Store { chunks, payloads, .. } = self.store;
        let (reply, calls) = (self.reply, self.calls);
        Played { log, records, status, error, reply, steps, calls, chunks, payloads }
    }

    fn queue(&mut self, after: Ticks, input: Input) {
        self.order += 1;
        self.queue.push((self.now + after, self.order, input));
        self.queue.sort_by_key(|(at, order, _)| (*at, *order));
    }

    /// What happens next; moves the clock.
    fn next(&mut self, more: bool, due: Option<Ticks>) -> Option<Input> {
        let queued = self.queue.first().map(|(at, ..)| *at);
        let is_between = self.script.is_eager && queued.is_some_and(|at| at <= self.now);
        if more && !is_between {
            return Some(Input::Continue);
        }
        match (queued, due) {
            (Some(at), due) if due.is_none_or(|due| at <= due) => {
                self.now = self.now.max(at);
                Some(self.queue.remove(0).2)
            }
            (_, Some(due)) => {
                self.now = self.now.max(due);
                Some(Input::Due)
            }
            _ => None,
        }
    }

    /// Steps at one time get one seed, so that it does not matter how work is divided.
    fn moment(&self) -> Moment {
        Moment { now: self.now, seed: self.now as u64 ^ 0x5eed }
    }

    fn start(&self, outputs: &Value) -> (Run, Vec<Step>) {
        let caller = match self.script.caller.as_str() {
            "request" => Caller::Request { deadline: BEGIN + self.script.deadline },
            "parent" => {
                let process = ProcessId::new(BEGIN - SECOND, Partition(7), 1);
                Caller::Parent { process, effect: 9 }
            }
            _ => Caller::Nobody,
        };
        let trigger = self.flow.triggers.first().map(|it| it.name.clone()).expect("a trigger");
        let request = StartRequest {
            id: self.id,
            flow: Arc::clone(&self.flow),
            info: Arc::clone(&self.info),
            trigger: &trigger,
            outputs: outputs.clone(),
            raw_body: None,
            scheduled: None,
            client_tracking_id: self.script.tracking.clone(),
            origin: None,
            caller,
            start_key: None,
            parameters: expr::Object::new(),
            invoker: expr::Value::Null,
            is_held: self.script.release.is_some(),
        };
        match &self.past {
            None => {
                let (run, step) = Run::start(request, self.moment()).expect("a trigger");
                (run, vec![step])
            }
            Some(past) => Run::resume(request, past, self.moment()).expect("it can go on"),
        }
    }

    fn load(&self) -> Run {
        self.store.load(&self.flow, &self.info, self.id)
    }

    fn handle(&self, run: &mut Run, input: &Input) -> Step {
        if self.mode != Mode::Crash {
            return run.handle(input.clone(), self.moment());
        }
        let lost = run.handle(input.clone(), self.moment());
        *run = self.load();
        let step = run.handle(input.clone(), self.moment());
        assert_eq!(lost.batch.chunk, step.batch.chunk, "the repeated step is another");
        assert_eq!(lost.effects, step.effects, "the repeated step has other effects");
        assert_eq!(lost.batch.effects_done, step.batch.effects_done);
        assert_eq!(lost.batch.messages, step.batch.messages);
        assert_eq!(lost.reply, step.reply);
        step
    }

    /// What was delivered before changes nothing.
    fn deliver_again(&self, run: &mut Run, input: &Input) {
        if matches!(input, Input::Result { .. } | Input::Reply { .. } | Input::Release) {
            let step = run.handle(input.clone(), self.moment());
            assert_eq!(step.batch.events, 0, "a repeated input took effect: {input:?}");
            *run = self.load();
        }
    }

    /// Makes a step durable and does what it asks for; gives the run to go on with.
    fn take(&mut self, run: Run, step: &Step) -> Run {
        self.checker.step(step, run.due());
        self.store.commit(&step.batch);
        self.history.chunk(&step.batch, &self.store);
        let done = &step.batch.effects_done;
        self.under_way.retain(|effect| !done.contains(&effect.id));
        for effect in &step.effects {
            self.history.effect(effect);
            if let Request::Http(call) = &effect.request {
                self.calls.push(call.uri.to_string());
            }
            self.under_way.push(effect.clone());
            self.answer(effect);
        }
        for message in &step.batch.messages {
            self.history.message(message);
            if message.kind == MessageKind::Cancel {
                let is_child = |it: &Effect| match &it.request {
                    Request::Child(call) => call.child == message.to,
                    Request::Subscribe(call) => call.process == message.to,
                    Request::Http(_) | Request::Connector(_) => false,
                };
                assert!(!step.effects.iter().any(is_child), "a child is started and cancelled");
            }
        }
        if let Some(reply) = &step.reply {
            self.history.reply(reply);
            assert!(self.reply.is_none(), "a caller was answered twice");
            self.reply = Some(reply.clone());
        }
        let loaded = self.load();
        assert_eq!(run.status(), loaded.status(), "the loaded run has another status");
        if step.batch.standing == Standing::Final {
            return run;
        }
        assert_eq!(run.due(), loaded.due(), "the loaded run is due at another time");
        assert_eq!(run.is_answered_soon(), loaded.is_answered_soon());
        let calls = |run: &Run| {
            let mut calls = run.calls_under_way();
            calls.sort_by_key(|effect| effect.id);
            calls
        };
        self.under_way.sort_by_key(|effect| effect.id);
        assert_eq!(calls(&run), self.under_way, "other calls are under way");
        assert_eq!(calls(&loaded), self.under_way, "the loaded run has other calls under way");
        match self.mode {
            Mode::Live => run,
            Mode::Reload | Mode::Crash => loaded,
            Mode::Snapshot if step.more => run,
            Mode::Snapshot => {
                let loaded = self.store.load_snapshot(&run, self.now, &self.flow, &self.info);
                assert_eq!(run.due(), loaded.due(), "the snapshot is due at another time");
                assert_eq!(calls(&loaded), self.under_way, "the snapshot has other calls");
                loaded
            }
        }
    }

    fn answer(&mut self, effect: &Effect) {
        let Answer { after, kind } = self.script.answer(effect);
        let is_child = matches!(effect.request, Request::Child(_));
        let input = match kind {
            AnswerKind::Never => return,
            AnswerKind::Answer(outputs) if is_child => {
                self.inbox += 1;
                Input::Reply { inbox: self.inbox, effect: effect.id, outputs }
            }
            AnswerKind::Answer(answer) if matches!(effect.request, Request::Subscribe(_)) => {
                self.inbox += 1;
                let is_fine = answer.get("statusCode").and_then(Value::as_int) == Some(200);
                let outputs = match is_fine {
                    true => flow::run::connector::called_back(answer),
                    false => flow::run::connector::refused(answer),
                };
                Input::Reply { inbox: self.inbox, effect: effect.id, outputs }
            }
            AnswerKind::Answer(answer) => result(effect, CallResult::Answer(answer)),
            AnswerKind::Failure { code, message, is_retryable } => {
                result(effect, CallResult::Failure { code, message, is_retryable })
            }
            AnswerKind::Unknown => result(effect, CallResult::Unknown),
        };
        self.queue(after, input);
    }
}

fn result(effect: &Effect, result: CallResult) -> Input {
    Input::Result { effect: effect.id, attempt: effect.attempt, result }
}

fn described(input: &Input) -> String {
    match input {
        Input::Continue => "continue".to_owned(),
        Input::Due => "due".to_owned(),
        Input::Result { effect, attempt, .. } => format!("result of {effect}/{attempt}"),
        Input::Reply { effect, .. } => format!("reply to {effect}"),
        Input::Release => "release".to_owned(),
        Input::Cancel { .. } => "cancel".to_owned(),
        Input::Arrived { .. } => "arrived".to_owned(),
    }
}

/// Values of tests, written as JSON.
pub fn json(text: &str) -> Value {
    expr::json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}
