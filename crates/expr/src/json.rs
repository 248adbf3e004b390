//! JSON text to value and back.
//!
//! Reading goes straight into [`Value`] with no tree in between. Writing follows
//! the text the platform writes: no blanks, `5.0` keeps its point, numbers that
//! JSON does not have become strings.

use crate::text::{write_decimal, write_float};
use crate::value::{Object, Str, Value};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::fmt;

/// Text that is not JSON, and where it stops being JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct JsonError {
    pub message: String,
    /// Bytes from the start.
    pub offset: usize,
    pub line: usize,
    pub column: usize,
}

/// Reads one JSON value; anything but white space after it is an error.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Value::deserialize(&mut reader).map_err(|error| locate(text, &error))?;
    reader.end().map_err(|error| locate(text, &error))?;
    Ok(value)
}

fn locate(text: &[u8], error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let full = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = full.strip_suffix(&place).unwrap_or(&full).to_owned();
    let line_start = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .nth(line.wrapping_sub(2))
        .unwrap_or(0);
    let offset = (line_start + column.saturating_sub(1)).min(text.len());
    JsonError { message, offset, line, column }
}

/// Appends the value as compact JSON.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => write_int(*number, out),
        Value::Float(number) if number.is_finite() => write_float(*number, true, out),
        Value::Float(number) => {
            out.push(b'"');
            write_float(*number, true, out);
            out.push(b'"');
        }
        Value::Decimal(number) => write_decimal(*number, true, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (at, (name, item)) in object.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}

/// The value as compact JSON.
#[must_use]
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(value, &mut out);
    out
}

/// The value as compact JSON text.
#[must_use]
pub fn to_string(value: &Value) -> String {
    into_text(to_vec(value))
}

/// The value as JSON text with two blanks per level.
#[must_use]
pub fn to_string_pretty(value: &Value) -> String {
    let mut out = Vec::new();
    write_pretty(value, 0, &mut out);
    into_text(out)
}

/// What the writers append is UTF-8; should that ever be wrong, text with
/// replacement characters is better than a panic.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn write_pretty(value: &Value, level: usize, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                new_line(at > 0, level + 1, out);
                write_pretty(item, level + 1, out);
            }
            new_line(false, level, out);
            out.push(b']');
        }
        Value::Object(object) if !object.is_empty() => {
            out.push(b'{');
            for (at, (name, item)) in object.iter().enumerate() {
                new_line(at > 0, level + 1, out);
                write_string(name, out);
                out.extend_from_slice(b": ");
                write_pretty(item, level + 1, out);
            }
            new_line(false, level, out);
            out.push(b'}');
        }
        other => write(other, out),
    }
}

fn new_line(comma: bool, level: usize, out: &mut Vec<u8>) {
    if comma {
        out.push(b',');
    }
    out.push(b'\n');
    out.resize(out.len() + level * 2, b' ');
}

/// Appends decimal digits, two at a time from the end.
pub(crate) fn write_int(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a quoted string. Runs of plain bytes are copied whole.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(other >> 4)]);
                out.push(HEX[usize::from(other & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        Value::deserialize(inner)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "numbers beyond 64 bits are doubles")]
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1_024));
        while let Some(item) = seq.next_element::<Value>()? {
            items.push(item);
        }
        Ok(Value::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(8);
        while let Some(name) = map.next_key_seed(NameSeed)? {
            pairs.push((name, map.next_value::<Value>()?));
        }
        Ok(Object::from_pairs(pairs).into())
    }
}

/// Reads a property name without an owned `String` in between.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Str, E> {
        Ok(text.into())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float(_) => serializer.serialize_str(&self.text()),
            Value::Decimal(value) => {
                use rust_decimal::prelude::ToPrimitive;
                serializer.serialize_f64(value.to_f64().unwrap_or_default())
            }
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (name, item) in object.iter() {
                    map.serialize_entry(name.as_str(), item)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        to_string(&parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(again("[1, 1.0, -0.5, 1e2, 1e20]"), "[1,1.0,-0.5,100.0,1E+20]");
        assert_eq!(again("9223372036854775807"), "9223372036854775807");
        assert_eq!(parse(b"9223372036854775808").unwrap(), Value::Float(9.223_372_036_854_776e18));
        assert_eq!(to_string(&Value::Float(f64::NAN)), "\"NaN\"");
        assert_eq!(to_string(&Value::Float(f64::NEG_INFINITY)), "\"-Infinity\"");
    }

    #[test]
    fn last_of_equal_names_wins_and_moves_to_the_end() {
        assert_eq!(again(r#"{"a":1,"b":2,"a":3}"#), r#"{"b":2,"a":3}"#);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(again(r#""a\"\\\n\u0001\u00e9/""#), "\"a\\\"\\\\\\n\\u0001é/\"");
    }

    #[test]
    fn errors_say_where() {
        let error = parse(b"{\n  \"a\": x\n}").unwrap_err();
        assert_eq!((error.line, error.column, error.offset), (2, 8, 9));
        assert!(parse(b"1 2").is_err());
        assert!(parse("[".repeat(10_000).as_bytes()).is_err());
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"").is_err());
    }

    #[test]
    fn pretty_text_is_indented() {
        let value = parse(br#"{"a":[1,{}],"b":[]}"#).unwrap();
        let text = "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}";
        assert_eq!(to_string_pretty(&value), text);
    }

    #[test]
    fn serde_reads_and_writes_values() {
        let value: Value = serde_json::from_str(r#"{"a":[1,2.5,null,"x"]}"#).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"a":[1,2.5,null,"x"]}"#);
    }
}
