//! How often operations may be called over one connection.
//!
//! The documentation of policy templates says that policies throttle calls, and names no
//! template that does: this one has the words of the gateway's own policy (documentation,
//! "Azure API Management policy reference - rate-limit-by-key"), see decision 0021.

use super::{Policies, Source};
use crate::definition::{Fault, Operation};
use crate::limits::{RATE_CALLS_MAX, RATE_SECONDS_MAX};
use serde_json::Value;

/// So many calls in so many seconds, of all operations of a policy together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub calls: usize,
    pub seconds: i64,
}

impl RateLimit {
    pub(super) fn read(source: &Source<'_>) -> Result<RateLimit, Fault> {
        let calls = source.number("calls", RATE_CALLS_MAX as u64)?;
        let seconds = source.number("renewalPeriod", RATE_SECONDS_MAX as u64)?;
        Ok(RateLimit { calls: calls as usize, seconds: seconds as i64 })
    }
}

impl Source<'_> {
    /// A whole number, which some write as a text.
    fn number(&self, name: &str, most: u64) -> Result<u64, Fault> {
        let given = self.raw(name).unwrap_or(&Value::Null);
        let read = given.as_u64().or_else(|| given.as_str()?.trim().parse().ok());
        read.filter(|it| (1..=most).contains(it)).ok_or_else(|| {
            let name = format!("x-ms-apimTemplateParameter.{name}");
            let message = format!("'{name}' is {given}; expected a whole number from 1 to {most}.");
            Fault::at(format!("{}.parameters['{name}']", self.path), message)
        })
    }
}

impl Policies {
    /// The limits that a call of an operation counts for, each with its place among the
    /// policies: calls of several operations count together where a policy is of several.
    pub fn rate_limits(&self, operation: &Operation) -> Vec<(usize, RateLimit)> {
        let all = self.all.iter().enumerate().filter(|(_, policy)| policy.is_of(operation));
        all.filter_map(|(at, policy)| match policy.kind {
            super::Kind::Rate(limit) => Some((at, limit)),
            _ => None,
        })
        .collect()
    }
}
