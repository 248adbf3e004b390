//! What a call names: an operation's id, or a method and a path with expressions in it.

use super::operation::Route;
use expr::template::{ExprView, TextPiece, View};
use expr::{Expr, NoBinder, Template, Value};

/// An operation as a call names it.
pub struct Called {
    /// What tells it from others.
    pub key: String,
    pub id: String,
    pub route: Option<Route>,
    /// Of a path: the names in it.
    pub names: Vec<String>,
}

impl Called {
    /// `{host: {operationId}}`; nothing for an id that is an expression.
    pub fn by_id(inputs: &Value) -> Option<Called> {
        let id = inputs.get("host")?.get("operationId")?.as_str()?;
        if id.is_empty() || id.starts_with('@') {
            return None;
        }
        Some(Called { key: id.to_owned(), id: id.to_owned(), route: None, names: Vec::new() })
    }
}

/// A piece of a path.
enum Piece<'a> {
    Plain(&'a str),
    Value { is_doubled: bool },
}

/// `{method, path}`; nothing for a path that is only known when it runs. Webhooks name no method.
pub fn called(inputs: &Value, is_webhook: bool) -> Option<Called> {
    let text = |name: &str| inputs.get(name).and_then(Value::as_str);
    let method = text("method").unwrap_or(if is_webhook { "post" } else { "get" });
    let method = if method.starts_with('@') { return None } else { method.to_ascii_uppercase() };
    let template = inputs.get("pathTemplate").and_then(|it| it.get("template"));
    let written = text("path").or_else(|| template.and_then(Value::as_str))?;
    let template = Template::compile_text(written, &NoBinder).ok()?;
    let pieces = match template.view() {
        View::Constant(Value::String(text)) => vec![Piece::Plain(text)],
        View::Text(pieces) => pieces.into_iter().map(of_text).collect(),
        View::Expression(expression) => of_concat(expression)?,
        View::Constant(_) | View::Nested => return None,
    };
    let (mut path, mut names, mut doubled) = (String::new(), Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Plain(text) => {
                // what stands behind is a query, which is no part of an operation's path
                let end = text.find('?').unwrap_or(text.len());
                path.push_str(&text[..end]);
                if end < text.len() {
                    break;
                }
            }
            Piece::Value { is_doubled } => {
                let name = name(&path, &names);
                path.push_str(&format!("{{{name}}}"));
                if is_doubled {
                    doubled.push(name.clone());
                }
                names.push(name);
            }
        }
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    if path == "/" {
        return None;
    }
    let id = id_of(&method, &path);
    let key = format!("{method} {path}");
    let route = Some(Route { method, path, doubled, names: names.clone() });
    Some(Called { key, id, route, names })
}

fn of_text(piece: TextPiece<'_>) -> Piece<'_> {
    match piece {
        TextPiece::Plain(text) => Piece::Plain(text),
        TextPiece::Expression(expression) => Piece::Value { is_doubled: encodings(expression) > 1 },
    }
}

/// `concat('/a/', variables('b'))`.
fn of_concat(expression: &Expr) -> Option<Vec<Piece<'_>>> {
    let ExprView::Call { function, arguments } = expression.view() else { return None };
    if !function.eq_ignore_ascii_case("concat") {
        return None;
    }
    let pieces = arguments.iter().map(|it| match it.view() {
        ExprView::Literal(Value::String(text)) => Piece::Plain(text),
        _ => Piece::Value { is_doubled: encodings(it) > 1 },
    });
    Some(pieces.collect())
}

/// How often a value is encoded.
fn encodings(expression: &Expr) -> usize {
    match expression.view() {
        ExprView::Call { function, arguments: [inner] }
            if function.eq_ignore_ascii_case("encodeURIComponent")
                || function.eq_ignore_ascii_case("uriComponent") =>
        {
            1 + encodings(inner)
        }
        _ => 0,
    }
}

/// A name for the next value of a path: that of the segment before it.
fn name(path: &str, known: &[String]) -> String {
    let before = path.rsplit('/').find(|it| !it.is_empty() && !it.contains('{'));
    let letters = before.unwrap_or("value").chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.collect();
    let name = if name.is_empty() { "value".to_owned() } else { name };
    match (1..).find(|at| !known.contains(&numbered(&name, *at))) {
        Some(at) => numbered(&name, at),
        None => name,
    }
}

fn numbered(name: &str, at: usize) -> String {
    if at == 1 { name.to_owned() } else { format!("{name}{at}") }
}

/// `GET /a/{b}/c`: `Get_a_b_c`.
fn id_of(method: &str, path: &str) -> String {
    let mut letters = method.chars();
    let mut id: String = letters.next().into_iter().collect();
    id.extend(letters.map(|it| it.to_ascii_lowercase()));
    for character in path.chars() {
        match character {
            '/' | '.' | '-' if !id.ends_with('_') => id.push('_'),
            it if it.is_ascii_alphanumeric() => id.push(it),
            _ => {}
        }
    }
    id.trim_end_matches('_').to_owned()
}
