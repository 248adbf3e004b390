//! Functions on text.

use super::{Args, Function, MANY, tree, utf16, values};
use crate::context::Context;
use crate::error::EvalError;
use crate::parse::Call;
use crate::value::{Str, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    values("concat", 1, MANY, concat),
    values("length", 1, 1, |args| match args.get(0) {
        Value::String(text) => Ok(count(utf16::length(text))),
        Value::Array(items) => Ok(count(items.len())),
        _ => Err(args.wrong(0, "a string or an array")),
    }),
    values("toLower", 1, 1, |args| Ok(map_chars(args.text(0)?, utf16::lower))),
    values("toUpper", 1, 1, |args| Ok(map_chars(args.text(0)?, utf16::upper))),
    values("trim", 1, 1, |args| Ok(Value::from(args.text(0)?.trim()))),
    values("replace", 3, 3, replace),
    values("split", 2, 2, split),
    values("substring", 2, 3, substring),
    values("slice", 2, 3, slice),
    values("startsWith", 2, 2, |args| {
        let (text, search) = (args.text(0)?, args.text(1)?);
        let mut chars = text.chars();
        let fits = |wanted| chars.next().is_some_and(|c| utf16::upper(c) == utf16::upper(wanted));
        Ok(Value::Bool(search.chars().all(fits)))
    }),
    values("endsWith", 2, 2, |args| {
        let (text, search) = (args.text(0)?, args.text(1)?);
        let mut chars = text.chars().rev();
        let fits = |wanted| chars.next().is_some_and(|c| utf16::upper(c) == utf16::upper(wanted));
        Ok(Value::Bool(search.chars().rev().all(fits)))
    }),
    values("indexOf", 2, 2, |args| {
        let (text, search) = (utf16::fold(args.text(0)?), utf16::fold(args.text(1)?));
        Ok(place(&text, text.find(&search)))
    }),
    values("lastIndexOf", 2, 2, |args| {
        let (text, search) = (utf16::fold(args.text(0)?), utf16::fold(args.text(1)?));
        if search.is_empty() {
            // As .NET had it for long: the last character, not the end.
            let last = utf16::length(&text).saturating_sub(1);
            return Ok(count(last));
        }
        Ok(place(&text, text.rfind(&search)))
    }),
    values("nthIndexOf", 3, 3, nth_index_of),
    values("chunk", 2, 2, chunk),
    values("utf8Length", 1, 1, |args| Ok(count(args.text(0)?.len()))),
    values("utf16Length", 1, 1, |args| Ok(count(utf16::length(args.text(0)?)))),
    values("trimByteOrderMark", 1, 1, |args| {
        Ok(Value::from(args.text(0)?.trim_start_matches('\u{feff}')))
    }),
    tree("guid", 0, 1, guid),
];

fn count(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A byte offset as the offset a definition sees; -1 for none.
fn place(text: &str, at: Option<usize>) -> Value {
    at.map_or(Value::Int(-1), |at| count(utf16::offset(text, at)))
}

fn map_chars(text: &str, map: fn(char) -> char) -> Value {
    Value::String(text.chars().map(map).collect::<Str>())
}

fn concat(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let size = args.all().iter().map(|value| value.as_str().map_or(16, str::len)).sum();
    args.check_text_size(size)?;
    let mut out = String::with_capacity(size);
    for value in args.all() {
        match value {
            Value::String(text) => out.push_str(text),
            other => out.push_str(&other.to_text().map_err(|error| args.error(error))?),
        }
    }
    args.check_text_size(out.len())?;
    Ok(Value::from(out))
}

fn replace(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let (text, old, new) = (args.text(0)?, args.text(1)?, args.text(2)?);
    if old.is_empty() {
        return Err(args.error("String cannot be of zero length. Parameter name: oldValue"));
    }
    if new.len() > old.len() {
        let growth = (new.len() - old.len()).saturating_mul(text.matches(old.as_str()).count());
        args.check_text_size(text.len().saturating_add(growth))?;
    }
    Ok(Value::from(text.replace(old.as_str(), new)))
}

fn split(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let (text, delimiter) = (args.text(0)?, args.text(1)?);
    if delimiter.is_empty() {
        return Ok(Value::array(vec![Value::String(text.clone())]));
    }
    args.check_items(text.len() / delimiter.len() + 1)
        .or_else(|_| args.check_items(text.matches(delimiter.as_str()).count()))?;
    Ok(Value::array(text.split(delimiter.as_str()).map(Value::from).collect()))
}

fn substring(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let text = args.text(0)?;
    let length = utf16::length(text);
    let end_of = |start: usize, count: i64| start.checked_add(usize::try_from(count).ok()?);
    let start = args.int(1)?;
    let outside = || {
        args.error(format_args!(
            "The start index '{start}' and the length must refer to a location within the string of length '{length}'."
        ))
    };
    let start = usize::try_from(start).map_err(|_| outside())?;
    let end = match args.get(2) {
        Value::Null => Some(length),
        _ => end_of(start, args.int(2)?),
    };
    match end.filter(|end| start <= *end && *end <= length) {
        Some(end) => Ok(Value::from(utf16::slice(text, start, end))),
        None => Err(outside()),
    }
}

fn slice(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let text = args.text(0)?;
    let length = utf16::length(text);
    let place = |at: i64| match usize::try_from(at) {
        Ok(at) => at.min(length),
        Err(_) => length.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let start = place(args.int(1)?);
    let end = match args.get(2) {
        Value::Null => length,
        _ => place(args.int(2)?),
    };
    Ok(Value::from(utf16::slice(text, start, end)))
}

fn nth_index_of(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let (text, search) = (utf16::fold(args.text(0)?), utf16::fold(args.text(1)?));
    let occurrence = args.int(2)?;
    if search.is_empty() {
        return Ok(Value::Int(if occurrence == 1 { 0 } else { -1 }));
    }
    let nth = usize::try_from(occurrence.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(skipped) = nth.checked_sub(1) else {
        return Ok(Value::Int(-1));
    };
    let found = if occurrence > 0 {
        text.match_indices(&search).nth(skipped)
    } else {
        text.rmatch_indices(&search).nth(skipped)
    };
    Ok(place(&text, found.map(|(at, _)| at)))
}

fn chunk(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let size = match args.count(1)? {
        0 => return Err(args.error("The length of a chunk must be at least 1.")),
        size => size,
    };
    let chunks: Vec<Value> = match args.get(0) {
        Value::Array(items) => {
            items.chunks(size).map(|chunk| Value::array(chunk.to_vec())).collect()
        }
        Value::String(text) => {
            let units: Vec<u16> = text.encode_utf16().collect();
            args.check_items(units.len() / size)?;
            units.chunks(size).map(|chunk| Value::from(String::from_utf16_lossy(chunk))).collect()
        }
        _ => return Err(args.wrong(0, "a string or an array")),
    };
    Ok(Value::array(chunks))
}

fn guid(call: &Call, context: &mut dyn Context) -> Result<Value, EvalError> {
    let mut arguments = call.values(context)?;
    let args = Args::new(call.known_name(), &mut arguments);
    let format = args.text_or(0, "D")?.to_ascii_uppercase();
    // Version 4, variant 1: random but for six bits.
    let high = context.random() & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = context.random() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    let (d, e) = (low >> 48, low & 0xffff_ffff_ffff);
    let dashed = format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}");
    Ok(Value::from(match format.as_str() {
        "D" | "" => dashed,
        "N" => dashed.replace('-', ""),
        "B" => format!("{{{dashed}}}"),
        "P" => format!("({dashed})"),
        "X" => {
            let bytes: Vec<String> =
                low.to_be_bytes().iter().map(|byte| format!("0x{byte:02x}")).collect();
            format!("{{0x{a:08x},0x{b:04x},0x{c:04x},{{{}}}}}", bytes.join(","))
        }
        _ => {
            return Err(args.error(format_args!(
                "The format '{format}' is not valid; 'D', 'N', 'B', 'P' and 'X' are."
            )));
        }
    }))
}
