//! Tokens of an expression. Strings are unescaped here; names are bound later.

use crate::error::SyntaxError;
use crate::limits;
use crate::value::{Str, Value};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A function or property name, or one of the words `true`, `false`, `null`.
    Word(Str),
    /// A quoted string or a number.
    Literal(Value),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Question,
    /// The end of the text.
    End,
    /// A character that begins no token. Inside `@{...}` the brace that ends the
    /// expression is one of these.
    Other(char),
}

impl Token {
    /// The token in the words of an error message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Word(word) => format!("'{word}'"),
            Token::Literal(Value::String(_)) => "a string".to_owned(),
            Token::Literal(_) => "a number".to_owned(),
            Token::Open => "'('".to_owned(),
            Token::Close => "')'".to_owned(),
            Token::OpenBracket => "'['".to_owned(),
            Token::CloseBracket => "']'".to_owned(),
            Token::Comma => "','".to_owned(),
            Token::Dot => "'.'".to_owned(),
            Token::Question => "'?'".to_owned(),
            Token::End => "the end of the text".to_owned(),
            Token::Other(character) => format!("'{character}'"),
        }
    }
}

/// Cuts text into tokens, one at a time.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    /// Bytes read so far.
    position: usize,
    /// Characters that stand before `text` in the JSON string it is part of.
    base: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, base: usize) -> Self {
        Lexer { text, position: 0, base }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The character offset of a byte position within the JSON string.
    pub(crate) fn offset(&self, position: usize) -> usize {
        let before = self.text.get(..position).unwrap_or(self.text);
        self.base + if before.is_ascii() { before.len() } else { before.chars().count() }
    }

    pub(crate) fn error(&self, position: usize, message: String, expected: &str) -> SyntaxError {
        SyntaxError { message, offset: self.offset(position), expected: expected.to_owned() }
    }

    /// The next token and the byte position where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token, usize), SyntaxError> {
        let rest = &self.text[self.position..];
        let start = self.text.len() - rest.trim_start().len();
        self.position = start;
        let Some(first) = self.text[start..].chars().next() else {
            return Ok((Token::End, start));
        };
        let token = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            ',' => Token::Comma,
            '?' => Token::Question,
            '\'' => return Ok((self.string(start)?, start)),
            '0'..='9' | '+' | '-' => return Ok((self.number(start)?, start)),
            '.' if self.byte(start + 1).is_some_and(|byte| byte.is_ascii_digit()) => {
                return Ok((self.number(start)?, start));
            }
            '.' => Token::Dot,
            first if is_word_start(first) => {
                let rest = &self.text[start..];
                let length = rest.find(|c| !is_word_part(c)).unwrap_or(rest.len());
                self.position = start + length;
                self.check_length(self.position)?;
                return Ok((Token::Word(rest[..length].into()), start));
            }
            other => Token::Other(other),
        };
        self.position = start + first.len_utf8();
        self.check_length(self.position)?;
        Ok((token, start))
    }

    fn byte(&self, position: usize) -> Option<u8> {
        self.text.as_bytes().get(position).copied()
    }

    /// Fails when the expression has become too long. A character has at most four
    /// bytes, so most texts need no counting.
    fn check_length(&self, position: usize) -> Result<(), SyntaxError> {
        if position <= limits::EXPRESSION_CHARS_MAX
            || self.offset(position) - self.base <= limits::EXPRESSION_CHARS_MAX
        {
            return Ok(());
        }
        let message =
            format!("The expression is longer than {} characters.", limits::EXPRESSION_CHARS_MAX);
        Err(SyntaxError { message, offset: self.base, expected: "a shorter expression".to_owned() })
    }

    /// A string: everything up to the next quote that is not doubled.
    fn string(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut value = String::new();
        let mut from = start + 1;
        loop {
            let Some(length) = self.text[from..].find('\'') else {
                self.check_length(self.text.len())?;
                let message = "The string is not terminated.".to_owned();
                return Err(self.error(start, message, "a closing quote"));
            };
            let quote = from + length;
            self.check_length(quote + 1)?;
            value.push_str(&self.text[from..quote]);
            from = quote + 1;
            if self.byte(from) != Some(b'\'') {
                self.position = from;
                return Ok(Token::Literal(Value::from(value)));
            }
            value.push('\'');
            from += 1;
        }
    }

    fn number(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut end = start;
        if matches!(self.byte(end), Some(b'+' | b'-')) {
            end += 1;
        }
        let whole = self.digits(&mut end);
        let mut is_float = false;
        let mut fraction = 0;
        if self.byte(end) == Some(b'.') {
            is_float = true;
            end += 1;
            fraction = self.digits(&mut end);
        }
        if whole + fraction == 0 {
            let message = "The sign is not followed by a number.".to_owned();
            return Err(self.error(start, message, "a digit"));
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            is_float = true;
            end += 1;
            if matches!(self.byte(end), Some(b'+' | b'-')) {
                end += 1;
            }
            if self.digits(&mut end) == 0 {
                let message = "The exponent of the number has no digits.".to_owned();
                return Err(self.error(end, message, "a digit"));
            }
        }
        self.position = end;
        self.check_length(end)?;
        let text = &self.text[start..end];
        if is_float {
            let number = text.parse::<f64>().map_err(|_| self.bad_number(start, text))?;
            return Ok(Token::Literal(Value::Float(number)));
        }
        match text.parse::<i64>() {
            Ok(number) => Ok(Token::Literal(Value::Int(number))),
            Err(_) => Err(self.bad_number(start, text)),
        }
    }

    fn bad_number(&self, start: usize, text: &str) -> SyntaxError {
        let shown: String = text.chars().take(40).collect();
        let message = format!("The number '{shown}' is out of range.");
        self.error(start, message, "a number of 64 bits")
    }

    fn digits(&self, end: &mut usize) -> usize {
        let from = *end;
        while self.byte(*end).is_some_and(|byte| byte.is_ascii_digit()) {
            *end += 1;
        }
        *end - from
    }
}

fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || character == '_' || character == '$'
}

fn is_word_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
        let mut lexer = Lexer::new(text, 0);
        let mut all = Vec::new();
        loop {
            match lexer.next()?.0 {
                Token::End => return Ok(all),
                token => all.push(token),
            }
        }
    }

    #[test]
    fn numbers_and_strings() {
        let literal = |text: &str| match tokens(text).unwrap().as_slice() {
            [Token::Literal(value)] => value.clone(),
            other => Value::from(format!("{other:?}")),
        };
        assert_eq!(literal(" +7"), Value::Int(7));
        assert_eq!(literal("-01.0"), Value::Float(-1.0));
        assert_eq!(literal("1."), Value::Float(1.0));
        assert_eq!(literal(".5"), Value::Float(0.5));
        assert_eq!(literal("+.5e1"), Value::Float(5.0));
        assert_eq!(literal("'it''s'"), Value::from("it's"));
        for bad in ["1e", "1e+", "+", "++1", "'a", "9223372036854775808"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn offsets_count_characters_not_bytes() {
        let error = tokens("'äöü' 'x").unwrap_err();
        assert_eq!(error.offset, 6);
    }
}
