//! Text of an expression to its tree.
//!
//! Functions and literal names are bound here, once. A name that binds to nothing
//! is not an error here: whether it is one depends on whether it is evaluated.

use crate::context::{Binder, Name, RefKind};
use crate::error::SyntaxError;
use crate::functions::{self, Function};
use crate::lex::{Lexer, Token};
use crate::limits;
use crate::template::Node;
use crate::value::{Str, Value};

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    pub(crate) kind: Kind,
    /// Characters from the start of the JSON string it stands in.
    pub(crate) offset: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value),
    Call(Box<Call>),
    Access(Box<Access>),
    /// A template in the place of an argument: only in the operator tree of a
    /// condition.
    Template(Box<Nested>),
}

/// A function call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The function's name as it is written.
    pub(crate) written: Str,
    pub(crate) function: Option<&'static Function>,
    pub(crate) args: Box<[Expr]>,
    /// The first argument, bound, of a reference function called with a literal.
    pub(crate) name: Option<Name>,
    /// Where the call stands below the template's root; only in operator trees.
    pub(crate) path: Option<Box<str>>,
}

/// Property and index accesses after a value.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) base: Expr,
    pub(crate) steps: Box<[Step]>,
    /// The whole expression as written, for messages.
    pub(crate) source: Str,
}

/// `.name`, `?.name`, `[index]` or `?[index]`.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) index: Index,
    /// Whether a missing property gives null instead of an error.
    pub(crate) optional: bool,
    pub(crate) offset: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Index {
    /// A property name known when parsed. `dotted` names are no paths.
    Name {
        name: Str,
        dotted: bool,
    },
    Computed(Expr),
}

/// A template below an operator, with its place below the root.
#[derive(Clone, Debug)]
pub(crate) struct Nested {
    pub(crate) path: Box<str>,
    pub(crate) node: Node,
}

/// Parses text that is one expression, without the leading `@`.
pub fn parse_expression(text: &str, binder: &dyn Binder) -> Result<Expr, SyntaxError> {
    parse_whole(text, 0, binder)
}

/// Parses all of `text`, which stands `base` characters into its JSON string.
pub(crate) fn parse_whole(
    text: &str,
    base: usize,
    binder: &dyn Binder,
) -> Result<Expr, SyntaxError> {
    let mut parser = Parser::new(text, base, binder)?;
    let expression = parser.expression(0)?;
    match &parser.token {
        Token::End => Ok(expression),
        other => {
            let message = format!("Unexpected {} after the expression.", other.describe());
            Err(parser.error(message, "the end of the expression"))
        }
    }
}

/// Parses an expression at the start of `text` that a `}` ends. Returns it with the
/// bytes read, the brace included.
pub(crate) fn parse_braced(
    text: &str,
    base: usize,
    binder: &dyn Binder,
) -> Result<(Expr, usize), SyntaxError> {
    let mut parser = Parser::new(text, base, binder)?;
    if parser.token == Token::Other('}') {
        let message = "The braces hold no expression.".to_owned();
        return Err(parser.error(message, "an expression"));
    }
    let expression = parser.expression(0)?;
    match &parser.token {
        Token::Other('}') => Ok((expression, parser.lexer.position())),
        other => {
            let message = format!("Unexpected {} in the braces.", other.describe());
            Err(parser.error(message, "'}'"))
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token not yet used, and where it begins.
    token: Token,
    start: usize,
    /// Where the token before ended.
    end: usize,
    binder: &'a dyn Binder,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, base: usize, binder: &'a dyn Binder) -> Result<Self, SyntaxError> {
        let mut lexer = Lexer::new(text, base);
        let (token, start) = lexer.next()?;
        Ok(Parser { lexer, token, start, end: 0, binder })
    }

    fn advance(&mut self) -> Result<Token, SyntaxError> {
        self.end = self.lexer.position();
        // The brace that ends an embedded expression is the last token: what
        // follows is not part of the language.
        let (next, start) = match self.token {
            Token::Other(_) => (Token::End, self.end),
            _ => self.lexer.next()?,
        };
        self.start = start;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn error(&self, message: String, expected: &str) -> SyntaxError {
        self.lexer.error(self.start, message, expected)
    }

    fn offset(&self, position: usize) -> u32 {
        u32::try_from(self.lexer.offset(position)).unwrap_or(u32::MAX)
    }

    fn expect(&mut self, token: &Token, expected: &str) -> Result<(), SyntaxError> {
        if &self.token == token {
            self.advance()?;
            return Ok(());
        }
        let message = format!("Unexpected {}.", self.token.describe());
        Err(self.error(message, expected))
    }

    fn expression(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        if depth > limits::EXPRESSION_DEPTH_MAX {
            let message = format!(
                "The expression is nested more than {} levels deep.",
                limits::EXPRESSION_DEPTH_MAX
            );
            return Err(self.error(message, "a flatter expression"));
        }
        let start = self.start;
        let base = self.primary(depth)?;
        let mut steps = Vec::new();
        while let Some(step) = self.step(depth)? {
            steps.push(step);
        }
        if steps.is_empty() {
            return Ok(base);
        }
        let source = Str::from(&self.lexer.text()[start..self.end]);
        let offset = base.offset;
        let access = Access { base, steps: steps.into(), source };
        Ok(Expr { kind: Kind::Access(Box::new(access)), offset })
    }

    fn primary(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        let start = self.start;
        let offset = self.offset(start);
        let word = match &self.token {
            Token::Literal(_) | Token::Word(_) => match self.advance()? {
                Token::Literal(value) => return Ok(Expr { kind: Kind::Literal(value), offset }),
                Token::Word(word) => word,
                other => other.describe().into(),
            },
            other => {
                let message = format!("Unexpected {}.", other.describe());
                return Err(self.error(message, "a function call, a string or a number"));
            }
        };
        if self.token == Token::Open {
            return self.call(word, offset, depth);
        }
        let value = match word.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => {
                let message = format!("The name '{word}' is not followed by arguments.");
                return Err(self.error(message, "'('"));
            }
        };
        Ok(Expr { kind: Kind::Literal(value), offset })
    }

    fn call(&mut self, written: Str, offset: u32, depth: usize) -> Result<Expr, SyntaxError> {
        self.advance()?;
        let mut args = Vec::new();
        if self.token == Token::Close {
            self.advance()?;
        } else {
            loop {
                args.push(self.expression(depth + 1)?);
                if self.token == Token::Comma {
                    self.advance()?;
                    continue;
                }
                self.expect(&Token::Close, "',' or ')'")?;
                break;
            }
        }
        Ok(call(written, args, offset, self.binder))
    }

    fn step(&mut self, depth: usize) -> Result<Option<Step>, SyntaxError> {
        let offset = self.offset(self.start);
        let optional = self.token == Token::Question;
        if optional {
            self.advance()?;
        }
        let index = match &self.token {
            Token::Dot => {
                self.advance()?;
                let Token::Word(name) = &self.token else {
                    let message = format!("Unexpected {} after '.'.", self.token.describe());
                    return Err(self.error(message, "a property name"));
                };
                let name = name.clone();
                self.advance()?;
                Index::Name { name, dotted: true }
            }
            Token::OpenBracket => {
                self.advance()?;
                let index = self.expression(depth + 1)?;
                self.expect(&Token::CloseBracket, "']'")?;
                match index.kind {
                    Kind::Literal(Value::String(name)) => Index::Name { name, dotted: false },
                    _ => Index::Computed(index),
                }
            }
            other if optional => {
                let message = format!("Unexpected {} after '?'.", other.describe());
                return Err(self.error(message, "'.' or '['"));
            }
            _ => return Ok(None),
        };
        Ok(Some(Step { index, optional, offset }))
    }
}

/// A call with its function bound, and its first argument where that is a name.
pub(crate) fn call(written: Str, args: Vec<Expr>, offset: u32, binder: &dyn Binder) -> Expr {
    let function = functions::find(&written);
    let name = function.and_then(Function::reference).and_then(|kind| bind(kind, &args, binder));
    let call = Call { written, function, args: args.into(), name, path: None };
    Expr { kind: Kind::Call(Box::new(call)), offset }
}

fn bind(kind: RefKind, args: &[Expr], binder: &dyn Binder) -> Option<Name> {
    match &args.first()?.kind {
        Kind::Literal(Value::String(text)) => {
            Some(Name { text: text.clone(), slot: binder.bind(kind, text) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::NoBinder;

    fn error(text: &str) -> SyntaxError {
        parse_expression(text, &NoBinder).unwrap_err()
    }

    #[test]
    fn faults_are_located() {
        assert_eq!(error("concat('ä', )").offset, 12);
        assert_eq!(error("concat('a'").expected, "',' or ')'");
        assert_eq!(error("outputs").expected, "'('");
        assert_eq!(error("guid()/suffix").offset, 6);
        assert_eq!(error("f()('c')").offset, 3);
        assert_eq!(error("").offset, 0);
        assert_eq!(error("a()..b").expected, "a property name");
        assert_eq!(error("a()? b").expected, "'.' or '['");
    }

    #[test]
    fn white_space_is_free() {
        parse_expression(" body ( 'a' ) ? [ 'b' ]\n . c [ 0 ] ", &NoBinder).unwrap();
        parse_expression("length(body('a'))?[add(0,1)].b?.c", &NoBinder).unwrap();
    }

    #[test]
    fn deep_and_long_text_is_refused_in_time() {
        for text in ["(".repeat(10_000), "f(".repeat(4_000), "a()[".repeat(2_000)] {
            error(&text);
        }
        assert!(error(&format!("'{}'", "x".repeat(10 << 20))).message.contains("longer"));
        assert!(error(&"f(".repeat(5 << 20)).message.contains("nested"));
        assert!(error(&"1".repeat(10 << 20)).message.contains("longer"));
    }

    struct Slots;
    impl Binder for Slots {
        fn bind(&self, kind: RefKind, name: &str) -> Option<u32> {
            (kind == RefKind::Action && name == "X").then_some(7)
        }
    }

    #[test]
    fn literal_names_are_bound() {
        let slot = |text| match parse_expression(text, &Slots).unwrap().kind {
            Kind::Call(call) => call.name.and_then(|name| name.slot),
            _ => None,
        };
        assert_eq!(slot("OUTPUTS('X')"), Some(7));
        assert_eq!(slot("variables('X')"), None);
        assert_eq!(slot("outputs('Y')"), None);
    }
}
