//! Replays the committed corpus: what the fuzzer found once stays found, without a fuzzer.

use std::path::Path;

/// Files and bytes of a target's corpus: more is not read by anybody.
const FILES_MAX: usize = 200;
const BYTES_MAX: usize = 300 * 1024;

fn replay(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = std::fs::read_dir(&directory).expect("the corpus of the target");
    let (mut files, mut bytes) = (0, 0);
    for entry in entries {
        let path = entry.expect("an entry").path();
        let input = std::fs::read(&path).expect("an input");
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "{} fails, see above", path.display());
        files += 1;
        bytes += input.len();
    }
    assert!((10..=FILES_MAX).contains(&files), "{name} has {files} inputs");
    assert!(bytes <= BYTES_MAX, "{name} has {bytes} bytes");
}

#[test]
fn expressions_of_the_corpus_are_fine() {
    replay("expression", fuzz::expression);
}

#[test]
fn definitions_of_the_corpus_are_fine() {
    replay("definition", fuzz::definition);
}

#[test]
fn chunks_of_the_corpus_are_fine() {
    replay("chunk", fuzz::chunk);
}

#[test]
fn connectors_of_the_corpus_are_fine() {
    replay("connector", fuzz::connector);
}

#[test]
fn requests_of_the_corpus_are_fine() {
    replay("request", fuzz::request);
}
