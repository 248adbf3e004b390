//! Which paths a source names: imports taken apart, and paths written out in the code.

use super::lexer::is_word;
use super::source::Source;

/// A path as it is named, such as `std::time::Instant`; an import of all ends in `*`.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage<'a> {
    pub offset: usize,
    pub path: Vec<&'a str>,
    pub import: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// `::`
    Colons,
    Other(u8),
}

pub fn usages(source: &Source) -> Vec<Usage<'_>> {
    let mut reader = Reader { tokens: tokens(source.code()), at: 0, found: Vec::new() };
    while let Some((_, token)) = reader.tokens.get(reader.at).copied() {
        match token {
            Token::Word("use") => {
                reader.at += 1;
                reader.tree(&mut Vec::new());
            }
            Token::Word(_) => reader.path(),
            _ => reader.at += 1,
        }
    }
    reader.found
}

fn tokens(code: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
        if length > 0 {
            tokens.push((at, Token::Word(&code[at..at + length])));
            at += length;
        } else if bytes[at..].starts_with(b"::") {
            tokens.push((at, Token::Colons));
            at += 2;
        } else {
            if !bytes[at].is_ascii_whitespace() {
                tokens.push((at, Token::Other(bytes[at])));
            }
            at += 1;
        }
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<(usize, Token<'a>)>,
    at: usize,
    found: Vec<Usage<'a>>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(_, token)| *token)
    }

    /// One branch of an import, up to the comma, brace or semicolon behind it.
    fn tree(&mut self, prefix: &mut Vec<&'a str>) {
        let outer = prefix.len();
        while let Some((offset, token)) = self.tokens.get(self.at).copied() {
            match token {
                Token::Word("as") => self.at += 2,
                Token::Word("self") if !prefix.is_empty() => {
                    self.found.push(Usage { offset, path: prefix.clone(), import: true });
                    self.at += 1;
                }
                Token::Word(word) => {
                    prefix.push(word);
                    self.at += 1;
                    if self.peek() != Some(Token::Colons) {
                        self.found.push(Usage { offset, path: prefix.clone(), import: true });
                    }
                }
                Token::Other(b'*') => {
                    let path = prefix.iter().copied().chain(["*"]).collect();
                    self.found.push(Usage { offset, path, import: true });
                    self.at += 1;
                }
                Token::Colons => self.at += 1,
                Token::Other(b'{') => {
                    self.group(prefix);
                    break;
                }
                Token::Other(_) => break,
            }
        }
        prefix.truncate(outer);
    }

    fn group(&mut self, prefix: &mut Vec<&'a str>) {
        while matches!(self.peek(), Some(Token::Other(b'{' | b','))) {
            self.at += 1;
            self.tree(prefix);
        }
        self.at += 1;
    }

    /// A path in the code, unless it goes on from something that is no name.
    fn path(&mut self) {
        let start = self.at;
        let goes_on = match self.tokens[..start] {
            [.., (_, before), (_, Token::Colons)] => {
                matches!(before, Token::Word(_) | Token::Other(b'>' | b')' | b']'))
            }
            [.., (_, Token::Other(b'.'))] => true,
            _ => false,
        };
        let mut path = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            path.push(word);
            self.at += 1;
            let next = self.tokens.get(self.at + 1).map(|(_, token)| *token);
            if self.peek() == Some(Token::Colons) && matches!(next, Some(Token::Word(_))) {
                self.at += 1;
            } else {
                break;
            }
        }
        if !goes_on {
            self.found.push(Usage { offset: self.tokens[start].0, path, import: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str, import: bool) -> Vec<String> {
        let source = Source::new("crates/a/src/b.rs", text.to_owned());
        let found = usages(&source).into_iter().filter(|usage| usage.import == import);
        found.map(|usage| usage.path.join("::")).collect()
    }

    #[test]
    fn imports_are_taken_apart() {
        let text =
            "use std::{fmt::{self, Write as _}, time::Instant, io::*}; use a as b; fn c() {}";
        let expected = ["std::fmt", "std::fmt::Write", "std::time::Instant", "std::io::*", "a"];
        assert_eq!(paths(text, true), expected);
        assert_eq!(paths(text, false), ["fn", "c"]);
    }

    #[test]
    fn paths_in_code_are_found_whole() {
        let text = "::std::env::var(x) + Vec::<u8>::new() + y.rand::z + <A as B>::now()";
        let expected = ["std::env::var", "x", "Vec", "u8", "A", "as", "B"];
        assert_eq!(
            paths(text, false).iter().filter(|path| *path != "y").collect::<Vec<_>>(),
            expected
        );
    }
}
