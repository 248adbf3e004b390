//! The one list of exceptions. A line names a rule, a place and a reason:
//!
//! ```text
//! file-lines crates/expr/src/zones.rs a generated table
//! function-lines crates/expr/src/parse.rs::token one arm a kind of token
//! ```
//!
//! A line that excepts nothing is itself a finding, so the list can only shrink.

use super::Finding;

pub const LIST: &str = "xtask/tidy-exceptions.txt";

#[derive(Debug, PartialEq, Eq)]
pub struct Exception {
    pub line: usize,
    pub rule: String,
    pub subject: String,
    pub reason: String,
}

/// The lines of the list, those with missing parts included; `#` begins a comment.
pub fn parse(text: &str) -> Vec<Exception> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let exceptions = lines.map(|(line, text)| {
        let mut parts = text.splitn(3, char::is_whitespace).map(|part| part.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        Exception { line, rule: next(), subject: next(), reason: next() }
    });
    exceptions.collect()
}

/// The findings that no exception covers, and the exceptions that cover no finding.
pub fn apply(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let covers = |exception: &Exception, finding: &Finding| {
        exception.rule == finding.rule && exception.subject == finding.subject
    };
    let mut left = Vec::new();
    for exception in exceptions {
        let problem = if exception.reason.is_empty() {
            "expected a rule, a place and a reason"
        } else if !findings.iter().any(|finding| covers(exception, finding)) {
            "nothing to except here any more; expected the line to be taken out"
        } else {
            continue;
        };
        left.push(Finding::new(LIST, exception.line, "exception", problem.to_owned()));
    }
    let uncovered = findings
        .into_iter()
        .filter(|finding| !exceptions.iter().any(|exception| covers(exception, finding)));
    left.extend(uncovered);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(list: &str) -> Vec<String> {
        let mut long = Finding::new("a.rs", 7, "function-lines", "long".to_owned());
        long.subject = "a.rs::f".to_owned();
        let sql = Finding::new("b.rs", 1, "sql", "sql".to_owned());
        let left = apply(vec![long, sql], &parse(list));
        left.iter()
            .map(|finding| format!("{}:{}:{}", finding.path, finding.line, finding.rule))
            .collect()
    }

    #[test]
    fn an_exception_covers_its_rule_and_place_only() {
        assert_eq!(left(""), ["a.rs:7:function-lines", "b.rs:1:sql"]);
        assert_eq!(left("# why\n\nfunction-lines a.rs::f a table"), ["b.rs:1:sql"]);
    }

    #[test]
    fn a_stale_exception_is_found() {
        let list = "sql a.rs moved\nsql b.rs audits\nfunction-lines a.rs::f a table";
        assert_eq!(left(list), [format!("{LIST}:1:exception")]);
    }

    #[test]
    fn an_exception_without_reason_is_found() {
        let list = "sql b.rs\nfunction-lines a.rs::f a table";
        assert_eq!(left(list), [format!("{LIST}:1:exception")]);
    }
}
