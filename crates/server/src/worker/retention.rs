//! History that is old enough goes, and the space it took goes back.

use super::Engine;
use crate::clock::SECOND;
use crate::limits::RETENTION_RUNS_PER_BATCH;
use std::collections::HashMap;
use std::time::Duration;
use store::{RetentionRow, StoreError};

/// Between two rounds.
pub const ROUND: Duration = Duration::from_secs(600);
/// Bytes given back at a time, so that others are not delayed.
pub const RECLAIM_BYTES: u64 = 4 * 1024 * 1024;

/// What says how long a flow's histories are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Flow,
    Environment,
    Server,
}

/// How long histories are kept: a flow's own row, else its environment's, else the server's
/// setting.
pub struct Retentions {
    rows: HashMap<(String, Option<i64>), i64>,
    server: i64,
}

impl Retentions {
    #[must_use]
    pub fn new(rows: Vec<RetentionRow>, server: Duration) -> Self {
        let rows = rows.into_iter().map(|row| ((row.environment, row.workflow), row.seconds));
        let server = i64::try_from(server.as_secs()).unwrap_or(i64::MAX / SECOND);
        Retentions { rows: rows.collect(), server }
    }

    /// Seconds for a flow, and what says so.
    #[must_use]
    pub fn of(&self, environment: &str, workflow: i64) -> (i64, Said) {
        match self.rows.get(&(environment.to_owned(), Some(workflow))) {
            Some(seconds) => (*seconds, Said::Flow),
            None => self.of_environment(environment),
        }
    }

    /// Seconds for the flows of an environment that have no row of their own.
    #[must_use]
    pub fn of_environment(&self, environment: &str) -> (i64, Said) {
        match self.rows.get(&(environment.to_owned(), None)) {
            Some(seconds) => (*seconds, Said::Environment),
            None => (self.server, Said::Server),
        }
    }
}

impl Engine {
    /// One round: removes what is older than the retention, flow by flow.
    pub async fn retain(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let retentions = Retentions::new(self.store.retentions().await?, self.settings.retention);
        let mut removed = 0u64;
        let mut after: Option<String> = None;
        loop {
            let rows = self.store.workflows(None, after.as_deref(), 256).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            for row in &rows {
                let age = retentions.of(&row.environment, row.key).0;
                let before = now.saturating_sub(age.saturating_mul(SECOND));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let row = |environment: &str, workflow, seconds| RetentionRow {
            environment: environment.to_owned(),
            workflow,
            seconds,
        };
        let rows = vec![row("a", None, 10), row("a", Some(1), 20)];
        let retentions = Retentions::new(rows, Duration::from_secs(30));
        assert_eq!(retentions.of("a", 1), (20, Said::Flow));
        assert_eq!(retentions.of("a", 2), (10, Said::Environment));
        assert_eq!(retentions.of("b", 3), (30, Said::Server));
    }
}
