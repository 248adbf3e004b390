//! Rules `sql` and `status`: SQL is written in the store only, HTTP status codes are chosen
//! where the wire is.

use super::Finding;
use super::source::Source;

/// Where SQL may be written. The tests of the layer under SQLite speak to SQLite itself, and
/// the SQL connector to the databases of others.
const STORE: [&str; 4] = [
    "crates/store",
    "faultfs/tests",
    "crates/connector/src/builtin/sql",
    "crates/connector/tests/builtin/sql",
];

/// Where a status code may be named. The connector and the command line read those of others.
const WIRE: [&str; 3] = ["crates/server/src/api", "crates/server/src/cli", "crates/connector"];

/// What SQL creates.
const KINDS: [&str; 7] = ["table", "index", "unique", "trigger", "view", "temp", "virtual"];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !STORE.iter().any(|place| is_in(&source.path, place)) {
        for (offset, text) in &source.lexed.strings {
            if is_statement(text) {
                let message = "an SQL statement; expected only below crates/store".to_owned();
                findings.push(Finding::at(source, *offset, "sql", message));
            }
        }
    }
    let wire = WIRE.iter().any(|place| is_in(&source.path, place));
    if source.path.starts_with("crates/") && !wire {
        for (offset, word) in source.words() {
            let next = source.code()[offset + word.len()..].trim_start();
            if word == "StatusCode" && next.starts_with("::") && !source.is_test(offset) {
                let message = "an HTTP status code; expected only below crates/server/src/api";
                findings.push(Finding::at(source, offset, "status", message.to_owned()));
            }
        }
    }
    findings
}

/// Whether a file is a module, one below it, or in a directory.
fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether a text is the beginning of an SQL statement. Upper case is enough for words that
/// are nothing else; methods of HTTP and sentences of English need their second word.
fn is_statement(text: &str) -> bool {
    let mut rest = text;
    while let Some(next) = ["\\n", "\\t", "\\\n"].iter().find_map(|skip| rest.strip_prefix(skip)) {
        rest = next.trim_start();
    }
    let mut words = rest.split_whitespace();
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let sure = first == first.to_ascii_uppercase();
    if !sure && first != first.to_ascii_lowercase() {
        return false;
    }
    let second = second.to_ascii_lowercase();
    let mut has = |word: &str| words.any(|found| found.eq_ignore_ascii_case(word));
    match first.to_ascii_lowercase().as_str() {
        "select" => sure || has("from"),
        "insert" => matches!(second.as_str(), "into" | "or"),
        "update" => has("set"),
        "delete" => second == "from",
        "create" => KINDS.contains(&second.as_str()),
        "alter" => second == "table",
        "pragma" => sure || second.contains('='),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::new(path, text.to_owned());
        check(&source).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        for text in [
            "\"SELECT 1\"",
            "\"\\\n   INSERT INTO run VALUES (1)\"",
            "r#\"\n  UPDATE run SET a = 1\"#",
            "\"DELETE FROM run\"",
            "\"create table run (a)\"",
            "\"PRAGMA journal_mode\"",
            "\"ALTER TABLE run\"",
            "\"select a from run\"",
        ] {
            assert_eq!(rules("crates/server/src/app/run.rs", text), ["sql"], "{text}");
            assert_eq!(rules("crates/store/src/sqlite/run.rs", text), [""; 0], "{text}");
            assert_eq!(rules("faultfs/tests/layer.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn methods_and_sentences_are_no_sql() {
        for text in ["DELETE", "DELETE /flows/{name}", "Select", "Select one from", "UPDATE"] {
            let source = format!("// SELECT 1\nlet a = \"{text}\";");
            assert_eq!(rules("crates/server/src/app/run.rs", &source), [""; 0], "{text}");
        }
    }

    #[test]
    fn status_codes_outside_the_wire_are_found() {
        let text = "fn f() { StatusCode::OK; }";
        assert_eq!(rules("crates/server/src/app/run.rs", text), ["status"]);
        assert_eq!(rules("crates/flow/src/run.rs", text), ["status"]);
        for path in ["crates/server/src/api/run.rs", "crates/server/tests/a.rs", "bench/src/a.rs"] {
            assert_eq!(rules(path, text), [""; 0], "{path}");
        }
        let test = "#[cfg(test)] mod tests { fn f() { StatusCode::OK; } } fn g(a: StatusCode) {}";
        assert_eq!(rules("crates/server/src/app/run.rs", test), [""; 0]);
    }
}
