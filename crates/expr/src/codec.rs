//! Values as bytes: compact, exact, and quick to write.
//!
//! One tag byte, then varint lengths and the content. Integers, doubles and
//! decimals keep their kind, which JSON text would lose. [`put_raw_json`] stores
//! JSON text as it came from a caller; decoding parses it.
//!
//! Invariant: a written value of any earlier version can be read; tags are never
//! given a new meaning.

use crate::value::{Decimal, Object, Str, Value};
use std::sync::Arc;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const DECIMAL: u8 = 5;
const STRING: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;
const RAW_JSON: u8 = 9;

/// Nesting that decoding accepts: more than any parser of ours lets in.
const DEPTH_MAX: usize = 512;

/// Bytes that are not a value of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored value is corrupt: {0}")]
pub struct Corrupt(pub &'static str);

/// Appends an unsigned number, seven bits a byte.
pub fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number as u8 & 0x7f) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes an unsigned number from the front.
pub fn take_varint(input: &mut &[u8]) -> Result<u64, Corrupt> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or(Corrupt("number is cut short"))?;
        *input = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Corrupt("number is too long"))
}

/// Takes `length` bytes from the front.
pub fn take_bytes<'a>(input: &mut &'a [u8], length: u64) -> Result<&'a [u8], Corrupt> {
    let length = usize::try_from(length).map_err(|_| Corrupt("length is out of range"))?;
    if length > input.len() {
        return Err(Corrupt("content is cut short"));
    }
    let (head, rest) = input.split_at(length);
    *input = rest;
    Ok(head)
}

/// Appends text with its length.
pub fn put_str(text: &str, out: &mut Vec<u8>) {
    put_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Takes text from the front.
pub fn take_str<'a>(input: &mut &'a [u8]) -> Result<&'a str, Corrupt> {
    let length = take_varint(input)?;
    std::str::from_utf8(take_bytes(input, length)?).map_err(|_| Corrupt("text is not UTF-8"))
}

/// Appends JSON text as it came; the caller has parsed it before.
pub fn put_raw_json(text: &[u8], out: &mut Vec<u8>) {
    out.push(RAW_JSON);
    put_varint(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Appends a value.
pub fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Int(number) => {
            out.push(INT);
            // zigzag: small negative numbers stay short
            put_varint(((number << 1) ^ (number >> 63)) as u64, out);
        }
        Value::Float(number) => {
            out.push(FLOAT);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Decimal(number) => {
            out.push(DECIMAL);
            out.extend_from_slice(&number.serialize());
        }
        Value::String(text) => {
            out.push(STRING);
            put_str(text, out);
        }
        Value::Array(items) => {
            out.push(ARRAY);
            put_varint(items.len() as u64, out);
            for item in items.iter() {
                put(item, out);
            }
        }
        Value::Object(object) => {
            out.push(OBJECT);
            put_varint(object.len() as u64, out);
            for (name, item) in object.iter() {
                put_str(name, out);
                put(item, out);
            }
        }
    }
}

/// Takes a value from the front.
pub fn take(input: &mut &[u8]) -> Result<Value, Corrupt> {
    take_at(input, 0)
}

fn take_at(input: &mut &[u8], depth: usize) -> Result<Value, Corrupt> {
    if depth > DEPTH_MAX {
        return Err(Corrupt("value is nested too deeply"));
    }
    let (&tag, rest) = input.split_first().ok_or(Corrupt("value is missing"))?;
    *input = rest;
    Ok(match tag {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => {
            let number = take_varint(input)?;
            Value::Int((number >> 1) as i64 ^ -((number & 1) as i64))
        }
        FLOAT => {
            let bytes = take_bytes(input, 8)?;
            let bytes = bytes.try_into().map_err(|_| Corrupt("number is cut short"))?;
            Value::Float(f64::from_le_bytes(bytes))
        }
        DECIMAL => {
            let bytes = take_bytes(input, 16)?;
            let bytes = bytes.try_into().map_err(|_| Corrupt("number is cut short"))?;
            Value::Decimal(Decimal::deserialize(bytes))
        }
        STRING => Value::String(take_str(input)?.into()),
        ARRAY => {
            let length = take_varint(input)?;
            let mut items = Vec::with_capacity(capacity(length, input));
            for _ in 0..length {
                items.push(take_at(input, depth + 1)?);
            }
            Value::Array(Arc::new(items))
        }
        OBJECT => {
            let length = take_varint(input)?;
            let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(capacity(length, input));
            for _ in 0..length {
                let name = Str::from(take_str(input)?);
                pairs.push((name, take_at(input, depth + 1)?));
            }
            Value::Object(Arc::new(Object::from_pairs(pairs)))
        }
        RAW_JSON => {
            let length = take_varint(input)?;
            let text = take_bytes(input, length)?;
            crate::json::parse(text).map_err(|_| Corrupt("stored JSON text is not JSON"))?
        }
        _ => return Err(Corrupt("value has an unknown tag")),
    })
}

/// Entries that are reserved at once: a forged length reserves little, at every level.
const RESERVED_MAX: usize = 256;

/// Capacity for `length` entries, as far as the input may hold them.
fn capacity(length: u64, input: &[u8]) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX).min(input.len()).min(RESERVED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &Value) {
        let mut bytes = Vec::new();
        put(value, &mut bytes);
        let mut input = bytes.as_slice();
        assert_eq!(&take(&mut input).unwrap(), value);
        assert!(input.is_empty());
    }

    #[test]
    fn every_kind_survives() {
        let mut object = Object::new();
        object.insert("a", Value::Null);
        object.insert("A", 1.5);
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(-1),
            Value::Int(i64::MAX),
            Value::Float(1e300),
            Value::Decimal(Decimal::new(50_000, 4)),
            Value::from("a string that is longer than what is kept inline"),
            Value::array(vec![1.into(), "x".into()]),
            object.into(),
        ] {
            round_trip(&value);
        }
    }

    #[test]
    fn raw_json_is_parsed_on_the_way_out() {
        let mut bytes = Vec::new();
        put_raw_json(br#"{"n": 1.0}"#, &mut bytes);
        let value = take(&mut bytes.as_slice()).unwrap();
        assert_eq!(value.get("n"), Some(&Value::Float(1.0)));
    }

    #[test]
    fn cut_or_forged_bytes_are_an_error() {
        let mut bytes = Vec::new();
        put(&Value::array(vec!["hello".into(), 7.into()]), &mut bytes);
        for cut in 0..bytes.len() {
            assert!(take(&mut &bytes[..cut]).is_err());
        }
        assert!(take(&mut [ARRAY, 0xff, 0xff, 0xff, 0xff, 0x7f].as_slice()).is_err());
        assert!(take(&mut [99u8].as_slice()).is_err());
    }
}
