//! OData filters: text to a tree.
//!
//! What the connector's documentation page shows and flows use: comparisons, `and`, `or`,
//! `not`, brackets, and the functions of texts.

use super::super::limits::{FILTER_BYTES_MAX, FILTER_DEPTH_MAX};
use super::super::stop::Stop;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Operand, Comparison, Operand),
    /// `contains(text, part)` and its kin.
    Has(Operand, Where, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Anywhere,
    AtStart,
    AtEnd,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Column(String),
    Text(String),
    Number(String),
    Flag(bool),
    Null,
    Lower(Box<Operand>),
    Upper(Box<Operand>),
    Trim(Box<Operand>),
    Length(Box<Operand>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Open,
    Close,
    Comma,
}

/// Reads a filter.
pub(super) fn read(text: &str) -> Result<Filter, Stop> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(Stop::bad(format!("The filter has more than {FILTER_BYTES_MAX} bytes.")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let filter = parser.either()?;
    match parser.tokens.get(parser.at) {
        None => Ok(filter),
        Some(token) => Err(wrong(&format!("{token:?} stands after its end"))),
    }
}

fn wrong(reason: &str) -> Stop {
    Stop::bad(format!("The filter cannot be read: {reason}."))
}

fn tokens(text: &str) -> Result<Vec<Token>, Stop> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' => quoted(rest)?,
            '[' => bracketed(rest)?,
            '0'..='9' | '-' => {
                let end = rest.find(|c: char| !is_literal(c)).unwrap_or(rest.len());
                let literal = &rest[..end];
                // Dates and ids begin with digits too; the database reads them as texts.
                let token = match literal.parse::<f64>() {
                    Ok(number) if number.is_finite() => Token::Number(literal.to_owned()),
                    _ => Token::Text(literal.to_owned()),
                };
                (token, end)
            }
            c if c.is_alphabetic() || c == '_' || c == '@' => {
                let is_word =
                    |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '$' | '-');
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                match rest[end..].chars().next() {
                    // guid'...' and datetime'...' of older versions
                    Some('\'') if matches!(word, "guid" | "datetime" | "datetimeoffset") => {
                        let (token, length) = quoted(&rest[end..])?;
                        (token, end + length)
                    }
                    _ => (Token::Word(word.to_owned()), end),
                }
            }
            other => return Err(wrong(&format!("'{other}' is not expected"))),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn is_literal(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '+')
}

/// `'it''s'`
fn quoted(rest: &str) -> Result<(Token, usize), Stop> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            text.push(letter);
        } else if letters.peek().is_some_and(|(_, next)| *next == '\'') {
            letters.next();
            text.push('\'');
        } else {
            return Ok((Token::Text(text), at + 1));
        }
    }
    Err(wrong("a text has no end"))
}

/// `[Column name]`
fn bracketed(rest: &str) -> Result<(Token, usize), Stop> {
    let end = rest.find(']').ok_or_else(|| wrong("a bracket is not closed"))?;
    Ok((Token::Word(rest[1..end].to_owned()), end + 1))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn either(&mut self) -> Result<Filter, Stop> {
        let mut left = self.both()?;
        while self.takes_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, Stop> {
        let mut left = self.single()?;
        while self.takes_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Filter, Stop> {
        self.deeper()?;
        let filter = if self.takes_word("not") {
            Filter::Not(Box::new(self.single()?))
        } else if self.takes(&Token::Open) {
            let inner = self.either()?;
            self.needs(&Token::Close)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, Stop> {
        if let Some(place) = self.function_of_two() {
            self.at += 2;
            let (mut text, mut part) = {
                let first = self.operand()?;
                self.needs(&Token::Comma)?;
                (first, self.operand()?)
            };
            self.needs(&Token::Close)?;
            if place.1 == Order::PartFirst {
                std::mem::swap(&mut text, &mut part);
            }
            // `contains(...) eq true` says the same.
            let has = Filter::Has(text, place.0, part);
            if self.takes_word("eq") {
                return match self.operand()? {
                    Operand::Flag(true) => Ok(has),
                    Operand::Flag(false) => Ok(Filter::Not(Box::new(has))),
                    _ => Err(wrong("such a function is true or false")),
                };
            }
            return Ok(has);
        }
        let left = self.operand()?;
        let Some(Token::Word(word)) = self.next() else {
            return Err(wrong("a comparison is missing"));
        };
        let comparison = match word.to_ascii_lowercase().as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            _ => {
                return Err(wrong(&format!(
                    "'{word}' is no comparison; expected eq, ne, gt, ge, lt or le"
                )));
            }
        };
        Ok(Filter::Compare(left, comparison, self.operand()?))
    }

    fn function_of_two(&self) -> Option<(Where, Order)> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return None };
        if self.tokens.get(self.at + 1) != Some(&Token::Open) {
            return None;
        }
        match word.to_ascii_lowercase().as_str() {
            "contains" => Some((Where::Anywhere, Order::TextFirst)),
            "substringof" => Some((Where::Anywhere, Order::PartFirst)),
            "startswith" => Some((Where::AtStart, Order::TextFirst)),
            "endswith" => Some((Where::AtEnd, Order::TextFirst)),
            _ => None,
        }
    }

    fn operand(&mut self) -> Result<Operand, Stop> {
        self.deeper()?;
        let operand = match self.next() {
            Some(Token::Text(text)) => Operand::Text(text),
            Some(Token::Number(number)) => Operand::Number(number),
            Some(Token::Word(word)) if self.takes(&Token::Open) => {
                let inner = Box::new(self.operand()?);
                self.needs(&Token::Close)?;
                match word.to_ascii_lowercase().as_str() {
                    "tolower" => Operand::Lower(inner),
                    "toupper" => Operand::Upper(inner),
                    "trim" => Operand::Trim(inner),
                    "length" => Operand::Length(inner),
                    _ => return Err(wrong(&format!("the function '{word}' is not known"))),
                }
            }
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Operand::Flag(true),
                "false" => Operand::Flag(false),
                "null" => Operand::Null,
                _ => Operand::Column(word),
            },
            _ => return Err(wrong("a column or a value is missing")),
        };
        self.depth -= 1;
        Ok(operand)
    }

    fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            return Err(wrong(&format!("it is more than {FILTER_DEPTH_MAX} levels deep")));
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.at), Some(Token::Word(it)) if it.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn needs(&mut self, token: &Token) -> Result<(), Stop> {
        if self.takes(token) { Ok(()) } else { Err(wrong(&format!("{token:?} is missing"))) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    TextFirst,
    PartFirst,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn or_binds_less_than_and() {
        let filter = read("a eq 1 or b eq 'it''s' and not (c ne null)").unwrap();
        let Filter::Or(_, right) = filter else { panic!("{filter:?}") };
        let Filter::And(left, right) = *right else { panic!() };
        let text = Operand::Text("it's".to_owned());
        assert_eq!(
            *left,
            Filter::Compare(Operand::Column("b".to_owned()), Comparison::Equal, text)
        );
        assert!(matches!(*right, Filter::Not(_)));
    }

    #[test]
    fn dates_and_ids_are_texts() {
        for (text, value) in [
            ("d ge 2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("d ge datetime'2026-01-02'", "2026-01-02"),
            ("d ge 0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ] {
            let Filter::Compare(_, _, found) = read(text).unwrap() else { panic!("{text}") };
            assert_eq!(found, Operand::Text(value.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let deep = format!("{}a eq 1{}", "(".repeat(200), ")".repeat(200));
        let nots = format!("{}a eq 1", "not ".repeat(5_000));
        for text in [
            "",
            "a",
            "a eq",
            "a is 1",
            "a eq 1 b",
            "a eq 'x",
            "(a eq 1",
            "a eq 1)",
            "a eq 1;",
            "foo(a) eq 1",
            "contains(a) eq 1",
            "a eq 1 or",
            "[a eq 1",
            "a eq 1 -- x",
            &deep,
            &nots,
            "tolower(tolower(",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9 ()'\\[\\],.@é-]{0,40}|\\PC{0,40}") {
            let _ = read(&text);
        }
    }
}
