//! What a value may cost before it is stored.
//!
//! Values share their parts: a small expression can make one that takes little memory
//! and is immense when written, or, step by step through a variable, one that is nested
//! without end. Sizes are counted as written, and counting stops at the limit.
//!
//! Invariant: what passed here can be read back from a chunk or a payload.

use crate::limits::{OPERATION_BYTES_MAX, STORED_LEVELS_MAX};
use expr::{EvalError, Value};

/// What is left of the size of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new()
    }
}

impl Budget {
    pub fn new() -> Self {
        Budget { bytes: OPERATION_BYTES_MAX }
    }

    /// Pays for a value.
    pub fn take(&mut self, value: &Value) -> Result<(), EvalError> {
        self.take_nested(value, STORED_LEVELS_MAX)
    }

    /// Pays for bytes of text.
    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| {
            EvalError::new(format!(
                "The value is larger than the {OPERATION_BYTES_MAX} bytes that an action may take or give."
            ))
        })?;
        Ok(())
    }

    fn take_nested(&mut self, value: &Value, levels: usize) -> Result<(), EvalError> {
        let inner = || {
            levels.checked_sub(1).ok_or_else(|| {
                EvalError::new(format!(
                    "The value is nested more than {STORED_LEVELS_MAX} levels deep."
                ))
            })
        };
        match value {
            Value::String(text) => self.take_bytes(text.len() + 1),
            Value::Array(items) => {
                let levels = inner()?;
                self.take_bytes(1)?;
                items.iter().try_for_each(|item| self.take_nested(item, levels))
            }
            Value::Object(object) => {
                let levels = inner()?;
                self.take_bytes(1)?;
                object.iter().try_for_each(|(name, item)| {
                    self.take_bytes(name.len() + 1)?;
                    self.take_nested(item, levels)
                })
            }
            Value::Null | Value::Bool(_) => self.take_bytes(1),
            Value::Int(_) | Value::Float(_) | Value::Decimal(_) => self.take_bytes(8),
        }
    }
}

/// Whether a value can be stored.
pub fn check(value: &Value) -> Result<(), EvalError> {
    Budget::new().take(value)
}

/// A text that is stored with the events themselves, cut to a length.
pub fn cut(text: expr::Str, bytes_max: usize) -> expr::Str {
    if text.len() <= bytes_max {
        return text;
    }
    format!("{}...", &text[..text.floor_char_boundary(bytes_max - 3)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::array(vec![inner]))
    }

    #[test]
    fn nesting_has_an_end() {
        assert!(check(&nested(STORED_LEVELS_MAX)).is_ok());
        let error = check(&nested(STORED_LEVELS_MAX + 1)).unwrap_err();
        assert_eq!(error.message(), "The value is nested more than 480 levels deep.");
    }

    #[test]
    fn shared_parts_count_as_often_as_they_are_written() {
        let mut value = Value::from("x".repeat(1_000));
        for _ in 0..6 {
            value = Value::array(vec![value; 10]);
        }
        assert!(check(&value).unwrap_err().message().contains("104857600"));
    }

    #[test]
    fn a_cut_text_ends_between_characters() {
        assert_eq!(cut("ab".into(), 2), "ab");
        assert_eq!(cut("aäöü".into(), 6), "aä...");
        assert_eq!(cut("äöüä".into(), 6), "ä...");
    }
}
