//! Expressions of policies: text with `@connectionParameters('x', 'default')`,
//! `@queryParameters('x')`, `@headers('x')`, `@body().a[0].b` in it (documentation,
//! "Expressions reference for policy templates").
//!
//! An at sign that begins none of these is text, as in an address of mail.

use expr::Value;

/// A text with calls in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Call(Call),
}

/// A call, and the way from its value to what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub function: Function,
    pub name: String,
    pub default: Option<String>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    ConnectionParameters,
    QueryParameters,
    Headers,
    /// The body of what is at hand: a request, an answer.
    Body,
    /// The element of a list to each of which a property is added.
    Item,
    Method,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

const FUNCTIONS: [(&str, Function); 9] = [
    ("connectionParameters", Function::ConnectionParameters),
    ("queryParameters", Function::QueryParameters),
    ("queryParameter", Function::QueryParameters),
    ("headers", Function::Headers),
    ("header", Function::Headers),
    ("triggerBody", Function::Body),
    ("body", Function::Body),
    ("item", Function::Item),
    ("Request.OriginalHTTPMethod", Function::Method),
];

impl Template {
    pub fn read(text: &str) -> Template {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some((call, behind)) = wrapped(rest) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Call(call));
                rest = behind;
            } else {
                plain.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Template(pieces)
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// What of it is text.
    pub fn plain(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Call(_) => None,
        };
        self.0.iter().filter_map(text).collect()
    }

    /// The one call that the text is, if it is one.
    pub fn only(&self) -> Option<&Call> {
        match self.0.as_slice() {
            [Piece::Call(call)] => Some(call),
            _ => None,
        }
    }
}

/// A call as it is, or as `@{...}` or `{@...}`.
fn wrapped(text: &str) -> Option<(Call, &str)> {
    if let Some(inner) = text.strip_prefix("@{") {
        let (call, behind) = call(inner)?;
        return Some((call, behind.strip_prefix('}')?));
    }
    if let Some(inner) = text.strip_prefix("{@") {
        let (call, behind) = call(inner)?;
        return Some((call, behind.strip_prefix('}')?));
    }
    call(text.strip_prefix('@')?)
}

fn call(text: &str) -> Option<(Call, &str)> {
    let starts = |name: &str| {
        let start = text.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| &text[name.len()..])
    };
    for (name, function) in FUNCTIONS {
        let Some(rest) = starts(name) else { continue };
        if function == Function::Method {
            return Some((
                Call { function, name: String::new(), default: None, steps: vec![] },
                rest,
            ));
        }
        let Some(rest) = rest.strip_prefix('(') else { continue };
        let (arguments, rest) = arguments(rest)?;
        let mut arguments = arguments.into_iter();
        let name = arguments.next().unwrap_or_default();
        let default = arguments.next();
        let (steps, rest) = match function {
            Function::Body | Function::Item => steps(rest),
            _ => (Vec::new(), rest),
        };
        return Some((Call { function, name, default, steps }, rest));
    }
    None
}

/// Texts in quotes up to the closing parenthesis.
fn arguments(text: &str) -> Option<(Vec<String>, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix(')') {
            return Some((found, behind));
        }
        let quote = rest.chars().next()?;
        // some were written in a word processor
        let closing = match quote {
            '\'' | '"' => quote,
            '\u{2018}' | '\u{2019}' => '\u{2019}',
            _ => return None,
        };
        let (argument, behind) = rest[quote.len_utf8()..].split_once(closing)?;
        found.push(argument.to_owned());
        rest = behind.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

/// `.name`, `['name']` and `[0]`, as many as follow each other.
pub(super) fn steps(text: &str) -> (Vec<Step>, &str) {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let bare = rest.strip_prefix('?').unwrap_or(rest);
        if let Some(inner) = bare.strip_prefix('.') {
            let is_name = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '@');
            let end = inner.find(|it| !is_name(it)).unwrap_or(inner.len());
            if end == 0 {
                return (steps, rest);
            }
            steps.push(Step::Name(inner[..end].to_owned()));
            rest = &inner[end..];
        } else if let Some((inner, behind)) =
            bare.strip_prefix('[').and_then(|it| it.split_once(']'))
        {
            let inner = inner.trim();
            let quoted = inner.trim_matches(['\'', '"']);
            match inner.parse() {
                Ok(index) => steps.push(Step::Index(index)),
                Err(_) if quoted.len() < inner.len() => steps.push(Step::Name(quoted.to_owned())),
                Err(_) => return (steps, rest),
            }
            rest = behind;
        } else {
            return (steps, rest);
        }
    }
}

/// What steps lead to.
pub(super) fn walk<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Name(name) => value.get(name),
        Step::Index(index) => value.as_array()?.get(*index),
    })
}
