//! What a function's arguments must be for it to work, and what it gives.

use super::reading::Known;
use super::shape::{Certainty, Scalar, ShapeId, Shapes, Wrapping};
use expr::Value;

/// An argument: what is known of it, and its value when it is written out.
type Argument<'a> = (Known, Option<&'a Value>);

/// Learns from a call; gives what is known of its value.
pub fn apply(shapes: &mut Shapes, name: &str, arguments: &[Argument<'_>]) -> Known {
    let first = arguments.first().and_then(|it| it.0.shape);
    match name.to_ascii_lowercase().as_str() {
        "first" | "last" => match first {
            Some(list) => Known::of(shapes.items(list)),
            None => Known::default(),
        },
        "take" | "skip" | "reverse" | "sort" => list(shapes, first),
        "union" | "intersection" => {
            for (known, _) in arguments.iter().skip(1) {
                if let (Some(one), Some(other)) = (first, known.shape) {
                    shapes.unite(one, other);
                }
            }
            first.map(Known::of).unwrap_or_default()
        }
        "coalesce" => one_of(shapes, arguments),
        "if" => {
            learn(shapes, arguments.first(), Certainty::Use, Scalar::Boolean);
            one_of(shapes, arguments.get(1..).unwrap_or_default())
        }
        "length" => {
            if let Some(sized) = first {
                shapes.set_sized(sized);
            }
            Known::scalar(Scalar::Integer)
        }
        "join" => {
            list(shapes, first);
            Known::scalar(Scalar::Text)
        }
        "setproperty" | "addproperty" | "removeproperty" => {
            first.map(Known::of).unwrap_or_default()
        }
        "equals" | "greater" | "greaterorequals" | "less" | "lessorequals" => {
            compared(shapes, arguments)
        }
        "and" | "or" | "not" => {
            for argument in arguments {
                learn(shapes, Some(argument), Certainty::Use, Scalar::Boolean);
            }
            Known::scalar(Scalar::Boolean)
        }
        other => scalars(shapes, other, arguments),
    }
}

/// Functions of numbers, and of anything.
fn scalars(shapes: &mut Shapes, name: &str, arguments: &[Argument<'_>]) -> Known {
    let mut first = |certainty, scalar| learn(shapes, arguments.first(), certainty, scalar);
    match name {
        "int" => {
            first(Certainty::Use, Scalar::NumberText);
            Known::scalar(Scalar::Integer)
        }
        "float" | "decimal" | "formatnumber" => {
            first(Certainty::Use, Scalar::NumberText);
            Known::scalar(Scalar::Number)
        }
        "bool" => {
            first(Certainty::Use, Scalar::Boolean);
            Known::scalar(Scalar::Boolean)
        }
        "add" | "sub" | "mul" | "div" | "mod" | "min" | "max" | "range" => {
            for argument in arguments {
                learn(shapes, Some(argument), Certainty::Use, Scalar::Integer);
            }
            Known::scalar(Scalar::Integer)
        }
        "string" | "guid" | "xpath" => Known::scalar(Scalar::Text),
        "contains" | "empty" => Known::scalar(Scalar::Boolean),
        other => moments(shapes, other, arguments),
    }
}

/// Functions of moments.
fn moments(shapes: &mut Shapes, name: &str, arguments: &[Argument<'_>]) -> Known {
    let mut first = |certainty, scalar| learn(shapes, arguments.first(), certainty, scalar);
    match name {
        "ticks" | "dayofweek" | "dayofmonth" | "dayofyear" => {
            first(Certainty::Use, Scalar::Moment);
            Known::scalar(Scalar::Integer)
        }
        "datedifference" => {
            for argument in arguments {
                learn(shapes, Some(argument), Certainty::Use, Scalar::Moment);
            }
            Known::scalar(Scalar::Text)
        }
        "formatdatetime" | "adddays" | "addhours" | "addminutes" | "addseconds" | "addtotime"
        | "subtractfromtime" | "startofday" | "startofhour" | "startofmonth"
        | "converttimezone" | "convertfromutc" | "converttoutc" | "parsedatetime" => {
            first(Certainty::Use, Scalar::Moment);
            if name.starts_with("convert") {
                for zone in arguments.iter().skip(1).take(zones(name)) {
                    learn(shapes, Some(zone), Certainty::Use, Scalar::Zone);
                }
            }
            if name.starts_with("add") || name.starts_with("subtract") {
                learn(shapes, arguments.get(1), Certainty::Use, Scalar::Integer);
            }
            Known::scalar(Scalar::Moment)
        }
        "utcnow" => Known::scalar(Scalar::Moment),
        other => contents(shapes, other, arguments),
    }
}

/// Functions that put texts together or take out what is in them.
fn contents(shapes: &mut Shapes, name: &str, arguments: &[Argument<'_>]) -> Known {
    let mut first = |certainty, scalar| learn(shapes, arguments.first(), certainty, scalar);
    match name {
        "json" => match arguments.first() {
            // the document itself is known by what is read of it as JSON
            Some((known, _)) if known.is_xml => Known { is_xml: false, ..*known },
            _ => {
                first(Certainty::Use, Scalar::JsonText);
                inner(shapes, arguments.first(), &Wrapping::Json)
            }
        },
        "xml" => {
            first(Certainty::Use, Scalar::Text);
            Known { is_xml: true, ..inner(shapes, arguments.first(), &Wrapping::Xml) }
        }
        "concat" => {
            // `concat(x, 'Z')` makes a moment of it
            if let [(_, None), (_, Some(Value::String(zone)))] = arguments
                && zone.as_str() == "Z"
            {
                first(Certainty::Use, Scalar::LocalMoment);
                return Known::scalar(Scalar::Moment);
            }
            for argument in arguments {
                learn(shapes, Some(argument), Certainty::Guess, Scalar::Text);
            }
            Known::scalar(Scalar::Text)
        }
        other => texts(shapes, other, arguments),
    }
}

/// How many zones follow the moment.
fn zones(name: &str) -> usize {
    if name == "converttimezone" { 2 } else { 1 }
}

/// Functions of texts.
fn texts(shapes: &mut Shapes, name: &str, arguments: &[Argument<'_>]) -> Known {
    let mut first = |certainty, scalar| learn(shapes, arguments.first(), certainty, scalar);
    match name {
        "base64tostring" | "base64tobinary" | "decodebase64" => {
            first(Certainty::Use, Scalar::Base64);
            let known = inner(shapes, arguments.first(), &Wrapping::Base64);
            Known { scalar: Some(Scalar::Text), ..known }
        }
        "substring" | "slice" => {
            first(Certainty::Use, Scalar::LongText);
            Known::scalar(Scalar::Text)
        }
        "split" => {
            first(Certainty::Use, Scalar::Text);
            pieces(shapes, arguments)
        }
        // what is done to the letters of a text leaves in it what there is
        "replace" | "tolower" | "toupper" | "trim" => {
            first(Certainty::Use, Scalar::Text);
            let shape = arguments.first().and_then(|it| it.0.shape);
            Known { shape, ..Known::scalar(Scalar::Text) }
        }
        "startswith"
        | "endswith"
        | "uricomponent"
        | "encodeuricomponent"
        | "uricomponenttostring"
        | "base64" => {
            first(Certainty::Use, Scalar::Text);
            Known::scalar(Scalar::Text)
        }
        "indexof" | "lastindexof" => {
            first(Certainty::Use, Scalar::Text);
            Known::scalar(Scalar::Integer)
        }
        _ => Known::default(),
    }
}

/// What is in a text.
fn inner(shapes: &mut Shapes, text: Option<&Argument<'_>>, wrapping: &Wrapping) -> Known {
    let shape = text.and_then(|it| it.0.shape);
    shape.map(|it| Known::of(shapes.inner(it, wrapping))).unwrap_or_default()
}

/// The list of what stands between a separator.
fn pieces(shapes: &mut Shapes, arguments: &[Argument<'_>]) -> Known {
    let separator = arguments.get(1).and_then(|it| it.1?.as_str()).filter(|it| !it.is_empty());
    let Some(separator) = separator else { return Known::default() };
    let known = inner(shapes, arguments.first(), &Wrapping::Pieces(separator.to_owned()));
    if let Some(list) = known.shape {
        let piece = shapes.items(list);
        shapes.set_scalar(piece, Certainty::Use, Scalar::Text);
    }
    known
}

fn list(shapes: &mut Shapes, of: Option<ShapeId>) -> Known {
    if let Some(list) = of {
        shapes.items(list);
    }
    of.map(Known::of).unwrap_or_default()
}

/// Of values that stand for each other: they have one shape.
fn one_of(shapes: &mut Shapes, arguments: &[Argument<'_>]) -> Known {
    let mut found: Option<ShapeId> = None;
    let written = arguments.iter().find_map(|it| it.1.and_then(scalar_of));
    if let Some(scalar) = written {
        arguments.iter().for_each(|it| learn(shapes, Some(it), Certainty::Guess, scalar));
    }
    for shape in arguments.iter().filter_map(|it| it.0.shape) {
        match found {
            Some(known) => shapes.unite(known, shape),
            None => found = Some(shape),
        }
    }
    found.map(Known::of).unwrap_or_default()
}

/// What is compared with a value is of its kind.
fn compared(shapes: &mut Shapes, arguments: &[Argument<'_>]) -> Known {
    for (at, (known, _)) in arguments.iter().enumerate() {
        let Some(other) = arguments.get(1 - at.min(1)).filter(|_| at < 2) else { continue };
        let scalar = other.1.and_then(scalar_of).or(other.0.scalar);
        if let (Some(shape), Some(scalar)) = (known.shape, scalar) {
            shapes.set_scalar(shape, Certainty::Use, scalar);
        }
    }
    Known::scalar(Scalar::Boolean)
}

fn scalar_of(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(_) => Some(Scalar::Boolean),
        Value::Int(_) => Some(Scalar::Integer),
        Value::Float(_) | Value::Decimal(_) => Some(Scalar::Number),
        Value::String(_) => Some(Scalar::Text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn learn(
    shapes: &mut Shapes,
    argument: Option<&Argument<'_>>,
    certainty: Certainty,
    scalar: Scalar,
) {
    if let Some(shape) = argument.and_then(|it| it.0.shape) {
        shapes.set_scalar(shape, certainty, scalar);
    }
}
