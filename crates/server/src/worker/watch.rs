//! Who watches a run learns that it moved; what happened is read from the store.

use crate::limits::WATCHER_EVENTS_MAX;
use durable::ProcessId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::broadcast;

/// Watchers by run.
#[derive(Default)]
pub struct Watchers {
    channels: Mutex<HashMap<ProcessId, broadcast::Sender<()>>>,
    /// Kept beside the map, so that runs nobody watches cost one load.
    count: AtomicUsize,
}

impl Watchers {
    /// Hears of a run from now on.
    pub fn watch(&self, run: ProcessId) -> broadcast::Receiver<()> {
        let mut channels = self.channels.lock();
        channels.retain(|_, sender| sender.receiver_count() > 0);
        let sender =
            channels.entry(run).or_insert_with(|| broadcast::channel(WATCHER_EVENTS_MAX).0);
        let receiver = sender.subscribe();
        self.count.store(channels.len(), Ordering::Release);
        receiver
    }

    /// The server goes down: who watches is let go, and looks again at the next start.
    pub fn close(&self) {
        self.channels.lock().clear();
    }

    /// A run has moved.
    pub fn publish(&self, run: ProcessId) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(sender) = self.channels.lock().get(&run) {
            // nobody may be left: then there is nothing to tell
            let _ = sender.send(());
        }
    }
}
