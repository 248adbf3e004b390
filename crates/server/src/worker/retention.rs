//! History that is old enough goes, and the space it took goes back.

use super::Engine;
use crate::clock::SECOND;
use crate::limits::RETENTION_RUNS_PER_BATCH;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(600);
/// Bytes given back at a time, so that others are not delayed.
const RECLAIM_BYTES: u64 = 4 * 1024 * 1024;

impl Engine {
    /// Rounds of retention until the server goes down.
    pub async fn run_retention(self: Arc<Self>) {
        loop {
            tokio::time::sleep(ROUND).await;
            if let Err(error) = self.retain().await {
                tracing::warn!(%error, "a round of retention was not finished");
            }
        }
    }

    /// One round: removes what is older than the retention, flow by flow.
    pub async fn retain(&self) -> Result<u64, StoreError> {
        let age = i64::try_from(self.settings.retention.as_secs()).unwrap_or(i64::MAX / SECOND);
        let before = self.clock.now().saturating_sub(age.saturating_mul(SECOND));
        let mut removed = 0u64;
        let mut after: Option<String> = None;
        loop {
            let rows = self.store.workflows(None, after.as_deref(), 256).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            for row in &rows {
                removed += self.remove_runs(row.key, before).await?;
            }
        }
        if removed > 0 {
            tracing::info!(runs = removed, "old runs were removed");
            while self.store.reclaim(RECLAIM_BYTES).await? > 0 {}
        }
        Ok(removed)
    }

    /// Removes the final runs of a flow that began before a moment.
    pub async fn remove_runs(&self, workflow: i64, before: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let count =
                self.store.delete_runs_before(workflow, before, RETENTION_RUNS_PER_BATCH).await?;
            removed += count as u64;
            if count < RETENTION_RUNS_PER_BATCH {
                return Ok(removed);
            }
        }
    }
}
