//! What the callers know: what they were told, and what they asked for.

use crate::workload::Kind;
use durable::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// The callers' book.
#[derive(Default)]
pub struct Ledger {
    /// Requests that were acknowledged, with the run.
    pub acknowledged: BTreeMap<String, (Kind, Option<ProcessId>)>,
    /// Requests that were sent, with how many items they have.
    pub sent: BTreeMap<String, (Kind, u64)>,
    /// Runs whose cancellation was acknowledged while they went on.
    pub cancelled: BTreeSet<ProcessId>,
    /// Runs that were answered before they asked.
    pub answered_early: BTreeSet<ProcessId>,
    pub deaths: u64,
}
