//! The `sluicegate` command.

use std::process::ExitCode;

/// Runs allocate many small values; a spike of the hot path spent about a quarter of
/// its time in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
