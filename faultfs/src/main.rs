//! The server on the faulty layer, for tests. Options of the layer come from the
//! environment, with `FAULTFS_` before their names.

use faultfs::{Options, Rank};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::from_environment(std::env::vars_os()) {
        Ok(options) => options,
        Err(error) => return refuse(&error),
    };
    // it is random unless given, and repeats what the layer chose
    eprintln!("FAULTFS_SEED={}", options.seed);
    match faultfs::register("faulty", options, Rank::Default) {
        Ok(()) => server::cli::run(),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(2)
}
