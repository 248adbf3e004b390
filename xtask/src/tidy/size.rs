//! Rules `file-lines` and `function-lines`: nothing is longer than a person reads at once.

use super::Finding;
use super::source::{Source, closing};

pub const FILE_LINES_MAX: usize = 600;
pub const FUNCTION_LINES_MAX: usize = 70;

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        let message = format!("{lines} lines; expected at most {FILE_LINES_MAX}");
        findings.push(Finding::new(&source.path, lines, "file-lines", message));
    }
    for function in functions(source) {
        let first = source.line(function.start);
        let lines = source.line(function.end) - first + 1;
        if lines > FUNCTION_LINES_MAX {
            let name = function.name;
            let message = format!(
                "function '{name}' has {lines} lines; expected at most {FUNCTION_LINES_MAX}"
            );
            let mut finding = Finding::new(&source.path, first, "function-lines", message);
            finding.subject = format!("{}::{name}", source.path);
            findings.push(finding);
        }
    }
    findings
}

struct Function<'a> {
    name: &'a str,
    /// Offset of `fn`.
    start: usize,
    /// Offset of the closing brace.
    end: usize,
}

/// Every function with a body, nested ones and those of traits and macros included.
fn functions(source: &Source) -> Vec<Function<'_>> {
    let words = source.words();
    let mut found = Vec::new();
    for pair in words.windows(2) {
        let [(start, "fn"), (at, name)] = *pair else { continue };
        // `fn(` is the type of a function; `fn $name` stands in a macro.
        let between = source.code()[start + 2..at].trim();
        if !between.is_empty() && between != "$" {
            continue;
        }
        let end =
            body(source.code(), at + name.len()).and_then(|open| closing(source.code(), open));
        if let Some(end) = end {
            found.push(Function { name, start, end });
        }
    }
    found
}

/// Offset of the brace that opens the body of the function whose name ends at `from`.
fn body(code: &str, from: usize) -> Option<usize> {
    let bytes = code.as_bytes();
    let mut at = from;
    let mut last = b' ';
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b';' => return None,
            b'{' if last != b'<' => return Some(at),
            b'{' | b'(' | b'[' => at = closing(code, at)?,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: String) -> Vec<Finding> {
        check(&Source::new("crates/a/src/b.rs", text))
    }

    fn names(text: &str) -> Vec<String> {
        let source = Source::new("crates/a/src/b.rs", text.to_owned());
        functions(&source).iter().map(|function| function.name.to_owned()).collect()
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(findings("//\n".repeat(FILE_LINES_MAX)), []);
        let found = findings("//\n".repeat(FILE_LINES_MAX + 1));
        assert_eq!(
            found[0].to_string(),
            "crates/a/src/b.rs:601: file-lines: 601 lines; expected at most 600"
        );
    }

    #[test]
    fn a_long_function_is_found_despite_braces_in_text() {
        let body =
            |lines| format!("fn a() {{\n{}}}\nfn b() {{}}\n", "'}'; \"}\"; // }\n".repeat(lines));
        assert_eq!(findings(body(FUNCTION_LINES_MAX - 2)), []);
        let found = findings(body(FUNCTION_LINES_MAX - 1));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].rule), (1, "function-lines"));
        assert_eq!(found[0].subject, "crates/a/src/b.rs::a");
    }

    #[test]
    fn functions_are_told_from_types_and_declarations() {
        let text = "type F = fn(u8) -> u8; trait T { fn a(&self) -> [u8; 4]; fn b(&self) {} }
            impl X { pub async fn c<const N: usize>(f: fn()) -> Y<{ N }> where Z: Q { fn d() {} } }
            macro_rules! m { ($n:ident) => { fn $n() {} } }";
        assert_eq!(names(text), ["b", "c", "d", "n"]);
    }
}
