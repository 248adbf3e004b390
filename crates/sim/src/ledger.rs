//! What the callers know: what they were told, and what they asked for.

use crate::absence::Absence;
use crate::approving::Counted;
use crate::workload::Kind;
use durable::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// The callers' book.
#[derive(Clone, Default)]
pub struct Ledger {
    /// Requests that were acknowledged, with the run.
    pub acknowledged: BTreeMap<String, (Kind, Option<ProcessId>)>,
    /// Requests that were sent, with how many items they have.
    pub sent: BTreeMap<String, (Kind, u64)>,
    /// Runs whose cancellation was acknowledged while they went on.
    pub cancelled: BTreeSet<ProcessId>,
    /// Runs that were answered before they asked.
    pub answered_early: BTreeSet<ProcessId>,
    /// What the service said when it called back, whether it heard so or not.
    pub told: BTreeSet<String>,
    /// What it said and was acknowledged, with the request.
    pub called_back: BTreeMap<String, String>,
    /// Runs that were resumed, as which.
    pub resumed: BTreeMap<ProcessId, ProcessId>,
    /// Updates of flows that were acknowledged, by what marks the version.
    pub updated: BTreeSet<(Kind, u64)>,
    /// Answers to approvals of which somebody was told that they counted.
    pub answered: Vec<Counted>,
    /// When people were away, as far as that is certain.
    pub absences: Vec<Absence>,
    /// Who is saying that they go or come at the moment.
    pub is_packing: BTreeSet<String>,
    /// Counts what turned a flow on or off: who is not the last gives up.
    pub turns: u64,
    pub deaths: u64,
}
