//! How often a connection may be used, as the pages of connectors say under "Throttling
//! Limits". Off unless it is turned on, since a server of one's own has no need of it but
//! in tests of flows that must live with it. What a policy of an imported connector says
//! counts always: whoever wrote it means it.

use super::connection::{BY_ACCOUNT, Connection};
use super::runtime::Called;
use super::{Connector, builtin};
use crate::app::App;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{CALL_COUNT_LANES, CALL_COUNT_TRIES_MAX};
use ::connector::policy::RateLimit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use store::RecordKey;
use tokio::sync::{Mutex, MutexGuard};

/// So many calls in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub calls: usize,
    pub seconds: i64,
}

/// The limits of connectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorLimits {
    /// The one switch: without it none of them counts.
    pub are_on: bool,
    /// Connections to one connector that one account may have.
    pub connections_per_account: usize,
    /// Power Automate Management: calls, and those that are no GET.
    pub management_calls: Rate,
    pub management_changes: Rate,
    /// Power Automate for Admins.
    pub admins_calls: Rate,
}

impl Default for ConnectorLimits {
    /// What the pages of the connectors say.
    fn default() -> Self {
        ConnectorLimits {
            are_on: false,
            connections_per_account: 50,
            management_calls: Rate { calls: 5, seconds: 60 },
            management_changes: Rate { calls: 300, seconds: 3_600 },
            admins_calls: Rate { calls: 100, seconds: 60 },
        }
    }
}

impl ConnectorLimits {
    /// What counts for a connector: for all calls, and for those that are no GET.
    fn of(&self, connector: &Connector) -> [Option<Rate>; 2] {
        match connector.name.as_str() {
            _ if !self.are_on || connector.is_custom() => [None, None],
            builtin::MANAGEMENT => [Some(self.management_calls), Some(self.management_changes)],
            builtin::ADMINS => [Some(self.admins_calls), None],
            _ => [None, None],
        }
    }
}

/// When a connection was used last, as often as its limits ask: in the store, so that all
/// nodes count together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct CallCount {
    /// The connection's id.
    id: String,
    /// Ticks of all calls, oldest first, and of those that are no GET.
    calls: Vec<i64>,
    changes: Vec<i64>,
    /// Ticks of calls that count for a policy, by its place in the connector's properties.
    #[serde(default)]
    limited: BTreeMap<usize, Vec<i64>>,
}

impl Stored for CallCount {
    const KIND: Kind = Kind::CallCount;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// Somebody's connections to a connector: of two that are made at once, one sees the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Account {
    /// Whose, and the connector's name.
    id: String,
}

impl Stored for Account {
    const KIND: Kind = Kind::ConnectorAccount;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// Ticks until one more fits, none when it fits now. Forgets what no longer counts.
fn wait(times: &mut Vec<i64>, rate: Rate, now: i64) -> i64 {
    times.retain(|time| now - time < rate.seconds * SECOND);
    match times.len().checked_sub(rate.calls) {
        Some(beyond) => times
            .get(beyond)
            .map_or(rate.seconds * SECOND, |oldest| oldest + rate.seconds * SECOND - now),
        None => 0,
    }
}

impl CallCount {
    /// Counts a call when it may be made; else how long it must wait.
    fn count(&mut self, limits: [Option<Rate>; 2], is_get: bool, now: i64) -> Result<(), i64> {
        let [calls, changes] = limits;
        let changes = changes.filter(|_| !is_get);
        let first = calls.map_or(0, |rate| wait(&mut self.calls, rate, now));
        let second = changes.map_or(0, |rate| wait(&mut self.changes, rate, now));
        match i64::max(first, second) {
            0 => {
                self.calls.extend(calls.map(|_| now));
                self.changes.extend(changes.map(|_| now));
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

impl CallCount {
    /// The same for policies: all of them allow the call, or none counts it.
    fn count_limited(&mut self, limits: &[(usize, Rate)], now: i64) -> Result<(), i64> {
        let waits = limits.iter().map(|(at, rate)| {
            let times = self.limited.entry(*at).or_default();
            wait(times, *rate, now)
        });
        match waits.max().unwrap_or(0) {
            0 => {
                for (at, _) in limits {
                    self.limited.entry(*at).or_default().push(now);
                }
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

/// Calls over one connection are counted one after the other: a node does not contend with
/// itself for a record that other nodes write too.
pub struct Counting {
    lanes: Vec<Mutex<()>>,
}

impl Default for Counting {
    fn default() -> Self {
        Counting { lanes: (0..CALL_COUNT_LANES).map(|_| Mutex::new(())).collect() }
    }
}

impl Counting {
    async fn turn(&self, connection: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        connection.hash(&mut hasher);
        let lane = hasher.finish() % CALL_COUNT_LANES as u64;
        self.lanes[lane as usize].lock().await
    }
}

impl App {
    /// Counts a call over a connection, or refuses it.
    pub(super) async fn count_call(
        &self,
        connector: &Connector,
        connection: &Connection,
        is_get: bool,
    ) -> Result<(), AppError> {
        let limits = self.connector_limits.of(connector);
        if limits == [None, None] {
            return Ok(());
        }
        self.count(connection, |count, now| count.count(limits, is_get, now)).await
    }

    /// Counts a call for the policies of an imported connector that limit its operation, or
    /// refuses it. A policy that cannot be read is told by the call itself.
    pub(super) async fn count_by_policies(&self, called: &Called) -> Result<(), AppError> {
        let Some(operation) = called.operation().filter(|_| called.connector.is_custom()) else {
            return Ok(());
        };
        let Ok(policies) = called.connector.policies() else { return Ok(()) };
        let limits = policies.rate_limits(operation);
        if limits.is_empty() {
            return Ok(());
        }
        let rate = |it: RateLimit| Rate { calls: it.calls, seconds: it.seconds };
        let limits: Vec<(usize, Rate)> =
            limits.into_iter().map(|(at, it)| (at, rate(it))).collect();
        self.count(&called.connection, |count, now| count.count_limited(&limits, now)).await
    }

    async fn count(
        &self,
        connection: &Connection,
        mut one: impl FnMut(&mut CallCount, i64) -> Result<(), i64>,
    ) -> Result<(), AppError> {
        let id = connection.id();
        let _turn = self.counting.turn(id).await;
        for _ in 0..CALL_COUNT_TRIES_MAX {
            let found = self.get::<CallCount>(id).await?;
            let new = || Known::new(CallCount { id: id.to_owned(), ..CallCount::default() });
            let mut count = found.unwrap_or_else(new);
            let now = self.engine.clock.now();
            one(&mut count, now).map_err(|wait| exceeded((wait + SECOND - 1) / SECOND))?;
            let change = Change::default().put(&count)?;
            match self.apply(&Caller::root("server"), change).await {
                // another node counted a call at the same moment
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| ()),
            }
        }
        Err(exceeded(1))
    }

    /// What a connection that goes takes along.
    pub(super) async fn without_count(
        &self,
        connection: &Connection,
        change: Change,
    ) -> Result<Change, AppError> {
        let count = self.get::<CallCount>(connection.id()).await?;
        Ok(match count {
            Some(count) => change.remove(&count),
            None => change,
        })
    }

    /// Whether an account may have one more connection to a connector. Answers what the
    /// change that makes it is to hold.
    pub(super) async fn check_account(
        &self,
        caller: &Caller,
        connector: &Connector,
    ) -> Result<Option<Known<Account>>, AppError> {
        let limits = &self.connector_limits;
        if !limits.are_on {
            return Ok(None);
        }
        // read before what is counted: who was quicker has changed it
        let id = format!("{}/{}", caller.id(), connector.name);
        let found = self.get::<Account>(&id).await?;
        let account = found.unwrap_or_else(|| Known::new(Account { id }));
        let most = limits.connections_per_account;
        let parts = [caller.id(), &connector.name];
        let theirs = self.list::<Connection>(BY_ACCOUNT, &parts, None, most).await?;
        if theirs.rows.len() < most {
            return Ok(Some(account));
        }
        let message = format!(
            "An account has {most} connections to '{}' at most: delete one that is not needed.",
            connector.name
        );
        Err(AppError::new(ErrorKind::Conflict, "ConnectionLimitReached", message))
    }
}

fn exceeded(seconds: i64) -> AppError {
    let retry_after_seconds = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
    let kind = ErrorKind::Throttled { retry_after_seconds };
    let message = format!("Rate limit is exceeded. Try again in {retry_after_seconds} seconds.");
    AppError::new(kind, "RateLimitExceeded", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_count_together() {
        let limits = ConnectorLimits { are_on: true, ..ConnectorLimits::default() };
        let connector = builtin::named(builtin::MANAGEMENT).expect("a connector");
        let limits = limits.of(connector);
        let mut count = CallCount::default();
        for second in 0..5 {
            assert_eq!(count.count(limits, true, second * SECOND), Ok(()));
        }
        // the sixth waits for the first to be a minute ago
        assert_eq!(count.count(limits, true, 5 * SECOND), Err(55 * SECOND));
        assert_eq!(count.count(limits, true, 60 * SECOND - 1), Err(1));
        assert_eq!(count.count(limits, true, 60 * SECOND), Ok(()));
        // 300 changes take an hour, twelve seconds apart
        let mut count = CallCount::default();
        for number in 0..300 {
            assert_eq!(count.count(limits, false, number * 12 * SECOND), Ok(()));
        }
        let now = 3_599 * SECOND;
        assert_eq!(count.count(limits, false, now), Err(SECOND));
        assert_eq!(count.count([None, limits[1]], true, now), Ok(()));
        assert_eq!(count.count(limits, false, 3_600 * SECOND), Ok(()));
    }

    #[test]
    fn policies_count_each_by_itself_and_together() {
        let rate = |calls, seconds| Rate { calls, seconds };
        let (all, some) = ((0, rate(3, 60)), (4, rate(2, 3_600)));
        let mut count = CallCount::default();
        assert_eq!(count.count_limited(&[all, some], 0), Ok(()));
        assert_eq!(count.count_limited(&[all, some], SECOND), Ok(()));
        // what the second refuses does not count for the first
        assert_eq!(count.count_limited(&[all, some], 2 * SECOND), Err(3_598 * SECOND));
        assert_eq!(count.count_limited(&[all], 2 * SECOND), Ok(()));
        assert_eq!(count.count_limited(&[all], 3 * SECOND), Err(57 * SECOND));
        assert_eq!(count.count_limited(&[all], 60 * SECOND), Ok(()));
    }

    #[test]
    fn without_the_switch_nothing_counts() {
        let connector = builtin::named(builtin::ADMINS).expect("a connector");
        assert_eq!(ConnectorLimits::default().of(connector), [None, None]);
    }
}
