//! A paused server: nothing moves by itself until it is resumed. Runs can be cancelled, and
//! released one by one.

use super::Engine;
use crate::limits::RELEASED_LOOK_EVERY;
use crate::open::{PAUSED, is_marked_paused};
use durable::{InboxRow, MessageKind, ProcessId};
use flow::run::{Input, Status};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{RunRow, StoreError};

impl Engine {
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Lets everything move.
    pub async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.paused.swap(false, Ordering::AcqRel) {
            tracing::info!("going on after a pause");
            self.released.lock().clear();
            if let Err(error) = self.take_up_all().await {
                // what was not taken up would rest until the next start
                self.paused.store(true, Ordering::Release);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Lets everything move, here and on the other nodes.
    pub async fn resume_all(self: &Arc<Self>) -> Result<(), StoreError> {
        // without the mark, other nodes and the next start go on
        self.store.set_setting(PAUSED, b"").await?;
        self.resume().await
    }

    /// Goes on when somebody has resumed the servers of this store.
    pub(super) async fn notice_resumption(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.is_paused() && !is_marked_paused(&*self.store).await? {
            self.resume().await?;
        }
        Ok(())
    }

    /// Whether a message may move its process now: while the server is paused, what a
    /// cancelled run tells its caller must not.
    pub(super) fn may_move(&self, row: &InboxRow) -> bool {
        !self.is_paused()
            || row.message.kind == MessageKind::Cancel
            || self.released.lock().contains(&row.message.to)
    }

    /// Lets one run go on that this node holds, although the server is paused.
    pub fn release_run(self: &Arc<Self>, run: &RunRow) {
        if !self.is_paused() || !self.released.lock().insert(run.id) {
            return;
        }
        if run.status == Status::Waiting as u8 {
            self.deliver(run.id, Input::Release);
        }
        self.take_up_process(run.id);
        let (engine, process) = (Arc::clone(self), run.id);
        tokio::spawn(async move { engine.follow_released(process).await });
    }

    /// Wakes a released run when it is due, as long as the timers rest.
    async fn follow_released(self: Arc<Self>, process: ProcessId) {
        while self.is_paused() && !self.closing.load(Ordering::Relaxed) {
            match self.store.load(process).await {
                Ok(None) => break,
                Ok(Some(live)) => {
                    let is_due = live.due.is_some_and(|due| due <= self.clock.now());
                    if is_due && !self.is_stepping(process) {
                        self.deliver(process, Input::Due);
                    }
                }
                Err(error) => tracing::warn!(%process, %error, "a released run cannot be read"),
            }
            tokio::time::sleep(RELEASED_LOOK_EVERY).await;
        }
        self.released.lock().remove(&process);
    }
}
