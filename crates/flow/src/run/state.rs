//! The state of a run: what is folded from its events.
//!
//! Actions of one iteration lie side by side in a [`Frame`]; the root frame holds
//! those outside loops. A frame of a finished iteration stays only as the loop's last.

use super::event::SkipReason;
use super::page::Pages;
use super::status::{ErrorInfo, Status};
use crate::definition::{ActionId, Flow, ROOT_SHAPE, ShapeId};
use durable::{ProcessId, Ticks};
use expr::{Str, Value};
use std::collections::VecDeque;
use std::sync::Arc;

/// Position of a frame in [`Frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameId(pub u32);

/// The frame of actions outside loops.
pub const ROOT_FRAME: FrameId = FrameId(0);

/// Everything a run is, besides its definition.
#[derive(Debug)]
pub struct State {
    pub trigger: TriggerRun,
    pub caller: Caller,
    /// An object with values of parameters that are the run's own; else null.
    pub parameters: Value,
    /// Who invoked it, an object whose meaning is the caller's of [`super::Run::start`]; else
    /// null.
    pub invoker: Value,
    /// Its client tracking id is its own name.
    pub is_tracked_by_name: bool,
    pub variables: Vec<Option<Value>>,
    pub frames: Frames,
    /// Number of the last event.
    pub seq: u64,
    pub status: Status,
    pub code: Str,
    pub error: Option<ErrorInfo>,
    pub outputs: Value,
    pub end: Option<Ticks>,
    /// The number the next effect gets.
    pub next_effect: u64,
    /// Actions that wait for something, in the order they began to.
    pub parked: Vec<(FrameId, ActionId)>,
    pub responded: bool,
    /// The run is being ended before its actions are over: nothing follows from theirs.
    pub is_closing: bool,
    /// What it has from the run that it goes on from is being carried over.
    pub is_resuming: bool,
    /// Actions of iterations that were set aside and are not over: counted while carrying over.
    pub aside_slots: usize,
}

/// The trigger's part of a run.
#[derive(Clone, Debug, Default)]
pub struct TriggerRun {
    pub name: Str,
    pub inputs: Value,
    /// An object, or null when the trigger has none.
    pub outputs: Value,
    pub start: Ticks,
    pub scheduled: Option<Ticks>,
    pub client_tracking_id: Str,
    /// The run that this one repeats, by name.
    pub origin: Option<Str>,
}

impl TriggerRun {
    /// Fills in what a stored start does not repeat: the inputs are the definition's, and
    /// a run that nobody tracks otherwise is tracked by its name.
    pub fn complete(&mut self, flow: &Flow, run: ProcessId) {
        if let Some(inputs) = flow.find_trigger(&self.name).and_then(|it| it.inputs.clone()) {
            self.inputs = inputs;
        }
        if self.client_tracking_id.is_empty() {
            self.client_tracking_id = run.run_name().into();
        }
    }
}

/// Who waits for a Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    /// A request that waits until the deadline.
    Request {
        deadline: Ticks,
    },
    /// A run that called this one by its effect.
    Parent {
        process: ProcessId,
        effect: u64,
    },
}

/// One iteration.
#[derive(Debug)]
pub struct Frame {
    pub shape: ShapeId,
    /// The frame around it; its own id for the root.
    pub parent: FrameId,
    /// Number of the iteration.
    pub index: u32,
    /// The current item of a Foreach.
    pub item: Value,
    pub slots: Vec<Slot>,
    /// Actions of its outermost block that are not final.
    pub open: u32,
    /// It was begun by another run, and waits until its loop has room for it.
    pub is_aside: bool,
}

/// Where one action of an iteration stands.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    pub status: Status,
    /// Predecessors that are not final.
    pub waiting: u32,
    /// Of a container: actions of its chosen block that are not final.
    pub open: u32,
    /// Of an If (0, 1) or a Switch (the case's number, or one beyond the last for
    /// the default): the chosen block.
    pub branch: u32,
    pub started: Ticks,
    pub ended: Ticks,
    pub code: Str,
    pub inputs: Value,
    pub outputs: Value,
    pub error: Option<Box<ErrorInfo>>,
    /// Why it was skipped; the error is put into words when somebody reads it.
    pub skip: Option<SkipReason>,
    pub tracked: Option<Box<Value>>,
    /// Of a loop.
    pub iteration: Option<Box<LoopState>>,
    /// Of an action that waits.
    pub pending: Option<Box<Pending>>,
}

/// How far a loop has come.
#[derive(Debug, Default)]
pub struct LoopState {
    /// Foreach: what it goes over.
    pub items: Arc<Vec<Value>>,
    pub next: u32,
    /// Frames of the iterations under way.
    pub running: Vec<FrameId>,
    /// Those that another run began and did not finish, by their numbers: they go on before
    /// the next one begins.
    pub aside: VecDeque<FrameId>,
    /// The status the loop has so far: of a Foreach the worst, of an Until the last.
    pub status: Status,
    pub last: Option<Box<Frame>>,
    /// Records of finished iterations, when `result()` asks for them.
    pub kept: Vec<Value>,
    /// Until: iterations at most, and when it began to be too late.
    pub count_max: u32,
    pub deadline: Ticks,
}

impl LoopState {
    /// True when there is an iteration that has not gone on.
    #[must_use]
    pub fn is_left(&self) -> bool {
        (self.next as usize) < self.items.len() || !self.aside.is_empty()
    }
}

impl Clone for LoopState {
    /// Only fresh slots are cloned, and they have no loop under way.
    fn clone(&self) -> Self {
        LoopState::default()
    }
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub effect: u64,
    pub attempt: u32,
    pub polls: u32,
    pub stage: Stage,
    /// When the present attempt began.
    pub called: Ticks,
    /// When `limit.timeout` runs out.
    pub timeout: Option<Ticks>,
    /// The pages that it has of a list.
    pub pages: Option<Box<Pages>>,
}

/// How far a waiting action has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// A timer of the definition.
    Timer { due: Ticks },
    /// The call is intended or under way.
    Called,
    /// The call failed and is repeated at a time; with `poll`, it asked for the status there.
    Retrying { due: Ticks, poll: Option<Str> },
    /// The other side answered 202: its status is asked for at a time.
    Polling { due: Ticks, location: Str },
    /// The status is being asked for, or the next page.
    Polled { location: Str },
}

impl Pending {
    /// The next moment at which something happens by itself.
    #[must_use]
    pub fn due(&self) -> Option<Ticks> {
        let due = match &self.stage {
            Stage::Timer { due } | Stage::Retrying { due, .. } | Stage::Polling { due, .. } => {
                Some(*due)
            }
            Stage::Called | Stage::Polled { .. } => None,
        };
        match (due, self.timeout) {
            (Some(due), Some(timeout)) => Some(due.min(timeout)),
            (due, timeout) => due.or(timeout),
        }
    }

    #[must_use]
    pub fn is_called(&self) -> bool {
        matches!(self.stage, Stage::Called | Stage::Polled { .. })
    }
}

/// Frames by id; freed ids are used again.
#[derive(Debug, Default)]
pub struct Frames {
    frames: Vec<Option<Box<Frame>>>,
    free: Vec<u32>,
}

impl Frames {
    pub fn add(&mut self, frame: Box<Frame>) -> FrameId {
        if let Some(id) = self.free.pop() {
            self.frames[id as usize] = Some(frame);
            return FrameId(id);
        }
        self.frames.push(Some(frame));
        FrameId(self.frames.len() as u32 - 1)
    }

    pub fn remove(&mut self, id: FrameId) -> Option<Box<Frame>> {
        let frame = self.frames.get_mut(id.0 as usize)?.take();
        if frame.is_some() {
            self.free.push(id.0);
        }
        frame
    }

    #[must_use]
    pub fn get(&self, id: FrameId) -> &Frame {
        self.frames[id.0 as usize].as_deref().expect("a frame that is referred to is there")
    }

    pub fn get_mut(&mut self, id: FrameId) -> &mut Frame {
        self.frames[id.0 as usize].as_deref_mut().expect("a frame that is referred to is there")
    }

    /// Ids of the frames that are there.
    pub fn ids(&self) -> impl Iterator<Item = FrameId> {
        self.frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.is_some())
            .map(|(at, _)| FrameId(at as u32))
    }
}

impl Frame {
    /// A frame whose actions have not started. `reuse` gives its memory.
    #[must_use]
    pub fn fresh(
        flow: &Flow,
        shape: ShapeId,
        parent: FrameId,
        reuse: Option<Box<Frame>>,
    ) -> Box<Frame> {
        let mut frame = reuse.unwrap_or_else(|| {
            Box::new(Frame {
                shape,
                parent,
                index: 0,
                item: Value::Null,
                slots: Vec::new(),
                open: 0,
                is_aside: false,
            })
        });
        frame.shape = shape;
        frame.parent = parent;
        frame.is_aside = false;
        frame.slots.clear();
        frame.slots.extend(flow.shape(shape).actions.iter().map(|action| Slot {
            waiting: flow.action(*action).run_after.len() as u32,
            ..Slot::default()
        }));
        frame
    }
}

impl State {
    #[must_use]
    pub fn new(flow: &Flow) -> State {
        let mut frames = Frames::default();
        let mut root = Frame::fresh(flow, ROOT_SHAPE, ROOT_FRAME, None);
        root.open = flow.block(crate::definition::ROOT_BLOCK).actions.len() as u32;
        frames.add(root);
        State {
            trigger: TriggerRun::default(),
            caller: Caller::Nobody,
            parameters: Value::Null,
            invoker: Value::Null,
            is_tracked_by_name: false,
            variables: vec![None; flow.variables.len()],
            frames,
            seq: 0,
            status: Status::Running,
            code: Str::new(),
            error: None,
            outputs: Value::Null,
            end: None,
            next_effect: 1,
            parked: Vec::new(),
            responded: false,
            is_closing: false,
            is_resuming: false,
            aside_slots: 0,
        }
    }

    #[must_use]
    pub fn slot(&self, flow: &Flow, frame: FrameId, action: ActionId) -> &Slot {
        &self.frames.get(frame).slots[flow.action(action).slot as usize]
    }

    pub fn slot_mut(&mut self, flow: &Flow, frame: FrameId, action: ActionId) -> &mut Slot {
        &mut self.frames.get_mut(frame).slots[flow.action(action).slot as usize]
    }

    /// Iteration numbers from the outermost loop to the frame.
    #[must_use]
    pub fn path(&self, flow: &Flow, frame: FrameId) -> Path {
        let mut path = Path::default();
        let mut at = frame;
        while at != ROOT_FRAME {
            let frame = self.frames.get(at);
            path.push_outer(frame.index);
            at = frame.parent;
        }
        debug_assert_eq!(path.len(), flow.shape(self.frames.get(frame).shape).depth as usize);
        path
    }

    /// Frames by their iteration numbers, outer ones first: an order that does not depend
    /// on how the run came to its state.
    #[must_use]
    pub fn frames_in_order(&self, flow: &Flow) -> Vec<FrameId> {
        let mut frames: Vec<FrameId> = self.frames.ids().collect();
        frames.sort_by_cached_key(|frame| {
            let path: Vec<u32> = self.path(flow, *frame).iter().collect();
            (path, self.frames.get(*frame).shape)
        });
        frames
    }

    /// When the run has something to do by itself.
    #[must_use]
    pub fn due(&self, flow: &Flow) -> Option<Ticks> {
        self.parked
            .iter()
            .filter_map(|(frame, action)| self.slot(flow, *frame, *action).pending.as_ref()?.due())
            .min()
    }
}

/// Numbers of the iterations around an action, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    reversed: [u32; 4],
    length: u8,
    /// Beyond four loops, rare: innermost first, after `reversed`.
    more: Vec<u32>,
}

impl Path {
    pub fn push_outer(&mut self, index: u32) {
        match self.reversed.get_mut(usize::from(self.length)) {
            Some(place) => *place = index,
            None => self.more.push(index),
        }
        self.length += 1;
    }

    #[must_use]
    pub fn from_outermost(indexes: &[u32]) -> Path {
        let mut path = Path::default();
        for index in indexes.iter().rev() {
            path.push_outer(*index);
        }
        path
    }

    /// Without the innermost iteration, and that one's number.
    #[must_use]
    pub fn split_inner(&self) -> Option<(Path, u32)> {
        let indexes: Vec<u32> = self.iter().collect();
        let (inner, outer) = indexes.split_last()?;
        Some((Path::from_outermost(outer), *inner))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The path of an iteration within this one.
    #[must_use]
    pub fn inner(&self, index: u32) -> Path {
        let indexes: Vec<u32> = self.iter().chain([index]).collect();
        Path::from_outermost(&indexes)
    }

    /// Outermost first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).rev().map(|at| match self.reversed.get(at) {
            Some(index) => *index,
            None => self.more[at - self.reversed.len()],
        })
    }
}
