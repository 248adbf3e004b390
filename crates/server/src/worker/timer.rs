//! Wakeups: the next minute in memory, the rest in the store.

use super::Engine;
use crate::clock::SECOND;
use crate::limits::{TIMER_HORIZON_SECONDS, TIMERS_HELD_MAX, WAKING_PROCESSES_MAX};
use durable::{ProcessId, ProcessKind, Ticks};
use flow::run::Input;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

/// What a wakeup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wakes {
    Run,
    Trigger,
}

/// The wakeups in memory.
#[derive(Default)]
pub struct Timers {
    held: Mutex<BTreeSet<(Ticks, ProcessId, Wakes)>>,
    changed: Notify,
}

impl Timers {
    /// Notes a wakeup when it is near; later ones are found in the store in time.
    pub fn schedule(&self, due: Ticks, process: ProcessId, now: Ticks) {
        self.hold((due, process, Wakes::Run), now);
    }

    /// The same for the state of a trigger.
    pub fn schedule_trigger(&self, due: Ticks, process: ProcessId, now: Ticks) {
        self.hold((due, process, Wakes::Trigger), now);
    }

    fn hold(&self, entry: (Ticks, ProcessId, Wakes), now: Ticks) {
        if entry.0 > now + TIMER_HORIZON_SECONDS * SECOND {
            return;
        }
        let is_first = {
            let mut held = self.held.lock();
            if held.len() >= TIMERS_HELD_MAX {
                return;
            }
            held.insert(entry);
            held.first() == Some(&entry)
        };
        if is_first {
            self.changed.notify_one();
        }
    }

    fn take_due(&self, now: Ticks) -> (Vec<(ProcessId, Wakes)>, Option<Ticks>) {
        let mut held = self.held.lock();
        let mut due = Vec::new();
        while let Some(first) = held.first().copied() {
            if first.0 > now || due.len() >= WAKING_PROCESSES_MAX {
                break;
            }
            held.remove(&first);
            due.push((first.1, first.2));
        }
        (due, held.first().map(|first| first.0))
    }
}

impl Engine {
    /// Wakes processes when their time comes, until the server goes down.
    pub async fn run_timers(self: Arc<Self>) {
        let mut next_read = 0;
        while !self.closing.load(Ordering::Relaxed) {
            let now = self.clock.now();
            // a clock that was set back must not put the next look far off
            if now >= next_read || next_read > now + TIMER_HORIZON_SECONDS * SECOND {
                // a third of the horizon: nothing due is ever missing from memory
                next_read = now + TIMER_HORIZON_SECONDS * SECOND / 3;
                if let Err(error) = self.read_due(now).await {
                    tracing::warn!(%error, "due wakeups cannot be read");
                    next_read = now + SECOND;
                }
            }
            let (due, next) = self.timers.take_due(self.clock.now());
            for (process, wakes) in due {
                match wakes {
                    Wakes::Run => self.deliver(process, Input::Due),
                    Wakes::Trigger => {
                        let engine = Arc::clone(&self);
                        tokio::spawn(async move { engine.fire_recurrence(process).await });
                    }
                }
            }
            if self.load().1 >= WAKING_PROCESSES_MAX {
                // those that are awake go first
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            let until = next.unwrap_or(next_read).min(next_read) - self.clock.now();
            let pause = Duration::from_nanos(until.max(0) as u64 * 100);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.timers.changed.notified() => {}
            }
        }
    }

    /// Stops the timers.
    pub fn stop_timers(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.timers.changed.notify_one();
    }

    async fn read_due(&self, now: Ticks) -> Result<(), store::StoreError> {
        let before = now + TIMER_HORIZON_SECONDS * SECOND;
        let rows = self.store.due(before, TIMERS_HELD_MAX).await?;
        for row in rows {
            let Some(due) = row.due else { continue };
            match row.kind {
                ProcessKind::Trigger => self.timers.schedule_trigger(due, row.id, now),
                // a run that is due and being stepped is on its way already
                ProcessKind::Run if due > now || !self.is_stepping(row.id) => {
                    self.timers.schedule(due, row.id, now);
                }
                ProcessKind::Run => {}
            }
        }
        Ok(())
    }
}
