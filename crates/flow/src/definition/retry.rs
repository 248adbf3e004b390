//! Retry policies.
//!
//! Source: "Handle errors and exceptions in Azure Logic Apps", retry policies;
//! "Limits of automated, scheduled and instant flows" for Power Automate.

use super::loading::{Loading, Site};
use super::path::At;
use super::{Dialect, RetryPolicy, code};
use crate::limits;
use expr::Value;

const SECOND: i64 = 10_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What applies when nothing is said, or `default`.
pub(super) fn default(dialect: Dialect) -> RetryPolicy {
    let count = match dialect {
        Dialect::PowerAutomate => 8,
        Dialect::LogicApps => 4,
    };
    RetryPolicy::Exponential { count, interval: 7 * SECOND, minimum: 5 * SECOND, maximum: HOUR }
}

impl<'a> Loading<'a, '_> {
    /// A policy; one that depends on the run is evaluated there.
    pub fn retry_policy(&mut self, at: &At<'a>, site: Site) -> RetryPolicy {
        let template = self.compile(at, site);
        let Some(policy) = self.constant(&template) else { return RetryPolicy::Evaluated };
        if policy.as_object().is_none() {
            self.policy_fault(at, &at.path, "an object with 'type'");
            return RetryPolicy::None;
        }
        let kind = policy.get("type").cloned().unwrap_or_default();
        match kind.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "none" => RetryPolicy::None,
            "default" => default(self.dialect),
            "" if kind.is_null() => default(self.dialect),
            "fixed" => {
                let (count, interval) = self.count_and_interval(at, &policy);
                RetryPolicy::Fixed { count, interval }
            }
            "exponential" => {
                let (count, interval) = self.count_and_interval(at, &policy);
                let minimum = self.duration(at, &policy, "minimumInterval");
                let maximum = self.duration(at, &policy, "maximumInterval");
                let (minimum, maximum) = (minimum.unwrap_or(5 * SECOND), maximum.unwrap_or(DAY));
                if minimum > maximum {
                    let path = self.place(at, "maximumInterval");
                    self.policy_fault(at, &path, "a maximum that is not below the minimum");
                }
                RetryPolicy::Exponential { count, interval, minimum, maximum }
            }
            _ => {
                let path = self.place(at, "type");
                self.policy_fault(at, &path, "one of none, fixed, exponential, default");
                RetryPolicy::None
            }
        }
    }

    fn place(&self, at: &At<'_>, name: &str) -> String {
        at.get_or_null(name).map_or_else(|| at.path.clone(), |found| found.path)
    }

    fn policy_fault(&mut self, at: &At<'_>, path: &str, expected: &str) {
        let text = at.shown();
        let message = format!("The retry policy {text} is not valid.");
        self.problems.expected(code::INVALID_RETRY_POLICY, path, message, expected);
    }

    fn count_and_interval(&mut self, at: &At<'_>, policy: &Value) -> (u32, i64) {
        let count = policy.get("count").and_then(|count| match count {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_int(),
        });
        let count = count.and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (1..=limits::RETRY_COUNT_MAX).contains(count));
        if count.is_none() {
            let path = self.place(at, "count");
            let expected = format!("'count' from 1 to {}", limits::RETRY_COUNT_MAX);
            self.policy_fault(at, &path, &expected);
        }
        let interval = self.duration(at, policy, "interval");
        if policy.get("interval").is_none_or(Value::is_null) {
            self.policy_fault(at, &at.path, "'interval'");
        }
        (count.unwrap_or(1), interval.unwrap_or(MINUTE))
    }

    /// A duration in ticks, in range. Stateless workflows may be quicker.
    fn duration(&mut self, at: &At<'_>, policy: &Value, name: &str) -> Option<i64> {
        let value = policy.get(name).filter(|value| !value.is_null())?;
        let (least, most, expected) = if self.stateless {
            (SECOND, MINUTE, "from PT1S to PT1M")
        } else {
            (5 * SECOND, DAY, "from PT5S to P1D")
        };
        let ticks = value.as_str().and_then(ticks);
        if ticks.is_none_or(|ticks| !(least..=most).contains(&ticks)) {
            let path = self.place(at, name);
            self.policy_fault(at, &path, &format!("'{name}' {expected}"));
        }
        ticks
    }
}

/// Months count 30 days: they are out of range anyway.
fn ticks(text: &str) -> Option<i64> {
    let duration = expr::format::duration::parse_iso8601(text).ok()?;
    duration.months.checked_mul(30 * DAY)?.checked_add(duration.ticks)
}
