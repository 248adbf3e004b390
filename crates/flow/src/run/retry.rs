//! Retry policies: whether and when a failed attempt is repeated.
//!
//! Source: "Handle errors and exceptions in Azure Logic Apps", retry policies.

use super::call::CallResult;
use super::http::status_name;
use super::status::ErrorInfo;
use crate::definition::RetryPolicy;
use crate::limits::RETRY_COUNT_MAX;
use durable::Ticks;
use expr::Value;

const SECOND: Ticks = 10_000_000;

/// Defaults of the documented sample: four times, 7 s growing, 5 s to 1 h.
#[must_use]
pub fn default_policy() -> RetryPolicy {
    RetryPolicy::Exponential {
        count: 4,
        interval: 7 * SECOND,
        minimum: 5 * SECOND,
        maximum: 3_600 * SECOND,
    }
}

/// The policy in force: some are only known with the inputs.
#[must_use]
pub fn policy_of(policy: &RetryPolicy, inputs: &Value) -> RetryPolicy {
    match policy {
        RetryPolicy::Evaluated => {
            inputs.get("retryPolicy").and_then(from_value).unwrap_or_else(default_policy)
        }
        known => known.clone(),
    }
}

/// Reads an evaluated `retryPolicy`; `None` when it is not one.
#[must_use]
pub fn from_value(value: &Value) -> Option<RetryPolicy> {
    let duration = |name: &str| -> Option<Ticks> {
        let text = value.get(name)?.as_str()?;
        let duration = expr::format::duration::parse_iso8601(text).ok()?;
        Some(duration.ticks)
    };
    let count = value.get("count").and_then(Value::as_int).unwrap_or(4);
    let count = u32::try_from(count).ok()?.min(RETRY_COUNT_MAX);
    let interval = duration("interval").unwrap_or(7 * SECOND);
    match value.get("type")?.as_str()?.to_ascii_lowercase().as_str() {
        "none" => Some(RetryPolicy::None),
        "fixed" => Some(RetryPolicy::Fixed { count, interval }),
        "exponential" => Some(RetryPolicy::Exponential {
            count,
            interval,
            minimum: duration("minimumInterval").unwrap_or(5 * SECOND),
            maximum: duration("maximumInterval").unwrap_or(86_400 * SECOND),
        }),
        "default" => Some(default_policy()),
        _ => None,
    }
}

/// The error of a result that a policy may repeat, with the delay the other side asks for.
#[must_use]
pub fn retryable(result: &CallResult) -> Option<(ErrorInfo, Option<Ticks>)> {
    match result {
        CallResult::Answer(answer) => {
            let status = answer.get("statusCode").and_then(Value::as_int)?;
            if !matches!(status, 408 | 429 | 500..=599) {
                return None;
            }
            let message = format!("The call was answered with status {status}.");
            Some((ErrorInfo::new(status_name(status), message), retry_after(answer)))
        }
        CallResult::Failure { code, message, is_retryable: true } => {
            Some((ErrorInfo::new(code.clone(), message.clone()), None))
        }
        _ => None,
    }
}

/// `Retry-After` in seconds, as ticks.
#[must_use]
pub fn retry_after(answer: &Value) -> Option<Ticks> {
    let header = answer.get("headers")?.get("Retry-After")?;
    let seconds: i64 = header.text().trim().parse().ok()?;
    (0..=86_400).contains(&seconds).then_some(seconds * SECOND)
}

/// Ticks to wait before repetition number `number` (1 for the first); `None` when the
/// policy has no repetition left. A longer delay that the other side asks for counts.
#[must_use]
pub fn delay(
    policy: &RetryPolicy,
    number: u32,
    asked: Option<Ticks>,
    random: u64,
) -> Option<Ticks> {
    let own = match policy {
        RetryPolicy::None | RetryPolicy::Evaluated => return None,
        RetryPolicy::Fixed { count, interval } => {
            if number > *count {
                return None;
            }
            *interval
        }
        RetryPolicy::Exponential { count, interval, minimum, maximum } => {
            if number > *count {
                return None;
            }
            // between L(n) = 2^(n-2)*i and U(n) = 2^(n-1)*i; L(1) is 0
            let power =
                |exponent: u32| (exponent < 62).then(|| 1i64 << exponent)?.checked_mul(*interval);
            let upper = power(number - 1).unwrap_or(*maximum).min(*maximum);
            let lower = if number == 1 { 0 } else { power(number - 2).unwrap_or(*maximum) };
            let lower = lower.max(*minimum).min(*maximum);
            let width = upper.saturating_sub(lower).max(0) as u64;
            lower + (random % width.saturating_add(1)) as i64
        }
    };
    Some(own.max(asked.unwrap_or(0)).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential() -> RetryPolicy {
        default_policy()
    }

    #[test]
    fn exponential_delays_grow_within_their_bounds() {
        for random in [0, 1, 12_345, u64::MAX] {
            for (number, low, high) in [(1, 5, 7), (2, 7, 14), (3, 14, 28), (4, 28, 56)] {
                let ticks = delay(&exponential(), number, None, random).unwrap();
                assert!((low * SECOND..=high * SECOND).contains(&ticks), "{number}: {ticks}");
            }
        }
        assert_eq!(delay(&exponential(), 5, None, 0), None);
    }

    #[test]
    fn a_longer_wish_of_the_other_side_counts() {
        let fixed = RetryPolicy::Fixed { count: 2, interval: 5 * SECOND };
        assert_eq!(delay(&fixed, 1, Some(9 * SECOND), 0), Some(9 * SECOND));
        assert_eq!(delay(&fixed, 2, Some(SECOND), 0), Some(5 * SECOND));
        assert_eq!(delay(&fixed, 3, None, 0), None);
        assert_eq!(delay(&RetryPolicy::None, 1, None, 0), None);
    }

    #[test]
    fn client_errors_are_final() {
        let answer = |status: i64| {
            CallResult::Answer(super::super::call::answer(status, Value::Null, Value::Null))
        };
        for status in [400, 401, 404, 409, 200, 302] {
            assert!(retryable(&answer(status)).is_none(), "{status}");
        }
        for status in [408, 429, 500, 503] {
            assert!(retryable(&answer(status)).is_some(), "{status}");
        }
    }
}
