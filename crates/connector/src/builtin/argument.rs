//! What is read from the parameters of a call and the values of a connection.
//!
//! Names are met without regard to letter case. Numbers and flags come as text too, as
//! flows write them; an empty text is no value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expr::{Object, Value};
use serde_json::{Map, Value as Json};

use super::stop::Stop;

/// The parameters of a call, or an object among them.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(pub &'a Object);

impl<'a> Arguments<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn object(self, name: &str) -> Result<Arguments<'a>, Stop> {
        match self.get(name) {
            Some(Value::Object(object)) => Ok(Arguments(object)),
            Some(other) => Err(wrong(name, other, "an object")),
            None => Err(missing(name)),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<Option<String>, Stop> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.to_string(),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Float(number)) => number.to_string(),
            Some(Value::Decimal(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(other) => return Err(wrong(name, other, "a string")),
        };
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    pub(super) fn required(self, name: &str) -> Result<String, Stop> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    pub(super) fn flag(self, name: &str) -> Result<Option<bool>, Stop> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(other) => Err(wrong(name, other, "true or false")),
        }
    }

    /// A whole number from 0 to `most`.
    pub(super) fn count(self, name: &str, most: u64) -> Result<Option<u64>, Stop> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.trim().parse::<u64>() {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(Stop::bad(format!(
                "'{name}' is '{text}'; expected a whole number from 0 to {most}."
            ))),
        }
    }

    /// Content: an envelope's bytes, or else the value as text.
    pub(super) fn content(self, name: &str) -> Result<Vec<u8>, Stop> {
        let value = self.0.get(name).unwrap_or(&Value::Null);
        expr::content::bytes_of(value)
            .map_err(|_| Stop::bad(format!("'{name}' is no content; expected text or a file.")))
    }

    /// Bytes that a flow gives in base64, or as an envelope.
    pub(super) fn base64(self, name: &str) -> Result<Vec<u8>, Stop> {
        match self.get(name) {
            Some(Value::String(text)) => STANDARD.decode(text.trim().as_bytes()).map_err(|_| {
                Stop::bad(format!("'{name}' is not base64; expected the bytes in base64."))
            }),
            Some(Value::Object(_)) => self.content(name),
            Some(other) => Err(wrong(name, other, "bytes in base64")),
            None => Ok(Vec::new()),
        }
    }

    /// The objects of a list.
    pub(super) fn objects(self, name: &str) -> Result<Vec<Arguments<'a>>, Stop> {
        let items = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(Value::String(text)) if text.is_empty() => return Ok(Vec::new()),
            Some(other) => return Err(wrong(name, other, "an array")),
        };
        let each = items.iter().filter(|item| !item.is_null());
        each.map(|item| match item {
            Value::Object(object) => Ok(Arguments(object)),
            other => Err(wrong(name, other, "an array of objects")),
        })
        .collect()
    }
}

/// The values of a connection.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a>(pub &'a Map<String, Json>);

impl<'a> Settings<'a> {
    pub(super) fn text(self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            Json::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
        .filter(|text| !text.trim().is_empty())
    }

    pub(super) fn required(self, name: &str) -> Result<String, Stop> {
        self.text(name).ok_or_else(|| Stop::bad(format!("The connection has no '{name}'.")))
    }

    pub(super) fn port(self, name: &str) -> Result<Option<u16>, Stop> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(Stop::bad(format!(
                "The connection's '{name}' is no port; expected a number from 1 to 65535."
            ))),
        }
    }
}

fn missing(name: &str) -> Stop {
    Stop::bad(format!("The parameter '{name}' has no value."))
}

fn wrong(name: &str, value: &Value, expected: &str) -> Stop {
    Stop::bad(format!("The parameter '{name}' is of type {}; expected {expected}.", value.kind()))
}

/// A JSON value as the language has it.
pub(super) fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::string(text),
        Json::Array(items) => Value::array(items.into_iter().map(value).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter().map(|(name, it)| (name.into(), value(it)));
            entries.collect::<Object>().into()
        }
    }
}
