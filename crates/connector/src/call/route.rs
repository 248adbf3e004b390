//! From a request to the operation that it means.

use super::RelativeRequest;
use super::body::{Body, Part};
use super::convert::{of_texts, within};
use super::encoding::{leads_elsewhere, read_query, written_literal};
use crate::definition::{
    Collection, Document, Location, Operation, OperationParameter, Piece, SchemaKind, decoded,
};
use crate::limits::PATH_STEPS_MAX;
use expr::{Object, Value};

/// What a request means.
#[derive(Clone, Debug)]
pub struct Routed<'a> {
    pub operation: &'a Operation,
    /// The values by the names of the operation's parameters.
    pub parameters: Object,
}

/// Why a request means no operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    #[error("The connector has no operation at '{path}'.")]
    NotFound { path: String },
    #[error("The connector has no operation {method} at '{path}', which takes {}.", .allowed.join(", "))]
    Method { method: String, path: String, allowed: Vec<String> },
    #[error(
        "The path '{path}' has a segment '.' or '..' or a backslash, which would lead to another path."
    )]
    Elsewhere { path: String },
}

/// How well a path fits: literal segments count more than others, the first of them most.
type Fit = Vec<u8>;

impl Document {
    /// The operation that a request means, and its parameters.
    ///
    /// # Errors
    /// No operation has the path, or none the method; or the path would lead to another.
    pub fn route(&self, request: &RelativeRequest) -> Result<Routed<'_>, RouteFault> {
        let (path, inline) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let mut query = read_query(inline);
        query.extend(request.query.iter().cloned());
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        if segments.iter().any(|segment| leads_elsewhere(segment) || segment.contains('\\')) {
            return Err(RouteFault::Elsewhere { path: path.to_owned() });
        }
        let mut best: Option<(Fit, &Operation, Values<'_>)> = None;
        let mut allowed: Vec<String> = Vec::new();
        for operation in &self.operations {
            let Some((mut fit, mut values)) = match_path(operation, &segments) else { continue };
            let Some(fits) = match_query(operation, &query, &mut values) else { continue };
            if !operation.method.eq_ignore_ascii_case(&request.method) {
                if !allowed.iter().any(|it| operation.method == it.as_str()) {
                    allowed.push(operation.method.to_string());
                }
                continue;
            }
            // of two operations of one path, the one is meant that has what it needs
            fit.extend([fits, u8::from(has_needed(operation, &query))]);
            if best.as_ref().is_none_or(|(known, ..)| fit > *known) {
                best = Some((fit, operation, values));
            }
        }
        match best {
            Some((_, operation, values)) => {
                let parameters = parameters(operation, &values, &query, request);
                Ok(Routed { operation, parameters })
            }
            None if allowed.is_empty() => Err(RouteFault::NotFound { path: path.to_owned() }),
            None => Err(RouteFault::Method {
                method: request.method.clone(),
                path: path.to_owned(),
                allowed,
            }),
        }
    }
}

/// Texts of a path, still encoded, by the names that the path has for them.
type Values<'a> = Vec<(&'a str, String)>;

fn match_path<'a>(operation: &'a Operation, given: &[&str]) -> Option<(Fit, Values<'a>)> {
    let template = operation.path.segments();
    let is_end = |last: Option<bool>| last == Some(true);
    // a slash at the end is written and left out as people like
    let ends = is_end(template.last().map(Vec::is_empty));
    let given_ends = is_end(given.last().map(|it| it.is_empty()));
    let bare = |length: usize, ends: bool| if ends { length - 1 } else { length };
    let length = bare(template.len(), ends);
    if length != bare(given.len(), given_ends) {
        return None;
    }
    let mut fit = Vec::with_capacity(length + 2);
    let mut values = Vec::new();
    for (pieces, text) in template[..length].iter().zip(given) {
        if !match_segment(pieces, text, &mut values) {
            return None;
        }
        fit.push(literalness(pieces));
    }
    fit.push(u8::from(ends == given_ends));
    Some((fit, values))
}

/// How much of a segment is literal: nothing, so many bytes, or all of it.
fn literalness(pieces: &[Piece]) -> u8 {
    let literal = |piece: &Piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Value(_) => 0,
    };
    let bytes: usize = pieces.iter().map(literal).sum();
    match pieces.iter().any(|piece| matches!(piece, Piece::Value(_))) {
        true => u8::try_from(bytes).unwrap_or(u8::MAX - 1).min(u8::MAX - 1),
        false => u8::MAX,
    }
}

/// How literal pieces may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// As calls are made here: what is encoded is of a value, not of the path.
    AsSent,
    /// In whatever encoding a client thinks right.
    Any,
}

fn match_segment<'a>(pieces: &'a [Piece], text: &str, values: &mut Values<'a>) -> bool {
    [Writing::AsSent, Writing::Any].into_iter().any(|writing| {
        let mut steps = PATH_STEPS_MAX;
        match_pieces(pieces, text, writing, values, &mut steps)
    })
}

/// Takes a segment apart; a value is as short as what follows lets it be.
fn match_pieces<'a>(
    pieces: &'a [Piece],
    text: &str,
    writing: Writing,
    values: &mut Values<'a>,
    steps: &mut usize,
) -> bool {
    *steps = steps.saturating_sub(1);
    match pieces {
        _ if *steps == 0 => false,
        [] => text.is_empty(),
        [Piece::Text(literal), rest @ ..] => literal_length(text, literal, writing)
            .is_some_and(|length| match_pieces(rest, &text[length..], writing, values, steps)),
        [Piece::Value(name), rest @ ..] => {
            let known = values.len();
            let ends = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]);
            for end in ends.filter(|end| *end > 0) {
                values.truncate(known);
                values.push((name, text[..end].to_owned()));
                if match_pieces(rest, &text[end..], writing, values, steps) {
                    return true;
                }
            }
            values.truncate(known);
            false
        }
    }
}

/// How many bytes at the start of a text are a literal of a path.
fn literal_length(text: &str, literal: &str, writing: Writing) -> Option<usize> {
    if writing == Writing::AsSent {
        let sent = written_literal(literal);
        let start = text.get(..sent.len())?;
        return start.eq_ignore_ascii_case(&sent).then_some(sent.len());
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    for wanted in decoded(literal).bytes() {
        let (found, length) = match bytes.get(at..at + 3) {
            Some([b'%', high, low]) => match (hexadecimal(*high), hexadecimal(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            _ => (*bytes.get(at)?, 1),
        };
        if !found.eq_ignore_ascii_case(&wanted) {
            return None;
        }
        at += length;
    }
    text.is_char_boundary(at).then_some(at)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok())
}

/// Whether the query has what the path of a document demands of it.
fn match_query<'a>(
    operation: &'a Operation,
    query: &[(String, String)],
    values: &mut Values<'a>,
) -> Option<u8> {
    let mut fits = 0u8;
    for (name, pieces) in operation.path.query() {
        let (_, value) = query.iter().find(|(it, _)| it == name)?;
        let is_empty = pieces.is_empty() && value.is_empty();
        if !is_empty && !match_segment(pieces, &super::encoded(value), values) {
            return None;
        }
        fits = fits.saturating_add(1);
    }
    Some(fits)
}

fn has_needed(operation: &Operation, query: &[(String, String)]) -> bool {
    let needed = operation.parameters.iter();
    let mut needed = needed.filter(|it| it.is_required && it.location == Location::Query);
    needed.all(|it| query.iter().any(|(name, _)| expr::value::eq_ignore_case(name, &it.name)))
}

fn parameters(
    operation: &Operation,
    values: &Values<'_>,
    query: &[(String, String)],
    request: &RelativeRequest,
) -> Object {
    let mut found = Object::with_capacity(operation.parameters.len());
    for parameter in &operation.parameters {
        let value = match parameter.location {
            Location::Path => path_value(operation, parameter, values),
            Location::Query if parameter.collection == Collection::Deep => {
                deep_value(operation, parameter, query)
            }
            Location::Query => {
                let texts: Vec<String> = named(query, &parameter.name);
                (!texts.is_empty()).then(|| typed(operation, parameter, &texts))
            }
            Location::Header => {
                let name = parameter.name.trim();
                let mut texts = named(&request.headers, name);
                if name.eq_ignore_ascii_case("content-type") {
                    texts = request.content_type.iter().cloned().collect();
                }
                (!texts.is_empty()).then(|| typed(operation, parameter, &texts))
            }
            Location::Cookie => {
                let texts = cookies(request, &parameter.name);
                (!texts.is_empty()).then(|| typed(operation, parameter, &texts))
            }
            Location::Form => {
                request.body.as_ref().and_then(|body| form_value(operation, parameter, body))
            }
            Location::Body => request.body.as_ref().map(|body| {
                let value = body.value(request.content_type.as_deref());
                body_value(operation, parameter, value)
            }),
        };
        if let Some(value) = value.filter(|_| !found.contains(&parameter.name)) {
            found.push_new(parameter.name.clone(), value);
        }
    }
    found
}

/// The object that `name[property]=...` means.
fn deep_value(
    operation: &Operation,
    parameter: &OperationParameter,
    query: &[(String, String)],
) -> Option<Value> {
    let mut object = Object::new();
    for (name, text) in query {
        let key = name.strip_prefix(parameter.name.as_str());
        let key = key.and_then(|it| it.strip_prefix('[')?.strip_suffix(']'));
        if let Some(key) = key {
            object.insert(key, Value::from(text.as_str()));
        }
    }
    let is_given = !object.is_empty();
    is_given.then(|| within(operation.schemas(), parameter.schema, object.into(), 0))
}

fn cookies(request: &RelativeRequest, wanted: &str) -> Vec<String> {
    let all = named(&request.headers, "Cookie");
    let pairs = all.iter().flat_map(|it| it.split(';'));
    let pairs = pairs.filter_map(|it| it.trim().split_once('='));
    pairs.filter(|it| decoded(it.0) == wanted).map(|it| decoded(it.1)).collect()
}

/// All texts of a name: exactly, or else without regard to letter case.
fn named(pairs: &[(String, String)], name: &str) -> Vec<String> {
    let texts = |is_it: &dyn Fn(&str) -> bool| -> Vec<String> {
        pairs.iter().filter(|(it, _)| is_it(it)).map(|(_, text)| text.clone()).collect()
    };
    let exact = texts(&|it| it == name);
    if exact.is_empty() { texts(&|it| expr::value::eq_ignore_case(it, name)) } else { exact }
}

fn typed(operation: &Operation, parameter: &OperationParameter, texts: &[String]) -> Value {
    of_texts(operation.schemas(), parameter.schema, texts, parameter.collection)
}

fn path_value(
    operation: &Operation,
    parameter: &OperationParameter,
    values: &Values<'_>,
) -> Option<Value> {
    let exact = values.iter().find(|(name, _)| parameter.name == *name);
    let found = exact.or_else(|| {
        values.iter().find(|(name, _)| expr::value::eq_ignore_case(&parameter.name, name))
    });
    let once = decoded(&found?.1);
    let text = if parameter.is_double_encoded { decoded(&once) } else { once };
    Some(typed(operation, parameter, &[text]))
}

fn form_value(operation: &Operation, parameter: &OperationParameter, body: &Body) -> Option<Value> {
    let name = parameter.name.as_str();
    let pairs = match body {
        Body::Form(fields) => named(fields, name),
        Body::Multipart(parts) => {
            let mut parts = parts.iter().filter(|part| part.name == name).peekable();
            let is_file = |part: &Part| part.file_name.is_some();
            if parts.peek().is_some_and(|part| is_file(part)) {
                return parts.next().map(Part::value);
            }
            parts.map(|part| String::from_utf8_lossy(&part.content).into_owned()).collect()
        }
        Body::Json(value) => return value.get(name).cloned(),
        Body::Text(_) | Body::Bytes(_) => return None,
    };
    (!pairs.is_empty()).then(|| typed(operation, parameter, &pairs))
}

/// A body that came as text or as fields, as what the operation takes it for.
fn body_value(operation: &Operation, parameter: &OperationParameter, value: Value) -> Value {
    let schema = operation.schema(parameter.schema);
    let is_data = matches!(schema.kind, SchemaKind::Object | SchemaKind::Array);
    let value = match value.as_str().filter(|_| is_data) {
        Some(text) => expr::json::parse(text.as_bytes()).unwrap_or(value),
        None => value,
    };
    within(operation.schemas(), parameter.schema, value, 0)
}
