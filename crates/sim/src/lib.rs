//! Deterministic simulation: the real engine, use cases and flows on several nodes, with a
//! virtual clock, a store that fails, and nodes that die, freeze and lose touch.
//!
//! A seed determines everything: a seed that breaks an invariant breaks it again. One
//! thread runs all of it on a paused clock, so that minutes take milliseconds.

pub mod absence;
pub mod approving;
pub mod audit;
pub mod bug;
pub mod calendar;
pub mod hook;
pub mod ledger;
pub mod link;
pub mod managed;
pub mod mangled;
pub mod node;
pub mod outside;
pub mod owed;
pub mod pages;
pub mod queue;
pub mod random;
pub mod ruling;
pub mod store;
pub mod traffic;
pub mod truth;
pub mod version;
pub mod workload;
pub mod world;

use bug::Bug;

/// What came of a seed.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// What was broken: nothing, if all is well.
    pub violations: Vec<String>,
    /// Of everything that was committed and called, in order.
    pub hash: u64,
    pub commits: u64,
    pub acknowledged: usize,
    pub deaths: u64,
}

/// Runs a seed.
///
/// # Panics
///
/// When the system gives no runtime.
#[must_use]
pub fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(world::run(seed, bug))
}
