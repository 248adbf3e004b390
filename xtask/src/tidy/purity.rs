//! Rule `pure`: the crates that decide contain no clock, randomness, I/O, thread or async.
//! Time, identifiers and random numbers come to them as inputs, so that every step can be
//! repeated. Test code is free.

use super::Finding;
use super::source::Source;
use super::usage::{Usage, usages};

/// The crates whose functions are deterministic.
pub const PURE: [&str; 4] = ["expr", "durable", "flow", "governance"];

/// Crates that cannot be used without one of the banned things.
pub const FOREIGN: [&str; 13] = [
    "async-std",
    "axum",
    "futures-util",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "smol",
    "tokio",
    "tokio-postgres",
    "ureq",
];

/// Beginnings of paths that a pure crate must not name.
const BANNED: [(&[&str], &str); 12] = [
    (&["std", "time", "Instant"], "a clock"),
    (&["std", "time", "SystemTime"], "a clock"),
    (&["std", "thread"], "a thread"),
    (&["std", "fs"], "a file"),
    (&["std", "net"], "a socket"),
    (&["std", "env"], "the environment"),
    (&["std", "process"], "a process"),
    (&["std", "io", "stdin"], "the terminal"),
    (&["std", "io", "stdout"], "the terminal"),
    (&["std", "io", "stderr"], "the terminal"),
    (&["std", "*"], "all of std"),
    (&["std", "time", "*"], "a clock"),
];

/// Modules from which only single names may be imported, because others are banned.
const MIXED: [&[&str]; 2] = [&["std"], &["std", "time"]];

/// Calls that read a clock or a setting of the machine, whatever the type is reached by.
const CALLS: [[&str; 2]; 5] = [
    ["Instant", "now"],
    ["SystemTime", "now"],
    ["Timestamp", "now"],
    ["Zoned", "now"],
    ["TimeZone", "system"],
];

const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

pub fn check(source: &Source) -> Vec<Finding> {
    let pure = PURE.iter().any(|name| source.path.starts_with(&format!("crates/{name}/")));
    if !pure {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut add = |offset, what: String| {
        if !source.is_test(offset) {
            let message = format!("{what} in a pure crate; expected to come in as an input");
            findings.push(Finding::at(source, offset, "pure", message));
        }
    };
    for usage in usages(source) {
        if let Some(what) = banned(&usage, source) {
            add(usage.offset, format!("'{}' names {what}", usage.path.join("::")));
        }
    }
    for (offset, word) in source.words() {
        let next = source.code()[offset + word.len()..].trim_start();
        if MACROS.contains(&word) && next.starts_with('!') && !next.starts_with("!=") {
            add(offset, format!("'{word}!' names the terminal"));
        }
        if word == "async" {
            add(offset, "'async' names a runtime".to_owned());
        }
    }
    findings
}

fn banned(usage: &Usage, source: &Source) -> Option<&'static str> {
    let path = usage.path.as_slice();
    if let Some((_, what)) = BANNED.iter().find(|(start, _)| path.starts_with(start)) {
        return Some(what);
    }
    if usage.import && MIXED.contains(&path) {
        return Some("a module that holds banned names");
    }
    if path.windows(2).any(|pair| CALLS.iter().any(|call| pair == call)) {
        return Some("a clock or a setting of the machine");
    }
    let first = path.first()?;
    let foreign = FOREIGN.iter().any(|name| name.replace('-', "_") == *first);
    let outside = usage.import || path.len() > 1;
    (foreign && outside && !declares(source, first)).then_some("a crate that is not pure")
}

/// Whether the file has a module of this name, which is then meant.
fn declares(source: &Source, name: &str) -> bool {
    source.words().windows(2).any(|pair| pair[0].1 == "mod" && pair[1].1 == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_at(path: &str, text: &str) -> usize {
        check(&Source::new(path, text.to_owned())).len()
    }

    fn count(text: &str) -> usize {
        count_at("crates/flow/src/run.rs", text)
    }

    #[test]
    fn every_banned_thing_is_found() {
        for text in [
            "use std::time::{Duration, Instant};",
            "use std::time;",
            "use std::time::*;",
            "fn f() { let t = std::time::SystemTime::now(); }",
            "use jiff::Timestamp; fn f() { Timestamp::now(); }",
            "use std::{fmt, thread};",
            "fn f() { ::std::fs::read(p); }",
            "use std::net::IpAddr;",
            "const A: Option<&str> = std::env::var(B);",
            "use tokio::sync::mpsc;",
            "fn f() { rand::random::<u8>() }",
            "fn f() { getrandom::fill(b) }",
            "fn f() { println!(\"a\") }",
            "fn f() { eprintln ! (\"a\") }",
            "async fn f() {}",
        ] {
            assert_eq!(count(text), 1, "{text}");
        }
    }

    #[test]
    fn what_is_harmless_is_not_found() {
        for text in [
            "use std::time::Duration;",
            "use std::fmt; // std::thread, println!",
            "fn f() { \"std::env::var\"; let println = 1; println != 2; }",
            "mod rand; fn f() { rand::call(); }",
            "fn f(a: &A) { a.rand(); functions::rand::call(); }",
            "#[cfg(test)] mod tests { use std::thread; fn f() { println!(\"a\"); } }",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn other_crates_and_tests_are_free() {
        let text = "use std::thread;";
        assert_eq!(count_at("crates/expr/src/a.rs", text), 1);
        assert_eq!(count_at("crates/expr/tests/a.rs", text), 0);
        assert_eq!(count_at("crates/server/src/a.rs", text), 0);
    }
}
