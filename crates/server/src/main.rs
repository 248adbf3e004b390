//! The `sluicegate` command.

use std::process::ExitCode;

/// Runs allocate many small values; a spike of the hot path spent about a quarter of
/// its time in the system's allocator. Without huge pages: they save no time here and
/// cost a resting server ten megabytes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
