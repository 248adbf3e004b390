//! Wakeups: the next minute in memory, the rest in the store.
//!
//! Few processes are woken at a time, each flow in its turn: the clock's work neither
//! fills memory nor delays what comes from outside.

use super::Engine;
use crate::clock::SECOND;
use crate::limits::{
    TIMER_HORIZON_SECONDS, TIMERS_HELD_LOW, TIMERS_HELD_MAX, TIMERS_HELD_PER_FLOW_MAX,
    WAKING_PROCESSES_MAX,
};
use durable::wakeup::{Held, Lane, Wakeups};
use durable::{ProcessId, ProcessKind, Ticks};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What a wakeup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wakes {
    Run,
    Trigger,
}

/// The wakeups in memory.
pub struct Timers {
    held: Mutex<Wakeups<Wakes>>,
    changed: Notify,
    /// The store is to be read now.
    is_stale: AtomicBool,
    /// Triggers that are firing.
    firing: AtomicUsize,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            held: Mutex::new(Wakeups::new(TIMERS_HELD_MAX, TIMERS_HELD_PER_FLOW_MAX)),
            changed: Notify::new(),
            is_stale: AtomicBool::new(false),
            firing: AtomicUsize::new(0),
        }
    }
}

impl Timers {
    fn hold(&self, lane: Lane, due: Ticks, process: ProcessId, wakes: Wakes) {
        match self.held.lock().hold(lane, due, process, wakes) {
            Held::First => self.changed.notify_one(),
            // what is refused is found when there is room again
            Held::Later | Held::Refused => {}
        }
    }

    /// Something that was woken has come to rest.
    pub fn wake_more(&self) {
        self.changed.notify_one();
    }

    /// Partitions were taken: what is near in them is not held yet.
    pub fn read_again(&self) {
        self.is_stale.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    fn wants_reading(&self, now: Ticks, next_read: Ticks) -> bool {
        let is_short = self.held.lock().is_short(TIMERS_HELD_LOW);
        // a clock that was set back must not put the next look far off
        now >= next_read
            || next_read > now + TIMER_HORIZON_SECONDS * SECOND
            || self.is_stale.load(Ordering::Acquire)
            || is_short
    }
}

impl Engine {
    /// Notes the wakeup of a run when it is near; later ones are found in the store in time.
    pub(super) fn schedule(&self, due: Ticks, process: ProcessId, workflow: i64) {
        self.schedule_as(due, process, workflow, Wakes::Run);
    }

    /// The same for the state of a trigger.
    pub(super) fn schedule_trigger(&self, due: Ticks, process: ProcessId, workflow: i64) {
        self.schedule_as(due, process, workflow, Wakes::Trigger);
    }

    fn schedule_as(&self, due: Ticks, process: ProcessId, workflow: i64, wakes: Wakes) {
        if due > self.clock.now() + TIMER_HORIZON_SECONDS * SECOND {
            return;
        }
        self.timers.hold(self.lane(workflow), due, process, wakes);
    }

    fn lane(&self, workflow: i64) -> Lane {
        Lane { environment: self.catalog.environment_number(workflow), flow: workflow }
    }

    /// Wakes processes when their time comes, until the server goes down.
    pub async fn run_timers(self: Arc<Self>) {
        let mut next_read = 0;
        while !self.closing.load(Ordering::Relaxed) {
            let now = self.clock.now();
            if !self.is_paused() && self.timers.wants_reading(now, next_read) {
                // a third of the horizon: nothing due is ever missing from memory
                next_read = now + TIMER_HORIZON_SECONDS * SECOND / 3;
                if let Err(error) = self.read_due(now).await {
                    tracing::warn!(%error, "due wakeups cannot be read");
                    next_read = now + SECOND;
                }
            }
            let next = self.wake_due();
            let until = next.unwrap_or(next_read).min(next_read) - self.clock.now();
            let pause = Duration::from_nanos(until.max(0) as u64 * 100);
            tokio::select! {
                biased;
                () = self.timers.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Wakes what is due, as far as there is room; answers when to look again: `None` when
    /// something that rests will say so.
    fn wake_due(self: &Arc<Self>) -> Option<Ticks> {
        let woken = self.partition.lock().woken() + self.timers.firing.load(Ordering::Relaxed);
        let room = WAKING_PROCESSES_MAX.saturating_sub(woken);
        if room == 0 || self.is_paused() {
            return None;
        }
        let due = self.timers.held.lock().take(self.clock.now(), room);
        let is_full = due.len() == room;
        for (process, wakes) in due {
            match wakes {
                Wakes::Run => self.wake(process),
                Wakes::Trigger => self.fire(process),
            }
        }
        if is_full { None } else { self.timers.held.lock().next() }
    }

    pub(super) fn fire(self: &Arc<Self>, process: ProcessId) {
        self.timers.firing.fetch_add(1, Ordering::Relaxed);
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            Arc::clone(&engine).watch_over(process).await;
            engine.timers.firing.fetch_sub(1, Ordering::Relaxed);
            engine.timers.wake_more();
        });
    }

    /// Stops the timers.
    pub fn stop_timers(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.timers.changed.notify_one();
    }

    async fn read_due(&self, now: Ticks) -> Result<(), store::StoreError> {
        self.timers.is_stale.store(false, Ordering::Release);
        self.timers.held.lock().forget_cuts();
        let before = now + TIMER_HORIZON_SECONDS * SECOND;
        let rows = self.store.due(self.ownership.held(), before, TIMERS_HELD_MAX).await?;
        let has_more = rows.len() >= TIMERS_HELD_MAX;
        for row in rows {
            let Some(due) = row.due else { continue };
            self.catalog.learn_environment(row.workflow).await?;
            if has_more {
                self.timers.held.lock().cut(self.lane(row.workflow));
            }
            match row.kind {
                ProcessKind::Trigger => self.schedule_trigger(due, row.id, row.workflow),
                // a run that is due and being stepped is on its way already
                ProcessKind::Run if due > now || !self.is_stepping(row.id) => {
                    self.schedule(due, row.id, row.workflow);
                }
                ProcessKind::Run => {}
            }
        }
        Ok(())
    }
}
