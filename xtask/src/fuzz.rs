//! Searching for inputs that break something, with libFuzzer.
//!
//! The programs are built with the flags of cargo-fuzz, so that it need not be installed. The
//! address sanitizer is left out: our crates have no unsafe code, and it halves the speed.

use crate::command;
use anyhow::{Context, bail};
use std::path::Path;

const TARGETS: [&str; 5] = ["expression", "definition", "chunk", "connector", "request"];

/// Seconds that each target is searched when nobody says otherwise.
const SECONDS_DEFAULT: u32 = 60;

/// Bytes of an input: what a person would still read. More finds no other faults, slower.
const INPUT_BYTES_MAX: u32 = 8_192;

/// Coverage of every edge and comparison, as cargo-fuzz asks for it. One unit, so that the
/// counters of a crate lie together.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

/// Where the programs, what they found interesting, and what broke something are kept.
const PLACE: &str = "target/fuzz";

/// `[--seconds N] [TARGET...]`: searches the targets one after the other; fails when one of
/// them found something.
pub fn run(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let (seconds, targets) = parse(arguments)?;
    let host = command::host(root)?;
    build(root, &host)?;
    let mut broken = Vec::new();
    for target in targets {
        println!("\n== fuzz {target}: {seconds} s");
        if let Err(error) = search(root, &host, target, seconds) {
            eprintln!("{error:#}");
            broken.push(target);
        }
    }
    if !broken.is_empty() {
        bail!("{} failed; the inputs are in {PLACE}/artifacts", broken.join(", "));
    }
    Ok(())
}

fn parse<'a>(arguments: &[&'a str]) -> anyhow::Result<(u32, Vec<&'a str>)> {
    let (seconds, names) = match arguments {
        ["--seconds", seconds, names @ ..] => {
            let number = seconds.parse().ok().filter(|seconds| *seconds > 0);
            (number.with_context(|| format!("'{seconds}' is no number of seconds"))?, names)
        }
        names => (SECONDS_DEFAULT, names),
    };
    if let Some(other) = names.iter().find(|name| !TARGETS.contains(name)) {
        bail!(
            "'{other}' is not a target; expected [--seconds N] and any of {}",
            TARGETS.join(", ")
        );
    }
    Ok((seconds, if names.is_empty() { TARGETS.to_vec() } else { names.to_vec() }))
}

/// Builds all targets. With `--target`, the flags are not those of build scripts.
fn build(root: &Path, host: &str) -> anyhow::Result<()> {
    let manifest = ["--manifest-path", "fuzz/runner/Cargo.toml"];
    let place = ["--target", host, "--target-dir", PLACE];
    let words = [&["cargo", "build", "--release", "--locked"][..], &manifest, &place].concat();
    // the flag for coverage is one that only an unstable compiler takes by itself
    command::run_with(root, &words, &[("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", FLAGS)])
}

fn search(root: &Path, host: &str, target: &str, seconds: u32) -> anyhow::Result<()> {
    let (found, artifacts) = (format!("{PLACE}/corpus/{target}"), format!("{PLACE}/artifacts/"));
    for directory in [&found, &artifacts] {
        std::fs::create_dir_all(root.join(directory))
            .with_context(|| format!("{directory} cannot be made"))?;
    }
    let mut words = vec![
        format!("{PLACE}/{host}/release/{target}"),
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        format!("-artifact_prefix={artifacts}{target}-"),
        "-print_final_stats=1".to_owned(),
    ];
    let dictionary = format!("fuzz/dictionary/{target}.dict");
    if root.join(&dictionary).is_file() {
        words.push(format!("-dict={dictionary}"));
    }
    // what is new goes to the first directory
    words.extend([found, format!("fuzz/corpus/{target}")]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    command::run(root, &words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_seconds_and_targets() {
        assert_eq!(parse(&[]).expect("no arguments"), (60, TARGETS.to_vec()));
        assert_eq!(parse(&["--seconds", "5", "chunk"]).expect("both"), (5, vec!["chunk"]));
        for wrong in [&["--seconds", "0"][..], &["--seconds"], &["chunks"], &["chunk", "--x"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
