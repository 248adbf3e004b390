//! Every developer command. Run `cargo xtask --help` for the list.
//!
//! Each command is one module; `tidy` holds the rules of the house.

mod bars;
mod ci;
mod command;
mod fuzz;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Developer commands of Sluicegate.

Usage: cargo xtask COMMAND [ARGUMENTS]

  ci              all that CI runs, in order, stopping at the first failure:
                  format, tidy, lints, tests, doc tests, dependencies, short bars
  tidy            the rules of the house over every source file: sizes, who may use
                  whom, purity, where SQL and status codes live, names, licences.
                  Exceptions are listed in xtask/tidy-exceptions.txt
  bars            the bars the product is held to, in full: workloads with their limits,
                  then 10,000 seeds of the simulator, 100 kills under load on each
                  store, ten minutes of a cluster, 20,000 generated calls, an hour of fuzzing;
                  wants a quiet machine
  bars --short    the workloads alone, smaller; the tests hold 10 kills already
  bench ARGS...   the measuring program, as `cargo run -p sluicegate-bench -- ARGS...`
  fuzz [--seconds N] [TARGET...]
                  searches for inputs that break something, each target for N seconds (60):
                  expression, definition, chunk, request. What breaks is in
                  target/fuzz/artifacts
  dev             the server on this machine with the sample flows

  --help          this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ci"] => ci::run(&command::root()?),
        ["tidy"] => tidy::run(&command::root()?),
        ["bars"] => bars::full(&command::root()?),
        ["bars", "--short"] => bars::short(&command::root()?),
        ["bench", rest @ ..] => bars::bench(&command::root()?, rest),
        ["fuzz", rest @ ..] if rest != ["--help"] && rest != ["-h"] => {
            fuzz::run(&command::root()?, rest)
        }
        ["dev"] => command::run(
            &command::root()?,
            &["cargo", "run", "--release", "--bin", "sluicegate", "--", "serve", "--demo"],
        ),
        [] | ["help" | "--help" | "-h"] | [_, "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [other, ..] => {
            anyhow::bail!(
                "'{}' is not a command; expected one of ci, tidy, bars [--short], bench, fuzz, dev, --help",
                if words.len() == 1 { (*other).to_owned() } else { words.join(" ") }
            )
        }
    }
}
