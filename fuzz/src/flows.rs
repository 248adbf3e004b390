//! The fixed flows that stored bytes and requests belong to.

use flow::definition::{Flow, LoadOptions, load};
use std::sync::{Arc, LazyLock};

/// Flows whose history is read.
static RUN: LazyLock<Vec<Arc<Flow>>> = LazyLock::new(|| {
    let texts = [
        include_str!("../flows/run_data.json"),
        include_str!("../flows/run_branches.json"),
        include_str!("../flows/run_loops.json"),
        include_str!("../flows/run_calls.json"),
    ];
    texts.into_iter().map(flow_of).collect()
});

/// Flows whose trigger is called.
static REQUEST: LazyLock<Vec<Arc<Flow>>> = LazyLock::new(|| {
    let texts = [
        include_str!("../flows/request_plain.json"),
        include_str!("../flows/request_path.json"),
        include_str!("../flows/request_schema.json"),
        include_str!("../flows/request_split.json"),
        include_str!("../flows/request_form.json"),
    ];
    texts.into_iter().map(flow_of).collect()
});

/// The flow of a number, whatever the number.
pub fn of_run(number: u8) -> Arc<Flow> {
    Arc::clone(&RUN[usize::from(number) % RUN.len()])
}

/// The same for flows that are called.
pub fn of_request(number: u8) -> Arc<Flow> {
    Arc::clone(&REQUEST[usize::from(number) % REQUEST.len()])
}

fn flow_of(text: &str) -> Arc<Flow> {
    let report = load(text.as_bytes(), &LoadOptions::default());
    let problems = report.problems;
    let loaded = report.loaded.unwrap_or_else(|| panic!("a fixed flow is refused: {problems:#?}"));
    Arc::new(loaded.flow)
}
