//! A source file as the rules see it: its code, literals and comments, and which of its
//! parts are compiled for tests only.

use super::lexer::{Lexed, is_word, lex};
use std::ops::Range;

pub struct Source {
    /// Path from the root, with forward slashes.
    pub path: String,
    pub text: String,
    pub lexed: Lexed,
    /// Whether the whole file is compiled for tests only.
    pub test: bool,
    test_ranges: Vec<Range<usize>>,
}

/// An attribute: `#[...]` or `#![...]`.
pub struct Attribute<'a> {
    pub offset: usize,
    /// Offset behind the closing bracket.
    pub end: usize,
    pub inner: bool,
    /// The code between the brackets.
    pub text: &'a str,
}

impl Attribute<'_> {
    /// Whether the item that follows is compiled for tests only.
    pub fn is_test(&self) -> bool {
        let dense: String = self.text.split_whitespace().collect();
        dense == "test"
            || dense.ends_with("::test")
            || dense == "cfg(test)"
            || dense.starts_with("cfg(all(test,")
    }
}

impl Source {
    pub fn new(path: &str, text: String) -> Self {
        let lexed = lex(&text);
        let parts = path.split('/');
        let test = parts.clone().any(|part| matches!(part, "tests" | "benches"));
        let mut source = Source { path: path.to_owned(), text, lexed, test, test_ranges: vec![] };
        source.test_ranges = source.find_test_ranges();
        source.test |= source.attributes().iter().any(|found| found.inner && found.is_test());
        source
    }

    pub fn code(&self) -> &str {
        &self.lexed.code
    }

    /// The line of an offset, counted from one.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
    }

    /// Whether what stands at an offset is compiled for tests only.
    pub fn is_test(&self, offset: usize) -> bool {
        self.test || self.test_ranges.iter().any(|range| range.contains(&offset))
    }

    /// Every word of the code with its offset, numbers included.
    pub fn words(&self) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        let mut start = None;
        for (at, byte) in self.code().bytes().chain([b' ']).enumerate() {
            match start {
                None if is_word(byte) => start = Some(at),
                Some(first) if !is_word(byte) => {
                    found.push((first, &self.code()[first..at]));
                    start = None;
                }
                _ => {}
            }
        }
        found
    }

    pub fn attributes(&self) -> Vec<Attribute<'_>> {
        let code = self.code();
        let mut found = Vec::new();
        for (offset, _) in code.match_indices('#') {
            let rest = code[offset + 1..].trim_start();
            let inner = rest.starts_with('!');
            let rest = if inner { rest[1..].trim_start() } else { rest };
            if !rest.starts_with('[') {
                continue;
            }
            let open = code.len() - rest.len();
            if let Some(close) = closing(code, open) {
                let text = &code[open + 1..close];
                found.push(Attribute { offset, end: close + 1, inner, text });
            }
        }
        found
    }

    /// The modules declared as `mod name;`, and whether for tests only.
    pub fn declared_modules(&self) -> Vec<(&str, bool)> {
        let words = self.words();
        let declared = words.windows(2).filter(|pair| {
            let after = pair[1].0 + pair[1].1.len();
            pair[0].1 == "mod" && self.code()[after..].trim_start().starts_with(';')
        });
        declared.map(|pair| (pair[1].1, self.is_test(pair[0].0))).collect()
    }

    fn find_test_ranges(&self) -> Vec<Range<usize>> {
        let attributes = self.attributes();
        let tests = attributes.iter().filter(|attribute| attribute.is_test() && !attribute.inner);
        tests.map(|found| found.offset..item_end(self.code(), found.end)).collect()
    }
}

/// Offset of the bracket that closes the one at `open`.
pub fn closing(code: &str, open: usize) -> Option<usize> {
    let bytes = code.as_bytes();
    let (opens, closes) = match bytes.get(open)? {
        b'{' => (b'{', b'}'),
        b'(' => (b'(', b')'),
        b'[' => (b'[', b']'),
        _ => return None,
    };
    let mut depth = 0usize;
    for (at, &byte) in bytes.iter().enumerate().skip(open) {
        if byte == opens {
            depth += 1;
        } else if byte == closes {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Offset behind the item, field or statement that begins at `start`, perhaps with
/// further attributes.
fn item_end(code: &str, start: usize) -> usize {
    const ITEM: [&str; 15] = [
        "pub",
        "fn",
        "async",
        "const",
        "unsafe",
        "extern",
        "impl",
        "mod",
        "struct",
        "enum",
        "trait",
        "use",
        "static",
        "type",
        "macro_rules",
    ];
    let bytes = code.as_bytes();
    let mut at = start;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if bytes.get(at) != Some(&b'#') {
            break;
        }
        let open = code[at..].find('[').map_or(code.len(), |found| at + found);
        at = closing(code, open).map_or(code.len(), |close| close + 1);
    }
    let word: String =
        code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let is_item = ITEM.contains(&word.as_str());
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => return closing(code, at).map_or(code.len(), |close| close + 1),
            b'(' | b'[' => at = closing(code, at).map_or(code.len(), |close| close + 1),
            b';' => return at + 1,
            b',' | b'}' | b')' if !is_item => return at,
            _ => at += 1,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_part(text: &str, marker: &str) -> bool {
        let source = Source::new("crates/a/src/b.rs", text.to_owned());
        source.is_test(text.find(marker).expect("the marker is in the text"))
    }

    #[test]
    fn items_under_cfg_test_are_test_code() {
        let text = "fn a() {}\n#[cfg(test)]\n#[rustfmt::skip]\nmod tests { fn b() {} }\nfn c() {}";
        assert!(!test_part(text, "a()"));
        assert!(test_part(text, "b()"));
        assert!(!test_part(text, "c()"));
    }

    #[test]
    fn generics_and_clauses_do_not_end_an_item() {
        let text = "#[cfg(all(test, unix))] fn a<A, B>() where A: X, B: Y { b() } fn c() {}";
        assert!(test_part(text, "b()"));
        assert!(!test_part(text, "c()"));
    }

    #[test]
    fn fields_and_imports_end_where_they_end() {
        let text = "struct S { #[cfg(test)] a: u8, b: u8 } #[cfg(test)] use x::{y, z}; fn c() {}";
        assert!(test_part(text, "a: u8"));
        assert!(!test_part(text, "b: u8"));
        assert!(test_part(text, "z}"));
        assert!(!test_part(text, "c()"));
    }

    #[test]
    fn what_is_not_for_tests_only_is_not_test_code() {
        assert!(!test_part("#[cfg(not(test))] fn a() {}", "a()"));
        assert!(!test_part("#[cfg(any(test, unix))] fn a() {}", "a()"));
    }

    #[test]
    fn whole_files_are_test_code_by_place_or_attribute() {
        assert!(Source::new("crates/a/tests/b.rs", String::new()).test);
        assert!(Source::new("crates/a/src/b.rs", "#![cfg(test)]\n".to_owned()).test);
        assert!(!Source::new("crates/a/src/b.rs", "#![deny(x)]\n".to_owned()).test);
    }

    #[test]
    fn declared_modules_know_if_they_are_tests() {
        let text = "mod a; pub(crate) mod b; mod c { } #[cfg(test)] mod tests;";
        let source = Source::new("crates/a/src/lib.rs", text.to_owned());
        assert_eq!(source.declared_modules(), [("a", false), ("b", false), ("tests", true)]);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let source = Source::new("a.rs", "a\nb\n\nc".to_owned());
        assert_eq!([source.line(0), source.line(2), source.line(5)], [1, 2, 4]);
    }
}
