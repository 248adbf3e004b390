//! Conversions between kinds of values, except those to numbers and to bytes.

use super::xml::document;
use super::{Args, Function, MANY, values};
use crate::content::{self, MediaType};
use crate::error::EvalError;
use crate::json;
use crate::value::{Object, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    values("string", 1, 1, |args| {
        let text = args.get(0).to_text().map_err(|error| args.error(error))?;
        Ok(Value::String(text))
    }),
    values("json", 1, 1, from_json),
    values("parse", 1, 1, from_json),
    values("bool", 1, 1, to_bool),
    values("array", 1, 1, |args| Ok(Value::array(vec![args.take(0)]))),
    values("createArray", 0, MANY, |args| {
        Ok(Value::array((0..args.len()).map(|at| args.take(at)).collect()))
    }),
    values("createObject", 0, MANY, create_object),
];

fn from_json(args: &mut Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Null => Ok(Object::new().into()),
        Value::String(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            json::parse(text.as_bytes()).map_err(|error| {
                args.error(format_args!("The provided value cannot be parsed as JSON: {error}."))
            })
        }
        Value::Object(object) if content::envelope_content(object).is_some() => {
            from_envelope(args, object)
        }
        _ => Err(args.wrong(0, "a string or an XML")),
    }
}

/// Content that says it is JSON or XML.
fn from_envelope(args: &Args<'_>, object: &Object) -> Result<Value, EvalError> {
    let content_type =
        object.get_exact(content::CONTENT_TYPE).and_then(Value::as_str).unwrap_or("");
    let media = MediaType::parse(content_type);
    if media.is_xml() {
        return Ok(document(args, args.get(0))?.to_value());
    }
    if !media.is_json() {
        return Err(args
            .error(format_args!("Content of type '{content_type}' cannot be converted to JSON.")));
    }
    let bytes = content::bytes_of(args.get(0)).map_err(|error| args.error(error))?;
    json::parse(&bytes).map_err(|error| {
        args.error(format_args!("The provided content cannot be parsed as JSON: {error}."))
    })
}

fn to_bool(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let flag = match args.get(0) {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        },
        number => number.as_f64().map(|number| number != 0.0),
    };
    flag.map(Value::Bool).ok_or_else(|| {
        args.error(format_args!(
            "A value of type '{}' that is neither a number nor 'true' nor 'false' cannot be converted to a boolean.",
            args.get(0).kind()
        ))
    })
}

/// Names and values in turn.
fn create_object(args: &mut Args<'_>) -> Result<Value, EvalError> {
    if args.len() % 2 == 1 {
        return Err(args.error("The function expects a value for each name."));
    }
    let mut object = Object::with_capacity(args.len() / 2);
    for at in (0..args.len()).step_by(2) {
        let name = args.text(at)?.clone();
        object.insert(name, args.take(at + 1));
    }
    Ok(object.into())
}
