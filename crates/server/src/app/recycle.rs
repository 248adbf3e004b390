//! Deleted flows are kept for a while, in which they can be restored, and then removed for
//! good. Every node looks for them; what one removes the others find gone.

use super::App;
use super::data::Known;
use super::error::{AppError, ErrorKind};
use super::facts::{BY_DELETED, FlowFacts};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::DELETED_FLOWS_PER_READ;
use crate::worker::retention::ROUND;
use serde_json::json;

impl App {
    /// Rounds of retention until the server goes down: old runs go, and flows that were
    /// deleted long ago.
    pub async fn run_retention(self) {
        loop {
            tokio::time::sleep(ROUND).await;
            if self.engine.is_paused() {
                continue;
            }
            if let Err(error) = self.engine.retain().await {
                tracing::warn!(%error, "a round of retention was not finished");
            }
            if let Err(error) = self.purge_deleted().await {
                tracing::warn!(message = %error.message, "deleted flows were not looked through");
            }
        }
    }

    /// One round: removes for good what was deleted long enough ago. Answers how many flows.
    pub async fn purge_deleted(&self) -> Result<usize, AppError> {
        let kept = i64::try_from(self.engine.settings.recycle.as_secs()).unwrap_or(i64::MAX);
        let before = self.engine.clock.now().saturating_sub(kept.saturating_mul(SECOND));
        let (mut purged, mut after) = (0, None);
        loop {
            let page =
                self.list::<FlowFacts>(BY_DELETED, &[], after, DELETED_FLOWS_PER_READ).await?;
            for facts in &page.rows {
                // the earliest first: the rest is younger
                if facts.deleted.as_ref().is_some_and(|(time, _)| *time > before) {
                    return Ok(purged);
                }
                purged += usize::from(self.purge_old(facts).await);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(purged),
            }
        }
    }

    /// Whether this node removed it. What fails is tried again in the next round.
    async fn purge_old(&self, facts: &Known<FlowFacts>) -> bool {
        let done = async {
            let Some(entry) = self.engine.catalog.refresh(facts.flow()).await? else {
                return Ok(false);
            };
            let days = self.engine.settings.recycle.as_secs() / 86_400;
            let detail = json!({"deletedForDays": days});
            self.purge_entry(&Caller::root("server"), &entry, facts, &detail).await.map(|()| true)
        };
        match done.await {
            Ok(is_done) => is_done,
            // another node was first, or somebody has restored it
            Err(error) if error.kind == ErrorKind::Conflict => false,
            Err(error) => {
                let flow = facts.flow();
                tracing::warn!(flow, message = %error.message, "a deleted flow was not removed");
                false
            }
        }
    }
}
