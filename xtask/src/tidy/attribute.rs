//! Rules `reason`, `unfinished` and `ignored`: a silenced lint says why, nothing unfinished is
//! handed in, and every test runs.

use super::Finding;
use super::source::{Attribute, Source};

const MACROS: [&str; 2] = ["todo", "unimplemented"];

/// Words that mark a plan in a comment; plans belong into issues.
const MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("TO", "DO")];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for attribute in source.attributes() {
        let (rule, message) = if is_silent(&attribute) {
            (
                "reason",
                "a lint is silenced; expected `reason = \"...\"` (and `expect`, not `allow`)",
            )
        } else if is_ignored(&attribute) {
            ("ignored", "an ignored test; expected one that runs, or none")
        } else {
            continue;
        };
        findings.push(Finding::at(source, attribute.offset, rule, message.to_owned()));
    }
    for (offset, word) in source.words() {
        let next = &source.code()[offset + word.len()..];
        if MACROS.contains(&word) && next.starts_with('!') && !next.starts_with("!=") {
            let message = format!("'{word}!'; expected finished code");
            findings.push(Finding::at(source, offset, "unfinished", message));
        }
    }
    for (offset, comment) in &source.lexed.comments {
        let mut words = comment.split(|c: char| !c.is_alphanumeric());
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            let message = format!("'{mark}' in a comment; expected an issue that says it");
            findings.push(Finding::at(source, *offset, "unfinished", message));
        }
    }
    findings
}

fn words<'a>(attribute: &'a Attribute) -> impl Iterator<Item = &'a str> {
    attribute
        .text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

fn is_silent(attribute: &Attribute) -> bool {
    let dense: String = attribute.text.split_whitespace().collect();
    let silences = ["allow(", "expect("].iter().any(|call| {
        dense.starts_with(call)
            || (dense.starts_with("cfg_attr(") && dense.contains(&format!(",{call}")))
    });
    silences && !words(attribute).any(|word| word == "reason")
}

fn is_ignored(attribute: &Attribute) -> bool {
    let mut words = words(attribute);
    match words.next() {
        Some("ignore") => true,
        Some("cfg_attr") => words.any(|word| word == "ignore"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        let source = Source::new("crates/flow/src/run.rs", text.to_owned());
        check(&source).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn silenced_lints_need_a_reason() {
        assert_eq!(rules("#[allow(dead_code)] fn f() {}"), ["reason"]);
        assert_eq!(rules("#![allow(\n  clippy::a,\n)]"), ["reason"]);
        assert_eq!(rules("#[expect(dead_code)] fn f() {}"), ["reason"]);
        assert_eq!(rules("#[cfg_attr(unix, allow(dead_code))] fn f() {}"), ["reason"]);
        assert_eq!(
            rules("#[expect(dead_code, reason = \"a\")] fn f() { \"#[allow(a)]\"; }"),
            [""; 0]
        );
    }

    #[test]
    fn unfinished_code_is_found() {
        assert_eq!(rules("fn f() { todo!() }"), ["unfinished"]);
        assert_eq!(rules("fn f() { unimplemented!(\"a\") }"), ["unfinished"]);
        assert_eq!(rules(concat!("// FIX", "ME: later")), ["unfinished"]);
        assert_eq!(rules(concat!("/* TO", "DO later */")), ["unfinished"]);
        assert_eq!(rules("fn todo() { let todo = \"todo!()\"; todo != 1; }"), [""; 0]);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(rules("#[test]\n#[ignore]\nfn f() {}"), ["ignored"]);
        assert_eq!(rules("#[ignore = \"slow\"] fn f() {}"), ["ignored"]);
        assert_eq!(rules("#[cfg_attr(unix, ignore)] fn f() {}"), ["ignored"]);
        assert_eq!(rules("#[test] fn ignore() {}"), [""; 0]);
    }
}
