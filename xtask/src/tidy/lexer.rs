//! Splits Rust text into code, string literals and comments.
//!
//! Knows just enough of the language that braces and words can be found in code without
//! being misled by strings, raw strings, characters, lifetimes and nested comments.
//!
//! Invariant: `code` has the length of the text and the same line breaks, so that an
//! offset means the same in both.

/// What a text consists of.
pub struct Lexed {
    /// The text with comments and the insides of literals replaced by spaces.
    pub code: String,
    /// String literals: offset of the first character inside, and the text between the quotes.
    pub strings: Vec<(usize, String)>,
    /// Comments with their slashes.
    pub comments: Vec<(usize, String)>,
}

pub fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        code: Vec::with_capacity(text.len()),
        strings: Vec::new(),
        comments: Vec::new(),
    };
    lexer.run();
    Lexed {
        code: String::from_utf8_lossy(&lexer.code).into_owned(),
        strings: lexer.strings,
        comments: lexer.comments,
    }
}

/// Whether a byte can be part of a word.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    code: Vec<u8>,
    strings: Vec<(usize, String)>,
    comments: Vec<(usize, String)>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'"' => self.string(),
                b'\'' => self.quote(),
                byte if is_word(byte) => self.word(),
                _ => self.keep(1),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.code.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
    }

    /// Replaces everything up to `end` by spaces and gives the text that stood there.
    fn blank(&mut self, end: usize) -> String {
        let end = end.min(self.bytes.len());
        let bytes = &self.bytes[self.at..end];
        self.code.extend(bytes.iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }));
        let text = self.text[self.at..end].to_owned();
        self.at = end;
        text
    }

    fn line_comment(&mut self) {
        let offset = self.at;
        let length = self.text[offset..].find('\n').unwrap_or(self.text.len() - offset);
        let comment = self.blank(offset + length);
        self.comments.push((offset, comment));
    }

    fn block_comment(&mut self) {
        let offset = self.at;
        let mut end = offset + 2;
        let mut depth = 1;
        while depth > 0 && end < self.bytes.len() {
            let step = match &self.bytes[end..] {
                [b'/', b'*', ..] => {
                    depth += 1;
                    2
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    2
                }
                _ => 1,
            };
            end += step;
        }
        let comment = self.blank(end);
        self.comments.push((offset, comment));
    }

    /// A string with escapes; stands on its opening quote.
    fn string(&mut self) {
        self.keep(1);
        let mut end = self.at;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.literal(end);
        self.keep(1);
    }

    /// A raw string; stands on its first `#` or its opening quote.
    fn raw_string(&mut self, hashes: usize) {
        self.keep(hashes + 1);
        let close = format!("\"{}", "#".repeat(hashes));
        let length = self.text[self.at..].find(&close).unwrap_or(self.text.len() - self.at);
        self.literal(self.at + length);
        self.keep(close.len());
    }

    fn literal(&mut self, end: usize) {
        let offset = self.at;
        let text = self.blank(end);
        self.strings.push((offset, text));
    }

    /// A character, whose inside is blanked, or a lifetime, which is kept.
    fn quote(&mut self) {
        let start = self.at + 1;
        let end = if self.peek(1) == Some(b'\\') {
            self.text.get(start + 2..).and_then(|rest| rest.find('\'')).map(|at| start + 2 + at)
        } else {
            let first = self.text[start..].chars().next();
            let end = start + first.map_or(0, char::len_utf8);
            (first != Some('\'') && self.bytes.get(end) == Some(&b'\'')).then_some(end)
        };
        self.keep(1);
        if let Some(end) = end {
            self.blank(end);
            self.keep(1);
        }
    }

    /// A word, which may turn out to be the prefix of a literal.
    fn word(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take_while(|&&byte| is_word(byte)).count();
        let word = &self.text[self.at..self.at + length];
        let raw = matches!(word, "r" | "br" | "cr");
        let raw_name = word == "r";
        self.keep(length);
        if !raw {
            return;
        }
        let hashes = self.bytes[self.at..].iter().take_while(|&&byte| byte == b'#').count();
        match self.peek(hashes) {
            Some(b'"') => self.raw_string(hashes),
            Some(byte) if raw_name && hashes == 1 && is_word(byte) => {
                // A raw name such as r#fn stays one word, so that it is not taken for a keyword.
                self.code.push(b'_');
                self.at += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let lexed = lex(text);
        assert_eq!(lexed.code.len(), text.len());
        lexed.code
    }

    #[test]
    fn strings_are_blanked_and_kept_apart() {
        let lexed = lex(r#"let a = "x { \" }"; let b = b"y";"#);
        assert_eq!(lexed.code, r#"let a = "        "; let b = b" ";"#);
        assert_eq!(lexed.strings, [(9, r#"x { \" }"#.to_owned()), (30, "y".to_owned())]);
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let lexed = lex("r\"a\\\" + br##\"b\"# {\"## }");
        assert_eq!(lexed.code, "r\"  \" + br##\"     \"## }");
        assert_eq!(lexed.strings[1].1, "b\"# {");
    }

    #[test]
    fn a_backslash_before_the_quote_ends_no_string() {
        assert_eq!(code(r#"("\\", "}")"#), r#"("  ", " ")"#);
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(code(r"fn f<'a>(x: &'a str) { '{' }"), r"fn f<'a>(x: &'a str) { ' ' }");
        assert_eq!(code(r"['\'', '\u{7d}', b'\\', 'é']"), r"['  ', '      ', b'  ', '  ']");
        assert_eq!(code("'label: loop { break 'label; }"), "'label: loop { break 'label; }");
    }

    #[test]
    fn comments_nest_and_end() {
        let lexed = lex("a /* { /* } */ \" */ b // '{\nc");
        assert_eq!(lexed.code, format!("a{}b{}\nc", " ".repeat(19), " ".repeat(6)));
        assert_eq!(lexed.comments.len(), 2);
        assert_eq!(lexed.comments[1].1, "// '{");
    }

    #[test]
    fn raw_names_are_no_keywords() {
        assert_eq!(code("r#fn + r\"\""), "r_fn + r\"\"");
    }

    #[test]
    fn unfinished_text_ends_quietly() {
        for text in ["\"a", "r#\"a", "/* a", "'", "'\\", "\"\\", "r#", "b'"] {
            code(text);
        }
    }
}
